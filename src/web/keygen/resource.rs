//! What each resource says. Attributes that the contract has and Signet has not are `null` or their neutral value, because
//! published clients refuse documents without them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    base::{secret::ExposeSecret, slug::Slug, time::Time},
    license::{
        keygen::key,
        model::{License, State},
        plan::{FeatureValue, Plan, Product, Term},
    },
    usecase::keygen::{SeenMachine, door::SeenLicense, scope::Heart},
};

use super::document::{Links, Relationship, Resource, address};

/// Days before its end during which a license is called expiring.
const EXPIRING_DAYS: i64 = 3;
/// What the scheme of signed keys is called.
pub const SIGNED: &str = "ED25519_SIGN";

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

/// What a machine says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineAttributes {
    fingerprint: String,
    name: Option<String>,
    hostname: Option<String>,
    platform: Option<String>,
    ip: Option<String>,
    cores: Option<i64>,
    memory: Option<i64>,
    disk: Option<i64>,
    max_processes: Option<u32>,
    require_heartbeat: bool,
    heartbeat_status: &'static str,
    heartbeat_duration: Option<i64>,
    last_heartbeat: Option<Time>,
    next_heartbeat: Option<Time>,
    last_check_out: Option<Time>,
    metadata: Value,
    created: Time,
    updated: Time,
}

/// A machine.
pub fn machine(seen: &SeenMachine) -> Resource<MachineAttributes> {
    let SeenMachine { activation, details, heart, license } = seen;
    let product = &license.license.product;
    let path = |rest: &str| address(product, &format!("machines/{}{rest}", activation.id));
    let details = details.as_ref();
    let floating = license.lease.floating;
    let beats = floating && *heart == Heart::Alive;
    let said = details.and_then(|it| it.last_heartbeat_at);
    let attributes = MachineAttributes {
        fingerprint: seen.fingerprint(),
        name: details.map_or_else(|| activation.name.clone(), |it| it.name.clone()),
        hostname: details.and_then(|it| it.hostname.clone()),
        platform: details.map_or_else(|| activation.platform.clone(), |it| it.platform.clone()),
        ip: details.and_then(|it| it.ip.clone()),
        cores: details.and_then(|it| it.cores),
        memory: details.and_then(|it| it.memory),
        disk: details.and_then(|it| it.disk),
        max_processes: None,
        require_heartbeat: floating,
        heartbeat_status: heart.as_str(),
        heartbeat_duration: floating.then(|| license.lease.length().as_secs()),
        last_heartbeat: said.or_else(|| beats.then_some(activation.last_seen_at)),
        next_heartbeat: beats.then_some(activation.lease_ends_at),
        last_check_out: details.and_then(|it| it.last_check_out_at),
        metadata: details.map_or_else(|| json!({}), |it| it.metadata.clone()),
        created: activation.created_at,
        updated: details.map_or(activation.last_seen_at, |it| it.updated_at),
    };
    let owner = &license.license;
    let at_license = |rest: &str| address(product, &format!("licenses/{}{rest}", owner.id));
    let relationships = BTreeMap::from([
        ("account", Relationship::to("accounts", product)),
        ("environment", Relationship::none()),
        ("product", Relationship::to("products", product)),
        ("group", Relationship::none()),
        ("owner", Relationship::none()),
        ("license", Relationship::at("licenses", &owner.id, at_license(""))),
        ("components", Relationship::several(path("/components"))),
    ]);
    let links = Links { this: Some(path("")) };
    Resource { id: activation.id.to_string(), kind: "machines", attributes, relationships, links }
}

/// What a component says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentAttributes {
    fingerprint: String,
    name: String,
    metadata: Map<String, Value>,
    created: Time,
    updated: Time,
}

/// The components of a machine.
pub fn components(seen: &SeenMachine) -> Vec<Resource<ComponentAttributes>> {
    let product = &seen.license.license.product;
    let machine = seen.activation.id;
    let at = seen.details.as_ref().map_or(seen.activation.created_at, |it| it.created_at);
    let components = seen.details.iter().flat_map(|it| &it.components).enumerate();
    let component = |(index, it): (usize, &crate::store::KeygenComponent)| Resource {
        id: format!("{machine}-{index}"),
        kind: "components",
        attributes: ComponentAttributes {
            fingerprint: it.fingerprint.clone(),
            name: it.name.clone(),
            metadata: Map::new(),
            created: at,
            updated: at,
        },
        relationships: BTreeMap::from([
            ("account", Relationship::to("accounts", product)),
            ("machine", Relationship::to("machines", &machine)),
            ("license", Relationship::to("licenses", &seen.license.license.id)),
        ]),
        links: Links { this: None },
    };
    components.map(component).collect()
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

/// What a policy says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAttributes {
    name: String,
    duration: Option<i64>,
    strict: bool,
    floating: bool,
    scheme: Option<&'static str>,
    encrypted: bool,
    protected: bool,
    use_pool: bool,
    max_machines: u32,
    max_processes: Option<u32>,
    max_users: Option<u32>,
    max_cores: Option<u32>,
    max_uses: Option<u32>,
    max_licenses: Option<u32>,
    require_check_in: bool,
    check_in_interval: Option<String>,
    check_in_interval_count: Option<u32>,
    require_heartbeat: bool,
    heartbeat_duration: Option<i64>,
    heartbeat_basis: &'static str,
    heartbeat_cull_strategy: &'static str,
    heartbeat_resurrection_strategy: &'static str,
    machine_uniqueness_strategy: &'static str,
    machine_matching_strategy: &'static str,
    component_uniqueness_strategy: &'static str,
    component_matching_strategy: &'static str,
    expiration_strategy: &'static str,
    expiration_basis: &'static str,
    renewal_basis: &'static str,
    transfer_strategy: &'static str,
    authentication_strategy: &'static str,
    machine_leasing_strategy: &'static str,
    process_leasing_strategy: &'static str,
    overage_strategy: &'static str,
    metadata: Map<String, Value>,
    created: Time,
    updated: Time,
}

/// Seconds of a term, by the calendar's average month and year.
fn duration(term: Term) -> Option<i64> {
    match term {
        Term::Perpetual => None,
        Term::Days(days) => Some(i64::from(days) * 86_400),
        Term::Months(months) => Some(i64::from(months) * 2_629_746),
        Term::Years(years) => Some(i64::from(years) * 31_556_952),
    }
}

/// The plan of a license. Where the catalog no longer has it, what the license itself says.
pub fn policy(seen: &SeenLicense, plan: Option<&Plan>) -> Resource<PolicyAttributes> {
    let license = &seen.license;
    let machines = plan.map_or(license.machines, |it| it.machines);
    let attributes = PolicyAttributes {
        name: plan.map_or_else(|| license.plan.to_string(), |it| it.name.en.clone()),
        duration: plan.and_then(|it| duration(it.term)),
        strict: false,
        floating: machines > 1,
        scheme: seen.is_signed.then_some(SIGNED),
        encrypted: false,
        protected: true,
        use_pool: false,
        max_machines: machines,
        max_processes: None,
        max_users: None,
        max_cores: None,
        max_uses: None,
        max_licenses: None,
        require_check_in: false,
        check_in_interval: None,
        check_in_interval_count: None,
        require_heartbeat: seen.lease.floating,
        heartbeat_duration: seen.lease.floating.then(|| seen.lease.length().as_secs()),
        heartbeat_basis: "FROM_CREATION",
        heartbeat_cull_strategy: "DEACTIVATE_DEAD",
        heartbeat_resurrection_strategy: "NO_REVIVE",
        machine_uniqueness_strategy: "UNIQUE_PER_LICENSE",
        machine_matching_strategy: "MATCH_ANY",
        component_uniqueness_strategy: "UNIQUE_PER_MACHINE",
        component_matching_strategy: "MATCH_ANY",
        expiration_strategy: "RESTRICT_ACCESS",
        expiration_basis: "FROM_CREATION",
        renewal_basis: "FROM_EXPIRY",
        transfer_strategy: "KEEP_EXPIRY",
        authentication_strategy: "LICENSE",
        machine_leasing_strategy: "PER_LICENSE",
        process_leasing_strategy: "PER_MACHINE",
        overage_strategy: "NO_OVERAGE",
        metadata: Map::new(),
        created: license.created_at,
        updated: license.created_at,
    };
    let product = &license.product;
    let relationships = BTreeMap::from([
        ("account", Relationship::to("accounts", product)),
        ("product", Relationship::to("products", product)),
    ]);
    let this = Some(address(product, &format!("licenses/{}/policy", license.id)));
    Resource { id: license.plan.to_string(), kind: "policies", attributes, relationships, links: Links { this } }
}

/// What a product says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductAttributes {
    name: String,
    code: String,
    url: Option<String>,
    distribution_strategy: &'static str,
    platforms: Vec<String>,
    permissions: Vec<String>,
    metadata: Map<String, Value>,
    created: Time,
    updated: Time,
}

/// The product of a license.
pub fn product(seen: &SeenLicense, known: Option<&Product>) -> Resource<ProductAttributes> {
    let slug: &Slug = &seen.license.product;
    let attributes = ProductAttributes {
        name: known.map_or_else(|| slug.to_string(), |it| it.name.en.clone()),
        code: slug.to_string(),
        url: known.and_then(|it| it.support.url.clone()),
        distribution_strategy: "LICENSED",
        platforms: Vec::new(),
        permissions: Vec::new(),
        metadata: Map::new(),
        created: seen.license.created_at,
        updated: seen.license.created_at,
    };
    let relationships = BTreeMap::from([("account", Relationship::to("accounts", slug))]);
    Resource { id: slug.to_string(), kind: "products", attributes, relationships, links: Links { this: None } }
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
