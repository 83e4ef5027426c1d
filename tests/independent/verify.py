#!/usr/bin/env python3
"""Verifies journal exports and transcripts of casimir-dkg with no line of its code.

    verify.py [--journal EXPORT] [--key KEY] [--head HASH] [--checkpoint FILE] [--operators FILE] [TRANSCRIPT or DIRECTORY ...]

EXPORT is what `casimir-dkg journal export` prints (export formats 1 and 2, journal formats 1 and 2), a TRANSCRIPT is one of
the files beside the journal (RockX, format 1). Python's standard library (3.11 or newer) is enough for hashes, RSA and
ed25519; where py_ecc is installed (`pip install py_ecc`), BLS signatures and keys are checked, too. Every line begins with
`ok`, `BAD` or `?`, which is what could not be checked. Exit code 0: nothing is bad. 1: something is. 2: it was not understood.

KEY is the public half of the journal's own key, HASH the hash of a record, both as they were written down elsewhere and
earlier: whoever writes a whole journal anew makes every hash in it anew, too, and a key.

The hash chain, over all records in order:

    hash(0) = 32 zero bytes
    hash(n) = SHA-256("casimir-dkg journal v" || format in decimal || 0x00 || hash(n-1) || seq as u64 || at as u64
                      || len(kind) as u64 || kind || len(body) as u64 || body)         all numbers big endian

A checkpoint is `<seq> <hash>`, or `<seq> <hash> <at> <key> <signature>`: with the journal's own key (ed25519, named by the
newest record `journal-keyed` up to there) over "casimir-dkg journal checkpoint v1" || 0x00 || hash(1) || format of the record
as u64 || seq as u64 || hash || at as u64.

A record `journal-keyed` behind the first may have `former`, the key before it and its signature over "casimir-dkg journal key
handed on v1" || 0x00 || hash(1) || seq as u64 || hash || the new key, with seq and hash of the record before. So KEY may be an older
key than the newest. Without `former` a person declared the new key, and no older one holds what it signed.

An action's digest, which decisions name, is SHA-256("casimir-dkg action v2" || 0x00 || compact JSON of [id, kind, risk, payload]);
version 1 has the list of [name, status] of its checks behind the payload. What left is held against what was approved: a
transaction (EIP-1559) byte by byte, its sender by its signature; a ceremony by its plan; an exit by the ceremony that signed it.

An operator's signature is RSASSA-PKCS1-v1_5 with SHA-256, over SHA-256(SHA-256(compact JSON) || 0000010003000000) as its
message: of `MsgType`, `Identifier`, `Data` for a message, of the result's fields for a result.
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import re
import stat
import sys
import tomllib

NEWEST_JOURNAL = 2
# what a record can be; what one of another kind says, this program cannot judge
KINDS = """
    engine-started journal-keyed journal-upgraded events-read case-opened cause-lost cause-found action-proposed
    action-changed decided endorsed endorsements-lost action-voided ceremony-started ceremony-verified ceremony-failed
    ceremony-unknown ceremony-declared-lost key-condemned committee-chosen transaction-signed transaction-accepted
    transaction-status exit-published exit-deferred validator-phase-seen validator-forecast case-halted case-retried
    account-seen account-strange account-accepted account-adopted paused resumed mode-switched people-demanded pool-served
    pool-not-served case-given-up key-redone case-closed clock-moved note
""".split()
FIELDS = {"seq", "format", "at", "kind", "body", "hash"}
MESSAGE = ("MsgType", "Identifier", "Data")
KEY_RESULT = ("RequestID", "EncryptedShare", "SharePubKey", "ValidatorPubKey", "DepositDataSignature")
SIGN_RESULT = ("RequestID", "Signature", "ValidatorPK")
DOMAIN = bytes.fromhex("0000010003000000")
OUTPUT, PROTOCOL = 3, 1
GWEI = 32_000_000_000
# operators of a committee, and how many of them it takes: 3f + 1 and 2f + 1
THRESHOLDS = {4: 3, 7: 5, 10: 7, 13: 9}
STATEMENT = ("chain_id", "manager", "account", "action", "proposed_at", "digest", "verdict", "unknown", "phrase", "expires")


class Bad(Exception):
    """What is wrong, in words."""


def has_bls():
    """Whether py_ecc is installed. It is imported where it is needed: that takes longer than to verify a journal."""
    global bls, G1_to_pubkey, pubkey_to_G1, Z1, add, curve_order, multiply
    try:
        from py_ecc.bls import G2ProofOfPossession as bls
        from py_ecc.bls.g2_primitives import G1_to_pubkey, pubkey_to_G1
        from py_ecc.optimized_bls12_381 import Z1, add, curve_order, multiply
    except ImportError:
        return False
    return True


def clean(text):
    """What others wrote, file names among it, must not move the cursor."""
    return "".join(c if c.isprintable() else "." for c in str(text))


class Report:
    def __init__(self):
        self.bad = 0

    def line(self, word, text):
        self.bad += word == "BAD"
        print(f"{word:<4}{clean(text)}")

    def check(self, what, test):
        """Runs a check: its result says more, a Bad says what is wrong."""
        try:
            more = test()
        except Bad as bad:
            self.line("BAD", f"{what}: {bad}")
            return False
        except Exception as error:
            # whatever somebody wrote into a file, it must not keep the verifier from saying so
            self.line("BAD", f"{what}: not as its format says ({type(error).__name__}: {error})")
            return False
        self.line("ok", f"{what}: {more}" if more else what)
        return True


    def part(self, what, test, otherwise=None):
        """Runs checks and what stands between them. Gives what they give."""
        found = []
        try:
            found.append(test())
        except OSError:
            raise
        except Bad as bad:
            self.line("BAD", f"{what}: {bad}")
        except Exception as error:
            self.line("BAD", f"{what}: not as its format says ({type(error).__name__}: {error})")
        return found[0] if found else otherwise


def require(condition, words):
    if not condition:
        raise Bad(words)


def u64(value, what):
    """A number as journals and checkpoints have it: a u64. To Python, true is 1, and 1.0, too."""
    require(type(value) is int and 0 <= value < 1 << 64, f"{what} is no number from 0 to 2^64 - 1")
    return value


# Objects and lists within each other; the program reads no deeper ones either.
NESTED = 127
MARK = "\ufeff"
# bytes of a file that is read whole, of an export, and of a line of it
LONGEST = 16 << 20
LONGEST_EXPORT = 1 << 30
LONGEST_LINE = 64 << 20


def regular(path, longest):
    """Opens a regular file of so many bytes at most. A pipe would be waited for without end."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(handle, "rb")
    found = os.fstat(handle)
    require(stat.S_ISREG(found.st_mode), f"{path} is no regular file, but a directory, a pipe, a socket or a device")
    require(found.st_size <= longest, f"{path} has {found.st_size} bytes, at most {longest} are read")
    return file


def whole(path, longest=LONGEST):
    with regular(path, longest) as file:
        data = file.read(longest + 1)
    require(len(data) <= longest, f"{path} has more than {longest} bytes, which is as many as are read")
    return data


def text_of(path):
    return whole(path).decode("utf-8-sig")


def lines_of(file):
    """Its lines, of which none is longer than any record."""
    read = 0
    while line := file.readline(LONGEST_LINE + 1):
        read += len(line)
        require(len(line) <= LONGEST_LINE, f"the line behind its first {read - len(line)} bytes is longer than {LONGEST_LINE} bytes")
        require(read <= LONGEST_EXPORT, f"it has more than {LONGEST_EXPORT} bytes, which is as many as are read")
        yield line


def once(pairs):
    """The fields of a JSON object. One that stands twice would be read here as its last, and elsewhere as its first."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"its field {next(name for name in names if names.count(name) > 1)} stands twice")
    return fields


def number(text):
    """JSON knows no NaN and no infinity, and no number that has become one."""
    if not abs(float(text)) < float("inf"):
        raise ValueError(f"{text} is no number")
    return float(text)


def parse(text):
    """One JSON value in UTF-8, and nothing behind it. Python alone would guess UTF-16 and UTF-32, too."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    depth = deepest = 0
    if text.count("[") + text.count("{") > NESTED:
        for mark in re.findall(r"[][{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)):
            depth += 1 if mark in "[{" else -1
            deepest = max(deepest, depth)
    if deepest > NESTED:
        raise ValueError("it is nested too deeply")
    return json.loads(text, object_pairs_hook=once, parse_float=number, parse_constant=number)


def squeezed(text):
    """JSON without the white space between its values."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', lambda found: found[1] or "", text).encode()


def raw(text):
    digits = text.removeprefix("0x")
    # Python's own reader passes over white space
    require(re.fullmatch("([0-9a-fA-F]{2})*", digits), "it is not in hex digits")
    return bytes.fromhex(digits)


def unpacked64(text):
    """Bytes of base64, in the one way in which they can be written. Python's own reader passes over what is none."""
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "bytes that are not written in base64")
    return data


def sized(text, size):
    data = raw(text)
    require(len(data) == size, f"{len(data)} bytes, not {size}")
    return data


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# ---- Keccak-256, as Ethereum has it ----


def keccak256(data):
    """Python's SHA-3 pads with 6 in the place of 1."""

    def turn(word, by):
        return (word << by | word >> (64 - by)) & (1 << 64) - 1 if by else word

    rate, state = 136, [[0] * 5 for _ in range(5)]
    data += b"\1" + bytes(-(len(data) + 1) % rate)
    data = data[:-1] + bytes([data[-1] | 0x80])
    for start in range(0, len(data), rate):
        for n in range(rate // 8):
            state[n % 5][n // 5] ^= int.from_bytes(data[start + 8 * n : start + 8 * n + 8], "little")
        register = 1
        for _ in range(24):
            column = [a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] for a in state]
            mixed = [column[x - 1] ^ turn(column[(x + 1) % 5], 1) for x in range(5)]
            state = [[lane ^ mixed[x] for lane in state[x]] for x in range(5)]
            x, y, current = 1, 0, state[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, state[x][y] = state[x][y], turn(current, (t + 1) * (t + 2) // 2 % 64)
            for y in range(5):
                row = [state[x][y] for x in range(5)]
                for x in range(5):
                    state[x][y] = row[x] ^ ~row[(x + 1) % 5] & row[(x + 2) % 5]
            for bit in range(7):
                register = (register << 1 ^ (register >> 7) * 0x71) % 256
                if register & 2:
                    state[0][0] ^= 1 << (1 << bit) - 1
    return b"".join(state[n % 5][n // 5].to_bytes(8, "little") for n in range(4))


# ---- ed25519 (RFC 8032, 5.1) ----

PRIME, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, -1, PRIME) % PRIME


def plus(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % PRIME, (p[1] + p[0]) * (q[1] + q[0]) % PRIME
    c, d = 2 * p[3] * q[3] * CURVE % PRIME, 2 * p[2] * q[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME)


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = plus(total, point)
        point, number = plus(point, point), number >> 1
    return total


def packed(point):
    inverse = pow(point[2], -1, PRIME)
    x, y = point[0] * inverse % PRIME, point[1] * inverse % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


def unpacked(data):
    """The point, or none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(CURVE * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    if (x * x - square) % PRIME or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else PRIME - x
    return (x, y, 1, x * y % PRIME)


BASE = unpacked((4 * pow(5, -1, PRIME) % PRIME).to_bytes(32, "little"))


def is_signed_with(key, message, signature):
    point = unpacked(key) if len(key) == 32 and len(signature) == 64 else None
    number = int.from_bytes(signature[32:], "little")
    if point is None or number >= ORDER:
        return False
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    negative = (PRIME - point[0], point[1], 1, PRIME - point[3])
    return packed(plus(times(number, BASE), times(hashed, negative))) == signature[:32]


# ---- secp256k1 and RLP: whose transaction it is, and what it says ----

FIELD, GROUP = 2**256 - 2**32 - 977, 2**256 - 432420386565659656852420866394968145599
GENERATOR = (
    55066263022277343669578718895168534326250603453777594175500187360389116729240,
    32670510020758816978083085130507043184471273380659243275938904335757337482424,
)


def ec_add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % FIELD == 0:
            return None
        slope = 3 * p[0] * p[0] * pow(2 * p[1], -1, FIELD) % FIELD
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, FIELD) % FIELD
    x = (slope * slope - p[0] - q[0]) % FIELD
    return x, (slope * (p[0] - x) - p[1]) % FIELD


def ec_times(number, point):
    total = None
    while number:
        if number & 1:
            total = ec_add(total, point)
        point, number = ec_add(point, point), number >> 1
    return total


def sender(hashed, odd, r, s):
    """The account whose key made this signature. EIP-2: of the two values of s that would do, nodes take the lower one."""
    require(0 < r < GROUP and 0 < s <= GROUP // 2 and odd in (0, 1), "a signature that no node takes")
    y = pow(pow(r, 3, FIELD) + 7, (FIELD + 1) // 4, FIELD)
    require((y * y - pow(r, 3, FIELD) - 7) % FIELD == 0, "a signature of nobody")
    point, inverse = (r, y if y & 1 == odd else FIELD - y), pow(r, -1, GROUP)
    number = int.from_bytes(hashed, "big")
    key = ec_add(ec_times(s * inverse % GROUP, point), ec_times(-number * inverse % GROUP, GENERATOR))
    require(key, "a signature of nobody")
    return keccak256(key[0].to_bytes(32, "big") + key[1].to_bytes(32, "big"))[12:]


def unrlp(data):
    """The first item, and what stands behind it."""
    first = data[0]
    if first < 0x80:
        return data[:1], data[1:]
    of_list, short = first >= 0xC0, first - (0xC0 if first >= 0xC0 else 0x80)
    start = 1 if short < 56 else short - 54
    size = short if short < 56 else int.from_bytes(data[1:start], "big")
    content, rest = data[start : start + size], data[start + size :]
    require(len(content) == size, "a transaction that is cut off")
    if not of_list:
        return content, rest
    items = []
    while content:
        item, content = unrlp(content)
        items.append(item)
    return items, rest


def rlp(item):
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, bytes) and len(item) == 1 and item[0] < 0x80:
        return item
    base, content = (0x80, item) if isinstance(item, bytes) else (0xC0, b"".join(map(rlp, item)))
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return (bytes([base + len(content)]) if len(content) < 56 else bytes([base + 55 + len(size)]) + size) + content


def is_payload(payload, signed):
    """Whether signed bytes are the transaction that was approved, signed by its sender, and nothing else."""
    data = raw(signed["raw"])
    require(data[:1] == b"\2", "it is no EIP-1559 transaction")
    fields, rest = unrlp(data[1:])
    require(isinstance(fields, list) and len(fields) == 12 and fields[8] == [] and rest == b"", "it has other fields")
    chain, nonce, priority, most, gas, _, value, _, _, odd, r, s = (
        0 if isinstance(f, list) else int.from_bytes(f, "big") for f in fields
    )
    said = [chain, nonce, priority, most, gas, fields[5], value, fields[7], [], odd, r, s]
    require(data == b"\2" + rlp(said), "another encoding of the same fields")
    for what, there, wanted in (
        ("chain", chain, payload["chain_id"]),
        ("contract", fields[5], sized(payload["to"], 20)),
        ("value", value, int(payload["value_wei"], 16)),
        ("calldata", fields[7], raw(payload["data"])),
        ("nonce", nonce, signed["nonce"]),
        ("gas limit", gas, signed["gas_limit"]),
        ("max fee", most, int(signed["max_fee_wei"], 16)),
        ("priority fee", priority, int(signed["priority_fee_wei"], 16)),
        ("hash", keccak256(data), sized(signed["hash"], 32)),
        ("sender", sender(keccak256(b"\2" + rlp(said[:9])), odd, r, s), sized(payload["from"], 20)),
    ):
        require(there == wanted, f"another {what}")
    ceiling = int(payload["fee_ceiling_wei"], 16)
    require(gas * most <= ceiling, f"it may cost {gas * most} wei in fees, over the ceiling of {ceiling} wei")


# ---- the journal ----


def link(previous, entry):
    def text(value):
        value = value.encode()
        return len(value).to_bytes(8, "big") + value

    head = f"casimir-dkg journal v{entry.get('format', 1)}\0".encode()
    numbers = entry["seq"].to_bytes(8, "big") + entry["at"].to_bytes(8, "big")
    return sha256(head, previous, numbers, text(entry["kind"]), text(entry["body"]))


class Checkpoint:
    """Number and hash of a record that was acknowledged, with or without a signature of the journal's own key."""

    def __init__(self, words, of):
        require(words, f"{of} is empty: it names no record")
        require(len(words) in (2, 5), f"{of} is not «<number> <hash>», nor that with time, key and signature")
        try:
            numbers = [int(word) if word.isascii() and word.isdecimal() else None for word in words[:3:2]]
            self.seq, self.hash = u64(numbers[0], "its record"), sized(words[1], 32)
            self.at, self.key, self.signature = None, None, None
            if words[2:]:
                self.at, self.key, self.signature = u64(numbers[1], "its time"), sized(words[3], 32), sized(words[4], 64)
        except (ValueError, Bad):
            raise Bad(f"{of} is not «<number> <hash>», nor that with time, key and signature") from None

    def message(self, entries):
        numbers = entries[self.seq - 1].get("format", 1).to_bytes(8, "big") + self.seq.to_bytes(8, "big")
        tag = b"casimir-dkg journal checkpoint v1\0"
        return tag + raw(entries[0]["hash"]) + numbers + self.hash + self.at.to_bytes(8, "big")


def records(path, found):
    """Every record of an export, each after its link was checked. An export of version 2 begins with its checkpoint, which
    is put into `found`. The mark that some editors put before a text is passed over."""
    previous, newest, count = bytes(32), 1, 0
    with regular(path, LONGEST_EXPORT) as file:
        for place, line in enumerate(lines_of(file)):
            line = line.removeprefix(MARK.encode()) if place == 0 else line
            require(line.startswith(b"{"), f"record {count + 1} is no JSON object")
            require(line.endswith(b"\n"), f"record {count + 1} is cut off: its line has no end")
            try:
                entry = parse(line)
            except ValueError as error:
                raise Bad(f"record {count + 1} is no JSON: {error}") from None
            require(isinstance(entry, dict), f"record {count + 1} is no JSON object")
            if place == 0 and "export" in entry:
                version = u64(entry["export"], "the version of the export")
                require(version == 2, f"export version {version}, this reads 1 and 2")
                strange = entry.keys() - {"export", "checkpoint"}
                require(not strange, f"its first line has {', '.join(sorted(strange))}, which is not known here")
                found.append(Checkpoint(entry["checkpoint"].split(), "the checkpoint of its first line"))
                require(found[0].signature, "the checkpoint of its first line is not signed")
                continue
            count += 1
            absent = FIELDS - {"format"} - entry.keys()
            require(not absent, f"record {count} lacks {', '.join(sorted(absent))}")
            strange = entry.keys() - FIELDS
            require(not strange, f"record {count} has {', '.join(sorted(strange))}, which no hash covers")
            seq = u64(entry["seq"], f"the number of record {count}")
            u64(entry["at"], f"the time of record {count}")
            require(seq >= count, f"record {seq} stands twice or too late, in place {count}")
            require(seq == count, f"record {count} is missing: {seq} stands in its place")
            version = u64(entry.get("format", 1), f"the format of record {count}")
            require(version <= NEWEST_JOURNAL, f"record {seq} is of format {version}, which is not known here")
            require(version >= newest, f"record {seq} is of format {version}, after one of format {newest}")
            stated = raw(entry["hash"])
            require(
                link(previous, entry) == stated,
                f"record {seq} does not match its hash: it was changed, or what stands before it",
            )
            previous, newest = stated, version
            yield entry


def bodies(entries):
    return [(entry, parse(entry["body"])) for entry in entries]


def served(entries):
    """Account, chain and manager, as far as the journal says, each as often as it changed."""
    said = {"network": [], "chain": [], "manager": [], "account": []}
    for entry, body in bodies(entries):
        serves = body.get("serves") or {}
        told = {"chain": serves.get("chain_id"), "manager": serves.get("manager"), "account": serves.get("account")}
        if entry["kind"] == "engine-started":
            told["network"] = body.get("network")
        if entry["kind"] == "account-seen":
            told["account"] = body["account"]
        for name, value in told.items():
            if value is not None and str(value).lower() not in said[name]:
                said[name].append(str(value).lower())
    return said


def which(entries):
    said = served(entries).items()
    words = [f"{name} {' and then '.join(values)}" if values else f"{name} not said" for name, values in said]
    return f"{', '.join(words)}; its first record is {entries[0]['hash']}"


def known(entries):
    """Refuses kinds of records of a newer program: what they decide, or name, nothing below looks at."""
    strange = {}
    for entry in entries:
        if entry["kind"] not in KINDS:
            strange.setdefault(entry["kind"], []).append(entry["seq"])
    words = [f"record {seqs[0]} is of kind «{kind}»" + (f", and {len(seqs) - 1} more" if seqs[1:] else "") for kind, seqs in strange.items()]
    require(not strange, f"{'; '.join(words)}: of a newer casimir-dkg, and not judged here. Take the verifier of that one")
    return "each of a kind that is known here"


RISKS = {
    "keygen": "routine",
    "reshare": "routine",
    "sign-exit": "irreversible",
    "send-deposit": "money",
    "send-reshare": "money",
    "broadcast-exit": "irreversible",
}


def is_of_payload(body):
    """Whether a digest is of what is proposed, by this version of it or by the one before."""
    proposal, named = body["proposal"], sized(body["digest"], 32)
    kind = proposal["kind"]
    require(kind in RISKS, f"an action of kind {kind}, which is not known here")
    fields = [body["action"], kind, RISKS[kind], proposal["payload"]]
    checks = [[check["name"], check["status"]] for check in proposal["checks"]]
    both = ((2, fields), (1, [*fields, checks]))
    return any(sha256(f"casimir-dkg action v{version}\0".encode(), compact(content)) == named for version, content in both)


class Decisions:
    """Every decision names the digest of what was shown last before it, and what people signed is signed."""

    def __init__(self):
        self.shown, self.since, self.spent = {}, {}, set()
        self.approved = self.others = self.signed = self.told = 0

    def check(self, entries):
        for entry, body in bodies(entries):
            seq, kind = entry["seq"], entry["kind"]
            require(body.get("record") == kind, f"record {seq} is called {kind}, and is another")
            if kind in ("action-proposed", "action-changed"):
                action = body["action"]
                require(is_of_payload(body), f"record {seq} proposes {action} under a digest that is not of what would leave")
                self.shown[body["action"]] = body["digest"]
            if kind == "action-proposed":
                self.since[body["action"]] = entry["at"]
            if kind in ("decided", "endorsed"):
                self.one(seq, body["action"], body["decision"])
        words = f"{self.approved} approvals, each of the digest that was shown"
        more = f", {self.others} others" if self.others else ""
        return f"{words}{more}; {self.signed} signed with people's own keys, each signature right"

    def one(self, seq, action, decision):
        digest, decider = decision["digest"], decision["decider"]
        if decision["verdict"]["verdict"] == "approve":
            require(self.shown.get(action) == digest, f"record {seq} approves {action} by a digest that was not shown")
            self.approved += 1
        else:
            self.others += 1
        signed = decider.get("signed")
        if signed is None:
            self.told += decider.get("by") == "person"
            return
        said = signed["statement"]
        # the first text did not say when the action was proposed
        fields = [name for name in STATEMENT if name in said or name != "proposed_at"]
        require(said.keys() == set(fields), f"record {seq}: what was signed has other fields than a decision")
        message = b"casimir-dkg decision of a person v1\0" + compact({name: said[name] for name in fields})
        require(
            is_signed_with(raw(signed["key"]), message, raw(signed["signature"])),
            f"record {seq}: the signature of {decider.get('name')} on {action} is not right",
        )
        require(
            said["action"] == action and said["digest"] == digest and said["verdict"] == decision["verdict"]["verdict"],
            f"record {seq}: {decider.get('name')} signed something else than is decided",
        )
        require(decision["at"] < said["expires"], f"record {seq}: the signature of {decider.get('name')} had expired")
        require(
            said.get("proposed_at", self.since.get(action)) == self.since.get(action),
            f"record {seq}: the signature of {decider.get('name')} is of another action of that number",
        )
        require(signed["signature"] not in self.spent, f"record {seq}: the signature of {decider.get('name')} was used before")
        self.spent.add(signed["signature"])
        self.signed += 1


# what is under way when its approval ends is told so much later at most, ms
UNDER_WAY = 600_000


def purpose(plan):
    """What a signing plan says that it signs, where its root is that; none where it cannot be said."""
    what, root = plan["what"], raw(plan["signing_root"])
    if what["purpose"] == "owner-nonce":
        text = f"{what['owner']}:{what['nonce']}"
        require(keccak256(text.encode()) == root, f"the root is not that of {text}")
        return f"the SSV registration {text}"
    words = f"a voluntary exit of validator {what['validator_index']} from epoch {what['epoch']} on"
    domain = what.get("domain")
    if not domain:
        return None
    numbers = [number.to_bytes(32, "little") for number in (what["epoch"], what["validator_index"])]
    fork = sha256(raw(domain["fork_version"]) + bytes(28), raw(domain["genesis_validators_root"]))
    require(sha256(sha256(*numbers), b"\4\0\0\0" + fork[:28]) == root, f"the root is not that of {words}")
    return f"{words}, on the chain of genesis validators root {domain['genesis_validators_root']}"


class Leaving:
    """Nothing leaves without an approval that stands, and nothing else than what was approved."""

    def __init__(self, report):
        self.report, self.count = report, 0
        self.open, self.approved, self.void, self.left = {}, {}, {}, {}
        self.runs, self.of_case, self.sent, self.nonces = {}, {}, {}, {}
        self.policy, self.unclear = [], 0

    def check(self, entries):
        known = {
            "people-demanded": lambda entry, body: setattr(self, "policy", body["two_persons"]),
            "action-proposed": self.proposed,
            "action-changed": self.changed,
            "endorsed": lambda entry, body: self.waiting(body["action"])["given"].append(body["decision"]),
            "endorsements-lost": lambda entry, body: self.waiting(body["action"])["given"].clear(),
            "decided": self.decided,
            "action-voided": self.voided,
            "ceremony-started": self.started,
            "ceremony-verified": self.verified,
            "transaction-signed": self.signed,
            "transaction-accepted": lambda entry, body: self.told(body["action"], body["hash"]),
            "transaction-status": lambda entry, body: self.told(body["action"], body["status"].get("hash")),
            "exit-published": self.published,
        }
        bad = self.report.bad
        for entry, body in bodies(entries):
            try:
                known.get(entry["kind"], lambda entry, body: None)(entry, body)
            except Exception as error:
                said = str(error) if isinstance(error, Bad) else f"not as its format says ({type(error).__name__}: {error})"
                self.report.line("BAD", f"what left: record {entry['seq']}: {said}")
        if self.report.bad == bad:
            self.report.line("ok", f"what left: {self.count} records, each under an approval that stood, and of what was approved")
        if self.unclear:
            self.report.line("?", f"whether {self.unclear} roots are those of the exits that are meant: older plans do not say on which chain")

    def proposed(self, entry, body):
        self.open[body["action"]] = {"proposal": body["proposal"], "given": []}

    def changed(self, entry, body):
        waits = self.open.get(body["action"])
        if waits:
            waits["proposal"] = body["proposal"]
            # whoever approved something else has not approved this
            waits["given"] = [given for given in waits["given"] if given["digest"] == body["digest"]]

    def waiting(self, action):
        require(action in self.open, f"{action} is decided and does not wait")
        return self.open[action]

    def decided(self, entry, body):
        action, decision = body["action"], body["decision"]
        waits, by = self.waiting(action), decision["decider"]["by"]
        require(by in ("person", "rule"), f"{action} is decided by a {by}, which is not known here")
        del self.open[action]
        if decision["verdict"]["verdict"] != "approve":
            return
        given = [*waits["given"], decision]
        self.approved[action] = {"proposal": waits["proposal"], "given": given}
        self.left.pop(action, None)
        self.void.pop(action, None)
        kind = waits["proposal"]["kind"]
        for two in self.policy:
            least = two.get("at_least_wei")
            if kind in two["kinds"] and (least is None or self.amount(waits["proposal"]) >= int(least, 16)):
                names = [one["decider"].get("name") for one in given if one["decider"]["by"] == "person"]
                require(len(names) > 1, f"{action} is approved: 2 people must approve {kind}, and {len(names)} did")

    def amount(self, proposal):
        stake = 32 * 10**18 if proposal["kind"] in ("send-deposit", "sign-exit", "broadcast-exit") else 0
        return stake + int(proposal["payload"].get("value_wei", "0x0"), 16)

    def voided(self, entry, body):
        self.open.pop(body["action"], None)
        if body["action"] in self.approved:
            self.void[body["action"]] = entry

    def leaves(self, entry, action, words, late=0):
        """The proposal under whose approval something leaves."""
        self.count += 1
        why = "it waits for a decision" if action in self.open else "nobody approved it"
        require(action in self.approved, f"{action}: {words}, and {why}")
        void = self.void.get(action)
        if void and not entry["at"] < void["at"] + late:
            raise Bad(f"{action}: {words}, and its approval was void since record {void['seq']}")
        return self.approved[action]["proposal"]["payload"]

    def first(self, entry, action, late):
        """Whether it leaves for the first time, for which what people signed must still count."""
        if action in self.left:
            return False
        self.left[action] = entry["seq"]
        for given in self.approved[action]["given"]:
            signed = given["decider"].get("signed")
            if signed and signed["statement"]["expires"] + late <= entry["at"]:
                raise Bad(f"{action} is executed after the signature of {given['decider'].get('name')} expired")
        return True

    def started(self, entry, body):
        plan, case, action = body["plan"], body["case"], body["action"]
        self.runs[body["request"]] = {"plan": plan, "result": None}
        self.of_case.setdefault(case, []).append(self.runs[body["request"]])
        if plan["kind"] == "sign" and purpose(plan) is None:
            self.unclear += 1
        if body["role"] == "registration":
            self.count += 1
            require(plan["kind"] == "sign" and plan["what"]["purpose"] == "owner-nonce", f"a registration of {case} is of something else")
            gave = any(self.gave(run, plan) for run in self.of_case[case])
            return require(gave, f"a registration of {case} is signed, and no ceremony of its case gave the key to those who sign")
        require(action, f"a ceremony of {case} is started under no approval")
        payload = self.leaves(entry, action, "its ceremony is started")
        require(self.first(entry, action, 0), f"{action}: a second ceremony is started under one approval")
        same = payload["type"] == "ceremony" and payload["plan"] == plan and payload.get("backend") == body.get("backend")
        require(same and action.split("#")[0] == case, f"{action}: the ceremony that is started is not the one that was approved")

    def gave(self, run, plan):
        made, result = run["plan"], run["result"] or {}
        return result.get("validator") == plan["validator"] and (made.get("committee") or made["new"]) == plan["committee"]

    def verified(self, entry, body):
        require(body["request"] in self.runs, f"ceremony {body['request']} has a result, and no record started it")
        self.runs[body["request"]]["result"] = body["result"]

    def signed(self, entry, body):
        action, signed = body["action"], body["transaction"]
        self.sent.setdefault(action, []).append(signed)
        payload = self.leaves(entry, action, "its transaction is signed")
        self.first(entry, action, UNDER_WAY)
        require(payload["type"] == "transaction", f"{action}: a transaction is signed, and none was approved")
        nonce, before = signed["nonce"], self.sent[action][0]["nonce"]
        require(nonce == before, f"{action}: a transaction with nonce {nonce} is signed beside the one with nonce {before}")
        of = self.nonces.setdefault((payload["from"].lower(), nonce), action)
        require(of == action, f"{action}: nonce {nonce} was signed for {of} before")
        try:
            is_payload(payload, signed)
        except Bad as bad:
            raise Bad(f"{action}: what was signed is not what was approved: {bad}") from None

    def told(self, action, named):
        hashes = [signed["hash"] for signed in self.sent.get(action, [])]
        there = named in hashes if named else hashes
        require(there, f"{action}: {f'transaction {named}' if named else 'its transaction'} is out, and no record says that it was signed")

    def published(self, entry, body):
        action = body["action"]
        payload = self.leaves(entry, action, "its exit is published", UNDER_WAY)
        if not self.first(entry, action, UNDER_WAY):
            return
        require(payload["type"] == "exit", f"{action}: its exit is published, and none was approved")
        case = action.split("#")[0]
        runs = [run for run in self.of_case.get(case, []) if run["plan"]["kind"] == "sign"]
        found = any(self.is_exit(run, payload) for run in runs)
        require(found, f"{action}: its exit is published, and no ceremony of {case} signed that exit")

    def is_exit(self, run, payload):
        plan, what = run["plan"], run["plan"]["what"]
        numbers = ("validator_index", "epoch")
        same = all(what.get(name) == payload[name] for name in numbers)
        same = same and all(plan[name] == payload[name] for name in ("validator", "signing_root"))
        return same and (run["result"] or {}).get("signature") == payload["signature"]


def lineage(entries):
    """(record, key, whether the key before it signed it) of every key of the journal's own."""
    keys = []
    for entry, body in bodies(entries):
        if entry["kind"] != "journal-keyed":
            continue
        seq, key, former = entry["seq"], raw(body["key"]), body.get("former")
        if former:
            require(keys and raw(former["key"]) == keys[-1][1], f"record {seq}: it says that another key signed than the newest before it")
            before = entries[seq - 2]
            message = b"casimir-dkg journal key handed on v1\0" + raw(entries[0]["hash"]) + (seq - 1).to_bytes(8, "big") + raw(before["hash"]) + key
            good = is_signed_with(keys[-1][1], message, raw(former["signature"]))
            require(good, f"record {seq}: the signature of the key before it is not right: it, or what stands before it, is another one")
        keys.append((seq, key, bool(former)))
    return keys


def own_key(entries, upto):
    """(record, key) of the newest key of the journal's own that a record up to there names, or none."""
    keys = lineage(entries[:upto])
    return keys[-1][:2] if keys else None


def heirs(entries, held):
    """The key given and those that count on its word, one signature after the other; and the last record that such a one signed."""
    keys, given, handed = lineage(entries), [held], 0
    named = [key for _, key, _ in keys]
    for seq, key, signed in keys[named.index(held) + 1 :] if held in named else []:
        if not signed:
            break
        given.append(key)
        handed = seq - 1
    return given, handed


def succession(report, entries):
    """Says of every key but the first on whose word it counts."""
    for seq, key, signed in lineage(entries)[1:]:
        if signed:
            report.line("ok", f"record {seq} names a new key, 0x{key.hex()}, which the key before it signed")
        else:
            words = "on a person's word alone: no key before it signed it, and whoever holds an older one cannot tell it from a forgery"
            report.line("?", f"record {seq} names a new key, 0x{key.hex()}, {words}")


def acknowledged(report, entries, checkpoint, held, name):
    """Compares with a checkpoint. Gives the record that it holds fast for whoever has the key. Of `held`, the newest counts."""
    unsigned = []

    def test():
        seq = checkpoint.seq
        require(len(entries) >= seq, f"it ends at record {len(entries)}, but record {seq} was acknowledged: its end is missing")
        require(seq > 0 and raw(entries[seq - 1]["hash"]) == checkpoint.hash, f"record {seq} is another one than was acknowledged")
        if checkpoint.signature is None:
            require(held is None, "it is not signed, and a key was given")
            unsigned.extend(filter(None, [own_key(entries, seq)]))
            return f"record {seq} is the one that was acknowledged; it is not signed"
        named = own_key(entries, seq)
        require(named, f"it is signed, and no record up to {seq} names a key of the journal's own")
        require(named[1] == checkpoint.key, f"it is signed with another key than record {named[0]} names")
        signed = is_signed_with(checkpoint.key, checkpoint.message(entries), checkpoint.signature)
        require(signed, "its signature is not right: it, or the journal, is another one than was signed")
        key = f"0x{checkpoint.key.hex()}"
        require(held is None or checkpoint.key in held, f"it is signed with {key}, which record {named[0]} names, and not with the key given")
        return f"record {seq} is the one that was acknowledged, signed with {key} of record {named[0]}"

    good = report.check(name, test)
    for record, _ in unsigned:
        words = "a journal that was restored may have such a one until its next start, and one that was changed has no other"
        report.line("?", f"why it is not signed: record {record} names a key that signs checkpoints; {words}")
    return checkpoint.seq if good and checkpoint.signature and held else 0


def held_fast(report, entries, arguments, found):
    """Says up to which record the journal is held by something that its writer cannot make anew."""
    key, upto, count = None, 0, len(entries)
    if arguments.key:
        key, upto = heirs(entries, raw(arguments.key))
        if upto:
            report.line("ok", f"the key given signed the key after it, and so what stands up to record {upto}")
    for checkpoint in found:
        upto = max(upto, acknowledged(report, entries, checkpoint, key, "checkpoint of the export"))
    if arguments.checkpoint:
        given = []
        path = pathlib.Path(arguments.checkpoint)
        if report.check("checkpoint file", lambda: given.append(Checkpoint(text_of(path).split(), "it"))):
            upto = max(upto, acknowledged(report, entries, given[0], key, "checkpoint"))
            found = found + given
    if arguments.head:
        seen = [entry["seq"] for entry in entries if raw(entry["hash"]) == raw(arguments.head)]

        def head():
            require(seen, "no record has this hash: rolled back, or another journal")
            return f"held up to record {seen[0]}"

        report.check("head", head)
        upto = max([upto, *seen])
    if key and not found:
        report.check("key", lambda: require(False, "a key was given, and there is no checkpoint that it could have signed"))
    if not upto:
        report.line("?", "whether it was written anew as a whole: give --key or --head, as they were written down elsewhere")
    elif upto < count:
        report.line("?", f"held up to record {upto}; the {count - upto} behind it are not: whoever has the file may have written them anew")
    reach = max([upto, *(checkpoint.seq for checkpoint in found)])
    if not reach:
        report.line("?", "whether records are missing at its end: give --checkpoint, --key or --head")
    else:
        report.line("?", f"whether records behind {max(count, reach)} are missing: what was acknowledged later, a checkpoint or head of then would tell")


def journal(report, path, arguments):
    entries, found = [], []

    def chain():
        entries.extend(records(path, found))
        require(entries, "there is no record in it")
        return f"{len(entries)} records, every hash right, head {entries[-1]['hash']}"

    if not report.check("hash chain", chain):
        return []
    report.check("kinds of records", lambda: known(entries))
    report.check("journal", lambda: which(entries))
    if not report.check("keys of the journal's own", lambda: lineage(entries) and None):
        return []
    succession(report, entries)
    held_fast(report, entries, arguments, found)
    decisions = Decisions()
    report.check("decisions", lambda: decisions.check(entries))
    if decisions.told:
        report.line("?", f"{decisions.told} decisions of people are the word of the oracle's machine alone: no key of theirs signed them")
    report.part("what left", lambda: Leaving(report).check(entries))
    if decisions.signed or any(entry["kind"] == "people-demanded" for entry in entries):
        report.line("?", "whose keys people signed with, and whether those who decided are the different people that the policy asks: `casimir-dkg journal verify` judges")
    report.line("?", "whether a rule that approved was one of the policy then: a journal has no rules")
    report.line("?", "whether records have fields of a newer casimir-dkg, which are passed over here: `casimir-dkg journal verify` refuses them")
    report.line("?", "whether the records are true: a journal says what was written, and in what order")
    return entries


def named_transcripts(entries):
    """File name to (record, SHA-256, result) of every transcript that the journal names; the result with its case."""
    named, cases = {}, {}
    for entry in entries:
        body = parse(entry["body"])
        if entry["kind"] == "ceremony-started":
            cases[body["request"]] = body["case"]
        if body.get("transcript"):
            name, digest = body["transcript"]
            require(isinstance(name, str), f"record {entry['seq']} names a transcript by what is no name")
            named[name] = (entry["seq"], raw(digest), {**body, "case": cases.get(body["request"])})
    return named


# ---- RSA ----


def der(data):
    """The elements of a DER sequence's content: (tag, content)."""
    at, found = 0, []
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        require(at + size <= len(data), "a key that is cut off")
        found.append((tag, data[at : at + size]))
        at += size
    return found


def rsa_key(text):
    """(modulus, exponent) of a PEM, of its base64, or of base64 of DER: a SubjectPublicKeyInfo or a PKCS #1 key."""
    data = text.encode()
    if not data.lstrip().startswith(b"-----"):
        data = base64.b64decode(data)
    if data.lstrip().startswith(b"-----"):
        lines = data.decode().strip().splitlines()
        data = base64.b64decode("".join(line.strip() for line in lines if not line.startswith("-----")))
    content = der(der(data)[0][1])
    if content[0][0] == 0x30:
        # a bit string: one byte for unused bits, then the key
        content = der(der(content[1][1][1:])[0][1])
    modulus, exponent = (int.from_bytes(value, "big") for tag, value in content[:2] if tag == 2)
    require(modulus.bit_length() == 2048, f"a key of {modulus.bit_length()} bits")
    return modulus, exponent


def fingerprint(key):
    """SHA-256 of the key's SubjectPublicKeyInfo."""

    def element(tag, content):
        size = len(content)
        if size < 0x80:
            return bytes([tag, size]) + content
        length = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([tag, 0x80 | len(length)]) + length + content

    def integer(value):
        return element(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))

    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    inner = element(0x30, integer(key[0]) + integer(key[1]))
    return sha256(element(0x30, algorithm + element(3, b"\0" + inner))).hex()


def is_signed(value, fields, signature, key):
    root = sha256(sha256(compact({name: value[name] for name in fields})), DOMAIN)
    padded = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(root)
    padded = b"\0\1" + b"\xff" * (253 - len(padded)) + b"\0" + padded
    signature = unpacked64(signature or "")
    return len(signature) == 256 and pow(int.from_bytes(signature, "big"), key[1], key[0]) == int.from_bytes(padded, "big")


# ---- the form of a transcript: every field, its place and how it is written ----


def is_u64(value):
    return type(value) is int and 0 <= value < 1 << 64


def is_flag(value):
    return isinstance(value, bool)


def is_text(value):
    """Without what would move a cursor or cannot be seen."""
    return isinstance(value, str) and len(value) <= 2001 and not HOSTILE.search(value)


HOSTILE = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def is_key_text(value):
    return isinstance(value, str)


def is_case(value):
    return isinstance(value, str) and re.fullmatch(r"(deposit|reshare|exit)/[0-9]+(\.[0-9]+)?", value) is not None


def is_base64(value):
    return isinstance(value, str) and unpacked64(value) is not None


def of_hex(size=None, prefix="0x"):
    many = "*" if size is None else f"{{{size}}}"
    return lambda value: isinstance(value, str) and re.fullmatch(f"{prefix}([0-9a-f]{{2}}){many}", value) is not None


def one_of(*words):
    return lambda value: isinstance(value, str) and value in words


def none_or(test):
    return lambda value: value is None or test(value)


def list_of(test):
    return lambda value: isinstance(value, list) and all(map(test, value))


def by_operator(test):
    """Operators in ascending order, as decimal text."""

    def good(value):
        if not isinstance(value, dict) or not all(re.fullmatch("0|[1-9][0-9]{0,19}", name) for name in value):
            return False
        numbers = [int(name) for name in value]
        return numbers == sorted(numbers) and all(map(is_u64, numbers)) and all(map(test, value.values()))

    return good


def struct(**fields):
    """These fields in this order. One whose name ends in _ may be left out."""

    def good(value):
        if not isinstance(value, dict):
            return False
        there = [name.removesuffix("_") for name in fields if not name.endswith("_") or name[:-1] in value]
        tests = {name.removesuffix("_"): test for name, test in fields.items()}
        return list(value) == there and all(tests[name](inner) for name, inner in value.items())

    return good


def tagged(tag, **kinds):
    return lambda value: isinstance(value, dict) and kinds.get(str(value.get(tag)).replace("-", "_"), lambda _: False)(value)


OPERATORS, ROOT, SIGNATURE, PUBLIC = list_of(is_u64), of_hex(32), of_hex(96), of_hex(48)
PUBLICS, SHARES = by_operator(PUBLIC), by_operator(of_hex())
SMALL = lambda value: is_u64(value) and value < 256
CHECKS = list_of(struct(name=is_key_text, status=one_of("pass", "fail", "unknown"), reason=is_text))
REGISTRATION = struct(owner=is_key_text, nonce=is_u64)
BROUGHT = struct(handed_back=SHARES, withdrawal_credentials=ROOT, fork_version=of_hex(4), owner_signature_=of_hex())
HELD = struct(chain_id=is_u64, manager=of_hex(20), account_=of_hex(20), case_=is_case)
WHAT = tagged(
    "purpose",
    owner_nonce=struct(purpose=is_key_text, owner=is_key_text, nonce=is_u64),
    voluntary_exit=struct(
        purpose=is_key_text,
        validator_index=is_u64,
        epoch=is_u64,
        domain_=struct(fork_version=of_hex(4), genesis_validators_root=ROOT),
    ),
)
PLAN = tagged(
    "kind",
    keygen=struct(
        kind=is_key_text,
        committee=OPERATORS,
        threshold=SMALL,
        withdrawal_credentials=ROOT,
        fork_version=of_hex(4),
        registration_=REGISTRATION,
    ),
    reshare=struct(
        kind=is_key_text,
        validator=PUBLIC,
        old=OPERATORS,
        new=OPERATORS,
        threshold=SMALL,
        registration_=REGISTRATION,
        brought_=BROUGHT,
    ),
    sign=struct(
        kind=is_key_text,
        validator=PUBLIC,
        committee=OPERATORS,
        threshold=SMALL,
        signing_root=ROOT,
        what=WHAT,
        share_public_keys=PUBLICS,
        brought_=BROUGHT,
    ),
)
# what a ceremony has made that gives a key shares
SHARED = dict(
    share_public_keys=PUBLICS,
    encrypted_shares=SHARES,
    registration_=SIGNATURE,
    handed_back_=SHARES,
)
RESULT = tagged(
    "result",
    keygen=struct(
        result=is_key_text,
        validator=PUBLIC,
        deposit_signature=SIGNATURE,
        **SHARED,
    ),
    reshare=struct(result=is_key_text, validator=PUBLIC, **SHARED),
    sign=struct(result=is_key_text, signature=SIGNATURE),
)
FAILURE = struct(
    kind=one_of("not-started", "timeout", "blamed", "refused", "lost", "unknown"),
    round=none_or(is_key_text),
    culprits=OPERATORS,
    reason=is_text,
    blames=list_of(struct(blamer=is_u64, culprit=none_or(is_u64), proven=is_flag, reason=is_text)),
)
VERDICT = tagged(
    "outcome",
    verified=struct(outcome=is_key_text, source=one_of("messenger", "observed", "combined"), value=RESULT, checks=CHECKS),
    failed=struct(outcome=is_key_text, failure=FAILURE),
)
REPLY = struct(
    at=is_u64,
    outcome=one_of("started", "refused", "unreachable", "unanswered"),
    status=none_or(lambda value: is_u64(value) and value < 1 << 16),
    text=is_text,
)
DOCUMENT = {
    "format": is_u64,
    "request_id": of_hex(24, ""),
    "held_for_": HELD,
    "plan": PLAN,
    "operators": by_operator(is_key_text),
    "attached": is_flag,
    "started_at": is_u64,
    "ended_at": is_u64,
    "start_message": none_or(is_base64),
    "replies": by_operator(REPLY),
    "messages": list_of(struct(at=is_u64, sender=is_u64, raw=is_base64)),
    "rejected": list_of(is_text),
    "stored": none_or(is_base64),
    "verdict": VERDICT,
    "digest": ROOT,
}

# ---- a transcript ----


def envelope(text):
    """The signed message in an SSV message: 8 bytes of type, 56 of id, 4 of offset."""
    data = unpacked64(text)
    require(int.from_bytes(data[:8], "little") == 2, "an SSV message that is not of the DKG type")
    return parse(data[int.from_bytes(data[64:68], "little") :])


class Transcript:
    def __init__(self, data):
        require(len(data) <= LONGEST, f"{len(data)} bytes, at most {LONGEST} are read")
        text = data.decode("utf-8").removeprefix(MARK)
        self.all = parse(text)
        require(isinstance(self.all, dict), "it is no JSON object")
        require(self.all.get("backend", "rockx") == "rockx", f"a transcript of {self.all.get('backend')}, not known here")
        require(u64(self.all["format"], "its format") == 1, f"transcript format {self.all['format']}, this reads 1")
        for name, test in DOCUMENT.items():
            name, may_lack = name.removesuffix("_"), name.endswith("_")
            require(may_lack or name in self.all, f"it has no {name}")
            require(name not in self.all or test(self.all[name]), f"its field {name} is not as the format says")
        require(struct(**DOCUMENT)(self.all), "its fields are others, or stand in another order, than the format says")
        # the digest is over what stands there: nothing can be written in two ways
        require(squeezed(text) == compact(self.all), "it is written otherwise than the format says")
        self.id = list(bytes.fromhex(self.all["request_id"]))
        self.plan = self.all["plan"]
        self.kind = self.plan["kind"]
        self.committee = sorted(self.plan.get("committee") or self.plan["new"])
        self.verdict = self.all["verdict"]
        self.keys = {}
        self.messages = []
        self.outputs = {}

    def times(self):
        first, last = self.all["started_at"], self.all["ended_at"]
        told = [message["at"] for message in self.all["messages"]] + [reply["at"] for reply in self.all["replies"].values()]
        require(all(first <= at <= last for at in [first, *told]), "a message or reply is not between start and end")

    def digest(self):
        content = dict(self.all, digest="0x" + "00" * 32)
        computed = "0x" + sha256(compact(content)).hex()
        require(computed == self.all["digest"], f"it states {self.all['digest']}, and is {computed}: a field was changed")

    def participants(self):
        self.keys = {int(number): rsa_key(text) for number, text in self.all["operators"].items()}
        wanted = set(self.committee) | set(self.plan.get("old", []))
        require(set(self.keys) == wanted, f"keys of {sorted(self.keys)}, participants {sorted(wanted)}")
        return "; ".join(f"operator {number} SHA-256:{fingerprint(key)}" for number, key in sorted(self.keys.items()))

    def signatures(self):
        seen = set()
        for number, message in enumerate(self.all["messages"]):
            require(message["raw"] not in seen, f"message {number} is a repetition")
            seen.add(message["raw"])
            signed = envelope(message["raw"])
            signer, inner = signed["Signer"], signed["Message"]
            require(signer == message["sender"], f"message {number} is by {signer}, and recorded of {message['sender']}")
            require(signer in self.keys, f"message {number} is by {signer}, who takes no part")
            require(inner["Identifier"] == self.id, f"message {number} is of another ceremony")
            require(
                is_signed(inner, MESSAGE, signed["Signature"], self.keys[signer]),
                f"message {number} is not signed by operator {signer}",
            )
            self.messages.append((signer, inner["MsgType"], parse(unpacked64(inner["Data"] or ""))))
        return f"{len(self.messages)}, each of this ceremony and signed by its sender"

    def results(self):
        """What each operator signed at the end, as it was broadcast, and of the messenger where its word was taken."""
        told = [(signer, data) for signer, kind, data in self.messages if kind == OUTPUT and data.get("DKGOutputs") is None]
        if self.verdict["source"] == "messenger":
            require(self.all["stored"], "it is the messenger's, which stored nothing")
            stored = parse(unpacked64(self.all["stored"])).get("DKGOutputs") or {}
            brought = sorted(int(number) for number in stored)
            require(brought == self.committee, f"the messenger has results of {brought}, committee {self.committee}")
            told += [(int(number), output) for number, output in stored.items()]
        for number, output in told:
            name, fields = ("KeySignData", SIGN_RESULT) if self.kind == "sign" else ("Data", KEY_RESULT)
            result = output.get(name)
            require(result, f"the result of operator {number} is of another kind")
            require(output["Signer"] == number and number in self.keys, f"the result of {number} is by {output['Signer']}")
            require(result["RequestID"] == self.id, f"the result of operator {number} is of another ceremony")
            require(
                is_signed(result, fields, output["Signature"], self.keys[number]),
                f"the result of operator {number} is not signed by it",
            )
            known = self.outputs.setdefault(number, result)
            require(known == result, f"operator {number} signed two different results")
        require(sorted(self.outputs) == self.committee, f"results of {sorted(self.outputs)}, committee {self.committee}")
        return f"{len(self.outputs)}, each signed by its operator"

    def one(self, field):
        values = {output[field] for output in self.outputs.values()}
        require(len(values) == 1, f"the operators signed different values of {field}")
        return unpacked64(values.pop() or "")

    def value(self):
        """The verdict says what the operators signed."""
        value = self.verdict["value"]
        require(value["result"] == self.kind, f"a result of {value['result']} in a ceremony of {self.kind}")
        if self.kind == "sign":
            require(self.one("ValidatorPK") == raw(self.plan["validator"]), "the operators signed for another key")
            require(self.one("Signature") == raw(value["signature"]), "the recorded signature is not theirs")
            return None
        require(self.one("ValidatorPubKey") == raw(value["validator"]), "the recorded key is not theirs")
        require("validator" not in self.plan or raw(self.plan["validator"]) == raw(value["validator"]), "the key was to stay")
        if self.kind == "keygen":
            require(self.one("DepositDataSignature") == raw(value["deposit_signature"]), "the recorded signature is not theirs")
        for number, output in self.outputs.items():
            for name, field in (("share_public_keys", "SharePubKey"), ("encrypted_shares", "EncryptedShare")):
                require(unpacked64(output[field]) == raw(value[name][str(number)]), f"{name} of {number} is not its own")
        return None

    def share_keys(self):
        source = self.plan if self.kind == "sign" else self.verdict["value"]
        return {int(number): raw(key) for number, key in source.get("share_public_keys", {}).items()}

    def committees(self):
        """The protocol has four sizes, each with one threshold."""
        size, threshold = len(set(self.committee)), self.plan["threshold"]
        require(size == len(self.committee), "an operator is in the committee twice")
        require(THRESHOLDS.get(size) == threshold, f"{threshold} of {size} is no committee of the protocol: 3 of 4, 5 of 7, 7 of 10, 9 of 13")
        if self.kind == "reshare":
            require(len(set(self.plan["old"])) in THRESHOLDS.values(), f"{len(self.plan['old'])} old operators are no threshold of any committee")
        return f"{threshold} of {size}"

    def interpolation(self):
        """All share keys lie on one polynomial of degree t - 1, whose value at zero is the key."""
        points = {}
        for number, key in self.share_keys().items():
            require(bls.KeyValidate(key), f"the share key of operator {number} is none")
            points[number] = pubkey_to_G1(key)
        threshold, ids = self.plan["threshold"], sorted(points)
        require(ids == self.committee, f"share keys of operators {ids}, committee {self.committee}")
        require(1 <= threshold <= len(ids), f"{threshold} of {len(ids)} is no threshold")
        validator = raw((self.plan if self.kind == "sign" else self.verdict["value"])["validator"])
        for last in ids[threshold - 1 :]:
            chosen, total = ids[: threshold - 1] + [last], Z1
            for i in chosen:
                weight = 1
                for j in chosen:
                    if j != i:
                        weight = weight * j * pow(j - i, -1, curve_order) % curve_order
                total = add(total, multiply(points[i], weight))
            require(G1_to_pubkey(total) == validator, f"share keys of operators {chosen} do not give the key")
        return f"every {threshold} of {len(ids)} give 0x{validator.hex()}"

    def bls_signature(self):
        if self.kind == "sign":
            root, what = raw(self.plan["signing_root"]), "the root of the plan"
            key, signature = raw(self.plan["validator"]), raw(self.verdict["value"]["signature"])
        else:
            credentials, fork = raw(self.plan["withdrawal_credentials"]), raw(self.plan["fork_version"])
            key, signature = raw(self.verdict["value"]["validator"]), raw(self.verdict["value"]["deposit_signature"])
            amount = GWEI.to_bytes(8, "little") + bytes(24)
            message = sha256(sha256(sha256(key + bytes(16)), credentials), sha256(amount, bytes(32)))
            domain = b"\x03\0\0\0" + sha256(fork + bytes(28), bytes(32))[:28]
            root, what = sha256(message, domain), "32 ETH to the credentials of the plan"
        require(bls.Verify(key, root, signature), f"the signature is not valid for {what}")
        return f"valid for {what}"

    def partials(self):
        """A bad one is its sender's alone: the signature is put together from the others."""
        keys, root = self.share_keys(), raw(self.plan["signing_root"])
        valid, left_out = 0, []
        for signer, kind, data in self.messages:
            if kind == PROTOCOL and data.get("preparation"):
                partial = unpacked64(data["preparation"]["PartialSignature"])
                if bls.Verify(keys[signer], root, partial):
                    valid += 1
                else:
                    left_out.append(str(signer))
        words = f"{valid}, each valid under its operator's share key"
        if left_out:
            words += f"; not valid, and left out: operator {', '.join(left_out)}"
            require(valid >= self.plan["threshold"], words)
        return words

    def is_possible(self, source):
        require(source in ("messenger", "observed", "combined"), f"a result from «{source}», which is not known here")
        # partial signatures can be put together by anybody; the parts of a key cannot
        require(source != "combined" or self.kind == "sign", f"a {self.kind} is never put together from messages")
        return source

    def purpose(self, report):
        """What was signed is what the plan calls it."""
        if report.check("purpose", lambda: purpose(self.plan)) and purpose(self.plan) is None:
            what = self.plan["what"]
            words = f"a voluntary exit of validator {what['validator_index']} from epoch {what['epoch']} on"
            report.line("?", f"whether its root is that of {words}: this plan does not say on which chain")

    def started(self):
        """What was sent is what the plan says. Whoever is attached to a ceremony that runs already sends nothing."""
        if self.all["attached"]:
            require(self.all["start_message"] is None, "whoever was attached later sends none")
            return None
        failure = self.verdict.get("failure") or {}
        if self.all["start_message"] is None and failure.get("kind") == "not-started":
            return None
        require(self.all["start_message"], "none was sent, so there can be no ceremony")
        signed = envelope(self.all["start_message"])
        inner = signed["Message"]
        data, plan = parse(unpacked64(inner["Data"])), self.plan
        number = {"keygen": 0, "reshare": 4, "sign": 5}[self.kind]
        said = {"OperatorIDs": data.get("OperatorIDs"), "Threshold": data.get("Threshold")}
        wanted = {"OperatorIDs": plan.get("committee") or plan.get("new"), "Threshold": plan["threshold"]}
        if self.kind == "keygen":
            said |= {"Fork": bytes(data["Fork"]), "WithdrawalCredentials": unpacked64(data["WithdrawalCredentials"])}
            wanted |= {"Fork": raw(plan["fork_version"]), "WithdrawalCredentials": raw(plan["withdrawal_credentials"])}
        elif self.kind == "reshare":
            said |= {"OldOperatorIDs": data["OldOperatorIDs"], "ValidatorPK": unpacked64(data["ValidatorPK"])}
            wanted |= {"OldOperatorIDs": plan["old"], "ValidatorPK": raw(plan["validator"])}
        else:
            said = {"SigningRoot": unpacked64(data["SigningRoot"]), "ValidatorPK": unpacked64(data["ValidatorPK"])}
            wanted = {"SigningRoot": raw(plan["signing_root"]), "ValidatorPK": raw(plan["validator"])}
        require(inner["Identifier"] == self.id and inner["MsgType"] == number, "it is of another ceremony")
        others = [name for name, value in wanted.items() if said[name] != value]
        require(not others, f"its {', '.join(others)} is not what the plan says")
        require(signed["Signer"] in self.committee, f"it names operator {signed['Signer']}, who is not in the committee")
        return "says what the plan says"

    def recorded(self):
        failed = [check["name"] for check in self.verdict.get("checks", []) if check["status"] == "fail"]
        require(not failed, f"it counts as verified, and has failed checks: {', '.join(failed)}")

    def examine(self, report):
        report.check("committee", self.committees)
        checks = [("times", self.times), ("digest", self.digest), ("participants", self.participants), ("messages", self.signatures)]
        if not all([report.check(name, test) for name, test in checks]):
            return
        is_right = report.check("start message", self.started)
        if self.all["attached"]:
            report.line("?", "what was sent to start it: an earlier process sent that, and this file does not have it")
        elif is_right and self.all["start_message"] is not None:
            report.line("?", "who signed the start message: the protocol does not ask, and no key of the initiator is known here")
        if self.verdict["outcome"] != "verified":
            report.line("?", f"it failed: {self.verdict['failure']['reason']}; who caused it, `casimir-dkg transcript verify` judges")
            report.line("?", "whether more came than these messages: a silence is the initiator's own word, and may be made by leaving some out")
            return
        report.check("recorded checks", self.recorded)
        count = len(self.verdict["checks"])
        report.line("?", f"the {count} checks that are recorded in it, as far as they are not made again here: `casimir-dkg transcript verify` compares each")
        source = self.verdict["source"]
        if not report.check("source", lambda: self.is_possible(source)):
            return
        if source == "combined":
            report.line("?", "its result was put together from messages: `casimir-dkg transcript verify` does it again")
        elif self.all["stored"] and source == "observed":
            # a messenger that lies must not put the blame on an operator
            report.line("?", "what the messenger stored: another result was taken than its own, which is kept here as it came")
        if source != "combined" and not (report.check("results", self.results) and report.check("verdict", self.value)):
            return
        if not has_bls():
            report.line("?", "BLS keys and signatures: py_ecc is not installed")
            return
        if self.share_keys():
            report.check("share keys", self.interpolation)
        if self.kind != "reshare":
            report.check("BLS signature", self.bls_signature)
        if self.kind == "sign":
            report.check("partial signatures", self.partials)
            self.purpose(report)


def operators(path):
    """Operator to key, of a file with [[operator]] tables; key files are sought from where that file is."""
    tables = tomllib.loads(text_of(path)).get("operator", [])
    keys = {}
    try:
        for table in tables:
            text = table.get("public_key")
            if text is None and table.get("public_key_file"):
                text = text_of(pathlib.Path(path).parent.joinpath(table["public_key_file"]))
            keys[table["id"]] = None if text is None else rsa_key(text)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{path} is no file of operators ({type(error).__name__}: {error})") from None
    return keys


def compare(transcript, registry):
    for number, key in transcript.keys.items():
        require(number in registry, f"operator {number} is not in the file")
        require(registry[number] is not None, f"operator {number} has no key in the file")
        require(registry[number] == key, f"operator {number} has another key there, SHA-256:{fingerprint(registry[number])}")
    return f"{len(transcript.keys)} keys, each as in the file"


def transcript(report, path, named, serves, registry):
    read, found = [], []
    if not report.part("file", lambda: read.append(whole(path)) or True):
        return
    text = read[0]
    if not report.check("format", lambda: found.append(Transcript(text))):
        return
    found = found[0]
    if named is not None:

        def in_journal():
            seq, digest, body = named[path.name]
            require(sha256(text) == digest, f"record {seq} names another content by this name")
            require(body["request"] == found.all["request_id"], f"record {seq} is of another ceremony")
            held_for = found.all.get("held_for")
            if held_for:
                said = {"chain": held_for["chain_id"], "manager": held_for["manager"], "account": held_for.get("account")}
                for name, value in said.items():
                    # older ones do not say
                    if value is not None and serves[name]:
                        require(str(value).lower() in serves[name], f"it is of {name} {value}, and the journal is of another one")
                case = held_for.get("case")
                require(case in (None, body["case"]), f"it is of case {case}, and record {seq} is of {body['case']}")
            if "result" in body:
                stated = {name: value for name, value in body["result"].items() if name != "registration"}
                require(stated == found.verdict.get("value"), f"record {seq} has another result")
            return f"record {seq} names it"

        if path.name in named:
            report.check("journal", in_journal)
        else:
            # kept before its record: a journal that was exported earlier, a kill between the two, records that were declared lost
            report.line("?", "journal: no record names a file of this name, so nothing there vouches for it; an export from before it, a kill between the file and its record, and records that were declared lost look like that. Export again")
    else:
        report.line("?", "whether it is the transcript that a journal names: give --journal")
        stem = path.stem.split("-")[0]
        if re.fullmatch("[0-9a-f]{48}", stem) and stem != found.all["request_id"]:
            report.line("?", f"why the file has the name of ceremony {stem} and is of ceremony {found.all['request_id']}")
    found.examine(report)
    if registry is not None:
        report.check("operators", lambda: compare(found, registry))
    else:
        report.line("?", "whether these are the operators' registered keys: compare the fingerprints, or give --operators")
    report.line("?", "times and replies, which are the initiator's own word; what the encrypted shares hold; the dealers' proofs")


def main():
    parser = argparse.ArgumentParser(description="Verifies journal exports and transcripts of casimir-dkg.")
    parser.add_argument("--journal", metavar="EXPORT")
    parser.add_argument("--key", metavar="KEY", help="public half of the journal's own key, as it was written down")
    parser.add_argument("--checkpoint", metavar="FILE")
    parser.add_argument("--head", metavar="HASH", help="hash of a record, as it was written down")
    parser.add_argument("--operators", metavar="FILE")
    parser.add_argument("transcripts", nargs="*", metavar="TRANSCRIPT")
    arguments = parser.parse_args()
    if not (arguments.journal or arguments.transcripts):
        parser.error("give --journal, transcripts, or both")
    report, named, serves = Report(), None, None
    if arguments.journal:
        print(f"\n{clean(arguments.journal)}")
        entries = report.part("journal", lambda: journal(report, arguments.journal, arguments), [])
        named = report.part("transcripts that it names", lambda: named_transcripts(entries), {})
        serves = report.part("what it serves", lambda: served(entries), served([]))
    registry = operators(arguments.operators) if arguments.operators else None
    given = [pathlib.Path(path) for path in arguments.transcripts]
    files = [file for path in given for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    for path in files:
        print(f"\n{clean(path)}")
        report.part("transcript", lambda: transcript(report, path, named, serves, registry))
    for name in sorted(set(named or {}) - {path.name for path in files}):
        report.line("?", f"transcript {name}, which the journal names, was not given")
    print(f"\n{'nothing is bad' if report.bad == 0 else f'{report.bad} bad'}")
    return 1 if report.bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, Bad) as error:
        print(f"error: {clean(error)}", file=sys.stderr)
        sys.exit(2)
