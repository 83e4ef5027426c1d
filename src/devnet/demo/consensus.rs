//! The consensus layer of the network: none, the development beacon, Lodestar, or a node that runs elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::failed_part;
use crate::beacon::client::{Beacon, BeaconConfig};
use crate::devnet::anvil::Progress;
use crate::devnet::beacon::{BeaconOptions, BeaconSpec, DevBeacon};
use crate::devnet::lodestar::{self, Lodestar, LodestarOptions};
use crate::devnet::{Devnet, DevnetError};
use crate::types::{RedactedUrl, Root, SafeText};

/// Which consensus layer the network has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DemoBeacon {
    /// None at all.
    Absent,
    /// The development beacon of this program.
    Development(BeaconSpec),
    /// Lodestar, with a chain of its own that has these constants.
    Lodestar(BeaconSpec),
    /// A node that runs elsewhere and follows the deposit contract: its Beacon API, and the chain's constants.
    External {
        /// Base URL of its Beacon API.
        url: String,
        /// Fork versions that operators are told to accept.
        spec: BeaconSpec,
    },
}

impl DemoBeacon {
    /// The development beacon's short chain, two blocks behind the execution chain.
    #[must_use]
    pub fn development() -> Self {
        Self::Development(two_blocks_behind())
    }

    /// The same on Lodestar, with slots of two seconds: in one second its votes are often late where other programs want
    /// the processor too, and without votes nothing becomes final and nobody active.
    #[must_use]
    pub fn lodestar() -> Self {
        Self::Lodestar(BeaconSpec {
            slot_duration: Duration::from_secs(2),
            ..two_blocks_behind()
        })
    }

    /// What a screen says of it.
    #[must_use]
    pub fn label(&self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Development(_) => Some("development beacon"),
            Self::Lodestar(_) => Some(lodestar::LABEL),
            Self::External { .. } => Some("a beacon node beside it"),
        }
    }

    pub(super) fn spec(&self) -> BeaconSpec {
        match self {
            Self::Absent => BeaconSpec::default(),
            Self::Development(spec) | Self::Lodestar(spec) | Self::External { spec, .. } => spec.clone(),
        }
    }
}

fn two_blocks_behind() -> BeaconSpec {
    BeaconSpec {
        follow_distance: 2,
        ..BeaconSpec::default()
    }
}

/// A running consensus layer. What runs in it ends when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Consensus {
    pub(super) development: Option<Arc<DevBeacon>>,
    pub(super) lodestar: Option<Lodestar>,
    pub(super) url: Option<String>,
    pub(super) genesis_validators_root: Option<Root>,
}

impl Consensus {
    pub(super) async fn start(
        beacon: &DemoBeacon,
        devnet: &Devnet,
        block_time: u64,
        folder: &Path,
        progress: Progress<'_>,
    ) -> Result<Self, DevnetError> {
        match beacon {
            DemoBeacon::Absent => Ok(Self::default()),
            DemoBeacon::Development(spec) => {
                progress("starting the development beacon");
                let beacon = DevBeacon::start(BeaconOptions {
                    spec: spec.clone(),
                    execution: Some(devnet.http_url()),
                    ..BeaconOptions::default()
                })
                .await?;
                Ok(Self {
                    url: Some(beacon.url()),
                    genesis_validators_root: Some(beacon.genesis_validators_root()),
                    development: Some(Arc::new(beacon)),
                    lodestar: None,
                })
            }
            DemoBeacon::Lodestar(spec) => {
                let package = lodestar::ensure(progress).await?;
                // it reads them whenever they come, but nothing of ours may come before them
                lodestar::mirror_genesis_deposits(devnet, spec.genesis_fork_version).await?;
                let options = LodestarOptions {
                    execution: devnet.http_url(),
                    block_time,
                    spec: spec.clone(),
                    folder: folder.join("lodestar"),
                };
                let node = Lodestar::start(&package, &options, progress).await?;
                Ok(Self {
                    url: Some(node.url()),
                    genesis_validators_root: Some(node.genesis_validators_root()),
                    development: None,
                    lodestar: Some(node),
                })
            }
            DemoBeacon::External { url, .. } => {
                let node = vec![RedactedUrl::new(url.clone())];
                let genesis = match Beacon::new(BeaconConfig::new(node, None)) {
                    Ok(beacon) => beacon.genesis().await,
                    Err(error) => Err(error),
                };
                let genesis = genesis.map_err(|error| failed_part("the beacon node", &error))?;
                Ok(Self {
                    url: Some(url.clone()),
                    genesis_validators_root: Some(genesis.genesis_validators_root),
                    ..Self::default()
                })
            }
        }
    }

    /// Why it is gone, if it is.
    pub(super) fn exited(&self) -> Option<SafeText> {
        self.lodestar.as_ref()?.exited()
    }
}
