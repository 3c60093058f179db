//! Activations and the search for a machine, on both databases.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use signet_verify::{
    claims::Components,
    machine::{MatchRule, OPERATOR},
};

use super::{
    Database, both, check,
    samples::{activation, history, key, license, machine, time},
};
use crate::{
    base::ids::ActivationId,
    store::{ActivationFilter, ActivationRecord, StoreError, Tx},
};

both!(
    activations_are_kept,
    seats_are_counted,
    pages_go_by_age,
    a_machine_is_found_by_what_it_is_made_of,
    the_search_agrees_with_the_rule,
    clones_do_not_hide_the_one_that_the_operator_named,
    old_activations_go_with_their_components,
    events_are_counted_since,
);

const RULES: [MatchRule; 4] = [MatchRule::Any, MatchRule::Two, MatchRule::Most, MatchRule::All];

/// Two licenses, so that what belongs to one is seen not to count for the other.
fn licenses(tx: &mut Tx) -> Result<(), StoreError> {
    tx.license_insert(&license(1), &key(1))?;
    tx.license_insert(&license(2), &key(2))
}

fn found(tx: &mut Tx, rule: MatchRule, presented: &Components) -> Result<Vec<ActivationId>, StoreError> {
    Ok(tx.activation_candidates(license(1).id, rule, presented)?.into_iter().map(|it| it.id).collect())
}

async fn activations_are_kept(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        let first = activation(1, license(1).id, &["a=1", "b=2"]);
        assert_eq!(tx.activation_find(first.id)?, None);
        tx.activation_insert(&first)?;
        assert_eq!(tx.activation_find(first.id)?.as_ref(), Some(&first));
        let changed = ActivationRecord {
            components: machine(&["a=1", "c=3"]),
            name: None,
            platform: Some("linux".to_owned()),
            floating: true,
            borrowed: true,
            container: true,
            lease_ends_at: time(3),
            grace_until: time(4),
            last_seen_at: time(5),
            ended_at: Some(time(6)),
            ended_by: Some("customer".to_owned()),
            ..first.clone()
        };
        tx.activation_update(&first, &changed)?;
        assert_eq!(tx.activation_find(first.id)?.as_ref(), Some(&changed));
        assert_eq!(found(tx, MatchRule::All, &machine(&["a=1", "b=2"]))?, []);
        assert_eq!(found(tx, MatchRule::All, &machine(&["a=1", "c=3"]))?, [first.id]);
        let unknown = activation(2, license(1).id, &["a=1"]);
        let missing = tx.activation_update(&unknown, &unknown);
        assert!(matches!(missing, Err(StoreError::NotFound { table: "activations" })), "{missing:?}");
        Ok(())
    })
    .await;
}

async fn seats_are_counted(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        let id = license(1).id;
        let floating = |number: i64, until: i64| ActivationRecord {
            floating: true,
            lease_ends_at: time(until),
            ..activation(number, id, &["a=1"])
        };
        let ended = ActivationRecord { ended_at: Some(time(5)), ..activation(4, id, &["a=4"]) };
        let fixed_and_late = ActivationRecord { lease_ends_at: time(1), ..activation(1, id, &["a=1"]) };
        let rows = [fixed_and_late, floating(2, 100), floating(3, 99), ended, activation(5, id, &["a=5"])];
        for row in &rows {
            tx.activation_insert(row)?;
            assert_eq!(row.has_seat(time(99)), [1, 2, 5].map(|it| rows[it - 1].id).contains(&row.id));
        }
        tx.activation_insert(&activation(6, license(2).id, &["a=1"]))?;
        assert_eq!(tx.activation_seats(id, None, time(98))?, 4);
        assert_eq!(tx.activation_seats(id, None, time(99))?, 3);
        assert_eq!(tx.activation_seats(id, None, time(100))?, 2);
        assert_eq!(tx.activation_seats(id, Some(rows[2].id), time(98))?, 2);
        assert_eq!(tx.activation_seats(id, Some(rows[0].id), time(98))?, 0);
        assert_eq!(tx.activation_seats(license(2).id, None, time(98))?, 1);
        assert_eq!(tx.activation_seats(license(3).id, None, time(98))?, 0);
        let page = tx.activation_page(id, ActivationFilter::WithSeat(time(99)), None, 10)?;
        assert_eq!(page.iter().map(|it| it.id).collect::<Vec<_>>(), [rows[0].id, rows[1].id, rows[4].id]);
        Ok(())
    })
    .await;
}

async fn pages_go_by_age(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        let rows: Vec<_> = (1..=5).map(|number| activation(number, license(1).id, &["a=1"])).collect();
        for row in rows.iter().rev() {
            tx.activation_insert(row)?;
        }
        let first = tx.activation_page(license(1).id, ActivationFilter::All, None, 2)?;
        assert_eq!(first, rows[..2]);
        let rest = tx.activation_page(license(1).id, ActivationFilter::All, Some(rows[1].id), 100)?;
        assert_eq!(rest, rows[2..]);
        Ok(())
    })
    .await;
}

async fn a_machine_is_found_by_what_it_is_made_of(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        let known = activation(1, license(1).id, &["a=1", "b=2", "c=3", "d=4"]);
        tx.activation_insert(&known)?;
        tx.activation_insert(&activation(2, license(2).id, &["a=1", "b=2", "c=3", "d=4"]))?;
        for (presented, same) in [
            (machine(&["a=1", "b=2", "c=3", "d=4"]), [true, true, true, true]),
            (machine(&["a=1", "b=2", "c=3"]), [true, true, true, false]),
            (machine(&["a=1", "b=2", "x=9"]), [true, true, false, false]),
            (machine(&["a=1", "x=9"]), [true, false, false, false]),
            // The same digest under another name is another component.
            (machine(&["b=1", "a=2"]), [false; 4]),
            (machine(&["x=9"]), [false; 4]),
            (Components::new(), [false; 4]),
        ] {
            for (rule, expected) in RULES.into_iter().zip(same) {
                assert_eq!(found(tx, rule, &presented)?.contains(&known.id), expected, "{rule:?} {presented:?}");
            }
        }
        Ok(())
    })
    .await;
}

/// The database only narrows the search: it must never leave out what the rule would accept.
async fn the_search_agrees_with_the_rule(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        let mut random = StdRng::seed_from_u64(20_260_302);
        let mut any = || -> Components {
            let names = ["a", "b", "c", "d", "e", "f", OPERATOR];
            let all = names.iter().filter_map(|name| {
                let value: u8 = random.random_range(0..4);
                (value > 0).then(|| ((*name).to_owned(), value.to_string()))
            });
            all.collect()
        };
        let mut rows = Vec::new();
        for number in 1..=28 {
            let mut row = activation(number, license(1).id, &["z=0"]);
            row.components.extend(any());
            tx.activation_insert(&row)?;
            rows.push(row);
        }
        let mut matches = 0;
        for _ in 0..100 {
            let presented = any();
            for rule in RULES {
                let found: BTreeSet<_> = found(tx, rule, &presented)?.into_iter().collect();
                for row in rows.iter().filter(|row| rule.matches(&row.components, &presented)) {
                    matches += 1;
                    assert!(found.contains(&row.id), "{rule:?} {presented:?} {:?}", row.components);
                }
            }
        }
        assert!(matches > 500, "{matches}");
        Ok(())
    })
    .await;
}

/// A machine of the image, with the name its operator gave it.
fn named(name: &str) -> [&str; 4] {
    ["a=1", "b=1", "c=1", name]
}

async fn clones_do_not_hide_the_one_that_the_operator_named(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        for number in 1..=100 {
            let operator = format!("operator=pod-{number}");
            tx.activation_insert(&activation(number, license(1).id, &named(&operator)))?;
        }
        let plain = activation(101, license(1).id, &["a=1", "b=1", "c=1"]);
        tx.activation_insert(&plain)?;
        for rule in RULES {
            let last = found(tx, rule, &machine(&named("operator=pod-100")))?;
            assert!(last.contains(&activation(100, license(1).id, &[]).id), "{rule:?}");
            // One that was activated before it got its name.
            let unnamed = found(tx, rule, &machine(&named("operator=pod-101")))?;
            assert!(unnamed.contains(&plain.id), "{rule:?}");
            assert_eq!(unnamed.len(), 1, "{rule:?}");
        }
        // The operator's word counts although nothing else is the same.
        let moved = found(tx, MatchRule::All, &machine(&["a=9", "operator=pod-7"]))?;
        assert_eq!(moved, [activation(7, license(1).id, &[]).id]);
        Ok(())
    })
    .await;
}

async fn old_activations_go_with_their_components(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        for number in 1..=5 {
            let ended_at = (number < 5).then(|| time(number));
            tx.activation_insert(&ActivationRecord { ended_at, ..activation(number, license(1).id, &["a=1", "b=2"]) })?;
        }
        assert_eq!(tx.activation_purge(time(4), 2)?, 2);
        assert_eq!(tx.activation_purge(time(4), 2)?, 1);
        assert_eq!(tx.activation_purge(time(4), 2)?, 0);
        let left: Vec<_> = [4, 5].map(|number| activation(number, license(1).id, &[]).id).into();
        assert_eq!(found(tx, MatchRule::Any, &machine(&["a=1"]))?, left);
        Ok(())
    })
    .await;
}

async fn events_are_counted_since(database: Database) {
    check(database, |tx| {
        licenses(tx)?;
        for number in 1..=6 {
            tx.history_insert(&history(number, license(if number == 6 { 2 } else { 1 }).id))?;
        }
        assert_eq!(tx.history_count(license(1).id, &["issued"], time(0))?, 5);
        assert_eq!(tx.history_count(license(1).id, &["issued"], time(4))?, 2);
        assert_eq!(tx.history_count(license(1).id, &["released"], time(0))?, 0);
        assert_eq!(tx.history_time(license(1).id, &["issued"], time(4), 1)?, Some(time(5)));
        assert_eq!(tx.history_time(license(1).id, &["issued"], time(4), 2)?, None);
        Ok(())
    })
    .await;
}
