//! The contracts behave as described: each revert text, the serial queue, who may call what, both cluster layouts, and
//! reshares that are stored or forgotten.

mod deposits;
mod pools;
mod registry;
mod ssv;
mod versions;

use casimir_dkg::devnet::{Devnet, DevnetOptions};
use casimir_dkg::types::ClusterLayout;

use super::support::devnet;

const LAYOUTS: [ClusterLayout; 2] = [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance];

async fn with_layout(layout: ClusterLayout) -> Devnet {
    devnet(DevnetOptions {
        cluster_layout: layout,
        ..DevnetOptions::default()
    })
    .await
}
