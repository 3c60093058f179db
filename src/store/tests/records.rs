//! The other table families: every function, on both databases.

use serde_json::json;

use super::{
    Database, both, check,
    samples::{entropy, key, license, order, slug, time},
};
use crate::{
    base::{
        ids::{AlertId, MessageId, TokenId},
        limits,
    },
    license::keys::{KeyRole, KeyState},
    store::{
        AlertRecord, DeferredRecord, IdempotencyRecord, KeyListRecord, LinkRecord, MessageFilter, MessageRecord,
        SigningKeyRecord, StoreError, TokenRecord, Tx,
    },
};

both!(
    keys_and_catalogs,
    deferred_events,
    nonces,
    messages,
    alerts,
    a_resolved_alert_that_is_raised_again_is_open_again,
    tokens,
    links,
);

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

fn alert(number: i64, dedupe: &str) -> AlertRecord {
    AlertRecord {
        id: AlertId::new(time(number), &entropy(number)),
        kind: "unknown_plan".to_owned(),
        channel: Some(slug("koo")),
        license_id: None,
        order_id: Some(order(1).order_id),
        detail: json!([1]),
        created_at: time(number),
        resolved_at: None,
        resolved_by: None,
        dedupe: dedupe.to_owned(),
    }
}

async fn a_resolved_alert_that_is_raised_again_is_open_again(database: Database) {
    check(database, |tx| {
        let first = alert(1, "a");
        let again = |number: i64| AlertRecord { detail: json!([number]), ..alert(number, "a") };
        assert!(tx.alert_raise(&first)? && tx.alert_raise(&alert(2, "b"))?);
        for round in 3..6 {
            assert!(tx.alert_resolve(first.id, "cli", time(round))?);
            assert_eq!(tx.alert_page(true, None, 9)?, [alert(2, "b")]);
            assert!(tx.alert_raise(&again(round))?);
            // The same row with what is known now; nothing is written while it stands open.
            let open = AlertRecord { detail: json!([round]), ..first.clone() };
            assert!(!tx.alert_raise(&again(99))?);
            assert_eq!(tx.alert_page(false, None, 9)?, [alert(2, "b"), open]);
        }
        let koo = slug("koo");
        tx.alert_settle("unknown_plan", &koo, &order(1).order_id, "signet", time(7))?;
        assert_eq!(tx.alert_open_count()?, 0);
        assert!(tx.alert_raise(&again(8))?, "also what Signet settled itself");
        assert_eq!(tx.alert_open_count()?, 1);
        Ok(())
    })
    .await;
}

async fn alerts(database: Database) {
    check(database, |tx| {
        assert!(tx.alert_raise(&alert(1, "a"))?);
        assert!(!tx.alert_raise(&alert(2, "a"))?, "the same only once");
        assert!(tx.alert_raise(&alert(3, "b"))?);
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
            product: None,
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

async fn links(database: Database) {
    check(database, |tx| {
        let license = license(1);
        tx.license_insert(&license, &key(1))?;
        assert_eq!(tx.link_find(license.id)?, None);
        for version in [2, 3] {
            let link = LinkRecord { license_id: license.id, version, rotated_at: time(version) };
            tx.link_save(&link)?;
            assert_eq!(tx.link_find(license.id)?, Some(link));
        }
        Ok(())
    })
    .await;
}
