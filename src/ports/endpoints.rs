//! How the endpoints of the execution layer are doing, as they were found when they were last asked.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::types::{SafeText, UnixMillis};

/// How an endpoint is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointState {
    /// Not asked yet.
    Unchecked,
    /// The last call was answered.
    Healthy,
    /// Some calls in a row failed, fewer than open the breaker.
    Failing,
    /// So many failed that the breaker opened: it is asked again after a pause, and is down until it answers.
    Down,
    /// It asked us to wait.
    RateLimited,
    /// It serves another chain and is not used.
    WrongChain,
}

/// What people are shown of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointHealth {
    /// The URL without its secrets.
    pub name: SafeText,
    /// How it is doing.
    pub state: EndpointState,
    /// The chain that it said it serves (EIP-155), when it was last asked.
    pub chain_id: Option<u64>,
    /// The newest block that it is known to have.
    pub head: Option<u64>,
    /// Moving average of the time to answer.
    pub latency: Option<Duration>,
    /// The newest failure.
    pub last_error: Option<SafeText>,
    /// When it last answered.
    pub last_ok: Option<UnixMillis>,
    /// How often it left out a log that its own block header promised.
    pub omitted_logs: u64,
    /// How often it told something of the chain that others deny.
    pub contradicted: u64,
    /// Blocks by which its logs are behind its head.
    pub logs_behind: u64,
    /// Blocks of logs that it is asked for at once, where it refused more.
    pub log_span: Option<u64>,
    /// Why it did not take the newest transaction.
    pub refuses: Option<SafeText>,
    /// Why it does not tell the logs of even one block, where it has refused that again and again.
    pub no_logs: Option<SafeText>,
    /// Which of its newest answers cannot be used, and why: it has not the form that the method promises, or is nothing
    /// where others answer.
    pub odd: Option<SafeText>,
    /// Which call it did not answer in time a while ago: others are asked first.
    pub slow: Option<SafeText>,
    /// Blocks by which its head is below the one that is followed, where that is far.
    pub behind: Option<u64>,
    /// It lacks `eth_getBlockReceipts`: by it nobody finds what is left out of logs.
    pub no_receipts: bool,
    /// It says that it is still syncing: what it tells is of an old state.
    pub syncing: bool,
    /// It asked to wait a moment ago, whether it is over or not.
    pub limited: bool,
    /// For how much longer it wants to be left alone.
    pub limited_for: Option<Duration>,
}

/// Every endpoint that is configured, in that order. There is at least one.
#[async_trait]
pub trait Endpoints: Send + Sync + fmt::Debug {
    /// How each is. Nobody is asked for it.
    fn health(&self) -> Vec<EndpointHealth>;

    /// Asks each what nothing else asks of it, for the next look at its health: whether it is still syncing.
    async fn look(&self);

    /// The one at this place told what others deny, in words.
    fn contradicted(&self, position: usize, what: &SafeText);
}
