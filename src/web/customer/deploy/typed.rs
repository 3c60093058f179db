//! What a form of the wizard carries: what was chosen so far.

use std::collections::BTreeMap;

use crate::{
    base::{limits, secret::SecretString},
    provision::{
        offer::Chosen,
        plan::{Cloud, Place},
        recipe::{Answers, Recipe},
    },
};

use super::step::Step;

/// Fields that travel from step to step.
const KEPT: [&str; 23] = [
    "cloud",
    "region-huawei",
    "region-ec2",
    "region-simulated",
    "endpoint",
    "endpoint_tokens",
    "keys",
    "zone",
    "flavor",
    "image",
    "disk",
    "name",
    "subnet",
    "group",
    "public",
    "mbit",
    "login",
    "key_pair",
    "hash",
    "access_key",
    "way",
    "agency_urn",
    "agency_account",
];
/// Fields that no page ever shows again.
const SECRET: [&str; 4] = ["secret_key", "session_token", "password", "password_again"];
/// Characters of a field.
const FIELD_CHARS: usize = 400;
/// Characters of what is sealed or a token.
const LONG_CHARS: usize = 16_384;
/// What stands before the name of a recipe's parameter.
const PARAMETER: &str = "p_";

/// The fields of a form. No `Debug`: some are secret.
#[derive(Default)]
pub struct Typed(BTreeMap<String, String>);

impl Typed {
    /// Of what a browser sent: what is not known, or too long, is not there.
    pub fn of(sent: Vec<(String, String)>) -> Self {
        let fits = |name: &str, value: &str| match name {
            "keys" | "hash" | "session_token" => value.len() <= LONG_CHARS,
            _ => value.chars().count() <= FIELD_CHARS,
        };
        let known = |name: &str| {
            KEPT.contains(&name)
                || SECRET.contains(&name)
                || ["form", "step", "to", "id"].contains(&name)
                || name.strip_prefix(PARAMETER).is_some_and(|rest| rest.len() <= limits::PARAMETER_CHARS)
        };
        let sent = sent.into_iter().filter(|(name, value)| known(name) && fits(name, value));
        Self(sent.map(|(name, value)| (name, value.trim().to_owned())).collect())
    }

    /// A field's value; empty when it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A field's value, unless it is empty.
    pub fn some(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|it| !it.is_empty())
    }

    /// Whether the field is this.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// Sets a field.
    pub fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a secret out, so that no page shows it.
    pub fn take_secret(&mut self, name: &str) -> SecretString {
        SecretString::from(self.0.remove(name).unwrap_or_default())
    }

    /// The answer to a parameter; what it stands at before anybody answered.
    pub fn answer<'a>(&'a self, recipe: &'a Recipe, name: &str) -> &'a str {
        match self.0.get(&format!("{PARAMETER}{name}")) {
            Some(answer) => answer,
            None => {
                recipe.parameters.iter().find(|it| it.name == name).and_then(|it| it.default.as_deref()).unwrap_or("")
            }
        }
    }

    /// All answers.
    pub fn answers(&self, recipe: &Recipe) -> Answers {
        recipe.parameters.iter().map(|it| (it.name.clone(), self.answer(recipe, &it.name).to_owned())).collect()
    }

    /// What travels hidden while `step` is shown.
    pub fn carried(&self, step: Step) -> Vec<(&str, &str)> {
        let hidden = |name: &str| {
            let parameter = name.starts_with(PARAMETER);
            (KEPT.contains(&name) || parameter)
                && !step.fields().contains(&name)
                && !(parameter && step == Step::Access)
        };
        let all = self.0.iter().filter(|(name, value)| hidden(name) && !value.is_empty());
        all.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The cloud.
    pub fn cloud(&self) -> Option<Cloud> {
        self.get("cloud").parse().ok()
    }

    /// Whether a server exists already.
    pub fn is_own(&self) -> bool {
        self.cloud() == Some(Cloud::Own)
    }

    /// The region of the chosen cloud.
    pub fn region(&self) -> &str {
        match self.cloud() {
            Some(Cloud::Huawei) => self.get("region-huawei"),
            Some(Cloud::Ec2) => self.get("region-ec2"),
            Some(Cloud::Simulated) => self.get("region-simulated"),
            Some(Cloud::Own) | None => "",
        }
    }

    /// Where; `None`: not chosen, or no region and no endpoint at all.
    pub fn place(&self) -> Option<Place> {
        let cloud = self.cloud()?;
        let plain = |text: &str, most| text.len() <= most && text.chars().all(|char| char.is_ascii_graphic());
        let endpoint = self.some("endpoint").filter(|_| cloud == Cloud::Ec2);
        let fits = plain(self.region(), 64) && endpoint.is_none_or(|it| plain(it, 200));
        let named = !cloud.makes_servers() || !self.region().is_empty();
        (fits && named).then(|| Place {
            cloud,
            region: self.region().to_owned(),
            session_tokens: endpoint.is_some() && self.is("endpoint_tokens", "yes"),
            endpoint: endpoint.map(str::to_owned),
        })
    }

    /// The server, by ids.
    pub fn chosen(&self) -> Chosen {
        let text = |name: &str| self.get(name).to_owned();
        Chosen {
            name: text("name"),
            zone: text("zone"),
            flavor: text("flavor"),
            image: text("image"),
            disk_gib: self.get("disk").parse().ok(),
            subnet: text("subnet"),
            security_group: text("group"),
            public_address_mbit: if self.is("public", "no") { None } else { self.get("mbit").parse().ok() },
            key_pair: self.some("key_pair").filter(|_| self.is("login", "key_pair")).map(str::to_owned),
        }
    }
}
