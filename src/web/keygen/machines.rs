//! Machines: `machines` and what hangs below it.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::{
    base::{
        ids::{ActivationId, LicenseId},
        slug::Slug,
    },
    store::{KeygenComponent, Tx},
    usecase::{
        Context,
        keygen::{
            Guest, SeenMachine,
            door::SeenLicense,
            list,
            machine::{self as usecase, Changed, Described, Wanted},
        },
    },
};

use super::{
    answer::Answer,
    call::{Call, Stop},
    document::{Count, Document, List, PageLinks, address},
    error::{Fault, Source},
    fields::Fields,
    licenses::named,
    resource,
    validations::FINGERPRINT_CHARS,
};

/// Characters of what a machine says of itself.
const TEXT_CHARS: usize = 255;
/// Members of its metadata, and bytes of them.
const METADATA: (usize, usize) = (64, 4_096);
/// Components of one machine.
const COMPONENTS: usize = 32;

/// The machine that the address names.
///
/// # Errors
/// 404 where the guest may not see it.
pub(super) fn seen(tx: &mut Tx, ctx: Context, guest: &Guest, asked: &(Slug, String)) -> Result<SeenMachine, Stop> {
    let (product, name) = asked;
    let missing = || Stop::Refused(Fault::not_found("There is no such machine here."));
    usecase::get(tx, ctx, guest, product, name)?.ok_or_else(missing)
}

/// What the address names.
pub(super) fn asked(call: &Call) -> (Slug, String) {
    (call.product.clone(), call.name(0).to_owned())
}

fn document(status: StatusCode, seen: &SeenMachine) -> Answer {
    Answer::document(status, &Document { data: resource::machine(seen) })
}

/// Takes a seat.
///
/// # Errors
/// 400; 401; 403; 404; 422; 429.
pub async fn create(call: &Call) -> Result<Answer, Fault> {
    let fields = call.fields()?;
    let wanted = wanted(&fields)?;
    let license = license(&fields)?;
    let product = call.product.clone();
    let seen = call
        .write(None, move |tx, ctx, guest| {
            let seen = of(tx, ctx, guest, &product, &license)?;
            // What is refused is kept all the same: the merchant is told of seats that were asked for in vain.
            Ok(usecase::create(tx, ctx, seen, &wanted)?)
        })
        .await??;
    let this = address(&call.product, &format!("machines/{}", seen.activation.id));
    let answer = document(StatusCode::CREATED, &seen);
    Ok(match axum::http::HeaderValue::from_str(&this) {
        Ok(value) => answer.with(axum::http::header::LOCATION, value),
        Err(_) => answer,
    })
}

/// The license for which a seat is asked: the one named, else the guest's own.
fn of(
    tx: &mut Tx,
    ctx: Context,
    guest: &Guest,
    product: &Slug,
    license: &Option<LicenseId>,
) -> Result<SeenLicense, Stop> {
    const POINTER: &str = "/data/relationships/license/data/id";
    let found = match (license, guest) {
        (Some(id), guest) => guest.license_by_id(tx, ctx, product, *id)?,
        (None, Guest::License(own)) => Some((**own).clone()),
        (None, Guest::Token(_)) => return Err(Fault::pointer(POINTER, "is missing: name the license").into()),
    };
    let missing = || Fault::not_found("There is no such license here.").at(Source::Pointer(POINTER.to_owned()));
    found.ok_or_else(|| missing().into())
}

fn license(fields: &Fields) -> Result<Option<LicenseId>, Fault> {
    let pointer = "/data/relationships/license/data/id";
    let data = "/data/relationships/license/data";
    if fields.value(data).is_some_and(|it| !it.is_object()) {
        return Err(Fault::pointer(data, "must be one license: `{ \"type\": \"licenses\", \"id\": … }`"));
    }
    typed(fields, "/data/relationships/license/data/type", "licenses")?;
    let missing = |_| Fault::not_found("There is no such license here.").at(Source::Pointer(pointer.to_owned()));
    fields.text(pointer, TEXT_CHARS)?.map(|id| id.parse().map_err(missing)).transpose()
}

fn wanted(fields: &Fields) -> Result<Wanted, Fault> {
    if !fields.has("/data") {
        return Err(Fault::pointer("/data", "is missing: send a machine"));
    }
    typed(fields, "/data/type", "machines")?;
    Ok(Wanted {
        fingerprint: fingerprint(fields)?,
        components: components_sent(fields)?,
        described: described(fields)?,
    })
}

fn typed(fields: &Fields, pointer: &str, kind: &str) -> Result<(), Fault> {
    match fields.value(pointer) {
        Some(value) if value != kind => Err(Fault::pointer(pointer, format!("must be `{kind}`"))),
        _ => Ok(()),
    }
}

fn fingerprint(fields: &Fields) -> Result<String, Fault> {
    let pointer = "/data/attributes/fingerprint";
    let at = || Source::Pointer(pointer.to_owned());
    let blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    if fields.value(pointer).is_none_or(blank) {
        return Err(
            Fault::unprocessable("FINGERPRINT_BLANK", "can't be blank: send what the machine is known by").at(at())
        );
    }
    // An id in the address means a machine by its id, so none may be called like another's.
    let text = fields.text(pointer, FINGERPRINT_CHARS)?.unwrap_or_default();
    Ok(text)
}

fn described(fields: &Fields) -> Result<Described, Fault> {
    let text = |name: &str| fields.text(&format!("/data/attributes/{name}"), TEXT_CHARS);
    let number = |name: &str| fields.number(&format!("/data/attributes/{name}"));
    Ok(Described {
        name: text("name")?,
        hostname: text("hostname")?,
        platform: text("platform")?,
        ip: text("ip")?,
        cores: number("cores")?,
        memory: number("memory")?,
        disk: number("disk")?,
        metadata: metadata(fields)?.unwrap_or_default(),
    })
}

fn metadata(fields: &Fields) -> Result<Option<Map<String, Value>>, Fault> {
    let (keys, bytes) = METADATA;
    fields.object("/data/attributes/metadata", keys, bytes)
}

fn components_sent(fields: &Fields) -> Result<Vec<KeygenComponent>, Fault> {
    let pointer = "/data/relationships/components/data";
    let items = match fields.value(pointer) {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= COMPONENTS => items.len(),
        Some(_) => return Err(Fault::pointer(pointer, format!("must be a list of at most {COMPONENTS} components"))),
    };
    let mut components: Vec<KeygenComponent> = Vec::with_capacity(items);
    for index in 0..items {
        typed(fields, &format!("{pointer}/{index}/type"), "components")?;
        let at = |name: &str| format!("{pointer}/{index}/attributes/{name}");
        let missing = |name: &str| Fault::pointer(&at(name), "is missing");
        let fingerprint = fields.text(&at("fingerprint"), FINGERPRINT_CHARS)?.ok_or_else(|| missing("fingerprint"))?;
        let name = fields.text(&at("name"), TEXT_CHARS)?.ok_or_else(|| missing("name"))?;
        if components.iter().any(|it| it.fingerprint == fingerprint) {
            let fault = Fault::unprocessable(
                "COMPONENTS_FINGERPRINT_CONFLICT",
                "must be unique among the machine's components",
            );
            return Err(fault.at(Source::Pointer(at("fingerprint"))));
        }
        components.push(KeygenComponent { name, fingerprint });
    }
    Ok(components)
}

/// The machines of a license that the address names.
///
/// # Errors
/// 400; 401; 403; 404; 429.
pub async fn of_license(call: &Call) -> Result<Answer, Fault> {
    let path = format!("licenses/{}/machines", call.name(0));
    page(call, call.name(0).to_owned(), &path).await
}

/// The machines of the guest's own license; for a token those of the license in the parameter `license`.
///
/// # Errors
/// 400; 401; 403; 404; 429.
pub async fn list(call: &Call) -> Result<Answer, Fault> {
    page(call, call.parameter("license").unwrap_or_default().to_owned(), "machines").await
}

async fn page(call: &Call, license: String, path: &str) -> Result<Answer, Fault> {
    let page = call.page()?;
    let asked = (call.product.clone(), license);
    let fingerprint = call.parameter("fingerprint").map(str::to_owned);
    let (machines, count) = call
        .read(move |tx, ctx, guest| {
            let seen = match guest {
                Guest::License(own) if asked.1.is_empty() => (**own).clone(),
                Guest::Token(_) if asked.1.is_empty() => {
                    return Err(
                        Fault::parameter("license", "is missing: name the license whose machines are meant").into()
                    );
                }
                _ => named(tx, ctx, guest, &asked)?,
            };
            match &fingerprint {
                None => Ok(list::machines(tx, ctx, &seen, page)?),
                Some(fingerprint) => {
                    let found: Vec<_> = list::with_fingerprint(tx, ctx, &seen, fingerprint)?.into_iter().collect();
                    let count = u32::try_from(found.len()).unwrap_or(0);
                    Ok((found, count))
                }
            }
        })
        .await?;
    let data: Vec<_> = machines.iter().map(resource::machine).collect();
    let links = PageLinks::of(&address(&call.product, path), &call.narrowed(), page, count);
    Ok(Answer::document(StatusCode::OK, &List { data, links, meta: Count { count } }))
}

/// One machine.
///
/// # Errors
/// 401; 403; 404; 429.
pub async fn show(call: &Call) -> Result<Answer, Fault> {
    let asked = asked(call);
    let seen = call.read(move |tx, ctx, guest| seen(tx, ctx, guest, &asked)).await?;
    Ok(document(StatusCode::OK, &seen))
}

/// Its components.
///
/// # Errors
/// 401; 403; 404; 429.
pub async fn components(call: &Call) -> Result<Answer, Fault> {
    let (page, asked) = (call.page()?, asked(call));
    let seen = call.read(move |tx, ctx, guest| seen(tx, ctx, guest, &asked)).await?;
    let all = resource::components(&seen);
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let data: Vec<_> = all.into_iter().skip(page.skip as usize).take(page.size as usize).collect();
    let path = address(&call.product, &format!("machines/{}/components", seen.activation.id));
    let links = PageLinks::of(&path, "", page, count);
    Ok(Answer::document(StatusCode::OK, &List { data, links, meta: Count { count } }))
}

/// Changes what it says of itself.
///
/// # Errors
/// 400; 401; 403; 404; 422; 429.
pub async fn change(call: &Call) -> Result<Answer, Fault> {
    let fields = call.fields()?;
    typed(&fields, "/data/type", "machines")?;
    let (changed, asked) = (changed(&fields)?, asked(call));
    let seen = call
        .write(None, move |tx, ctx, guest| {
            let seen = seen(tx, ctx, guest, &asked)?;
            Ok(usecase::change(tx, ctx, seen, &changed)?)
        })
        .await?;
    Ok(document(StatusCode::OK, &seen))
}

fn changed(fields: &Fields) -> Result<Changed, Fault> {
    let pointer = |name: &str| format!("/data/attributes/{name}");
    if fields.has(&pointer("fingerprint")) {
        let detail = "cannot be changed: deactivate the machine and activate the other one";
        return Err(Fault::pointer(&pointer("fingerprint"), detail));
    }
    let text = |name: &str| {
        let there = fields.has(&pointer(name));
        fields.text(&pointer(name), TEXT_CHARS).map(|text| there.then_some(text))
    };
    let number = |name: &str| {
        let there = fields.has(&pointer(name));
        fields.number(&pointer(name)).map(|number| there.then_some(number))
    };
    Ok(Changed {
        name: text("name")?,
        hostname: text("hostname")?,
        platform: text("platform")?,
        ip: text("ip")?,
        cores: number("cores")?,
        memory: number("memory")?,
        disk: number("disk")?,
        metadata: metadata(fields)?,
    })
}

/// Gives the seat back.
///
/// # Errors
/// 401; 403; 404; 429.
pub async fn delete(call: &Call) -> Result<Answer, Fault> {
    let asked = asked(call);
    call.write(None, move |tx, ctx, guest| {
        let seen = seen(tx, ctx, guest, &asked)?;
        Ok(usecase::delete(tx, ctx, &seen)?)
    })
    .await??;
    Ok(Answer::nothing())
}

/// Its heart beats.
///
/// # Errors
/// 401; 403; 404; 422; 429.
pub async fn ping(call: &Call) -> Result<Answer, Fault> {
    let asked = asked(call);
    let renewed: Option<ActivationId> = asked.1.parse().ok();
    let seen = call
        .write(renewed, move |tx, ctx, guest| {
            let seen = seen(tx, ctx, guest, &asked)?;
            Ok(usecase::ping(tx, ctx, seen)?)
        })
        .await??;
    Ok(document(StatusCode::OK, &seen))
}

/// Its heart has not begun to beat.
///
/// # Errors
/// 401; 403; 404; 429.
pub async fn reset(call: &Call) -> Result<Answer, Fault> {
    let asked = asked(call);
    let seen = call
        .write(None, move |tx, ctx, guest| {
            let seen = seen(tx, ctx, guest, &asked)?;
            Ok(usecase::reset(tx, ctx, seen)?)
        })
        .await?;
    Ok(document(StatusCode::OK, &seen))
}
