//! The shell around the decision core: inputs, effects, supervision, shutdown, handle.

mod commit;
mod core;
mod handle;
mod kept;
mod launch;
mod live;
mod publish;
pub mod service;
mod translate;
mod world;

pub use self::core::{EngineError, Incoming};
pub use handle::{Asked, EngineGone, EngineHandle, EngineSide, Identity, Seat, channel};
pub use launch::{Opened, open};
pub use live::LiveUpdate;
pub use publish::VERSION;
pub use translate::sentence;
pub use world::{Outcome, World};
