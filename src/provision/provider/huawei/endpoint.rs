//! Where Huawei Cloud is: its regions, and clouds of others that speak the same interface.

use crate::{
    http::Url,
    provision::provider::error::{CloudError, Trouble},
};

/// Regions of the public cloud (SDK 3.1.219), and whether the token service (STS) is there.
const REGIONS: &[(&str, bool)] = &[
    ("cn-north-4", true),
    ("cn-north-1", false),
    ("cn-north-2", false),
    ("cn-north-9", false),
    ("cn-north-11", false),
    ("cn-north-12", false),
    ("cn-east-2", false),
    ("cn-east-3", true),
    ("cn-east-4", false),
    ("cn-east-5", false),
    ("cn-south-1", true),
    ("cn-south-2", false),
    ("cn-south-4", false),
    ("cn-southwest-2", true),
    ("cn-southwest-3", false),
    ("ap-southeast-1", true),
    ("ap-southeast-2", true),
    ("ap-southeast-3", true),
    ("ap-southeast-4", true),
    ("ap-southeast-5", false),
    ("af-south-1", true),
    ("af-north-1", false),
    ("sa-brazil-1", true),
    ("la-north-2", false),
    ("la-south-2", true),
    ("na-mexico-1", false),
    ("tr-west-1", true),
    ("me-east-1", false),
    ("ae-ad-1", false),
    ("eu-west-0", false),
    ("my-kualalumpur-1", false),
    ("ru-moscow-1", false),
];

/// A region of the public cloud. Only known ones can be named, so that no text of a user becomes a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    id: &'static str,
    sts: bool,
}

impl Region {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        REGIONS.iter().map(|(id, sts)| Self { id, sts: *sts })
    }

    /// The region of that id.
    pub fn parse(id: &str) -> Option<Self> {
        Self::all().find(|region| region.id == id)
    }

    /// The region itself, or the nearest known to have a token service: any of them gives credentials for all.
    #[must_use]
    pub fn with_tokens(self) -> Self {
        let other = if self.id.starts_with("cn-") { "cn-north-4" } else { "ap-southeast-3" };
        if self.sts { self } else { Self::parse(other).unwrap_or(self) }
    }

    /// Its id, such as `cn-north-4`.
    pub fn id(self) -> &'static str {
        self.id
    }
}

/// With which of the two contracts an account was opened: prices are asked at different hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// 中国站
    China,
    /// Huawei Cloud International
    International,
}

/// The services that are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Servers.
    Ecs,
    /// Networks and public addresses.
    Vpc,
    /// Images.
    Ims,
    /// Disks.
    Evs,
    /// Projects and agencies.
    Iam,
    /// Identity and temporary credentials.
    Sts,
    /// Prices.
    Bss,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Vpc => "vpc",
            Self::Ims => "ims",
            Self::Evs => "evs",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Bss => "bss",
        }
    }
}

/// A cloud that speaks the interface but is not the public one: HCSO, Open Telekom Cloud. Set by the operator only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// The address of a service, with `{service}` and `{region}` in it: `https://{service}.{region}.example.com`.
    pub template: String,
    /// The region's id.
    pub region: String,
    /// Whether the token service and the price list are there too.
    pub sts: bool,
    /// See [`Custom::sts`].
    pub bss: bool,
    /// Whether temporary credentials may be sent there: whoever answers can use their token.
    pub session_tokens: bool,
}

/// Where calls go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    template: String,
    region: String,
    sts: bool,
    bss: Option<String>,
    pub(super) session_tokens: bool,
    /// Whether it is not the public cloud: whoever named it learns nothing from it but what a cloud says.
    unlisted: bool,
}

impl Endpoint {
    /// A region of the public cloud.
    pub fn public(region: Region, site: Site) -> Self {
        let bss = match site {
            Site::China => "https://bss.myhuaweicloud.com",
            Site::International => "https://bss-intl.myhuaweicloud.com",
        };
        Self {
            template: "https://{service}.{region}.myhuaweicloud.com".to_owned(),
            region: region.id.to_owned(),
            sts: region.sts,
            bss: Some(bss.to_owned()),
            session_tokens: true,
            unlisted: false,
        }
    }

    /// A cloud that the operator named.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] for a template that is no address, has a user or a query in it, or is `http` to anything but
    /// this machine; or a region with other characters than letters, digits, `-` and `_`.
    pub fn custom(custom: Custom) -> Result<Self, CloudError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let bss = custom.bss.then(|| custom.template.replace("{service}", "bss"));
        let Custom { template, region, sts, session_tokens, .. } = custom;
        let endpoint = Self { template, region, sts, bss, session_tokens, unlisted: true };
        let url = endpoint.url(Service::Ecs)?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let sound = (url.scheme() == "https" || (url.scheme() == "http" && here))
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && !endpoint.region.is_empty()
            && endpoint.region.bytes().all(plain);
        if sound { Ok(endpoint) } else { Err(wrong()) }
    }

    /// Whether it is not the public cloud.
    pub(super) fn is_unlisted(&self) -> bool {
        self.unlisted
    }

    /// The region's id: also the name of its project.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether the token service is there.
    pub(super) fn has_sts(&self) -> bool {
        self.sts
    }

    /// Whether prices can be asked.
    pub(super) fn has_bss(&self) -> bool {
        self.bss.is_some()
    }

    /// The address of a service, without a path.
    pub(super) fn url(&self, service: Service) -> Result<Url, CloudError> {
        let template = match (service, &self.bss) {
            (Service::Bss, Some(bss)) => bss,
            _ => &self.template,
        };
        let text = template.replace("{service}", service.name()).replace("{region}", &self.region);
        Url::parse(&text).ok().filter(|url| url.has_host()).ok_or_else(wrong)
    }
}

fn wrong() -> CloudError {
    let message = (
        "终端节点不是云服务的地址：须为 https://，例如 https://{service}.{region}.example.com；区域只能有字母、数字和连字符。",
        "The endpoint is no address of a cloud: it must be https://, such as https://{service}.{region}.example.com, and the \
         region plain letters, digits and hyphens.",
    );
    CloudError::new(Trouble::Endpoint, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(template: &str, region: &str) -> Result<Endpoint, CloudError> {
        let (template, region) = (template.to_owned(), region.to_owned());
        Endpoint::custom(Custom { template, region, sts: true, bss: false, session_tokens: false })
    }

    #[test]
    fn huawei_hosts_follow_from_the_region() {
        let endpoint = Endpoint::public(Region::parse("cn-north-4").unwrap(), Site::International);
        assert_eq!(endpoint.url(Service::Ecs).unwrap().as_str(), "https://ecs.cn-north-4.myhuaweicloud.com/");
        assert_eq!(endpoint.url(Service::Bss).unwrap().as_str(), "https://bss-intl.myhuaweicloud.com/");
        assert_eq!(Region::parse("cn-north-4.evil.example"), None);
    }

    #[test]
    fn huawei_tokens_are_asked_for_where_there_is_a_token_service() {
        let asked = |id: &str| Region::parse(id).unwrap().with_tokens();
        assert_eq!(
            ["cn-south-1", "cn-east-2", "la-north-2"].map(|id| asked(id).id()),
            ["cn-south-1", "cn-north-4", "ap-southeast-3"]
        );
        assert!(Region::all().all(|region| region.with_tokens().sts));
    }

    #[test]
    fn huawei_endpoints_of_others_are_https_and_plain() {
        assert!(custom("https://{service}.{region}.example.com", "eu-de").is_ok());
        assert!(custom("http://127.0.0.1:8080", "eu-de").is_ok());
        for (template, region) in [
            ("http://{service}.example.com", "eu-de"),
            ("https://user@{service}.example.com", "eu-de"),
            ("https://example.com/?x={service}", "eu-de"),
            ("ftp://example.com", "eu-de"),
            ("example.com", "eu-de"),
            ("https://{service}.{region}.example.com", "eu.de"),
            ("https://{service}.{region}.example.com", ""),
        ] {
            assert_eq!(custom(template, region).unwrap_err().trouble, Trouble::Endpoint, "{template} {region}");
        }
    }
}
