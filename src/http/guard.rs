//! Which addresses may be reached: public ones, and the networks that the operator named.
//!
//! An endpoint that somebody typed can be a name that resolves to the server's own metadata service or to a database
//! beside it (server-side request forgery). So names are resolved once, every address is judged, and the connection
//! goes to judged addresses only; addresses that stand in a URL literally are judged before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::base::networks::Networks;

/// Judges addresses. Clones share nothing and cost little.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Networks that are allowed although they are not public: private clouds.
    allowed: Networks,
}

/// An address that must not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not a public address: the operator can allow it with the setting `provider_networks`, if it is a private cloud"
)]
pub struct Refused(pub IpAddr);

impl Guard {
    /// Public addresses, and those in `allowed`.
    pub fn new(allowed: Networks) -> Self {
        Self { allowed }
    }

    /// # Errors
    /// [`Refused`] for an address that is neither public nor allowed.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        if is_public(address) || self.allowed.contain(address) { Ok(()) } else { Err(Refused(address)) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One forbidden address among good ones is no accident: the whole name is refused.
            for address in &found {
                guard.check(address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public internet's, by the special-purpose registries of IANA (RFC 6890) and what
/// carries an IPv4 address inside (NAT64 RFC 6052, 6to4 RFC 3056, Teredo RFC 4380).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global_unicast = a & 0xe000 == 0x2000;
    // 2001:0::/23 (Teredo and other protocols), documentation, 6to4.
    let special = matches!((a, b), (0x2001, 0..0x200 | 0xdb8) | (0x2002, _) | (0x3fff, 0..0x1000));
    // NAT64 (64:ff9b::/96, 64:ff9b:1::/48) and everything else outside 2000::/3 is no address of the public internet.
    global_unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_pass_and_special_ones_do_not() {
        for text in
            ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1", "2400:3200::1"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "3fff::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn allowed_networks_pass_in_every_form_of_the_address() {
        let guard = Guard::new(Networks::parse(&["10.0.0.0/8".to_owned()]).unwrap());
        assert_eq!(guard.check("10.1.2.3".parse().unwrap()), Ok(()));
        assert_eq!(guard.check("::ffff:10.1.2.3".parse().unwrap()), Ok(()));
        let refused = guard.check("192.168.0.1".parse().unwrap()).unwrap_err();
        assert!(refused.to_string().contains("192.168.0.1 is not a public address"), "{refused}");
    }
}
