//! Mail, taken by a real server of another ecosystem (PyPI's aiosmtpd): to whom, about what, and never twice.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::Value;
use signet::{
    base::text::Language,
    jobs::{expiry, mails},
    letters,
    license::model::License,
    mail::{Mailer, Security, Server},
    store::MailRecord,
    usecase::{
        alert::{self, About, AlertKind},
        mail::{
            self, Next, Post,
            contact::{self, Source},
        },
        merchant::Act,
    },
};

use crate::{
    customer::Visitor,
    harness::{Backend, Settings, TestApp},
};

/// A mail server.
struct Box {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Box {
    fn open() -> Self {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
        let made = Command::new(folder.join("setup.sh")).status().unwrap();
        assert!(made.success(), "tests/python/setup.sh failed; `make test` installs what it needs");
        let mut command = Command::new(folder.join(".venv/bin/python"));
        let mut child = command.arg(folder.join("smtp.py")).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = said.next().unwrap().unwrap().parse().unwrap();
        Self { child, said, port }
    }

    /// The next message that it took: it says so before it answers.
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.said.next().unwrap().unwrap()).unwrap()
    }

    /// All that it took until now.
    fn rest(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        let said = std::mem::replace(&mut self.said, BufReader::new(none()).lines());
        said.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    }
}

/// An output that has ended.
fn none() -> ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    child.wait().unwrap();
    output
}

impl Drop for Box {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn start(backend: Backend) -> (TestApp, Box) {
    let post = Box::open();
    let server = Server { host: "127.0.0.1".to_owned(), port: post.port, security: Security::None, login: None };
    let mailer = Some(Mailer::new(server, "Atlas <licenses@example.com>").unwrap());
    let merchant = Some("operations@example.com".to_owned());
    let wanted = Post { is_open: true, merchant, language: Some(Language::En) };
    (TestApp::start_with(backend, Settings { mailer, post: wanted, ..Settings::default() }).await, post)
}

impl TestApp {
    async fn reads_mail_at(&self, license: &License, address: &'static str, language: Language) {
        let id = license.id;
        self.write(move |tx, ctx| contact::set(tx, ctx, id, address, language, Source::Merchant)).await;
    }

    /// Hands on and sends what is due.
    async fn posts(&self) {
        self.tells().await;
        mails::round(&self.app).await;
    }

    /// All mail, the oldest first.
    async fn mails(&self) -> Vec<MailRecord> {
        let mut mails = self.read(|tx, _| Ok(tx.mail_page(None, None, 100)?)).await;
        mails.reverse();
        mails
    }

    async fn states(&self) -> Vec<String> {
        self.mails().await.into_iter().map(|it| it.state).collect()
    }
}

fn subject(message: &Value) -> &str {
    message["headers"]["subject"].as_str().unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_holder_is_told_once_in_their_language(#[case] backend: Backend) {
    let (it, mut post) = start(backend).await;
    let (one, other) = (it.issued().await, it.issued().await);
    it.reads_mail_at(&one, "buyer@example.com", Language::Zh).await;
    it.posts().await;
    let message = post.next();
    assert_eq!(
        (message["to"][0].as_str(), message["from"].as_str()),
        (Some("buyer@example.com"), Some("licenses@example.com"))
    );
    let mail = it.mails().await.remove(0);
    assert_eq!((mail.state.as_str(), mail.kind.as_str(), mail.license_id), ("sent", "license_delivered", Some(one.id)));
    let headers = &message["headers"];
    assert_eq!(headers["message-id"], format!("<{}@example.com>", mail.id));
    assert_eq!(
        (headers["auto-submitted"].as_str(), headers["date"].as_str()),
        (Some("auto-generated"), Some("Mon, 02 Mar 2026 08:00:00 +0000"))
    );
    assert!(subject(&message).contains("许可证已开通"), "{message}");
    let id = one.id;
    let link = it.read(move |tx, ctx| Ok(signet::usecase::link::of(tx, id)?.url(ctx))).await;
    for form in ["text", "html"] {
        let text = message[form].as_str().unwrap();
        assert!(text.contains(&link) && text.contains(&one.id.to_string()), "{text}");
    }
    it.reads_mail_at(&one, "buyer@example.com", Language::En).await;
    it.act(&one, Act::Release).await;
    it.act(&other, Act::Release).await;
    it.posts().await;
    assert!(subject(&post.next()).ends_with("has ended"));
    it.pass_days(1);
    it.replica().await.posts().await;
    it.posts().await;
    assert_eq!(it.states().await, ["sent", "sent"]);
    assert_eq!(post.rest(), [] as [Value; 0]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_is_told_thirty_seven_and_one_days_before_and_once_each(#[case] backend: Backend) {
    let (it, post) = start(backend).await;
    let license = it.issued().await;
    it.reads_mail_at(&license, "buyer@example.com", Language::En).await;
    it.act(&license, Act::Extend(Some(it.now().plus_days(40)))).await;
    for _ in 0..(42 * 4) {
        expiry::round(&it.app).await;
        expiry::round(&it.replica().await.app).await;
        it.posts().await;
        it.pass(SignedDuration::from_hours(6));
    }
    // Another term, shorter than a month from where it begins to count: only what is still ahead of it is told.
    it.act(&license, Act::Extend(Some(it.now().plus_days(3)))).await;
    for _ in 0..5 {
        expiry::round(&it.app).await;
        it.posts().await;
        it.pass_days(1);
    }
    let subjects: Vec<String> = post.rest().iter().map(|it| subject(it).to_owned()).collect();
    let about = |what: &str| subjects.iter().filter(|it| it.contains(what)).count();
    assert_eq!(
        (about("ends within 30 days"), about("ends within 7 days"), about("ends within 1 day")),
        (1, 1, 2),
        "{subjects:?}"
    );
    assert_eq!(subjects.len(), 1 + 1 + 4 + 1, "{subjects:?}");
    let kinds: Vec<String> = it.events(&license).await.into_iter().map(|it| it.kind).collect();
    assert_eq!(kinds.iter().filter(|it| *it == "license.expired").count(), 2, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|it| *it == "license.expiring").count(), 4, "{kinds:?}");
}

/// Before the text leaves nothing was sent; after that nobody knows.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_server_was_sending_is_never_sent_twice(#[case] backend: Backend) {
    let (it, mut post) = start(backend).await;
    let license = it.issued().await;
    it.reads_mail_at(&license, "buyer@example.com", Language::En).await;
    it.tells().await;
    let wanted = it.app.post().clone();
    let claim = move |tx: &mut signet::store::Tx, ctx: signet::usecase::Context<'_>| mail::claim(tx, ctx, &wanted);
    assert!(matches!(it.write(claim.clone()).await, Next::Send(_)));
    mails::round(&it.app).await;
    assert_eq!(it.states().await, ["pending"], "somebody may be at it");
    it.pass(SignedDuration::from_mins(6));
    let Next::Send(second) = it.write(claim.clone()).await else { panic!("it is claimed again") };
    let mine = second.clone();
    assert!(it.write(move |tx, ctx| mail::leaving(tx, ctx, &mine)).await);
    it.pass(SignedDuration::from_mins(6));
    mails::round(&it.app).await;
    assert_eq!(it.states().await, ["unknown"]);
    assert!(!it.write(move |tx, ctx| mail::leaving(tx, ctx, &second)).await, "who wakes up late sends nothing");
    it.pass_days(3);
    mails::round(&it.app).await;
    // The next one gets through: nothing came before it.
    it.act(&license, Act::Release).await;
    it.posts().await;
    assert!(subject(&post.next()).ends_with("has ended"));
    assert_eq!(it.states().await, ["unknown", "sent"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_ends_it_a_delay_does_not_and_a_lost_answer_is_not_asked_for(#[case] backend: Backend) {
    let (it, post) = start(backend).await;
    for address in ["refused@example.com", "later@example.com", "lost@example.com"] {
        it.pass(SignedDuration::from_secs(1));
        let license = it.issued().await;
        it.reads_mail_at(&license, address, Language::En).await;
        // Each is written at a time of its own, and so listed in this order.
        it.tells().await;
    }
    it.posts().await;
    assert_eq!(it.states().await, ["failed", "pending", "unknown"]);
    let errors: Vec<String> = it.mails().await.into_iter().map(|it| it.error.unwrap()).collect();
    assert!(errors[0].contains("550") && !errors[0].contains("refused@"), "{errors:?}");
    assert!(errors[1].contains("come back later"), "{errors:?}");
    for _ in 0..(24 * 3) {
        it.pass(SignedDuration::from_hours(1));
        it.posts().await;
    }
    assert_eq!(it.states().await, ["failed", "failed", "unknown"]);
    assert_eq!(it.mails().await[1].tries, 8);
    assert_eq!(post.rest().len(), 1, "the one whose answer was lost");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_merchant_is_told_of_calls_that_fail_once_an_hour(#[case] backend: Backend) {
    let (it, mut post) = start(backend).await;
    let raise = |order: &'static str| {
        it.write(move |tx, ctx| {
            let detail = serde_json::json!({ "why": "it could not be read" });
            let about = About { order_id: Some(order), detail, ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallRejected, &about)
        })
    };
    for order in ["CS1", "CS2", "CS3"] {
        raise(order).await;
        it.posts().await;
    }
    let message = post.next();
    assert_eq!(message["to"][0], "operations@example.com");
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("call_rejected") && text.contains("CS1") && text.contains("it could not be read"), "{text}");
    it.pass(SignedDuration::from_mins(61));
    raise("CS4").await;
    it.posts().await;
    assert!(post.next()["text"].as_str().unwrap().contains("CS4"));
    assert_eq!(it.states().await, ["sent", "sent"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_the_license_names_an_address_and_takes_it_away(#[case] backend: Backend) {
    let (it, mut post) = start(backend).await;
    let license = it.issued().await;
    let id = license.id;
    let key = it.write(move |tx, ctx| Ok(signet::usecase::issue::reveal_key(tx, ctx, id)?.to_string())).await;
    it.tells().await;
    let mut visitor = Visitor::new(&it);
    assert!(visitor.enter(&key).await.contains("Be told by mail"));
    let form = visitor.form_token().await;
    let refused = visitor.post("/license/mail", &[("form", &form), ("email", "no address")]).await;
    assert_eq!(refused.status, 422);
    let foreign = visitor.post("/license/mail", &[("form", "x"), ("email", "buyer@example.com")]).await;
    assert_eq!(foreign.status, 403);
    let saved = visitor.post("/license/mail", &[("form", &form), ("email", "buyer@example.com")]).await;
    assert_eq!((saved.status, saved.header("Location")), (303, Some("/license?done=mail")));
    let page = visitor.page().await;
    assert!(page.contains("b…@example.com") && !page.contains("buyer@example.com"), "{page}");
    it.act(&license, Act::Extend(Some(it.now().plus_days(900)))).await;
    it.posts().await;
    assert!(subject(&post.next()).ends_with("was renewed"));
    visitor.post("/license/mail", &[("form", &form), ("email", "")]).await;
    assert!(visitor.page().await.contains("Be told by mail"));
    it.act(&license, Act::Release).await;
    it.posts().await;
    assert_eq!(it.states().await, ["sent"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_letter_can_be_looked_at_before_sqlite() {
    let it = TestApp::start(Backend::Sqlite).await;
    let license = it.issued().await;
    for id in [None, Some(license.id)] {
        let facts = it.read(move |tx, ctx| mail::sample(tx, ctx, id)).await.unwrap();
        for kind in letters::Kind::ALL {
            let letter = letters::write(kind, Language::En, &facts).unwrap();
            assert!(!letter.subject.is_empty() && letter.html.contains("</html>"));
        }
    }
}
