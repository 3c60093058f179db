//! A license, what it can do, and its file.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    base::{secret::ExposeSecret, time::Time},
    license::{
        keygen::key,
        model::{License, State},
        plan::FeatureValue,
    },
    usecase::keygen::door::SeenLicense,
    web::keygen::document::{Links, Relationship, Resource, address},
};

use super::SIGNED;

/// Days before its end during which a license is called expiring.
const EXPIRING_DAYS: i64 = 3;

/// What a license says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseAttributes {
    name: Option<String>,
    key: String,
    expiry: Option<Time>,
    status: &'static str,
    uses: u32,
    suspended: bool,
    scheme: Option<&'static str>,
    encrypted: bool,
    strict: bool,
    floating: bool,
    protected: bool,
    version: Option<String>,
    max_machines: u32,
    max_processes: Option<u32>,
    max_users: Option<u32>,
    max_cores: Option<u32>,
    max_memory: Option<u64>,
    max_disk: Option<u64>,
    max_uses: Option<u32>,
    require_heartbeat: bool,
    require_check_in: bool,
    last_validated: Option<Time>,
    last_check_in: Option<Time>,
    next_check_in: Option<Time>,
    last_check_out: Option<Time>,
    permissions: Vec<String>,
    metadata: Map<String, Value>,
    created: Time,
    updated: Time,
}

fn status(license: &License, seen: &SeenLicense, now: Time) -> &'static str {
    let over = |at: Time| license.expiry.holds_until(seen.slack).is_some_and(|end| end <= at);
    match license.standing.state() {
        State::Frozen => "SUSPENDED",
        State::Released => "BANNED",
        State::Active if over(now) => "EXPIRED",
        State::Active if over(now.plus_days(EXPIRING_DAYS)) => "EXPIRING",
        State::Active => "ACTIVE",
    }
}

/// A license at `now`.
pub fn license(seen: &SeenLicense, now: Time) -> Resource<LicenseAttributes> {
    let license = &seen.license;
    let product = &license.product;
    let path = |rest: &str| address(product, &format!("licenses/{}{rest}", license.id));
    let customer = license.customer.id.as_ref();
    let attributes = LicenseAttributes {
        name: license.customer.name.clone(),
        key: seen.key.expose_secret().to_owned(),
        expiry: license.expiry.at(),
        status: status(license, seen, now),
        uses: 0,
        suspended: license.standing.state() == State::Frozen,
        // Of the key that is shown: clients verify it by this, and a short key or a code is none of theirs.
        scheme: (seen.is_signed && seen.key.expose_secret().starts_with(key::PREFIX)).then_some(SIGNED),
        encrypted: false,
        strict: false,
        floating: license.machines > 1,
        protected: true,
        version: None,
        max_machines: license.machines,
        max_processes: None,
        max_users: None,
        max_cores: None,
        max_memory: None,
        max_disk: None,
        max_uses: None,
        require_heartbeat: seen.lease.floating,
        require_check_in: false,
        last_validated: None,
        last_check_in: None,
        next_check_in: None,
        last_check_out: None,
        permissions: Vec::new(),
        metadata: Map::new(),
        created: license.created_at,
        updated: license.updated_at,
    };
    let relationships = BTreeMap::from([
        ("account", Relationship::to("accounts", product)),
        ("environment", Relationship::none()),
        ("product", Relationship::to("products", product)),
        ("policy", Relationship::at("policies", &license.plan, path("/policy"))),
        ("group", Relationship::none()),
        ("owner", customer.map_or_else(Relationship::none, |id| Relationship::to("users", id))),
        ("machines", Relationship::several(path("/machines"))),
        ("entitlements", Relationship::several(path("/entitlements"))),
    ]);
    let links = Links { this: Some(path("")) };
    Resource { id: license.id.to_string(), kind: "licenses", attributes, relationships, links }
}

/// What an entitlement says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementAttributes {
    name: String,
    code: String,
    metadata: Map<String, Value>,
    created: Time,
    updated: Time,
}

/// The features that a license has, by name.
pub fn entitlements(seen: &SeenLicense) -> Vec<Resource<EntitlementAttributes>> {
    let license = &seen.license;
    let has = |name: &str| crate::license::activation::has_feature(&license.features, name);
    let entitlement = |(name, value): (&String, &FeatureValue)| Resource {
        id: name.clone(),
        kind: "entitlements",
        attributes: EntitlementAttributes {
            name: name.clone(),
            code: name.clone(),
            metadata: Map::from_iter([("value".to_owned(), json!(value))]),
            created: license.created_at,
            updated: license.updated_at,
        },
        relationships: BTreeMap::from([("account", Relationship::to("accounts", &license.product))]),
        links: Links { this: Some(address(&license.product, &format!("licenses/{}/entitlements/{name}", license.id))) },
    };
    license.features.iter().filter(|(name, _)| has(name)).map(entitlement).collect()
}

/// What a checked-out file says of itself.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileAttributes {
    /// The file.
    pub certificate: String,
    /// What is in it.
    pub includes: Vec<String>,
    /// How it was written.
    pub algorithm: &'static str,
    /// Seconds that it holds.
    pub ttl: i64,
    /// When it was made.
    pub issued: Time,
    /// When it ends.
    pub expiry: Time,
}
