//! What is written into the list, and what is not.

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_listed_and_a_freeze_is_not(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let license = bought(&app, "CS0001", "P-STANDARD-YEAR").await;
    for held in [Act::Suspend, Act::Resume, Act::Suspend] {
        act(&app, &license, held).await;
    }
    let before = list(&app, "atlas", 0).await;
    assert_eq!((&before["number"], &before["complete"], &before["entries"]), (&json!(0), &json!(true), &json!([])));
    for _ in 0..2 {
        act(&app, &license, Act::Release).await;
    }
    app.door(Line::License1).done(&Call::release(Line::License1, license.instance_id.as_deref().unwrap(), None)).await;
    let after = list(&app, "atlas", 0).await;
    assert_eq!((&after["number"], &after["entries"]), (&json!(1), &json!([{ "sub": license.id }])), "once");
    assert_eq!(after["exp"].as_i64().unwrap() - after["iat"].as_i64().unwrap(), 7 * 86_400);
    assert_eq!(entries(&app, "desk").await, json!([]), "each product has its own");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_lists_only_the_revision_that_is_too_good(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas1);
    let call = Call::buy(Line::Saas1, "CS0001").unwrap().product("P-BASIC").sku("S-BASIC");
    let (instance, _) = door.bought(&call.customer("c-0001", "张三")).await;
    let upgrade = |order: &str, sku: &str| Call::upgrade(Line::Saas1, &instance, order).unwrap().sku(sku);
    door.done(&upgrade("CS0002", "S-PLUS")).await;
    assert_eq!(entries(&app, "beacon").await, json!([]), "an upgrade revokes nothing");
    let license = app.license(&instance).await;
    move_to(&app, &license, "basic").await;
    let downgraded = json!({ "sub": license.id, "revs": [2] });
    assert_eq!(entries(&app, "beacon").await, json!([downgraded]));
    // The same grant again, and away again: what was listed stays listed, once.
    door.done(&upgrade("CS0003", "S-PLUS")).await;
    assert_eq!(app.license(&instance).await.rev, 4);
    assert_eq!(entries(&app, "beacon").await, json!([downgraded]));
    move_to(&app, &license, "trial").await;
    let second = json!({ "sub": license.id, "revs": [1, 3, 4] });
    assert_eq!(entries(&app, "beacon").await, json!([downgraded, second]));
    let history = app.read(move |tx, _| Ok(tx.history_page(license.id, None, 1)?)).await;
    assert_eq!(history[0].detail["revoked_revs"], json!([1, 3, 4]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refunded_renewal_lists_the_code_that_carries_the_later_end(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let (carries, leased) =
        (bought(&app, "CS0001", "P-OFFLINE").await, bought(&app, "CS0002", "P-STANDARD-YEAR").await);
    for (order, license) in [("CS0003", &carries), ("CS0004", &leased)] {
        let id = license.instance_id.as_deref().unwrap();
        door.done(&Call::renew(Line::License1, id, order, stamp("2028-03-02T08:00:00Z"))).await;
    }
    assert_eq!(entries(&app, "atlas").await, json!([]), "a renewal revokes nothing");
    for (order, license) in [("CS0005", &carries), ("CS0006", &leased)] {
        let id = license.instance_id.as_deref().unwrap();
        door.done(&Call::refund_renewal(Line::License1, id, order, stamp("2027-03-02T08:00:00Z"))).await;
    }
    assert_eq!(entries(&app, "atlas").await, json!([{ "sub": carries.id, "revs": [2] }]), "leases end by themselves");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_listed_and_signing_anew_revokes_nothing_else(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    bought(&app, "CS0001", "P-STANDARD-YEAR").await;
    let leaked = app.read(|_, ctx| Ok(ctx.installation.keys.signer(&slug("atlas"))?.kid().to_owned())).await;
    app.write(|tx, ctx| keys::rotate(tx, ctx, &slug("atlas"), None)).await;
    assert_eq!(entries(&app, "atlas").await, json!([]), "rotation revokes nothing");
    let kid = leaked.clone();
    app.write(move |tx, ctx| keys::revoke(tx, ctx, &kid, None)).await;
    app.write(|tx, ctx| keys::sign_anew(tx, ctx, &slug("atlas"), None)).await;
    assert_eq!(entries(&app, "atlas").await, json!([{ "kid": leaked }]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_releases_at_once_get_one_number_each(#[case] backend: Backend) {
    const MANY: usize = 16;
    let app = TestApp::start(backend).await;
    let mut licenses = Vec::new();
    for number in 0..MANY {
        licenses.push(bought(&app, &format!("CS{number:04}"), "P-STANDARD-YEAR").await);
    }
    let mut acts = tokio::task::JoinSet::new();
    for license in &licenses {
        let (service, id) = (app.app.clone(), license.id);
        acts.spawn(async move {
            let release = move |tx: &mut signet::store::Tx, ctx: signet::usecase::Context<'_>| {
                merchant::act(tx, ctx, id, Act::Release)
            };
            service.write::<_, signet::usecase::Failure, _>(signet::usecase::Actor::CommandLine, release).await.unwrap()
        });
    }
    acts.join_all().await;
    let list = list(&app, "atlas", 0).await;
    let mut listed: Vec<String> =
        list["entries"].as_array().unwrap().iter().map(|it| it["sub"].as_str().unwrap().to_owned()).collect();
    let mut expected: Vec<String> = licenses.iter().map(|it| it.id.to_string()).collect();
    listed.sort();
    expected.sort();
    assert_eq!((list["number"].as_u64().unwrap(), listed), (MANY as u64, expected));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_grants_more_is_refused_online_as_well(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas1);
    let call = Call::buy(Line::Saas1, "CS0001").unwrap().product("P-BASIC").sku("S-BASIC");
    let (instance, _) = door.bought(&call.customer("c-0001", "张三")).await;
    let license = app.license(&instance).await;
    let reason = async |code: &str| {
        let code: SecretString = code.to_owned().into();
        app.read(move |tx, ctx| validate::validate(tx, ctx, &code, &Question::default())).await.reason
    };
    let first = app.latest_code(&license).await;
    move_to(&app, &license, "plus").await;
    let plus = app.latest_code(&license).await;
    assert_eq!(reason(&first).await, Reason::Valid, "the one that the marketplace shows for ever");
    move_to(&app, &license, "basic").await;
    let newest = app.latest_code(&license).await;
    assert_eq!(reason(&plus).await, Reason::CodeRevoked);
    assert_eq!((reason(&first).await, reason(&newest).await), (Reason::Valid, Reason::Valid));
    act(&app, &license, Act::Release).await;
    for code in [&first, &plus, &newest] {
        assert_eq!(reason(code).await, Reason::LicenseReleased, "the earlier reason");
    }
}

/// Nothing has to be reset after a downgrade: software that was activated with a code learns the newest one by renewing.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_activation_renews_with_a_revoked_revision_and_gets_the_newest_code(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas1);
    let call = Call::buy(Line::Saas1, "CS0001").unwrap().product("P-BASIC").sku("S-BASIC");
    let (instance, _) = door.bought(&call.customer("c-0001", "张三")).await;
    let license = app.license(&instance).await;
    move_to(&app, &license, "plus").await;
    let plus: SecretString = app.latest_code(&license).await.into();
    let components = [("device".to_owned(), signet_verify::machine::digest("device", "1"))].into();
    let machine = activation::Machine { components, ..activation::Machine::default() };
    let take = async |machine: activation::Machine| {
        let plus = plus.clone();
        app.write(move |tx, ctx| activation::activate(tx, ctx, &plus, &machine)).await
    };
    let id = take(machine.clone()).await.unwrap().activation.id;
    move_to(&app, &license, "basic").await;
    let newest = app.latest_code(&license).await;
    let renew = async |id| {
        let plus = plus.clone();
        let nothing = activation::Renewal::default();
        app.write(move |tx, ctx| activation::renew(tx, ctx, &plus, id, &nothing)).await
    };
    assert_eq!(renew(id).await.unwrap().code, newest);
    // Only what is known: the old code takes no seat and answers no question, and of no other activation.
    assert_eq!(take(machine).await.unwrap_err().verdict.reason, Reason::CodeRevoked);
    let nobodys = "01a20445-ae14-78c4-bd6b-f621bdb09999".parse().unwrap();
    assert_eq!(renew(nobodys).await.unwrap_err().verdict.reason, Reason::MachineUnknown);
    act(&app, &license, Act::Release).await;
    assert_eq!(renew(id).await.unwrap_err().verdict.reason, Reason::LicenseReleased);
}
