//! How the list is fetched: whole, in deltas, in pieces, or not at all when nothing changed.

use super::*;

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

/// A service that was set back to a backup counts on from there: the number that a client saw may be taken by another entry.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_saw_another_history_gets_the_whole_list(#[case] backend: Backend) {
    let revoked = async |later: i64| {
        let app = TestApp::start(backend).await;
        app.pass(SignedDuration::from_micros(later));
        app.write(|tx, ctx| {
            for kid in ["a", "b"] {
                tx.revocation_add(&RevocationRecord {
                    product: slug("atlas"),
                    number: 0,
                    license_id: None,
                    revs: None,
                    kid: Some(kid.to_owned()),
                    reason: Cause::KeyRevoked,
                    created_at: ctx.now,
                })?;
            }
            Ok(())
        })
        .await;
        app
    };
    let (lost, app) = (revoked(0).await, revoked(1).await);
    let since = async |app: &TestApp, since: u64, head: &str| {
        let answer = app.get(&format!("{PATH}?product=atlas&since={since}&head={head}")).await;
        read(app, "atlas", &answer).await
    };
    let (seen, ours) = (list(&lost, "atlas", 0).await, list(&app, "atlas", 0).await);
    assert_eq!(seen["entries"], ours["entries"]);
    let (foreign, own) = (seen["head"].as_str().unwrap(), ours["head"].as_str().unwrap());
    for _ in 0..2 {
        let whole = since(&app, 2, foreign).await;
        assert_eq!((&whole, &whole["since"]), (&ours, &json!(0)));
        let rest = since(&app, 2, own).await;
        assert_eq!((&rest["since"], &rest["entries"]), (&json!(2), &json!([])));
        assert_eq!((&rest["head"], &rest["after"]), (&ours["head"], &ours["head"]));
    }
    let early = since(&app, 1, list(&app, "atlas", 1).await["after"].as_str().unwrap()).await;
    assert_eq!((&early["since"], &early["entries"]), (&json!(1), &json!([{ "kid": "b" }])));
}
