//! What a plan carries because its backend wants it: the SSV registration that is signed on the way, and what operators
//! who keep nothing are given again.

use alloy::primitives::Address;

use super::later;
use super::proposal::list;
use crate::oracle::{KnownKey, Prepared};
use crate::ports::{CeremonyCapabilities, Execution, RegistrationSigning, SharesKept, Ssv};
use crate::types::{BlsPublicKey, BroughtAlong, ForkVersion, OperatorId, OwnerNonce, PoolId, Root};

/// The registration that the next validator of `owner` takes, `before` others that are registered first; none where a
/// ceremony of its own signs it later.
pub(super) async fn registration(
    can: &CeremonyCapabilities,
    execution: &dyn Execution,
    ssv: &dyn Ssv,
    owner: Address,
    committee: &[OperatorId],
    before: usize,
) -> Result<Option<OwnerNonce>, Prepared> {
    match can.registration {
        RegistrationSigning::OwnCeremony => return Ok(None),
        RegistrationSigning::Within { .. } => {}
    }
    let head = execution.head().await.value().map_err(later)?;
    let ssv = ssv.state(head.block, committee).await.value().map_err(later)?;
    Ok(Some(OwnerNonce::new(owner, ssv.owner_nonce + before as u64)))
}

/// A key as the contract has it.
pub(super) struct RegisteredKey<'a> {
    pub(super) pool: PoolId,
    pub(super) validator: BlsPublicKey,
    /// Who holds it, ascending.
    pub(super) holders: &'a [OperatorId],
    /// To whom the validator pays out.
    pub(super) withdrawal_credentials: Root,
    /// Genesis fork version.
    pub(super) fork_version: ForkVersion,
}

/// What the holders of a key are given again: the journal keeps what they handed back, with the result of the ceremony
/// that made their shares. Nothing, where they keep their shares.
///
/// # Errors
/// This journal has it not, or not of these holders.
pub(super) fn brought(
    can: &CeremonyCapabilities,
    key: &RegisteredKey<'_>,
    known: Option<&KnownKey>,
) -> Result<Option<Box<BroughtAlong>>, String> {
    match can.shares {
        SharesKept::AtOperators => return Ok(None),
        SharesKept::HandedBack => {}
    }
    let ours = known.filter(|known| known.validator == key.validator);
    let handed_back = ours.map(|known| &known.handed_back);
    let handed_back = handed_back.filter(|all| all.keys().eq(key.holders));
    let Some(handed_back) = handed_back else {
        return Err(format!(
            "{} leaves no shares with its operators, and this journal has not what operators {} handed back for the key \
             of pool {}: without it nothing can be done with that key",
            can.title,
            list(key.holders),
            key.pool
        ));
    };
    Ok(Some(Box::new(BroughtAlong {
        handed_back: handed_back.clone(),
        withdrawal_credentials: key.withdrawal_credentials,
        fork_version: key.fork_version,
        owner_signature: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Ceremonies as _;
    use crate::ports::fakes::FakeCeremonies;

    #[test]
    fn what_operators_who_keep_nothing_handed_back_is_brought_along_or_nothing_begins() {
        let mut can = FakeCeremonies::default().capabilities().clone();
        let holders = [1, 2, 3].map(OperatorId);
        let validator = BlsPublicKey([5; 48]);
        let known = KnownKey {
            validator,
            committee: holders.to_vec(),
            share_public_keys: Default::default(),
            handed_back: holders.iter().map(|id| (*id, vec![7])).collect(),
        };
        let brought = |can: &_, known: Option<&KnownKey>, holders: &[OperatorId]| {
            let key = RegisteredKey {
                pool: PoolId(4),
                validator,
                holders,
                withdrawal_credentials: Root([1; 32]),
                fork_version: ForkVersion([2; 4]),
            };
            super::brought(can, &key, known).map(|brought| brought.map(|brought| brought.handed_back))
        };
        let all = Some(known.handed_back.clone());
        assert_eq!(brought(&can, Some(&known), &holders), Ok(all));
        // of another key, of another committee, of a key that was made elsewhere
        let mut other = known.clone();
        other.validator = BlsPublicKey([6; 48]);
        let moved = [1, 2, 4].map(OperatorId);
        for (known, holders) in [(Some(&other), &holders), (Some(&known), &moved), (None, &holders)] {
            let why = brought(&can, known, holders).unwrap_err();
            assert!(
                why.contains("Fake leaves no shares") && why.contains("pool 4"),
                "{why}"
            );
        }
        can.shares = SharesKept::AtOperators;
        assert_eq!(brought(&can, None, &holders), Ok(None));
    }
}
