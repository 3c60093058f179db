//! Redeeming a code that the marketplace made: on the page, in the API, and as the license with which software activates.

use jiff::SignedDuration;
use koogallery_simulator::{
    Call, Line,
    open::{Code, Fault},
};
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    jobs::codes,
    license::model::{Expiry, License, State},
    store::OrderStatus,
    usecase::redemption,
};
use tokio::task::JoinSet;

use crate::{
    browser,
    customer::{Visitor, text},
    harness::{Answer, Backend, TestApp, exchange, time},
    instance2::asking::Asking,
};

const CODE: &str = "PLREDEEM0001ABCD";
const END: &str = "2027-03-02T08:00:00Z";
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn standard() -> Code {
    Code::collected("P-STANDARD-YEAR", 2, "CS-CODE-1", "20270302080000")
}

async fn start(backend: Backend) -> Asking {
    let it = Asking::start(backend, "code-2-0", Line::Code2, "").await;
    it.marketplace.issue_code(CODE, standard());
    it
}

async fn call(app: &TestApp, path: &str, code: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let head = format!(
        "POST /api/v1/{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: License {code}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    exchange(app.address, [head.as_bytes(), body.as_bytes()].concat().as_slice()).await
}

async fn redeem(app: &TestApp, code: &str) -> Answer {
    call(app, "redeem", code, &json!({})).await
}

/// The name of a problem.
#[track_caller]
fn problem(answer: &Answer) -> (u16, String) {
    let kind = answer.json()["type"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    (answer.status, kind.trim_start_matches("/problems/").to_owned())
}

async fn license(app: &TestApp, code: &'static str) -> Option<License> {
    app.read(move |tx, ctx| redemption::license(tx, ctx, code)).await
}

async fn activate(app: &TestApp, code: &str, machine: &str) -> Answer {
    let digest = signet_verify::machine::digest("operator", machine);
    call(app, "activations", code, &json!({ "components": { "operator": digest } })).await
}

impl Asking {
    fn activations(&self) -> u32 {
        self.marketplace.code(CODE).unwrap().activations
    }

    /// Changes how the marketplace's code stands.
    fn code_becomes(&self, change: impl FnOnce(&mut Code)) {
        let mut code = self.marketplace.code(CODE).unwrap();
        change(&mut code);
        self.marketplace.issue_code(CODE, code);
    }

    /// A round of the job: how many calls it made.
    async fn looked_after(&self) -> usize {
        let before = self.marketplace.calls().len();
        codes::round(&self.app.app).await;
        self.marketplace.calls().len() - before
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_becomes_a_license_once_and_opens_it_from_then_on(#[case] backend: Backend) {
    let it = start(backend).await;
    let asked = call(&it.app, "validate", CODE, &json!({})).await.json();
    assert_eq!((&asked["valid"], &asked["reason"]), (&json!(false), &json!("not_redeemed")));
    assert_eq!(it.marketplace.calls().len(), 0, "a look redeems nothing");
    let first = redeem(&it.app, CODE).await;
    assert_eq!((first.status, first.header("Cache-Control")), (200, Some("no-store")), "{first:?}");
    let told = first.json();
    assert_eq!(
        (&told["product"], &told["plan"], &told["expires_at"]),
        (&json!("atlas"), &json!("standard"), &json!(END))
    );
    assert_eq!(redeem(&it.app, CODE).await.json()["license_key"], told["license_key"]);
    assert_eq!(it.activations(), 1);
    let redeemed = license(&it.app, CODE).await.unwrap();
    assert_eq!((redeemed.expiry, redeemed.quantity), (Expiry::Confirmed(time(END)), Some(2)));
    let orders = it.app.orders("CS-CODE-1").await;
    assert_eq!((orders.len(), orders[0].status, orders[0].license_id), (1, OrderStatus::Fulfilled, Some(redeemed.id)));
    let asked = call(&it.app, "validate", CODE, &json!({})).await.json();
    assert_eq!(asked["reason"], "valid");
    assert_eq!(activate(&it.app, CODE, "loom-1").await.status, 201);
    let page = told["page"].as_str().unwrap().strip_prefix(it.app.app.public_url()).unwrap();
    assert_eq!(Visitor::new(&it.app).get(page).await.header("Location"), Some("/license"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn software_may_activate_with_a_code_that_nobody_redeemed(#[case] backend: Backend) {
    let it = start(backend).await;
    let unknown = activate(&it.app, "PLNOSUCHCODE1234", "loom-1").await;
    assert_eq!(problem(&unknown), (409, "code-unknown".to_owned()));
    assert_eq!(activate(&it.app, CODE, "loom-1").await.status, 201);
    assert_eq!(activate(&it.app, CODE, "loom-1").await.status, 200, "the same machine");
    assert_eq!(it.activations(), 1);
    // What is no code of the marketplace is judged as ever.
    assert_eq!(activate(&it.app, "ABCDE-FGHJK", "loom-1").await.json()["reason"], "license_malformed");
}

/// Whoever asks at once waits for the one who asks the marketplace.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_who_redeem_at_once_get_one_license(#[case] backend: Backend) {
    let it = start(backend).await;
    let mut racers = JoinSet::new();
    for number in 0..8 {
        let address = it.app.address;
        let path = if number % 2 == 0 { "redeem" } else { "activations" };
        let digest = signet_verify::machine::digest("operator", "loom-1");
        let body = if number % 2 == 0 { json!({}) } else { json!({ "components": { "operator": digest } }) };
        racers.spawn(async move {
            let body = body.to_string();
            let head = format!(
                "POST /api/v1/{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: License {CODE}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            exchange(address, head.as_bytes()).await
        });
    }
    let answers = racers.join_all().await;
    // A database that is busy may turn somebody away, who then asks again.
    assert!(answers.iter().all(|it| [200, 201, 503].contains(&it.status)), "{answers:?}");
    assert!(answers.iter().any(|it| it.status < 300), "{answers:?}");
    assert_eq!((it.activations(), it.app.licenses().await.len()), (1, 1));
}

/// The answer to the activation is lost: nobody activates twice, and the merchant says what was bought.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_looked_after(#[case] backend: Backend) {
    let it = start(backend).await;
    it.marketplace.spoil([Fault::Lost]);
    assert_eq!(problem(&redeem(&it.app, CODE).await), (503, "not-answered".to_owned()));
    assert_eq!((it.activations(), it.looked_after().await), (1, 0), "not at once");
    it.app.pass(SignedDuration::from_secs(6));
    assert_eq!(it.looked_after().await, 1, "a question, and no second activation");
    assert_eq!(it.activations(), 1);
    // Atlas is sold in several plans, and only the lost answer said which.
    assert_eq!(problem(&redeem(&it.app, CODE).await), (409, "order-waiting".to_owned()));
    assert!(it.why().await.contains("its answer was lost"));
    let order = it.app.all_orders().await.pop().unwrap();
    it.round().await;
    assert_eq!(it.marketplace.calls().len(), 2, "an order without a number is not asked about");
    let info = signet::usecase::order::OrderInfo {
        plan: signet::catalog::PlanName { product: "atlas".parse().unwrap(), plan: "standard".parse().unwrap() },
        details: signet::marketplace::event::PurchaseDetails::default(),
        teller: signet::usecase::term::Teller::Merchant,
    };
    it.app.write(move |tx, ctx| signet::usecase::order::complete(tx, ctx, order.id, &info)).await;
    assert_eq!(redeem(&it.app, CODE).await.json()["plan"], "standard");
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
}

/// The marketplace failed before it did anything: the job asks how the code stands, and only then once more.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activation_that_failed_is_asked_for_again_after_a_look(#[case] backend: Backend) {
    let it = start(backend).await;
    it.marketplace.spoil([Fault::Refuse(200, "92020001")]);
    assert_eq!(problem(&redeem(&it.app, CODE).await), (503, "not-answered".to_owned()));
    assert_eq!(it.activations(), 0);
    // The marketplace stays silent about it for a while.
    it.app.pass(SignedDuration::from_secs(6));
    it.marketplace.spoil(vec![Fault::Page(502); 3]);
    assert_eq!((it.looked_after().await, it.looked_after().await), (3, 0));
    it.app.pass(SignedDuration::from_mins(1));
    it.looked_after().await;
    assert_eq!(it.activations(), 1);
    assert_eq!(license(&it.app, CODE).await.unwrap().expiry, Expiry::Confirmed(time(END)));
    let calls = it.marketplace.calls();
    let last: Vec<_> = calls.iter().rev().take(3).map(|path| path.rsplit('/').next().unwrap()).collect();
    assert_eq!(last, ["heartbeat", "activate", "heartbeat"], "a look, the activation, and its true end");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_marketplace_refuses_is_remembered_for_a_while(#[case] backend: Backend) {
    let it = start(backend).await;
    for _ in 0..3 {
        assert_eq!(problem(&redeem(&it.app, "PLNOSUCHCODE1234").await), (409, "code-unknown".to_owned()));
    }
    assert_eq!(it.marketplace.calls().len(), 1);
    it.app.pass(SignedDuration::from_mins(10));
    redeem(&it.app, "PLNOSUCHCODE1234").await;
    assert_eq!(it.marketplace.calls().len(), 2);
    it.code_becomes(|code| code.is_collected = false);
    assert_eq!(problem(&redeem(&it.app, CODE).await), (409, "code-not-collected".to_owned()));
    it.code_becomes(|code| code.is_collected = true);
    it.app.pass(SignedDuration::from_secs(20));
    assert_eq!(redeem(&it.app, CODE).await.status, 200, "who collects it need not wait");
    for (name, spoilt, expected) in [
        ("PLELSEWHERE12345", Code { activations: 1, ..standard() }, "code-activated-elsewhere"),
        ("PLRELEASED123456", Code { status: "RELEASED".to_owned(), ..standard() }, "code-ended"),
        ("PLEXPIRED1234567", Code { status: "EXPIRED".to_owned(), ..standard() }, "code-ended"),
    ] {
        it.marketplace.issue_code(name, spoilt);
        assert_eq!(problem(&redeem(&it.app, name).await), (409, expected.to_owned()));
    }
    for (text, status) in [("hello", 422), ("PL 123", 422), ("PL", 422)] {
        assert_eq!(redeem(&it.app, text).await.status, status, "{text}");
    }
    assert_eq!(it.app.licenses().await.len(), 1);
    // Nothing of a refused code stays for ever.
    it.app.pass(SignedDuration::from_mins(11));
    let forgotten = it.app.write(|tx, ctx| signet::usecase::retention::forget(tx, ctx, 30)).await;
    assert_eq!(forgotten.refusals, 4);
}

/// What the marketplace certainly did not do leaves nothing behind.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marketplace_that_does_not_take_the_call_can_be_asked_again_at_once(#[case] backend: Backend) {
    let it = start(backend).await;
    for fault in [Fault::Refuse(403, "APIG.0301"), Fault::Refuse(406, "MKT.0250"), Fault::OtherDay] {
        it.marketplace.spoil([fault.clone()]);
        let answer = redeem(&it.app, CODE).await;
        assert_eq!(problem(&answer), (503, "not-asked".to_owned()), "{fault:?}");
        assert_eq!(answer.header("Retry-After"), Some("60"));
    }
    assert_eq!(redeem(&it.app, CODE).await.status, 200);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_makes_the_service_ask_without_end(#[case] backend: Backend) {
    let it = start(backend).await;
    let answers = {
        let mut answers = Vec::new();
        for number in 0..12 {
            answers.push(redeem(&it.app, &format!("PLGUESS{number:09}")).await.status);
        }
        answers
    };
    assert_eq!(answers[..10], [409; 10]);
    assert_eq!((&answers[10..], it.marketplace.calls().len()), (&[429, 429][..], 10));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_came_before_are_applied_and_later_ones_find_the_license(#[case] backend: Backend) {
    let it = start(backend).await;
    it.door.done(&Call::freeze(Line::Code2, CODE).unwrap()).await;
    assert_eq!(redeem(&it.app, CODE).await.status, 200);
    assert_eq!(license(&it.app, CODE).await.unwrap().standing.state(), State::Frozen);
    it.door.done(&Call::unfreeze(Line::Code2, CODE).unwrap()).await;
    assert_eq!(license(&it.app, CODE).await.unwrap().standing.state(), State::Active);
    it.door.done(&Call::release(Line::Code2, CODE, None)).await;
    assert_eq!(problem(&redeem(&it.app, CODE).await), (409, "code-ended".to_owned()));
    assert_eq!(call(&it.app, "validate", CODE, &json!({})).await.json()["reason"], "license_released");
}

/// Once a day, while it is in use, a code is asked about; and the marketplace learns how many machines use it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marketplaces_word_wins_for_the_end_and_lifts_no_hold(#[case] backend: Backend) {
    let it = start(backend).await;
    redeem(&it.app, CODE).await;
    it.app.pass(DAY);
    assert_eq!(it.looked_after().await, 0, "nobody uses it");
    assert_eq!(activate(&it.app, CODE, "loom-1").await.status, 201);
    it.app.pass(DAY);
    assert_eq!((it.looked_after().await, it.looked_after().await), (2, 0), "a question and a report, once a day");
    assert_eq!(it.marketplace.code(CODE).unwrap().active, Some(1));
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
    // A renewal's call was lost.
    it.code_becomes(|code| code.end = "20280302080000".to_owned());
    it.app.pass(DAY);
    it.looked_after().await;
    assert_eq!(license(&it.app, CODE).await.unwrap().expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
    assert_eq!(it.app.open_alerts().await, ["code_differs"]);
    // There is no word for frozen, so that one who says alive lifts nothing.
    it.door.done(&Call::freeze(Line::Code2, CODE).unwrap()).await;
    it.app.pass(DAY);
    it.looked_after().await;
    assert_eq!(license(&it.app, CODE).await.unwrap().standing.state(), State::Frozen);
    // The call of a release was lost.
    it.code_becomes(|code| code.status = "RELEASED".to_owned());
    it.app.pass(DAY);
    it.looked_after().await;
    assert_eq!(license(&it.app, CODE).await.unwrap().standing.state(), State::Released);
    it.app.pass(DAY);
    assert_eq!(it.looked_after().await, 0, "what ended is asked about no more");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_term_that_is_over_at_the_marketplace_is_over_here(#[case] backend: Backend) {
    let it = start(backend).await;
    redeem(&it.app, CODE).await;
    activate(&it.app, CODE, "loom-1").await;
    it.code_becomes(|code| (code.status, code.end) = ("EXPIRED".to_owned(), String::new()));
    it.app.pass(DAY);
    it.looked_after().await;
    assert_eq!(license(&it.app, CODE).await.unwrap().expiry, Expiry::Confirmed(it.app.now()));
    assert_eq!(it.app.open_alerts().await, ["code_differs"]);
}

/// The page says what redeeming means, and only who agrees redeems.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_asks_before_it_redeems(#[case] backend: Backend) {
    let it = start(backend).await;
    let mut visitor = Visitor::new(&it.app);
    let asked = visitor.post("/l", &[("license", &format!(" {CODE}\n"))]).await;
    assert_eq!((asked.status, it.marketplace.calls().len()), (200, 0));
    let page = text(&asked);
    assert!(page.contains("cannot be undone") && page.contains(&format!("value=\"{CODE}\"")), "{page}");
    visitor.headers = vec![("Accept-Language", "zh".to_owned())];
    let page = text(&visitor.post("/l", &[("license", CODE)]).await);
    assert!(page.contains("兑换不能撤销"), "{page}");
    let done = visitor.post("/l/redeem", &[("license", CODE)]).await;
    assert_eq!((done.status, done.header("Location")), (303, Some("/license")));
    assert!(visitor.page().await.contains("标准版"));
    // From then on the code opens the page like a key.
    visitor.enter(CODE).await;
    assert_eq!(it.activations(), 1);
    for (code, words) in [("PLNOSUCHCODE1234", "云商店没有这个授权码"), ("hello", "没有找到这个授权码")]
    {
        let refused = visitor.post("/l/redeem", &[("license", code)]).await;
        assert!(refused.status >= 400 && text(&refused).contains(words), "{code}: {}", text(&refused));
    }
}

/// The code opens the license, and is worth money before: it stands nowhere in clear.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_never_holds_a_code_in_clear() {
    let it = start(Backend::Sqlite).await;
    it.door.done(&Call::freeze(Line::Code2, CODE).unwrap()).await;
    redeem(&it.app, CODE).await;
    activate(&it.app, CODE, "loom-1").await;
    it.app.app.store().clone().close().await;
    let mut files = 0;
    for entry in std::fs::read_dir(it.app.database.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(CODE.len()).any(|window| window == CODE.as_bytes()), "{}", path.display());
        }
    }
    assert!(files > 0);
}

/// The same in a real browser: both languages, a phone and a desktop, checked for accessibility.
#[rstest]
#[case::in_chinese_on_a_phone("zh", "phone")]
#[case::in_english_on_a_desktop("en", "desktop")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_redeems(#[case] language: &str, #[case] size: &str) {
    let it = Asking::at_home(Backend::Sqlite, "code-2-0", Line::Code2).await;
    it.marketplace.issue_code(CODE, standard());
    let plan = json!({
        "language": language, "size": size, "url": it.app.app.public_url(), "chromium": browser::chromium(),
        "folder": browser::screenshots(), "code": CODE, "unknown": "PLNOSUCHCODE1234",
    });
    let output = tokio::task::spawn_blocking(move || browser::run("redeem.mjs", &plan)).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("done: redeem"), "{out}\n{err}");
}
