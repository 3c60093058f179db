//! The protocol of machines, over HTTP.

use data_encoding::BASE64;
use jiff::SignedDuration;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use rstest::rstest;
use signet::{
    provision::{
        plan::Cloud,
        proof::session_message,
        run::{Stage, Status, Wish},
    },
    usecase::merchant::{self, Act},
};
use signet_verify::machine::digest;

use super::Deploying;
use crate::harness::{Answer, Backend, exchange};

/// What stands before the point in the SubjectPublicKeyInfo of a P-256 key.
const SPKI: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";

/// A key that a machine made for itself.
pub struct Key(EcdsaKeyPair);

impl Key {
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap())
    }

    pub fn base64(&self) -> String {
        // The point's first byte, 4, stands in the prefix already.
        let prefix = BASE64.decode(SPKI.as_bytes()).unwrap();
        BASE64.encode(&[&prefix[..], &self.0.public_key().as_ref()[1..]].concat())
    }

    pub fn proof(&self, token: &str) -> String {
        let signed = self.0.sign(&SystemRandom::new(), &session_message(token, &self.base64())).unwrap();
        BASE64.encode(signed.as_ref())
    }
}

impl Deploying {
    async fn call(&self, method: &str, path: &str, session: &str, content: &str, body: &[u8]) -> Answer {
        let mut head = format!("{method} /api/v1/bootstrap/{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n");
        if !session.is_empty() {
            head.push_str(&format!("Authorization: Bootstrap {session}\r\n"));
        }
        head.push_str(&format!("Content-Type: {content}\r\nContent-Length: {}\r\n\r\n", body.len()));
        exchange(self.app.address, &[head.as_bytes(), body].concat()).await
    }

    fn token(&self) -> String {
        let state = self.cloud.state();
        let (_, rest) = state.user_data.split_once("TOKEN='").expect("a token in the user-data");
        rest.split_once('\'').unwrap().0.to_owned()
    }

    async fn knock(&self, token: &str, key: &Key, proof: &str) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("token", token), ("key", &key.base64()), ("proof", proof), ("instance", "i-1")])
            .finish();
        self.call("POST", "session", "", "application/x-www-form-urlencoded", form.as_bytes()).await
    }

    async fn session(&self, key: &Key) -> String {
        let token = self.token();
        let answer = self.knock(&token, key, &key.proof(&token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer).lines().next().unwrap().strip_prefix("session ").unwrap().to_owned()
    }

    async fn say(&self, session: &str, sequence: u32, stage: &str, event: &str, more: &str, lines: &[u8]) -> Answer {
        let path = format!("report?sequence={sequence}&stage={stage}&event={event}{more}");
        self.call("POST", &path, session, "text/plain", lines).await
    }

    async fn told(&self, session: &str, sequence: u32, stage: &str, event: &str, more: &str) -> String {
        let answer = self.say(session, sequence, stage, event, more, b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer).trim().to_owned()
    }

    /// A machine that has called.
    async fn called(backend: Backend) -> (Self, String) {
        let it = Self::begin(backend).await;
        it.until_stage(Stage::BootstrapCalled).await;
        let session = it.session(&Key::new()).await;
        assert_eq!(it.record().await.stage, Stage::Downloading);
        (it, session)
    }

    /// Takes a seat, as the machine does it.
    async fn activate(&self) -> String {
        self.activate_as("one").await
    }

    async fn activate_as(&self, machine: &str) -> String {
        let code = self.app.latest_code(&self.license).await;
        let body = serde_json::json!({ "components": { "machine-id": digest("machine-id", machine) } }).to_string();
        let head = format!(
            "POST /api/v1/activations HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: License {code}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(self.app.address, head.as_bytes()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["activation"]["id"].as_str().unwrap().to_owned()
    }

    async fn act(&self, act: Act) {
        let id = self.license.id;
        self.app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.expect("the license");
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_token_opens_one_session_for_one_key(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    it.until_stage(Stage::BootstrapCalled).await;
    let (key, thief, token) = (Key::new(), Key::new(), it.token());
    assert_eq!(it.knock(&token, &key, &thief.proof(&token)).await.status, 403);
    let session = it.session(&key).await;
    assert_eq!(it.session(&key).await, session);
    for _ in 0..2 {
        assert_eq!(it.knock(&token, &thief, &thief.proof(&token)).await.status, 409);
    }
    assert!(it.record().await.suspect);
    assert_eq!(it.app.open_alerts().await, ["bootstrap_token_reused"]);
    let history = it.app.history(&it.license).await;
    assert_eq!(history.iter().filter(|it| *it == "deployment_suspect").count(), 1, "{history:?}");
    // The first one goes on.
    assert_eq!(it.told(&session, 1, "downloading", "begin", "").await, "order go");
    // A token that is over opens nothing, nor does a wrong one.
    let mut wrong = token.clone().into_bytes();
    wrong[42] = if wrong[42] == b'A' { b'Q' } else { b'A' };
    let wrong = String::from_utf8(wrong).unwrap();
    assert_eq!(it.knock(&wrong, &key, &key.proof(&wrong)).await.status, 401);
    it.app.pass(SignedDuration::from_mins(41));
    assert_eq!(it.knock(&token, &key, &key.proof(&token)).await.status, 401);
}

/// Whoever comes with the token after the machine is done has stolen it all the same.
#[tokio::test]
async fn a_token_that_is_used_after_the_end_raises_the_alarm() {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    assert_eq!(it.told(&session, 1, "healthy", "done", "").await, "order go");
    assert_eq!(it.record().await.status, Status::Healthy);
    let (thief, token) = (Key::new(), it.token());
    assert_eq!(it.knock(&token, &thief, &thief.proof(&token)).await.status, 409);
    assert_eq!(it.app.open_alerts().await, ["bootstrap_token_reused"]);
    assert_eq!(it.call("GET", "license", &session, "text/plain", b"").await.status, 401);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn reports_walk_through_the_stages_in_any_disorder(#[case] backend: Backend) {
    let (it, session) = Deploying::called(backend).await;
    let go = "order go";
    assert_eq!(it.told(&session, 3, "installing", "begin", "").await, go);
    assert_eq!(it.record().await.stage, Stage::Installing);
    // Late and repeated ones change nothing.
    assert_eq!(it.told(&session, 2, "downloading", "done", "").await, go);
    assert_eq!(it.told(&session, 3, "activating", "begin", "").await, go);
    assert_eq!(it.told(&session, 4, "downloading", "begin", "").await, go);
    assert_eq!(it.told(&session, 9, "installing", "done", "").await, go);
    assert_eq!(it.told(&session, 10, "healthy", "done", "").await, go);
    let record = it.record().await;
    assert_eq!((record.status, record.credentials, record.password), (Status::Healthy, None, None));
    for (path, status) in [("preflight&event=begin", 400), ("healthy&event=other", 400), ("healthy", 400)] {
        let path = format!("report?sequence=11&stage={path}");
        assert_eq!(it.call("POST", &path, &session, "text/plain", b"").await.status, status, "{path}");
    }
    assert_eq!(it.say("no-session", 12, "healthy", "log", "", b"").await.status, 401);
}

/// A machine can be done before its cloud says that it runs. What it costs would never have been known.
#[tokio::test]
async fn a_machine_that_is_faster_than_its_cloud_waits_for_its_inventory() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().building = true;
    it.until_stage(Stage::ServerCreated).await;
    let session = it.session(&Key::new()).await;
    assert_eq!(it.told(&session, 1, "healthy", "done", "").await, "order go");
    assert_eq!(it.record().await.status, Status::Running);
    it.cloud.state().building = false;
    let record = it.settled(Status::Healthy).await;
    assert_eq!((record.address.as_deref(), record.password), (Some("203.0.113.7"), None));
    assert_eq!(it.paid().await, ["srv-1", "srv-1-disk", "srv-1-ip"]);
    // Those that were passed over were shown as still to come, for ever.
    let id = it.id;
    let stages = it.app.read(move |tx, _| Ok(tx.stages_of(id)?)).await;
    assert_eq!(stages.len(), 8, "{stages:?}");
    assert!(stages.iter().all(|stage| stage.ended_at.is_some_and(|end| end >= stage.started_at)), "{stages:?}");
}

/// A deployment that ended here had no inventory, though its server was about to be paid for, and could not be resumed.
#[tokio::test]
async fn regression_a_machine_that_fails_before_its_cloud_is_done_starts_over() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().building = true;
    it.until_stage(Stage::ServerCreated).await;
    let session = it.session(&Key::new()).await;
    assert_eq!(it.told(&session, 1, "installing", "failed", "&reason=install").await, "order again");
    assert_eq!(it.record().await.status, Status::Running);
    assert_eq!(it.told(&session, 2, "downloading", "begin", "").await, "order go");
    it.cloud.state().building = false;
    it.until_stage(Stage::Downloading).await;
    assert_eq!(it.paid().await, ["srv-1", "srv-1-disk", "srv-1-ip"]);
    assert_eq!(it.told(&session, 3, "healthy", "done", "").await, "order go");
    assert_eq!(it.record().await.status, Status::Healthy);
}

/// Whoever got into a machine named the seat of another, and that one was freed with the deployment.
#[tokio::test]
async fn regression_the_first_seat_that_a_machine_names_stays_its_seat() {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    let seat = it.activate().await;
    it.told(&session, 1, "activating", "done", &format!("&activation={seat}")).await;
    let other = it.activate_as("two").await;
    it.told(&session, 2, "healthy", "log", &format!("&activation={other}")).await;
    assert_eq!(it.record().await.activation_id.map(|id| id.to_string()), Some(seat));
}

/// Seats that were there before the deployment belong to other machines.
#[tokio::test]
async fn regression_a_seat_from_before_the_deployment_is_not_taken_for_the_machines() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let id = it.id;
    let older = it.activate().await;
    it.app.clock.advance(SignedDuration::from_secs(5));
    it.app
        .write(move |tx, ctx| {
            let mut record = tx.deployment_find(id)?.expect("the deployment");
            record.created_at = ctx.now;
            Ok(tx.deployment_update(&record)?)
        })
        .await;
    it.until_stage(Stage::BootstrapCalled).await;
    let session = it.session(&Key::new()).await;
    it.told(&session, 1, "activating", "done", &format!("&activation={older}")).await;
    assert_eq!(it.record().await.activation_id, None);
}

#[tokio::test]
async fn a_machine_that_failed_starts_over_when_it_is_told_to() {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    assert_eq!(it.told(&session, 1, "installing", "failed", "&reason=install").await, "order wait");
    assert_eq!(it.record().await.status, Status::Failed);
    assert_eq!(it.obstacle().await.code.as_deref(), Some("install"));
    assert_eq!(it.told(&session, 2, "installing", "log", "").await, "order wait");
    it.wish(Wish::Resume, Some("account-1")).await;
    assert_eq!(it.told(&session, 3, "installing", "log", "").await, "order again");
    assert_eq!(it.told(&session, 4, "downloading", "begin", "").await, "order go");
    assert_eq!(it.told(&session, 5, "healthy", "done", "").await, "order go");
    assert_eq!(it.record().await.status, Status::Healthy);
    it.wish(Wish::Remove, Some("account-1")).await;
    assert_eq!(it.told(&session, 6, "healthy", "log", "").await, "order stop");
}

/// Its session once ended three hours after the order, however late somebody had asked it to go on.
#[tokio::test]
async fn a_machine_that_is_resumed_after_hours_has_the_time_of_a_new_one() {
    let (it, key) = (Deploying::begin(Backend::Sqlite).await, Key::new());
    it.until_stage(Stage::BootstrapCalled).await;
    let session = it.session(&key).await;
    assert_eq!(it.told(&session, 1, "installing", "failed", "&reason=install").await, "order wait");
    it.app.pass(SignedDuration::from_hours(2));
    assert_eq!(it.told(&session, 2, "installing", "log", "").await, "order wait");
    it.wish(Wish::Resume, Some("account-1")).await;
    assert_eq!(it.told(&session, 3, "installing", "log", "").await, "order again");
    // The token holds as well: somebody may have to start the script again.
    assert_eq!(it.session(&key).await, session);
    it.told(&session, 4, "downloading", "begin", "").await;
    it.app.pass(SignedDuration::from_mins(90));
    assert_eq!(it.told(&session, 5, "healthy", "done", "").await, "order go");
    assert_eq!(it.record().await.status, Status::Healthy);
    it.app.pass(SignedDuration::from_mins(91));
    assert_eq!(it.say(&session, 6, "healthy", "log", "", b"").await.status, 401, "not for ever");
}

#[rstest]
#[case::downloading(Stage::Downloading)]
#[case::installing(Stage::Installing)]
#[case::activating(Stage::Activating)]
#[case::healthy(Stage::Healthy)]
#[tokio::test]
async fn a_machine_that_falls_silent_fails_at_its_stages_deadline(#[case] stage: Stage) {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    it.told(&session, 1, stage.as_str(), "begin", "").await;
    it.app.clock.set(it.record().await.deadline_at.unwrap());
    it.round().await;
    assert_eq!(it.settled(Status::Failed).await.stage, stage);
    assert_eq!(it.obstacle().await.kind, "deadline");
}

/// The worker once looked at an own server again after the 24 hours in which somebody may start the script.
#[tokio::test]
async fn a_deadline_holds_for_servers_that_exist() {
    let it = Deploying::begin_at(Backend::Sqlite, Cloud::Own).await;
    it.until_stage(Stage::BootstrapCalled).await;
    let id = it.id;
    it.app
        .write(move |tx, ctx| {
            let mut deployment = signet::usecase::deployment::Deployment::load(tx, id)?.unwrap();
            deployment.enter(tx, ctx, Stage::Downloading)?;
            deployment.save(tx, ctx)
        })
        .await;
    let record = it.record().await;
    assert!(record.next_at <= record.deadline_at, "{:?} {:?}", record.next_at, record.deadline_at);
}

/// The seat of a machine comes back with its deployment, also when the report comes after the wish to remove it.
#[rstest]
#[case::before(false)]
#[case::after(true)]
#[tokio::test]
async fn a_seat_is_freed_with_its_deployment(#[case] late: bool) {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    let seat = it.activate().await;
    let more = format!("&activation={seat}");
    if !late {
        it.told(&session, 1, "activating", "done", &more).await;
    }
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    if late {
        it.told(&session, 1, "activating", "done", &more).await;
    }
    let license = it.license.id;
    assert_eq!(it.app.read(move |tx, ctx| signet::usecase::activation::seats(tx, ctx, license)).await, 0);
}

#[tokio::test]
async fn a_seat_of_another_license_is_not_taken_for_the_machines() {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    let other = Deploying::begin(Backend::Sqlite).await;
    let foreign = other.activate().await;
    it.told(&session, 1, "activating", "done", &format!("&activation={foreign}")).await;
    assert_eq!(it.record().await.activation_id, None);
    assert_eq!(it.say(&session, 2, "activating", "done", "&activation=none", b"").await.status, 400);
}

#[tokio::test]
async fn a_flood_of_lines_ends_at_the_limit() {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    let flood = "x\n".repeat(8_000);
    for sequence in 1..40 {
        assert_eq!(it.say(&session, sequence, "downloading", "log", "", flood.as_bytes()).await.status, 200);
    }
    let lines = it.lines().await;
    assert!(lines.len() <= 5_000 && lines.last().unwrap().contains("full"), "{}", lines.len());
    let large = it.say(&session, 41, "downloading", "log", "", &vec![b'x'; 1_000_000]).await;
    assert!(large.status == 413 || it.lines().await.len() <= 5_000, "{large:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn lines_hold_nothing_that_a_terminal_obeys(#[case] backend: Backend) {
    let (it, session) = Deploying::called(backend).await;
    it.say(&session, 1, "downloading", "log", "", b"a\x1b[2Jb\0c\xff\r\nnext").await;
    let lines = it.lines().await;
    assert!(lines.contains(&"a [2Jb c\u{fffd}".to_owned()) && lines.contains(&"next".to_owned()), "{lines:?}");
}

/// A code that was cut in two by the end of a report passed unmasked.
#[tokio::test]
async fn a_code_is_masked_also_where_two_reports_meet() {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    let code = it.app.latest_code(&it.license).await;
    let (first, second) = code.split_at(30);
    it.say(&session, 1, "downloading", "log", "", format!("the code is {first}").as_bytes()).await;
    it.say(&session, 2, "downloading", "log", "", format!("{second} it seems\nnext").as_bytes()).await;
    let lines = it.lines().await;
    let said = lines.join("\n");
    assert!(!said.contains(&second[..40]) && !said.contains(&code[code.len() - 40..]), "{said}");
    assert!(said.contains("(signed text) it seems\nnext"), "{said}");
}

#[rstest]
#[case::suspended(Some(Act::Suspend))]
#[case::released(Some(Act::Release))]
#[case::expired(None)]
#[tokio::test]
async fn a_license_that_ended_meanwhile_fetches_nothing(#[case] act: Option<Act>) {
    let (it, session) = Deploying::called(Backend::Sqlite).await;
    assert_eq!(it.call("GET", "license", &session, "text/plain", b"").await.status, 200);
    it.act(act.unwrap_or(Act::Extend(Some(it.app.now().plus_days(-60))))).await;
    it.pass(1);
    for path in ["manifest", "package", "license"] {
        let answer = it.call("GET", path, &session, "text/plain", b"").await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(text(&answer).contains("license-refused"), "{answer:?}");
    }
    // It can still say why it stops.
    assert_eq!(it.told(&session, 1, "downloading", "failed", "&reason=license").await, "order wait");
    assert_eq!(it.settled(Status::Failed).await.stage, Stage::Downloading);
}
