//! The development beacon: a small beacon node of our own, for tests, faults and the default demo.
//!
//! It keeps the rules that matter to the oracle (deposit signatures, the validator's life, exits) for a registry of real
//! validators, and answers the Beacon API over HTTP. It has no peers, no attestations and no blocks worth the name, and
//! says so in its version.

mod api;
mod exit;
mod faults;
mod follow;
mod interop;
mod spec;
mod state;
mod validator;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

pub use exit::{ClientFamily, ExitMessage, ExitProblem, SignedExit};
pub use faults::{Faults, StreamFault};
pub(super) use interop::interop_credentials;
pub use interop::interop_secret;
pub use spec::BeaconSpec;
pub use state::{Deposit, Event, Withdrawal};
pub use validator::{Status, Validator};

use self::follow::Follower;
use self::state::State;
use super::DevnetError;
use crate::types::{BlsPublicKey, Root};

/// What `/eth/v1/node/version` says, and every screen that shows it.
pub const VERSION: &str = concat!(
    "casimir-dkg development beacon (simulated)/",
    env!("CARGO_PKG_VERSION")
);
/// Events that a slow subscriber may lag behind.
const EVENT_BACKLOG: usize = 1024;

/// When slots pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeaconClock {
    /// By the system's clock, from genesis at the start.
    Real,
    /// Only by [`DevBeacon::advance_slots`].
    Manual,
}

/// How to start a development beacon.
#[derive(Debug, Clone)]
pub struct BeaconOptions {
    /// Where to listen; loopback and any free port by default.
    pub listen: SocketAddr,
    /// When slots pass.
    pub clock: BeaconClock,
    /// Constants of the chain.
    pub spec: BeaconSpec,
    /// Publicly known development validators that are active from genesis on (see [`interop_secret`]).
    pub genesis_validators: u64,
    /// JSON-RPC URL of the execution node whose deposits count.
    pub execution: Option<String>,
}

impl Default for BeaconOptions {
    /// A real clock, 16 validators, no execution node.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: BeaconClock::Real,
            spec: BeaconSpec::default(),
            genesis_validators: 16,
            execution: None,
        }
    }
}

/// What the handlers and the clock share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    faults: Mutex<Faults>,
    events: broadcast::Sender<Event>,
    /// The faults were changed.
    changed: watch::Sender<()>,
    /// How far its clock is ahead of the system's.
    ahead: watch::Sender<Duration>,
    follower: tokio::sync::Mutex<Option<Follower>>,
    stop: watch::Receiver<bool>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The validator that the node is told to know nothing of.
    fn hidden(&self, state: &State) -> Option<usize> {
        state.index_of(self.faults().hidden.as_ref()?)
    }

    /// Reads deposits, goes on to the next slot, pays withdrawals and tells the subscribers.
    async fn next_slot(&self) {
        let mut follower = self.follower.lock().await;
        if let Some(follower) = follower.as_mut() {
            match follower.deposits().await {
                Ok(deposits) => {
                    let mut state = self.state();
                    deposits.iter().for_each(|deposit| state.deposit(deposit));
                }
                Err(error) => tracing::warn!(target: "devnet::beacon", %error, "deposits cannot be read"),
            }
        }
        let outcome = {
            let hold_exits = self.faults().hold_exits;
            let mut state = self.state();
            state.hold_exits = hold_exits;
            state.next_slot()
        };
        if let Some(follower) = follower.as_ref() {
            for withdrawal in outcome.withdrawals {
                if let Err(error) = follower.pay(withdrawal).await {
                    tracing::warn!(target: "devnet::beacon", %error, "a withdrawal could not be paid out");
                }
            }
        }
        for event in outcome.events {
            self.tell(event);
        }
    }

    fn tell(&self, event: Event) {
        if self.faults().streams != StreamFault::Silent {
            // an error means that nobody listens
            let _ = self.events.send(event);
        }
    }
}

/// A running development beacon. It stops when this is dropped.
#[derive(Debug)]
pub struct DevBeacon {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    clock: Option<JoinHandle<()>>,
}

impl DevBeacon {
    /// Starts it: genesis is now.
    ///
    /// # Errors
    /// The address cannot be listened on, or the execution node's URL is none.
    pub async fn start(options: BeaconOptions) -> Result<Self, DevnetError> {
        let part = |error: std::io::Error| DevnetError::Part {
            what: "the development beacon",
            reason: error.to_string().into(),
        };
        if options.spec.slot_duration.as_millis() == 0 || options.spec.slots_per_epoch == 0 {
            return Err(DevnetError::Option("slots and epochs take time".into()));
        }
        let follower = match &options.execution {
            Some(url) => Some(Follower::new(
                url,
                options.spec.deposit_contract,
                options.spec.follow_distance,
            )?),
            None => None,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(part)?;
        let address = listener.local_addr().map_err(part)?;
        let (stop, stopped) = watch::channel(false);
        let genesis_time = since_epoch().as_secs();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::genesis(
                options.spec,
                genesis_time,
                options.genesis_validators,
            )),
            faults: Mutex::default(),
            events: broadcast::Sender::new(EVENT_BACKLOG),
            changed: watch::Sender::new(()),
            ahead: watch::Sender::new(Duration::ZERO),
            follower: tokio::sync::Mutex::new(follower),
            stop: stopped.clone(),
        });
        let router = api::router(Arc::clone(&shared));
        tokio::spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(stopping(stopped))
                .await;
            if let Err(error) = served {
                tracing::error!(target: "devnet::beacon", %error, "the development beacon's server ended");
            }
        });
        let clock = (options.clock == BeaconClock::Real).then(|| tokio::spawn(run(Arc::clone(&shared))));
        tracing::info!(target: "devnet::beacon", %address, VERSION, "listening");
        Ok(Self {
            shared,
            address,
            stop,
            clock,
        })
    }

    /// The Beacon API's base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets slots pass, whatever the clock.
    pub async fn advance_slots(&self, slots: u64) {
        for _ in 0..slots {
            self.shared.next_slot().await;
        }
    }

    /// Lets slots pass until so many epochs later, at their first slot.
    pub async fn advance_epochs(&self, epochs: u64) {
        let target = self.epoch() + epochs;
        while self.epoch() < target {
            self.shared.next_slot().await;
        }
    }

    /// Puts its clock forward. By [`BeaconClock::Real`] it catches up with it slot by slot, at once.
    pub fn skip(&self, time: Duration) {
        self.shared.ahead.send_modify(|ahead| *ahead += time);
    }

    /// The slot of the head.
    #[must_use]
    pub fn slot(&self) -> u64 {
        self.shared.state().slot
    }

    /// The epoch of the head.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.shared.state().epoch()
    }

    /// Part of the domain of exits.
    #[must_use]
    pub fn genesis_validators_root(&self) -> Root {
        self.shared.state().genesis_validators_root
    }

    /// A validator's index and record.
    #[must_use]
    pub fn validator(&self, key: &BlsPublicKey) -> Option<(u64, Validator)> {
        let state = self.shared.state();
        let index = state.index_of(key)?;
        Some((u64::try_from(index).ok()?, state.validators[index].clone()))
    }

    /// A validator's status.
    #[must_use]
    pub fn status(&self, key: &BlsPublicKey) -> Option<Status> {
        let epoch = self.epoch();
        self.validator(key).map(|(_, validator)| validator.status(epoch))
    }

    /// Exits that wait for a block.
    #[must_use]
    pub fn pool(&self) -> Vec<SignedExit> {
        self.shared.state().pool.values().copied().collect()
    }

    /// Forgets the exits that wait for a block: a node that was restarted.
    pub fn clear_pool(&self) {
        self.shared.state().pool.clear();
    }

    /// Slashes a validator.
    pub fn slash(&self, key: &BlsPublicKey) {
        let mut state = self.shared.state();
        if let Some(index) = state.index_of(key) {
            state.slash(index);
        }
    }

    /// Adds a deposit by hand, as if the contract had logged it.
    pub fn deposit(&self, deposit: &Deposit) {
        self.shared.state().deposit(deposit);
    }

    /// Tells those who listen something, true or not.
    pub fn tell(&self, event: Event) {
        self.shared.tell(event);
    }

    /// Those who listen to the events now.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.shared.events.receiver_count()
    }

    /// Changes the faults in force.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.shared.faults());
        self.shared.changed.send_replace(());
    }
}

impl Drop for DevBeacon {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.abort();
        }
        self.stop.send_replace(true);
    }
}

/// Lets slots pass by the clock; catches up when it was held up.
async fn run(shared: Arc<Shared>) {
    let mut clock = shared.ahead.subscribe();
    loop {
        let next = {
            let state = shared.state();
            state.spec.start_of(state.genesis_time, state.slot + 1)
        };
        let ahead = *clock.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep(next.saturating_sub(since_epoch() + ahead)) => shared.next_slot().await,
            // put forward: the next slot may have begun
            Ok(()) = clock.changed() => {}
        }
    }
}

async fn stopping(mut stop: watch::Receiver<bool>) {
    // an error means that the sender is gone: the same
    let _ = stop.wait_for(|stop| *stop).await;
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
