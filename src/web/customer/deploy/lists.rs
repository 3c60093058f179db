//! What a cloud is asked for each step.

use std::sync::Arc;

use crate::provision::{
    offer::{self, Offered, Place, Unfit},
    provider::{Answer, CloudError, Flavor, Image, KeyPair, Provider, SecurityGroup, Trouble, Zone},
    recipe::Recipe,
};

/// Networks whose security groups are asked for.
const NETWORKS: usize = 8;

/// A cloud.
pub type Cloud = Arc<dyn Provider>;

/// Zones, and the flavors of one of them.
pub struct Servers {
    /// Those where servers can be made.
    pub zones: Vec<Zone>,
    /// The one whose flavors these are.
    pub zone: String,
    /// Its flavors, fitting ones first.
    pub flavors: Vec<Offered<Flavor>>,
}

/// The flavors of `zone`; of the first one when there is no such zone.
///
/// # Errors
/// The cloud's.
pub async fn servers(cloud: &Cloud, recipe: &Recipe, zone: &str) -> Answer<Servers> {
    let zones: Vec<Zone> = cloud.zones().await?.into_iter().filter(|it| it.available).collect();
    let zone = zones.iter().find(|it| it.id == zone).or_else(|| zones.first());
    let Some(zone) = zone.map(|it| it.id.clone()) else {
        return Err(CloudError::new(
            Trouble::Choice,
            ("该区域没有可以创建服务器的可用区", "the region has no zone where servers can be made"),
        ));
    };
    let flavors = offer::flavors(cloud, recipe, &zone).await?;
    Ok(Servers { zones, zone, flavors })
}

/// A flavor by its id, seen through the recipe.
///
/// # Errors
/// The cloud's; [`Trouble::Choice`] when there is none.
pub async fn flavor(cloud: &Cloud, recipe: &Recipe, zone: &str, id: &str) -> Answer<Offered<Flavor>> {
    let found = offer::flavors(cloud, recipe, zone).await?.into_iter().find(|it| it.item.id == id);
    found.ok_or_else(|| offer::no_flavor(zone, id))
}

/// The images for a flavor.
///
/// # Errors
/// The cloud's; [`Trouble::Choice`] when there is no such flavor.
pub async fn images(cloud: &Cloud, recipe: &Recipe, zone: &str, id: &str) -> Answer<Vec<Offered<Image>>> {
    let flavor = flavor(cloud, recipe, zone, id).await?;
    offer::images(cloud, recipe, &flavor.item).await
}

/// A security group, with the networks in which it can be used.
pub struct Group {
    /// The group.
    pub item: SecurityGroup,
    /// Ids of the networks.
    pub networks: Vec<String>,
    /// Ports of the recipe that it keeps closed.
    pub closed: Vec<u16>,
    /// Why it cannot be chosen.
    pub unfit: Option<Unfit>,
}

/// Subnets and security groups.
pub struct Networks {
    /// The subnets of all networks, fitting ones first.
    pub subnets: Vec<Offered<Place>>,
    /// The groups of the networks that have a fitting subnet.
    pub groups: Vec<Group>,
}

/// Subnets and security groups for a zone.
///
/// # Errors
/// The cloud's.
pub async fn networks(cloud: &Cloud, recipe: &Recipe, zone: &str) -> Answer<Networks> {
    let subnets = offer::subnets(cloud, zone).await?;
    let mut networks: Vec<&str> = Vec::new();
    for place in subnets.iter().filter(|it| it.unfit.is_none()) {
        if !networks.contains(&place.item.network.id.as_str()) {
            networks.push(&place.item.network.id);
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    for network in networks.into_iter().take(NETWORKS) {
        for item in cloud.security_groups(network).await? {
            match groups.iter_mut().find(|it| it.item.id == item.id) {
                Some(known) => known.networks.push(network.to_owned()),
                None => {
                    let closed = offer::closed_ports(recipe, &item);
                    let unfit = offer::group_unfit(&item);
                    groups.push(Group { item, networks: vec![network.to_owned()], closed, unfit });
                }
            }
        }
    }
    groups.sort_by_key(|it| (it.unfit.is_some(), it.closed.len()));
    Ok(Networks { subnets, groups })
}

/// The key pairs.
///
/// # Errors
/// The cloud's.
pub async fn key_pairs(cloud: &Cloud) -> Answer<Vec<KeyPair>> {
    cloud.key_pairs().await
}
