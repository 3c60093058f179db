//! Rows to store.

use serde_json::json;
use signet_verify::claims::Components;

use crate::{
    base::{
        entropy::SeededEntropy,
        ids::{ActivationId, HistoryId, LicenseId, OrderId},
        slug::Slug,
        time::Time,
    },
    license::{
        model::{Customer, Expiry, License, Standing},
        plan::FeatureValue,
    },
    store::{ActivationRecord, HistoryRecord, OrderKind, OrderRecord, OrderStatus, SealedKey},
};

/// `seconds` after a fixed instant, with odd microseconds that must survive.
pub(super) fn time(seconds: i64) -> Time {
    Time::from_micros(1_790_000_000_123_457 + seconds * 1_000_000).unwrap()
}

pub(super) fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

/// Ids sort by `number`.
pub(super) fn entropy(number: i64) -> SeededEntropy {
    SeededEntropy::new(number.unsigned_abs())
}

pub(super) fn license(number: i64) -> License {
    License {
        id: LicenseId::new(time(number), &entropy(number)),
        product: slug("atlas"),
        plan: slug("team"),
        channel: Some(slug("koo")),
        instance_id: Some(format!("instance-{number}")),
        standing: Standing { marketplace_hold: true, status_signed_at: Some(time(7)), ..Standing::default() },
        expiry: Expiry::Estimated(time(1_000 + number)),
        machines: 5,
        features: [
            ("edition".to_owned(), FeatureValue::Text("专业版".to_owned())),
            ("seats".to_owned(), FeatureValue::Number(u32::MAX)),
            ("sso".to_owned(), FeatureValue::Flag(true)),
        ]
        .into(),
        quantity: Some(u32::MAX),
        trial: true,
        device: Some("sn-1".to_owned()),
        customer: Customer { id: Some("customer-1".to_owned()), name: Some("示例公司".to_owned()) },
        rev: 1,
        created_at: time(number),
        updated_at: time(number),
    }
}

pub(super) fn key(number: u8) -> SealedKey {
    SealedKey { lookup: [number; 32], sealed: vec![0, 255, number] }
}

pub(super) fn order(number: i64) -> OrderRecord {
    OrderRecord {
        id: OrderId::new(time(number), &entropy(number)),
        channel: Some(slug("koo")),
        identity: format!("order-{number}"),
        kind: OrderKind::TrialToFormal,
        order_id: "CS1".to_owned(),
        line_id: None,
        product_id: Some("p".to_owned()),
        sku_code: None,
        instance_id: Some("instance-1".to_owned()),
        license_id: None,
        status: OrderStatus::Waiting,
        quantity: Some(3),
        details: json!({"a": [1, "二\u{0}"]}),
        created_at: time(number),
        updated_at: time(number),
    }
}

/// A machine of `license` with these components, `name=value` each; ids sort by `number`.
pub(super) fn activation(number: i64, license: LicenseId, components: &[&str]) -> ActivationRecord {
    ActivationRecord {
        id: ActivationId::new(time(number), &entropy(number)),
        license_id: license,
        product: slug("atlas"),
        name: Some(format!("机器-{number}")),
        platform: None,
        version: Some("2.4".to_owned()),
        container: false,
        components: machine(components),
        floating: false,
        lease_ends_at: time(1_000),
        grace_until: time(2_000),
        borrowed: false,
        created_at: time(number),
        last_seen_at: time(number),
        ended_at: None,
        ended_by: None,
    }
}

/// Components from `name=value`.
pub(super) fn machine(components: &[&str]) -> Components {
    components
        .iter()
        .map(|it| it.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

pub(super) fn history(number: i64, license: LicenseId) -> HistoryRecord {
    HistoryRecord {
        id: HistoryId::new(time(number), &entropy(number)),
        license_id: license,
        at: time(number),
        actor: "koo".to_owned(),
        event: "issued".to_owned(),
        detail: json!(null),
    }
}
