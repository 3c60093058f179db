//! Where the marketplace is.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

/// One of its three sites, which know nothing of each other's accounts, products and codes; or an address that stands for
/// one, such as a gateway of the merchant's own, or a marketplace that is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Site {
    /// 中国站
    Cn,
    /// International.
    Intl,
    /// European.
    Eu,
    /// At an address of its own.
    At(Url),
}

/// It names no site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of \"cn\", \"intl\" and \"eu\", and no address such as https://marketplace.example.com")]
pub struct NoSite;

impl Site {
    /// Where to ask, the next one when no connection to the one before could be made.
    pub fn addresses(&self) -> Vec<String> {
        let hosts: &[&str] = match self {
            Self::Cn => &["mkt.myhuaweicloud.com", "mkt.myhuaweicloud.cn"],
            Self::Intl => &["mkt-intl.myhuaweicloud.com"],
            Self::Eu => &["mkt.myhuaweicloud.eu"],
            Self::At(url) => return vec![url.as_str().trim_end_matches('/').to_owned()],
        };
        hosts.iter().map(|host| format!("https://{host}")).collect()
    }
}

impl FromStr for Site {
    type Err = NoSite;

    fn from_str(text: &str) -> Result<Self, NoSite> {
        match text {
            "cn" => Ok(Self::Cn),
            "intl" => Ok(Self::Intl),
            "eu" => Ok(Self::Eu),
            address => {
                let url: Url = address.parse().map_err(|_| NoSite)?;
                // What is signed can still be read by who passes it on, so in clear only to this machine.
                let local = matches!(url.host(), Some(url::Host::Ipv4(host)) if host.is_loopback());
                let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
                let nobody = url.username().is_empty() && url.password().is_none();
                let sound = url.scheme() == "https" || (url.scheme() == "http" && local);
                if sound && bare && nobody && url.host().is_some() { Ok(Self::At(url)) } else { Err(NoSite) }
            }
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cn => f.write_str("cn"),
            Self::Intl => f.write_str("intl"),
            Self::Eu => f.write_str("eu"),
            Self::At(url) => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
}

impl TryFrom<String> for Site {
    type Error = NoSite;

    fn try_from(text: String) -> Result<Self, NoSite> {
        text.parse()
    }
}

impl From<Site> for String {
    fn from(site: Site) -> Self {
        site.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_named_or_at_an_address() {
        for text in ["cn", "intl", "eu", "https://marketplace.example.com", "http://127.0.0.1:8099"] {
            let site: Site = text.parse().unwrap();
            assert_eq!(site.to_string(), text);
            assert_eq!(serde_json::from_value::<Site>(serde_json::json!(text)).unwrap(), site);
        }
        let cn: Site = "cn".parse().unwrap();
        assert_eq!(cn.addresses(), ["https://mkt.myhuaweicloud.com", "https://mkt.myhuaweicloud.cn"]);
        for wrong in [
            "",
            "us",
            "CN",
            "mkt.myhuaweicloud.com",
            "http://marketplace.example.com",
            "http://10.0.0.1",
            "https://user@marketplace.example.com",
            "https://marketplace.example.com/path",
            "https://marketplace.example.com/?a=b",
            "ftp://127.0.0.1",
        ] {
            assert_eq!(wrong.parse::<Site>(), Err(NoSite), "{wrong}");
        }
    }
}
