//! What a customer has to allow, written down as the cloud wants it.

use serde_json::{Value, json};

/// The rights of [`super::Huawei`], as a custom policy of IAM: nothing more.
pub fn least_privilege() -> Value {
    json!({ "Version": "1.1", "Statement": [{ "Effect": "Allow", "Action": ACTIONS }] })
}

/// The same as an identity policy, which trust agencies take: it knows the names of the older policies too.
pub fn identity_policy() -> Value {
    let statement = json!({ "Effect": "Allow", "Action": ACTIONS, "Resource": ["*"] });
    json!({ "Version": "5.0", "Statement": [statement] })
}

/// As the documents of the services name them. The caller's own projects and identity may be asked for without a right;
/// prices belong to the account's bills, and without a right to these there is no price.
const ACTIONS: [&str; 21] = [
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
    "vpc:publicIps:create",
    "vpc:publicIps:delete",
    "vpc:publicIps:list",
    "vpc:quotas:list",
    "vpc:securityGroupRules:get",
    "vpc:securityGroups:get",
    "vpc:subnets:get",
    "vpc:vpcs:list",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huawei_both_policies_name_the_same_rights_one_by_one() {
        let (older, newer) = (least_privilege(), identity_policy());
        assert!(!older.to_string().contains('*'));
        assert_eq!(older["Statement"][0]["Action"], newer["Statement"][0]["Action"]);
    }
}
