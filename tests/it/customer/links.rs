//! The link that the marketplace's resource page leads to.

use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;
use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::usecase::link;

use super::{Visitor, issued, link_path, text, with_license};
use crate::harness::{Backend, PUBLIC_URL, TestApp};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_link_ends_the_old_one_and_every_page_that_is_open(#[case] backend: Backend) {
    let (app, license, _, key) = with_license(backend).await;
    let id = license.id;
    let old = link_path(&app, &license).await;
    assert_eq!(link_path(&app, &license).await, old, "it can be shown again");
    let (mut by_link, mut by_key) = (Visitor::new(&app), Visitor::new(&app));
    assert_eq!(by_link.get(&old).await.status, 303);
    by_link.page().await;
    by_key.enter(&key).await;

    app.pass(SignedDuration::from_secs(1));
    let rotated = app.write(move |tx, ctx| link::rotate(tx, ctx, id)).await.unwrap();
    assert_eq!((rotated.version, rotated.rotated_at), (2, Some(app.now())));
    let new = link_path(&app, &license).await;
    assert_ne!(new, old);
    for visitor in [&mut by_link, &mut by_key] {
        assert_eq!(visitor.get("/license").await.header("Location"), Some("/l?ended=1"));
    }
    let answer = Visitor::new(&app).get(&old).await;
    assert!(answer.status == 404 && text(&answer).contains("This link opens no license"));
    assert_eq!(by_link.get(&new).await.status, 303);
    by_link.page().await;
    by_key.enter(&key).await;
    app.pass(SignedDuration::from_secs(1));
    assert_eq!(app.write(move |tx, ctx| link::rotate(tx, ctx, id)).await.unwrap().version, 3);
    assert_eq!(Visitor::new(&app).get(&new).await.status, 404);
    assert_eq!(app.history(&license).await, ["issued", "link_rotated", "link_rotated"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_makes_or_changes_a_link() {
    let (app, license, _, _) = with_license(Backend::Sqlite).await;
    let path = link_path(&app, &license).await;
    let token = path.strip_prefix("/l/").unwrap().to_owned();
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
    assert_eq!((bytes.len(), token.len()), (36, 48), "id, version, 128 bits");
    let opens = async |token: String| {
        app.read(move |tx, ctx| Ok(link::open(tx, ctx, &token)?.map(|(license, _)| license.id))).await
    };
    assert_eq!(opens(token.clone()).await, Some(license.id));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opens(BASE64URL_NOPAD.encode(&changed)).await, None, "bit {bit}");
    }
    // Another installation's link for the same id.
    let other = TestApp::start(Backend::Sqlite).await;
    let id = license.id;
    let foreign = other.read(move |_, ctx| Ok(link::Link { license: id, version: 1, rotated_at: None }.url(ctx))).await;
    let foreign = foreign.rsplit('/').next().unwrap().to_owned();
    assert_eq!(foreign[..26], token[..26], "the same license and version");
    let longer = format!("{token}AAAA");
    let padded = format!("{token}=");
    for wrong in [foreign, longer, padded, token[4..].to_owned(), format!(" {token}"), String::new(), "%".to_owned()] {
        assert_eq!(opens(wrong.clone()).await, None, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_links_are_answered_alike() {
    let (app, license, _, _) = with_license(Backend::Sqlite).await;
    let path = link_path(&app, &license).await;
    let id = license.id;
    app.write(move |tx, ctx| link::rotate(tx, ctx, id)).await;
    let reference = text(&Visitor::new(&app).get("/l/nothing").await);
    for dead in [path.clone(), path[..path.len() - 1].to_owned(), "/l/%ff".to_owned(), "/l/%2e%2e".to_owned()] {
        let answer = Visitor::new(&app).get(&dead).await;
        assert_eq!((answer.status, text(&answer)), (404, reference.clone()), "{dead}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marketplace_is_told_the_link_and_debug_calls_the_plain_page(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let (instance, _) = door.bought(&Call::buy(Line::Saas2, "CS0001").unwrap()).await;
    let told = async |ids: &[&str]| {
        let reply = door.done(&Call::query(Line::Saas2, ids).unwrap()).await;
        reply.json().unwrap()["info"][0]["appInfo"]["frontEndUrl"].as_str().unwrap().to_owned()
    };
    let license = app.license(&instance).await;
    let url = told(&[&instance]).await;
    assert_eq!(url, format!("{PUBLIC_URL}{}", link_path(&app, &license).await));
    assert!(url.len() <= 255);
    let id = license.id;
    app.write(move |tx, ctx| link::rotate(tx, ctx, id)).await;
    assert_ne!(told(&[&instance]).await, url, "the resource page leads to the new link");
    let (pretended, _) = door.bought(&Call::buy(Line::Saas2, "CS0002").unwrap().debug()).await;
    assert_eq!(told(&[&pretended]).await, format!("{PUBLIC_URL}/l"));
    let other = issued(&app, "atlas/standard").await;
    assert_ne!(link_path(&app, &other).await, link_path(&app, &license).await);
}
