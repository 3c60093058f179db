//! What there is to choose from.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{
    base::time::Time,
    provision::{
        provider::{
            Answer, CloudError, Trouble,
            error::NOBODY,
            model::{Flavor, Identity, Image, KeyPair, Network, PortRange, SecurityGroup, Stock, Subnet, Zone},
        },
        recipe::Architecture,
    },
};

use super::{
    Ec2, ImageSource,
    call::{compute, sts},
    xml::Element,
};

/// Members of a page.
const PAGE: u32 = 100;
/// Pages of a list: more than AWS has types in any region.
const PAGES: u32 = 30;
/// Members of a page of images, of which each name pattern has few.
const IMAGE_PAGE: u32 = 1_000;
/// Disk of an image that tells no size, GiB.
const DISK_GIB: u32 = 8;

impl Ec2 {
    pub(super) async fn who(&self) -> Answer<Identity> {
        let Some(url) = self.endpoint.sts.clone() else {
            return self.who_by_groups().await;
        };
        let answer = self.call_sts(&url, &sts("GetCallerIdentity")).await?;
        let text = |name| answer.find(name).map(|element| element.content().to_owned()).filter(|text| !text.is_empty());
        let nobody = || CloudError::new(Trouble::Unexpected, NOBODY);
        Ok(Identity { account: text("Account").ok_or_else(nobody)?, user: text("Arn") })
    }

    /// Without a token service: every account has security groups of its own, which name it. Where they do not, one access
    /// key is all that is known of the account, and another key counts as another account.
    async fn who_by_groups(&self) -> Answer<Identity> {
        let answer = self.call(&compute("DescribeSecurityGroups")).await?;
        let mut owners: Vec<&str> = answer.items("securityGroupInfo").filter_map(|it| it.text("ownerId")).collect();
        owners.sort_unstable();
        owners.dedup();
        let account = match owners.as_slice() {
            [owner] => (*owner).to_owned(),
            _ => format!("key {}", HEXLOWER.encode(&Sha256::digest(&self.credentials.access_key)[..8])),
        };
        Ok(Identity { account, user: None })
    }

    pub(super) async fn list_zones(&self) -> Answer<Vec<Zone>> {
        let answer = self.call(&compute("DescribeAvailabilityZones")).await?;
        let zone = |item: &Element| Zone {
            id: item.string("zoneName"),
            available: item.text("zoneState").is_none_or(|state| state == "available"),
        };
        Ok(answer.items("availabilityZoneInfo").map(zone).collect())
    }

    pub(super) async fn list_flavors(&self, zone: &str) -> Answer<Vec<Flavor>> {
        let offered = self.offered(zone).await?;
        let mut form = compute("DescribeInstanceTypes");
        if offered.is_some() {
            form = form.filter("current-generation", &["true"]).filter("bare-metal", &["false"]);
        }
        let pages = self.pages(&form, PAGE, PAGES).await?;
        let lists = ["instanceTypeSet", "instanceTypeDetails"];
        let items = pages.iter().flat_map(|page| lists.iter().flat_map(|list| page.items(list)));
        let mut found: Vec<Flavor> = items
            .filter_map(flavor)
            .filter(|flavor| offered.as_ref().is_none_or(|offered| offered.contains(&flavor.id)))
            .collect();
        found.sort_by(|a, b| (a.vcpus, a.memory_mib, &a.id).cmp(&(b.vcpus, b.memory_mib, &b.id)));
        found.dedup();
        Ok(found)
    }

    /// The types that a zone offers; `None` where the cloud does not tell.
    async fn offered(&self, zone: &str) -> Answer<Option<BTreeSet<String>>> {
        if !self.endpoint.abilities.offerings {
            return Ok(None);
        }
        let form = compute("DescribeInstanceTypeOfferings").with("LocationType", "availability-zone");
        let pages = self.pages(&form.filter("location", &[zone]), 1_000, PAGES).await?;
        let items = pages.iter().flat_map(|page| page.items("instanceTypeOfferingSet"));
        Ok(Some(items.map(|item| item.string("instanceType")).collect()))
    }

    pub(super) async fn list_images(&self, architecture: Architecture) -> Answer<Vec<Image>> {
        let mut found = Vec::new();
        for source in &self.endpoint.images {
            found.extend(self.images_of(source, architecture).await?);
        }
        Ok(found)
    }

    async fn images_of(&self, source: &ImageSource, architecture: Architecture) -> Answer<Vec<Image>> {
        let mut form = compute("DescribeImages")
            .numbered("Owner", &[&source.owner])
            .filter("architecture", &[architecture.as_str()])
            .filter("state", &["available"]);
        if source.name != "*" {
            form = form.filter("name", &[&source.name]);
        }
        // Clouds that know no pages of images are not asked for one when images are few.
        let pages =
            if source.name == "*" { vec![self.call(&form).await?] } else { self.pages(&form, IMAGE_PAGE, 3).await? };
        let now = self.tools.clock.now();
        let old = |item: &&Element| {
            item.text("deprecationTime").and_then(|text| text.parse::<Time>().ok()).is_some_and(|time| time < now)
        };
        let windows = |item: &&Element| item.text("platform").is_some_and(|name| name.eq_ignore_ascii_case("windows"));
        let items = pages.iter().flat_map(|page| page.items("imagesSet"));
        let mut items: Vec<&Element> = items.filter(|item| !old(item) && !windows(item)).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.string("creationDate")));
        Ok(items.into_iter().take(source.newest).map(|item| image(item, source, architecture)).collect())
    }

    pub(super) async fn list_networks(&self) -> Answer<Vec<Network>> {
        let networks = self.call(&compute("DescribeVpcs")).await?;
        let subnets = self.call(&compute("DescribeSubnets")).await?;
        let mut by_network: BTreeMap<String, Vec<Subnet>> = BTreeMap::new();
        for item in subnets.items("subnetSet") {
            by_network.entry(item.string("vpcId")).or_default().push(subnet(item));
        }
        let network = |item: &Element| {
            let id = item.string("vpcId");
            let subnets = by_network.remove(&id).unwrap_or_default();
            Network { name: name_of(item, &id), cidr: item.string("cidrBlock"), subnets, id }
        };
        Ok(networks.items("vpcSet").map(network).collect())
    }

    pub(super) async fn list_security_groups(&self, network: &str) -> Answer<Vec<SecurityGroup>> {
        let answer = self.call(&compute("DescribeSecurityGroups").filter("vpc-id", &[network])).await?;
        Ok(answer.items("securityGroupInfo").map(security_group).collect())
    }

    pub(super) async fn list_key_pairs(&self) -> Answer<Vec<KeyPair>> {
        let answer = self.call(&compute("DescribeKeyPairs")).await?;
        let pair =
            |item: &Element| KeyPair { name: item.string("keyName"), fingerprint: item.string("keyFingerprint") };
        Ok(answer.items("keySet").map(pair).collect())
    }
}

/// The tag `Name`, or the id.
fn name_of(item: &Element, id: &str) -> String {
    let tag = item.items("tagSet").find(|tag| tag.text("key") == Some("Name"));
    tag.and_then(|tag| tag.text("value")).unwrap_or(id).to_owned()
}

fn number(item: &Element, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| item.text(path)?.parse().ok())
}

/// A type in AWS's words or in those of older clouds, which count memory in MiB or in bytes and have x86 only.
fn flavor(item: &Element) -> Option<Flavor> {
    let memory = number(item, &["memoryInfo/sizeInMiB", "memory"])?;
    let architectures: Vec<&str> = item.items("processorInfo/supportedArchitectures").map(Element::content).collect();
    let architecture = match architectures.as_slice() {
        [] => Architecture::X86_64,
        known if known.contains(&"x86_64") => Architecture::X86_64,
        known if known.contains(&"arm64") => Architecture::Arm64,
        _ => return None,
    };
    Some(Flavor {
        id: item.text("instanceType").or_else(|| item.text("name"))?.to_owned(),
        vcpus: u32::try_from(number(item, &["vCpuInfo/defaultVCpus", "vcpu", "cpu"])?).ok()?,
        memory_mib: u32::try_from(if memory >= 1 << 27 { memory >> 20 } else { memory }).ok()?,
        architecture,
        stock: Stock::Normal,
    })
}

fn image(item: &Element, source: &ImageSource, architecture: Architecture) -> Image {
    let id = item.string("imageId");
    let root = item.text("rootDeviceName");
    let disk = item.items("blockDeviceMapping").find(|device| device.text("deviceName") == root);
    let size = disk.and_then(|device| number(device, &["ebs/volumeSize"])).and_then(|size| u32::try_from(size).ok());
    let name = item.text("name").unwrap_or(&id).to_owned();
    Image {
        system: source.system.clone().or_else(|| item.text("description").map(str::to_owned)).unwrap_or(name.clone()),
        name,
        architecture,
        minimum_disk_gib: size.unwrap_or(DISK_GIB),
        minimum_memory_mib: 0,
        root_device: root.map(str::to_owned),
        id,
    }
}

fn subnet(item: &Element) -> Subnet {
    let id = item.string("subnetId");
    Subnet {
        name: name_of(item, &id),
        cidr: item.string("cidrBlock"),
        zone: item.text("availabilityZone").map(str::to_owned),
        free_addresses: number(item, &["availableIpAddressCount"]),
        dhcp: true,
        id,
    }
}

fn security_group(item: &Element) -> SecurityGroup {
    let out = |rule: &Element| matches!(rule.text("ipProtocol"), Some("-1" | "tcp" | "6"));
    SecurityGroup {
        id: item.string("groupId"),
        name: item.string("groupName"),
        open_ports: Some(item.items("ipPermissions").filter_map(open_ports).collect()),
        // Groups of clouds that have no rules for this direction let everything out.
        lets_out: item.child("ipPermissionsEgress").map(|_| item.items("ipPermissionsEgress").any(out)),
    }
}

/// The TCP ports that a rule opens to the world.
fn open_ports(rule: &Element) -> Option<PortRange> {
    let world = rule.items("ipRanges").any(|range| range.text("cidrIp") == Some("0.0.0.0/0"))
        || rule.items("ipv6Ranges").any(|range| range.text("cidrIpv6") == Some("::/0"));
    let port = |path| number(rule, &[path]).and_then(|port| u16::try_from(port).ok());
    match rule.text("ipProtocol")? {
        _ if !world => None,
        "-1" => Some(PortRange { first: 0, last: u16::MAX }),
        "tcp" | "6" => {
            Some(PortRange { first: port("fromPort").unwrap_or(0), last: port("toPort").unwrap_or(u16::MAX) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2_groups_let_out_what_a_rule_allows_and_everything_where_there_are_no_such_rules() {
        let rule = |protocol: &str| format!("<item><ipProtocol>{protocol}</ipProtocol></item>");
        for (egress, lets_out) in [
            (String::new(), None),
            ("<ipPermissionsEgress/>".to_owned(), Some(false)),
            (format!("<ipPermissionsEgress>{}</ipPermissionsEgress>", rule("udp")), Some(false)),
            (format!("<ipPermissionsEgress>{}{}</ipPermissionsEgress>", rule("udp"), rule("tcp")), Some(true)),
            (format!("<ipPermissionsEgress>{}</ipPermissionsEgress>", rule("-1")), Some(true)),
        ] {
            let text = format!("<item><groupId>sg-1</groupId><ipPermissions/>{egress}</item>");
            let group = security_group(&Element::parse(text.as_bytes()).unwrap());
            assert_eq!((group.lets_out, group.open_ports), (lets_out, Some(vec![])), "{egress}");
        }
    }
}
