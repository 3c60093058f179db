//! The table of `term`, every combination.

use super::*;
use crate::{
    base::{slug::Slug, text::Localized},
    license::plan::{Delivery, ExpirySlack, Features, LeaseRule, MachineRule, QuantityRule},
};

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn now() -> Time {
    time("2027-12-31T10:00:00Z")
}

fn plan(term: Term) -> Plan {
    let slug: Slug = "pro".parse().unwrap();
    Plan {
        name: Localized { zh: "专业版".to_owned(), en: "Pro".to_owned() },
        slug,
        term,
        machines: 1,
        features: Features::new(),
        quantity: QuantityRule::Ignore,
        code_carries_expiry: false,
        expiry_slack: ExpirySlack::default(),
        lease: LeaseRule::default(),
        machine: MachineRule::default(),
        versions: None,
        bind_parameter: None,
        meters: Vec::new(),
        delivery: Delivery::default(),
        product_ids: Vec::new(),
        sku_codes: Vec::new(),
    }
}

const TELLERS: [Teller; 3] = [Teller::Marketplace, Teller::Catalog, Teller::Merchant];
const CHARGING: [Option<Charging>; 5] =
    [None, Some(Charging::OnDemand), Some(Charging::Period), Some(Charging::OneTime), Some(Charging::Package)];

/// What stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Never,
    /// The plan's 14 days; the flag: the merchant is told.
    Plan(bool),
    Month,
    Year,
}

fn of(end: End) -> Cell {
    let (days14, month, year) = ("2028-01-14T10:00:00Z", "2028-01-31T10:00:00Z", "2028-12-31T10:00:00Z");
    match end {
        End { expiry: Expiry::Never, made_up: None } => Cell::Never,
        End { expiry: Expiry::Guessed(at), made_up: None } if at == time(days14) => Cell::Plan(false),
        End { expiry: Expiry::Guessed(at), made_up: Some(Term::Days(14)) } if at == time(days14) => Cell::Plan(true),
        End { expiry: Expiry::Guessed(at), made_up: Some(Term::Months(1)) } if at == time(month) => Cell::Month,
        End { expiry: Expiry::Guessed(at), made_up: Some(Term::Years(1)) } if at == time(year) => Cell::Year,
        other => panic!("{other:?} stands in no cell"),
    }
}

#[test]
fn without_date_and_period_every_combination_stands_in_the_table() {
    use Cell::{Month, Never, Plan as Fixed, Year};
    //                                    no chargingMode      on demand            period              once            package
    let fixed = [
        (Teller::Marketplace, [Fixed(true), Fixed(false), Fixed(true), Never, Fixed(false)]),
        (Teller::Catalog, [Fixed(false), Fixed(false), Fixed(true), Never, Fixed(false)]),
        (Teller::Merchant, [Fixed(false), Fixed(false), Fixed(true), Never, Fixed(false)]),
    ];
    let perpetual = [
        (Teller::Marketplace, [Year, Year, Month, Never, Year]),
        (Teller::Catalog, [Year, Year, Month, Never, Year]),
        (Teller::Merchant, [Never, Year, Month, Never, Year]),
    ];
    for (term, rows) in [(Term::Days(14), fixed), (Term::Perpetual, perpetual)] {
        for (teller, cells) in rows {
            for (charging, expected) in CHARGING.into_iter().zip(cells) {
                let details = PurchaseDetails { charging, ..PurchaseDetails::default() };
                let found = of(first_end(&plan(term), &details, teller, now()));
                assert_eq!(found, expected, "{term:?} {teller:?} {charging:?}");
            }
        }
    }
}

#[test]
fn a_stated_date_is_the_end_whatever_else_is_said() {
    let date = time("2027-12-01T00:00:00Z");
    for (teller, charging, term) in every() {
        let period = Some(Term::Years(3));
        let details = PurchaseDetails { charging, period, expires_at: Some(date), ..PurchaseDetails::default() };
        let found = first_end(&plan(term), &details, teller, now());
        assert_eq!(found, End { expiry: Expiry::Estimated(date), made_up: None }, "{teller:?} {charging:?}");
    }
}

#[test]
fn a_told_period_runs_by_the_calendar_and_goods_sold_once_have_none() {
    for (teller, charging, term) in every() {
        let details = PurchaseDetails { charging, period: Some(Term::Months(2)), ..PurchaseDetails::default() };
        let expected = match charging {
            Some(Charging::OneTime) => Expiry::Never,
            _ => Expiry::Estimated(time("2028-02-29T10:00:00Z")),
        };
        let found = first_end(&plan(term), &details, teller, now());
        assert_eq!(found, End { expiry: expected, made_up: None }, "{teller:?} {charging:?}");
    }
}

#[test]
fn only_goods_sold_once_and_the_merchants_word_never_end() {
    for (teller, charging, term) in every() {
        for trial in [false, true] {
            let details = PurchaseDetails { charging, trial, ..PurchaseDetails::default() };
            let end = first_end(&plan(term), &details, teller, now());
            let may = charging == Some(Charging::OneTime)
                || (teller == Teller::Merchant && charging.is_none() && term == Term::Perpetual);
            assert_eq!(end.expiry == Expiry::Never, may, "{teller:?} {charging:?} {term:?}");
        }
    }
}

#[test]
fn nobody_is_told_of_a_trials_own_term() {
    let trial = PurchaseDetails { charging: Some(Charging::Period), trial: true, ..PurchaseDetails::default() };
    assert_eq!(of(first_end(&plan(Term::Days(14)), &trial, Teller::Marketplace, now())), Cell::Plan(false));
    // A trial that never ends is no trial.
    assert_eq!(of(first_end(&plan(Term::Perpetual), &trial, Teller::Marketplace, now())), Cell::Month);
}

#[test]
fn a_trial_that_becomes_formal_lasts_for_good_by_no_accident() {
    assert_eq!(of(formal_end(&plan(Term::Days(14)), now())), Cell::Plan(true));
    assert_eq!(of(formal_end(&plan(Term::Perpetual), now())), Cell::Year);
    let last = Time::from(jiff::Timestamp::MAX);
    assert!(formal_end(&plan(Term::Perpetual), last).expiry.is_guess());
}

fn every() -> impl Iterator<Item = (Teller, Option<Charging>, Term)> {
    let charged = |teller| CHARGING.into_iter().map(move |charging| (teller, charging));
    let terms = [Term::Days(14), Term::Perpetual];
    TELLERS.into_iter().flat_map(charged).flat_map(move |(teller, it)| terms.into_iter().map(move |t| (teller, it, t)))
}
