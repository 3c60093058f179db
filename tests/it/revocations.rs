//! The revocation list: what is written into it, and how it is fetched.

use jiff::SignedDuration;
use koogallery_simulator::{Call, Line};
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    base::{limits, secret::SecretString},
    license::{activation::Reason, model::License, revocation::Cause},
    store::RevocationRecord,
    usecase::{
        keys,
        merchant::{self, Act},
        upgrade,
        validate::{self, Question},
    },
};
use signet_verify::kind::Kind;

use crate::harness::{Answer, Backend, CATALOG, TestApp, exchange, slug, stamp};

const PATH: &str = "/.well-known/license-revocations.jws";

/// A list whose signature was checked with the published keys.
async fn read(app: &TestApp, product: &str, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    app.read_signed(Kind::Revocations, product, std::str::from_utf8(&answer.body).unwrap()).await
}

async fn list(app: &TestApp, product: &str, since: u64) -> Value {
    let answer = app.get(&format!("{PATH}?product={product}&since={since}")).await;
    read(app, product, &answer).await
}

async fn entries(app: &TestApp, product: &str) -> Value {
    list(app, product, 0).await["entries"].clone()
}

async fn act(app: &TestApp, license: &License, act: Act) {
    let id = license.id;
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.unwrap();
}

/// Moves a license to another plan of its product.
async fn move_to(app: &TestApp, license: &License, plan: &'static str) {
    // History sorts by the millisecond.
    app.pass(SignedDuration::from_secs(1));
    let id = license.id;
    app.write(move |tx, ctx| {
        let license = tx.license_for_update(id)?.unwrap();
        let plan = ctx.installation.catalog.plan(&license.product, &slug(plan)).unwrap();
        upgrade::apply(tx, ctx, license, Some(plan), None, "CS-move")
    })
    .await;
}

async fn bought(app: &TestApp, order: &str, product_id: &str) -> License {
    let call = Call::buy(Line::License1, order).unwrap().product(product_id).customer("c-0001", "张三");
    let (instance, _) = app.door(Line::License1).bought(&call.expires_at(stamp("2027-03-02T08:00:00Z"))).await;
    app.license(&instance).await
}

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
async fn deltas_attach_without_a_gap_and_a_number_from_the_future_gets_everything(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for order in ["CS0001", "CS0002", "CS0003"] {
        let license = bought(&app, order, "P-STANDARD-YEAR").await;
        act(&app, &license, Act::Release).await;
    }
    let all = list(&app, "atlas", 0).await;
    assert_eq!((&all["since"], &all["number"], all["entries"].as_array().unwrap().len()), (&json!(0), &json!(3), 3));
    let delta = list(&app, "atlas", 1).await;
    assert_eq!((&delta["since"], &delta["number"], &delta["complete"]), (&json!(1), &json!(3), &json!(true)));
    assert_eq!(delta["entries"].as_array().unwrap()[..], all["entries"].as_array().unwrap()[1..]);
    let none = list(&app, "atlas", 3).await;
    assert_eq!((&none["since"], &none["number"], &none["entries"]), (&json!(3), &json!(3), &json!([])));
    for future in [4, u64::MAX] {
        assert_eq!(list(&app, "atlas", future).await, all, "{future}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_comes_in_pieces(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let total = limits::REVOCATIONS + 2;
    app.write(move |tx, ctx| {
        for number in 0..total {
            tx.revocation_add(&RevocationRecord {
                product: slug("atlas"),
                number: 0,
                license_id: None,
                revs: None,
                kid: Some(format!("{number:043}")),
                reason: Cause::KeyRevoked,
                created_at: ctx.now,
            })?;
        }
        Ok(())
    })
    .await;
    let first = list(&app, "atlas", 0).await;
    assert_eq!((&first["number"], &first["complete"]), (&json!(limits::REVOCATIONS), &json!(false)));
    let rest = list(&app, "atlas", first["number"].as_u64().unwrap()).await;
    assert_eq!((&rest["number"], &rest["complete"]), (&json!(total), &json!(true)));
    assert_eq!(rest["entries"][1]["kid"], format!("{:043}", total - 1));
}

/// Regression: 5,000 entries that each name many revisions were longer than any reader accepts.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_long_entries_is_cut_before_it_is_too_long(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let license = bought(&app, "CS0001", "P-STANDARD-YEAR").await.id;
    app.write(move |tx, ctx| {
        for _ in 0..12 {
            tx.revocation_add(&RevocationRecord {
                product: slug("atlas"),
                number: 0,
                license_id: Some(license),
                revs: Some((u32::MAX - 10_000..u32::MAX).collect()),
                kid: None,
                reason: Cause::GrantsMore,
                created_at: ctx.now,
            })?;
        }
        Ok(())
    })
    .await;
    let mut seen = 0;
    let mut entries = 0;
    loop {
        let answer = app.get(&format!("{PATH}?product=atlas&since={seen}")).await;
        let list = read(&app, "atlas", &answer).await;
        entries += list["entries"].as_array().unwrap().len();
        seen = list["number"].as_u64().unwrap();
        if list["complete"] == true {
            break;
        }
    }
    assert_eq!((seen, entries), (12, 12));
}

async fn conditional(app: &TestApp, etag: &str) -> u16 {
    let request = format!(
        "GET {PATH}?product=atlas HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nIf-None-Match: {etag}\r\n\r\n"
    );
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert_eq!(status == 304, body.is_empty(), "{text}");
    assert!(head.to_lowercase().contains("cache-control: public, max-age=300"), "{head}");
    status
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_list_is_not_sent_twice_and_every_server_says_the_same(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let first = app.get(&format!("{PATH}?product=atlas")).await;
    assert_eq!(first.header("Content-Type"), Some("application/jose"));
    let etag = first.header("Etag").unwrap().to_owned();
    assert!(etag.starts_with('"'), "strong: {etag}");
    app.pass(SignedDuration::from_mins(59));
    for server in [&app, &other] {
        assert_eq!(server.get(&format!("{PATH}?product=atlas")).await.body, first.body);
        assert_eq!(conditional(server, &etag).await, 304);
    }
    app.pass(SignedDuration::from_mins(1));
    assert_eq!(conditional(&app, &etag).await, 200, "a new hour");
    let license = bought(&app, "CS0001", "P-STANDARD-YEAR").await;
    let empty = app.get(&format!("{PATH}?product=atlas")).await;
    act(&app, &license, Act::Release).await;
    for server in [&app, &other] {
        assert_eq!(conditional(server, empty.header("Etag").unwrap()).await, 200, "a new entry");
    }
}

/// A list that was signed by a key before its rotation must not outlive it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_elsewhere_changes_the_list_here(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let before = app.get(&format!("{PATH}?product=atlas")).await;
    other.write(|tx, ctx| keys::rotate(tx, ctx, &slug("atlas"), None)).await;
    let after = app.get(&format!("{PATH}?product=atlas")).await;
    assert_ne!(before.body, after.body);
    read(&app, "atlas", &after).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_that_cannot_be_answered_say_what_to_send(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for (query, status, word) in [
        ("", 400, "?product="),
        ("?product=nothing", 404, "no such product"),
        ("?product=A%20B", 404, "no such product"),
        ("?product=atlas&since=-1", 400, "since"),
        ("?product=atlas&since=x", 400, "since"),
        ("?product=atlas&sinc=1", 400, "sinc"),
    ] {
        let answer = app.get(&format!("{PATH}{query}")).await;
        assert_eq!(answer.status, status, "{query}");
        assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{query}: {}", answer.json());
    }
    let request = format!("POST {PATH} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(exchange(app.address, request.as_bytes()).await.status, 405);
    // With one product there is nothing to say.
    let one = "[[product]]\nslug = \"atlas\"\nname = { zh = \"图册\", en = \"Atlas\" }\n\
               support = { email = \"support@example.com\" }\n";
    let plan = CATALOG.split("[[product.plan]]").nth(1).unwrap();
    app.apply_catalog(&format!("{one}\n[[product.plan]]{plan}")).await;
    let answer = app.get(PATH).await;
    read(&app, "atlas", &answer).await;
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
