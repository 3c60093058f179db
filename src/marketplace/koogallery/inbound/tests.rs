use std::collections::BTreeSet;

use data_encoding::BASE64;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::{
    Transport::{V1, V2},
    *,
};
use crate::{
    base::{limits, time::Time},
    license::{model::Customer, plan::Term},
    marketplace::{
        event::{
            Charging, DeviceLicense, OrderRef, PlanRef, Purchase, PurchaseAnswer, PurchaseDetails, Release, Renewal,
            RenewalCause, StatusChange, StatusTarget, Upgrade,
        },
        koogallery::{debug, testing},
    },
};

type Sample = (Transport, &'static str, &'static [(&'static str, &'static str)]);

const BUY: &[(&str, &str)] = &[
    ("customerId", "c-0001"),
    ("customerName", "张三"),
    ("businessId", "b-0001"),
    ("orderId", "CS2401"),
    ("orderLineId", "CS2401-000001"),
    ("skuCode", "sku-1"),
    ("productId", "P1"),
    ("expireTime", "20250101000000"),
    ("periodType", "year"),
    ("periodNumber", "1"),
    ("chargingMode", "1"),
    ("amount", "5"),
    ("mobilePhone", "ciphertext=="),
    ("email", "ciphertext=="),
    ("trialFlag", "0"),
    ("provisionType", "1"),
    ("saasExtendParams", "W10="),
];
const IDS: &[(&str, &str)] = &[("orderId", "CS2401"), ("instanceId", "b-0001")];
const REFRESH: &[(&str, &str)] = &[
    ("orderId", "CS2402"),
    ("instanceId", "b-0001"),
    ("productId", "P1"),
    ("expireTime", "20260101000000"),
    ("periodType", "month"),
    ("periodNumber", "12"),
];
const LINE: &[(&str, &str)] = &[("orderId", "CS2401"), ("orderLineId", "CS2401-000001"), ("instanceId", "b-0001")];

/// A realistic call of every activity on every transport it comes by.
const SAMPLES: &[Sample] = &[
    (V1, "getLicense", BUY),
    (V1, "refreshLicense", REFRESH),
    (V1, "expireLicense", IDS),
    (V1, "releaseLicense", IDS),
    (V1, "newInstance", BUY),
    (V1, "refreshInstance", REFRESH),
    (V1, "expireInstance", IDS),
    (V1, "instanceStatus", &[("instanceId", "b-0001"), ("instanceStatus", "FREEZE")]),
    (V1, "releaseInstance", IDS),
    (V1, "queryInstance", &[("instanceId", "b-0001")]),
    (
        V1,
        "upgrade",
        &[("instanceId", "b-0001"), ("orderId", "CS2403"), ("skuCode", "sku-2"), ("productId", "P2"), ("amount", "9")],
    ),
    (
        V2,
        "refreshLicenseCode",
        &[
            ("scene", "RENEWAL"),
            ("orderId", "CS2402"),
            ("orderLineId", "CS2402-000001"),
            ("license", "PLTEST0001"),
            ("productId", "P1"),
            ("expireTime", "20260101000000"),
        ],
    ),
    (V2, "updateLicenseCodeStatus", &[("license", "PLTEST0001"), ("status", "UNFREEZE")]),
    (V2, "releaseLicenseCode", &[("license", "PLTEST0001"), ("orderId", "CS2404"), ("orderLineId", "CS2404-000001")]),
    (V2, "newInstance", &[("orderId", "CS2401"), ("orderLineId", "CS2401-000001"), ("businessId", "b-0001")]),
    (
        V2,
        "refreshInstance",
        &[
            ("scene", "TRIAL_TO_FORMAL"),
            ("orderId", "CS2402"),
            ("orderLineId", "CS2402-000001"),
            ("instanceId", "b-0001"),
            ("productId", "P1"),
            ("expireTime", "20260101000000123"),
        ],
    ),
    (V2, "updateInstanceStatus", &[("instanceId", "b-0001"), ("status", "FREEZE")]),
    (V2, "releaseInstance", LINE),
    (V2, "queryInstance", &[("instanceId", "b-0001,b-0002")]),
    (V2, "upgradeInstance", LINE),
    (V2, "orderNotify", &[("orderId", "CS2401"), ("orderLineId", "CS2401-000001")]),
    (
        V2,
        "getLicenseAsync",
        &[
            ("instanceId", "b-0001"),
            ("effectiveTime", "2023-10-27 10:30:15 z"),
            ("expireTime", "2024-10-27 10:30:15 z"),
            ("eventId", "e-1"),
            ("deviceFingerprint", "AA:BB|DISK|BOARD|CPU"),
        ],
    ),
];

/// Fields whose odd values hinder nothing, or that are not read at all.
const HARMLESS: &[&str] = &["saasExtendParams", "mobilePhone", "email", "provisionType"];

fn sample(transport: Transport, activity: &str) -> Vec<(String, String)> {
    let (_, _, fields) = SAMPLES.iter().find(|sample| (sample.0, sample.1) == (transport, activity)).unwrap();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    std::iter::once(&("activity", activity)).chain(*fields).map(owned).collect()
}

fn send(transport: Transport, fields: &[(String, String)]) -> Result<Call, Rejected> {
    let sent = match transport {
        V1 => testing::v1(&fields.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>()),
        V2 => {
            let map: serde_json::Map<_, _> = fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            testing::v2(&serde_json::to_string(&map).unwrap())
        }
    };
    parse(&sent.raw(), &sent.authentic())
}

/// A sample with fields changed or added; an empty name adds only a field nobody knows.
fn changed(transport: Transport, activity: &str, changes: &[(&str, &str)]) -> Result<Call, Rejected> {
    let mut fields = sample(transport, activity);
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    send(transport, &fields)
}

fn without(transport: Transport, activity: &str, field: &str) -> Result<Call, Rejected> {
    let mut fields = sample(transport, activity);
    fields.retain(|(name, _)| name != field);
    send(transport, &fields)
}

fn body(text: &str) -> Result<Call, Rejected> {
    let sent = testing::v2(text);
    parse(&sent.raw(), &sent.authentic())
}

fn order(order_id: &str, line_id: Option<&str>) -> OrderRef {
    OrderRef { order_id: order_id.into(), line_id: line_id.map(Into::into) }
}

fn instance() -> Subject {
    Subject::Instance("b-0001".into())
}

fn time(compact: &str) -> Time {
    Time::parse_compact(compact).unwrap()
}

fn plan(product_id: &str, sku_code: Option<&str>) -> PlanRef {
    PlanRef { product_id: Some(product_id.into()), sku_code: sku_code.map(Into::into) }
}

#[test]
fn every_activity_has_a_sample_that_parses_without_test_flag() {
    let mut seen = BTreeSet::new();
    for (transport, activity, _) in SAMPLES {
        let call = changed(*transport, activity, &[]).unwrap_or_else(|error| panic!("{activity}: {error}"));
        assert_eq!(call.activity.as_str(), *activity);
        assert_eq!(Some(call.line), call.activity.line(*transport));
        assert!(!call.debug && call.notes.is_empty(), "{activity}: {:?}", call.notes);
        let stored = serde_json::to_string(&call.event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), call.event, "{stored}");
        seen.insert(*activity);
    }
    assert_eq!(seen.len(), Activity::ALL.len());
}

#[test]
fn an_activity_on_the_wrong_transport_is_refused() {
    let both = ["newInstance", "refreshInstance", "releaseInstance", "queryInstance"];
    for (transport, activity, _) in SAMPLES.iter().filter(|sample| !both.contains(&sample.1)) {
        let other = if *transport == V1 { V2 } else { V1 };
        let rejected = send(other, &sample(*transport, activity)).unwrap_err();
        assert!(rejected.reason.contains("never comes by"), "{rejected}");
        assert_eq!(rejected.activity.as_deref(), Some(*activity));
    }
}

#[test]
fn an_unknown_or_missing_activity_is_refused_and_shown_short() {
    let rejected = send(V1, &[("activity".into(), "give\nLicense".into())]).unwrap_err();
    assert_eq!(rejected.reason, "`activity` is unknown: `give\\nLicense`");
    assert_eq!(rejected.activity.as_deref(), Some("give\\nLicense"));
    assert_eq!(send(V1, &[]).unwrap_err().reason, "`activity` is missing or empty");
    assert!(body(r#"{"activity":""}"#).is_err());
    let long = "x".repeat(5_000);
    let rejected = send(V1, &[("activity".into(), long)]).unwrap_err();
    assert!(rejected.reason.contains("5000 characters, at most 32") && rejected.reason.len() < 200, "{rejected}");
}

#[test]
fn license_1_purchase_and_saas_1_purchase() {
    let purchase = |wants| {
        Event::Purchase(Purchase {
            order: order("CS2401", Some("CS2401-000001")),
            business_id: "b-0001".into(),
            plan: plan("P1", Some("sku-1")),
            details: Some(PurchaseDetails {
                customer: Customer { id: Some("c-0001".into()), name: Some("张三".into()) },
                email: None,
                expires_at: Some(time("20250101000000")),
                period: Some(Term::Years(1)),
                charging: Some(Charging::Period),
                quantity: Some(5),
                trial: false,
                extension: vec![],
            }),
            wants,
        })
    };
    assert_eq!(changed(V1, "getLicense", &[]).unwrap().event, purchase(PurchaseAnswer::LicenseCode));
    let call = changed(V1, "newInstance", &[]).unwrap();
    assert_eq!((&call.event, call.line), (&purchase(PurchaseAnswer::AppInfo), Line::Saas1));
    assert_eq!(call.appear, Appearance { order_id: Some("CS2401".into()), instance_id: None });
}

#[test]
fn instance_2_purchase_brings_only_ids() {
    let call = changed(V2, "newInstance", &[]).unwrap();
    let expected = Purchase {
        order: order("CS2401", Some("CS2401-000001")),
        business_id: "b-0001".into(),
        plan: PlanRef::default(),
        details: None,
        wants: PurchaseAnswer::InstanceId,
    };
    assert_eq!((call.event, call.line), (Event::Purchase(expected), Line::Instance2));
}

#[test]
fn renewals_of_every_line() {
    let expected = Renewal {
        order: order("CS2402", None),
        subject: instance(),
        cause: RenewalCause::Refresh,
        plan: plan("P1", None),
        expires_at: Some(time("20260101000000")),
        period: Some(Term::Months(12)),
    };
    assert_eq!(changed(V1, "refreshLicense", &[]).unwrap().event, Event::Renewal(expected.clone()));
    let code = Renewal {
        order: order("CS2402", Some("CS2402-000001")),
        subject: Subject::MarketplaceCode("PLTEST0001".into()),
        cause: RenewalCause::Renewal,
        period: None,
        ..expected.clone()
    };
    assert_eq!(changed(V2, "refreshLicenseCode", &[]).unwrap().event, Event::Renewal(code));
    let instance = Renewal {
        order: order("CS2402", Some("CS2402-000001")),
        cause: RenewalCause::TrialToFormal,
        expires_at: Some(time("20260101000000123")),
        period: None,
        ..expected
    };
    assert_eq!(changed(V2, "refreshInstance", &[]).unwrap().event, Event::Renewal(instance));
}

#[rstest]
#[case(V1, "refreshInstance", "trialToFormal", "1", RenewalCause::TrialToFormal)]
#[case(V1, "refreshInstance", "trialToFormal", "0", RenewalCause::Renewal)]
#[case(V1, "refreshInstance", "orderAmount", "-12.50", RenewalCause::RefundOfRenewal)]
#[case(V1, "refreshInstance", "orderAmount", "-0.00", RenewalCause::Renewal)]
#[case(V1, "refreshInstance", "orderAmount", "99", RenewalCause::Renewal)]
#[case(V1, "refreshLicense", "orderAmount", "-1", RenewalCause::Refresh)]
#[case(V2, "refreshInstance", "scene", "RENEWAL", RenewalCause::Renewal)]
#[case(V2, "refreshInstance", "scene", "RENEWAL_CHANGE", RenewalCause::RenewalChange)]
#[case(V2, "refreshInstance", "scene", "UNSUBSCRIBE_RENEWAL_PERIOD", RenewalCause::RefundOfRenewal)]
#[case(V2, "refreshLicenseCode", "scene", "UNSUBSCRIBE_RENEWAL_PERIOD", RenewalCause::RefundOfRenewal)]
fn causes(
    #[case] by: Transport,
    #[case] activity: &str,
    #[case] field: &str,
    #[case] value: &str,
    #[case] cause: RenewalCause,
) {
    let Event::Renewal(renewal) = changed(by, activity, &[(field, value)]).unwrap().event else { panic!("no renewal") };
    assert_eq!(renewal.cause, cause);
}

#[rstest]
#[case(V1, "expireLicense", "", "", StatusTarget::Expired)]
#[case(V1, "expireInstance", "", "", StatusTarget::Expired)]
#[case(V1, "instanceStatus", "instanceStatus", "NORMAL", StatusTarget::Unfrozen)]
#[case(V1, "instanceStatus", "instanceStatus", "FREEZE", StatusTarget::Frozen)]
#[case(V2, "updateInstanceStatus", "status", "FREEZE", StatusTarget::Frozen)]
#[case(V2, "updateInstanceStatus", "status", "UNFREEZE", StatusTarget::Unfrozen)]
fn statuses(
    #[case] by: Transport,
    #[case] activity: &str,
    #[case] field: &str,
    #[case] value: &str,
    #[case] target: StatusTarget,
) {
    let call = changed(by, activity, &[(field, value)]).unwrap();
    assert_eq!(call.event, Event::Status(StatusChange { subject: instance(), target }));
    assert_eq!(call.appear.instance_id.as_deref(), Some("b-0001"));
}

#[test]
fn releases_upgrades_queries_notices_and_device_licenses() {
    let event = |by, activity| changed(by, activity, &[]).unwrap().event;
    let release = |subject, order| Event::Release(Release { subject, order: Some(order) });
    assert_eq!(event(V1, "releaseLicense"), release(instance(), order("CS2401", None)));
    let code = Subject::MarketplaceCode("PLTEST0001".into());
    assert_eq!(event(V2, "releaseLicenseCode"), release(code, order("CS2404", Some("CS2404-000001"))));
    let upgrade = Upgrade {
        order: order("CS2403", None),
        subject: instance(),
        plan: plan("P2", Some("sku-2")),
        quantity: Some(9),
    };
    assert_eq!(event(V1, "upgrade"), Event::Upgrade(upgrade));
    assert_eq!(event(V2, "queryInstance"), Event::Query(vec!["b-0001".into(), "b-0002".into()]));
    assert_eq!(event(V2, "orderNotify"), Event::OrderNotice(order("CS2401", Some("CS2401-000001"))));
    let device = DeviceLicense {
        subject: Subject::Instance("b-0001".into()),
        event_id: "e-1".into(),
        effective_at: time("20231027103015"),
        expires_at: Some(time("20241027103015")),
        fingerprint: Some("AA:BB|DISK|BOARD|CPU".into()),
    };
    assert_eq!(event(V2, "getLicenseAsync"), Event::DeviceLicense(device));
}

#[path = "fault_tests.rs"]
mod faults;
