use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    base::{entropy::SeededEntropy, ids::LicenseId},
    license::{
        model::{Customer, Expiry, Standing},
        plan::Features,
    },
};

const ISSUER: &str = "https://licenses.example.com";
const DAY: i64 = 86_400;

fn at(seconds: i64) -> Time {
    Time::from_micros(seconds * 1_000_000).unwrap()
}

/// Three plans of which the catalog lists the smallest first. The codes of `offline` carry end and device.
fn product() -> Product {
    let plan = |slug: &str, carries: bool, bind: Value| {
        json!({
            "slug": slug, "name": { "zh": slug, "en": slug }, "term": { "years": 1 }, "machines": 2, "features": {},
            "quantity": "ignore", "code_carries_expiry": carries, "lease": {}, "bind_parameter": bind, "delivery": {},
            "expiry_slack": { "estimate_days": 14, "confirmed_days": 3 }, "product_ids": [], "sku_codes": [],
        })
    };
    let plans =
        [plan("basic", false, json!(null)), plan("pro", false, json!(null)), plan("offline", true, json!("sn"))];
    let product = json!({
        "slug": "atlas", "name": { "zh": "图册", "en": "Atlas" }, "support": {}, "usage_guide": null, "plans": plans,
    });
    serde_json::from_value(product).unwrap()
}

fn license(plan: &str, features: Value) -> License {
    let created_at = at(1_700_000_000);
    License {
        id: LicenseId::new(created_at, &SeededEntropy::new(1)),
        product: "atlas".parse().unwrap(),
        plan: plan.parse().unwrap(),
        channel: None,
        instance_id: None,
        standing: Standing::default(),
        expiry: Expiry::Confirmed(at(1_800_000_000)),
        machines: 2,
        features: serde_json::from_value(features).unwrap(),
        quantity: None,
        trial: false,
        device: None,
        customer: Customer::default(),
        rev: 1,
        created_at,
        updated_at: created_at,
    }
}

/// Whether the code that `before` had grants more than what it became.
fn revoked(before: &License, after: &License) -> bool {
    let product = product();
    let code = Claims::for_license(before, find(&product, &before.plan).unwrap(), ISSUER, before.created_at);
    grants_more(&code, &License { rev: before.rev + 1, ..after.clone() }, Some(&product))
}

fn changed(before: &License, change: impl FnOnce(&mut License)) -> License {
    let mut after = before.clone();
    change(&mut after);
    after
}

#[test]
fn more_of_anything_counts_and_less_does_not() {
    let cases = [
        // The same.
        (json!({ "layers": 5 }), json!({ "layers": 5 }), false),
        // A limit.
        (json!({ "layers": 5 }), json!({ "layers": 6 }), false),
        (json!({ "layers": 6 }), json!({ "layers": 5 }), true),
        // A switch.
        (json!({ "sso": false }), json!({ "sso": true }), false),
        (json!({ "sso": true }), json!({ "sso": false }), true),
        (json!({ "sso": true }), json!({}), true),
        (json!({ "sso": false }), json!({}), false),
        (json!({}), json!({ "sso": true }), false),
        // Whatever is gone was more.
        (json!({ "layers": 5 }), json!({}), true),
        (json!({ "edition": "pro" }), json!({}), true),
        (json!({}), json!({ "edition": "pro" }), false),
        // More of one thing is more, whatever else became better.
        (json!({ "layers": 5, "seats": 2 }), json!({ "layers": 50, "seats": 1 }), true),
        // A name changes with what can be counted.
        (json!({ "edition": "basic", "layers": 5 }), json!({ "edition": "pro", "layers": 6 }), false),
        (json!({ "edition": "pro", "layers": 6 }), json!({ "edition": "basic", "layers": 5 }), true),
        // A name alone says nothing within one plan: somebody only renamed it.
        (json!({ "edition": "pro" }), json!({ "edition": "Pro 2026" }), false),
        // Another kind of value has no order either.
        (json!({ "export": true }), json!({ "export": "csv" }), false),
        (json!({ "export": "csv" }), json!({ "export": false }), true),
        (json!({ "export": false }), json!({ "export": 3 }), false),
    ];
    for (before, after, expected) in cases {
        assert_eq!(
            revoked(&license("pro", before.clone()), &license("pro", after.clone())),
            expected,
            "{before} → {after}"
        );
    }
    let two = license("pro", json!({}));
    assert!(revoked(&two, &changed(&two, |it| it.machines = 1)));
    assert!(!revoked(&two, &changed(&two, |it| it.machines = 3)));
}

#[test]
fn where_nothing_can_be_counted_the_catalog_says_which_plan_is_more() {
    let named = |plan: &str| license(plan, json!({ "edition": plan }));
    assert!(revoked(&named("pro"), &named("basic")));
    assert!(!revoked(&named("basic"), &named("pro")));
    // Also by the plan's name alone.
    let bare = |plan: &str| license(plan, json!({}));
    assert!(revoked(&bare("pro"), &bare("basic")) && !revoked(&bare("basic"), &bare("pro")));
    // What can be counted outweighs the order.
    let counted = |plan: &str, layers: u32| license(plan, json!({ "edition": plan, "layers": layers }));
    assert!(!revoked(&counted("pro", 1), &counted("basic", 2)));
    assert!(revoked(&counted("basic", 2), &counted("pro", 1)));
}

#[test]
fn an_end_counts_where_codes_carry_one() {
    let long = license("offline", json!({}));
    let end = 1_800_000_000;
    let cases = [
        (Expiry::Confirmed(at(end + 365 * DAY)), false, "renewed"),
        (Expiry::Confirmed(at(end)), false, "the same"),
        (Expiry::Never, false, "for good"),
        (Expiry::Confirmed(at(end - 365 * DAY)), true, "the renewal was refunded"),
        // 3 days of slack before, up to 14 now: within the courtesy nothing is lost.
        (Expiry::Estimated(at(end - 11 * DAY)), false, "inside the slack"),
        (Expiry::Estimated(at(end - 11 * DAY - 1)), true, "beyond the slack"),
    ];
    for (expiry, expected, why) in cases {
        assert_eq!(revoked(&long, &changed(&long, |it| it.expiry = expiry)), expected, "{why}");
    }
    let estimated = changed(&long, |it| it.expiry = Expiry::Estimated(at(end)));
    assert!(!revoked(&estimated, &long), "a confirmed estimate takes nothing away");
    // Without an end of its own, a code outlives a license that carries one.
    let endless = license("pro", json!({ "layers": 1 }));
    let wider = changed(&long, |it| it.features = license("pro", json!({ "layers": 2 })).features);
    assert!(revoked(&endless, &wider));
    assert!(!revoked(&long, &endless), "the lease says when it ends");
    let refunded = changed(&endless, |it| it.expiry = Expiry::Confirmed(at(end - 365 * DAY)));
    assert!(!revoked(&endless, &refunded), "the lease says when it ends");
}

#[test]
fn a_bound_license_revokes_codes_without_its_device() {
    let bound = |device: &str| changed(&license("offline", json!({})), |it| it.device = Some(device.to_owned()));
    let free = license("offline", json!({}));
    assert!(revoked(&free, &bound("SN-1")) && revoked(&bound("SN-2"), &bound("SN-1")));
    assert!(!revoked(&bound("SN-1"), &bound("SN-1")) && !revoked(&bound("SN-1"), &free));
}

#[test]
fn holds_revoke_nothing_and_release_everything() {
    let before = license("pro", json!({ "layers": 5 }));
    for hold in [|it: &mut Standing| it.merchant_hold = true, |it: &mut Standing| it.marketplace_hold = true] {
        assert!(!revoked(&before, &changed(&before, |it| hold(&mut it.standing))));
    }
    let released = changed(&before, |it| it.standing.released = true);
    assert!(revoked(&before, &released));
    let code = Claims::for_license(&released, &product().plans[1], ISSUER, released.created_at);
    assert!(grants_more(&code, &released, Some(&product())), "also the newest");
}

#[test]
fn codes_of_something_else_are_never_fair() {
    let before = license("pro", json!({}));
    let other = changed(&before, |it| it.id = LicenseId::new(at(1), &SeededEntropy::new(2)));
    assert!(revoked(&before, &other));
    assert!(revoked(&before, &changed(&before, |it| it.product = "desk".parse().unwrap())));
}

/// Regression: a catalog that starts to carry the expiry, or lowers the slack, made every code in force look too good.
#[test]
fn the_newest_revision_stays_good_when_the_catalog_changes() {
    let current = license("pro", json!({ "layers": 5 }));
    let mut product = product();
    let code = Claims::for_license(&current, &product.plans[1], ISSUER, current.created_at);
    product.plans[1].code_carries_expiry = true;
    assert!(!grants_more(&code, &current, Some(&product)));
    assert!(grants_more(&code, &License { rev: 2, ..current }, Some(&product)), "until there is a newer one");
}

#[test]
fn without_its_product_only_the_grant_is_compared() {
    let after = License { rev: 2, ..license("offline", json!({ "layers": 5 })) };
    let mut code = Claims::for_license(&after, &product().plans[2], ISSUER, after.created_at);
    (code.rev, code.exp) = (1, None);
    assert!(!grants_more(&code, &after, None) && grants_more(&code, &after, Some(&product())));
    code.machines += 1;
    assert!(grants_more(&code, &after, None));
}

/// A grant: machines, two limits, a switch, an edition by its place among the plans, days that are left.
type Grant = (u32, u32, u32, bool, usize, i64);

fn granted((machines, layers, seats, sso, plan, days): Grant) -> License {
    let plan = ["basic", "pro", "offline"][plan];
    let features: Features =
        serde_json::from_value(json!({ "layers": layers, "seats": seats, "sso": sso, "edition": plan })).unwrap();
    let expiry = Expiry::Confirmed(at(1_800_000_000 + days * DAY));
    License { machines, features, expiry, ..license(plan, json!({})) }
}

fn grants() -> impl Strategy<Value = Grant> {
    // Two plans: the third carries an end, so that going there from an endless one is no upgrade.
    (1..9_u32, 0..9_u32, 0..9_u32, any::<bool>(), 0..2_usize, 0..900_i64)
}

proptest! {
    #[test]
    fn an_upgrade_never_revokes(low in grants(), raise in grants()) {
        let high = (
            low.0 + raise.0 - 1, low.1 + raise.1, low.2 + raise.2, low.3 | raise.3, low.4.max(raise.4), low.5 + raise.5,
        );
        prop_assert!(!revoked(&granted(low), &granted(high)), "{low:?} → {high:?}");
    }

    #[test]
    fn whatever_loses_something_that_can_be_counted_is_revoked(before in grants(), after in grants()) {
        let lost = after.0 < before.0 || after.1 < before.1 || after.2 < before.2 || (before.3 && !after.3);
        let lost_name = !lost && (before.0, before.1, before.2, before.3) == (after.0, after.1, after.2, after.3)
            && after.4 < before.4;
        prop_assert_eq!(revoked(&granted(before), &granted(after)), lost || lost_name, "{:?} → {:?}", before, after);
    }

    /// A renewal that is refunded, where codes carry their end: whatever else, beyond the slack it counts.
    #[test]
    fn an_end_that_moves_back_revokes(grant in grants(), back in 15..900_i64) {
        let before = granted((grant.0, grant.1, grant.2, grant.3, 2, grant.5));
        let after = granted((grant.0, grant.1, grant.2, grant.3, 2, grant.5 - back));
        prop_assert!(revoked(&before, &after) && !revoked(&after, &before));
    }
}
