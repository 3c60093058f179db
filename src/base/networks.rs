//! Networks of addresses, as operators write them down.

use std::net::IpAddr;

/// Some networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// Reads addresses (`127.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Errors
    /// Names the entry that is neither.
    pub fn parse(entries: &[String]) -> Result<Self, String> {
        entries.iter().map(|entry| network(entry.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of them holds `address`.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|&(network, bits)| contains(network, bits, address))
    }
}

fn network(entry: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || format!("`{entry}` is neither an address nor a network such as 10.0.0.0/8");
    let (address, bits) = match entry.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
        None => (entry, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match bits.unwrap_or(most) {
        bits if bits <= most => Ok((address, bits)),
        _ => Err(wrong()),
    }
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    // Shifting by the full width is no shift in Rust: a network of 0 bits holds everything.
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}
