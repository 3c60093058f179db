//! The server's side: what its bootstrap says to the service.

use serde_json::{Value, json};
use signet_verify::machine::digest;
use tokio::task::block_in_place;

use super::{super::support::http, scene::Scene};
use crate::deployment::machine::Key;

/// What a machine does, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Session,
    Downloading,
    Installing,
    BeforeActivating,
    Activating,
    BeforeHealthy,
    Healthy,
}

pub const STEPS: [Step; 7] = [
    Step::Session,
    Step::Downloading,
    Step::Installing,
    Step::BeforeActivating,
    Step::Activating,
    Step::BeforeHealthy,
    Step::Healthy,
];

/// A machine that was given this user-data and speaks the bootstrap's protocol.
pub struct Machine {
    pub token: String,
    key: Key,
    pub session: String,
    sequence: u32,
    seat: String,
}

impl Machine {
    pub fn of(script: &str) -> Self {
        let (_, rest) = script.split_once("TOKEN='").unwrap();
        let token = rest.split_once('\'').unwrap().0.to_owned();
        Self { token, key: Key::new(), session: String::new(), sequence: 0, seat: String::new() }
    }

    fn call(&self, scene: &Scene, method: &str, path: &str, content: &str, body: &str) -> String {
        let session = format!("Bootstrap {}", self.session);
        let mut headers = vec![("Content-Type", content)];
        if !self.session.is_empty() {
            headers.push(("Authorization", &session));
        }
        let path = format!("/api/v1/bootstrap/{path}");
        let answer = block_in_place(|| http(scene.installation.port, method, &path, &headers, body)).unwrap();
        assert_eq!(answer.0, 200, "{path}: {answer:?}");
        answer.1.trim().to_owned()
    }

    fn knock(&mut self, scene: &Scene) -> String {
        self.session.clear();
        let proof = self.key.proof(&self.token);
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("token", &self.token), ("key", &self.key.base64()), ("proof", &proof)])
            .append_pair("instance", "i-1")
            .finish();
        let answer = self.call(scene, "POST", "session", "application/x-www-form-urlencoded", &form);
        answer.lines().next().unwrap().strip_prefix("session ").unwrap().to_owned()
    }

    fn say(&self, scene: &Scene, step: Step) {
        let (stage, event, more) = match step {
            Step::Session => return,
            Step::Downloading => ("downloading", "begin", String::new()),
            Step::Installing => ("installing", "begin", String::new()),
            Step::BeforeActivating => ("activating", "begin", String::new()),
            Step::Activating => ("activating", "done", format!("&activation={}", self.seat)),
            Step::BeforeHealthy => ("healthy", "begin", String::new()),
            Step::Healthy => ("healthy", "done", String::new()),
        };
        let path = format!("report?sequence={}&stage={stage}&event={event}{more}", self.sequence);
        assert_eq!(self.call(scene, "POST", &path, "text/plain", "it works"), "order go", "{step:?}");
    }

    pub fn take(&mut self, scene: &Scene, step: Step) {
        match step {
            Step::Session => self.session = self.knock(scene),
            Step::Activating => self.seat = activate(scene),
            _ => {}
        }
        self.sequence += 1;
        self.say(scene, step);
    }

    pub fn again(&mut self, scene: &Scene, step: Step) {
        if step == Step::Session {
            let before = self.session.clone();
            self.session = self.knock(scene);
            assert_eq!(self.session, before, "the same key has the same session");
        } else if step != Step::Healthy {
            self.say(scene, step);
        }
    }
}

fn activate(scene: &Scene) -> String {
    let body = json!({ "components": { "machine-id": digest("machine-id", "one") } }).to_string();
    let license = format!("License {}", scene.code);
    let headers = [("Authorization", license.as_str()), ("Content-Type", "application/json")];
    let (port, path) = (scene.installation.port, "/api/v1/activations");
    let (status, text) = block_in_place(|| http(port, "POST", path, &headers, &body)).unwrap();
    assert_eq!(status, 201, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["activation"]["id"].as_str().unwrap().to_owned()
}
