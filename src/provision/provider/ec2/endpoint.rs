//! Where an EC2-compatible cloud is, and what it can do: data, never guessed from a region's name.

use std::borrow::Cow;

use super::market::Market;
use crate::{
    http::Url,
    provision::provider::error::{CloudError, Trouble},
};

/// AWS regions; those of the China partition begin with `cn-` and want credentials of their own.
pub const AWS_REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Regions of 3DS OUTSCALE.
pub const OUTSCALE_REGIONS: &[&str] = &["ap-northeast-1", "cloudgouv-eu-west-1", "eu-west-2", "us-east-2", "us-west-1"];

/// Where AWS's price list is asked for all regions, and for those of the China partition.
const PRICES: &str = "us-east-1";
const CHINA_PRICES: &str = "cn-northwest-1";

/// What a cloud can do beyond the core that all have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// Metadata options at launch: IMDSv2 is required and its answers stay on the machine.
    pub metadata_options: bool,
    /// `ClientToken`: it is taken, and shown with the server.
    pub client_token: bool,
    /// The same `ClientToken` again is the same server. Elsewhere it makes a second one.
    pub idempotent: bool,
    /// Tags at launch. Elsewhere servers are tagged right after it.
    pub tags_at_launch: bool,
    /// `DryRun`. Elsewhere a rehearsal would make a server, so there is none.
    pub dry_run: bool,
    /// Which types a zone offers (`DescribeInstanceTypeOfferings`).
    pub offerings: bool,
    /// Type of the system disk; `None`: the cloud's own choice.
    pub disk_type: Option<Cow<'static, str>>,
}

impl Abilities {
    /// What AWS has.
    pub const AWS: Self = Self {
        metadata_options: true,
        client_token: true,
        idempotent: true,
        tags_at_launch: true,
        dry_run: true,
        offerings: true,
        disk_type: Some(Cow::Borrowed("gp3")),
    };
    /// What every cloud of this family has.
    pub const CORE: Self = Self {
        metadata_options: false,
        client_token: false,
        idempotent: false,
        tags_at_launch: false,
        dry_run: false,
        offerings: false,
        disk_type: None,
    };
}

/// Where images come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSource {
    /// Who owns them: an account's id, an alias such as `amazon`, or `self`.
    pub owner: String,
    /// What their names look like, with `*`.
    pub name: String,
    /// The system on them in its vendor's words; `None`: their description tells.
    pub system: Option<String>,
    /// How many of the newest are shown.
    pub newest: usize,
}

impl ImageSource {
    fn vendor(owner: &str, name: &str, system: &str) -> Self {
        Self { owner: owner.to_owned(), name: name.to_owned(), system: Some(system.to_owned()), newest: 2 }
    }

    /// All images of an owner.
    pub fn owner(owner: &str) -> Self {
        Self { owner: owner.to_owned(), name: "*".to_owned(), system: None, newest: 30 }
    }
}

/// An EC2-compatible cloud in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) compute: Url,
    pub(super) sts: Option<Url>,
    pub(super) region: String,
    pub(super) abilities: Abilities,
    pub(super) images: Vec<ImageSource>,
    /// Its price list.
    pub(super) prices: Option<Market>,
    /// What counts its quotas.
    pub(super) quotas: Option<Market>,
    /// Whether temporary credentials may be sent there: their token travels in clear to whoever answers.
    pub(super) session_tokens: bool,
    /// Whether it is in no list: whoever named it learns nothing from it but what a cloud says.
    pub(super) unlisted: bool,
}

/// A cloud that is in no list.
#[derive(Debug, Clone)]
pub struct Custom {
    /// Its compute interface, such as `https://cloud.example.com:8773/services/compute/`.
    pub compute: String,
    /// Its token service, where it has one.
    pub sts: Option<String>,
    /// The region that signatures name.
    pub region: String,
    /// What it can do.
    pub abilities: Abilities,
    /// Owners of the images to choose from, beside the account itself.
    pub image_owners: Vec<String>,
    /// Whether the customer confirmed that a session token may be sent there.
    pub session_tokens: bool,
    /// Its price list, where it has AWS's.
    pub prices: Option<Market>,
    /// The same for quotas.
    pub quotas: Option<Market>,
}

/// The operator's word on clouds that are in no list. Which addresses they may have is the guard's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CustomClouds {
    /// None.
    #[default]
    Refused,
    /// Over TLS.
    Https,
    /// Also without: laboratories.
    Http,
}

impl Endpoint {
    /// AWS in a region of [`AWS_REGIONS`]; `None` for others.
    pub fn aws(region: &str) -> Option<Self> {
        let region = *AWS_REGIONS.iter().find(|known| **known == region)?;
        let china = region.starts_with("cn-");
        let domain = if china { "amazonaws.com.cn" } else { "amazonaws.com" };
        let (canonical, debian) =
            if china { ("837727238323", "336777782633") } else { ("099720109477", "136693071363") };
        let ubuntu = |name: &str, system: &str| ImageSource::vendor(canonical, name, system);
        Some(Self {
            compute: Url::parse(&format!("https://ec2.{region}.{domain}/")).ok()?,
            sts: Some(Url::parse(&format!("https://sts.{region}.{domain}/")).ok()?),
            region: region.to_owned(),
            abilities: Abilities::AWS,
            images: vec![
                ubuntu("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-*-server-*", "Ubuntu 24.04"),
                ubuntu("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-*-server-*", "Ubuntu 22.04"),
                ImageSource::vendor(debian, "debian-13-*", "Debian 13"),
                ImageSource::vendor(debian, "debian-12-*", "Debian 12"),
                ImageSource::vendor("amazon", "al2023-ami-2023.*", "Amazon Linux 2023"),
            ],
            prices: Some(Market {
                url: Url::parse(&format!(
                    "https://api.pricing.{}.{domain}/",
                    if china { CHINA_PRICES } else { PRICES }
                ))
                .ok()?,
                region: if china { CHINA_PRICES } else { PRICES }.to_owned(),
            }),
            quotas: Some(Market {
                url: Url::parse(&format!("https://servicequotas.{region}.{domain}/")).ok()?,
                region: region.to_owned(),
            }),
            session_tokens: true,
            unlisted: false,
        })
    }

    /// 3DS OUTSCALE in a region of [`OUTSCALE_REGIONS`]; `None` for others.
    pub fn outscale(region: &str) -> Option<Self> {
        let region = *OUTSCALE_REGIONS.iter().find(|known| **known == region)?;
        Some(Self {
            compute: Url::parse(&format!("https://fcu.{region}.outscale.com/")).ok()?,
            sts: None,
            region: region.to_owned(),
            abilities: Abilities { client_token: true, dry_run: true, ..Abilities::CORE },
            images: vec![ImageSource::owner("self"), ImageSource::owner("Outscale")],
            prices: None,
            quotas: None,
            session_tokens: true,
            unlisted: false,
        })
    }

    /// A cloud by the name that [`known_places`] gives it.
    pub fn known(place: &str) -> Option<Self> {
        place.strip_prefix(OUTSCALE).map_or_else(|| Self::aws(place), Self::outscale)
    }

    /// The same, as one that the operator vouches for: who asks may see what it answers.
    pub(super) fn vouched_for(self) -> Self {
        Self { unlisted: false, ..self }
    }

    /// Whether the same client token is the same server.
    pub fn is_idempotent(&self) -> bool {
        self.abilities.idempotent
    }

    /// A cloud that is in no list.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] when the operator does not allow it, or for an address that is none of a compute
    /// interface: with a user, a query, a fragment or characters that would be escaped.
    pub fn custom(custom: &Custom, clouds: CustomClouds) -> Result<Self, CloudError> {
        let own = ImageSource::owner("self");
        let owners = custom.image_owners.iter().map(|owner| ImageSource::owner(owner));
        let region = custom.region.clone();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if region.is_empty() || region.len() > 64 || !region.bytes().all(plain) {
            return Err(refused((
                "区域名称可以有 1 到 64 个字母、数字、`-`、`_` 和 `.`。",
                "The region may have 1 to 64 letters, digits, `-`, `_` and `.`.",
            )));
        }
        Ok(Self {
            compute: address(&custom.compute, clouds)?,
            sts: custom.sts.as_deref().map(|text| address(text, clouds)).transpose()?,
            region,
            abilities: custom.abilities.clone(),
            images: std::iter::once(own).chain(owners).collect(),
            prices: custom.prices.clone(),
            quotas: custom.quotas.clone(),
            session_tokens: custom.session_tokens,
            unlisted: true,
        })
    }
}

impl Custom {
    /// A cloud of which only the address and the region are known. It is sent client tokens, which are as old as the
    /// interface, and they may help to find what was ordered; that they are honoured is not believed.
    pub fn unknown(compute: &str, region: &str) -> Self {
        Self {
            compute: compute.to_owned(),
            sts: None,
            region: region.to_owned(),
            abilities: Abilities { client_token: true, ..Abilities::CORE },
            image_owners: vec![],
            session_tokens: false,
            prices: None,
            quotas: None,
        }
    }
}

/// What stands before OUTSCALE's regions: some are called as some of AWS's are.
const OUTSCALE: &str = "outscale-";

/// All places in lists: AWS's regions by their own names, then OUTSCALE's as `outscale-eu-west-2`.
pub fn known_places() -> impl Iterator<Item = String> {
    let outscale = OUTSCALE_REGIONS.iter().map(|region| format!("{OUTSCALE}{region}"));
    AWS_REGIONS.iter().map(|region| (*region).to_owned()).chain(outscale)
}

fn refused(message: (&str, &str)) -> CloudError {
    CloudError::new(Trouble::Endpoint, message)
}

fn address(text: &str, clouds: CustomClouds) -> Result<Url, CloudError> {
    let url = Url::parse(text).map_err(|_| refused(("终端节点不是 URL。", "The endpoint is no URL.")))?;
    let scheme = match clouds {
        CustomClouds::Refused => {
            let why = (
                "本服务的运营者不允许自填终端节点。",
                "The operator of this service allows no endpoints of one's own.",
            );
            return Err(refused(why));
        }
        CustomClouds::Https => url.scheme() == "https",
        CustomClouds::Http => matches!(url.scheme(), "https" | "http"),
    };
    if !scheme {
        return Err(refused(("终端节点必须以 `https://` 开头。", "The endpoint must begin with `https://`.")));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~');
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.path().bytes().all(plain) || url.path().contains("//") {
        return Err(refused((
            "终端节点只能由主机、端口和普通路径组成，不能有用户名、查询参数、片段或转义字符。",
            "The endpoint may have a host, a port and a plain path, but no user, query, fragment or escapes.",
        )));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(compute: &str) -> Custom {
        Custom::unknown(compute, "eucalyptus")
    }

    #[test]
    fn ec2_regions_have_their_partitions_hosts() {
        let host = |endpoint: Option<Endpoint>| endpoint.unwrap().compute.to_string();
        assert_eq!(host(Endpoint::aws("us-east-1")), "https://ec2.us-east-1.amazonaws.com/");
        assert_eq!(host(Endpoint::aws("cn-north-1")), "https://ec2.cn-north-1.amazonaws.com.cn/");
        assert_eq!(host(Endpoint::outscale("eu-west-2")), "https://fcu.eu-west-2.outscale.com/");
        for region in ["", "us-east-9", "evil.example/#", "US-EAST-1"] {
            assert_eq!(Endpoint::aws(region), None);
            assert_eq!(Endpoint::outscale(region), None);
        }
        assert!(known_places().all(|place| Endpoint::known(&place).is_some()));
        assert_eq!(host(Endpoint::known("us-west-1")), "https://ec2.us-west-1.amazonaws.com/");
        assert_eq!(host(Endpoint::known("outscale-us-west-1")), "https://fcu.us-west-1.outscale.com/");
        assert_eq!(Endpoint::known("outscale-cn-north-1"), None);
    }

    #[test]
    fn ec2_custom_clouds_need_the_operators_word() {
        let cloud = custom("https://cloud.example.com:8773/services/compute/");
        let refused = Endpoint::custom(&cloud, CustomClouds::Refused).unwrap_err();
        assert_eq!(refused.trouble, Trouble::Endpoint);
        assert!(Endpoint::custom(&cloud, CustomClouds::Https).is_ok());
        let bare = custom("http://cloud.example.com/");
        assert!(Endpoint::custom(&bare, CustomClouds::Https).is_err());
        assert!(Endpoint::custom(&bare, CustomClouds::Http).is_ok());
    }

    #[test]
    fn ec2_custom_clouds_have_plain_addresses() {
        for text in [
            "cloud.example.com",
            "file:///etc/passwd",
            "https://user@cloud.example.com/",
            "https://user:word@cloud.example.com/",
            "https://cloud.example.com/?Action=x",
            "https://cloud.example.com/#x",
            "https://cloud.example.com/a%20b",
            "https://cloud.example.com//x",
        ] {
            let error = Endpoint::custom(&custom(text), CustomClouds::Http).unwrap_err();
            assert_eq!(error.trouble, Trouble::Endpoint, "{text}");
        }
    }
}
