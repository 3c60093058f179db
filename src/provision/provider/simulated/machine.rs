//! What runs on a simulated server: the bootstrap's protocol, spoken over HTTP with the service, with pauses in which a
//! real machine would work.

use std::{collections::BTreeMap, time::Duration};

use data_encoding::{BASE64, HEXLOWER};
use reqwest::{Method, Url};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use sha2::{Digest, Sha256};

use crate::{
    base::{
        networks::Networks,
        secret::{ExposeSecret, SecretString},
    },
    http::{Client, Guard, Request},
    provision::proof::{SPKI, session_message},
};

/// How long a simulated stage takes.
const WORK: Duration = Duration::from_secs(2);
/// How long a call may take.
const CALL: Duration = Duration::from_secs(20);

/// Starts the machine in the background. It lives as long as the process: a simulated server does not survive its cloud.
pub(super) fn start(user_data: SecretString, instance: String) {
    tokio::spawn(async move {
        if let Err(why) = run(&user_data, &instance).await {
            tracing::warn!("the simulated machine {instance} stopped: {why}");
        }
    });
}

struct Machine {
    client: Client,
    service: Url,
    session: String,
    sequence: u32,
}

async fn run(user_data: &SecretString, instance: &str) -> Result<(), String> {
    let values = values(user_data.expose_secret());
    let value = |name: &str| values.get(name).cloned().ok_or_else(|| format!("the user-data has no {name}"));
    let everywhere = Networks::parse(&["0.0.0.0/0".to_owned(), "::/0".to_owned()])?;
    let client = Client::new(Guard::new(everywhere)).map_err(|error| error.to_string())?;
    let service = Url::parse(&value("SERVICE")?).map_err(|error| error.to_string())?;
    tokio::time::sleep(super::BUILDING.unsigned_abs() + WORK).await;
    let mut machine = Machine { client, service, session: String::new(), sequence: 0 };
    machine.open(&value("TOKEN")?, instance).await?;
    let manifest = machine.call(Method::GET, "/api/v1/bootstrap/manifest", "", Vec::new()).await?;
    let digest = HEXLOWER.encode(&Sha256::digest(manifest.as_bytes()));
    machine.report("downloading", "begin", "", "simulated: downloading the manifest").await?;
    if digest != value("MANIFEST_SHA256")? {
        return machine.report("downloading", "failed", "&reason=digest", "the manifest is another one").await;
    }
    tokio::time::sleep(WORK).await;
    machine.report("downloading", "done", "", "simulated: the manifest is the one that was promised").await?;
    machine.report("installing", "begin", "", "simulated: nothing is really installed").await?;
    tokio::time::sleep(WORK).await;
    machine.report("installing", "done", "", "").await?;
    machine.report("activating", "begin", "", "").await?;
    let activation = machine.activate(instance).await?;
    machine.report("activating", "done", &format!("&activation={activation}"), "simulated: a seat is taken").await?;
    machine.report("healthy", "begin", "", "simulated: asking for the software's health").await?;
    tokio::time::sleep(WORK).await;
    machine.report("healthy", "done", "", "simulated: healthy").await
}

impl Machine {
    async fn open(&mut self, token: &str, instance: &str) -> Result<(), String> {
        let random = SystemRandom::new();
        let failed = |_| "no key could be made".to_owned();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(failed)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random)
            .map_err(|_| "no key could be made".to_owned())?;
        let key = BASE64.encode(&[SPKI.as_slice(), pair.public_key().as_ref()].concat());
        let proof = pair.sign(&random, &session_message(token, &key)).map_err(failed)?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("key", &key)
            .append_pair("proof", &BASE64.encode(proof.as_ref()))
            .append_pair("instance", instance)
            .finish();
        let form_type = "application/x-www-form-urlencoded";
        let answer = self.call(Method::POST, "/api/v1/bootstrap/session", form_type, form.into_bytes()).await?;
        self.session = answer.trim().strip_prefix("session ").ok_or("no session was answered")?.to_owned();
        Ok(())
    }

    async fn activate(&mut self, instance: &str) -> Result<String, String> {
        let answer = self.call(Method::GET, "/api/v1/bootstrap/license", "", Vec::new()).await?;
        let code = answer.trim().strip_prefix("code ").ok_or("no license code was answered")?.to_owned();
        let components = BTreeMap::from([("machine-id", signet_verify::machine::digest("machine-id", instance))]);
        let body = serde_json::json!({ "components": components, "name": instance, "platform": "simulated" });
        let session = std::mem::replace(&mut self.session, format!("License {code}"));
        let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
        let answer = self.call(Method::POST, "/api/v1/activations", "application/json", body).await;
        self.session = session;
        let answer: serde_json::Value = serde_json::from_str(&answer?).map_err(|error| error.to_string())?;
        answer["activation"]["id"].as_str().map(str::to_owned).ok_or_else(|| "no activation was answered".to_owned())
    }

    async fn report(&mut self, stage: &str, event: &str, more: &str, text: &str) -> Result<(), String> {
        self.sequence += 1;
        let path = format!("/api/v1/bootstrap/report?sequence={}&stage={stage}&event={event}{more}", self.sequence);
        let order = self.call(Method::POST, &path, "text/plain", text.as_bytes().to_vec()).await?;
        match order.trim() {
            "order go" => Ok(()),
            other => Err(format!("it was told `{other}`")),
        }
    }

    async fn call(&self, method: Method, path: &str, content_type: &str, body: Vec<u8>) -> Result<String, String> {
        let url = self.service.join(path).map_err(|error| error.to_string())?;
        let mut headers = Vec::new();
        if !content_type.is_empty() {
            headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        if self.session.starts_with("License ") {
            headers.push(("authorization".to_owned(), self.session.clone()));
        } else if !self.session.is_empty() {
            headers.push(("authorization".to_owned(), format!("Bootstrap {}", self.session)));
        }
        let request = Request { method, url, headers, body, timeout: CALL };
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
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
