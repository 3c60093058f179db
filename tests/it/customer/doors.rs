//! Who gets in, who does not, and what neither of them learns.

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    base::limits,
    usecase::{merchant::Act, session},
};

use super::{Visitor, act, faces, issued, link_path, set_cookies, text, with_license};
use crate::harness::{Backend, TestApp};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_key_and_link_open_the_same_page(#[case] backend: Backend) {
    let (app, license, code, key) = with_license(backend).await;
    for typed in [code.as_str(), &key, &key.replace('-', "").to_lowercase(), &format!("  {code}\r\n")] {
        let page = Visitor::new(&app).enter(typed).await;
        assert!(page.contains(&key) && page.contains(&code) && page.contains("Atlas"), "{typed}");
    }
    let mut visitor = Visitor::new(&app);
    let answer = visitor.get(&link_path(&app, &license).await).await;
    assert_eq!((answer.status, answer.header("Location")), (303, Some("/license")));
    assert!(visitor.page().await.contains(&key));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_and_unreadable_are_answered_alike() {
    let (app, _, code, _) = with_license(Backend::Sqlite).await;
    let other = TestApp::start(Backend::Sqlite).await;
    let elsewhere = issued(&other, "atlas/standard").await;
    let (foreign_code, foreign_key) = faces(&other, &elsewhere).await;
    let reference = Visitor::new(&app).post("/l", &[("license", "nonsense")]).await;
    assert_eq!(reference.status, 422);
    for typed in [foreign_code.as_str(), &foreign_key, &code[..code.len() - 2], "", " ", &"x".repeat(60_000), "\u{0}"] {
        let answer = Visitor::new(&app).post("/l", &[("license", typed)]).await;
        assert_eq!((answer.status, text(&answer)), (422, text(&reference)), "{}", typed.len());
        assert_eq!(set_cookies(&answer), []);
    }
    // What the form never sends is answered in words too.
    for form in [&[][..], &[("license", "a"), ("license", "b")]] {
        let answer = Visitor::new(&app).post("/l", form).await;
        assert!(answer.status == 422 && text(&answer).contains("did not arrive whole"), "{form:?}");
    }
    let huge = "x".repeat(limits::REQUEST_BODY_BYTES);
    assert_eq!(Visitor::new(&app).post("/l", &[("license", &huge)]).await.status, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_may_be_kept_indexed_framed_or_told_onwards() {
    let (app, license, _, key) = with_license(Backend::Sqlite).await;
    let link = link_path(&app, &license).await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    for path in ["/l", &link, "/l/nothing", "/license"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("Referrer-Policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("X-Robots-Tag"), Some("noindex, nofollow"), "{path}");
        if answer.status != 303 {
            let policy = answer.header("Content-Security-Policy").unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
            let page = text(&answer);
            for inline in [" style=", "<style", " onclick", "<script>", "javascript:"] {
                assert!(!page.contains(inline), "{path}: {inline}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let answer = Visitor::new(&app).post("/l", &[("license", &key)]).await;
    let cookie = answer.header("Set-Cookie").unwrap();
    assert!(cookie.starts_with("__Host-signet="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert!(!cookie.contains(&key), "{cookie}");

    let app = TestApp::start_at_home(Backend::Sqlite).await;
    let license = issued(&app, "atlas/standard").await;
    let (_, key) = faces(&app, &license).await;
    let answer = Visitor::new(&app).post("/l", &[("license", &key)]).await;
    let cookie = answer.header("Set-Cookie").unwrap();
    assert!(cookie.starts_with("signet_session=") && !cookie.contains("Secure"), "no https, no such promise: {cookie}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_twelve_hours_and_when_somebody_logs_out() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    let answer = visitor.get("/license").await;
    assert_eq!((answer.status, answer.header("Location")), (303, Some("/l")), "nobody knows this browser");
    visitor.enter(&key).await;
    app.pass(session::LIFETIME - SignedDuration::from_secs(1));
    visitor.page().await;
    app.pass(SignedDuration::from_secs(1));
    let answer = visitor.get("/license").await;
    assert_eq!((answer.status, answer.header("Location")), (303, Some("/l?ended=1")));
    assert!(text(&visitor.get("/l?ended=1").await).contains("Your session is over"));
    assert_eq!(visitor.cookies, []);

    visitor.enter(&key).await;
    let answer = visitor.post("/license/log-out", &[]).await;
    assert_eq!((answer.status, answer.header("Location"), visitor.cookies.len()), (303, Some("/l?out=1"), 0));
    assert_eq!(visitor.get("/license").await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_cookie_is_no_session() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    let good = visitor.cookies.clone();
    let (name, value) = good[0].clone();
    let flipped = |at: usize| {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut wrong: Vec<_> = (0..value.len()).step_by(7).map(flipped).collect();
    wrong.extend([String::new(), value[1..].to_owned(), format!("{value}A"), "A".repeat(4_000), "ü".to_owned()]);
    for value in wrong {
        visitor.cookies = vec![(name.clone(), value)];
        let answer = visitor.get("/license").await;
        assert_eq!(answer.status, 303);
    }
    visitor.cookies = good;
    visitor.page().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_license_shows_that_it_ended_and_nothing_that_opens_the_software() {
    let (app, license, code, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    act(&app, &license, Act::Release).await;
    for page in [visitor.page().await, Visitor::new(&app).enter(&key).await] {
        assert!(page.contains("Ended for good") && page.contains("buy a new one"), "{page}");
        assert!(!page.contains(&key) && !page.contains(&code), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_tries_are_limited_by_address_and_a_minute_later_forgiven() {
    let (app, license, _, key) = with_license(Backend::Sqlite).await;
    let link = link_path(&app, &license).await;
    let mut guesser = Visitor::new(&app);
    for number in 0..limits::WRONG_TRIES {
        // Believed from a trusted proxy alone, and nobody is one here.
        guesser.headers.push(("X-Forwarded-For", format!("198.51.100.{number}")));
        let answer = match number % 2 {
            0 => guesser.get(&format!("/l/{number}")).await,
            _ => guesser.post("/l", &[("license", "guess")]).await,
        };
        assert!([404, 422].contains(&answer.status), "{number}: {}", answer.head);
    }
    for answer in [
        guesser.post("/l", &[("license", "guess")]).await,
        guesser.post("/l", &[("license", &key)]).await,
        guesser.get(&link).await,
    ] {
        assert_eq!((answer.status, answer.header("Retry-After")), (429, Some("60")));
        assert!(text(&answer).contains("too many wrong tries") && set_cookies(&answer).is_empty());
    }
    app.pass(SignedDuration::from_secs(60));
    guesser.enter(&key).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_tries_are_never_counted() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    for _ in 0..limits::WRONG_TRIES + 5 {
        Visitor::new(&app).enter(&key).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_other_sites_are_refused() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let refused = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "https://signet.evil.example"),
    ];
    for (name, value) in refused {
        let mut visitor = Visitor::new(&app);
        visitor.headers.push((name, value.to_owned()));
        let answer = visitor.post("/l", &[("license", &key)]).await;
        assert!(answer.status == 403 && text(&answer).contains("another site"), "{name}: {value}");
        assert_eq!(visitor.cookies, []);
        // Links may lead here from anywhere.
        assert_eq!(visitor.get("/l").await.status, 200);
    }
    for (name, value) in [
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", "null"),
        ("Origin", "https://licenses.example.com"),
        ("Origin", "http://signet"),
    ] {
        let mut visitor = Visitor::new(&app);
        visitor.headers.push((name, value.to_owned()));
        visitor.enter(&key).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_told_in_words() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    app.app.store().clone().close().await;
    for answer in [visitor.get("/license").await, visitor.post("/l", &[("license", &key)]).await] {
        assert!(answer.status == 503 && text(&answer).contains("does not answer for the moment"), "{}", answer.head);
    }
}
