//! Every rule of the comparison: a record that is right, and each way in which it can be wrong.

use jiff::Timestamp;
use koogallery_simulator::soak::State;

use super::*;
use crate::cli::soak::records::{LicenseRow, OrderRow};

const URL: &str = "http://127.0.0.1:1/marketplace/koogallery/saas-1-0";

fn day(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
}

fn expected() -> Expected {
    Expected {
        line: Line::Saas1,
        url: URL.to_owned(),
        order_id: "CSRUN001".to_owned(),
        order_line_id: None,
        acknowledged: true,
        in_progress: false,
        instance_id: Some("i-1".to_owned()),
        license: None,
        states: vec![State::Active],
        expires_at_least: Some(day(10)),
        expires_at_most: Some(day(10)),
        renewals: vec!["R1".to_owned()],
        refunds: vec!["F1".to_owned()],
        upgrades: vec!["U1".to_owned()],
    }
}

fn license(id: &str, instance: &str) -> LicenseRow {
    LicenseRow {
        id: id.to_owned(),
        channel: Some("saas-1-0".to_owned()),
        instance_id: Some(instance.to_owned()),
        state: State::Active,
        expires_at: Some(day(10)),
        created_at: day(0),
    }
}

fn order(kind: &str, order_id: &str, license: Option<&str>) -> OrderRow {
    OrderRow {
        channel: Some("saas-1-0".to_owned()),
        kind: kind.to_owned(),
        status: "fulfilled".to_owned(),
        order_id: order_id.to_owned(),
        license_id: license.map(str::to_owned),
        created_at: day(0),
    }
}

struct Rows {
    licenses: Vec<LicenseRow>,
    orders: Vec<OrderRow>,
}

fn right() -> Rows {
    let orders = [("purchase", "CSRUN001"), ("renewal", "R1"), ("refund", "F1"), ("upgrade", "U1")];
    Rows {
        licenses: vec![license("l-1", "i-1")],
        orders: orders.map(|(kind, id)| order(kind, id, Some("l-1"))).to_vec(),
    }
}

/// What is found after `bend` has made the right rows, or the expectation, different.
fn found(bend: impl FnOnce(&mut Expected, &mut Rows)) -> Vec<String> {
    let (mut expected, mut rows) = (expected(), right());
    bend(&mut expected, &mut rows);
    let mut records = Records::default();
    rows.licenses.into_iter().for_each(|row| records.add_license(row));
    rows.orders.into_iter().for_each(|row| records.add_order(row));
    compare_all(&[expected], "RUN", &records).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn only(found: &[String], words: &str) {
    assert!(matches!(found, [one] if one.contains(words)), "{found:#?} should be one difference with `{words}`");
}

#[test]
fn a_right_record_shows_no_difference() {
    assert_eq!(found(|_, _| ()), Vec::<String>::new());
}

#[test]
fn a_lost_license_is_found_unless_its_order_waits() {
    let lost = |expected: &mut Expected, rows: &mut Rows| {
        rows.licenses.clear();
        rows.orders.truncate(1);
        (expected.renewals, expected.refunds, expected.upgrades) = (vec![], vec![], vec![]);
    };
    only(&found(lost), "license of an acknowledged order");
    let waiting = |expected: &mut Expected, rows: &mut Rows, in_progress| {
        lost(expected, rows);
        expected.in_progress = in_progress;
        rows.orders[0].status = "waiting".to_owned();
        rows.orders[0].license_id = None;
    };
    assert_eq!(found(|expected, rows| waiting(expected, rows, true)), Vec::<String>::new());
    only(&found(|expected, rows| waiting(expected, rows, false)), "license of an acknowledged order");
}

#[test]
fn a_doubled_license_is_found_by_order_and_by_instance() {
    let by_order = found(|_, rows| {
        rows.licenses.push(license("l-2", "i-2"));
        rows.orders.push(order("purchase", "CSRUN001", Some("l-2")));
    });
    assert!(by_order.iter().any(|text| text.contains("expected one license")), "{by_order:#?}");
    assert!(by_order.iter().any(|text| text.contains("recorded once")), "{by_order:#?}");
    let by_instance = found(|_, rows| rows.licenses.push(license("l-2", "i-1")));
    assert!(by_instance.iter().any(|text| text.contains("expected one license")), "{by_instance:#?}");
}

#[test]
fn state_expiry_and_instance_are_compared() {
    only(&found(|_, rows| rows.licenses[0].state = State::Frozen), "state [Active]");
    only(&found(|_, rows| rows.licenses[0].expires_at = Some(day(9))), "expiry from");
    only(&found(|_, rows| rows.licenses[0].expires_at = Some(day(11))), "expiry from");
    only(&found(|_, rows| rows.licenses[0].expires_at = None), "recorded never");
    only(&found(|_, rows| rows.licenses[0].instance_id = Some("i-9".to_owned())), "instance i-1");
    let vague = |expected: &mut Expected, rows: &mut Rows| {
        expected.states = vec![State::Active, State::Frozen];
        expected.expires_at_most = Some(day(20));
        rows.licenses[0].state = State::Frozen;
        rows.licenses[0].expires_at = Some(day(15));
    };
    assert_eq!(found(vague), Vec::<String>::new());
}

#[test]
fn acknowledged_orders_are_recorded_once_and_fulfilled() {
    for (at, kind) in ["purchase", "renewal", "refund", "upgrade"].into_iter().enumerate() {
        let lost = found(|_, rows| drop(rows.orders.remove(at)));
        assert!(lost.iter().any(|text| text.contains(&format!("acknowledged {kind}"))), "{kind}: {lost:#?}");
        only(&found(|_, rows| rows.orders.push(rows.orders[at].clone())), "2 times");
        only(&found(|_, rows| rows.orders[at].status = "flagged".to_owned()), "recorded flagged");
    }
    // One that was sent and never acknowledged may be there, and may be flagged.
    let unseen = |_: &mut Expected, rows: &mut Rows| {
        rows.orders.push(OrderRow { status: "flagged".to_owned(), ..order("renewal", "R2", Some("l-1")) });
    };
    assert_eq!(found(unseen), Vec::<String>::new());
}

#[test]
fn a_purchase_that_was_not_acknowledged_may_or_may_not_have_happened() {
    let unsure = |expected: &mut Expected| {
        expected.acknowledged = false;
        expected.instance_id = None;
        (expected.renewals, expected.refunds, expected.upgrades) = (vec![], vec![], vec![]);
    };
    let nothing = found(|expected, rows| {
        unsure(expected);
        rows.licenses.clear();
        rows.orders.clear();
    });
    assert_eq!(nothing, Vec::<String>::new());
    assert_eq!(found(|expected, _| unsure(expected)), Vec::<String>::new());
}

#[test]
fn a_code_that_nobody_redeemed_has_no_license() {
    let code = |expected: &mut Expected| {
        expected.line = Line::Code2;
        expected.order_id.clear();
    };
    let none = found(|expected, rows| {
        code(expected);
        rows.licenses.clear();
        rows.orders.clear();
    });
    assert_eq!(none, Vec::<String>::new());
    let one = found(|expected, rows| {
        code(expected);
        rows.orders[0].order_id = "elsewhere".to_owned();
    });
    only(&one, "nobody redeemed");
}

#[test]
fn strays_are_found_and_other_peoples_orders_are_not() {
    only(&found(|_, rows| rows.orders.push(order("purchase", "CSRUN777", None))), "never sent");
    only(&found(|_, rows| rows.licenses.push(license("l-7", "i-7"))), "without one");
    let others = |_: &mut Expected, rows: &mut Rows| {
        rows.licenses.push(license("l-8", "i-8"));
        rows.orders.push(order("purchase", "CSOTHER1", Some("l-8")));
    };
    assert_eq!(found(others), Vec::<String>::new());
}
