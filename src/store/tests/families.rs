//! Every function of every table family, on both databases.

use serde_json::json;

use super::{
    Database, both,
    samples::{entropy, history, key, license, order, slug, time},
};
use crate::{
    base::{
        ids::{AlertId, MessageId, TokenId},
        limits,
    },
    license::{
        keys::{KeyRole, KeyState},
        model::{Expiry, Standing, State},
    },
    store::{
        AlertRecord, CodeRecord, DeferredRecord, DeviceCodeRecord, IdempotencyRecord, KeyListRecord, LicenseFilter,
        MessageFilter, MessageRecord, OrderFilter, OrderStatus, SigningKeyRecord, StoreError, TokenRecord, Tx,
    },
};

both!(licenses, codes, orders, keys_and_catalogs, deferred_events, nonces, messages, alerts, tokens, history_pages);

type Outcome = Result<(), StoreError>;

/// Runs the checks in one committed transaction; on PostgreSQL they may run twice, so they start from nothing.
async fn check(database: Database, checks: fn(&mut Tx) -> Outcome) {
    database.open().await.write(checks).await.unwrap();
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
        tx.order_insert(&crate::store::OrderRecord { license_id: Some(license(2).id), ..order(1) })?;
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

async fn orders(database: Database) {
    check(database, |tx| {
        for number in 1..=3 {
            tx.order_insert(&order(number))?;
        }
        // Orders made by hand have no channel, and so no identity to collide.
        for number in [4, 5] {
            let manual = crate::store::OrderRecord { channel: None, identity: String::new(), ..order(number) };
            tx.order_insert(&manual)?;
        }
        let koo = slug("koo");
        assert_eq!(tx.order_find(order(2).id)?, Some(order(2)));
        assert_eq!(tx.order_by_identity(&koo, "order-3")?, Some(order(3)));
        assert_eq!(tx.order_by_instance_waiting(&koo, "instance-1")?, Some(order(1)), "the oldest");
        let mut first = order(1);
        (first.status, first.quantity, first.details) = (OrderStatus::Fulfilled, None, json!({}));
        tx.order_update(&first)?;
        assert_eq!(tx.order_find(first.id)?, Some(first));
        assert_eq!(tx.order_by_instance_waiting(&koo, "instance-1")?, Some(order(2)));
        let waiting = OrderFilter { status: Some(OrderStatus::Waiting), channel: Some(koo), ..OrderFilter::default() };
        assert_eq!(tx.order_page(&waiting, None, 100)?, [order(3), order(2)]);
        assert_eq!(tx.order_page(&waiting, Some(order(3).id), 100)?, [order(2)]);
        assert_eq!(tx.order_waiting(1)?, [order(2)]);
        Ok(())
    })
    .await;
}

async fn keys_and_catalogs(database: Database) {
    check(database, |tx| {
        let signing = |kid: &str, product: &str, role| SigningKeyRecord {
            kid: kid.to_owned(),
            product: slug(product),
            role,
            state: KeyState::Active,
            public_key: vec![7; 32],
            sealed_seed: None,
            created_at: time(1),
            changed_at: time(1),
        };
        tx.key_insert(&signing("b", "atlas", KeyRole::Root))?;
        assert!(!tx.key_any_sealed()?);
        let sealed = SigningKeyRecord { sealed_seed: Some(vec![1]), ..signing("a", "orion", KeyRole::Debug) };
        tx.key_insert(&sealed)?;
        assert!(tx.key_any_sealed()?);
        assert_eq!(tx.key_list(None)?.len(), 2);
        assert_eq!(tx.key_list(Some(&slug("orion")))?, [sealed]);
        tx.key_update_state("a", KeyState::VerifyOnly, time(2))?;
        tx.key_forget_seed("a", time(3))?;
        let found = tx.key_find("a")?.unwrap();
        assert_eq!((found.state, found.sealed_seed, found.changed_at), (KeyState::VerifyOnly, None, time(3)));
        let missing = tx.key_update_state("z", KeyState::Revoked, time(2));
        assert!(matches!(missing, Err(StoreError::NotFound { table: "signing_keys" })));
        for number in [9, 10] {
            let list = KeyListRecord { product: slug("atlas"), number, jws: "j".to_owned(), created_at: time(1) };
            tx.key_list_insert(&list)?;
        }
        assert_eq!(tx.key_list_latest(&slug("atlas"))?.unwrap().number, 10);
        assert_eq!(tx.key_list_latest(&slug("orion"))?, None);
        assert_eq!((tx.catalog_revision()?, tx.catalog_latest()?), (None, None));
        tx.catalog_insert(9, "nine", time(1))?;
        tx.catalog_insert(10, "ten", time(2))?;
        assert_eq!(tx.catalog_revision()?, Some(10));
        assert_eq!(tx.catalog_latest()?.unwrap().body, "ten");
        assert!(tx.meta_insert_if_absent("a", "1")? && !tx.meta_insert_if_absent("a", "2")?);
        tx.meta_set("a", "3")?;
        assert_eq!(tx.meta_get("a")?.unwrap(), "3");
        Ok(())
    })
    .await;
}

async fn deferred_events(database: Database) {
    check(database, |tx| {
        let koo = slug("koo");
        let event = |id: &str, signed| DeferredRecord {
            id: id.to_owned(),
            channel: slug("koo"),
            subject: "s".to_owned(),
            event: json!({"id": id}),
            signed_at: time(signed),
            received_at: time(9),
        };
        for event in [event("1", 3), event("3", 2), event("2", 2)] {
            tx.deferred_insert(&event)?;
        }
        assert_eq!((tx.deferred_count(&koo, "s")?, tx.deferred_count(&koo, "t")?), (3, 0));
        assert_eq!(tx.deferred_take(&koo, "s")?, [event("2", 2), event("3", 2), event("1", 3)]);
        assert_eq!(tx.deferred_take(&koo, "s")?, []);
        Ok(())
    })
    .await;
}

async fn nonces(database: Database) {
    check(database, |tx| {
        let (koo, other) = (slug("koo"), slug("other"));
        assert!(tx.nonce_insert(&koo, "n", time(5))?);
        assert!(!tx.nonce_insert(&koo, "n", time(500))?, "a replay does not prolong");
        assert!(tx.nonce_insert(&other, "n", time(6))?, "channels do not share nonces");
        assert!(tx.nonce_insert(&koo, "m", time(7))?);
        assert_eq!(tx.nonce_purge(time(5), 10)?, 0, "not yet");
        assert_eq!(tx.nonce_purge(time(100), 2)?, 2, "the oldest first");
        assert!(tx.nonce_insert(&koo, "n", time(5))? && !tx.nonce_insert(&koo, "m", time(5))?);
        Ok(())
    })
    .await;
}

async fn messages(database: Database) {
    check(database, |tx| {
        let message = |number: i64| MessageRecord {
            id: MessageId::new(time(number), &entropy(number)),
            channel: slug("koo"),
            received_at: time(number),
            transport: "v2".to_owned(),
            activity: Some("newInstance".to_owned()),
            order_id: Some(format!("o{number}")),
            instance_id: None,
            license_id: None,
            debug: number == 2,
            result_code: "000000".to_owned(),
            result_msg: "success".to_owned(),
            change: None,
            duration_us: 1,
            request: "a\0b".to_owned(),
        };
        let count = i64::from(limits::PAGE_ROWS) + 5;
        for number in 0..count {
            tx.message_insert(&message(number))?;
        }
        assert_eq!(tx.message_find(message(1).id)?.unwrap().request, "a\u{fffd}b");
        let any = MessageFilter::default;
        let page = tx.message_page(&any(), None, u32::MAX)?;
        assert_eq!(page.len(), limits::PAGE_ROWS as usize + 1, "no page is boundless");
        assert_eq!(page[0].id, message(count - 1).id);
        let found = |tx: &mut Tx, filter: MessageFilter| {
            tx.message_page(&filter, None, 9).map(|page| page.iter().map(|row| row.id).collect::<Vec<_>>())
        };
        let two = [message(2).id];
        assert_eq!(found(tx, MessageFilter { debug: Some(true), ..any() })?, two);
        assert_eq!(found(tx, MessageFilter { order_id: Some("o2".into()), ..any() })?, two);
        let span = MessageFilter { received_after: Some(time(2)), received_before: Some(time(3)), ..any() };
        assert_eq!(found(tx, span)?, two);
        assert_eq!(found(tx, MessageFilter { result_code: Some("1".into()), ..any() })?, []);
        assert_eq!(tx.message_purge(time(4), 3)?, 3);
        assert_eq!(tx.message_purge(time(4), 3)?, 1);
        assert_eq!(tx.message_purge(time(4), 3)?, 0);
        assert_eq!(tx.message_find(message(3).id)?, None);
        Ok(())
    })
    .await;
}

async fn alerts(database: Database) {
    check(database, |tx| {
        let alert = |number: i64, dedupe: &str| AlertRecord {
            id: AlertId::new(time(number), &entropy(number)),
            kind: "unknown_plan".to_owned(),
            channel: Some(slug("koo")),
            license_id: None,
            order_id: Some(order(1).id),
            detail: json!([1]),
            created_at: time(number),
            resolved_at: None,
            resolved_by: None,
            dedupe: dedupe.to_owned(),
        };
        assert!(tx.alert_insert(&alert(1, "a"))?);
        assert!(!tx.alert_insert(&alert(2, "a"))?, "the same only once");
        assert!(tx.alert_insert(&alert(3, "b"))?);
        assert_eq!(tx.alert_page(true, None, 9)?, [alert(3, "b"), alert(1, "a")]);
        assert!(tx.alert_resolve(alert(3, "b").id, "cli", time(9))?);
        assert!(!tx.alert_resolve(alert(3, "b").id, "again", time(10))?);
        assert_eq!(tx.alert_open_count()?, 1);
        assert_eq!(tx.alert_page(true, None, 9)?, [alert(1, "a")]);
        assert_eq!(tx.alert_page(false, None, 1)?[0].resolved_by.as_deref(), Some("cli"));
        Ok(())
    })
    .await;
}

async fn tokens(database: Database) {
    check(database, |tx| {
        let token = |number: i64| TokenRecord {
            id: TokenId::new(time(number), &entropy(number)),
            name: "ci".to_owned(),
            hash: [u8::try_from(number).unwrap(); 32],
            scopes: vec!["licenses:read".to_owned()],
            created_at: time(number),
            last_used_at: None,
            expires_at: Some(time(1_000)),
            revoked_at: None,
        };
        tx.token_insert(&token(1))?;
        tx.token_insert(&token(2))?;
        assert_eq!(tx.token_by_hash(&[1; 32])?, Some(token(1)));
        assert_eq!(tx.token_by_hash(&[3; 32])?, None);
        assert_eq!(tx.token_list()?, [token(2), token(1)]);
        tx.token_touch(token(1).id, time(5))?;
        assert!(tx.token_revoke(token(1).id, time(6))? && !tx.token_revoke(token(1).id, time(7))?);
        let found = tx.token_by_hash(&[1; 32])?.unwrap();
        assert_eq!((found.last_used_at, found.revoked_at), (Some(time(5)), Some(time(6))));
        let answer = |key: &str, at| IdempotencyRecord {
            token_id: token(1).id,
            key: key.to_owned(),
            request_hash: [4; 32],
            status: 201,
            content_type: None,
            body: "{}".to_owned(),
            created_at: time(at),
        };
        assert!(tx.idempotency_insert(&answer("a", 1))? && !tx.idempotency_insert(&answer("a", 2))?);
        assert!(tx.idempotency_insert(&answer("b", 5))?);
        assert_eq!(tx.idempotency_find(token(1).id, "a")?, Some(answer("a", 1)));
        assert_eq!(tx.idempotency_find(token(2).id, "a")?, None);
        assert_eq!(tx.idempotency_purge(time(5), 9)?, 1);
        assert_eq!(tx.idempotency_find(token(1).id, "a")?, None);
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
