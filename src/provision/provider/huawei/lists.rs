//! Who one is, and what servers can be made of.

use serde_json::Value;

use crate::{
    base::{limits, text::Wording},
    provision::{
        provider::{
            Answer,
            error::{CloudError, NOBODY, TOO_MUCH, Trouble},
            model::*,
        },
        recipe::Architecture,
    },
};

use super::{
    Huawei,
    call::Call,
    endpoint::Service,
    json::{list, number, owned, small, text, weight},
};

/// Members of a page, and pages that are followed.
const PAGE: usize = 1000;
const PAGES: u32 = 10;

/// The projects that the caller may use, which everybody may ask for. The list of all projects is for administrators.
const PROJECTS: &str = "/v3/auth/projects";

/// What is left of `maximum`, of which `used` are; `None`: there is no limit.
fn below(maximum: i64, used: Option<i64>) -> Option<u64> {
    (maximum >= 0).then(|| u64::try_from(maximum.saturating_sub(used.unwrap_or(0))).unwrap_or(0))
}

impl Huawei {
    /// The id of the region's project, in whose name everything is called.
    pub(super) async fn project(&self) -> Answer<&str> {
        self.project.get_or_try_init(|| self.find_project()).await.map(String::as_str)
    }

    async fn find_project(&self) -> Answer<String> {
        let region = self.endpoint.region();
        let answer = self.call(&Call::get(Service::Iam, PROJECTS)).await?;
        let ids: Vec<&str> = list(&answer, "/projects")
            .iter()
            .filter(|project| text(project, "/name") == Some(region))
            .filter_map(|project| text(project, "/id"))
            .collect();
        match ids.as_slice() {
            // An id becomes a part of paths.
            [id] if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Ok((*id).to_owned()),
            [] => {
                let message = Wording::both(
                    format!("账号在区域 {region} 没有项目：请在云控制台打开一次该区域，或授予用户该区域的权限。"),
                    format!(
                        "The account has no project for region {region}: open the region once in the cloud's console, or \
                         give the user rights there."
                    ),
                );
                Err(CloudError::new(Trouble::Permission, message))
            }
            _ => {
                let message = Wording::both(
                    format!("账号有多个名为 {region} 的项目，应当只有一个。"),
                    format!("The account has more than one project named {region}; exactly one is expected."),
                );
                Err(CloudError::new(Trouble::Unexpected, message))
            }
        }
    }

    /// The token service needs no right; where it is missing, the project's lookup tells at least that keys are good.
    pub(super) async fn who(&self) -> Answer<Identity> {
        let nobody = || CloudError::new(Trouble::Unexpected, NOBODY);
        if self.endpoint.has_sts() {
            let answer = self.call(&Call::get(Service::Sts, "/v5/caller-identity")).await?;
            let user = text(&answer, "/principal_urn").or(text(&answer, "/principal_id")).map(str::to_owned);
            return Ok(Identity { account: text(&answer, "/account_id").ok_or_else(nobody)?.to_owned(), user });
        }
        let answer = self.call(&Call::get(Service::Iam, PROJECTS)).await?;
        let account = list(&answer, "/projects").iter().find_map(|project| text(project, "/domain_id"));
        Ok(Identity { account: account.ok_or_else(nobody)?.to_owned(), user: None })
    }

    pub(super) async fn list_zones(&self) -> Answer<Vec<Zone>> {
        let path = format!("/v2.1/{}/os-availability-zone", self.project().await?);
        let answer = self.call(&Call::get(Service::Ecs, path)).await?;
        let zone = |zone: &Value| {
            let available = zone.pointer("/zoneState/available").and_then(Value::as_bool).unwrap_or(false);
            Some(Zone { id: text(zone, "/zoneName")?.to_owned(), available })
        };
        Ok(list(&answer, "/availabilityZoneInfo").iter().filter_map(zone).collect())
    }

    pub(super) async fn list_flavors(&self, zone: &str) -> Answer<Vec<Flavor>> {
        let path = format!("/v1/{}/cloudservers/flavors", self.project().await?);
        let call = Call::get(Service::Ecs, path).with("availability_zone", zone);
        let found = self.marked(call, "/flavors").await?;
        Ok(found.iter().filter_map(|one| flavor(one, zone)).collect())
    }

    pub(super) async fn list_images(&self, flavor: &Flavor) -> Answer<Vec<Image>> {
        let architecture = match flavor.architecture {
            Architecture::X86_64 => "x86",
            Architecture::Arm64 => "arm",
        };
        let call = Call::get(Service::Ims, "/v2/cloudimages")
            .with("__imagetype", "gold")
            .with("__os_type", "Linux")
            .with("status", "active")
            .with("virtual_env_type", "FusionCompute")
            .with("flavor_id", &flavor.id)
            .with("architecture", architecture);
        let found = self.marked(call, "/images").await?;
        Ok(found.iter().filter_map(|one| image(one, flavor.architecture)).collect())
    }

    pub(super) async fn list_key_pairs(&self) -> Answer<Vec<KeyPair>> {
        let path = format!("/v2.1/{}/os-keypairs", self.project().await?);
        let answer = self.call(&Call::get(Service::Ecs, path)).await?;
        let pair = |pair: &Value| {
            let name = text(pair, "/keypair/name")?.to_owned();
            Some(KeyPair { name, fingerprint: owned(pair, "/keypair/fingerprint") })
        };
        Ok(list(&answer, "/keypairs").iter().filter_map(pair).collect())
    }

    /// What is left below the limits; -1 is no limit. Addresses are counted by a service of their own.
    pub(super) async fn limits(&self) -> Answer<Quota> {
        let path = format!("/v1/{}/quotas", self.project().await?);
        let counted = self.call(&Call::get(Service::Vpc, path).with("type", "publicIp")).await?;
        let addresses = list(&counted, "/quotas/resources").iter().find(|it| text(it, "/type") == Some("publicIp"));
        let addresses = addresses.and_then(|it| below(number(it, "/quota")?, number(it, "/used")));
        let path = format!("/v1/{}/cloudservers/limits", self.project().await?);
        let answer = self.call(&Call::get(Service::Ecs, path)).await?;
        let left = |maximum: &str, used: &str| {
            below(number(&answer, &format!("/absolute/{maximum}"))?, number(&answer, &format!("/absolute/{used}")))
        };
        let small = |left: Option<u64>| left.map(|left| u32::try_from(left).unwrap_or(u32::MAX));
        Ok(Quota {
            servers: small(left("maxTotalInstances", "totalInstancesUsed")),
            vcpus: small(left("maxTotalCores", "totalCoresUsed")),
            memory_mib: left("maxTotalRAMSize", "totalRAMUsed"),
            addresses: small(addresses),
        })
    }

    /// All pages of a list whose next page starts after the id that ended the last; together no larger than twice what one
    /// answer may be, because a page is as long as the cloud makes it.
    pub(super) async fn marked(&self, call: Call, path: &str) -> Answer<Vec<Value>> {
        let call = call.with("limit", PAGE.to_string());
        let mut found: Vec<Value> = Vec::new();
        let mut weighs = 0;
        for _ in 0..PAGES {
            let page = match found.last().and_then(|last| text(last, "/id")) {
                Some(last) => call.clone().with("marker", last),
                None => call.clone(),
            };
            let answer = self.call(&page).await?;
            let members = list(&answer, path);
            found.extend_from_slice(members);
            weighs += weight(&answer);
            if weighs > 2 * limits::OUTBOUND_ANSWER_BYTES {
                return Err(CloudError::new(Trouble::Unexpected, TOO_MUCH));
            }
            if members.len() < PAGE {
                break;
            }
        }
        Ok(found)
    }
}

/// `vcpus` is a text at this cloud; a flavor without a size is none.
fn flavor(one: &Value, zone: &str) -> Option<Flavor> {
    let specs = one.get("os_extra_specs").unwrap_or(&Value::Null);
    let arm = text(specs, "/ecs:instance_architecture").is_some_and(|name| name.starts_with("arm"));
    Some(Flavor {
        id: text(one, "/id")?.to_owned(),
        vcpus: small(one, "/vcpus").filter(|vcpus| *vcpus > 0)?,
        memory_mib: small(one, "/ram").filter(|memory| *memory > 0)?,
        architecture: if arm { Architecture::Arm64 } else { Architecture::X86_64 },
        stock: stock(specs, zone),
    })
}

/// The zone's own word goes before the region's: `az1(normal),az2(sellout)`.
fn stock(specs: &Value, zone: &str) -> Stock {
    let zones = text(specs, "/cond:operation:az").unwrap_or_default();
    let here = zones.split(',').find_map(|one| {
        let (name, state) = one.trim().split_once('(')?;
        (name == zone).then(|| state.trim_end_matches(')'))
    });
    match here.or(text(specs, "/cond:operation:status")).unwrap_or("normal") {
        "sellout" => Stock::SoldOut,
        "abandon" => Stock::Retired,
        _ => Stock::Normal,
    }
}

/// Images of the market cost money of their own and are left out.
fn image(one: &Value, architecture: Architecture) -> Option<Image> {
    if text(one, "/__productcode").is_some() {
        return None;
    }
    let name = owned(one, "/name");
    Some(Image {
        id: text(one, "/id")?.to_owned(),
        system: text(one, "/__os_version").unwrap_or(&name).to_owned(),
        name,
        architecture,
        minimum_disk_gib: small(one, "/min_disk").unwrap_or(0),
        minimum_memory_mib: small(one, "/min_ram").unwrap_or(0),
        root_device: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn huawei_stock_is_the_zones_own() {
        let specs =
            json!({"cond:operation:status": "normal", "cond:operation:az": "a1(sellout), a2(abandon),a11(normal)"});
        let stocks = ["a1", "a2", "a11", "a3"].map(|zone| stock(&specs, zone));
        assert_eq!(stocks, [Stock::SoldOut, Stock::Retired, Stock::Normal, Stock::Normal]);
        assert_eq!(stock(&json!({"cond:operation:status": "sellout"}), "a1"), Stock::SoldOut);
        assert_eq!(stock(&Value::Null, "a1"), Stock::Normal);
    }

    #[test]
    fn huawei_flavors_without_a_size_are_left_out() {
        let arm = json!({"id": "kc1.large.2", "vcpus": "2", "ram": 4096, "os_extra_specs": {"ecs:instance_architecture": "arm64"}});
        let found = flavor(&arm, "a1").unwrap();
        assert_eq!((found.vcpus, found.memory_mib, found.architecture), (2, 4096, Architecture::Arm64));
        assert_eq!(flavor(&json!({"id": "x", "vcpus": "many", "ram": 1}), "a1"), None);
    }
}
