//! Licenses and what hangs on them: every function, on both databases.

use serde_json::json;

use super::{
    Database, both, check,
    samples::{history, key, license, order, slug, time},
};
use crate::{
    license::{
        model::{Expiry, Standing, State},
        revocation::Cause,
    },
    store::{CodeRecord, DeviceCodeRecord, LicenseFilter, OrderFilter, OrderStatus, RevocationRecord, StoreError, Tx},
};

both!(licenses, every_kind_of_expiry_is_kept, codes, revocations, orders, history_pages);

async fn every_kind_of_expiry_is_kept(database: Database) {
    check(database, |tx| {
        let mut kept = license(1);
        tx.license_insert(&kept, &key(1))?;
        let at = time(50);
        for expiry in
            [Expiry::Guessed(at), Expiry::Estimated(at), Expiry::Guessed(at), Expiry::Confirmed(at), Expiry::Never]
        {
            kept.expiry = expiry;
            tx.license_update(&kept)?;
            assert_eq!(tx.license_find(kept.id)?.as_ref(), Some(&kept));
        }
        Ok(())
    })
    .await;
}

async fn licenses(database: Database) {
    check(database, |tx| {
        let mut first = license(1);
        tx.license_insert(&first, &key(1))?;
        assert_eq!(tx.license_find(first.id)?.as_ref(), Some(&first));
        assert_eq!(tx.license_by_instance(&slug("koo"), "instance-1")?.as_ref(), Some(&first));
        assert_eq!(tx.license_by_instance(&slug("other"), "instance-1")?, None);
        assert_eq!(tx.license_by_key(&[1; 32])?.as_ref(), Some(&first));
        assert_eq!(tx.license_by_key(&[2; 32])?, None);
        assert_eq!(tx.license_sealed_key(first.id)?, Some(vec![0, 255, 1]));
        first.standing = Standing { released: true, ..Standing::default() };
        first.expiry = Expiry::Never;
        (first.quantity, first.device, first.customer.id) = (None, None, None);
        (first.rev, first.updated_at) = (u32::MAX, time(99));
        tx.license_update(&first)?;
        assert_eq!(tx.license_for_update(first.id)?.as_ref(), Some(&first), "None is written, too");
        tx.license_insert(&license(2), &key(2))?;
        tx.license_insert(&license(3), &key(3))?;
        tx.order_save(&crate::store::OrderRecord { license_id: Some(license(2).id), ..order(1) })?;
        let numbers = |tx: &mut Tx, filter: LicenseFilter, after: Option<i64>, limit| {
            let rows = tx.license_page(&filter, after.map(|number| license(number).id), limit)?;
            Ok::<_, StoreError>(rows.iter().map(|row| row.created_at.since(time(0)).as_secs()).collect::<Vec<_>>())
        };
        let any = LicenseFilter::default;
        assert_eq!(numbers(tx, any(), None, 100)?, [3, 2, 1]);
        assert_eq!(numbers(tx, any(), None, 2)?, [3, 2]);
        assert_eq!(numbers(tx, any(), Some(2), 2)?, [1]);
        assert_eq!(numbers(tx, LicenseFilter { state: Some(State::Released), ..any() }, None, 9)?, [1]);
        assert_eq!(numbers(tx, LicenseFilter { customer_id: Some("customer-1".into()), ..any() }, None, 9)?, [3, 2]);
        assert_eq!(numbers(tx, LicenseFilter { order_id: Some("CS1".into()), ..any() }, None, 9)?, [2]);
        assert_eq!(numbers(tx, LicenseFilter { instance_id: Some("instance-3".into()), ..any() }, None, 9)?, [3]);
        assert_eq!(numbers(tx, LicenseFilter { expires_before: Some(time(1_003)), ..any() }, None, 9)?, [2]);
        assert_eq!(numbers(tx, LicenseFilter { expires_after: Some(time(1_003)), ..any() }, None, 9)?, [3]);
        for filter in [
            LicenseFilter { product: Some(slug("x")), ..any() },
            LicenseFilter { plan: Some(slug("x")), ..any() },
            LicenseFilter { channel: Some(slug("x")), ..any() },
        ] {
            assert_eq!(numbers(tx, filter, None, 9)?, [0_i64; 0]);
        }
        assert_eq!(tx.license_count_by_state()?, [(State::Frozen, 2), (State::Released, 1)]);
        Ok(())
    })
    .await;
}

async fn codes(database: Database) {
    check(database, |tx| {
        let id = license(1).id;
        tx.license_insert(&license(1), &key(1))?;
        let code = |rev| CodeRecord {
            license_id: id,
            rev,
            kid: "k".to_owned(),
            payload: "header.payload".to_owned(),
            sealed_signature: vec![1, 2, 0],
            issued_at: time(1),
        };
        for rev in [10, 9, u32::MAX] {
            tx.code_insert(&code(rev))?;
        }
        assert_eq!(tx.code_find(id, 10)?, Some(code(10)));
        assert_eq!(tx.code_find(id, 11)?, None);
        assert_eq!((tx.code_first(id)?, tx.code_latest(id)?), (Some(code(9)), Some(code(u32::MAX))));
        let device = |event: &str, digest: &str| DeviceCodeRecord {
            id: format!("{event}{digest}"),
            license_id: id,
            event_id: event.to_owned(),
            fingerprint_digest: digest.to_owned(),
            kid: "k".to_owned(),
            payload: "p".to_owned(),
            sealed_signature: vec![3],
            effective_at: time(1),
            expires_at: None,
            issued_at: time(2),
        };
        for (event, digest) in [("e1", "b"), ("e2", "a"), ("e3", "b")] {
            tx.device_code_insert(&device(event, digest))?;
        }
        assert_eq!(tx.device_code_find(id, "e2", "a")?, Some(device("e2", "a")));
        assert_eq!(tx.device_code_find(id, "e2", "b")?, None);
        assert_eq!(tx.device_code_fingerprints(id)?, ["a", "b"]);
        Ok(())
    })
    .await;
}

async fn revocations(database: Database) {
    check(database, |tx| {
        let license = license(1);
        tx.license_insert(&license, &key(1))?;
        let entry = |product: &str, number| RevocationRecord {
            product: slug(product),
            number,
            license_id: Some(license.id),
            revs: Some(vec![1, u32::MAX]),
            kid: None,
            reason: Cause::GrantsMore,
            created_at: time(1),
        };
        let leaked = RevocationRecord {
            license_id: None,
            revs: None,
            kid: Some("k".to_owned()),
            reason: Cause::KeyRevoked,
            ..entry("atlas", 2)
        };
        assert_eq!((tx.revocation_latest(&slug("atlas"))?, tx.revocation_page(&slug("atlas"), 0)?), (0, vec![]));
        // Whatever number is named, the next one is given.
        assert_eq!(tx.revocation_add(&entry("atlas", 9))?, 1);
        assert_eq!(tx.revocation_add(&leaked)?, 2);
        assert_eq!(tx.revocation_add(&entry("orion", 9))?, 1, "each product counts for itself");
        let whole = RevocationRecord { revs: None, reason: Cause::Released, ..entry("atlas", 3) };
        assert_eq!(tx.revocation_add(&whole)?, 3);
        assert_eq!(tx.revocation_latest(&slug("atlas"))?, 3);
        assert_eq!(tx.revocation_page(&slug("atlas"), 0)?, [entry("atlas", 1), leaked, whole.clone()]);
        assert_eq!(tx.revocation_page(&slug("atlas"), 2)?, [whole]);
        assert_eq!(tx.revocation_of_license(license.id)?.len(), 3);
        Ok(())
    })
    .await;
}

async fn orders(database: Database) {
    check(database, |tx| {
        for number in 1..=3 {
            tx.order_save(&order(number))?;
        }
        // Orders made by hand have no channel, and so no identity to collide.
        for number in [4, 5] {
            let manual = crate::store::OrderRecord { channel: None, identity: String::new(), ..order(number) };
            tx.order_save(&manual)?;
        }
        let koo = slug("koo");
        assert_eq!(tx.order_find(order(2).id)?, Some(order(2)));
        assert_eq!(tx.order_by_identity(&koo, "order-3")?, Some(order(3)));
        assert_eq!(tx.order_by_instance_waiting(&koo, "instance-1")?, Some(order(1)), "the oldest");
        let mut first = order(1);
        (first.status, first.quantity, first.details) = (OrderStatus::Fulfilled, None, json!({}));
        tx.order_save(&first)?;
        assert_eq!(tx.order_find(first.id)?, Some(first));
        assert_eq!(tx.order_by_instance_waiting(&koo, "instance-1")?, Some(order(2)));
        let waiting = OrderFilter { status: Some(OrderStatus::Waiting), channel: Some(koo), ..OrderFilter::default() };
        assert_eq!(tx.order_page(&waiting, None, 100)?, [order(3), order(2)]);
        assert_eq!(tx.order_page(&waiting, Some(order(3).id), 100)?, [order(2)]);
        assert_eq!(tx.order_waiting(None, 1)?, [order(2)]);
        Ok(())
    })
    .await;
}

async fn history_pages(database: Database) {
    check(database, |tx| {
        let id = license(1).id;
        tx.license_insert(&license(1), &key(1))?;
        for number in 1..=3 {
            tx.history_insert(&history(number, id))?;
        }
        assert_eq!(tx.history_page(id, None, 2)?, [history(3, id), history(2, id)]);
        assert_eq!(tx.history_page(id, Some(history(2, id).id), 2)?, [history(1, id)]);
        assert_eq!(tx.history_page(license(2).id, None, 2)?, []);
        Ok(())
    })
    .await;
}
