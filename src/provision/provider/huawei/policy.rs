//! What a customer has to allow, written down as the cloud wants it.

use serde_json::{Value, json};

/// The rights of [`super::Huawei`], as a custom policy of IAM: nothing more.
pub fn least_privilege(public_address: bool) -> Value {
    json!({ "Version": "1.1", "Statement": [{ "Effect": "Allow", "Action": actions(public_address) }] })
}

/// The same as an identity policy, which trust agencies take: it knows the names of the older policies too.
pub fn identity_policy(public_address: bool) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": actions(public_address), "Resource": ["*"] });
    json!({ "Version": "5.0", "Statement": [statement] })
}

fn actions(public_address: bool) -> Vec<&'static str> {
    let mut actions = vec![
        "ecs:availabilityZones:list",
        "ecs:cloudServerFlavors:get",
        "ecs:cloudServerQuotas:get",
        "ecs:cloudServers:createServers",
        "ecs:cloudServers:deleteServers",
        "ecs:cloudServers:get",
        "ecs:cloudServers:list",
        "ecs:cloudServers:showServer",
        "ecs:serverKeypairs:list",
        "ecs:servers:getConsoleOutput",
        "evs:volumes:delete",
        "ims:images:list",
        "vpc:ports:create",
        "vpc:securityGroupRules:get",
        "vpc:securityGroups:get",
        "vpc:subnets:get",
        "vpc:vpcs:list",
    ];
    if public_address {
        actions.extend(["vpc:publicIps:create", "vpc:publicIps:delete", "vpc:publicIps:list"]);
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huawei_the_policy_has_no_wildcards_and_addresses_only_when_asked_for() {
        let (with, without) = (least_privilege(true).to_string(), least_privilege(false).to_string());
        assert!(!with.contains('*'));
        assert!(with.contains("vpc:publicIps:create") && !without.contains("publicIps"));
        assert!(without.contains("ecs:cloudServers:createServers"));
        let (older, newer) = (least_privilege(true), identity_policy(true));
        assert_eq!(older["Statement"][0]["Action"], newer["Statement"][0]["Action"]);
    }
}
