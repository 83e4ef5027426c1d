//! What a messenger is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::share::Rooms;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::node::directory::SsvApi;
use crate::http::Http;
use crate::listen::{Network, Tls};
use crate::types::OperatorRecord;

/// Configuration of one messenger.
#[derive(Debug, Clone)]
pub struct MessengerConfig {
    /// Address to listen on. Port 0 lets the system choose; [`super::MessengerHandle::addr`] tells which.
    pub listen: SocketAddr,
    /// Where registrations, topics, undelivered messages and results survive a restart. `None`: in memory only.
    pub data_dir: Option<PathBuf>,
    /// Whether a name may be registered again under another address while the old address still answers `/ping`.
    /// Off, a live operator cannot be displaced; an operator that moved is let in as soon as its old address is silent.
    pub allow_takeover: bool,
    /// Operators whose keys are vouched for. One is let in without a proof at its `endpoint`, which may be empty; without a
    /// `public_key` it is asked from `ssv_api`. Of all others the key counts that their registration proves.
    pub operators: Vec<OperatorRecord>,
    /// Where keys of these operators are asked that have none.
    pub ssv_api: Option<SsvApi>,
    /// Also vouch for RockX's test operators 1 to 8, whose *private* keys are published: for local networks only.
    pub test_operators: bool,
    /// Who may create topics. Empty: everybody, within [`Limits::topics_per_client`].
    pub initiators: Vec<OperatorPublicKey>,
    /// The secret that the initiator in this process sends as [`super::OWNER_HEADER`]: its topics are never refused for
    /// want of room, and its observer is reached on loopback.
    pub house: Option<SecretString>,
    /// Whether messages are sent to private addresses.
    pub private_addresses: bool,
    /// Proxies whose `X-Forwarded-For` tells who asks.
    pub trusted_proxies: Vec<Network>,
    /// What it speaks TLS with. `None`: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// What `GET /version` says.
    pub version: String,
    /// The way to the subscribers.
    pub http: Http,
    /// Bounds on everything that outsiders can make us hold or wait for.
    pub limits: Limits,
}

impl MessengerConfig {
    /// A messenger at `listen` that keeps its state in memory, with the default limits; straight to the subscribers,
    /// without a proxy.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            data_dir: None,
            allow_takeover: false,
            operators: Vec::new(),
            ssv_api: None,
            test_operators: false,
            initiators: Vec::new(),
            house: None,
            private_addresses: true,
            trusted_proxies: Vec::new(),
            tls: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            http: Http::direct(),
            limits: Limits::default(),
        }
    }
}

/// Bounds on memory, time and parallelism.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest request body, in bytes. Real messages have less than 20 KiB even for 13 operators.
    pub body: usize,
    /// Largest message in a topic of a guest, in bytes: it goes to everybody whom the guest subscribed. The largest true one, a
    /// blame in a committee of 13, has less than 64 KiB.
    pub guest_message: usize,
    /// Largest result, in bytes: one of 13 operators has about 20 KiB, a blame less than 64.
    pub result: usize,
    /// Longest time for a request's body.
    pub body_deadline: Duration,
    /// Connections served at once, as far as the process may have them; idle ones make room for further ones.
    pub connections: usize,
    /// Longest time from a request's first byte to the first byte of its reply.
    pub request_deadline: Duration,
    /// Longest silence on a connection between requests. Longer than the 90 s after which Go's client gives up an idle
    /// connection by itself, so that we never close one that it is about to use.
    pub idle: Duration,
    /// Operators registered in `default`.
    pub registered: usize,
    /// Those of them that nobody vouches for.
    pub guests: usize,
    /// Those of one client's address.
    pub guests_per_client: usize,
    /// How long a registration is kept that nobody vouches for, after it was heard of last.
    pub guest_ttl: Duration,
    /// Topics held at once, finished ones included. Initiators that are known may have a quarter more.
    pub topics: usize,
    /// Unfinished topics of one client's address, unless it is known.
    pub topics_per_client: usize,
    /// Subscribers of one topic.
    pub subscribers: usize,
    /// Beyond that, further ones are refused.
    pub messages_per_topic: usize,
    /// Messages of one signer in one topic, so that one of them cannot use up what the others need.
    pub messages_per_signer: usize,
    /// Bytes of the names and addresses of one guest's topic, as a list of topics tells them.
    pub topic_bytes: usize,
    /// Bytes that all topics of guests take, without their messages; a client's address has a quarter of them.
    pub guest_topic_bytes: usize,
    /// Bytes of all messages held, over all topics.
    pub message_bytes: usize,
    /// Those of them whose signers nobody vouches for; where nobody is named, of all. A client's address has a sixth.
    pub guest_message_bytes: usize,
    /// Bytes of all results and conflicting results held.
    pub result_bytes: usize,
    /// Those of them that nobody vouches for; where nobody is named, of all.
    pub guest_result_bytes: usize,
    /// Conflicting results kept for one request id.
    pub conflicts: usize,
    /// Bytes of them.
    pub conflict_bytes: usize,
    /// Longest time for one delivery, from connecting to the last byte of the reply.
    pub delivery_deadline: Duration,
    /// How long an old address has to answer `/ping` before somebody else may take the name.
    pub probe_deadline: Duration,
    /// Deliveries to one address at once, over all topics. Within a topic deliveries are always one at a time.
    pub parallel_deliveries: usize,
    /// The Go node's session table is not locked, so it gets one delivery at a time over all topics, unless a delivery
    /// takes longer than this: then the next topic no longer waits for it.
    pub overtake: Duration,
    /// First pause before a message is delivered again; doubled each time.
    pub backoff_first: Duration,
    /// Longest pause before a message is delivered again.
    pub backoff_max: Duration,
    /// Attempts for a message that the subscriber answers with an error that is not known to pass or to stay.
    pub error_attempts: u32,
    /// A message that could not be delivered for this long is dropped.
    pub delivery_ttl: Duration,
    /// An unfinished topic in which nothing happened for this long is removed.
    pub topic_ttl: Duration,
    /// How long a finished topic's messages are kept for late observers.
    pub linger: Duration,
    /// How long a finished topic and its result are kept.
    pub result_ttl: Duration,
}

impl Limits {
    /// Where nobody is named, all are guests: their room is all there is.
    pub(super) fn among_guests(&mut self) {
        self.message_bytes = self.message_bytes.min(self.guest_message_bytes);
        self.result_bytes = self.result_bytes.min(self.guest_result_bytes);
    }

    /// Room for messages.
    pub(super) fn rooms(&self, is_somebody_named: bool) -> Rooms {
        let all = self.message_bytes;
        let most = if is_somebody_named { all / 2 } else { all };
        Rooms {
            all,
            guests: most.min(self.guest_message_bytes),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            guest_message: 128 << 10,
            result: 256 << 10,
            body_deadline: Duration::from_secs(10),
            connections: 768,
            request_deadline: Duration::from_secs(30),
            idle: Duration::from_secs(120),
            registered: 1024,
            guests: 512,
            guests_per_client: 64,
            guest_ttl: Duration::from_secs(7 * 24 * 60 * 60),
            topics: 4096,
            topics_per_client: 256,
            subscribers: 64,
            messages_per_topic: 1024,
            messages_per_signer: 64,
            topic_bytes: 16 << 10,
            guest_topic_bytes: 6 << 20,
            message_bytes: 128 << 20,
            guest_message_bytes: 12 << 20,
            result_bytes: 64 << 20,
            guest_result_bytes: 4 << 20,
            conflicts: 16,
            conflict_bytes: 512 << 10,
            delivery_deadline: Duration::from_secs(30),
            probe_deadline: Duration::from_millis(1_500),
            parallel_deliveries: 8,
            overtake: Duration::from_secs(2),
            backoff_first: Duration::from_millis(10),
            backoff_max: Duration::from_secs(1),
            error_attempts: 11,
            delivery_ttl: Duration::from_secs(15 * 60),
            topic_ttl: Duration::from_secs(60 * 60),
            linger: Duration::from_secs(10 * 60),
            result_ttl: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}
