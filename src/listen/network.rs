//! Addresses: who counts as one client, and ranges of them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Prefix of IPv6 that one customer of a provider commonly has: addresses below it cost nothing.
const CUSTOMER: u32 = 56;

/// The address, with IPv4 in its own form.
pub(crate) fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Whom an address stands for where clients are counted: itself in IPv4, its customer's prefix in IPv6.
pub(crate) fn client_of(address: IpAddr) -> IpAddr {
    match plain(address) {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(
            v6.to_bits() >> (128 - CUSTOMER) << (128 - CUSTOMER),
        )),
        other => other,
    }
}

/// Addresses that lead nowhere on the internet.
const INSIDE: [&str; 9] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
];

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

/// Not a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an IP address or a range like 10.0.0.0/8")]
pub struct BadNetwork;

impl Network {
    /// Whether every address of its kind lies within.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.prefix == 0
    }

    /// Whether addresses lie within that anybody on the internet may have: it is no part of this machine's, of a site's
    /// (RFC 1918, RFC 4193), of a carrier's own (RFC 6598) or of a link's addresses.
    #[must_use]
    pub fn reaches_the_internet(&self) -> bool {
        let within = |range: &str| {
            let range: Self = range.parse().expect("it is a range");
            range.prefix <= self.prefix && range.contains(self.base)
        };
        !INSIDE.iter().any(|range| within(range))
    }

    /// Whether the address lies within.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, plain(address)) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                (base.to_bits() ^ address.to_bits()) & mask == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                (base.to_bits() ^ address.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base = plain(base.parse().map_err(|_| BadNetwork)?);
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |p| p.parse().map_err(|_| BadNetwork))?;
        if prefix > longest {
            return Err(BadNetwork);
        }
        Ok(Self { base, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_the_internet_is_told_from_what_stays_inside() {
        let reaches = |range: &str| range.parse::<Network>().unwrap().reaches_the_internet();
        for range in [
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "8.8.8.8",
            "172.0.0.0/8",
            "10.0.0.0/7",
            "192.0.0.0/8",
            "2001:db8::1",
            "2000::/3",
            "fc00::/6",
        ] {
            assert!(reaches(range), "{range}");
        }
        for range in [
            "10.0.0.0/8",
            "10.1.2.3",
            "172.16.4.0/24",
            "192.168.0.0/16",
            "127.0.0.1",
            "100.64.0.0/10",
            "fd00::/8",
            "fe80::1",
            "::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!reaches(range), "{range}");
        }
    }
}
