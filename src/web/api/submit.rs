//! A write: its body, its idempotency key, and the transaction in which both become a change and an answer.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    app::App,
    base::limits,
    store::{StoreError, Tx},
    usecase::{
        Actor, Context, Failure,
        idempotency::{self, Answer, Earlier},
        token::Bearer,
    },
    web::problem::Problem,
};

/// The request header that makes a write repeatable.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The answer's header that says it was given before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters of an idempotency key.
const KEY_CHARS: usize = 255;

/// What a write's transaction answers.
#[derive(Debug)]
pub enum Reply {
    /// Done: kept with the change, and given again to a repeat.
    Answer(Answer),
    /// What was changed stands, but the caller did not get what was asked for. Never remembered.
    Refused(Problem),
}

impl Reply {
    /// `value` as JSON.
    ///
    /// # Errors
    /// [`Stop::Failed`] when it cannot be written as JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Stop> {
        let body = serde_json::to_string(value).map_err(|error| Failure::Missing(error.to_string()))?;
        Ok(Self::Answer(Answer { status: status.as_u16(), body }))
    }
}

/// Why a transaction ends without an answer: it is rolled back.
#[derive(Debug)]
pub enum Stop {
    /// It could not be carried out. Turned into a problem, and logged, only when no further round is tried.
    Failed(Failure),
    /// The request does not fit.
    Refused(Problem),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Stop> for Problem {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(failure) => failure.into(),
            Stop::Refused(problem) => problem,
        }
    }
}

/// A write as it came, not yet read: a handler first asks for the scope.
#[derive(Debug)]
pub struct Submitted {
    method: String,
    target: String,
    key: Option<String>,
    is_json: bool,
    body: Bytes,
}

/// The body of a write that needs none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Submitted {
    /// The body.
    ///
    /// # Errors
    /// 415, 400 and 422, saying what is wrong and where.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if !self.is_json {
            return Err(unsupported());
        }
        let Json(value) = Json::from_bytes(&self.body).map_err(|rejection| unreadable(&rejection))?;
        Ok(value)
    }

    /// The body, where everything in it may be left out: an empty one says nothing.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// Makes sure that the body asks for nothing: empty or `{}`.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn nothing(&self) -> Result<(), Problem> {
        if self.body.is_empty() { Ok(()) } else { self.json::<Nothing>().map(|_| ()) }
    }

    /// Runs `job` in a transaction, or gives the answer of the same request before.
    ///
    /// # Errors
    /// What `job` refuses; the database's; 422 for a key that another request used.
    pub async fn run<F>(self, app: &App, bearer: Bearer, job: F) -> Result<Response, Problem>
    where
        F: Fn(&mut Tx, Context) -> Result<Reply, Stop> + Send + Sync + 'static,
    {
        let parts: [&[u8]; 3] = [self.method.as_bytes(), self.target.as_bytes(), &self.body];
        let hash = idempotency::digest(&parts);
        let request = self.key.map(|key| idempotency::Request { token: bearer.id, key, hash });
        let (reply, replayed) = app
            .write(Actor::Token(bearer.name), move |tx, ctx| match &request {
                Some(request) => once(tx, ctx, request, &job),
                None => job(tx, ctx).map(|reply| (reply, false)),
            })
            .await?;
        match reply {
            Reply::Answer(answer) => Ok(respond(answer, replayed)),
            Reply::Refused(problem) => Err(problem),
        }
    }
}

/// Carries `job` out unless its key has an answer; says whether it had.
fn once<F>(tx: &mut Tx, ctx: Context, request: &idempotency::Request, job: &F) -> Result<(Reply, bool), Stop>
where
    F: Fn(&mut Tx, Context) -> Result<Reply, Stop>,
{
    match idempotency::earlier(tx, ctx, request)? {
        Earlier::Same(answer) => return Ok((Reply::Answer(answer), true)),
        Earlier::Another => return Err(key_reused().into()),
        Earlier::Nothing => {}
    }
    let reply = job(tx, ctx)?;
    if let Reply::Answer(answer) = &reply {
        idempotency::remember(tx, ctx, request, answer)?;
    }
    Ok((reply, false))
}

fn respond(answer: Answer, replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response();
    if replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

impl FromRequest<App> for Submitted {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts.headers)?;
        let limited = Limited::new(body, limits::REQUEST_BODY_BYTES).collect();
        let body = match tokio::time::timeout(limits::REQUEST_BODY_TIMEOUT, limited).await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
            Ok(Err(_)) => return Err(Problem::malformed("The body did not arrive whole. Send the request again.")),
            Err(_) => return Err(too_slow()),
        };
        let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let method = parts.method.as_str().to_owned();
        Ok(Self { method, target, key, is_json: is_json(&parts.headers), body })
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes();
    let fits = (1..=KEY_CHARS).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(text) if fits && values.next().is_none() => Ok(Some(text.to_owned())),
        _ => Err(Problem::malformed(format!(
            "`Idempotency-Key` must come once and have 1 to {KEY_CHARS} visible ASCII characters, such as a UUID."
        ))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    let detail =
        format!("{} Nothing was changed; /api/v1/openapi.json describes the body.", ended(rejection.body_text()));
    match rejection {
        JsonRejection::JsonDataError(_) => Problem::unprocessable(detail),
        _ => Problem::malformed(detail),
    }
}

/// `text` with a full stop at its end.
pub fn ended(text: String) -> String {
    if text.ends_with('.') { text } else { text + "." }
}

/// `text` as a sentence.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    ended(first.into_iter().chain(letters).collect())
}

fn unsupported() -> Problem {
    let detail = "The body must be JSON: send it with `Content-Type: application/json`.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body is not JSON", detail)
}

fn too_large() -> Problem {
    let detail = format!("The body is larger than {} bytes. Nothing was changed.", limits::REQUEST_BODY_BYTES);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
}

fn too_slow() -> Problem {
    let seconds = limits::REQUEST_BODY_TIMEOUT.as_secs();
    let detail = format!("The body did not arrive within {seconds} seconds. Nothing was changed; send it again.");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body came too slowly", detail)
}

fn key_reused() -> Problem {
    let detail = "This `Idempotency-Key` was used for another request. Nothing was changed; use a new key.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used", detail)
}
