use proptest::prelude::*;
use rstest::rstest;
use signet_verify::machine::OPERATOR;

use super::*;
use crate::{
    base::{entropy::SeededEntropy, ids::LicenseId, text::Localized},
    license::{
        model::{Customer, Expiry, Standing},
        plan::{Delivery, QuantityRule, Term},
    },
};

const DOCS: &str = include_str!("../../docs/activation.md");

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn now() -> Time {
    time("2026-03-02T08:00:00.5Z")
}

fn id(seed: u64) -> ActivationId {
    ActivationId::new(now(), &SeededEntropy::new(seed))
}

fn plan() -> Plan {
    Plan {
        slug: "pro".parse().unwrap(),
        name: Localized { zh: "版".to_owned(), en: "Pro".to_owned() },
        term: Term::Perpetual,
        machines: 2,
        features: Features::new(),
        quantity: QuantityRule::Ignore,
        code_carries_expiry: false,
        expiry_slack: ExpirySlack::default(),
        lease: LeaseRule::default(),
        machine: MachineRule::default(),
        versions: Some("<3".parse().unwrap()),
        bind_parameter: Some("machineCode".to_owned()),
        meters: Vec::new(),
        delivery: Delivery::default(),
        product_ids: Vec::new(),
        sku_codes: Vec::new(),
    }
}

fn license(expiry: Expiry) -> License {
    License {
        id: LicenseId::new(now(), &SeededEntropy::new(1)),
        product: "atlas".parse().unwrap(),
        plan: "pro".parse().unwrap(),
        channel: None,
        instance_id: None,
        standing: Standing::default(),
        expiry,
        machines: 2,
        features: [
            ("export".to_owned(), FeatureValue::Flag(true)),
            ("import".to_owned(), FeatureValue::Flag(false)),
            ("layers".to_owned(), FeatureValue::Number(3)),
            ("probes".to_owned(), FeatureValue::Number(0)),
            ("edition".to_owned(), FeatureValue::Text("pro".to_owned())),
        ]
        .into(),
        quantity: None,
        trial: false,
        device: Some("MC-1".to_owned()),
        customer: Customer::default(),
        rev: 4,
        created_at: now(),
        updated_at: now(),
    }
}

fn machine(parts: &[(&str, &str)]) -> Components {
    parts.iter().map(|(name, value)| ((*name).to_owned(), digest(name, value))).collect()
}

/// The document promises names, order and what is conclusive.
#[test]
fn the_reasons_are_those_of_the_document() {
    let rows = DOCS.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|line| line.split_once("` | "));
    let documented: Vec<(&str, bool)> = rows
        .filter(|(_, rest)| rest.starts_with("yes |") || rest.starts_with("no |"))
        .map(|(name, rest)| (name, rest.starts_with("yes")))
        .collect();
    let known: Vec<(&str, bool)> = Reason::ALL.iter().map(|it| (it.as_str(), it.conclusive())).collect();
    assert_eq!(documented, known);
    assert!(Reason::ALL.is_sorted());
}

/// Everything is wrong at once; each row mends what the reason before complained about.
#[test]
fn the_first_reason_in_order_is_the_answer() {
    let plan = plan();
    let rules = Rules::of(Some(&plan));
    let other = machine(&[("machinecode", "MC-2")]);
    let mut license = license(Expiry::Confirmed(time("2026-01-01T00:00:00Z")));
    license.standing = Standing { released: true, merchant_hold: true, ..Standing::default() };
    let mut claim = Claim {
        product: Some("other"),
        version: Some("3.0"),
        feature: Some("import"),
        components: &other,
        code_revoked: true,
    };
    let asked = |license: &License, claim: &Claim| objection(license, &rules, claim, now());
    assert_eq!(asked(&license, &claim), Some(Reason::ProductMismatch));
    claim.product = Some("atlas");
    assert_eq!(asked(&license, &claim), Some(Reason::LicenseReleased));
    license.standing.released = false;
    assert_eq!(asked(&license, &claim), Some(Reason::LicenseFrozen));
    license.standing.merchant_hold = false;
    assert_eq!(asked(&license, &claim), Some(Reason::LicenseExpired));
    license.expiry = Expiry::Never;
    assert_eq!(asked(&license, &claim), Some(Reason::CodeRevoked));
    claim.code_revoked = false;
    assert_eq!(asked(&license, &claim), Some(Reason::VersionNotAllowed));
    claim.version = Some("2.9");
    assert_eq!(asked(&license, &claim), Some(Reason::FeatureMissing));
    claim.feature = Some("export");
    assert_eq!(asked(&license, &claim), Some(Reason::DeviceMismatch));
    let right = machine(&[("machinecode", "MC-1")]);
    claim.components = &right;
    assert_eq!(asked(&license, &claim), None);
    let nothing = Components::new();
    let unasked = Claim { product: None, version: None, feature: None, components: &nothing, code_revoked: false };
    assert_eq!(asked(&license, &unasked), None);
}

#[rstest]
#[case("export", true)]
#[case("layers", true)]
#[case("edition", true)]
#[case("import", false)]
#[case("probes", false)]
#[case("unheard-of", false)]
#[case("", false)]
fn a_feature_is_there_when_it_is_on(#[case] name: &str, #[case] there: bool) {
    assert_eq!(has_feature(&license(Expiry::Never).features, name), there);
}

#[rstest]
#[case(&[("machinecode", "MC-1")], true)]
#[case(&[("device", "MC-1")], true)]
#[case(&[("device", "MC-1"), ("machinecode", "MC-2")], true)]
#[case(&[("machineCode", "MC-1")], false)]
#[case(&[("machinecode", "mc-1")], false)]
#[case(&[("hostname", "MC-1")], false)]
#[case(&[("operator", "pod-1")], false)]
fn the_device_is_known_by_the_parameters_name(#[case] parts: &[(&str, &str)], #[case] right: bool) {
    let plan = plan();
    let license = license(Expiry::Never);
    assert_eq!(is_other_device(&license, &Rules::of(Some(&plan)), &machine(parts)), !right);
    // A license that no device is known of, or whose plan binds none, runs anywhere.
    let unbound = License { device: None, ..license.clone() };
    assert!(!is_other_device(&unbound, &Rules::of(Some(&plan)), &machine(parts)));
    assert!(!is_other_device(&license, &Rules::of(None), &machine(parts)));
}

#[test]
fn an_expired_license_holds_until_its_slack_is_over() {
    let plan = plan();
    let nothing = Components::new();
    let claim = Claim { product: None, version: None, feature: None, components: &nothing, code_revoked: false };
    let end = time("2026-03-01T00:00:00Z");
    for (expiry, last) in
        [(Expiry::Confirmed(end), "2026-03-04T00:00:00Z"), (Expiry::Estimated(end), "2026-03-31T00:00:00Z")]
    {
        let asked = |at: Time| objection(&license(expiry), &Rules::of(Some(&plan)), &claim, at);
        let last = time(last);
        assert_eq!(asked(last.saturating_add(SignedDuration::from_micros(-1))), None);
        assert_eq!(asked(last), Some(Reason::LicenseExpired));
    }
}

fn rules(lease: LeaseRule) -> Rules<'static> {
    Rules { lease, ..Rules::of(None) }
}

const FLOATING: LeaseRule = LeaseRule {
    days: 0,
    minutes: Some(30),
    grace_days: 0,
    floating: true,
    borrow_days: 14,
    file_days: 90,
    offline_days: 90,
};

fn days(from: Time, to: Time) -> i64 {
    to.since(from).as_hours() / 24
}

#[test]
fn a_lease_lasts_as_the_plan_says() {
    let times = lease_times(&license(Expiry::Never), &rules(LeaseRule::default()), Stay::Usual, None, id(1), now());
    assert_eq!(times.ends_at, time("2026-03-09T08:00:00Z"));
    assert_eq!(times.grace_until, time("2026-03-16T08:00:00Z"));
    assert!(!times.borrowed);
    let times = lease_times(&license(Expiry::Never), &rules(FLOATING), Stay::Usual, None, id(1), now());
    assert_eq!((times.ends_at, times.grace_until), (time("2026-03-02T08:30:00Z"), time("2026-03-02T08:30:00Z")));
}

#[rstest]
#[case(FLOATING, Stay::Borrow(5), 5, true)]
#[case(FLOATING, Stay::Borrow(14), 14, true)]
#[case(FLOATING, Stay::Borrow(15), 14, true)]
#[case(FLOATING, Stay::Borrow(u16::MAX), 14, true)]
#[case(FLOATING, Stay::Borrow(0), 0, false)]
#[case(FLOATING, Stay::Offline, 90, true)]
#[case(LeaseRule { borrow_days: 0, ..FLOATING }, Stay::Borrow(5), 0, false)]
#[case(LeaseRule::default(), Stay::Borrow(30), 7, false)]
#[case(LeaseRule::default(), Stay::Offline, 90, true)]
#[case(LeaseRule { offline_days: 3, ..LeaseRule::default() }, Stay::Offline, 7, false)]
fn machines_stay_away_as_long_as_the_plan_allows(
    #[case] lease: LeaseRule,
    #[case] stay: Stay,
    #[case] expected: i64,
    #[case] borrowed: bool,
) {
    let times = lease_times(&license(Expiry::Never), &rules(lease), stay, None, id(1), now());
    assert_eq!(
        (days(now(), times.ends_at.saturating_add(SignedDuration::from_secs(1))), times.borrowed),
        (expected, borrowed)
    );
}

#[test]
fn asking_in_between_does_not_cut_a_loan_short() {
    let until = now().plus_days(9);
    let times = lease_times(&license(Expiry::Never), &rules(FLOATING), Stay::Usual, Some(until), id(1), now());
    assert_eq!((times.ends_at.as_seconds(), times.borrowed), (until.as_seconds(), true));
    let longer = lease_times(&license(Expiry::Never), &rules(FLOATING), Stay::Borrow(12), Some(until), id(1), now());
    assert_eq!(days(now(), longer.ends_at.saturating_add(SignedDuration::from_secs(1))), 12);
}

#[test]
fn a_fleet_that_started_together_does_not_ask_together() {
    let renewals: std::collections::BTreeSet<_> = (0..200)
        .map(|seed| {
            let times =
                lease_times(&license(Expiry::Never), &rules(LeaseRule::default()), Stay::Usual, None, id(seed), now());
            times.renew_after.since(now()).as_secs()
        })
        .collect();
    let lease = 7 * 86_400;
    assert!(renewals.len() > 150, "{}", renewals.len());
    assert!(*renewals.first().unwrap() >= lease * 2 / 5 - 1 && *renewals.last().unwrap() <= lease * 3 / 5 + 1);
    assert!(renewals.last().unwrap() - renewals.first().unwrap() > lease / 10);
}

proptest! {
    /// Whatever the plan, the expiry and the wish: no lease and no grace outlives the license and its slack.
    #[test]
    fn no_lease_outlives_its_license(
        (days_of_lease, minutes, grace_days, borrow_days, offline_days) in
            (1..=366_u16, prop::option::of(5..=1_440_u16), 0..=366_u16, 0..=366_u16, 1..=1_830_u16),
        (floating, confirmed) in (any::<bool>(), any::<bool>()),
        (stay, asked, held) in (0..3_u8, 0..=u16::MAX, prop::option::of(1..2_000_i64)),
        (slack, ahead, seed) in (0..=366_u16, 0..100_000_000_000_000_i64, any::<u64>()),
    ) {
        let lease = LeaseRule { days: days_of_lease, minutes, grace_days, floating, borrow_days, file_days: 90, offline_days };
        let slack = ExpirySlack { estimate_days: slack, confirmed_days: slack };
        let rules = Rules { lease, slack, ..Rules::of(None) };
        // The license holds now: it was checked before.
        let end = now().saturating_add(SignedDuration::from_micros(ahead + 1)).plus_days(-i64::from(slack.estimate_days));
        let license = license(if confirmed { Expiry::Confirmed(end) } else { Expiry::Estimated(end) });
        let holds_until = license.expiry.holds_until(slack).unwrap();
        let stay = [Stay::Usual, Stay::Borrow(asked), Stay::Offline][usize::from(stay)];
        let held = held.map(|minutes| now().saturating_add(SignedDuration::from_mins(minutes)));
        let times = lease_times(&license, &rules, stay, held, id(seed), now());
        prop_assert!(times.ends_at <= holds_until && times.grace_until <= holds_until);
        prop_assert!(times.ends_at <= times.grace_until && times.renew_after <= times.ends_at);
        prop_assert!(times.ends_at.as_seconds() >= now().as_seconds());
        prop_assert!(times.renew_after.as_seconds() >= now().as_seconds());
        prop_assert!(!floating || times.grace_until == times.ends_at);
        for at in [times.ends_at, times.grace_until, times.renew_after] {
            prop_assert_eq!(at.as_micros() % 1_000_000, 0);
        }
    }
}

#[test]
fn the_best_match_has_a_seat_then_is_most_alike_then_is_oldest() {
    let presented = machine(&[("a", "1"), ("b", "1"), ("c", "1")]);
    let (twin, near, far) = (
        machine(&[("a", "1"), ("b", "1"), ("c", "1")]),
        machine(&[("a", "1"), ("b", "1"), ("c", "2")]),
        machine(&[("a", "1"), ("b", "2"), ("c", "2")]),
    );
    let best =
        |candidates: &[(u8, &Components, bool)]| best_match(candidates.iter().copied(), MatchRule::Most, &presented);
    assert_eq!(best(&[(1, &near, true), (2, &twin, true), (3, &twin, true)]), Some(2));
    assert_eq!(best(&[(1, &near, true), (2, &twin, false)]), Some(1));
    assert_eq!(best(&[(1, &near, false), (2, &twin, false)]), Some(2));
    assert_eq!(best(&[(1, &far, true)]), None);
    assert_eq!(best(&[]), None);
}

#[test]
fn an_operators_component_decides_alone() {
    let presented = machine(&[("a", "1"), ("b", "1"), (OPERATOR, "pod-1")]);
    let clone = machine(&[("a", "1"), ("b", "1"), (OPERATOR, "pod-2")]);
    let moved = machine(&[("a", "9"), ("b", "9"), (OPERATOR, "pod-1")]);
    let best = best_match([(1, &clone, true), (2, &moved, true)], MatchRule::All, &presented);
    assert_eq!(best, Some(2));
}

#[test]
fn fingerprints_are_checked() {
    let good = machine(&[("machine-id", "x"), (OPERATOR, "y")]);
    assert_eq!(check_components(&good), Ok(()));
    assert_eq!(check_components(&Components::new()), Err(ComponentsError::Count { found: 0 }));
    let many = (0..9).map(|number| (format!("c{number}"), digest("c", "x"))).collect();
    assert_eq!(check_components(&many), Err(ComponentsError::Count { found: 9 }));
    for name in ["", "A", "a_b", "a:b", "a b", "é", &"a".repeat(33)] {
        let one = Components::from([(name.to_owned(), digest("a", "x"))]);
        assert_eq!(check_components(&one), Err(ComponentsError::Name { number: 1 }), "{name}");
    }
    let right = digest("a", "x");
    let padded = format!("{right}=");
    let standard = format!("+{}", &right[1..]);
    for wrong in
        ["", &right[1..], &padded, &standard, &"é".repeat(22), &"\u{0}".repeat(43), &format!("{}B", &right[..42])]
    {
        let one = Components::from([("a".to_owned(), wrong.to_owned())]);
        assert_eq!(check_components(&one), Err(ComponentsError::Digest { name: "a".to_owned() }), "{wrong}");
    }
}
