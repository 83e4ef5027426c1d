//! `[dkg]`: how the oracle runs ceremonies.

use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::{Bad, HttpUrl, Value, choice};
use crate::dkg::{DkgConfig, MessengerChoice, backends};
use crate::types::BackendName;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "dkg.backend",
        "rockx",
        "Which DKG protocol the operators' nodes speak.",
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
        "dkg.round_deadline",
        "a time",
        "How long an operator may be silent in a round before it is named missing.",
    )
    .default("60s"),
    Key::new(
        "dkg.initiator_key_file",
        "a path",
        "RSA private key (PEM) that signs start messages, for operators that check it.",
    ),
];

impl Value for BackendName {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        let names: Vec<_> = backends().map(|backend| (backend.name(), backend)).collect();
        choice(raw, &names).map(|backend| Self::new(backend.name()))
    }
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<DkgConfig> {
    let backend = r.required("dkg.backend");
    let foreign = r.optional::<HttpUrl>("dkg.messenger_url");
    let listen = r.required("dkg.messenger_listen");
    let public_url = r.optional::<HttpUrl>("dkg.messenger_public_url");
    let observer_listen = r.required("dkg.observer_listen");
    let observer_public_url = r.optional::<HttpUrl>("dkg.observer_public_url");
    let round_deadline = r.positive("dkg.round_deadline");
    let initiator_key_file = r.path("dkg.initiator_key_file");
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
        round_deadline: round_deadline?,
        initiator_key_file: initiator_key_file?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_names_every_backend() {
        let key = KEYS.iter().find(|key| key.name == "dkg.backend").unwrap();
        let names: Vec<_> = backends().map(|backend| backend.name()).collect();
        assert_eq!(key.takes, names.join(" or "));
        assert_eq!(key.default, Some(BackendName::default().as_str()));
    }
}
