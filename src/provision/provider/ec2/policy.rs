//! The rights that a customer gives to the credentials it enters.

use serde_json::{Value, json};

use crate::provision::provider::made::ATTEMPT_TAG;

/// AWS's alone.
const OFFERINGS: &str = "ec2:DescribeInstanceTypeOfferings";
/// What a deployment reads.
const READS: &[&str] = &[
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    OFFERINGS,
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcs",
];

/// The policy (IAM's JSON) with exactly the rights that a deployment needs in `region`: to look around, to make a server
/// with its tags, and to touch only servers and disks that carry the tag of a deployment's attempt.
pub fn least_privilege(region: &str) -> Value {
    let partition = if region.starts_with("cn-") { "aws-cn" } else { "aws" };
    let things = |kind: &str| format!("arn:{partition}:ec2:{region}:*:{kind}/*");
    let here = json!({ "StringEquals": { "aws:RequestedRegion": region } });
    let ours = json!({ "StringLike": { format!("aws:ResourceTag/{ATTEMPT_TAG}"): "?*" } });
    let used: Vec<String> =
        ["instance", "network-interface", "security-group", "subnet", "key-pair", "volume"].map(things).into();
    let images = format!("arn:{partition}:ec2:{region}::image/*");
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Sid": "Look", "Effect": "Allow", "Action": READS, "Resource": "*", "Condition": here },
            {
                "Sid": "PriceAndQuota", "Effect": "Allow", "Resource": "*",
                "Action": ["pricing:GetProducts", "servicequotas:GetServiceQuota"],
            },
            {
                "Sid": "Make", "Effect": "Allow", "Action": "ec2:RunInstances",
                "Resource": used.into_iter().chain([images]).collect::<Vec<_>>(),
            },
            {
                "Sid": "TagWhatIsMade", "Effect": "Allow", "Action": "ec2:CreateTags",
                "Resource": [things("instance"), things("volume")],
                "Condition": { "StringEquals": { "ec2:CreateAction": "RunInstances" } },
            },
            {
                "Sid": "TendAndRemove", "Effect": "Allow",
                "Action": ["ec2:DeleteVolume", "ec2:GetConsoleOutput", "ec2:TerminateInstances"],
                "Resource": [things("instance"), things("volume")], "Condition": ours,
            },
        ],
    })
}

/// The same for clouds that are not AWS: rights have its names there, and neither conditions nor names of resources are
/// known by all. From the documents of such clouds; tried at none.
pub fn plain() -> Value {
    let acts =
        ["ec2:CreateTags", "ec2:DeleteVolume", "ec2:GetConsoleOutput", "ec2:RunInstances", "ec2:TerminateInstances"];
    let reads = READS.iter().filter(|right| **right != OFFERINGS);
    let actions: Vec<&str> = reads.copied().chain(acts).collect();
    json!({ "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": ["*"] }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2_policy_has_the_partition_of_its_region_and_no_wide_rights() {
        let policy = least_privilege("cn-north-1");
        assert_eq!(policy["Statement"][3]["Resource"][0], "arn:aws-cn:ec2:cn-north-1:*:instance/*");
        let text = least_privilege("us-east-1").to_string();
        assert!(text.contains("arn:aws:ec2:us-east-1::image/*"), "{text}");
        assert!(!text.contains("ec2:*") && !text.contains("PassRole"), "{text}");
        for statement in policy["Statement"].as_array().unwrap() {
            let reads = statement["Action"] == json!(READS) || statement["Sid"] == "PriceAndQuota";
            assert!(reads || statement["Resource"] != "*", "{statement}");
        }
        let plain = plain().to_string();
        assert!(plain.contains("RunInstances") && !plain.contains("Offerings") && !plain.contains("ec2:*"), "{plain}");
    }
}
