//! Who asks, where software asks: `Authorization: License …` with a license code or a license key.
//!
//! The credential is never logged and stands in no address and no body. Whether it is any good is the use case's answer;
//! here it only has to be there, and its holder must not call too often.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    base::{ids::ActivationId, limits, rate::Exhausted, secret::SecretString},
    web::{
        problem::Problem,
        rate_limit::{self, Refused},
    },
};

use super::input::Id;

const SCHEME: &str = "License";

/// Software that shows a license and may call.
#[derive(Debug)]
pub struct Licensed {
    /// The license code or key, as it was sent.
    pub credential: SecretString,
}

/// Software that shows a license and may renew the activation that the address names.
#[derive(Debug)]
pub struct Renewing {
    /// The license code or key, as it was sent.
    pub credential: SecretString,
    /// The activation.
    pub activation: ActivationId,
}

/// Why a call of software is not even looked at.
#[derive(Debug)]
pub enum Denied {
    /// No credential that could be one.
    Unlicensed,
    /// Too many calls.
    TooMany(Exhausted),
    /// Something else.
    Problem(Problem),
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooMany(exhausted) => Self::TooMany(exhausted),
            Refused::Failed(failure) => Self::Problem(failure.into()),
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Unlicensed => {
                let mut response = unlicensed().into_response();
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(SCHEME));
                response
            }
            Self::TooMany(exhausted) => {
                let mut response = too_many(exhausted).into_response();
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(exhausted.wait));
                response
            }
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

impl FromRequestParts<App> for Licensed {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Denied> {
        let credential = presented(&parts.headers).ok_or(Denied::Unlicensed)?;
        rate_limit::charge(app, parts, &credential, None).await?;
        Ok(Self { credential })
    }
}

impl FromRequestParts<App> for Renewing {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Denied> {
        let credential = presented(&parts.headers).ok_or(Denied::Unlicensed)?;
        let Id(activation) = Id::from_request_parts(parts, app).await.map_err(Denied::Problem)?;
        rate_limit::charge(app, parts, &credential, Some(activation)).await?;
        Ok(Self { credential, activation })
    }
}

/// The credential, when exactly one is there and it is no longer than the longest license code.
fn presented(headers: &HeaderMap) -> Option<SecretString> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, credential) = value.to_str().ok()?.split_once(' ')?;
    let credential = credential.trim();
    let plausible = scheme.eq_ignore_ascii_case(SCHEME) && (1..=limits::LICENSE_CODE_CHARS).contains(&credential.len());
    plausible.then(|| credential.to_owned().into())
}

fn unlicensed() -> Problem {
    let detail = format!(
        "Send `Authorization: License …` once, with a license code or a license key of at most {} characters.",
        limits::LICENSE_CODE_CHARS
    );
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "A license is needed", detail)
}

fn too_many(exhausted: Exhausted) -> Problem {
    let Exhausted { limit, wait } = exhausted;
    let detail = format!(
        "More than {limit} calls came within a minute. Nothing was changed; call again in {wait} seconds. A lease that \
         was given holds meanwhile."
    );
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many calls", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::ExposeSecret;

    fn shown(lines: &[&str]) -> Option<String> {
        let lines = lines.iter().map(|line| (header::AUTHORIZATION, HeaderValue::from_str(line).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        presented(&headers).map(|it| it.expose_secret().to_owned())
    }

    #[test]
    fn one_credential_of_a_possible_length_is_taken_as_it_is() {
        assert_eq!(shown(&["License ABCDE-FGHJK"]).as_deref(), Some("ABCDE-FGHJK"));
        assert_eq!(shown(&["license  abcde fghjk "]).as_deref(), Some("abcde fghjk"));
        let longest = "a".repeat(limits::LICENSE_CODE_CHARS);
        assert_eq!(shown(&[&format!("License {longest}")]).as_deref(), Some(longest.as_str()));
    }

    #[test]
    fn anything_else_is_none() {
        let long = format!("License {}", "a".repeat(limits::LICENSE_CODE_CHARS + 1));
        for lines in [
            &[][..],
            &["License"],
            &["License "],
            &["LicenseABCDE"],
            &["Bearer ABCDE"],
            &["ABCDE"],
            &[""],
            &["License ä"],
            &[&long],
            &["License ABCDE", "License ABCDE"],
        ] {
            assert_eq!(shown(lines), None, "{lines:?}");
        }
    }
}
