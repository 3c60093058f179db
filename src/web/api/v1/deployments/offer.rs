//! `POST /deployments/offer`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    provision::{
        offer::{self, Offered, Unfit},
        provider::{Answer, Flavor},
        recipe::Recipe,
    },
    usecase::deployment::start::Refusal,
    web::{
        api::{licensed::Licensed, openapi::DeployProblems, submit::Submitted},
        deployment::{self, Denied},
        problem::Problem,
    },
};

use super::{Credentials, Place, holder};

/// How far somebody has chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Where.
    place: Place,
    /// What opens the account.
    credentials: Credentials,
    /// The zone, once chosen: then flavors and subnets are offered.
    #[serde(default)]
    zone: Option<String>,
    /// The flavor, once chosen: then images are offered.
    #[serde(default)]
    flavor: Option<String>,
    /// The network, once chosen: then security groups are offered.
    #[serde(default)]
    network: Option<String>,
}

/// What can be chosen next. What does not fit says why in `unfit`.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Offer {
    /// The account that the credentials open.
    account: String,
    /// Zones.
    zones: Vec<Choice>,
    /// Flavors of the zone, fitting ones first.
    flavors: Vec<Choice>,
    /// Images for the flavor, fitting ones first.
    images: Vec<Choice>,
    /// Subnets, with the network each belongs to.
    subnets: Vec<Choice>,
    /// Security groups of the network.
    security_groups: Vec<Choice>,
    /// Key pairs.
    key_pairs: Vec<Choice>,
}

/// Something to choose.
#[derive(Debug, Serialize, ToSchema)]
pub struct Choice {
    /// Its id.
    id: String,
    /// What it is, for people.
    name: String,
    /// The network of a subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    /// Why it cannot be chosen; `null`: it fits.
    #[schema(required, example = "sold_out")]
    unfit: Option<String>,
    /// Ports of the software that a security group keeps closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    closed_ports: Vec<u16>,
}

impl Choice {
    fn new(id: &str, name: String, unfit: Option<Unfit>) -> Self {
        let unfit = unfit.and_then(|it| serde_json::to_value(it).ok()?.as_str().map(str::to_owned));
        Self { id: id.to_owned(), name, network: None, unfit, closed_ports: Vec::new() }
    }
}

/// What a cloud offers.
///
/// Asked step by step: with a zone it offers flavors and subnets, with a flavor images, with a network security groups.
#[utoipa::path(
    post, path = "/deployments/offer", tag = "deployments", request_body = Asked, security(("license" = [])),
    responses((status = 200, description = "What can be chosen.", body = Offer), DeployProblems),
)]
pub async fn offer_servers(
    State(app): State<App>,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<Json<Offer>, Problem> {
    let asked: Asked = submitted.json()?;
    let license = holder(&app, licensed).await?.id;
    let recipe = deployment::recipe(&app, license).await?.ok_or(Denied::Refused(Refusal::NoRecipe))?;
    let place = asked.place.try_into()?;
    let (zone, flavor, network) = (asked.zone, asked.flavor, asked.network);
    let question = |provider| async move { gather(&provider, &recipe, zone, flavor, network).await };
    let offer = deployment::ask(&app, license, &place, &asked.credentials.try_into()?, question).await;
    offer.map(Json).map_err(|error| deployment::cloud_problem(&error))
}

type Cloud = std::sync::Arc<dyn crate::provision::provider::Provider>;

async fn gather(
    provider: &Cloud,
    recipe: &Recipe,
    zone: Option<String>,
    flavor: Option<String>,
    network: Option<String>,
) -> Answer<Offer> {
    let mut offer = Offer { account: provider.identity().await?.account, ..Offer::default() };
    let zones = provider.zones().await?;
    offer.zones = zones.iter().filter(|it| it.available).map(|it| Choice::new(&it.id, it.id.clone(), None)).collect();
    let keys = provider.key_pairs().await?;
    offer.key_pairs = keys.into_iter().map(|it| Choice::new(&it.name, it.fingerprint, None)).collect();
    if let Some(zone) = &zone {
        let flavors = offer::flavors(provider, recipe, zone).await?;
        offer.flavors = flavors.iter().map(|it| Choice::new(&it.item.id, size(&it.item), it.unfit)).collect();
        let subnets = offer::subnets(provider, zone).await?;
        offer.subnets = subnets
            .into_iter()
            .map(|Offered { item, unfit }| {
                let name = format!("{} {} / {}", item.network.name, item.subnet.name, item.subnet.cidr);
                Choice { network: Some(item.network.id), ..Choice::new(&item.subnet.id, name, unfit) }
            })
            .collect();
        if let Some(wanted) = flavor {
            let flavor = flavors.into_iter().map(|it| it.item).find(|it| it.id == wanted);
            let missing = || offer::no_flavor(zone, &wanted);
            let images = offer::images(provider, recipe, &flavor.ok_or_else(missing)?).await?;
            offer.images = images.into_iter().map(|it| Choice::new(&it.item.id, it.item.name, it.unfit)).collect();
        }
    }
    if let Some(network) = network {
        let groups = provider.security_groups(&network).await?;
        let closed = |group| offer::closed_ports(recipe, group);
        offer.security_groups = groups
            .iter()
            .map(|it| Choice {
                closed_ports: closed(it),
                ..Choice::new(&it.id, it.name.clone(), offer::group_unfit(it))
            })
            .collect();
    }
    Ok(offer)
}

/// A flavor and its size, for people.
pub fn size(flavor: &Flavor) -> String {
    format!("{} · {} vCPU · {} MiB", flavor.id, flavor.vcpus, flavor.memory_mib)
}
