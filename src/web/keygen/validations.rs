//! Validations: the answer is 200 whatever comes of it, and says so in `meta`.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    base::{limits, secret::SecretString, time::Time},
    usecase::{
        Actor,
        keygen::{
            scope::{Code, Scope},
            validate::{self, Validation},
        },
    },
};

use super::{
    answer::Answer,
    call::{Call, Stop},
    document::WithMeta,
    error::Fault,
    fields::Fields,
    licenses::named,
    resource,
};

/// Characters of a fingerprint.
pub const FINGERPRINT_CHARS: usize = 255;
/// Where a scope names the machine.
const FINGERPRINT: &str = "/meta/scope/fingerprint";
/// Texts in one list of a scope.
const SCOPE_TEXTS: usize = 32;

/// What came of a validation.
#[derive(Debug, Serialize)]
struct Meta {
    ts: Time,
    valid: bool,
    detail: String,
    code: &'static str,
    scope: Value,
    nonce: Option<i64>,
}

/// What is asked.
struct Question {
    scope: Scope,
    /// The scope as it was sent: it comes back.
    sent: Value,
    nonce: Option<i64>,
}

impl Question {
    fn read(fields: &Fields) -> Result<Self, Fault> {
        Ok(Self {
            scope: scope(fields)?,
            sent: fields
                .object("/meta/scope", 64, limits::REQUEST_BODY_BYTES)?
                .map_or_else(|| json!({}), Value::Object),
            nonce: nonce(fields)?,
        })
    }
}

fn nonce(fields: &Fields) -> Result<Option<i64>, Fault> {
    let wrong = || Fault::pointer("/meta/nonce", "must be a whole number");
    fields.value("/meta/nonce").map(|value| value.as_i64().ok_or_else(wrong)).transpose()
}

fn scope(fields: &Fields) -> Result<Scope, Fault> {
    let name = |part: &str| fields.text(&format!("/meta/scope/{part}"), FINGERPRINT_CHARS);
    let names = |part: &str| fields.texts(&format!("/meta/scope/{part}"), SCOPE_TEXTS, FINGERPRINT_CHARS);
    Ok(Scope {
        environment: name("environment")?,
        product: name("product")?,
        policy: name("policy")?,
        user: name("user")?,
        entitlements: names("entitlements")?,
        machine: name("machine")?,
        fingerprints: fingerprints(fields)?,
        is_one_machine: fields.has(FINGERPRINT),
        components: names("components")?,
        checksum: name("checksum")?,
        version: name("version")?,
    })
}

/// One fingerprint or several. An empty text is as empty as an empty list.
fn fingerprints(fields: &Fields) -> Result<Option<Vec<String>>, Fault> {
    if fields.has(FINGERPRINT) {
        let empty = fields.value(FINGERPRINT).is_none_or(|value| value == "");
        let named = if empty { None } else { fields.text(FINGERPRINT, FINGERPRINT_CHARS)? };
        return Ok(Some(named.into_iter().collect()));
    }
    let named = fields.texts("/meta/scope/fingerprints", SCOPE_TEXTS, FINGERPRINT_CHARS)?;
    Ok(named.map(|named| {
        let mut once: Vec<String> = Vec::with_capacity(named.len());
        for fingerprint in named {
            if !once.contains(&fingerprint) {
                once.push(fingerprint);
            }
        }
        once
    }))
}

fn answer(question: Question, validation: &Validation) -> Answer {
    let meta = Meta {
        ts: validation.at,
        valid: validation.code == Code::Valid,
        detail: validation.detail.clone(),
        code: validation.code.as_str(),
        scope: question.sent,
        nonce: question.nonce,
    };
    let data = validation.license.as_ref().map(|seen| resource::license(seen, validation.at));
    Answer::document(StatusCode::OK, &WithMeta { meta, data })
}

/// `licenses/actions/validate-key`: the key in the body is all the proof.
///
/// # Errors
/// 400; 429.
pub async fn by_key(call: &Call) -> Result<Answer, Fault> {
    let fields = call.fields()?;
    let question = Question::read(&fields)?;
    let missing = || Fault::pointer("/meta/key", "is missing: send the license key");
    let key: SecretString = fields.text("/meta/key", limits::LICENSE_CODE_CHARS)?.ok_or_else(missing)?.into();
    call.charge(&key, None).await?;
    let (product, scope) = (call.product.clone(), question.scope.clone());
    let validation = call
        .app
        .read::<_, Stop, _>(Actor::Software, move |tx, ctx| Ok(validate::by_key(tx, ctx, &product, &key, &scope)?))
        .await?;
    Ok(answer(question, &validation))
}

/// `licenses/{license}/actions/validate`.
///
/// # Errors
/// 400; 401; 403; 404; 429.
pub async fn of_license(call: &Call) -> Result<Answer, Fault> {
    let question = Question::read(&call.fields()?)?;
    validated(call, question).await
}

/// The same by GET: without a scope.
///
/// # Errors
/// 401; 403; 404; 429.
pub async fn quick(call: &Call) -> Result<Answer, Fault> {
    validated(call, Question { scope: Scope::default(), sent: json!({}), nonce: None }).await
}

async fn validated(call: &Call, question: Question) -> Result<Answer, Fault> {
    let asked = (call.product.clone(), call.name(0).to_owned());
    let scope = question.scope.clone();
    let validation = call
        .read(move |tx, ctx, guest| {
            let seen = named(tx, ctx, guest, &asked)?;
            Ok(validate::of(tx, ctx, seen, &scope)?)
        })
        .await?;
    Ok(answer(question, &validation))
}
