"""Checks the results of ceremonies with implementations that this project has no part in.

py_ecc does the arithmetic of BLS12-381 and its signatures, ethstaker_deposit the SSZ objects of deposits and exits.
Lagrange and Feldman are written out here once more, from the definition.

Reads {"cases": [...]} from standard input and writes {"results": [{"name", "refused": {check: reason}, "passed":
[check]}]}. A case is checked for everything that its fields allow, or for what its field "only" names. `ceremony.rs`
says what the fields are.
"""

import hashlib
import json
import sys

from ethstaker_deposit.settings import get_devnet_chain_setting
from ethstaker_deposit.utils import ssz
from ethstaker_deposit.utils.exit_transaction import exit_transaction_generation
from ethstaker_deposit.utils.validation import validate_deposit
from py_ecc.bls import G2ProofOfPossession as bls
from py_ecc.bls.g2_primitives import G1_to_pubkey, G2_to_signature, pubkey_to_G1, signature_to_G2, subgroup_check
from py_ecc.optimized_bls12_381 import Z1, Z2, add, curve_order, multiply


class Refused(Exception):
    """A check says no."""


def require(condition, reason):
    if not condition:
        raise Refused(reason)


def raw(text):
    return bytes.fromhex(text.removeprefix("0x"))


def equal(what, got, claimed):
    require(got == raw(claimed), f"{what} is 0x{got.hex()}, claimed {claimed}")


# ---- polynomials ----


def lagrange(ids):
    """Coefficients at zero: the product of j / (j - i) over all others j."""
    coefficients = {}
    for i in ids:
        numerator = denominator = 1
        for j in ids:
            if j != i:
                numerator = numerator * j % curve_order
                denominator = denominator * (j - i) % curve_order
        coefficients[i] = numerator * pow(denominator, -1, curve_order) % curve_order
    return coefficients


def interpolate(points, zero):
    """The value at zero of the polynomial through these points of a group."""
    total = zero
    for i, coefficient in lagrange(list(points)).items():
        total = add(total, multiply(points[i], coefficient))
    return total


def subsets(points, size):
    """The first, the last, and one that takes from both ends."""
    ids = sorted(points)
    half = size // 2
    for chosen in (ids[:size], ids[-size:], ids[:half] + ids[len(ids) - (size - half) :]):
        yield {i: points[i] for i in chosen}


def key_point(encoded):
    point = pubkey_to_G1(encoded)
    require(subgroup_check(point), f"0x{encoded.hex()} is not in the subgroup")
    return point


def signature_point(encoded):
    point = signature_to_G2(encoded)
    require(subgroup_check(point), f"0x{encoded.hex()} is not in the subgroup")
    return point


# ---- one case ----


class Case:
    def __init__(self, fields):
        self.fields = fields
        self.pubkey = raw(fields["pubkey"])
        self.threshold = fields["threshold"]
        self.share_keys = {int(i): raw(key) for i, key in fields["share_keys"].items()}
        self.deposit = fields.get("deposit")
        self.exit = fields.get("exit")

    def checks(self):
        """The checks that the fields of this case allow, by name."""
        names = ["keys", "interpolation", "degree"]
        names += [name for name in ("feldman", "handover", "shares") if name_of_field(name) in self.fields]
        if self.deposit:
            names += ["deposit-message-root", "deposit-domain", "deposit-signing-root", "deposit-data-root"]
            names += ["deposit-signature", "deposit-partials", "deposit-combination"]
            # the tool accepts withdrawals to an address only; some recordings have other credentials
            if raw(self.deposit["withdrawal_credentials"]).startswith(b"\x01" + bytes(11)):
                names.append("deposit-valid")
        if self.exit:
            names += ["exit-root", "exit-domain", "exit-signing-root"]
            names += ["exit-signature", "exit-partials", "exit-combination"]
            if "shares" in self.fields:
                names.append("exit-transaction")
        return names

    def check(self, name):
        getattr(self, name.replace("-", "_"))()

    # keys and shares

    def keys(self):
        for key in [self.pubkey, *self.share_keys.values()]:
            require(bls.KeyValidate(key), f"0x{key.hex()} is not a valid key")
        require(len(set(self.share_keys.values())) == len(self.share_keys), "two share keys are equal")

    def interpolation(self):
        points = {i: key_point(key) for i, key in self.share_keys.items()}
        for chosen in subsets(points, self.threshold):
            key = G1_to_pubkey(interpolate(chosen, Z1))
            require(key == self.pubkey, f"operators {list(chosen)} give 0x{key.hex()}")

    def degree(self):
        """One fewer than the threshold must not be enough."""
        points = {i: key_point(key) for i, key in self.share_keys.items()}
        for chosen in subsets(points, self.threshold - 1):
            key = G1_to_pubkey(interpolate(chosen, Z1))
            require(key != self.pubkey, f"operators {list(chosen)} alone give the key")

    def feldman(self):
        """What the dealers committed to, evaluated for each operator, is its share key; at zero it is the group key."""
        dealings = {int(i): [key_point(raw(c)) for c in row] for i, row in self.fields["commitments"].items()}
        total = [Z1] * self.threshold
        for dealer, row in dealings.items():
            require(len(row) == self.threshold, f"dealer {dealer} has {len(row)} commitments")
            total = [add(t, c) for t, c in zip(total, row)]
        group = G1_to_pubkey(total[0])
        require(group == self.pubkey, f"the constant terms give 0x{group.hex()}")
        for i, claimed in self.share_keys.items():
            value = Z1
            for coefficient in reversed(total):
                value = add(multiply(value, i), coefficient)
            key = G1_to_pubkey(value)
            require(key == claimed, f"operator {i}: 0x{key.hex()}, claimed 0x{claimed.hex()}")

    def handover(self):
        """In a reshare, each dealer hands its old share on, weighted with its Lagrange coefficient."""
        old = {int(i): key_point(raw(key)) for i, key in self.fields["old_share_keys"].items()}
        for i, coefficient in lagrange(list(old)).items():
            expected = G1_to_pubkey(multiply(old[i], coefficient))
            equal(f"what dealer {i} has to hand on", expected, self.fields["commitments"][str(i)][0])

    def secret(self):
        """The whole key. Only a test may ever hold it."""
        shares = {int(i): int.from_bytes(raw(s), "big") for i, s in self.fields["shares"].items()}
        found = set()
        for chosen in subsets(shares, self.threshold):
            found.add(sum(c * chosen[i] for i, c in lagrange(list(chosen)).items()) % curve_order)
        require(len(found) == 1, "subsets of the shares give different keys")
        return found.pop()

    def shares(self):
        for i, share in self.fields["shares"].items():
            key = bls.SkToPk(int.from_bytes(raw(share), "big"))
            require(key == self.share_keys[int(i)], f"operator {i}: its share has the key 0x{key.hex()}")
        key = bls.SkToPk(self.secret())
        require(key == self.pubkey, f"the shares give 0x{key.hex()}")

    # signatures

    def verify(self, signed):
        require(
            bls.Verify(self.pubkey, raw(signed["signing_root"]), raw(signed["signature"])),
            "py_ecc does not accept the signature",
        )

    def partials(self, signed):
        """All at once, each weighted with a number that no one could choose: one pairing instead of many."""
        seed = json.dumps(signed["partials"], sort_keys=True).encode()
        keys, signatures = Z1, Z2
        for i, partial in signed["partials"].items():
            weight = int.from_bytes(hashlib.sha256(seed + i.encode()).digest()[:16], "big")
            keys = add(keys, multiply(key_point(self.share_keys[int(i)]), weight))
            signatures = add(signatures, multiply(signature_point(raw(partial)), weight))
        require(
            bls.Verify(G1_to_pubkey(keys), raw(signed["signing_root"]), G2_to_signature(signatures)),
            "py_ecc does not accept the partial signatures",
        )

    def combination(self, signed):
        points = {int(i): signature_point(raw(s)) for i, s in signed["partials"].items()}
        require(len(points) >= self.threshold, f"{len(points)} partial signatures")
        for chosen in subsets(points, self.threshold):
            whole = G2_to_signature(interpolate(chosen, Z2))
            equal(f"the signature of operators {list(chosen)}", whole, signed["signature"])

    # the deposit

    def deposit_message(self):
        return ssz.DepositMessage(
            pubkey=self.pubkey,
            withdrawal_credentials=raw(self.deposit["withdrawal_credentials"]),
            amount=self.deposit["amount"],
        )

    def domain_of_deposit(self):
        return ssz.compute_deposit_domain(fork_version=raw(self.deposit["fork_version"]))

    def deposit_message_root(self):
        equal("the message root", self.deposit_message().hash_tree_root, self.deposit["message_root"])

    def deposit_domain(self):
        equal("the domain", self.domain_of_deposit(), self.deposit["domain"])

    def deposit_signing_root(self):
        root = ssz.compute_signing_root(self.deposit_message(), self.domain_of_deposit())
        equal("the signing root", root, self.deposit["signing_root"])

    def deposit_data_root(self):
        data = ssz.DepositData(
            pubkey=self.pubkey,
            withdrawal_credentials=raw(self.deposit["withdrawal_credentials"]),
            amount=self.deposit["amount"],
            signature=raw(self.deposit["signature"]),
        )
        equal("the data root", data.hash_tree_root, self.deposit["data_root"])

    def deposit_valid(self):
        """As the tool checks a deposit file before it lets a staker upload it."""
        bare = {name: raw(self.deposit[name]).hex() for name in ("withdrawal_credentials", "signature", "fork_version")}
        bare["deposit_data_root"] = raw(self.deposit["data_root"]).hex()
        bare |= {"pubkey": self.pubkey.hex(), "amount": self.deposit["amount"]}
        chain = get_devnet_chain_setting(
            network_name="any",
            genesis_fork_version=self.deposit["fork_version"],
            exit_fork_version=self.deposit["fork_version"],
            genesis_validator_root=None,
        )
        require(validate_deposit(bare, chain), "ethstaker_deposit does not accept the deposit")

    def deposit_signature(self):
        self.verify(self.deposit)

    def deposit_partials(self):
        self.partials(self.deposit)

    def deposit_combination(self):
        self.combination(self.deposit)

    # the exit

    def exit_message(self):
        return ssz.VoluntaryExit(epoch=self.exit["epoch"], validator_index=self.exit["validator_index"])

    def domain_of_exit(self):
        return ssz.compute_voluntary_exit_domain(
            fork_version=raw(self.exit["capella_fork_version"]),
            genesis_validators_root=raw(self.exit["genesis_validators_root"]),
        )

    def exit_root(self):
        equal("the exit root", self.exit_message().hash_tree_root, self.exit["exit_root"])

    def exit_domain(self):
        equal("the domain", self.domain_of_exit(), self.exit["domain"])

    def exit_signing_root(self):
        root = ssz.compute_signing_root(self.exit_message(), self.domain_of_exit())
        equal("the signing root", root, self.exit["signing_root"])

    def exit_signature(self):
        self.verify(self.exit)

    def exit_partials(self):
        self.partials(self.exit)

    def exit_combination(self):
        self.combination(self.exit)

    def exit_transaction(self):
        """The tool, given the whole key, makes the very exit that the operators made without it."""
        chain = get_devnet_chain_setting(
            network_name="any",
            genesis_fork_version=self.exit["capella_fork_version"],
            exit_fork_version=self.exit["capella_fork_version"],
            genesis_validator_root=self.exit["genesis_validators_root"],
        )
        made = exit_transaction_generation(chain, self.secret(), self.exit["validator_index"], self.exit["epoch"])
        equal("ethstaker_deposit's signature", made.signature, self.exit["signature"])


def name_of_field(check):
    return {"feldman": "commitments", "handover": "old_share_keys"}.get(check, check)


def examine(fields):
    case = Case(fields)
    refused, passed = {}, []
    for name in fields.get("only") or case.checks():
        try:
            case.check(name)
        except (Refused, ValueError) as reason:
            refused[name] = str(reason)
        else:
            passed.append(name)
    return {"name": fields["name"], "refused": refused, "passed": passed}


json.dump({"results": [examine(fields) for fields in json.load(sys.stdin)["cases"]]}, sys.stdout)
