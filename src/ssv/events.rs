//! SSV's events, decoded from logs.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::{SolEvent, SolEventInterface};

use super::abi::{active_then_balance, balance_then_active};
use crate::ports::{SsvEvent, SsvEventKind};
use crate::types::{BlsPublicKey, ClusterLayout, ClusterSnapshot, OperatorId};

/// Topics 0 of SSV's events in this layout.
#[must_use]
pub fn topics(layout: ClusterLayout) -> [(SsvEventKind, B256); 7] {
    macro_rules! topics {
        ($module:ident) => {{
            use SsvEventKind as Kind;
            use $module::Ssv::*;
            [
                (Kind::ValidatorAdded, ValidatorAdded::SIGNATURE_HASH),
                (Kind::ValidatorRemoved, ValidatorRemoved::SIGNATURE_HASH),
                (Kind::ClusterDeposited, ClusterDeposited::SIGNATURE_HASH),
                (Kind::ClusterWithdrawn, ClusterWithdrawn::SIGNATURE_HASH),
                (Kind::ClusterLiquidated, ClusterLiquidated::SIGNATURE_HASH),
                (Kind::ClusterReactivated, ClusterReactivated::SIGNATURE_HASH),
                (Kind::ValidatorExited, ValidatorExited::SIGNATURE_HASH),
            ]
        }};
    }
    match layout {
        ClusterLayout::BalanceThenActive => topics!(balance_then_active),
        ClusterLayout::ActiveThenBalance => topics!(active_then_balance),
    }
}

/// Decodes a log; none when it is another event, or malformed.
pub(super) fn decode(topics: &[B256], data: &Bytes, layout: ClusterLayout) -> Option<SsvEvent> {
    macro_rules! decode {
        ($module:ident) => {{
            use SsvEventKind as Kind;
            use $module::Ssv::SsvEvents as Event;
            match Event::decode_raw_log(topics, data).ok()? {
                Event::ValidatorAdded(e) => event(Kind::ValidatorAdded, e.owner, e.operatorIds)
                    .of(&e.publicKey)
                    .leaving(e.cluster),
                Event::ValidatorRemoved(e) => event(Kind::ValidatorRemoved, e.owner, e.operatorIds)
                    .of(&e.publicKey)
                    .leaving(e.cluster),
                Event::ClusterDeposited(e) => {
                    event(Kind::ClusterDeposited, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ClusterWithdrawn(e) => {
                    event(Kind::ClusterWithdrawn, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ClusterLiquidated(e) => {
                    event(Kind::ClusterLiquidated, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ClusterReactivated(e) => {
                    event(Kind::ClusterReactivated, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ValidatorExited(e) => {
                    event(Kind::ValidatorExited, e.owner, e.operatorIds).of(&e.publicKey)
                }
            }
        }};
    }
    Some(match layout {
        ClusterLayout::BalanceThenActive => decode!(balance_then_active),
        ClusterLayout::ActiveThenBalance => decode!(active_then_balance),
    })
}

fn event(kind: SsvEventKind, owner: Address, operators: Vec<u64>) -> SsvEvent {
    SsvEvent {
        kind,
        owner,
        operator_ids: operators.into_iter().map(OperatorId).collect(),
        public_key: None,
        cluster: None,
    }
}

impl SsvEvent {
    fn of(mut self, key: &[u8]) -> Self {
        self.public_key = BlsPublicKey::try_from(key).ok();
        self
    }

    fn leaving(mut self, cluster: impl Into<ClusterSnapshot>) -> Self {
        self.cluster = Some(cluster.into());
        self
    }
}
