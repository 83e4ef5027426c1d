//! The checks that proposals carry, by name: what each says. A rule of the policy may let one pass while it is unknown,
//! so a name is part of the configuration and is as stable as a key.

/// The check of an exit to be signed again, unknown while what would be signed has not changed. Only a person lets it
/// pass, whatever a rule says of unknown checks: the same bytes would come out that the nodes found bad.
pub const NEW_SIGNING_ROOT: &str = "new-signing-root";

/// One check of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckName {
    /// In kebab case.
    pub name: &'static str,
    /// What it says where it holds, in one line.
    pub says: &'static str,
}

impl CheckName {
    /// Whether a rule may let it pass while it is unknown.
    #[must_use]
    pub fn may_be_allowed(&self) -> bool {
        self.name != NEW_SIGNING_ROOT
    }
}

/// The check of this name.
pub(crate) fn check_named(name: &str) -> Option<&'static CheckName> {
    CHECKS.iter().find(|check| check.name == name)
}

const fn says(name: &'static str, says: &'static str) -> CheckName {
    CheckName { name, says }
}

/// Every check: those of the committee, the contract, the transaction, the key, the exit, and of the ceremony's result.
pub const CHECKS: &[CheckName] = &[
    says("committee-size", "the DKG backend has committees of this size"),
    says(
        "committee-size-unchanged",
        "a reshare keeps the number of operators",
    ),
    says(
        "another-committee",
        "no key of these operators was given up for the pool",
    ),
    says(
        "plan-accepted",
        "the DKG backend can run the ceremony as it is planned",
    ),
    says(
        "operator-keys",
        "every operator is configured with a key that the DKG backend reads",
    ),
    says(
        "operators-reachable",
        "every operator answers, or enough of them for a signature",
    ),
    says(
        "operator-versions",
        "every operator's node tells its version, and it is not too old",
    ),
    says(
        "messenger-reachable",
        "whatever relays between the operators answers",
    ),
    says(
        "operators-registered",
        "whoever relays between the operators knows them, or enough of them for a signature",
    ),
    says("pool-ready", "the pool is in the contract's ready queue"),
    says("pool-at-head", "the pool is at the head of the ready queue"),
    says(
        "pool-without-key",
        "the contract has no validator for the pool yet",
    ),
    says("pool-staked", "the contract has the pool as staked"),
    says(
        "pool-exiting",
        "the contract has the pool as exiting, or a person opened the exit",
    ),
    says("reshares-left", "the contract takes another reshare of the pool"),
    says(
        "oracle-authorised",
        "the manager takes calls from the oracle account",
    ),
    says(
        "reserved-fees",
        "the manager's reserved fees are enough for the registration",
    ),
    says(
        "deposit-contract",
        "there is code at the deposit contract's address",
    ),
    says("ssv-network", "the manager registers at the expected SSV network"),
    says(
        "ssv-cluster-active",
        "the SSV cluster of these operators is not liquidated",
    ),
    says(
        "ssv-registers",
        "SSV takes registrations that are paid with an amount of its token",
    ),
    says("ssv-cluster-size", "SSV has clusters of as many operators"),
    says(
        "ssv-operators",
        "SSV takes a validator of these operators: they exist, let us in and have room",
    ),
    says(
        "deposit-simulation",
        "before there is a key: the deposit succeeds with a throw-away key",
    ),
    says("ssv-amount", "SSV gets at least contract.min_ssv of the deposit"),
    says(
        "ssv-runway",
        "the SSV cluster lasts at least contract.min_runway after it, at present fees",
    ),
    says(
        "endpoints-agree",
        "two execution endpoints or more say the same of what the transaction rests on",
    ),
    says("simulation", "the call succeeds from the oracle account"),
    says("fee-ceiling", "the fee quoted now is under the ceiling"),
    says("balance", "the oracle account can pay the ceiling"),
    says("signer", "the key of the oracle account is open in this process"),
    says(
        "key-in-journal",
        "this journal and the contract mean the same key and committee",
    ),
    says(
        "key-not-deposited",
        "the deposit contract's logs have no deposit for the key",
    ),
    says(
        "key-unknown-to-beacon",
        "the beacon chain has no validator with the key",
    ),
    says(
        "validator-key-valid",
        "the key is a point of the right subgroup, and not the identity",
    ),
    says(
        "validator-key-unchanged",
        "the key is the one that the contract has",
    ),
    says(
        "share-keys-interpolate",
        "all share keys lie on one polynomial whose value at 0 is the key",
    ),
    says("shares-data", "what SSV will be given has the right form"),
    says(
        "deposit-signature",
        "the deposit signature holds for 32 ETH, the credentials and the fork",
    ),
    says(
        "deposit-data-root",
        "the deposit data root follows from the call data",
    ),
    says(
        "registration-signature",
        "the key signed the SSV registration of the manager",
    ),
    says(
        "registration-nonce",
        "that registration is for the nonce that SSV expects now",
    ),
    says(
        "validator-index",
        "the index that is signed is the key's, asked by the index",
    ),
    says(
        "validator-status",
        "the validator is active, or its activation is set",
    ),
    says(
        "activation-age",
        "when the validator is old enough to exit is known",
    ),
    says("not-slashed", "the validator is not slashed"),
    says("withdrawal-credentials", "the validator pays out to the manager"),
    says(
        "exit-domain-self-test",
        "a known exit domain of mainnet is computed correctly",
    ),
    says(
        "capella-version",
        "the beacon chain has the expected Capella fork version",
    ),
    says("genesis-validators-root", "the beacon chain is the expected one"),
    says(
        "exit-allowed",
        "the validator may exit, now or from a time that is known",
    ),
    says(
        "exit-signature",
        "the exit's signature holds for this chain's exit domain",
    ),
    says("beacon-node-in-sync", "a beacon node is in sync"),
    says(
        NEW_SIGNING_ROOT,
        "what would be signed differs from what the nodes found bad",
    ),
    says("plan", "the ceremony was ordered as it can be carried out"),
    says("outputs-present", "every operator of the committee gave a result"),
    says(
        "outputs-by-committee",
        "each result is its sender's own, and the sender is of the committee",
    ),
    says(
        "output-signatures",
        "every result bears its operator's RSA signature",
    ),
    says("request-id", "every result is of this ceremony"),
    says("output-kind", "every result is of this kind of ceremony"),
    says("validator-key-equal", "all operators report the same key"),
    says(
        "validator-key-point",
        "that key is a point of the right subgroup, and not the identity",
    ),
    says(
        "encrypted-shares",
        "each encrypted share has the length of an RSA ciphertext",
    ),
    says(
        "deposit-signature-equal",
        "all operators report the same deposit signature",
    ),
    says("no-deposit-signature", "a reshare signed no deposit"),
    says("signature-equal", "all operators report the same signature"),
    says("signature", "that signature holds for what was to be signed"),
    says(
        "result-source",
        "whatever relays has the results as the operators gave them",
    ),
    says(
        "combined-here",
        "enough partial signatures were seen to combine one here",
    ),
    says(
        "dealings",
        "every dealing was observed, and its proof of knowledge is right",
    ),
    says(
        "share-keys-derived",
        "the share keys follow from the dealings that were observed",
    ),
    says(
        "round-2-keys",
        "what every operator derived in round 2 was observed and is the same",
    ),
    says(
        "deposit-partials",
        "every partial deposit signature was observed and is valid",
    ),
    says(
        "partial-signatures",
        "every partial signature was observed and is valid",
    ),
    says(
        "combined-signatures",
        "every signature that an operator combined is valid",
    ),
    says("observed-outputs", "every result was observed as it is"),
    says(
        "observed-messages",
        "every message was observed and is well-formed",
    ),
    says(
        "equivocation",
        "no operator was heard to say two different things",
    ),
];

#[cfg(test)]
mod tests;
