//! A plan, which is a policy there, and the product.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    base::{slug::Slug, time::Time},
    license::plan::{Plan, Product, Term},
    usecase::keygen::door::SeenLicense,
    web::keygen::document::{Links, Relationship, Resource, address},
};

use super::SIGNED;

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
