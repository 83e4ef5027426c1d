//! `[dkg]`: how the oracle runs ceremonies.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::{self, Bad, HttpUrl, Value};
use crate::dkg::backends;
use crate::listen::Network;
use crate::types::{BackendName, RedactedUrl};

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "dkg.backend",
        "rockx",
        "The DKG protocol that the operators speak.",
    )
    .default("rockx"),
    Key::new(
        "dkg.messenger_url",
        "an http(s) URL",
        "Messenger to use; without it the oracle runs its own within its process.",
    )
    .url()
    .flag("--messenger"),
    Key::new(
        "dkg.messenger_listen",
        "an address and port",
        "Where the messenger within the process listens.",
    )
    .default("127.0.0.1:3000"),
    Key::new(
        "dkg.messenger_public_url",
        "an http(s) URL",
        "How operators reach the messenger within the process; without it http://<listen address>.",
    )
    .url(),
    Key::new(
        "dkg.observer_listen",
        "an address and port",
        "Where the oracle receives every protocol message as observer.",
    )
    .default("127.0.0.1:0"),
    Key::new(
        "dkg.observer_public_url",
        "an http(s) URL",
        "How the messenger reaches the observer; without it http://<listen address>.",
    )
    .url(),
    Key::new(
        "dkg.observer_trusted_proxies",
        "a list of IP addresses or ranges",
        "Proxies before the observer: whose X-Forwarded-For tells who asks.",
    ),
    Key::new(
        "dkg.round_deadline",
        "a time",
        "How long an operator may be silent in a round before it is named missing.",
    )
    .within("1s", "1h")
    .default("60s"),
    Key::new(
        "dkg.ceremonies_at_once",
        "a number, at least 1",
        "Most ceremonies that run side by side; the others wait in the contract's order. Without it one for each core.",
    ),
    Key::new(
        "dkg.initiator_key_file",
        "a path",
        "RSA private key (PEM) that signs start messages, for operators that check it.",
    ),
];

impl Value for BackendName {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        let all = backends::ALL.iter();
        let names: Vec<_> = all.map(|known| (known.name.as_str(), known)).collect();
        value::choice(raw, &names).map(|known| known.name.clone())
    }
}

/// Who relays between operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessengerChoice {
    /// One that runs elsewhere.
    Foreign(RedactedUrl),
    /// Our own, within this process.
    Embedded {
        /// Plain HTTP; port 0 takes a free one.
        listen: SocketAddr,
        /// How operators reach it. `None`: `http://` and the address that was bound.
        public_url: Option<RedactedUrl>,
    },
}

/// How the oracle runs ceremonies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkgConfig {
    /// One of the backends that this program has.
    pub backend: BackendName,
    pub messenger: MessengerChoice,
    /// Where the observer listens.
    pub observer_listen: SocketAddr,
    /// How the messenger reaches the observer. `None`: `http://` and the address that was bound.
    pub observer_public_url: Option<RedactedUrl>,
    /// Proxies before the observer.
    pub observer_trusted_proxies: Vec<Network>,
    /// Longest silence of an operator within a round.
    pub round_deadline: Duration,
    /// Most ceremonies that run side by side. `None`: see [`DkgConfig::at_once`].
    pub ceremonies_at_once: Option<NonZeroU32>,
    /// RSA key that signs start messages.
    pub initiator_key_file: Option<PathBuf>,
}

impl DkgConfig {
    /// Most ceremonies that run side by side: as configured, else one for each core that this process may use. To verify
    /// the end of one is arithmetic for one core.
    #[must_use]
    pub fn at_once(&self) -> usize {
        match self.ceremonies_at_once {
            Some(most) => usize::try_from(most.get()).unwrap_or(usize::MAX),
            None => available_parallelism().map_or(1, usize::from),
        }
    }
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<DkgConfig> {
    let backend = r.required("dkg.backend");
    let foreign = r.optional::<HttpUrl>("dkg.messenger_url");
    let listen = r.required("dkg.messenger_listen");
    let public_url = r.optional::<HttpUrl>("dkg.messenger_public_url");
    let observer_listen = r.required("dkg.observer_listen");
    let observer_public_url = r.optional::<HttpUrl>("dkg.observer_public_url");
    let observer_trusted_proxies = super::proxies(r, "dkg.observer_trusted_proxies");
    let round_deadline = r.required("dkg.round_deadline");
    let ceremonies_at_once = r.optional("dkg.ceremonies_at_once");
    let initiator_key_file = r.path("dkg.initiator_key_file");
    if matches!(foreign, Some(Some(_))) {
        for key in ["dkg.messenger_listen", "dkg.messenger_public_url"] {
            if r.is_said(key) {
                let message =
                    "is for the messenger within the process, and dkg.messenger_url names another one";
                r.worry(key, message);
            }
        }
    }
    let messenger = match foreign? {
        Some(url) => MessengerChoice::Foreign(url.0),
        None => MessengerChoice::Embedded {
            listen: listen?,
            public_url: public_url?.map(|url| url.0),
        },
    };
    Some(DkgConfig {
        backend: backend?,
        messenger,
        observer_listen: observer_listen?,
        observer_public_url: observer_public_url?.map(|url| url.0),
        observer_trusted_proxies: observer_trusted_proxies?.unwrap_or_default(),
        round_deadline: round_deadline?,
        ceremonies_at_once: ceremonies_at_once?,
        initiator_key_file: initiator_key_file?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_configured_is_what_there_is() {
        let key = KEYS.iter().find(|key| key.name == "dkg.backend").unwrap();
        let names: Vec<String> = backends::ALL.iter().map(|known| known.name.to_string()).collect();
        assert_eq!(key.takes.split(" or ").collect::<Vec<_>>(), names);
        assert!(names.iter().any(|name| Some(name.as_str()) == key.default));
    }
}
