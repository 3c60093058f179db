//! Which clouds there are, and how each is opened for a customer.

use std::sync::Arc;

use crate::provision::plan::{Cloud, Place};

use super::{
    Answer, CloudError, Credentials, Provider, Tools, Trouble,
    ec2::{self, CustomClouds, Ec2},
    huawei::{self, Huawei, Region, Site},
    simulated::Simulated,
};

/// What real clouds are reached with.
#[derive(Debug, Clone)]
struct Reach {
    tools: Tools,
    custom: CustomClouds,
}

/// The clouds of this installation. Clones share what the simulated one made.
#[derive(Debug, Clone, Default)]
pub struct Clouds {
    real: Option<Reach>,
    simulated: Option<Arc<Simulated>>,
    others: Vec<(Cloud, Arc<dyn Opener>)>,
}

/// What opens a cloud that is not built in.
pub trait Opener: Send + Sync + std::fmt::Debug {
    /// The cloud at `place`, as these credentials see it.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] for a place that is not offered.
    fn open(&self, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>>;
}

impl Clouds {
    /// With the real clouds; `custom` is the operator's word on endpoints that are in no list.
    #[must_use]
    pub fn reaching(mut self, tools: Tools, custom: CustomClouds) -> Self {
        self.real = Some(Reach { tools, custom });
        self
    }

    /// With a cloud that is simulated, and says so.
    #[must_use]
    pub fn simulating(mut self, simulated: Simulated) -> Self {
        self.simulated = Some(Arc::new(simulated));
        self
    }

    /// Lets simulated machines go on that the process before this one played; see [`Simulated::go_on`].
    pub fn go_on(&self) {
        if let Some(simulated) = &self.simulated {
            simulated.go_on();
        }
    }

    /// With `opener` for `cloud`, in the place of what is built in.
    #[must_use]
    pub fn with(mut self, cloud: Cloud, opener: Arc<dyn Opener>) -> Self {
        self.others.push((cloud, opener));
        self
    }

    /// The clouds that a customer can choose.
    pub fn offered(&self) -> Vec<Cloud> {
        let real = self.real.iter().flat_map(|_| [Cloud::Huawei, Cloud::Ec2]);
        let built_in = real.chain(self.simulated.iter().map(|_| Cloud::Simulated));
        let mut offered: Vec<Cloud> = built_in.chain(self.others.iter().map(|(cloud, _)| *cloud)).collect();
        offered.dedup();
        offered
    }

    /// Whether customers may name endpoints that are in no list.
    pub fn takes_endpoints(&self) -> bool {
        self.real.as_ref().is_some_and(|reach| reach.custom != CustomClouds::Refused)
    }

    /// The regions of a cloud, as customers choose them.
    pub fn regions(&self, cloud: Cloud) -> Vec<String> {
        match cloud {
            Cloud::Huawei => Region::all().map(|region| region.id().to_owned()).collect(),
            Cloud::Ec2 => ec2::known_places().collect(),
            Cloud::Simulated => vec!["simulated-1".to_owned()],
            Cloud::Own => Vec::new(),
        }
    }

    /// The cloud at `place`, as these credentials see it.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] for a place that is not offered.
    pub fn open(&self, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
        if let Some((_, opener)) = self.others.iter().find(|(cloud, _)| *cloud == place.cloud) {
            return opener.open(place, credentials);
        }
        match (place.cloud, &self.real, &self.simulated) {
            (Cloud::Huawei, Some(reach), _) => huawei(reach, place, credentials),
            (Cloud::Ec2, Some(reach), _) => ec2(reach, place, credentials),
            (Cloud::Simulated, _, Some(simulated)) => Ok(simulated.as_seen_by(credentials)),
            (cloud, ..) => Err(CloudError::new(Trouble::Endpoint, &format!("the cloud `{cloud}` is not offered here"))),
        }
    }
}

fn unknown(place: &Place) -> CloudError {
    CloudError::new(Trouble::Endpoint, &format!("{} has no region `{}`", place.cloud, place.region))
}

fn huawei(reach: &Reach, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
    let endpoint = match &place.endpoint {
        Some(_) if reach.custom == CustomClouds::Refused => {
            return Err(CloudError::new(Trouble::Endpoint, "endpoints of one's own are not allowed here"));
        }
        Some(template) => huawei::Endpoint::custom(huawei::Custom {
            template: template.clone(),
            region: place.region.clone(),
            sts: false,
            bss: false,
            session_tokens: false,
        })?,
        None => {
            let region = Region::parse(&place.region).ok_or_else(|| unknown(place))?;
            // Accounts of the Chinese site live in Chinese regions, and prices are told by the account's own site.
            let site = if place.region.starts_with("cn-") { Site::China } else { Site::International };
            huawei::Endpoint::public(region, site)
        }
    };
    Ok(Arc::new(Huawei::new(reach.tools.clone(), endpoint, credentials)?))
}

fn ec2(reach: &Reach, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
    let endpoint = match &place.endpoint {
        Some(compute) => ec2::Endpoint::custom(&ec2::Custom::unknown(compute, &place.region), reach.custom)?,
        None => ec2::Endpoint::known(&place.region).ok_or_else(|| unknown(place))?,
    };
    Ok(Arc::new(Ec2::new(reach.tools.clone(), endpoint, credentials)?))
}
