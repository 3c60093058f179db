//! Which clouds there are, and how each is opened for a customer.

use std::sync::Arc;

use crate::{
    base::{clock::Clock, entropy::Entropy},
    http::Client,
    provision::plan::{Cloud, Place},
};

use super::{
    Answer, CloudError, Credentials, Provider, Trouble,
    ec2::{self, CustomClouds, Ec2},
    huawei::{self, Huawei, Region, Site},
    simulated::Simulated,
};

/// What real clouds are reached with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Sends requests, to allowed addresses only.
    pub http: Client,
    /// When signatures are made.
    pub clock: Arc<dyn Clock>,
    /// How long repeats wait.
    pub entropy: Arc<dyn Entropy>,
    /// The operator's word on endpoints that are in no list.
    pub custom: CustomClouds,
    /// Those of them where the same client token is the same server.
    pub idempotent: Vec<String>,
}

impl Tools {
    fn honours_tokens(&self, endpoint: &str) -> bool {
        let plain = |text: &str| text.trim_end_matches('/').to_owned();
        self.idempotent.iter().any(|known| plain(known) == plain(endpoint))
    }
}

/// The clouds of this installation. Clones share what the simulated one made.
#[derive(Debug, Clone, Default)]
pub struct Clouds {
    real: Option<Tools>,
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

    /// See [`Clouds::is_idempotent`].
    fn is_idempotent(&self) -> bool {
        false
    }
}

impl Clouds {
    /// With the real clouds.
    #[must_use]
    pub fn reaching(mut self, tools: Tools) -> Self {
        self.real = Some(tools);
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
        self.real.as_ref().is_some_and(|tools| tools.custom != CustomClouds::Refused)
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

    /// Whether an order that may have been sent can be sent again at once: known of this cloud, or the operator's word, never
    /// guessed.
    pub fn is_idempotent(&self, place: &Place) -> bool {
        if let Some((_, opener)) = self.others.iter().find(|(cloud, _)| *cloud == place.cloud) {
            return opener.is_idempotent();
        }
        match (place.cloud, &self.real) {
            (Cloud::Huawei, Some(tools)) => {
                place.endpoint.as_ref().is_none_or(|endpoint| tools.honours_tokens(endpoint))
            }
            (Cloud::Ec2, Some(tools)) => ec2_endpoint(tools, place).is_ok_and(|endpoint| endpoint.is_idempotent()),
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
            (Cloud::Huawei, Some(tools), _) => huawei(tools, place, credentials),
            (Cloud::Ec2, Some(tools), _) => ec2(tools, place, credentials),
            (Cloud::Simulated, _, Some(simulated)) => Ok(simulated.as_seen_by(credentials)),
            (cloud, ..) => Err(CloudError::new(Trouble::Endpoint, &format!("the cloud `{cloud}` is not offered here"))),
        }
    }
}

fn unknown(place: &Place) -> CloudError {
    CloudError::new(Trouble::Endpoint, &format!("{} has no region `{}`", place.cloud, place.region))
}

fn huawei(tools: &Tools, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
    let endpoint = match &place.endpoint {
        Some(_) if tools.custom == CustomClouds::Refused => {
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
    let Tools { http, clock, entropy, .. } = tools.clone();
    Ok(Arc::new(Huawei::new(huawei::Tools { http, clock, entropy }, endpoint, credentials)?))
}

fn ec2_endpoint(tools: &Tools, place: &Place) -> Answer<ec2::Endpoint> {
    let Some(compute) = &place.endpoint else {
        return ec2::Endpoint::known(&place.region).ok_or_else(|| unknown(place));
    };
    let mut custom = ec2::Custom::unknown(compute, &place.region);
    custom.abilities.idempotent = tools.honours_tokens(compute);
    ec2::Endpoint::custom(&custom, tools.custom)
}

fn ec2(tools: &Tools, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
    let endpoint = ec2_endpoint(tools, place)?;
    let Tools { http, clock, entropy, .. } = tools.clone();
    Ok(Arc::new(Ec2::new(ec2::Tools { http, clock, entropy }, endpoint, credentials)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{clock::SystemClock, entropy::SystemEntropy, networks::Networks},
        http::Guard,
    };

    #[test]
    fn client_tokens_are_trusted_where_they_are_known_to_be_honoured() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tools = Tools {
            http: Client::new(Guard::new(Networks::default())).unwrap(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            custom: CustomClouds::Https,
            idempotent: vec![
                "https://sound.example.com:8773/services/compute".to_owned(),
                "https://{service}.sound.example.com".to_owned(),
            ],
        };
        let clouds = Clouds::default().reaching(tools);
        let trusts = |cloud, region: &str, endpoint: Option<&str>| {
            clouds.is_idempotent(&Place { cloud, region: region.to_owned(), endpoint: endpoint.map(str::to_owned) })
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
        let place = Place { cloud: Cloud::Ec2, region: "us-east-1".to_owned(), endpoint: None };
        assert!(!Clouds::default().is_idempotent(&place), "clouds that are not offered");
    }
}
