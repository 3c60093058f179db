//! Check-outs: a license or a machine as a signed file that holds for a while without this service.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    base::{
        ids::RequestId,
        secret::{ExposeSecret, SecretString},
        time::Time,
    },
    license::keygen::file::{self, FileKind, Sealing},
    usecase::{
        Failure,
        keygen::{
            SeenMachine,
            checkout::{self as usecase, Declined, SHORTEST, Term, Ttl},
            door::SeenLicense,
        },
    },
};

use super::{
    answer::Answer,
    call::Call,
    document::{Document, Links, Relationship, Resource},
    error::{Fault, Source},
    licenses::named,
    machines,
    resource::{self, FileAttributes},
};

/// What a file of a license may include.
const OF_LICENSE: &[&str] = &["entitlements", "product", "policy"];
/// What a file of a machine may include.
const OF_MACHINE: &[&str] = &["license", "license.entitlements", "license.policy", "license.product", "components"];
const PLAIN: &str = "base64+ed25519";
const ENCRYPTED: &str = "aes-256-gcm+ed25519";

/// What is asked of a file.
struct Options {
    encrypt: bool,
    ttl: Ttl,
    include: Vec<String>,
}

/// What stands in a file.
#[derive(Serialize)]
struct Dataset<D: Serialize> {
    meta: DatasetMeta,
    data: D,
    included: Vec<Value>,
}

#[derive(Serialize)]
struct DatasetMeta {
    issued: Time,
    expiry: Time,
    ttl: i64,
}

/// An option from the query, or from `meta` of the body. `Value::Null` is null in either.
fn option(call: &Call, body: &super::fields::Fields, name: &str) -> Option<Value> {
    match call.parameter(name) {
        Some("null") => Some(Value::Null),
        Some(text) => Some(json!(text)),
        None if body.has(&format!("/meta/{name}")) => {
            Some(body.value(&format!("/meta/{name}")).cloned().unwrap_or_default())
        }
        None => None,
    }
}

fn options(call: &Call, known: &[&str]) -> Result<Options, Fault> {
    let body = call.fields()?;
    let at = |name: &str| Source::Parameter(name.to_owned());
    let encrypt = match option(call, &body, "encrypt") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(encrypt)) => Some(encrypt),
        Some(value) => match value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str() {
            "1" | "true" => Some(true),
            "0" | "false" | "" => Some(false),
            _ => return Err(Fault::parameter("encrypt", "must be true or false")),
        },
    };
    let algorithm = match option(call, &body, "algorithm") {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_str() {
            Some(PLAIN) => Some(false),
            Some(ENCRYPTED) => Some(true),
            _ => {
                let detail = format!("must be {PLAIN} or {ENCRYPTED}");
                return Err(Fault::unprocessable("CHECKOUT_ALGORITHM_INVALID", detail).at(at("algorithm")));
            }
        },
    };
    if let (Some(encrypt), Some(algorithm)) = (encrypt, algorithm)
        && encrypt != algorithm
    {
        let detail = "says the opposite of `encrypt`: send one of them, or both alike";
        return Err(Fault::unprocessable("CHECKOUT_ALGORITHM_INVALID", detail).at(at("algorithm")));
    }
    let encrypt = algorithm.or(encrypt).unwrap_or(false);
    Ok(Options {
        encrypt,
        ttl: ttl(option(call, &body, "ttl"))?,
        include: include(option(call, &body, "include"), known)?,
    })
}

fn ttl(value: Option<Value>) -> Result<Ttl, Fault> {
    let seconds = match value {
        None => return Ok(Ttl::Usual),
        Some(Value::Null) => return Ok(Ttl::Perpetual),
        Some(Value::String(text)) if text.is_empty() => return Ok(Ttl::Usual),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    let wrong = || {
        Fault::unprocessable("CHECKOUT_TTL_INVALID", "must be a number of seconds")
            .at(Source::Parameter("ttl".to_owned()))
    };
    seconds.map(Ttl::Seconds).ok_or_else(wrong)
}

fn include(value: Option<Value>, known: &[&str]) -> Result<Vec<String>, Fault> {
    let named: Vec<String> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.split(',').map(|it| it.trim().to_owned()).collect(),
        Some(Value::Array(items)) => items.iter().map(|it| it.as_str().unwrap_or("?").to_owned()).collect(),
        Some(_) => vec!["?".to_owned()],
    };
    let mut includes: Vec<String> = Vec::new();
    for name in named.into_iter().filter(|it| !it.is_empty()) {
        if !known.contains(&name.as_str()) {
            let detail = format!("can only name {}", known.join(", "));
            let fault = Fault::unprocessable("CHECKOUT_INCLUDE_INVALID", detail);
            return Err(fault.at(Source::Parameter("include".to_owned())));
        }
        if !includes.contains(&name) {
            includes.push(name);
        }
    }
    Ok(includes)
}

impl From<Declined> for Fault {
    fn from(declined: Declined) -> Self {
        match declined {
            Declined::Refused(refusal) => refusal.into(),
            Declined::Ttl { most } => {
                let detail = format!(
                    "must be a number of seconds from {SHORTEST} to {most}, which is as long as the plan, the license and \
                     the seat allow now; left out, it is as long as is allowed, at most a month"
                );
                Self::unprocessable("CHECKOUT_TTL_INVALID", detail).at(Source::Parameter("ttl".to_owned()))
            }
        }
    }
}

/// What of a license is included.
fn included(call: &Call, seen: &SeenLicense, include: &[String], prefix: &str) -> Vec<Value> {
    let installation = call.app.installation();
    let (product, plan) = (&seen.license.product, &seen.license.plan);
    let wants = |name: &str| include.iter().any(|it| it.strip_prefix(prefix) == Some(name));
    let mut items = Vec::new();
    if wants("entitlements") {
        items.extend(resource::entitlements(seen).into_iter().map(Resource::into_value));
    }
    if wants("product") {
        items.push(resource::product(seen, installation.catalog.product(product)).into_value());
    }
    if wants("policy") {
        items.push(resource::policy(seen, installation.catalog.plan(product, plan)).into_value());
    }
    items
}

struct Written {
    certificate: String,
    options: Options,
    term: Term,
}

fn written<D: Serialize>(
    call: &Call,
    kind: FileKind,
    secret: &SecretString,
    term: Term,
    options: Options,
    (data, included): (D, Vec<Value>),
) -> Result<Written, Fault> {
    let Term { issued, expiry, ttl } = term;
    let dataset = Dataset { meta: DatasetMeta { issued, expiry, ttl }, data, included };
    let document = serde_json::to_string(&dataset).map_err(|error| Failure::Missing(error.to_string()))?;
    let installation = call.app.installation();
    let signer = installation.keys.door(&call.product)?;
    let sealing = match options.encrypt {
        true => Sealing::Encrypted { secret, nonce: call.app.entropy().bytes() },
        false => Sealing::Plain,
    };
    Ok(Written { certificate: file::certificate(kind, &document, sealing, signer), options, term })
}

async fn of_license(call: &Call) -> Result<(Written, SeenLicense), Fault> {
    let options = options(call, OF_LICENSE)?;
    let (asked, ttl) = ((call.product.clone(), call.name(0).to_owned()), options.ttl);
    let (term, seen) = call
        .read(move |tx, ctx, guest| {
            let seen = named(tx, ctx, guest, &asked)?;
            Ok(usecase::license(ctx, &seen, ttl).map(|term| (term, seen)))
        })
        .await??;
    let included = included(call, &seen, &options.include, "");
    let data = resource::license(&seen, term.issued);
    let written = written(call, FileKind::License, &seen.key, term, options, (data, included))?;
    Ok((written, seen))
}

/// The file would open with something else than software tries.
fn fingerprint_unsaid() -> Fault {
    Fault::unprocessable(
        "MACHINE_FINGERPRINT_UNKNOWN",
        "this machine was activated through Signet's own API, which was told no more than a digest of its fingerprint, and an \
         encrypted file opens with the fingerprint: name the machine by it in the address, or ask for a plain file",
    )
    .at(Source::Parameter("encrypt".to_owned()))
}

async fn of_machine(call: &Call) -> Result<(Written, SeenMachine), Fault> {
    let options = options(call, OF_MACHINE)?;
    let (asked, ttl) = (machines::asked(call), options.ttl);
    let (term, seen) = call
        .write(None, move |tx, ctx, guest| {
            let seen = machines::seen(tx, ctx, guest, &asked)?;
            Ok(usecase::machine(tx, ctx, seen, ttl)?)
        })
        .await??;
    let mut items = included(call, &seen.license, &options.include, "license.");
    // What belongs to the license is not to be read without it.
    if options.include.iter().any(|it| it.starts_with("license")) {
        items.insert(0, resource::license(&seen.license, term.issued).into_value());
    }
    if options.include.iter().any(|it| it == "components") {
        items.extend(resource::components(&seen).into_iter().map(Resource::into_value));
    }
    if options.encrypt && seen.has_unsaid_fingerprint() {
        return Err(fingerprint_unsaid());
    }
    let secret: SecretString = format!("{}{}", seen.license.key.expose_secret(), seen.fingerprint()).into();
    let written = written(call, FileKind::Machine, &secret, term, options, (resource::machine(&seen), items))?;
    Ok((written, seen))
}

fn document(
    call: &Call,
    kind: &'static str,
    written: Written,
    relationships: BTreeMap<&'static str, Relationship>,
) -> Answer {
    let Written { certificate, options, term } = written;
    let attributes = FileAttributes {
        certificate,
        includes: options.include,
        algorithm: if options.encrypt { ENCRYPTED } else { PLAIN },
        ttl: term.ttl,
        issued: term.issued,
        expiry: term.expiry,
    };
    let id = RequestId::new(term.issued, call.app.entropy()).to_string();
    let data = Resource { id, kind, attributes, relationships, links: Links { this: None } };
    Answer::document(StatusCode::OK, &Document { data })
}

/// A file of a license.
///
/// # Errors
/// 400; 401; 403; 404; 422; 429.
pub async fn license(call: &Call) -> Result<Answer, Fault> {
    let (written, seen) = of_license(call).await?;
    let relationships = BTreeMap::from([
        ("account", Relationship::to("accounts", &call.product)),
        ("license", Relationship::to("licenses", &seen.license.id)),
    ]);
    Ok(document(call, "license-files", written, relationships))
}

/// The file alone, as it is saved.
///
/// # Errors
/// As [`license`].
pub async fn license_text(call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::text(of_license(call).await?.0.certificate))
}

/// A file of a machine.
///
/// # Errors
/// 400; 401; 403; 404; 422; 429.
pub async fn machine(call: &Call) -> Result<Answer, Fault> {
    let (written, seen) = of_machine(call).await?;
    let relationships = BTreeMap::from([
        ("account", Relationship::to("accounts", &call.product)),
        ("license", Relationship::to("licenses", &seen.license.license.id)),
        ("machine", Relationship::to("machines", &seen.activation.id)),
    ]);
    Ok(document(call, "machine-files", written, relationships))
}

/// The file alone, as it is saved.
///
/// # Errors
/// As [`machine`].
pub async fn machine_text(call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::text(of_machine(call).await?.0.certificate))
}
