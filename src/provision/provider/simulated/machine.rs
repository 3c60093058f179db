//! What runs on a simulated server: the bootstrap's protocol, spoken over HTTP with the service, with pauses in which a
//! real machine would work.
//!
//! It goes step by step and remembers each, so that it goes on where it was when its cloud's process was killed. A step that
//! was done but not remembered is done again: the service takes the same report twice as one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use data_encoding::{BASE64, HEXLOWER};
use reqwest::{Method, Url};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    base::networks::Networks,
    http::{Client, Guard, Request},
    provision::proof::{SPKI, session_message},
};

use super::Simulated;

/// How long a simulated stage takes.
const WORK: Duration = Duration::from_secs(2);
/// How long a call may take.
const CALL: Duration = Duration::from_secs(20);
/// How often a call is made that nobody answers, and the pause between: a service that starts again needs a moment.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// What the machine knows. It never stands anywhere in clear: token, key and session open the service.
#[derive(Serialize, Deserialize)]
pub(super) struct Memory {
    service: String,
    token: String,
    manifest: String,
    /// The machine's key, PKCS #8 in base64.
    key: String,
    session: String,
    /// Steps that are done.
    done: u32,
}

impl Memory {
    /// A machine's before its first step.
    ///
    /// # Errors
    /// Says what the user-data lacks.
    pub(super) fn new(user_data: &str) -> Result<Self, String> {
        let mut values = values(user_data);
        let mut value = |name: &str| values.remove(name).ok_or_else(|| format!("the user-data has no {name}"));
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let key = BASE64.encode(key.map_err(|_| "no key could be made")?.as_ref());
        let (service, token, manifest) = (value("SERVICE")?, value("TOKEN")?, value("MANIFEST_SHA256")?);
        Ok(Self { service, token, manifest, key, session: String::new(), done: 0 })
    }
}

/// Starts the machine in the background, where it stopped last. It ends with its server or with its work.
pub(super) fn start(cloud: Arc<Simulated>, instance: String) {
    tokio::spawn(async move {
        if let Err(why) = run(&cloud, &instance).await {
            tracing::warn!("the simulated machine {instance} stopped: {why}");
        }
        cloud.remember(&instance, None);
    });
}

async fn run(cloud: &Simulated, instance: &str) -> Result<(), String> {
    let everywhere = Networks::parse(&["0.0.0.0/0".to_owned(), "::/0".to_owned()])?;
    let client = Client::new(Guard::new(everywhere)).map_err(|error| error.to_string())?;
    // Asked anew before every step: the machine is off as soon as its server is gone.
    while let Some(memory) = cloud.memory(instance) {
        let service = Url::parse(&memory.service).map_err(|error| error.to_string())?;
        let mut machine = Machine { client: client.clone(), service, memory, instance };
        if !machine.step().await? {
            break;
        }
        machine.memory.done += 1;
        cloud.remember(instance, Some(&machine.memory));
    }
    Ok(())
}

struct Machine<'a> {
    client: Client,
    service: Url,
    memory: Memory,
    instance: &'a str,
}

impl Machine<'_> {
    /// Does the next step; `false` when there is none. The step's number is that of its report.
    async fn step(&mut self) -> Result<bool, String> {
        match self.memory.done {
            0 => {
                tokio::time::sleep(super::BUILDING.unsigned_abs() + WORK).await;
                self.open().await?;
            }
            1 => self.report("downloading", "begin", "", "simulated: downloading the manifest").await?,
            2 => {
                let manifest = self.call(Method::GET, "/api/v1/bootstrap/manifest", "", Vec::new()).await?;
                if HEXLOWER.encode(&Sha256::digest(manifest.as_bytes())) != self.memory.manifest {
                    let why = "the manifest is another one";
                    self.report("downloading", "failed", "&reason=digest", why).await?;
                    return Err(why.to_owned());
                }
                tokio::time::sleep(WORK).await;
                self.report("downloading", "done", "", "simulated: the manifest is the one that was promised").await?;
            }
            3 => self.report("installing", "begin", "", "simulated: nothing is really installed").await?,
            4 => {
                tokio::time::sleep(WORK).await;
                self.report("installing", "done", "", "").await?;
            }
            5 => self.report("activating", "begin", "", "").await?,
            6 => {
                let activation = self.activate().await?;
                let more = format!("&activation={activation}");
                self.report("activating", "done", &more, "simulated: a seat is taken").await?;
            }
            7 => self.report("healthy", "begin", "", "simulated: asking for the software's health").await?,
            8 => {
                tokio::time::sleep(WORK).await;
                self.report("healthy", "done", "", "simulated: healthy").await?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The same key gets the same session, so that this can be done twice.
    async fn open(&mut self) -> Result<(), String> {
        let random = SystemRandom::new();
        let unusable = "the key cannot be used";
        let pkcs8 = BASE64.decode(self.memory.key.as_bytes()).map_err(|_| unusable)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8, &random).map_err(|_| unusable)?;
        let key = BASE64.encode(&[SPKI.as_slice(), pair.public_key().as_ref()].concat());
        let proof = pair.sign(&random, &session_message(&self.memory.token, &key)).map_err(|_| unusable)?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", &self.memory.token)
            .append_pair("key", &key)
            .append_pair("proof", &BASE64.encode(proof.as_ref()))
            .append_pair("instance", self.instance)
            .finish();
        let form_type = "application/x-www-form-urlencoded";
        let answer = self.call(Method::POST, "/api/v1/bootstrap/session", form_type, form.into_bytes()).await?;
        let session = answer.lines().find_map(|line| line.strip_prefix("session "));
        self.memory.session = session.ok_or("no session was answered")?.to_owned();
        Ok(())
    }

    async fn activate(&self) -> Result<String, String> {
        let answer = self.call(Method::GET, "/api/v1/bootstrap/license", "", Vec::new()).await?;
        let code = answer.trim().strip_prefix("code ").ok_or("no license code was answered")?.to_owned();
        let components = BTreeMap::from([("machine-id", signet_verify::machine::digest("machine-id", self.instance))]);
        let body = serde_json::json!({ "components": components, "name": self.instance, "platform": "simulated" });
        let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
        let authorization = format!("License {code}");
        let answer = self.ask(Method::POST, "/api/v1/activations", "application/json", body, &authorization).await;
        let answer: serde_json::Value = serde_json::from_str(&answer?).map_err(|error| error.to_string())?;
        answer["activation"]["id"].as_str().map(str::to_owned).ok_or_else(|| "no activation was answered".to_owned())
    }

    async fn report(&self, stage: &str, event: &str, more: &str, text: &str) -> Result<(), String> {
        let sequence = self.memory.done;
        let path = format!("/api/v1/bootstrap/report?sequence={sequence}&stage={stage}&event={event}{more}");
        let order = self.call(Method::POST, &path, "text/plain", text.as_bytes().to_vec()).await?;
        match order.trim() {
            "order go" => Ok(()),
            other => Err(format!("it was told `{other}`")),
        }
    }

    async fn call(&self, method: Method, path: &str, content_type: &str, body: Vec<u8>) -> Result<String, String> {
        let session = &self.memory.session;
        let authorization = if session.is_empty() { String::new() } else { format!("Bootstrap {session}") };
        self.ask(method, path, content_type, body, &authorization).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
        authorization: &str,
    ) -> Result<String, String> {
        let url = self.service.join(path).map_err(|error| error.to_string())?;
        let headers = [("content-type", content_type), ("authorization", authorization)].into_iter();
        let headers = headers.filter(|(_, value)| !value.is_empty());
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut tries = 0;
        let answer = loop {
            let (method, url, headers, body) = (method.clone(), url.clone(), headers.clone(), body.clone());
            tries += 1;
            match self.client.send(Request { method, url, headers, body, timeout: CALL }).await {
                Ok(answer) => break answer,
                Err(error) if tries == TRIES => return Err(error.to_string()),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status < 300 { Ok(text) } else { Err(format!("HTTP status {}: {text}", answer.status)) }
    }
}

/// The values that stand in the script: `NAME='value'`, one or several on a line.
fn values(script: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for line in script.lines() {
        let mut rest = line;
        while let Some((name, after)) = rest.split_once("='") {
            let is_name =
                !name.is_empty() && name.chars().all(|char| char.is_ascii_uppercase() || "_0123456789".contains(char));
            let Some((value, after)) = after.split_once('\'').filter(|_| is_name) else { break };
            values.insert(name.to_owned(), value.to_owned());
            rest = after.trim_start();
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_many_stand_on_a_line() {
        let found = values("#!/bin/sh\nA='1' B_2='two words' C=''\nif [ x = 'y' ]; then\n");
        let expected = [("A", "1"), ("B_2", "two words"), ("C", "")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
