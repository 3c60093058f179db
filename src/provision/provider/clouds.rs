//! Which clouds there are, and how each is opened for a customer.

use std::sync::Arc;

use crate::{
    base::clock::Clock,
    provision::plan::{Cloud, Place},
};

use super::{
    Agency, Answer, Bond, CloudError, Credentials, Entry, Provider, Tools, Trouble, Vendor,
    ec2::{self, CustomClouds, Ec2},
    huawei::{self, Huawei, Region, Site},
    sessions::Sessions,
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
    sessions: Option<Arc<Sessions>>,
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

    /// With `opener` for `cloud`, in the place of what is built in.
    #[must_use]
    pub fn with(mut self, cloud: Cloud, opener: Arc<dyn Opener>) -> Self {
        self.others.push((cloud, opener));
        self
    }

    /// With agencies for customers of Huawei Cloud to trust: those that `vendor` takes on.
    #[must_use]
    pub fn trusting(mut self, vendor: Vendor, clock: Arc<dyn Clock>) -> Self {
        self.sessions = Some(Arc::new(Sessions::new(vendor, clock)));
        self
    }

    /// The account that customers of this cloud can trust in the place of giving keys; `None`: they cannot.
    pub fn vendor(&self, cloud: Cloud) -> Option<&Vendor> {
        self.sessions.as_ref().filter(|_| cloud == Cloud::Huawei).map(|it| &it.vendor)
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

impl Clouds {
    /// The cloud at `place`, as what a customer gave opens it. `bond` is that of the customer's license.
    ///
    /// # Errors
    /// As [`Self::open`]; [`Trouble::Endpoint`] where agencies are not taken, and what [`Provider::assume`] says.
    pub async fn enter(&self, place: &Place, entry: &Entry, bond: &Bond) -> Answer<Arc<dyn Provider>> {
        let credentials = match entry {
            Entry::Keys(credentials) => credentials.clone(),
            Entry::Agency(agency) => self.temporary(place, agency, bond).await?,
        };
        self.open(place, credentials)
    }

    /// Forgets the session of an agency that the cloud takes no more; whether there was one.
    pub fn forget(&self, place: &Place, entry: &Entry, bond: &Bond) -> bool {
        match (entry, &self.sessions) {
            (Entry::Agency(agency), Some(sessions)) => sessions.forget(place, agency, bond),
            _ => false,
        }
    }

    async fn temporary(&self, place: &Place, agency: &Agency, bond: &Bond) -> Answer<Credentials> {
        // The merchant's account is at the public cloud, and nothing that it signs goes anywhere else.
        let known = place.cloud == Cloud::Huawei && place.endpoint.is_none();
        let Some(sessions) = self.sessions.as_ref().filter(|_| known) else {
            return Err(CloudError::new(Trouble::Endpoint, "agencies are not taken here: enter keys"));
        };
        if let Some(credentials) = sessions.find(place, agency, bond) {
            return Ok(credentials);
        }
        let region = Region::parse(&place.region).ok_or_else(|| unknown(place))?.with_tokens();
        let there = Place { region: region.id().to_owned(), ..place.clone() };
        let session = self.open(&there, sessions.vendor.credentials.clone())?.assume(agency, bond).await?;
        let credentials = session.credentials.clone();
        sessions.keep(place, agency, bond, session);
        Ok(credentials)
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
            session_tokens: place.session_tokens,
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
        Some(compute) => {
            let custom = ec2::Custom::unknown(compute, &place.region);
            let custom = ec2::Custom { session_tokens: place.session_tokens, ..custom };
            ec2::Endpoint::custom(&custom, reach.custom)?
        }
        None => ec2::Endpoint::known(&place.region).ok_or_else(|| unknown(place))?,
    };
    Ok(Arc::new(Ec2::new(reach.tools.clone(), endpoint, credentials)?))
}
