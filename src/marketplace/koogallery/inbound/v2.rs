//! The activities that come by POST: license code 2.0, client License and SaaS 2.0.

use crate::{
    base::{limits, time::Time},
    marketplace::event::{
        DeviceLicense, Event, OrderRef, PlanRef, Purchase, PurchaseAnswer, Release, Renewal, RenewalCause,
        StatusChange, StatusTarget, Subject, Upgrade,
    },
};

use super::{
    Activity, Line,
    fields::{Checked, Fields, shown},
    v1,
};

/// Scenes of a renewal; a debug call with none of them means the first.
const SCENES: [(&str, RenewalCause); 4] = [
    ("RENEWAL", RenewalCause::Renewal),
    ("UNSUBSCRIBE_RENEWAL_PERIOD", RenewalCause::RefundOfRenewal),
    ("TRIAL_TO_FORMAL", RenewalCause::TrialToFormal),
    ("RENEWAL_CHANGE", RenewalCause::RenewalChange),
];
/// License code 2.0 knows only the first two.
const CODE_SCENES: usize = 2;
const STATUSES: [(&str, StatusTarget); 2] = [("FREEZE", StatusTarget::Frozen), ("UNFREEZE", StatusTarget::Unfrozen)];

pub(super) fn event(activity: Activity, line: Line, fields: &mut Fields, signed_at: Time) -> Checked<Event> {
    match activity {
        Activity::NewInstance => purchase(fields).map(Event::Purchase),
        Activity::RefreshLicenseCode | Activity::RefreshInstance => renewal(line, fields).map(Event::Renewal),
        Activity::UpdateLicenseCodeStatus | Activity::UpdateInstanceStatus => {
            let subject = subject(line, fields)?;
            let target = fields.required_word("status", &STATUSES)?;
            Ok(Event::Status(StatusChange { subject, target }))
        }
        Activity::ReleaseLicenseCode | Activity::ReleaseInstance => {
            Ok(Event::Release(Release { subject: subject(line, fields)?, order: fields.optional_order() }))
        }
        Activity::QueryInstance => v1::query(fields).map(Event::Query),
        Activity::UpgradeInstance => upgrade(fields).map(Event::Upgrade),
        Activity::OrderNotify => fields.order().map(Event::OrderNotice),
        Activity::GetLicenseAsync => device_license(fields, signed_at).map(Event::DeviceLicense),
        other => Err(format!("`activity` `{}` never comes by POST", other.as_str())),
    }
}

fn subject(line: Line, fields: &mut Fields) -> Checked<Subject> {
    if line == Line::Code2 { fields.required_id("license").map(Subject::MarketplaceCode) } else { fields.instance() }
}

/// Only ids: who bought what, and for how long, is fetched by the order.
fn purchase(fields: &mut Fields) -> Checked<Purchase> {
    let order =
        OrderRef { order_id: fields.required_id("orderId")?, line_id: Some(fields.required_id("orderLineId")?) };
    let business_id = fields.required_id("businessId")?;
    Ok(Purchase { order, business_id, plan: fields.plan()?, details: None, wants: PurchaseAnswer::InstanceId })
}

fn renewal(line: Line, fields: &mut Fields) -> Checked<Renewal> {
    let mut order = fields.order()?;
    let scenes = if line == Line::Code2 {
        order.line_id = Some(fields.required_id("orderLineId")?);
        &SCENES[..CODE_SCENES]
    } else {
        &SCENES[..]
    };
    let product_id = fields.id("productId");
    Ok(Renewal {
        order,
        subject: subject(line, fields)?,
        cause: fields.required_word("scene", scenes)?,
        plan: PlanRef { product_id: fields.aside(product_id), sku_code: None },
        expires_at: fields.required_time("expireTime")?,
        period: None,
    })
}

fn upgrade(fields: &mut Fields) -> Checked<Upgrade> {
    Ok(Upgrade { order: fields.order()?, subject: fields.instance()?, plan: fields.plan()?, quantity: None })
}

fn device_license(fields: &mut Fields, signed_at: Time) -> Checked<DeviceLicense> {
    Ok(DeviceLicense {
        subject: fields.instance()?,
        event_id: fields.required_id("eventId")?,
        // Absent only in a debug call: then from now on.
        effective_at: fields.required_time("effectiveTime")?.unwrap_or(signed_at),
        expires_at: fields.time("expireTime")?,
        fingerprint: fingerprint(fields)?,
    })
}

/// The device, byte for byte as the client software made it: it is compared, so nothing may be tidied.
fn fingerprint(fields: &mut Fields) -> Checked<Option<String>> {
    const NAME: &str = "deviceFingerprint";
    let read = |text: &str| {
        if text.len() > limits::FINGERPRINT_BYTES {
            return Err(format!(
                "`{NAME}` has {} bytes, at most {} are allowed",
                text.len(),
                limits::FINGERPRINT_BYTES
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(format!("`{NAME}` holds control characters: `{}`", shown(NAME, text)));
        }
        Ok(text.to_owned())
    };
    let found = fields.look(NAME, limits::FINGERPRINT_BYTES).and_then(|found| found.map(read).transpose());
    fields.lenient(found)
}
