//! What the page says.

use jiff::SignedDuration;
use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    base::rate::RateLimits,
    license::{
        code::{Claims, code_text},
        model::License,
    },
    usecase::{keys, merchant::Act, usage},
};
use signet_verify::{machine::digest, request::Request};

use super::{Visitor, act, faces, issued, issued_for, seat, seats, text, with_license};
use crate::harness::{Backend, Settings, TestApp, slug, stamp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_speaks_the_browsers_language_until_another_is_chosen() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    assert!(visitor.enter(&key).await.contains("<html lang=\"en\">"));
    visitor.headers = vec![("Accept-Language", "fr, zh-TW;q=0.9, en;q=0.8".to_owned())];
    assert!(visitor.page().await.contains("<html lang=\"zh-CN\">"));
    let answer = visitor.get("/license?lang=en").await;
    let cookie = answer.header("Set-Cookie").unwrap();
    assert_eq!(cookie, "signet_lang=en; Path=/; Max-Age=31536000; SameSite=Lax; Secure");
    assert!(visitor.page().await.contains("<html lang=\"en\">"), "it is remembered");
    visitor.get("/l?lang=zh").await;
    assert!(visitor.page().await.contains("<html lang=\"zh-CN\">"));
    for nonsense in ["/license?lang=fr", "/license?lang=", "/license?lang=zh&lang=en"] {
        let answer = visitor.get(nonsense).await;
        assert_eq!((answer.status, answer.header("Set-Cookie")), (200, None), "{nonsense}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_frees_a_seat_and_another_machine_takes_it(#[case] backend: Backend) {
    let (app, license, _, key) = with_license(backend).await;
    let second = SignedDuration::from_secs(1);
    app.pass(second);
    let first = seat(&app, &license, "front-desk", "Windows 11").await;
    app.pass(second);
    seat(&app, &license, "build-server", "Debian 12").await;
    let mut visitor = Visitor::new(&app);
    let page = visitor.enter(&key).await;
    assert!(page.contains("<strong>2 of 2</strong>") && page.contains("None is left"), "{page}");
    let (desk, server) = (page.find("front-desk").unwrap(), page.find("build-server").unwrap());
    assert!(desk < server, "oldest first");

    app.pass(second);
    let form = visitor.form_token().await;
    let path = format!("/license/machines/{first}/free");
    for _ in 0..2 {
        let answer = visitor.post(&path, &[("form", &form)]).await;
        assert_eq!((answer.status, answer.header("Location")), (303, Some("/license?done=freed#machines")));
    }
    let page = text(&visitor.get("/license?done=freed").await);
    assert!(page.contains("The seat is free") && page.contains("<strong>1 of 2</strong>"), "{page}");
    assert!(!page.contains("front-desk") && page.contains("build-server"), "{page}");
    app.pass(second);
    seat(&app, &license, "laptop", "macOS").await;
    let told = app.history(&license).await;
    assert_eq!(told, ["issued", "activated", "activated", "deactivated", "activated"]);
    let id = license.id;
    let freed = app.read(move |tx, _| Ok(tx.history_page(id, None, 2)?)).await.pop().unwrap();
    assert_eq!((freed.event.as_str(), freed.actor.as_str()), ("deactivated", "customer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_whose_id_is_no_text_is_unknown_on_the_page() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    let form = visitor.form_token().await;
    for id in ["%ff", "17"] {
        let answer = visitor.post(&format!("/license/machines/{id}/free"), &[("form", &form)]).await;
        assert_eq!((answer.status, answer.header("Content-Type")), (404, Some("text/html; charset=utf-8")), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_pages_own_form_frees_a_seat_and_only_of_its_license() {
    let (app, license, _, key) = with_license(Backend::Sqlite).await;
    let id = seat(&app, &license, "front-desk", "Windows 11").await;
    let path = format!("/license/machines/{id}/free");
    let other = issued(&app, "atlas/standard").await;
    seat(&app, &other, "elsewhere", "Debian 12").await;
    let mut stranger = Visitor::new(&app);
    assert_eq!(stranger.post(&path, &[("form", "x")]).await.header("Location"), Some("/l"));
    stranger.enter(&faces(&app, &other).await.1).await;
    let theirs = stranger.form_token().await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    let form = visitor.form_token().await;
    assert_ne!(form, theirs);
    for sent in [&[][..], &[("form", "")], &[("form", theirs.as_str())], &[("form", &form[1..])]] {
        let answer = visitor.post(&path, sent).await;
        assert!(answer.status == 403 && text(&answer).contains("out of date"), "{sent:?}");
    }
    for path in [path.clone(), "/license/machines/nonsense/free".to_owned()] {
        let answer = stranger.post(&path, &[("form", &theirs)]).await;
        assert!(answer.status == 404 && text(&answer).contains("no such machine"), "{path}");
    }
    assert_eq!(visitor.get(&path).await.status, 405, "looking at an address changes nothing");
    assert!(visitor.page().await.contains("<strong>1 of 2</strong>"));
    visitor.headers.push(("Sec-Fetch-Site", "cross-site".to_owned()));
    assert_eq!(visitor.post(&path, &[("form", &form)]).await.status, 403);
    visitor.headers.pop();
    assert_eq!(visitor.post(&path, &[("form", &form)]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_license_file_is_for_the_machines_that_have_a_seat() {
    let (app, license, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    assert_eq!(visitor.get("/license/file").await.header("Location"), Some("/l"));
    assert!(!visitor.enter(&key).await.contains("href=\"/license/file\""), "no dead link");
    let answer = visitor.get("/license/file").await;
    assert!(answer.status == 409 && text(&answer).contains("Activate one first"), "{}", answer.head);
    seat(&app, &license, "front-desk", "Windows 11").await;
    assert!(visitor.page().await.contains("href=\"/license/file\""));
    let answer = visitor.get("/license/file").await;
    assert_eq!((answer.status, answer.header("Cache-Control")), (200, Some("no-store")));
    assert_eq!(answer.header("Content-Disposition"), Some("attachment; filename=\"atlas.lic\""));
    let bundle = answer.json();
    assert_eq!((&bundle["signet"], &bundle["product"]), (&1.into(), &"atlas".into()));
    assert!(bundle["license_file"].is_string() && bundle["keys"].is_string() && bundle.get("lease").is_none());
    act(&app, &license, Act::Suspend).await;
    let answer = visitor.get("/license/file").await;
    assert!(answer.status == 409 && text(&answer).contains("does not hold"), "{}", answer.head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_told_in_plain_words_with_what_to_do_next() {
    let app = TestApp::start(Backend::Sqlite).await;
    let ends = |days: i64| Some(Act::Extend(Some(app.now().plus_days(days))));
    let told = [
        (None, "Active", "nothing to do"),
        (ends(30), "Active, 30 days left", "Ask the seller for a renewal"),
        (ends(1), "Active, 1 day left", "Ask the seller"),
        (ends(0), "Term over, still running", "until 5 March 2026"),
        (ends(-3), "Expired", "comes back by itself"),
        (Some(Act::Suspend), "Suspended by the seller", "Contact the seller"),
        (Some(Act::Release), "Ended for good", "buy a new one"),
    ];
    for (what, title, advice) in told {
        let license = issued(&app, "atlas/standard").await;
        if let Some(what) = what {
            act(&app, &license, what).await;
        }
        let page = Visitor::new(&app).enter(&faces(&app, &license).await.1).await;
        assert!(page.contains(&format!("<h2 id=\"state\">{title}</h2>")), "{title}: {page}");
        assert!(page.contains(advice), "{title}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_marketplace_suspended_says_where_to_renew() {
    let app = TestApp::start(Backend::Sqlite).await;
    let door = app.door(Line::Saas2);
    let (instance, _) = door.bought(&Call::buy(Line::Saas2, "CS0001").unwrap()).await;
    let key = faces(&app, &app.license(&instance).await).await.1;
    // Only a stated end makes an early FREEZE a violation.
    door.done(&Call::renew(Line::Saas2, &instance, "CS0003", stamp("2028-03-02T08:00:00Z"))).await;
    door.done(&Call::freeze(Line::Saas2, &instance).unwrap()).await;
    let page = Visitor::new(&app).enter(&key).await;
    assert!(page.contains("Suspended by the marketplace") && page.contains("before its term was over"), "{page}");

    let door = app.door(Line::License1);
    let (instance, _) = door.bought(&Call::buy(Line::License1, "CS0002").unwrap().product("P-STANDARD-YEAR")).await;
    let key = faces(&app, &app.license(&instance).await).await.1;
    assert!(Visitor::new(&app).enter(&key).await.contains("the marketplace&#39;s own date decides"));
    app.pass_days(366);
    let late = Visitor::new(&app).enter(&key).await;
    assert!(late.contains("Term over, still running") && late.contains("Renew it at the marketplace"), "{late}");
    door.done(&Call::expire(Line::License1, &instance, "CS0002").unwrap()).await;
    let page = Visitor::new(&app).enter(&key).await;
    assert!(page.contains("Suspended by the marketplace") && page.contains("Renew it at the marketplace"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_software_says_of_itself_is_text_and_never_markup() {
    let (app, license, _, key) = with_license(Backend::Sqlite).await;
    seat(&app, &license, "<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>").await;
    let page = Visitor::new(&app).enter(&key).await;
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
}

/// A stolen signing key makes codes that verify; they must not lead to the license's real key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_was_never_issued_opens_nothing_however_well_it_is_signed() {
    let (app, license, code, _) = with_license(Backend::Sqlite).await;
    let installation = app.app.installation();
    let plan = installation.catalog.plan(&license.product, &license.plan).unwrap();
    let signer = installation.keys.signer(&license.product).unwrap();
    let forged = |license: &License| {
        let claims = Claims::for_license(license, plan, &installation.issuer, app.now().plus_days(-1));
        code_text(&claims, signer).unwrap()
    };
    for forged in [forged(&license), forged(&License { rev: 2, ..license.clone() })] {
        assert_ne!(forged, code);
        assert_eq!(Visitor::new(&app).post("/l", &[("license", &forged)]).await.status, 422);
    }
    // An issued one opens it also when its key was revoked since: nobody is stranded.
    let kid = signer.kid().to_owned();
    app.write(|tx, ctx| keys::rotate(tx, ctx, &slug("atlas"), None)).await;
    app.write(move |tx, ctx| keys::revoke(tx, ctx, &kid, None)).await;
    Visitor::new(&app).enter(&code).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_of_machines_goes_on_on_the_next_page() {
    let app = TestApp::start(Backend::Sqlite).await;
    let license = issued_for(&app, "atlas/standard", 60).await;
    let ids = seats(&app, &license, 101).await;
    let mut visitor = Visitor::new(&app);
    let page = visitor.enter(&faces(&app, &license).await.1).await;
    assert_eq!(page.matches("/free\"").count(), 100);
    let next = format!("/license?after={}", ids[99]);
    assert!(page.contains(&format!("href=\"{next}#machines\"")), "{}", ids[99]);
    let page = text(&visitor.get(&next).await);
    assert!(page.matches("/free\"").count() == 1 && page.contains(&ids[100].to_string()) && !page.contains("after="));
    assert_eq!(text(&visitor.get("/license?after=nonsense").await).matches("/free\"").count(), 100);
}

/// What a machine without network shows.
pub fn request(product: &str, name: &str) -> Request {
    Request {
        product: product.to_owned(),
        name: name.to_owned(),
        platform: "Debian 12".to_owned(),
        components: [("machine-id".to_owned(), digest("machine-id", name))].into(),
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_network_is_activated_by_what_was_typed(#[case] backend: Backend) {
    let (app, _, _, key) = with_license(backend).await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    let form = visitor.form_token().await;
    let text_of = |name: &str| request("atlas", name).to_text().unwrap();
    // Renewing is the same exchange again: the same machine takes no second seat.
    for typed in [text_of("cellar"), text_of("cellar").to_lowercase(), text_of("cellar").replace('\n', "\r\n")] {
        let answer = visitor.post("/license/offline", &[("form", &form), ("request", &typed)]).await;
        assert_eq!(answer.status, 200, "{}", text(&answer));
        assert_eq!(answer.header("Content-Disposition"), Some("attachment; filename=\"atlas-response.json\""));
        let bundle = answer.json();
        assert!(bundle["lease"].is_string() && bundle["keys"].is_string() && bundle["code"].is_string(), "{bundle}");
        let page = visitor.page().await;
        assert!(page.contains("cellar") && page.contains("<strong>1 of 2</strong>"), "{page}");
    }
    visitor.post("/license/offline", &[("form", &form), ("request", &text_of("attic"))]).await;
    let third = text_of("garage");
    let answer = visitor.post("/license/offline", &[("form", &form), ("request", &third)]).await;
    let page = text(&answer);
    assert!(answer.status == 409 && page.contains("No seat is left. Free one in the list"), "{page}");
    assert!(page.contains(third.lines().next().unwrap()), "what was typed is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typing_error_is_named_by_its_line_and_nothing_happens() {
    let (app, license, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    let form = visitor.form_token().await;
    let good = request("atlas", "cellar").to_text().unwrap();
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    let wrong = if lines[1].ends_with('0') { '1' } else { '0' };
    lines[1].pop();
    lines[1].push(wrong);
    let typed = lines.join("\n");
    let foreign = request("desk", "cellar").to_text().unwrap();
    let markup = "</textarea><script>alert(1)</script>";
    for (typed, status, words) in [
        (typed.as_str(), 422, "Line 2 has a typing error"),
        (lines[0].as_str(), 422, "line"),
        ("", 422, "There is no request text"),
        (markup, 422, "stands in no request"),
        (&foreign, 409, "This request is for another product"),
    ] {
        let answer = visitor.post("/license/offline", &[("form", &form), ("request", typed)]).await;
        let page = text(&answer);
        assert!(answer.status == status && page.contains(words), "{words}: {page}");
        assert!(!page.contains("<script>alert"), "{page}");
    }
    visitor.headers = vec![("Accept-Language", "zh".to_owned())];
    let answer = visitor.post("/license/offline", &[("form", &form), ("request", &typed)]).await;
    assert!(text(&answer).contains("第 2 行有输入错误"), "{}", text(&answer));
    let answer = visitor.post("/license/offline", &[("form", "x"), ("request", &good)]).await;
    assert_eq!(answer.status, 403);
    act(&app, &license, Act::Suspend).await;
    let answer = visitor.post("/license/offline", &[("form", &form), ("request", &good)]).await;
    assert!(answer.status == 409 && text(&answer).contains("当前无效"));
    assert_eq!(app.history(&license).await.len(), 2, "issued and suspended, never activated");
}

/// What is signed for software is counted; the same behind the page's buttons would else be signed without end.
#[tokio::test]
async fn regression_the_pages_files_count_for_the_limit_of_the_license() {
    let rate_limits = RateLimits { license: 3, ..RateLimits::default() };
    let app = TestApp::start_with(Backend::Sqlite, Settings { rate_limits, ..Settings::default() }).await;
    let license = issued_for(&app, "atlas/standard", 2).await;
    let (_, key) = faces(&app, &license).await;
    seat(&app, &license, "machine-1", "Debian 12").await;
    let mut visitor = Visitor::new(&app);
    visitor.enter(&key).await;
    let form = visitor.form_token().await;
    let typed = request("atlas", "attic").to_text().unwrap();
    for _ in 0..2 {
        assert_eq!(visitor.get("/license/file").await.status, 200);
    }
    let exchanged = visitor.post("/license/offline", &[("form", &form), ("request", &typed)]).await;
    assert_eq!(exchanged.status, 200);
    let file = visitor.get("/license/file").await;
    let exchanged = visitor.post("/license/offline", &[("form", &form), ("request", &typed)]).await;
    for answer in [&file, &exchanged] {
        assert_eq!(answer.status, 429, "{}", answer.head);
        assert!(answer.header("Retry-After").is_some_and(|wait| (1..=20).contains(&wait.parse().unwrap())));
        assert!(text(answer).contains("too many requests"));
    }
    assert!(text(&exchanged).contains(&typed), "what was typed by hand is not lost");
    // Looking and freeing seats costs no signature.
    visitor.page().await;
}

/// What was used stands on the page as it stands in the API: exact, with what is left, in both languages.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_is_on_the_page(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let license = issued_for(&app, "mill/metered", 2).await;
    let (_, key) = faces(&app, &license).await;
    let id = license.id;
    let mut visitor = Visitor::new(&app);
    let page = visitor.enter(&key).await;
    assert!(page.contains("Runs") && page.contains("20"), "{page}");
    for (meter, amount) in [("runs", 125_000), ("plain", 70_001)] {
        app.write(move |tx, ctx| usage::add(tx, ctx, id, &slug(meter), amount)).await;
    }
    let page = visitor.page().await;
    assert!(page.contains("12.5") && page.contains("7.5") && page.contains("7.0001"), "{page}");
    visitor.get("/license?lang=zh").await;
    let page = visitor.page().await;
    assert!(page.contains("运行") && page.contains("12.5") && page.contains("7.0001"), "{page}");
}
