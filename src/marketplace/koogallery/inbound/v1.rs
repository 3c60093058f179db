//! The activities that come by GET: License 1.0 and SaaS 1.0.

use crate::{
    base::limits,
    license::{model::Customer, plan::Term},
    marketplace::event::{
        Charging, Event, PlanRef, Purchase, PurchaseAnswer, PurchaseDetails, Release, Renewal, RenewalCause,
        StatusChange, StatusTarget, Subject, Upgrade,
    },
};

use super::{
    Activity, Line, extension,
    fields::{Checked, Fields, shown},
};

pub(super) fn event(activity: Activity, line: Line, fields: &mut Fields) -> Checked<Event> {
    match activity {
        Activity::GetLicense | Activity::NewInstance => purchase(line, fields).map(Event::Purchase),
        Activity::RefreshLicense => renewal(RenewalCause::Refresh, fields).map(Event::Renewal),
        Activity::RefreshInstance => {
            let cause = refresh_cause(fields)?;
            renewal(cause, fields).map(Event::Renewal)
        }
        Activity::ExpireLicense | Activity::ExpireInstance => status(StatusTarget::Expired, fields),
        Activity::InstanceStatus => {
            let target = status_word(fields)?;
            status(target, fields)
        }
        Activity::ReleaseLicense | Activity::ReleaseInstance => release(fields).map(Event::Release),
        Activity::QueryInstance => query(fields).map(Event::Query),
        Activity::Upgrade => upgrade(fields).map(Event::Upgrade),
        other => Err(format!("`activity` `{}` never comes by GET", other.as_str())),
    }
}

fn purchase(line: Line, fields: &mut Fields) -> Checked<Purchase> {
    let order = fields.order()?;
    let business_id = fields.required_id("businessId")?;
    let plan = fields.plan()?;
    if plan.product_id.is_none() && !fields.debug {
        return Err("`productId` is missing or empty".to_owned());
    }
    let wants = if line == Line::License1 { PurchaseAnswer::LicenseCode } else { PurchaseAnswer::AppInfo };
    Ok(Purchase { order, business_id, plan, details: Some(details(fields)?), wants })
}

/// What a purchase tells beyond ids. `mobilePhone`, `email`, `userId` and `userName` are personal and not needed: they
/// are neither decrypted nor kept.
fn details(fields: &mut Fields) -> Checked<PurchaseDetails> {
    let customer =
        Customer { id: Some(fields.required_id_up_to("customerId", 100)?), name: fields.text("customerName", 64)? };
    Ok(PurchaseDetails {
        customer,
        email: None,
        expires_at: fields.time("expireTime")?,
        period: period(fields)?,
        charging: charging(fields)?,
        quantity: fields.whole("amount", u32::MAX)?,
        trial: fields.text("trialFlag", 10)?.as_deref() == Some("1"),
        extension: extension::read(fields),
    })
}

/// `chargingMode`; one that is not documented is noted, since only the term's default depends on it.
fn charging(fields: &mut Fields) -> Checked<Option<Charging>> {
    let Some(mode) = fields.text("chargingMode", 10)? else { return Ok(None) };
    let known = match mode.as_str() {
        "0" => Some(Charging::OnDemand),
        "1" => Some(Charging::Period),
        "3" => Some(Charging::OneTime),
        "5" => Some(Charging::Package),
        _ => None,
    };
    if known.is_none() {
        fields.notes.push(format!("`chargingMode` is unknown: `{}`", shown("chargingMode", &mode)));
    }
    Ok(known)
}

/// `periodType` × `periodNumber`; hours and unknown types count as not told.
fn period(fields: &mut Fields) -> Checked<Option<Term>> {
    let number = fields.whole("periodNumber", u16::MAX.into())?.and_then(|number| u16::try_from(number).ok());
    let kind = fields.text("periodType", 10)?;
    let Some((number, kind)) = number.filter(|number| *number > 0).zip(kind) else { return Ok(None) };
    let term = match kind.as_str() {
        "year" => Some(Term::Years(number)),
        "month" => Some(Term::Months(number)),
        "day" => Some(Term::Days(number)),
        _ => None,
    };
    if term.is_none() {
        fields.notes.push(format!("`periodType` names no calendar term: `{}`", shown("periodType", &kind)));
    }
    Ok(term)
}

/// The order, the instance and the new expiry are what a renewal is; the rest is read as far as it can be, because the
/// call may come only once.
fn renewal(cause: RenewalCause, fields: &mut Fields) -> Checked<Renewal> {
    let (product_id, sku_code, period) = (fields.id("productId"), fields.id("skuCode"), period(fields));
    Ok(Renewal {
        order: fields.order()?,
        subject: fields.instance()?,
        cause,
        plan: PlanRef { product_id: fields.aside(product_id), sku_code: fields.aside(sku_code) },
        expires_at: fields.required_time("expireTime")?,
        period: fields.aside(period),
    })
}

/// SaaS 1.0 tells the cause by two optional fields. The refund wins: it is the one that takes away.
fn refresh_cause(fields: &mut Fields) -> Checked<RenewalCause> {
    let formal = fields.text("trialToFormal", 10)?.as_deref() == Some("1");
    let refund = amount_is_negative(fields)?;
    Ok(match (refund, formal) {
        (true, _) => RenewalCause::RefundOfRenewal,
        (false, true) => RenewalCause::TrialToFormal,
        (false, false) => RenewalCause::Renewal,
    })
}

fn amount_is_negative(fields: &mut Fields) -> Checked<bool> {
    let read = |text: &str| {
        let (minus, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let number = [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if !number {
            return Err(format!("`orderAmount` is `{}`, expected a decimal number", shown("orderAmount", text)));
        }
        Ok(minus && digits.bytes().any(|byte| matches!(byte, b'1'..=b'9')))
    };
    let found = fields.look("orderAmount", 32).and_then(|found| found.map(read).transpose());
    Ok(fields.lenient(found)?.unwrap_or(false))
}

/// `instanceStatus` `FREEZE|NORMAL`; the name `status` of the newer lines is understood too.
fn status_word(fields: &mut Fields) -> Checked<StatusTarget> {
    let words =
        [("FREEZE", StatusTarget::Frozen), ("NORMAL", StatusTarget::Unfrozen), ("UNFREEZE", StatusTarget::Unfrozen)];
    match fields.word("instanceStatus", &words)? {
        Some(target) => Ok(target),
        None => fields
            .required_word("status", &words)
            .map_err(|reason| reason.replace("`status` is missing", "`instanceStatus` is missing")),
    }
}

fn status(target: StatusTarget, fields: &mut Fields) -> Checked<Event> {
    let subject = fields.instance()?;
    Ok(Event::Status(StatusChange { subject, target }))
}

/// The order is told, but a release without one still ends the instance it names: it may be sent only once.
fn release(fields: &mut Fields) -> Checked<Release> {
    Ok(Release { subject: fields.instance()?, order: fields.optional_order() })
}

fn upgrade(fields: &mut Fields) -> Checked<Upgrade> {
    let (order, subject, plan) = (fields.order()?, fields.instance()?, fields.plan()?);
    let quantity = fields.whole("amount", u32::MAX)?;
    if plan.sku_code.is_none() && plan.product_id.is_none() && quantity.is_none() && !fields.debug {
        return Err("`skuCode` is missing or empty: the upgrade does not say to what".to_owned());
    }
    Ok(Upgrade { order, subject, plan, quantity })
}

/// One instance id or a comma list; the length of 100 that the marketplace prints is not what it sends.
pub(super) fn query(fields: &mut Fields) -> Checked<Vec<String>> {
    let list = fields.look("instanceId", limits::QUERY_INSTANCES * 65);
    let found = list.and_then(|found| found.map(split_ids).transpose());
    match fields.lenient(found)? {
        Some(ids) => Ok(ids),
        None => fields.instance().map(|subject| match subject {
            Subject::Instance(id) | Subject::MarketplaceCode(id) => vec![id],
        }),
    }
}

fn split_ids(list: &str) -> Checked<Vec<String>> {
    let ids: Vec<&str> = list.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > limits::QUERY_INSTANCES {
        return Err(format!("`instanceId` holds {} ids, expected 1 to {}", ids.len(), limits::QUERY_INSTANCES));
    }
    let wrong = |id: &&&str| id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_graphic());
    if let Some(id) = ids.iter().find(wrong) {
        let seen = shown("instanceId", id);
        return Err(format!("`instanceId` holds `{seen}`, expected ids of 1 to 64 visible ASCII characters"));
    }
    Ok(ids.into_iter().map(str::to_owned).collect())
}
