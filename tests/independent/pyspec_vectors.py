"""Writes tests/vectors/pyspec/exits.json to standard output: what the official executable specification of the
consensus layer says about the roots of deposits and exits, and about which exits a chain takes.

It decides nothing itself: it makes states and messages, hands them to the specification's own functions, and notes what
they return, or which of their assertions stopped them. Two runs write the same bytes.
"""

import hashlib
import importlib
import json
import sys
import traceback

from eth_consensus_specs.utils import bls
from eth_consensus_specs.utils.ssz.ssz_impl import hash_tree_root

GROUP_ORDER = 52435875175126190479447740508185965837690552500527637822603658699938581184513
GWEI_32 = 32 * 10**9
# from Capella on; before it, an exit's domain had the version of its own time
FORKS = ["capella", "deneb", "electra", "fulu"]
VERSIONS = [f"{fork}_FORK_VERSION" for fork in ("GENESIS", "ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU")]


def text(value):
    return "0x" + bytes(value).hex()


def secret(i):
    """The secret keys of interoperability tests."""
    return int.from_bytes(hashlib.sha256(i.to_bytes(32, "little")).digest(), "little") % GROUP_ORDER


def pubkey(i):
    return bls.SkToPk(secret(i))


def credentials(i):
    return b"\x01" + bytes(11) + bytes([i]) * 20


def specification(fork, preset):
    return importlib.import_module(f"eth_consensus_specs.{fork}.{preset}")


def validator(spec, i, eligible=0, active=0):
    return spec.Validator(
        pubkey=pubkey(i),
        withdrawal_credentials=credentials(i),
        effective_balance=GWEI_32,
        slashed=False,
        activation_eligibility_epoch=eligible,
        activation_epoch=active,
        exit_epoch=spec.FAR_FUTURE_EPOCH,
        withdrawable_epoch=spec.FAR_FUTURE_EPOCH,
    )


def chain(spec, fork, validators):
    """A state at slot 0 with these validators."""
    version = getattr(spec.config, f"{fork.upper()}_FORK_VERSION")
    state = spec.BeaconState(
        genesis_time=1_700_000_000,
        fork=spec.Fork(previous_version=version, current_version=version, epoch=0),
        latest_block_header=spec.BeaconBlockHeader(body_root=hash_tree_root(spec.BeaconBlockBody())),
        eth1_data=spec.Eth1Data(deposit_count=len(validators)),
        eth1_deposit_index=len(validators),
    )
    for one in validators:
        state.validators.append(one)
        state.balances.append(GWEI_32)
        state.previous_epoch_participation.append(0)
        state.current_epoch_participation.append(0)
        state.inactivity_scores.append(0)
    state.genesis_validators_root = hash_tree_root(state.validators)
    return state


def sign_exit(spec, state, message, key, version, genesis_validators_root=None):
    root = genesis_validators_root or state.genesis_validators_root
    domain = spec.compute_domain(spec.DOMAIN_VOLUNTARY_EXIT, version, root)
    signing_root = spec.compute_signing_root(message, domain)
    signed = spec.SignedVoluntaryExit(message=message, signature=bls.Sign(secret(key), signing_root))
    return signed, domain, signing_root


def objection(spec, state, signed):
    """Why the specification refuses the exit: its own line, or the error; none: accepted, and the state has it."""
    try:
        spec.process_voluntary_exit(state, signed)
    except AssertionError as error:
        frames = traceback.extract_tb(error.__traceback__)
        return next(f.line for f in reversed(frames) if f.name == "process_voluntary_exit")
    except IndexError:
        return "IndexError"
    return None


# ---- roots ----


def deposits():
    for preset in ("mainnet", "minimal"):
        spec = specification("electra", preset)
        for i, amount in ((0, GWEI_32), (1, 10**9), (2, 2048 * 10**9)):
            message = spec.DepositMessage(pubkey=pubkey(i), withdrawal_credentials=credentials(i), amount=amount)
            domain = spec.compute_domain(spec.DOMAIN_DEPOSIT)
            signing_root = spec.compute_signing_root(message, domain)
            data = spec.DepositData(
                pubkey=pubkey(i),
                withdrawal_credentials=credentials(i),
                amount=amount,
                signature=bls.Sign(secret(i), signing_root),
            )
            yield {
                "pubkey": text(data.pubkey),
                "withdrawal_credentials": text(data.withdrawal_credentials),
                "amount": str(amount),
                "genesis_fork_version": text(spec.config.GENESIS_FORK_VERSION),
                "domain": text(domain),
                "message_root": text(hash_tree_root(message)),
                "signing_root": text(signing_root),
                "signature": text(data.signature),
                "data_root": text(hash_tree_root(data)),
            }


def domains():
    """Which fork version the chain wants in an exit's domain, at each fork: every version is tried."""
    for fork in FORKS:
        for preset in ("minimal", "mainnet"):
            spec = specification(fork, preset)
            state = chain(spec, fork, [validator(spec, i) for i in range(4)])
            epoch = int(spec.config.SHARD_COMMITTEE_PERIOD) + 7
            state.slot = epoch * spec.SLOTS_PER_EPOCH
            for index in (1, 3):
                message = spec.VoluntaryExit(epoch=epoch - index, validator_index=index)
                tried = []
                for name in VERSIONS:
                    version = getattr(spec.config, name, None)
                    if version is None:
                        continue
                    signed, domain, signing_root = sign_exit(spec, state, message, index, version)
                    refused = objection(spec, state.copy(), signed)
                    tried.append(
                        {
                            "name": name,
                            "version": text(version),
                            "domain": text(domain),
                            "signing_root": text(signing_root),
                            "accepted": refused is None,
                        }
                    )
                yield {
                    "fork": fork,
                    "preset": preset,
                    "capella_fork_version": text(spec.config.CAPELLA_FORK_VERSION),
                    "genesis_validators_root": text(state.genesis_validators_root),
                    "message": {"epoch": str(int(message.epoch)), "validator_index": str(index)},
                    "exit_root": text(hash_tree_root(message)),
                    "versions": tried,
                }


# ---- the rules of Electra ----


class Electra:
    """A chain that goes on epoch by epoch, and everything that was tried on it."""

    def __init__(self):
        self.spec = spec = specification("electra", "minimal")
        # short, so that a validator grows old enough within the script's time
        spec.config = spec.config._replace(
            SHARD_COMMITTEE_PERIOD=spec.Uint64(4), MIN_VALIDATOR_WITHDRAWABILITY_DELAY=spec.Uint64(8)
        )
        far = spec.FAR_FUTURE_EPOCH
        validators = [validator(spec, i) for i in range(20)]
        validators[16] = validator(spec, 16, eligible=3, active=6)
        validators[17] = validator(spec, 17, eligible=far, active=far)
        self.state = chain(spec, "electra", validators)
        self.state.deposit_requests_start_index = spec.UNSET_DEPOSIT_REQUESTS_START_INDEX
        for i in range(len(self.state.randao_mixes)):
            self.state.randao_mixes[i] = b"\x2a" * 32
        self.state.current_sync_committee = spec.get_next_sync_committee(self.state)
        self.state.next_sync_committee = self.state.current_sync_committee
        self.cases = []

    def epoch(self):
        return int(self.spec.get_current_epoch(self.state))

    def go_to(self, epoch):
        self.spec.process_slots(self.state, self.spec.Slot(epoch * self.spec.SLOTS_PER_EPOCH))

    def status(self, v, balance):
        """By the definitions of the Beacon API."""
        far, now = self.spec.FAR_FUTURE_EPOCH, self.epoch()
        if now < v.activation_epoch:
            return "pending_initialized" if v.activation_eligibility_epoch == far else "pending_queued"
        if now < v.exit_epoch:
            if v.exit_epoch == far:
                return "active_ongoing"
            return "active_slashed" if v.slashed else "active_exiting"
        if now < v.withdrawable_epoch:
            return "exited_slashed" if v.slashed else "exited_unslashed"
        return "withdrawal_possible" if balance else "withdrawal_done"

    def seen(self, index):
        """The validator as a beacon node would tell it."""
        if index >= len(self.state.validators):
            return None
        v, balance = self.state.validators[index], int(self.state.balances[index])
        return {
            "index": str(index),
            "balance": str(balance),
            "status": self.status(v, balance),
            "validator": {
                "pubkey": text(v.pubkey),
                "withdrawal_credentials": text(v.withdrawal_credentials),
                "effective_balance": str(int(v.effective_balance)),
                "slashed": bool(v.slashed),
                "activation_eligibility_epoch": str(int(v.activation_eligibility_epoch)),
                "activation_epoch": str(int(v.activation_epoch)),
                "exit_epoch": str(int(v.exit_epoch)),
                "withdrawable_epoch": str(int(v.withdrawable_epoch)),
            },
        }

    def attempt(self, name, index, epoch, key=None, version="CAPELLA", genesis=None, keep=False):
        """Tries an exit; only with `keep` it is in the state afterwards, if it is accepted."""
        message = self.spec.VoluntaryExit(epoch=epoch, validator_index=index)
        version = getattr(self.spec.config, f"{version}_FORK_VERSION")
        signer = index if key is None else key
        signed, _, signing_root = sign_exit(self.spec, self.state, message, signer, version, genesis)
        before = self.seen(index)
        state = self.state if keep else self.state.copy()
        refused = objection(self.spec, state, signed)
        after = None
        if refused is None:
            v = state.validators[index]
            after = {"exit_epoch": str(int(v.exit_epoch)), "withdrawable_epoch": str(int(v.withdrawable_epoch))}
        self.cases.append(
            {
                "name": name,
                "epoch": str(self.epoch()),
                "validator": before,
                "signed": {
                    "message": {"epoch": str(epoch), "validator_index": str(index)},
                    "signature": text(signed.signature),
                },
                "signing_root": text(signing_root),
                "refused": refused,
                "after": after,
            }
        )

    def course(self):
        for epoch in range(1, 14):
            if epoch <= 11:
                self.attempt("by age", 3, 0)
                self.attempt("from a later epoch on", 4, 7)
                self.attempt("in the activation queue", 16, 0)
                self.attempt("not yet activated", 17, 0)
            if self.epoch() == 5:
                self.attempt("wrong key", 5, 5, key=6)
                for version in ("GENESIS", "DENEB", "ELECTRA"):
                    self.attempt(f"domain with the version of {version.lower()}", 5, 5, version=version)
                self.attempt("domain of another chain", 5, 5, genesis=b"\x99" * 32)
                self.attempt("no such validator", 999, 5)
                # two exits fill an epoch of the queue
                for index in (5, 6, 7, 8, 9):
                    self.attempt("queue", index, 5, keep=True)
                    self.attempt("again", index, 5)
                self.spec.slash_validator(self.state, 18)
                self.attempt("slashed", 18, 5)
                self.state.pending_partial_withdrawals.append(
                    self.spec.PendingPartialWithdrawal(validator_index=19, amount=10**9, withdrawable_epoch=50)
                )
                self.attempt("with a withdrawal in the queue", 19, 5)
            if self.epoch() in (10, 11, 12):
                self.attempt("after the exit", 5, 5)
            self.go_to(epoch)

    def told(self):
        spec, state = self.spec, self.state
        names = ["SLOT_DURATION_MS", "SHARD_COMMITTEE_PERIOD", "MIN_VALIDATOR_WITHDRAWABILITY_DELAY"]
        constants = {name: str(int(getattr(spec.config, name))) for name in names}
        for name in ("SLOTS_PER_EPOCH", "MAX_SEED_LOOKAHEAD"):
            constants[name] = str(int(getattr(spec, name)))
        for name in ("GENESIS_FORK_VERSION", "CAPELLA_FORK_VERSION"):
            constants[name] = text(getattr(spec.config, name))
        return {
            "spec": constants,
            "genesis": {
                "genesis_time": str(int(state.genesis_time)),
                "genesis_validators_root": text(state.genesis_validators_root),
            },
            "clock": [
                {
                    "epoch": str(epoch),
                    "time": str(int(spec.compute_time_at_slot(state, spec.compute_start_slot_at_epoch(epoch)))),
                    "earliest_exit": str(int(spec.compute_activation_exit_epoch(epoch))),
                }
                for epoch in (0, 1, 2, 255, 256, 100_000)
            ],
            "cases": self.cases,
        }


def main():
    vectors = {
        "source": "eth-consensus-specs 1.7.0a13, by tests/independent/pyspec_vectors.py",
        "deposits": list(deposits()),
        "domains": list(domains()),
    }
    # last, for it changes the configuration
    electra = Electra()
    electra.course()
    vectors["electra"] = electra.told()
    json.dump(vectors, sys.stdout, indent=1)
    sys.stdout.write("\n")


main()
