//! What handlers take apart: ids in paths, filters in queries, short texts. Every refusal is a problem that says what
//! to do.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use crate::{app::App, web::problem::Problem};

use super::submit::ended;

/// The id or name in the path.
#[derive(Debug)]
pub struct Id<T>(pub T);

/// The two ids in the path: of a thing, and of one that belongs to it.
#[derive(Debug)]
pub struct Ids<T, U>(pub T, pub U);

impl<T: FromStr + Send> FromRequestParts<App> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| unreadable())?;
        id(&text).map(Self)
    }
}

impl<T: FromStr + Send, U: FromStr + Send> FromRequestParts<App> for Ids<T, U> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((first, second)) = path.map_err(|_| unreadable())?;
        Ok(Self(id(&first)?, id(&second)?))
    }
}

fn unreadable() -> Problem {
    no_id("(not UTF-8)")
}

fn id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| no_id(text))
}

fn no_id(text: &str) -> Problem {
    let text: String = text.chars().take(60).collect();
    Problem::malformed(format!("`{text}` in the path is no id: take it unchanged from a list or an earlier answer."))
}

/// The query's parameters.
#[derive(Debug)]
pub struct Filters<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Filters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let Query(filters) = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            let reason = ended(rejection.body_text());
            Problem::malformed(format!("{reason} /api/v1/openapi.json describes the parameters of this address."))
        })?;
        Ok(Self(filters))
    }
}

/// A text of 1 to `MAX` characters without control characters (PostgreSQL could not even hold U+0000).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize = 256>(pub String);

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let count = text.chars().count();
        if !(1..=MAX).contains(&count) {
            return Err(serde::de::Error::custom(format!("the text has {count} characters; it must have 1 to {MAX}")));
        }
        if text.chars().any(char::is_control) {
            return Err(serde::de::Error::custom("the text holds a control character; remove it"));
        }
        Ok(Self(text))
    }
}

/// A field that may be `null` but must be there: `null` means something.
///
/// # Errors
/// Those of the value.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
