//! What a cloud offers, seen through a recipe: what fits stands first, what does not stands there with the reason.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::base::{secret::SecretString, text::Wording};

use super::{
    plan::{Named, ServerChoice},
    provider::{
        Answer, CloudError, Flavor, Image, Network, Price, Provider, SecurityGroup, ServerOrder, Stock, Subnet, Trouble,
    },
    recipe::Recipe,
};

/// System disk where the recipe asks for less, GiB: what clouds give by default.
pub const USUAL_DISK_GIB: u32 = 40;

/// Something to choose, with why it cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offered<T> {
    /// The thing.
    pub item: T,
    /// Why not; `None`: it fits.
    pub unfit: Option<Unfit>,
}

/// Why something cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// Fewer virtual processors than the recipe needs.
    TooFewVcpus,
    /// Less memory than the recipe needs.
    TooLittleMemory,
    /// Sold out in this zone.
    SoldOut,
    /// No longer offered.
    Retired,
    /// A processor that the software does not run on.
    Architecture,
    /// A system that the software does not run on.
    System,
    /// A subnet without DHCP: servers in it never read their user-data.
    NoDhcp,
    /// A subnet without a free address.
    NoAddress,
    /// A subnet of another zone.
    OtherZone,
    /// A security group that lets nothing out: servers in it never read their user-data.
    NoWayOut,
}

/// The flavors of a zone: fitting ones first, small ones before large ones.
///
/// # Errors
/// The cloud's.
pub async fn flavors(provider: &Arc<dyn Provider>, recipe: &Recipe, zone: &str) -> Answer<Vec<Offered<Flavor>>> {
    let mut offered: Vec<_> = provider
        .flavors(zone)
        .await?
        .into_iter()
        .map(|item| Offered { unfit: flavor_unfit(recipe, &item), item })
        .collect();
    offered.sort_by(|a, b| {
        let size = |it: &Offered<Flavor>| (it.unfit.is_some(), it.item.vcpus, it.item.memory_mib);
        size(a).cmp(&size(b)).then_with(|| a.item.id.cmp(&b.item.id))
    });
    Ok(offered)
}

fn flavor_unfit(recipe: &Recipe, flavor: &Flavor) -> Option<Unfit> {
    let least = recipe.minimum;
    let reasons = [
        (Unfit::Architecture, !recipe.architectures.contains(&flavor.architecture)),
        (Unfit::TooFewVcpus, flavor.vcpus < least.vcpus),
        (Unfit::TooLittleMemory, flavor.memory_mib < least.memory_mib),
        (Unfit::SoldOut, flavor.stock == Stock::SoldOut),
        (Unfit::Retired, flavor.stock == Stock::Retired),
    ];
    reasons.into_iter().find(|(_, applies)| *applies).map(|(reason, _)| reason)
}

/// The images for a flavor: fitting ones first, otherwise as the cloud lists them.
///
/// # Errors
/// The cloud's.
pub async fn images(provider: &Arc<dyn Provider>, recipe: &Recipe, flavor: &Flavor) -> Answer<Vec<Offered<Image>>> {
    let unfit = |image: &Image| {
        let reasons = [
            (Unfit::Architecture, image.architecture != flavor.architecture),
            (Unfit::System, !recipe.runs_on(&image.system)),
            (Unfit::TooLittleMemory, image.minimum_memory_mib > flavor.memory_mib),
        ];
        reasons.into_iter().find(|(_, applies)| *applies).map(|(reason, _)| reason)
    };
    let images = provider.images(flavor).await?;
    let mut offered: Vec<_> = images.into_iter().map(|item| Offered { unfit: unfit(&item), item }).collect();
    offered.sort_by_key(|it| it.unfit.is_some());
    Ok(offered)
}

/// A subnet with the network it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The network.
    pub network: Named,
    /// The subnet.
    pub subnet: Subnet,
}

/// The subnets of all networks: fitting ones first.
///
/// # Errors
/// The cloud's.
pub async fn subnets(provider: &Arc<dyn Provider>, zone: &str) -> Answer<Vec<Offered<Place>>> {
    let networks = provider.networks().await?;
    let mut offered: Vec<_> = networks.iter().flat_map(|network| of_network(network, zone)).collect();
    offered.sort_by_key(|it| it.unfit.is_some());
    Ok(offered)
}

fn of_network<'a>(network: &'a Network, zone: &'a str) -> impl Iterator<Item = Offered<Place>> + 'a {
    network.subnets.iter().map(move |subnet| {
        let reasons = [
            (Unfit::OtherZone, subnet.zone.as_deref().is_some_and(|own| own != zone)),
            (Unfit::NoDhcp, !subnet.dhcp),
            (Unfit::NoAddress, subnet.free_addresses == Some(0)),
        ];
        let unfit = reasons.into_iter().find(|(_, applies)| *applies).map(|(reason, _)| reason);
        let network = Named { id: network.id.clone(), name: network.name.clone() };
        Offered { item: Place { network, subnet: subnet.clone() }, unfit }
    })
}

/// Why a security group cannot be chosen.
pub fn group_unfit(group: &SecurityGroup) -> Option<Unfit> {
    (group.lets_out == Some(false)).then_some(Unfit::NoWayOut)
}

/// The recipe's ports that a security group keeps closed to the world; empty where the cloud did not tell.
pub fn closed_ports(recipe: &Recipe, group: &SecurityGroup) -> Vec<u16> {
    let Some(open) = &group.open_ports else { return Vec::new() };
    let is_open = |port: &u16| open.iter().any(|range| (range.first..=range.last).contains(port));
    recipe.ports.iter().copied().filter(|port| !is_open(port)).collect()
}

/// What was chosen, by ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// The server's name: letters, digits and `-`, at most 59 characters.
    pub name: String,
    /// The zone.
    pub zone: String,
    /// The flavor.
    pub flavor: String,
    /// The image.
    pub image: String,
    /// System disk, GiB; `None`: what the recipe needs, at least 40.
    #[serde(default)]
    pub disk_gib: Option<u32>,
    /// The subnet.
    pub subnet: String,
    /// The security group.
    pub security_group: String,
    /// A public address of its own, and how fast: Mbit/s; `None`: none.
    #[serde(default)]
    pub public_address_mbit: Option<u16>,
    /// The key pair's name.
    #[serde(default)]
    pub key_pair: Option<String>,
}

/// Looks up what was chosen at the cloud, and asks for its price: ids become what they name.
///
/// # Errors
/// The cloud's; [`Trouble::Choice`] for what is not there.
pub async fn look_up(
    provider: &Arc<dyn Provider>,
    recipe: &Recipe,
    chosen: &Chosen,
    password: bool,
) -> Answer<ServerChoice> {
    let missing = |(zh, en): (&str, &str), id: &str| {
        let why = Wording::both(format!("没有{zh} `{id}`"), format!("there is no {en} `{id}`"));
        CloudError::new(Trouble::Choice, why)
    };
    if !is_server_name(&chosen.name) {
        let why = (
            "服务器名称须有 1 到 59 个字母、数字和 `-`，并以字母开头",
            "a server's name has 1 to 59 letters, digits and `-`, and begins with a letter",
        );
        return Err(CloudError::new(Trouble::Choice, why));
    }
    let flavors = provider.flavors(&chosen.zone).await?;
    let flavor = flavors.into_iter().find(|it| it.id == chosen.flavor);
    let flavor = flavor.ok_or_else(|| missing(("规格", "flavor"), &chosen.flavor))?;
    let images = provider.images(&flavor).await?;
    let image =
        images.into_iter().find(|it| it.id == chosen.image).ok_or_else(|| missing(("镜像", "image"), &chosen.image))?;
    let places = subnets(provider, &chosen.zone).await?;
    let place = places.into_iter().find(|it| it.item.subnet.id == chosen.subnet);
    let place = place.ok_or_else(|| missing(("子网", "subnet"), &chosen.subnet))?.item;
    let groups = provider.security_groups(&place.network.id).await?;
    let group = groups.into_iter().find(|it| it.id == chosen.security_group);
    let group = group.ok_or_else(|| missing(("安全组", "security group"), &chosen.security_group))?;
    if group_unfit(&group).is_some() {
        let why = Wording::both(
            format!(
                "安全组 {} 不允许任何出方向访问：服务器既读不到用户数据，也访问不到本服务。请换一个，或放通出方向",
                group.name
            ),
            format!(
                "the security group {} lets nothing out: a server in it reads neither its user-data nor this service. Choose \
                 another one, or give it a rule for traffic going out",
                group.name
            ),
        );
        return Err(CloudError::new(Trouble::Choice, why));
    }
    let usual = USUAL_DISK_GIB.max(recipe.minimum.disk_gib).max(image.minimum_disk_gib);
    let mut choice = ServerChoice {
        name: chosen.name.clone(),
        zone: chosen.zone.clone(),
        flavor,
        image,
        disk_gib: chosen.disk_gib.unwrap_or(usual),
        network: place.network,
        subnet: Named { id: place.subnet.id, name: place.subnet.name },
        security_group: Named { id: group.id, name: group.name },
        public_address_mbit: chosen.public_address_mbit,
        key_pair: chosen.key_pair.clone(),
        password,
        price: None,
    };
    choice.price = price(provider, &choice).await;
    Ok(choice)
}

/// A zone has no such flavor.
pub fn no_flavor(zone: &str, id: &str) -> CloudError {
    let why = Wording::both(format!("{zone} 没有规格 {id}"), format!("{zone} has no flavor {id}"));
    CloudError::new(Trouble::Choice, why)
}

/// A price that cannot be asked for keeps nobody from deploying.
async fn price(provider: &Arc<dyn Provider>, choice: &ServerChoice) -> Option<Price> {
    match provider.price(&order(choice, SecretString::from(""), BTreeMap::new())).await {
        Ok(price) => price,
        Err(error) => {
            tracing::info!("a price could not be asked for: {error}");
            None
        }
    }
}

/// The order that a choice amounts to.
pub fn order(choice: &ServerChoice, user_data: SecretString, tags: BTreeMap<String, String>) -> ServerOrder {
    ServerOrder {
        name: choice.name.clone(),
        zone: choice.zone.clone(),
        flavor: choice.flavor.id.clone(),
        image: choice.image.id.clone(),
        root_device: choice.image.root_device.clone(),
        disk_gib: choice.disk_gib,
        network: choice.network.id.clone(),
        subnet: choice.subnet.id.clone(),
        security_group: choice.security_group.id.clone(),
        public_address_mbit: choice.public_address_mbit,
        key_pair: choice.key_pair.clone(),
        user_data,
        tags,
    }
}

fn is_server_name(name: &str) -> bool {
    let fits = |char: char| char.is_ascii_alphanumeric() || char == '-';
    (1..=59).contains(&name.len())
        && name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.chars().all(fits)
}
