//! The handle: where the proxy listens, its levers, and what it has done.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::board::{Board, CallCount, Entry};
use super::desk::{self, Desk};
use super::error::ProxyError;
use super::listen;
use super::scenario::Scenario;
use super::target::Target;

/// Whether a scenario or rule is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// In force, counted from now.
    On,
    /// Not.
    Off,
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

/// A loaded scenario, for people who choose one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioView {
    pub name: String,
    /// One sentence that says what happens.
    pub about: String,
    /// Its rules in the order of the file.
    pub rules: Vec<RuleView>,
}

/// A rule of the loaded scenario, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleView {
    pub name: String,
    /// Whether it is switched on.
    pub on: bool,
    /// How often it struck since the scenario was loaded.
    pub strikes: u64,
}

/// A running fault proxy. Dropped, its listeners and all their connections end.
#[derive(Debug)]
pub struct FaultProxy {
    board: Arc<Board>,
    listeners: Vec<Listener>,
}

#[derive(Debug)]
struct Listener {
    name: String,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.task.abort();
        }
    }
}

impl FaultProxy {
    /// Stands before each target with a listener of its own. Until a scenario is switched on it passes everything on.
    ///
    /// # Errors
    /// Two targets have one name, or there is no port.
    pub async fn start(targets: Vec<Target>) -> Result<Self, ProxyError> {
        let mut names = BTreeSet::new();
        for target in &targets {
            if !names.insert(target.name.as_str()) {
                return Err(ProxyError::SameName(target.name.as_str().into()));
            }
        }
        let client = desk::client()?;
        let mut proxy = Self {
            board: Arc::new(Board::new(&targets)),
            listeners: Vec::new(),
        };
        for (index, target) in targets.into_iter().enumerate() {
            let (listener, address) = listen::bind().await?;
            let name = target.name.clone();
            tracing::info!(target: "devnet::proxy", %address, name, kind = %target.kind, "listening");
            let desk = Desk::new(index, target, Arc::clone(&proxy.board), client.clone());
            let task = tokio::spawn(listen::run(listener, Arc::new(desk)));
            proxy.listeners.push(Listener { name, address, task });
        }
        Ok(proxy)
    }

    fn address(&self, target: &str) -> Result<SocketAddr, ProxyError> {
        let found = self.listeners.iter().find(|listener| listener.name == target);
        found.map(|listener| listener.address).ok_or_else(|| {
            let names = self.listeners.iter().map(|listener| listener.name.as_str());
            ProxyError::unknown("target", target, names)
        })
    }

    /// The URL to use in place of the target's.
    ///
    /// # Errors
    /// There is no target of this name.
    pub fn url(&self, target: &str) -> Result<String, ProxyError> {
        Ok(format!("http://{}", self.address(target)?))
    }

    /// The URL to use in place of the target's WebSocket.
    ///
    /// # Errors
    /// There is no target of this name.
    pub fn socket_url(&self, target: &str) -> Result<String, ProxyError> {
        Ok(format!("ws://{}", self.address(target)?))
    }

    /// Words about targets with their addresses here in place of their names: as whoever is told these addresses calls
    /// them.
    #[must_use]
    pub fn in_addresses(&self, words: &str) -> String {
        let named =
            |words: String, listener: &Listener| words.replace(&listener.name, &listener.address.to_string());
        self.listeners.iter().fold(words.to_owned(), named)
    }

    /// Takes a scenario, all of it off. One of the same name is replaced.
    ///
    /// # Errors
    /// It names a target that there is not.
    pub fn load(&self, scenario: Scenario) -> Result<(), ProxyError> {
        self.board.load(scenario)
    }

    /// Switches all rules of a scenario.
    ///
    /// # Errors
    /// It is not loaded.
    pub fn switch(&self, scenario: &str, to: Switch) -> Result<(), ProxyError> {
        self.board.switch(scenario, None, to)
    }

    /// Switches one rule.
    ///
    /// # Errors
    /// There is no such rule.
    pub fn switch_rule(&self, scenario: &str, rule: &str, to: Switch) -> Result<(), ProxyError> {
        self.board.switch(scenario, Some(rule), to)
    }

    /// Pulls a lever that rules wait for (`from_lever`, `to_lever`).
    ///
    /// # Errors
    /// No loaded rule waits for it.
    pub fn pull(&self, lever: &str) -> Result<(), ProxyError> {
        self.board.pull(lever)
    }

    /// All loaded scenarios, with what is on and how often it struck.
    #[must_use]
    pub fn scenarios(&self) -> Vec<ScenarioView> {
        self.board.views()
    }

    /// How often the rules of a scenario struck since it was loaded.
    #[must_use]
    pub fn strikes(&self, scenario: &str) -> u64 {
        let of = self
            .board
            .views()
            .into_iter()
            .filter(|view| view.name == scenario);
        of.flat_map(|view| view.rules).map(|rule| rule.strikes).sum()
    }

    /// How often each target was asked what, struck or not.
    #[must_use]
    pub fn counts(&self) -> Vec<CallCount> {
        self.board.counts()
    }

    /// How often a target was asked this: a JSON-RPC method, `GET /path`, or `event name of /path`.
    #[must_use]
    pub fn calls(&self, target: &str, method: &str) -> u64 {
        let counts = self.board.counts().into_iter();
        let mine = counts.filter(|count| count.target == target && count.method == method);
        mine.map(|count| count.calls).sum()
    }

    /// What it did, the oldest first: what was said instead, and to which call. The newest some thousand entries are
    /// kept.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.board.log().0
    }

    /// Entries of the log that are no longer kept.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.board.log().1
    }
}
