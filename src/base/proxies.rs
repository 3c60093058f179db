//! Trusted proxies: whose word about the client's address is believed.

use std::net::{IpAddr, Ipv6Addr};

use super::networks::Networks;

/// Networks of trusted proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Networks);

impl Proxies {
    /// Reads addresses (`127.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Errors
    /// Names the entry that is neither.
    pub fn parse(entries: &[String]) -> Result<Self, String> {
        Networks::parse(entries).map(Self)
    }

    /// The client's address: the peer's own, unless the peer is a trusted proxy; then the last address in
    /// `X-Forwarded-For` that is none. Whatever stands before that was written by somebody nobody knows.
    pub fn client(&self, peer: IpAddr, forwarded_for: Option<&str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut hops = forwarded_for.unwrap_or_default().rsplit(',');
        while self.0.contain(client) {
            let Some(Ok(before)) = hops.next().map(|hop| hop.trim().parse::<IpAddr>()) else { break };
            client = before.to_canonical();
        }
        client
    }
}

/// Whom an address stands for: an IPv6 customer has a /64 at least, and any number of addresses in it.
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: Option<&str>) -> String {
        let entries: Vec<_> = trusted.iter().map(ToString::to_string).collect();
        Proxies::parse(&entries).unwrap().client(peer.parse().unwrap(), forwarded).to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(client(&[], "9.9.9.9", Some("1.1.1.1")), "9.9.9.9");
        assert_eq!(client(&["10.0.0.0/8"], "9.9.9.9", Some("1.1.1.1")), "9.9.9.9");
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_is_the_client() {
        let trusted = ["10.0.0.0/8", "::1"];
        assert_eq!(client(&trusted, "10.1.2.3", Some("6.6.6.6, 1.1.1.1")), "1.1.1.1");
        assert_eq!(client(&trusted, "::1", Some("6.6.6.6, 1.1.1.1, 10.9.9.9")), "1.1.1.1");
        assert_eq!(client(&trusted, "::ffff:10.1.2.3", Some("1.1.1.1")), "1.1.1.1");
        assert_eq!(client(&trusted, "10.1.2.3", Some("nonsense")), "10.1.2.3");
        assert_eq!(client(&trusted, "10.1.2.3", None), "10.1.2.3");
    }

    #[test]
    fn networks_have_edges() {
        assert_eq!(client(&["0.0.0.0/0"], "9.9.9.9", Some("1.1.1.1")), "1.1.1.1");
        assert_eq!(client(&["10.0.0.0/31"], "10.0.0.1", Some("1.1.1.1")), "1.1.1.1");
        assert_eq!(client(&["10.0.0.0/31"], "10.0.0.2", Some("1.1.1.1")), "10.0.0.2");
        assert_eq!(client(&["fd00::/8"], "fdff::1", Some("1.1.1.1")), "1.1.1.1");
        for wrong in ["10.0.0.0/33", "::/129", "x", "1.1.1.1/", ""] {
            assert!(Proxies::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ipv6_counts_by_its_64_bits_of_network_and_ipv4_by_address() {
        let network = |text: &str| super::counted_as(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2::"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::"), network("2001:db8:1:3::"));
        assert_eq!(network("198.51.100.7"), "198.51.100.7");
        assert_eq!(network("::ffff:198.51.100.7"), "198.51.100.7");
    }
}
