//! The checks that proposals carry, by name: what each says. A rule of the policy may let one pass while it is unknown,
//! so a name is part of the configuration and is as stable as a key.

use super::ActionKind;

/// The check of an exit to be signed again, unknown while what would be signed has not changed. Only a person lets it
/// pass, whatever a rule says of unknown checks: the same bytes would come out that the nodes found bad.
pub const NEW_SIGNING_ROOT: &str = "new-signing-root";

/// Whether SSV takes a validator of these operators. A transaction carries it only where its call reverts for the
/// committee's sake: it fails where two endpoints say so at one block, and is unknown by the word of one. A rule gives a
/// key up on the former alone.
pub const SSV_OPERATORS: &str = "ssv-operators";

/// Whether the endpoints tell the same of what an action rests on: the check that judges whether what one of them says of
/// the chain counts.
pub const ENDPOINTS_AGREE: &str = "endpoints-agree";

/// Made only where several beacon nodes are configured and one alone tells what an action rests on, and unknown then: the
/// check that judges whether what that one says counts.
pub const BEACON_AGREE: &str = "beacon-agree";

/// Likewise, for the chain's rules.
pub const RULES_AGREE: &str = "rules-agree";

/// Made only where what would leave changes to and fro.
pub(in crate::oracle) const PAYLOAD_STEADY: &str = "payload-steady";

/// Checks that one execution endpoint cannot make, as nobody could contradict it, with the kinds of action that always
/// carry them: they stay unknown while one alone is configured.
const NEED_TWO_VOICES: [(&str, &[ActionKind]); 3] = [
    (
        ENDPOINTS_AGREE,
        &[ActionKind::SendDeposit, ActionKind::SendReshare],
    ),
    ("registration-nonce", &[ActionKind::SendDeposit]),
    ("reshares-left", &[ActionKind::Reshare, ActionKind::SendReshare]),
];

/// The names of the checks of these kinds of action that one execution endpoint alone cannot make.
pub fn unknown_to_one_voice(kinds: &[ActionKind]) -> impl Iterator<Item = &'static str> {
    let carried = |of: &[ActionKind]| of.iter().any(|kind| kinds.contains(kind));
    let found = NEED_TWO_VOICES.iter().filter(move |(_, of)| carried(of));
    found.map(|(name, _)| *name)
}

/// One check of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckName {
    /// In kebab case.
    pub name: &'static str,
    /// What it says where it holds, in one line.
    pub says: &'static str,
    /// What it rests on, and so how it fades.
    pub rests: Rests,
}

/// What a check was made by, which decides whether it fades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rests {
    /// What is here and does not change: a signature, a key, a plan, the configuration. It never fades.
    Here,
    /// The execution chain: it fades with time, and with the sight of the chain.
    Chain,
    /// The beacon chain: it fades with time.
    Beacon,
    /// Operators, or whoever relays between them: it fades with time.
    Others,
}

impl Rests {
    /// It is made by what endpoints say of a chain.
    #[must_use]
    pub fn is_on_endpoints(self) -> bool {
        matches!(self, Self::Chain | Self::Beacon)
    }
}

impl CheckName {
    /// Whether a rule may let it pass while it is unknown.
    #[must_use]
    pub fn may_be_allowed(&self) -> bool {
        self.name != NEW_SIGNING_ROOT
    }
}

/// The row of [`CHECKS`] by this name; none where there is no such check.
pub fn check_named(name: &str) -> Option<&'static CheckName> {
    CHECKS.iter().find(|check| check.name == name)
}

/// What a check of this name rests on. What nobody knows fades with time.
pub(super) fn rests_on(name: &str) -> Rests {
    check_named(name).map_or(Rests::Others, |check| check.rests)
}

const fn here(name: &'static str, says: &'static str) -> CheckName {
    let rests = Rests::Here;
    CheckName { name, says, rests }
}

const fn chain(name: &'static str, says: &'static str) -> CheckName {
    let rests = Rests::Chain;
    CheckName { name, says, rests }
}

const fn beacon(name: &'static str, says: &'static str) -> CheckName {
    let rests = Rests::Beacon;
    CheckName { name, says, rests }
}

const fn others(name: &'static str, says: &'static str) -> CheckName {
    let rests = Rests::Others;
    CheckName { name, says, rests }
}

/// Every check: those of the committee, the contract, the transaction, the key, the exit, and of the ceremony's result.
pub const CHECKS: &[CheckName] = &[
    here("committee-size", "the DKG backend has committees of this size"),
    here(
        "committee-size-unchanged",
        "a reshare keeps the number of operators",
    ),
    here(
        "operator-leaves",
        "the operator that the contract wants out is not in the new committee",
    ),
    here(
        "another-committee",
        "no key of these operators was given up for the pool",
    ),
    here(
        "plan-accepted",
        "the DKG backend can run the ceremony as it is planned",
    ),
    here(
        "operator-keys",
        "every operator is configured with a key that the DKG backend reads",
    ),
    others(
        "operators-reachable",
        "every operator answers, or enough of them for a signature",
    ),
    others(
        "operator-versions",
        "every operator's node tells its version, and it is not too old",
    ),
    others(
        "messenger-reachable",
        "whatever relays between the operators answers",
    ),
    others(
        "operators-registered",
        "whoever relays between the operators knows them, or enough of them for a signature",
    ),
    chain("pool-ready", "the pool is in the contract's ready queue"),
    chain("pool-at-head", "the pool is at the head of the ready queue"),
    chain(
        "pool-without-key",
        "the contract has no validator for the pool yet",
    ),
    chain("pool-staked", "the contract has the pool as staked"),
    chain(
        "pool-exiting",
        "the contract has the pool as exiting, or a person opened the exit",
    ),
    chain("reshares-left", "the contract takes another reshare of the pool"),
    chain(
        "oracle-authorised",
        "the manager takes calls from the oracle account",
    ),
    chain(
        "reserved-fees",
        "the manager's reserved fees are enough for the registration",
    ),
    chain(
        "deposit-contract",
        "there is code at the deposit contract's address",
    ),
    chain("ssv-network", "the manager registers at the expected SSV network"),
    chain(
        "ssv-cluster-active",
        "the SSV cluster of these operators is not liquidated",
    ),
    chain(
        "ssv-registers",
        "SSV takes registrations that are paid with an amount of its token",
    ),
    chain("ssv-cluster-size", "SSV has clusters of as many operators"),
    chain(
        SSV_OPERATORS,
        "SSV takes a validator of these operators: they exist, let us in and have room, and their cluster takes it",
    ),
    chain(
        "deposit-simulation",
        "before there is a key: the deposit succeeds with a throw-away key",
    ),
    chain("ssv-amount", "SSV gets at least contract.min_ssv of the deposit"),
    chain(
        "ssv-runway",
        "the SSV cluster lasts at least contract.min_runway after it, at present fees",
    ),
    chain(
        ENDPOINTS_AGREE,
        "two execution endpoints or more say the same of what the action rests on",
    ),
    chain(
        PAYLOAD_STEADY,
        "what would leave does not change by turns from look to look",
    ),
    chain("simulation", "the call succeeds from the oracle account"),
    chain("fee-ceiling", "the fee quoted now is under the ceiling"),
    chain("balance", "the oracle account can pay the ceiling"),
    here("signer", "the key of the oracle account is open in this process"),
    chain(
        "key-in-journal",
        "this journal and the contract mean the same key and committee",
    ),
    chain(
        "key-not-deposited",
        "the deposit contract's logs have no deposit for the key",
    ),
    beacon(
        "key-unknown-to-beacon",
        "the beacon chain has no validator with the key",
    ),
    here(
        "validator-key-valid",
        "the key is a point of the right subgroup, and not the identity",
    ),
    chain(
        "validator-key-unchanged",
        "the key is the one that the contract has",
    ),
    here(
        "share-keys-interpolate",
        "all share keys lie on one polynomial whose value at 0 is the key",
    ),
    here("shares-data", "what SSV will be given has the right form"),
    here(
        "deposit-signature",
        "the deposit signature holds for 32 ETH, the credentials and the fork",
    ),
    here(
        "deposit-data-root",
        "the deposit data root follows from the call data",
    ),
    here(
        "registration-signature",
        "the key signed the SSV registration of the manager",
    ),
    chain(
        "registration-nonce",
        "that registration is for the nonce that SSV expects now",
    ),
    beacon(
        "validator-index",
        "the index that is signed is the key's, asked by the index",
    ),
    beacon(
        "validator-status",
        "the validator is active, or its activation is set",
    ),
    beacon(
        "activation-age",
        "when the validator is old enough to exit is known",
    ),
    beacon("not-slashed", "the validator is not slashed"),
    beacon("withdrawal-credentials", "the validator pays out to the manager"),
    here(
        "exit-domain-self-test",
        "a known exit domain of mainnet is computed correctly",
    ),
    beacon(
        "capella-version",
        "the beacon chain has the expected Capella fork version",
    ),
    beacon("genesis-validators-root", "the beacon chain is the expected one"),
    beacon(
        BEACON_AGREE,
        "of several beacon nodes two or more tell the same of the validator",
    ),
    beacon(
        RULES_AGREE,
        "several beacon nodes tell the chain's rules alike, where none are built in",
    ),
    beacon(
        "exit-allowed",
        "the validator may exit, now or from a time that is known",
    ),
    beacon(
        "exit-signature",
        "the exit's signature holds for this chain's exit domain",
    ),
    beacon("beacon-node-in-sync", "a beacon node is in sync"),
    here(
        NEW_SIGNING_ROOT,
        "what would be signed differs from what the nodes found bad",
    ),
    here("plan", "the ceremony was ordered as it can be carried out"),
    here("outputs-present", "every operator of the committee gave a result"),
    here(
        "outputs-by-committee",
        "each result is its sender's own, and the sender is of the committee",
    ),
    here(
        "output-signatures",
        "every result bears its operator's RSA signature",
    ),
    here("request-id", "every result is of this ceremony"),
    here("output-kind", "every result is of this kind of ceremony"),
    here("validator-key-equal", "all operators report the same key"),
    here(
        "validator-key-point",
        "that key is a point of the right subgroup, and not the identity",
    ),
    here(
        "encrypted-shares",
        "each encrypted share has the length of an RSA ciphertext",
    ),
    here(
        "deposit-signature-equal",
        "all operators report the same deposit signature",
    ),
    here("no-deposit-signature", "a reshare signed no deposit"),
    here("signature-equal", "all operators report the same signature"),
    here("signature", "that signature holds for what was to be signed"),
    here(
        "result-source",
        "whatever relays has the results as the operators gave them",
    ),
    here(
        "combined-here",
        "enough partial signatures were seen to combine one here",
    ),
    here(
        "dealings",
        "every dealing was observed, and its proof of knowledge is right",
    ),
    here(
        "share-keys-derived",
        "the share keys follow from the dealings that were observed",
    ),
    here(
        "round-2-keys",
        "what every operator derived in round 2 was observed and is the same",
    ),
    here(
        "deposit-partials",
        "every partial deposit signature was observed and is valid",
    ),
    here(
        "partial-signatures",
        "every partial signature was observed and is valid",
    ),
    here(
        "combined-signatures",
        "every signature that an operator combined is valid",
    ),
    here("observed-outputs", "every result was observed as it is"),
    here(
        "observed-messages",
        "every message was observed and is well-formed",
    ),
    here(
        "equivocation",
        "no operator was heard to say two different things",
    ),
];

#[cfg(test)]
mod tests;
