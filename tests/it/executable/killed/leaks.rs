//! The same service at its most talkative: what a customer gives it, and what the machine gets from it, stands in no log, no
//! answer and no database, whatever goes wrong.

use std::fs;

use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{
    machine::{Machine, STEPS, Step},
    scene::{Scene, Shared, Trap},
};
use crate::{deploy::ec2::proxy::Fate, executable::support::Backend};

const PASSWORD: &str = "Canary-Pass-4711";
const WRONG_SECRET: &str = "canary/of/a/secret/that/is/wrong+0000000";
const WRONG_TOKEN: &str = "canary/of/a/session/token/that/is/wrong==";

/// Things that nobody may read, with what they are.
type Secrets = Vec<(&'static str, String)>;

/// A deployment with everything that may go wrong on its way: an error of the cloud that repeats the order, wrong and
/// refused credentials, sudden death.
async fn troubled(scene: &mut Scene, secrets: &mut Secrets) {
    scene.until("status", "failed").await;
    let wish = format!("/{}/wish", scene.id);
    let resume = |credentials: Value| Some(json!({ "wish": "resume", "credentials": credentials }));
    let wrong = json!({ "access_key": "AKIACANARYCANARY1234", "secret_key": WRONG_SECRET });
    scene.call("POST", &wish, resume(wrong));
    scene.until("status", "needs_credentials").await;
    let unsaid = json!({ "access_key": "AKIA1", "secret_key": WRONG_SECRET, "session_token": WRONG_TOKEN });
    // Refused at once, and nothing changes.
    scene.ask("POST", &wish, resume(unsaid));
    scene.until("status", "needs_credentials").await;
    let good = scene.credentials();
    secrets.push(("the secret key", good["secret_key"].as_str().unwrap().to_owned()));
    scene.call("POST", &wish, resume(good));
    scene.until("stage", "bootstrap_called").await;
    let script = scene.user_data().await;
    let hash = script.split_once("PASSWORD='").unwrap().1.split_once('\'').unwrap().0;
    assert!(hash.starts_with("$6$"), "{hash}");
    secrets.push(("the password's hash", hash.to_owned()));
    let mut machine = Machine::of(&script);
    secrets.push(("the bootstrap's token", machine.token.clone()));
    for step in STEPS {
        machine.take(scene, step);
        if step == Step::Installing {
            secrets.push(("the machine's session", machine.session.clone()));
            scene.dies();
        }
    }
    scene.until("status", "healthy").await;
    scene.ask("GET", &format!("/{}/script", scene.id), None);
    scene.ask("GET", "", None);
}

async fn nothing_leaks(backend: Backend, format: &str) {
    let trap = Trap { after: "", call: "RunInstances", fate: Fate::Echo };
    let settings = [("SIGNET_LOG", "trace"), ("SIGNET_LOG_FORMAT", format)];
    let ordered = json!({ "password": PASSWORD });
    let shared = Shared::start().await;
    let mut scene = Scene::begin_with(shared, backend, true, Some(trap), &settings, ordered).await;
    let mut secrets: Secrets = vec![
        ("the password", PASSWORD.to_owned()),
        ("a wrong secret key", WRONG_SECRET.to_owned()),
        ("a session token", WRONG_TOKEN.to_owned()),
        ("the license code's signature", scene.code.rsplit('.').next().unwrap().to_owned()),
    ];
    troubled(&mut scene, &mut secrets).await;
    let logs = fs::read_to_string(scene.installation.log_file()).unwrap();
    let stored = block_in_place(|| {
        let files = fs::read_dir(scene.installation.data()).unwrap().map(|it| it.unwrap().path());
        let texts = files.filter(|it| it.is_file()).map(|it| fs::read(it).unwrap());
        texts.map(|it| String::from_utf8_lossy(&it).into_owned()).collect::<String>()
    });
    let heard = scene.heard.lock().unwrap().clone();
    for (place, text) in [("log", &logs), ("answers", &heard)] {
        assert!(text.contains(&scene.id), "the {place} are not those of this deployment");
    }
    assert!(logs.contains("TRACE"), "the log is not talkative");
    assert_eq!(secrets.len(), 8);
    for (what, secret) in &secrets {
        for (place, text) in [("log", &logs), ("answers", &heard), ("data folder", &stored)] {
            let at = text.find(secret.as_str());
            let near = at.map(|at| text[..at].lines().last().unwrap_or_default().to_owned());
            assert_eq!(near, None, "{what} stands in the {place} after that");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn no_secret_of_a_deployment_is_logged_answered_or_stored() {
    nothing_leaks(Backend::Sqlite, "text").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn no_secret_of_a_deployment_is_logged_as_json() {
    nothing_leaks(Backend::Postgres, "json").await;
}
