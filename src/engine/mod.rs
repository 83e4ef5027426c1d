//! The shell around the decision core: inputs, effects, supervision, shutdown, handle.

mod audit;
mod commit;
mod core;
mod handle;
mod keyed;
mod launch;
mod live;
mod monitor;
pub mod notices;
mod publish;
mod reminders;
pub mod service;
mod signatures;
mod spend;
mod state_cache;
mod transition;
mod translate;
mod world;

pub use self::audit::{Audit, JournalIdentity, audit, identity};
pub use self::core::{EngineError, Incoming};
pub use crate::oracle::Unexplained;
pub use handle::{EngineGone, EngineHandle, EngineSide, Identity, Seat, ToEngine, channel};
pub use keyed::keyed;
pub use launch::{OpenedEngine, journal_at, open};
pub use live::{Costs, LiveUpdate};
pub use monitor::OracleProbe;
pub use publish::VERSION;
pub use reminders::{Reminder, Reminders};
pub use translate::{
    Gap, Voided, knows_account, sentence, signature_is_right, understood, unexplained, void_undecided,
};
pub use world::{EffectFuture, World};
