//! A machine, and what it is made of.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    base::time::Time,
    usecase::keygen::{SeenMachine, scope::Heart},
    web::keygen::document::{Links, Relationship, Resource, address},
};

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
    let SeenMachine { activation, details, heart, license, .. } = seen;
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
