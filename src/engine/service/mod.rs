//! The engine with everything around it: endpoints, contracts, the DKG backend, feeds.

mod alone;
mod backend;
mod beside;
mod ceremony;
mod contract;
mod doors;
mod feeds;
mod files;
mod gate;
mod opening;
mod outside;
mod reasons;
mod rules;
mod start;
mod transcripts;

pub use crate::desk::not_done;
pub use crate::dkg::health::{Examined, Health};
pub use alone::{Alone, Holder, NotAlone, alone, holder};
pub use backend::{BackendError, health};
pub use doors::{receiver, receivers};
pub use feeds::beacon_clock;
pub use files::{Judged, files, judge_initiator_key, of_http, of_tls, walk};
pub use start::{Reloads, Running, ServiceError, ServiceOptions, start};
