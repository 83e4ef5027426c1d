//! How a backend's operators are, and whatever relays between them, before anything runs: what `doctor` asks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::http::Http;
use crate::operators::SsvApi;
use crate::ports::{Answer, OperatorHealth};
use crate::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText};

/// Whom a backend works with, as it is configured.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// By whose rules everybody is asked.
    pub(crate) http: Http,
    /// Nobody is waited for longer.
    pub(crate) deadline: Duration,
    pub(crate) operators: BTreeMap<OperatorId, OperatorRecord>,
    /// Where keys of operators are asked that are configured without one.
    pub(crate) registry: Option<SsvApi>,
    pub(crate) relay: Relay,
    /// The oracle has a key to prove at the relay that it is the one.
    pub(crate) has_key: bool,
}

/// Where whatever relays between the operators is.
#[derive(Debug, Clone)]
pub(crate) enum Relay {
    /// It runs elsewhere.
    At(RedactedUrl),
    /// It will run within the process.
    Here {
        listen: SocketAddr,
        /// How operators reach it; none: where it listens.
        public_url: Option<RedactedUrl>,
    },
}

/// What was found.
#[derive(Debug)]
pub struct Health {
    /// The operators, by id.
    pub operators: Vec<OperatorHealth>,
    /// Of whom no key is known, and why.
    pub keyless: BTreeMap<OperatorId, SafeText>,
    /// Everything else, in the order in which it is shown.
    pub other: Vec<Examined>,
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Examined {
    /// In a few words, for people.
    pub what: &'static str,
    /// What was found. Where it is not as it should be: what is wrong, or why that is not known.
    pub found: Answer<SafeText>,
    /// What to do; of a *yes*, what to look at all the same.
    pub hint: Option<&'static str>,
}
