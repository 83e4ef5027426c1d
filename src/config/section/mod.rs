//! One file for each section: its keys, its typed form, and what must hold within it.

pub(super) mod attach;
pub(super) mod beacon;
pub(super) mod contract;
pub(super) mod dkg;
pub(super) mod fees;
pub(super) mod http;
pub(super) mod journal;
pub(super) mod log;
pub(super) mod messenger;
pub(super) mod metrics;
pub(super) mod network;
pub(super) mod node;
pub(super) mod notices;
pub(super) mod operators;
pub(super) mod person;
pub(super) mod policy;
pub(super) mod rpc;
pub(super) mod selection;
pub(super) mod signer;
pub(super) mod state;
mod tls;
pub(super) mod ui;
pub(super) mod undo;

pub use crate::monitor::MetricsListen;
pub use attach::{Access, AttachConfig, Socket, Who};
pub use beacon::BeaconConfig;
pub use contract::{ContractConfig, Floors};
pub use dkg::{DkgConfig, MessengerChoice};
pub use fees::FeesConfig;
pub use journal::JournalConfig;
pub use log::{LogConfig, LogFormat};
pub use messenger::{MessengerConfig, Takeover};
pub use network::NetworkConfig;
pub use node::{AllowedExits, AllowedInitiator, AllowedOwner, NodeConfig, NodeKey, NodeRules};
pub use notices::{NoticesConfig, NoticesTo, Receiver, UrlSource};
pub use operators::OperatorsConfig;
pub use policy::{PolicyConfig, PolicyRule};
pub use rpc::RpcConfig;
pub use selection::{SelectionConfig, SelectionRule};
pub use signer::{RemoteKey, SignerConfig, SignerKey};
pub use ui::{Notify, UiConfig};

use tls::{proxies, tls};
