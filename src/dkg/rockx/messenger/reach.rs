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
//! when it is registered is judged at the connection. Whoever brings names that nobody looks up in time waits for itself
//! alone: a client has few look-ups at once, and those who proved a key that is known have theirs. Behind a proxy (`http.proxy`) it is the proxy that looks a name up for
//! the connection, and the proxy's business where that leads.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::{AddressRule, parse};
use crate::listen::plain;
use crate::types::RedactedUrl;

/// Nobody who registers waits longer for a look-up.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Look-ups at once, for strangers and for who proved a key that the configuration knows: each holds a thread until the
/// system's resolver gives up. Further ones wait for a turn as long as one takes.
const OF_STRANGERS: usize = 6;
const OF_KNOWN: usize = 4;
/// Those for one stranger: whoever chooses the name servers decides how long a look-up takes.
const OF_CLIENT: usize = 2;

/// See the module's description.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    loopback: bool,
    private: bool,
    turns: Arc<Turns>,
}

/// For whom something is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) client: IpAddr,
    /// It has proved a key that the configuration knows.
    pub(super) is_known: bool,
}

/// Who may look names up now.
#[derive(Debug)]
struct Turns {
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    /// Of each client that has a turn or waits for one: not more than may be connected.
    clients: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// Held as long as a look-up holds its thread.
struct Turn {
    _all: OwnedSemaphorePermit,
    /// Of a stranger.
    _client: Option<OfClient>,
}

/// A client's part of the turns.
struct OfClient {
    turns: Arc<Turns>,
    client: IpAddr,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for OfClient {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut clients = self.turns.clients();
        // nobody else can have taken a permit, or wait for one: both hold the semaphore, and it is handed out under the lock
        if clients
            .get(&self.client)
            .is_some_and(|turns| Arc::strong_count(turns) == 1)
        {
            clients.remove(&self.client);
        }
    }
}

impl Turns {
    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(self: &Arc<Self>, asker: Asker) -> Option<Turn> {
        let (all, client) = match asker.is_known {
            true => (&self.known, None),
            // first its own: one client's waits stand in nobody's way
            false => (&self.strangers, Some(self.of_client(asker.client).await?)),
        };
        let all = Arc::clone(all).acquire_owned().await.ok()?;
        Some(Turn {
            _all: all,
            _client: client,
        })
    }

    async fn of_client(self: &Arc<Self>, client: IpAddr) -> Option<OfClient> {
        let mut part = OfClient {
            turns: Arc::clone(self),
            client,
            permit: None,
        };
        let own = Arc::clone(
            self.clients()
                .entry(client)
                .or_insert_with(|| Arc::new(Semaphore::new(OF_CLIENT))),
        );
        part.permit = own.acquire_owned().await.ok();
        part.permit.is_some().then_some(part)
    }
}

/// The least reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Never,
    Loopback,
    Private,
    Public,
}

/// Whether messages are sent to a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Wherever it leads, as far as that could be found out.
    Good,
    /// So far: its name was not looked up in time.
    Slow,
    /// It is none, or leads where it may not.
    Bad(String),
    /// Nobody could look up where it leads: too many names are looked up.
    Busy,
}

/// Where a URL leads.
enum Found {
    /// To all of these; to none where the name is not known.
    Addresses(Vec<IpAddr>),
    /// That did not come to light in time.
    Slow,
}

impl Reach {
    /// `proxied`: a proxy brings those who are elsewhere to this port, wherever it listens.
    pub(super) fn new(listen: SocketAddr, proxied: bool, private: bool) -> Self {
        Self {
            loopback: plain(listen.ip()).is_loopback() && !proxied,
            private,
            turns: Arc::new(Turns {
                strangers: Arc::new(Semaphore::new(OF_STRANGERS)),
                known: Arc::new(Semaphore::new(OF_KNOWN)),
                clients: Mutex::default(),
            }),
        }
    }

    /// Takes all turns of strangers, as their names do that nobody looks up in time.
    #[cfg(test)]
    pub(super) async fn hold_strangers(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(OF_STRANGERS).unwrap();
        let strangers = Arc::clone(&self.turns.strangers);
        strangers.acquire_many_owned(all).await.unwrap()
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

    /// Whether messages are sent to this URL.
    pub(super) async fn judge(&self, url: &str, asker: Asker) -> Verdict {
        let found = match self.addresses(url, asker).await {
            Ok(Found::Addresses(found)) => found,
            Ok(Found::Slow) => return Verdict::Slow,
            Err(verdict) => return verdict,
        };
        let Some(bad) = found.into_iter().find(|address| !self.allows(*address)) else {
            return Verdict::Good;
        };
        let why = match kind(bad) {
            Kind::Loopback => {
                format!("{bad} is this machine's own: list it in the messenger's configuration")
            }
            Kind::Private => {
                format!("{bad} is a private address, which the messenger's configuration excludes")
            }
            _ => format!("{bad} is no address of an operator's node"),
        };
        Verdict::Bad(why)
    }

    /// Whether asking this URL tells whoever makes us ask nothing that they could not find out by themselves.
    pub(super) async fn may_be_asked(&self, url: &str, asker: Asker) -> bool {
        if self.loopback {
            return true;
        }
        match self.addresses(url, asker).await {
            Ok(Found::Addresses(found)) => {
                !found.is_empty() && found.iter().all(|address| self.may_ask(*address))
            }
            Ok(Found::Slow) | Err(_) => false,
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
    async fn addresses(&self, url: &str, asker: Asker) -> Result<Found, Verdict> {
        let url = parse(&RedactedUrl::new(url)).map_err(|error| Verdict::Bad(error.to_string()))?;
        if url.port() == Some(0) {
            return Err(Verdict::Bad("nobody listens at port 0".to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse() {
            return Ok(Found::Addresses(vec![address]));
        }
        let name = host.trim_end_matches('.');
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(Found::Addresses(vec![Ipv4Addr::LOCALHOST.into()]));
        }
        let turn = tokio::time::timeout(LOOK_UP, self.turns.next(asker)).await;
        let Ok(Some(turn)) = turn else {
            return Err(Verdict::Busy);
        };
        let place = (host.to_owned(), url.port_or_known_default().unwrap_or_default());
        // nobody can end the resolver's work: its turn is over when it is, not when nobody waits for it any more
        let look_up = tokio::spawn(async move {
            let found = tokio::net::lookup_host(place).await;
            drop(turn);
            found.map_or_else(
                |_| Vec::new(),
                |found| found.map(|address| address.ip()).collect(),
            )
        });
        match tokio::time::timeout(LOOK_UP, look_up).await {
            Ok(found) => Ok(Found::Addresses(found.unwrap_or_default())),
            Err(_) => Ok(Found::Slow),
        }
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

    const STRANGER: Asker = Asker {
        client: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
        is_known: false,
    };

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
                open.judge(url, STRANGER).await == Verdict::Good,
                near.judge(url, STRANGER).await == Verdict::Good,
                closed.judge(url, STRANGER).await == Verdict::Good,
            ];
            assert_eq!(judged, [by_open, by_near, by_closed], "{url}");
        }
        assert!(open.may_be_asked("http://8.8.8.8", STRANGER).await);
        assert!(near.may_be_asked("http://127.0.0.1", STRANGER).await);
        assert!(!open.may_be_asked("http://10.0.0.1", STRANGER).await);
    }

    #[tokio::test]
    async fn behind_a_proxy_this_machine_is_not_all_that_asks() {
        let proxied = Reach::new("127.0.0.1:3000".parse().unwrap(), true, true);
        let judged = proxied.judge("http://127.0.0.1:8080", STRANGER).await;
        assert!(matches!(judged, Verdict::Bad(_)), "{judged:?}");
        assert!(!proxied.may_be_asked("http://127.0.0.1:8080", STRANGER).await);
        assert_eq!(proxied.judge("http://10.1.2.3", STRANGER).await, Verdict::Good);
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
        let all = u32::try_from(OF_STRANGERS).unwrap();
        let _all = open.turns.strangers.acquire_many(all).await.unwrap();
        let url = "http://inside.example:1";
        let (judged, asked) = tokio::join!(open.judge(url, STRANGER), open.may_be_asked(url, STRANGER));
        assert_eq!(judged, Verdict::Busy);
        assert!(!asked);
        assert_eq!(
            open.judge("http://8.8.8.8", STRANGER).await,
            Verdict::Good,
            "an address needs no look-up"
        );
        assert!(open.turns.clients().is_empty(), "who waits no longer has no part");
    }

    /// Whose names are looked up by a server of its own that says nothing held all turns, and no operator at a name
    /// registered.
    #[tokio::test]
    async fn slow_names_of_one_client_stand_in_nobody_elses_way() {
        let open = reach("0.0.0.0:3000", true);
        let mut held = Vec::new();
        for _ in 0..OF_CLIENT {
            held.push(open.turns.next(STRANGER).await.unwrap());
        }
        let url = "http://inside.example:1";
        assert_eq!(open.judge(url, STRANGER).await, Verdict::Busy);
        let by = |n: u8| Asker {
            client: [203, 0, 113, n].into(),
            ..STRANGER
        };
        // and all strangers together stand in no known operator's
        for n in 2..=3 {
            for _ in 0..OF_CLIENT {
                held.push(open.turns.next(by(n)).await.unwrap());
            }
        }
        assert_eq!(open.judge(url, by(4)).await, Verdict::Busy);
        let known = Asker {
            is_known: true,
            ..STRANGER
        };
        assert!(open.turns.next(known).await.is_some());
        drop(held);
        assert!(open.turns.next(STRANGER).await.is_some());
        assert!(open.turns.clients().is_empty());
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
