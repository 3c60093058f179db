//! Signature Version 4, as clouds check it on Query calls.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Keys;
use aws_sigv4::{
    http_request::{PercentEncodingMode, SignableBody, SignableRequest, SigningParams, SigningSettings, sign},
    sign::v4,
};

use crate::{
    base::{secret::ExposeSecret, time::Time},
    provision::provider::model::Credentials,
};

/// What is signed beside the keys.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// The region that the signature names.
    pub region: &'a str,
    /// The service that it names: `ec2` or `sts`.
    pub service: &'a str,
    /// When.
    pub now: Time,
}

/// The headers that sign a `POST` of `body` to `url` with `headers`: theirs and `x-amz-date`, `authorization` and, for
/// temporary credentials, `x-amz-security-token`. `None` for a URL or a header that cannot be sent.
pub fn signed(
    credentials: &Credentials,
    signing: Signing<'_>,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Vec<(String, String)>> {
    let token = credentials.session_token.as_ref().map(|token| token.expose_secret().to_owned());
    let keys = Keys::new(&credentials.access_key, credentials.secret_key.expose_secret(), token, None, "signet");
    let identity = keys.into();
    // A path is sent as it is signed. EC2-compatible clouds have none with characters that would be escaped, so that
    // the second escaping, of which they differ, never matters.
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    let micros = u64::try_from(signing.now.as_micros()).ok()?;
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(signing.region)
        .name(signing.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .settings(settings)
        .build()
        .ok()?
        .into();
    let request = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body)).ok()?;
    // The crate traces what it signs, the session token included: nobody listens here.
    let quiet = tracing::subscriber::NoSubscriber::default();
    let (made, _) = tracing::subscriber::with_default(quiet, || sign(request, &params)).ok()?.into_parts();
    let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let given = headers.iter().map(|(name, value)| owned(name, value));
    Some(given.chain(made.headers().map(|(name, value)| owned(name, value))).collect())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::base::secret::SecretString;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        region: String,
        time: String,
        token: Option<String>,
        url: String,
        content_type: Option<String>,
        body: String,
        authorization: String,
    }

    /// Made with botocore's signer; the keys are the documentation's dummies.
    #[test]
    fn ec2_signatures_are_those_of_an_independent_signer() {
        #[derive(Deserialize)]
        struct File {
            access_key: String,
            secret_key: String,
            vectors: Vec<Vector>,
        }
        let file: File = serde_json::from_str(include_str!("sign_vectors.json")).unwrap();
        assert_eq!(file.vectors.len(), 5);
        for vector in file.vectors {
            let credentials = Credentials {
                access_key: file.access_key.clone(),
                secret_key: file.secret_key.clone().into(),
                session_token: vector.token.clone().map(SecretString::from),
            };
            let signing = Signing { region: &vector.region, service: "ec2", now: vector.time.parse().unwrap() };
            let headers: Vec<_> = vector.content_type.iter().map(|value| ("content-type", value.as_str())).collect();
            let signed = signed(&credentials, signing, &vector.url, &headers, vector.body.as_bytes()).unwrap();
            let value = |name| signed.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            assert_eq!(value("authorization"), Some(vector.authorization.as_str()), "{}", vector.name);
            assert_eq!(value("x-amz-date"), Some("20240315T081530Z"), "{}", vector.name);
            assert_eq!(value("x-amz-security-token"), vector.token.as_deref(), "{}", vector.name);
        }
    }
}
