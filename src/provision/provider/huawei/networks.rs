//! Networks, subnets and security groups.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::provision::provider::{Answer, model::*};

use super::{
    Huawei,
    call::Call,
    endpoint::Service,
    json::{number, owned, text},
};

impl Huawei {
    pub(super) async fn list_networks(&self) -> Answer<Vec<Network>> {
        let project = self.project().await?;
        let networks = self.marked(Call::get(Service::Vpc, format!("/v3/{project}/vpc/vpcs")), "/vpcs").await?;
        let found = self.marked(Call::get(Service::Vpc, format!("/v1/{project}/subnets")), "/subnets").await?;
        let mut subnets: BTreeMap<String, Vec<Subnet>> = BTreeMap::new();
        for one in &found {
            if let (Some(network), Some(subnet)) = (text(one, "/vpc_id"), subnet(one)) {
                subnets.entry(network.to_owned()).or_default().push(subnet);
            }
        }
        let network = |one: &Value| {
            let id = text(one, "/id")?.to_owned();
            let name = text(one, "/name").unwrap_or(&id).to_owned();
            let subnets = subnets.get(&id).cloned().unwrap_or_default();
            Some(Network { id, name, cidr: owned(one, "/cidr"), subnets })
        };
        Ok(networks.iter().filter_map(network).collect())
    }

    /// With their rules; a group belongs to no network here.
    pub(super) async fn list_security_groups(&self) -> Answer<Vec<SecurityGroup>> {
        let project = self.project().await?;
        let path = format!("/v3/{project}/vpc/security-groups");
        let groups = self.marked(Call::get(Service::Vpc, path), "/security_groups").await?;
        let path = format!("/v3/{project}/vpc/security-group-rules");
        let rules = self.marked(Call::get(Service::Vpc, path), "/security_group_rules").await?;
        let group = |one: &Value| {
            let id = text(one, "/id")?.to_owned();
            let mine = rules.iter().filter(|rule| text(rule, "/security_group_id") == Some(id.as_str()));
            let open_ports = Some(mine.clone().filter_map(open).flatten().collect());
            // Without a rule nothing goes out.
            let lets_out = Some(mine.clone().any(goes_out));
            Some(SecurityGroup { name: text(one, "/name").unwrap_or(&id).to_owned(), id, open_ports, lets_out })
        };
        Ok(groups.iter().filter_map(group).collect())
    }
}

/// An order names `id`, not `neutron_subnet_id`.
fn subnet(one: &Value) -> Option<Subnet> {
    let id = text(one, "/id")?.to_owned();
    Some(Subnet {
        name: text(one, "/name").unwrap_or(&id).to_owned(),
        cidr: owned(one, "/cidr"),
        zone: None,
        free_addresses: number(one, "/available_ip_address_count").and_then(|count| u64::try_from(count).ok()),
        dhcp: one.get("dhcp_enable").and_then(Value::as_bool).unwrap_or(true),
        id,
    })
}

/// Whether a rule lets TCP out, to anybody: where to is not judged, because nobody knows here what a server must reach.
fn goes_out(rule: &Value) -> bool {
    text(rule, "/direction") == Some("egress")
        && text(rule, "/action").is_none_or(|word| word == "allow")
        && text(rule, "/protocol").is_none_or(|word| word == "tcp")
        && rule.get("enabled").and_then(Value::as_bool).unwrap_or(true)
}

/// The TCP ports that a rule opens to the world; nothing where it does not.
fn open(rule: &Value) -> Option<Vec<PortRange>> {
    let says = |name: &str, words: &[&str]| text(rule, name).is_none_or(|word| words.contains(&word));
    let to_world = text(rule, "/remote_group_id").is_none()
        && text(rule, "/remote_address_group_id").is_none()
        && says("/remote_ip_prefix", &["0.0.0.0/0", "::/0"]);
    let allows = text(rule, "/direction") == Some("ingress")
        && says("/action", &["allow"])
        && says("/protocol", &["tcp"])
        && rule.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    if !(to_world && allows) {
        return None;
    }
    let all = PortRange { first: 1, last: 65_535 };
    let Some(ports) = text(rule, "/multiport") else { return Some(vec![all]) };
    let range = |text: &str| {
        let (first, last) = text.trim().split_once('-').unwrap_or((text.trim(), text.trim()));
        Some(PortRange { first: first.parse().ok()?, last: last.parse().ok()? })
    };
    Some(ports.split(',').filter_map(range).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn huawei_rules_let_out_where_one_allows_it() {
        assert!(goes_out(&json!({"direction": "egress", "remote_ip_prefix": "0.0.0.0/0", "action": "allow"})));
        assert!(goes_out(&json!({"direction": "egress", "protocol": "tcp", "multiport": "80,443"})));
        for other in [
            json!({"direction": "ingress", "action": "allow"}),
            json!({"direction": "egress", "action": "deny"}),
            json!({"direction": "egress", "protocol": "udp"}),
            json!({"direction": "egress", "enabled": false}),
        ] {
            assert!(!goes_out(&other), "{other}");
        }
    }

    #[test]
    fn huawei_rules_open_ports_only_to_the_world() {
        let rule = json!({"direction": "ingress", "protocol": "tcp", "multiport": "22,8000-8010", "remote_ip_prefix": "0.0.0.0/0"});
        let ports = vec![PortRange { first: 22, last: 22 }, PortRange { first: 8000, last: 8010 }];
        assert_eq!(open(&rule), Some(ports));
        for (name, value) in [
            ("direction", "egress"),
            ("protocol", "udp"),
            ("remote_ip_prefix", "10.0.0.0/8"),
            ("remote_group_id", "g"),
            ("action", "deny"),
        ] {
            let mut other = rule.clone();
            other[name] = value.into();
            assert_eq!(open(&other), None, "{name}");
        }
        assert_eq!(open(&json!({"direction": "ingress"})), Some(vec![PortRange { first: 1, last: 65_535 }]));
    }
}
