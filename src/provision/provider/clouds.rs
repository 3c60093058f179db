//! Which clouds there are, and how each is opened for a customer.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    base::{clock::Clock, text::Wording},
    provision::plan::{Cloud, Place},
};

use super::{
    Agency, Answer, Bond, CloudError, Credentials, Entry, Provider, Tools, Trouble, Vendor,
    ec2::{self, CustomClouds, Ec2, named::Named},
    huawei::{self, Huawei, Region, Site},
    sessions::Sessions,
    simulated::Simulated,
};

/// What real clouds are reached with.
#[derive(Debug, Clone)]
struct Reach {
    tools: Tools,
    custom: CustomClouds,
    idempotent: Vec<String>,
    named: Vec<Named>,
}

impl Reach {
    fn honours_tokens(&self, endpoint: &str) -> bool {
        let plain = |text: &str| text.trim_end_matches('/').to_owned();
        self.idempotent.iter().any(|known| plain(known) == plain(endpoint))
    }
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

    /// See [`Clouds::is_idempotent`].
    fn is_idempotent(&self) -> bool {
        false
    }
}

impl Clouds {
    /// With the real clouds. `named` are those of the operator beside the known ones, `custom` is the operator's word on endpoints that are in no list, `idempotent` names those of
    /// them where the same client token is the same server.
    #[must_use]
    pub fn reaching(mut self, tools: Tools, custom: CustomClouds, idempotent: Vec<String>, named: Vec<Named>) -> Self {
        self.real = Some(Reach { tools, custom, idempotent, named });
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
            Cloud::Ec2 => self.named().map(|it| it.id.clone()).chain(ec2::known_places()).collect(),
            Cloud::Simulated => vec!["simulated-1".to_owned()],
            Cloud::Own => Vec::new(),
        }
    }

    fn named(&self) -> impl Iterator<Item = &Named> {
        self.real.iter().flat_map(|reach| &reach.named)
    }

    /// The rights that a deployment needs in a region, as the cloud's policies are written; `None` where none are needed.
    pub fn policy(&self, cloud: Cloud, region: &str) -> Option<Value> {
        match cloud {
            Cloud::Huawei => Some(huawei::policy::least_privilege()),
            Cloud::Ec2 if ec2::Endpoint::aws(region).is_some() => Some(ec2::policy::least_privilege(region)),
            Cloud::Ec2 => Some(ec2::policy::plain()),
            Cloud::Simulated => Some(json!({
                "Version": "simulated",
                "Statement": [{ "Effect": "Allow", "Action": ["simulated:servers:*"], "Resource": "*" }],
            })),
            Cloud::Own => None,
        }
    }

    /// Whether an order that may have been sent can be sent again at once: known of this cloud, or the operator's word, never
    /// guessed.
    pub fn is_idempotent(&self, place: &Place) -> bool {
        if let Some((_, opener)) = self.others.iter().find(|(cloud, _)| *cloud == place.cloud) {
            return opener.is_idempotent();
        }
        match (place.cloud, &self.real) {
            (Cloud::Huawei, Some(reach)) => {
                place.endpoint.as_ref().is_none_or(|endpoint| reach.honours_tokens(endpoint))
            }
            (Cloud::Ec2, Some(reach)) => ec2_endpoint(reach, place).is_ok_and(|endpoint| endpoint.is_idempotent()),
            (Cloud::Simulated, _) => true,
            (Cloud::Own, _) | (_, None) => false,
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
            (cloud, ..) => {
                let why = Wording::both(
                    format!("这里不提供云 `{cloud}`"),
                    format!("the cloud `{cloud}` is not offered here"),
                );
                Err(CloudError::new(Trouble::Endpoint, why))
            }
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
            return Err(CloudError::new(
                Trouble::Endpoint,
                ("这里不接受委托：请填写访问密钥", "agencies are not taken here: enter keys"),
            ));
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
    let Place { cloud, region, .. } = place;
    let why = Wording::both(format!("{cloud} 没有区域 `{region}`"), format!("{cloud} has no region `{region}`"));
    CloudError::new(Trouble::Endpoint, why)
}

fn huawei(reach: &Reach, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
    let endpoint = match &place.endpoint {
        Some(_) if reach.custom == CustomClouds::Refused => {
            return Err(CloudError::new(
                Trouble::Endpoint,
                ("这里不允许自填终端节点", "endpoints of one's own are not allowed here"),
            ));
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

fn ec2_endpoint(reach: &Reach, place: &Place) -> Answer<ec2::Endpoint> {
    let Some(compute) = &place.endpoint else {
        let named = reach.named.iter().find(|it| it.id == place.region).map(|it| it.endpoint.clone());
        return named.or_else(|| ec2::Endpoint::known(&place.region)).ok_or_else(|| unknown(place));
    };
    let mut custom = ec2::Custom::unknown(compute, &place.region);
    custom.session_tokens = place.session_tokens;
    custom.abilities.idempotent = reach.honours_tokens(compute);
    ec2::Endpoint::custom(&custom, reach.custom)
}

fn ec2(reach: &Reach, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
    Ok(Arc::new(Ec2::new(reach.tools.clone(), ec2_endpoint(reach, place)?, credentials)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{clock::SystemClock, entropy::SystemEntropy, networks::Networks},
        http::{Client, Guard},
    };

    #[test]
    fn client_tokens_are_trusted_where_they_are_known_to_be_honoured() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tools = Tools {
            http: Client::new(Guard::new(Networks::default())).unwrap(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let sound = ["https://sound.example.com:8773/services/compute", "https://{service}.sound.example.com"];
        let sound = sound.map(str::to_owned).to_vec();
        let clouds = Clouds::default().reaching(tools, CustomClouds::Https, sound, Vec::new());
        let trusts = |cloud, region: &str, endpoint: Option<&str>| {
            let (region, endpoint) = (region.to_owned(), endpoint.map(str::to_owned));
            clouds.is_idempotent(&Place { cloud, region, endpoint, session_tokens: false })
        };
        for (cloud, region, endpoint, trusted) in [
            (Cloud::Ec2, "us-east-1", None, true),
            (Cloud::Ec2, "cn-north-1", None, true),
            (Cloud::Ec2, "outscale-eu-west-2", None, false),
            (Cloud::Ec2, "nowhere-1", None, false),
            (Cloud::Ec2, "us-east-1", Some("https://cloud.example.com/"), false),
            (Cloud::Ec2, "x", Some("https://sound.example.com:8773/services/compute/"), true),
            (Cloud::Ec2, "x", Some("https://sound.example.com:8774/services/compute/"), false),
            (Cloud::Huawei, "cn-north-4", None, true),
            (Cloud::Huawei, "eu-de", Some("https://{service}.{region}.example.com"), false),
            (Cloud::Huawei, "eu-de", Some("https://{service}.sound.example.com"), true),
            (Cloud::Own, "", None, false),
        ] {
            assert_eq!(trusts(cloud, region, endpoint), trusted, "{cloud} {region} {endpoint:?}");
        }
        let place = Place { cloud: Cloud::Ec2, region: "us-east-1".to_owned(), endpoint: None, session_tokens: false };
        assert!(!Clouds::default().is_idempotent(&place), "clouds that are not offered");
    }
}
