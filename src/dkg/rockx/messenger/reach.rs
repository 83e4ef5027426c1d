//! Which addresses the messenger sends messages to. Subscribers name them, and most subscribers are strangers.
//!
//! | Address | Reached |
//! |---|---|
//! | link-local, the metadata services of clouds, unspecified, multicast, reserved, for documentation, for benchmarks, for protocols (IANA's registries of special-purpose addresses); tunnels that hide an address (Teredo); port 0 | never |
//! | loopback | where the messenger itself listens on loopback only, and no proxy brings others there |
//! | private (RFC 1918, RFC 4193, RFC 6598) | unless it is switched off |
//! | public | yes |
//! | one that the configuration lists for its operator, or that this process's own initiator subscribed | yes, whatever it is |
//!
//! A name is judged by all of its addresses, when it is registered and again at each connection. What cannot be looked up
//! when it is registered is judged at the connection. Behind a proxy (`http.proxy`) it is the proxy that looks a name up for
//! the connection, and the proxy's business where that leads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::http::{AddressRule, parse};
use crate::listen::plain;
use crate::types::RedactedUrl;

/// A look-up for a stranger takes no longer.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Look-ups for strangers at once, each holds a thread; further ones wait for a turn as long as one takes.
const LOOK_UPS: usize = 8;

/// See the module's description.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    loopback: bool,
    private: bool,
    look_ups: Arc<Semaphore>,
}

/// The least reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Never,
    Loopback,
    Private,
    Public,
}

/// Why messages are not sent to a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is none, or leads where it may not.
    Bad(String),
    /// Nobody could look up where it leads: too many names are looked up.
    Busy,
}

impl Reach {
    /// `proxied`: a proxy brings those who are elsewhere to this port, wherever it listens.
    pub(super) fn new(listen: SocketAddr, proxied: bool, private: bool) -> Self {
        Self {
            loopback: plain(listen.ip()).is_loopback() && !proxied,
            private,
            look_ups: Arc::new(Semaphore::new(LOOK_UPS)),
        }
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        match kind(address) {
            Kind::Never => false,
            Kind::Loopback => self.loopback,
            Kind::Private => self.private,
            Kind::Public => true,
        }
    }

    /// The rule for every connection.
    pub(super) fn rule(&self) -> AddressRule {
        let this = self.clone();
        Arc::new(move |address| this.allows(address))
    }

    /// Why messages are not sent to this URL, if they are not.
    pub(super) async fn refuses(&self, url: &str) -> Option<Refusal> {
        let found = match self.addresses(url).await {
            Ok(found) => found,
            Err(error) => return Some(error),
        };
        let bad = found.into_iter().find(|address| !self.allows(*address))?;
        let why = match kind(bad) {
            Kind::Loopback => {
                format!("{bad} is this machine's own: list it in the messenger's configuration")
            }
            Kind::Private => {
                format!("{bad} is a private address, which the messenger's configuration excludes")
            }
            _ => format!("{bad} is no address of an operator's node"),
        };
        Some(Refusal::Bad(why))
    }

    /// Whether asking this URL tells whoever makes us ask nothing that they could not find out by themselves.
    pub(super) async fn may_be_asked(&self, url: &str) -> bool {
        if self.loopback {
            return true;
        }
        match self.addresses(url).await {
            Ok(found) => !found.is_empty() && found.iter().all(|address| self.may_ask(*address)),
            Err(_) => false,
        }
    }

    fn may_ask(&self, address: IpAddr) -> bool {
        match self.loopback {
            true => self.allows(address),
            false => kind(address) == Kind::Public,
        }
    }

    /// The rule for every connection of a question: a name may lead elsewhere by then than when it was judged.
    pub(super) fn asking_rule(&self) -> AddressRule {
        let this = self.clone();
        Arc::new(move |address| this.may_ask(address))
    }

    /// All addresses of the URL's host; none where they cannot be found.
    async fn addresses(&self, url: &str) -> Result<Vec<IpAddr>, Refusal> {
        let url = parse(&RedactedUrl::new(url)).map_err(|error| Refusal::Bad(error.to_string()))?;
        if url.port() == Some(0) {
            return Err(Refusal::Bad("nobody listens at port 0".to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let name = host.trim_end_matches('.');
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let turn = tokio::time::timeout(LOOK_UP, self.look_ups.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Refusal::Busy);
        };
        let port = url.port_or_known_default().unwrap_or_default();
        let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((host, port))).await;
        Ok(match found {
            Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
            _ => Vec::new(),
        })
    }
}

fn kind(address: IpAddr) -> Kind {
    match plain(address) {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    /// Metadata and host services of Alibaba and Azure, at addresses that look like others.
    const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
    let [first, second, third, _] = address.octets();
    // protocols (RFC 6890), relays of 6to4 (RFC 7526), benchmarks (RFC 2544); those of documentation lead nowhere, and do no harm
    let is_special = matches!(
        (first, second, third),
        (192, 0, 0) | (192, 88, 99) | (198, 18 | 19, _)
    );
    let is_none = first == 0 || first >= 224 || address.is_link_local();
    if is_none || is_special || METADATA.contains(&address) {
        Kind::Never
    } else if address.is_loopback() {
        Kind::Loopback
    } else if address.is_private() || (first == 100 && second & 0xc0 == 64) {
        Kind::Private
    } else {
        Kind::Public
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    /// Metadata services of Google, Oracle and Scaleway, at addresses that look private.
    const METADATA: [Ipv6Addr; 3] = [
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
        Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    ];
    let parts = address.segments();
    let v4 = |high: u16, low: u16| kind_of_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    if address.is_loopback() {
        return Kind::Loopback;
    }
    match parts {
        // an IPv4 address within: translated (RFC 6052, RFC 2765), 6to4 (RFC 3056)
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        [0x64, 0xff9b, 1, ..] => translated(address),
        [0, 0, 0, 0, 0, 0, ..] => Kind::Never,
        _ if address.is_unspecified() || address.is_multicast() || address.is_unicast_link_local() => {
            Kind::Never
        }
        // services of AWS on the machine itself
        [0xfd00, 0xec2, ..] => Kind::Never,
        _ if METADATA.contains(&address) => Kind::Never,
        // site-local, which was given up
        [first, ..] if first & 0xffc0 == 0xfec0 => Kind::Never,
        _ if address.is_unique_local() => Kind::Private,
        // protocols, Teredo among them (RFC 2928)
        [0x2001, 0..=0x1ff, ..] => Kind::Never,
        // all that was ever given to networks (RFC 4291, section 2.4)
        [first, ..] if first & 0xe000 == 0x2000 => Kind::Public,
        _ => Kind::Never,
    }
}

/// What a network translates by itself (RFC 8215): its prefix may have any of the lengths of RFC 6052, section 2.2, and the
/// least reached of what may stand there counts.
fn translated(address: Ipv6Addr) -> Kind {
    let bytes = address.octets();
    // the ninth byte is always zero
    let places = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]];
    let embedded = places.map(|places| Ipv4Addr::from(places.map(|at| bytes[at])));
    // no host has an address that begins with zero: there the prefix goes on
    let kinds = embedded.into_iter().filter(|v4| v4.octets()[0] != 0);
    kinds.map(kind_of_v4).min().unwrap_or(Kind::Never)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(listen: &str, private: bool) -> Reach {
        Reach::new(listen.parse().unwrap(), false, private)
    }

    #[tokio::test]
    async fn what_is_reached_depends_on_where_the_messenger_listens() {
        let open = reach("0.0.0.0:3000", true);
        let near = reach("127.0.0.1:3000", true);
        let closed = reach("[::]:3000", false);
        for (url, by_open, by_near, by_closed) in [
            ("http://8.8.8.8:80", true, true, true),
            ("https://[2606:4700::1]/x", true, true, true),
            ("http://10.1.2.3", true, true, false),
            ("http://[fd12::1]", true, true, false),
            ("http://100.64.1.1", true, true, false),
            ("http://127.0.0.1:8080", false, true, false),
            ("http://127.1:8080", false, true, false),
            ("http://2130706433/", false, true, false),
            ("http://localhost:1", false, true, false),
            ("http://a.localhost.:1", false, true, false),
            ("http://[::1]:1", false, true, false),
            ("http://[::ffff:127.0.0.1]:1", false, true, false),
            ("http://169.254.169.254/latest", false, false, false),
            ("http://[::ffff:169.254.169.254]", false, false, false),
            ("http://[64:ff9b::a9fe:a9fe]", false, false, false),
            ("http://[2002:a9fe:a9fe::1]", false, false, false),
            ("http://[fe80::1]", false, false, false),
            ("http://[::ffff:0:169.254.169.254]", false, false, false),
            ("http://[::ffff:0:8.8.8.8]", true, true, true),
            ("http://198.18.0.1", false, false, false),
            ("http://198.19.255.255", false, false, false),
            ("http://198.20.0.1", true, true, true),
            ("http://192.0.0.8", false, false, false),
            ("http://192.0.1.1", true, true, true),
            ("http://192.0.2.1", true, true, true),
            ("http://192.88.99.1", false, false, false),
            ("http://198.51.100.1", true, true, true),
            ("http://203.0.113.1", true, true, true),
            ("http://[2001:db8::1]", true, true, true),
            ("http://[3fff:fff::1]", true, true, true),
            (
                "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
                false,
                false,
                false,
            ),
            ("http://[2001:4860:4860::8888]", true, true, true),
            ("http://[100::1]", false, false, false),
            ("http://[5f00::1]", false, false, false),
            ("http://8.8.8.8:0", false, false, false),
            ("http://127.0.0.1:0", false, false, false),
            ("http://name.example:0", false, false, false),
            ("http://[fd00:ec2::254]", false, false, false),
            ("http://100.100.100.200", false, false, false),
            ("http://0.0.0.0:3000", false, false, false),
            ("http://[::]:3000", false, false, false),
            ("http://255.255.255.255", false, false, false),
            ("http://224.0.0.1", false, false, false),
            ("file:///etc/passwd", false, false, false),
            ("gopher://8.8.8.8", false, false, false),
            ("8.8.8.8", false, false, false),
        ] {
            let judged = [
                open.refuses(url).await.is_none(),
                near.refuses(url).await.is_none(),
                closed.refuses(url).await.is_none(),
            ];
            assert_eq!(judged, [by_open, by_near, by_closed], "{url}");
        }
        assert!(open.may_be_asked("http://8.8.8.8").await && near.may_be_asked("http://127.0.0.1").await);
        assert!(!open.may_be_asked("http://10.0.0.1").await);
    }

    #[tokio::test]
    async fn behind_a_proxy_this_machine_is_not_all_that_asks() {
        let proxied = Reach::new("127.0.0.1:3000".parse().unwrap(), true, true);
        assert!(proxied.refuses("http://127.0.0.1:8080").await.is_some());
        assert!(!proxied.may_be_asked("http://127.0.0.1:8080").await);
        assert!(proxied.refuses("http://10.1.2.3").await.is_none());
    }

    /// A name may lead elsewhere at the connection than when it was judged: the question goes by the judgement's rule.
    #[tokio::test]
    async fn who_asks_for_life_connects_only_to_where_it_may_ask() {
        let rule = reach("0.0.0.0:3000", true).asking_rule();
        let may = |address: &str| rule(address.parse().unwrap());
        assert!(may("8.8.8.8") && !may("10.0.0.1") && !may("127.0.0.1") && !may("fd12::1"));
        let near = reach("127.0.0.1:3000", true).asking_rule();
        let may = |address: &str| near(address.parse().unwrap());
        assert!(may("8.8.8.8") && may("127.0.0.1") && may("10.0.0.1") && !may("169.254.169.254"));
    }

    /// A name was taken for a good one while nobody looked it up.
    #[tokio::test]
    async fn a_name_that_nobody_could_look_up_is_not_let_in() {
        let open = reach("0.0.0.0:3000", true);
        let all = u32::try_from(LOOK_UPS).unwrap();
        let _all = open.look_ups.acquire_many(all).await.unwrap();
        let url = "http://inside.example:1";
        let (refused, asked) = tokio::join!(open.refuses(url), open.may_be_asked(url));
        assert_eq!(refused, Some(Refusal::Busy));
        assert!(!asked);
        assert_eq!(
            open.refuses("http://8.8.8.8").await,
            None,
            "an address needs no look-up"
        );
    }

    #[test]
    fn metadata_services_and_what_is_embedded_have_no_other_way() {
        for (address, is) in [
            ("fd00:ec2::254", Kind::Never),
            ("fd00:ec2::253", Kind::Never),
            ("fd20:ce::254", Kind::Never),
            ("fd00:c1::a9fe:a9fe", Kind::Never),
            ("fd00:42::42", Kind::Never),
            ("fd20:ce::253", Kind::Private),
            // an IPv4 address behind prefixes of 96, 48, 56 and 64 bits
            ("64:ff9b:1::a9fe:a9fe", Kind::Never),
            ("64:ff9b:1:a9fe:a9:fe00::", Kind::Never),
            ("64:ff9b:1:a9:fe:a9fe::", Kind::Never),
            ("64:ff9b:1:0:a9:fea9:fe00:0", Kind::Never),
            ("64:ff9b:1::7f00:1", Kind::Loopback),
            ("64:ff9b:1::a00:1", Kind::Private),
            ("64:ff9b:1::808:808", Kind::Public),
            ("64:ff9b:1::", Kind::Never),
        ] {
            assert_eq!(kind(address.parse().unwrap()), is, "{address}");
        }
    }
}
