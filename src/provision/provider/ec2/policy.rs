//! The rights that a customer gives to the credentials it enters.

use serde_json::json;

use crate::provision::provider::made::ATTEMPT_TAG;

/// What a deployment reads.
const READS: &[&str] = &[
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypeOfferings",
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
pub fn least_privilege(region: &str) -> String {
    let partition = if region.starts_with("cn-") { "aws-cn" } else { "aws" };
    let things = |kind: &str| format!("arn:{partition}:ec2:{region}:*:{kind}/*");
    let here = json!({ "StringEquals": { "aws:RequestedRegion": region } });
    let ours = json!({ "StringLike": { format!("aws:ResourceTag/{ATTEMPT_TAG}"): "?*" } });
    let used: Vec<String> =
        ["instance", "network-interface", "security-group", "subnet", "key-pair", "volume"].map(things).into();
    let images = format!("arn:{partition}:ec2:{region}::image/*");
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Sid": "Look", "Effect": "Allow", "Action": READS, "Resource": "*", "Condition": here },
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
    });
    format!("{policy:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2_policy_has_the_partition_of_its_region_and_no_wide_rights() {
        let policy: serde_json::Value = serde_json::from_str(&least_privilege("cn-north-1")).unwrap();
        assert_eq!(policy["Statement"][2]["Resource"][0], "arn:aws-cn:ec2:cn-north-1:*:instance/*");
        let text = least_privilege("us-east-1");
        assert!(text.contains("arn:aws:ec2:us-east-1::image/*"), "{text}");
        assert!(!text.contains("ec2:*") && !text.contains("PassRole"), "{text}");
        for statement in policy["Statement"].as_array().unwrap() {
            let reads = statement["Action"] == serde_json::json!(READS);
            assert!(reads || statement["Resource"] != "*", "{statement}");
        }
    }
}
