#!/usr/bin/env python3
"""Verifies journal exports and transcripts of casimir-dkg with no line of its code.

    verify.py [--journal EXPORT] [--checkpoint FILE | --head HASH] [--operators FILE] [TRANSCRIPT or DIRECTORY ...]

EXPORT is what `casimir-dkg journal export` prints (export format 1, journal formats 1 and 2), a TRANSCRIPT is one of the
files beside the journal (RockX, format 1). Python's standard library (3.11 or newer) is enough for hashes and RSA; where
py_ecc is installed (`pip install py_ecc`), BLS signatures and keys are checked, too. Every line begins with `ok`, `BAD`
or `?`, which is what could not be checked. Exit code 0: nothing is bad. 1: something is. 2: it was not understood.

The hash chain, over all records in order:

    hash(0) = 32 zero bytes
    hash(n) = SHA-256("casimir-dkg journal v" || format in decimal || 0x00 || hash(n-1) || seq as u64 || at as u64
                      || len(kind) as u64 || kind || len(body) as u64 || body)         all numbers big endian

An operator's signature is RSASSA-PKCS1-v1_5 with SHA-256, over SHA-256(SHA-256(compact JSON) || 0000010003000000) as its
message: of `MsgType`, `Identifier`, `Data` for a message, of the result's fields for a result.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import sys
import tomllib

try:
    from py_ecc.bls import G2ProofOfPossession as bls
    from py_ecc.bls.g2_primitives import G1_to_pubkey, pubkey_to_G1
    from py_ecc.optimized_bls12_381 import Z1, add, curve_order, multiply
except ImportError:
    bls = None

NEWEST_JOURNAL = 2
FIELDS = {"seq", "format", "at", "kind", "body", "hash"}
MESSAGE = ("MsgType", "Identifier", "Data")
KEY_RESULT = ("RequestID", "EncryptedShare", "SharePubKey", "ValidatorPubKey", "DepositDataSignature")
SIGN_RESULT = ("RequestID", "Signature", "ValidatorPK")
DOMAIN = bytes.fromhex("0000010003000000")
OUTPUT, PROTOCOL = 3, 1
GWEI = 32_000_000_000


class Bad(Exception):
    """What is wrong, in words."""


class Report:
    def __init__(self):
        self.bad = 0

    def line(self, word, text):
        self.bad += word == "BAD"
        # what others wrote must not move the cursor
        print(f"{word:<4}{''.join(c if c.isprintable() else '.' for c in text)}")

    def check(self, what, test):
        """Runs a check: its result says more, a Bad says what is wrong."""
        try:
            more = test()
        except Bad as bad:
            self.line("BAD", f"{what}: {bad}")
            return False
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            self.line("BAD", f"{what}: not as its format says ({type(error).__name__}: {error})")
            return False
        self.line("ok", f"{what}: {more}" if more else what)
        return True


def require(condition, words):
    if not condition:
        raise Bad(words)


def raw(text):
    return bytes.fromhex(text.removeprefix("0x"))


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# ---- the journal ----


def link(previous, entry):
    def text(value):
        value = value.encode()
        return len(value).to_bytes(8, "big") + value

    head = f"casimir-dkg journal v{entry.get('format', 1)}\0".encode()
    numbers = entry["seq"].to_bytes(8, "big") + entry["at"].to_bytes(8, "big")
    return sha256(head, previous, numbers, text(entry["kind"]), text(entry["body"]))


def records(path):
    """Every record of an export, each after its link was checked."""
    previous, newest = bytes(32), 1
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            require(line.endswith(b"\n"), f"record {number} is cut off: its line has no end")
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise Bad(f"record {number} is no JSON: {error}") from None
            require(isinstance(entry, dict), f"record {number} is no JSON object")
            absent = FIELDS - {"format"} - entry.keys()
            require(not absent, f"record {number} lacks {', '.join(sorted(absent))}")
            strange = entry.keys() - FIELDS
            require(not strange, f"record {number} has {', '.join(sorted(strange))}, which no hash covers")
            seq = entry["seq"]
            require(seq >= number, f"record {seq} stands twice or too late, in place {number}")
            require(seq == number, f"record {number} is missing: {seq} stands in its place")
            version = entry.get("format", 1)
            require(version <= NEWEST_JOURNAL, f"record {seq} is of format {version}, which is not known here")
            require(version >= newest, f"record {seq} is of format {version}, after one of format {newest}")
            stated = raw(entry["hash"])
            require(
                link(previous, entry) == stated,
                f"record {seq} does not match its hash: it was changed, or what stands before it",
            )
            previous, newest = stated, version
            yield entry


def decisions(entries):
    """Every approval names the digest of what was shown last before it."""
    shown, approved = {}, 0
    for entry in entries:
        body = json.loads(entry["body"])
        require(body.get("record") == entry["kind"], f"record {entry['seq']} is called {entry['kind']}, and is another")
        if entry["kind"] in ("action-proposed", "action-changed"):
            shown[body["action"]] = body["digest"]
        if entry["kind"] == "decided" and body["decision"]["verdict"]["verdict"] == "approve":
            digest = body["decision"]["digest"]
            require(
                shown.get(body["action"]) == digest,
                f"record {entry['seq']} approves {body['action']} by a digest that was not shown",
            )
            approved += 1
    return f"{approved} approvals, each of the digest that was shown"


def journal(report, path, arguments):
    entries = []

    def chain():
        entries.extend(records(path))
        require(entries, "there is no record in it")
        return f"{len(entries)} records, every hash right, head {entries[-1]['hash']}"

    if not report.check("hash chain", chain):
        return []
    wanted = None
    if arguments.checkpoint:
        seq, head = pathlib.Path(arguments.checkpoint).read_text().split()
        wanted = (int(seq), head)
    if wanted:

        def checkpoint():
            seq, head = wanted
            require(len(entries) >= seq, f"it ends at record {len(entries)}, but record {seq} was acknowledged: its end is missing")
            require(raw(entries[seq - 1]["hash"]) == raw(head), f"record {seq} is another one than was acknowledged")
            return f"record {seq} is the one that was acknowledged"

        report.check("checkpoint", checkpoint)
    elif arguments.head:
        found = [entry["seq"] for entry in entries if raw(entry["hash"]) == raw(arguments.head)]
        report.check("head", lambda: require(found, "no record has this hash: rolled back, or another journal"))
    else:
        report.line("?", "whether records are missing at its end: give --checkpoint or --head")
    report.check("decisions", lambda: decisions(entries))
    report.line("?", "whether the records are true: a journal proves that nobody changed it since, and in what order it was written")
    return entries


def named_transcripts(entries):
    """File name to (record, SHA-256, result) of every transcript that the journal names."""
    named = {}
    for entry in entries:
        body = json.loads(entry["body"])
        if body.get("transcript"):
            name, digest = body["transcript"]
            named[name] = (entry["seq"], raw(digest), body)
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
    signature = base64.b64decode(signature or "")
    return len(signature) == 256 and pow(int.from_bytes(signature, "big"), key[1], key[0]) == int.from_bytes(padded, "big")


# ---- a transcript ----


def envelope(text):
    """The signed message in an SSV message: 8 bytes of type, 56 of id, 4 of offset."""
    data = base64.b64decode(text)
    require(int.from_bytes(data[:8], "little") == 2, "an SSV message that is not of the DKG type")
    return json.loads(data[int.from_bytes(data[64:68], "little") :])


class Transcript:
    def __init__(self, text):
        self.text = text
        self.all = json.loads(text)
        require(self.all.get("backend", "rockx") == "rockx", f"a transcript of {self.all.get('backend')}, not known here")
        require(self.all["format"] == 1, f"transcript format {self.all['format']}, this reads 1")
        self.id = list(bytes.fromhex(self.all["request_id"]))
        self.plan = self.all["plan"]
        self.kind = self.plan["kind"]
        self.committee = sorted(self.plan.get("committee") or self.plan["new"])
        self.verdict = self.all["verdict"]
        self.keys = {}
        self.messages = []
        self.outputs = {}

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
        for number, message in enumerate(self.all["messages"]):
            signed = envelope(message["raw"])
            signer, inner = signed["Signer"], signed["Message"]
            require(signer == message["sender"], f"message {number} is by {signer}, and recorded of {message['sender']}")
            require(signer in self.keys, f"message {number} is by {signer}, who takes no part")
            require(inner["Identifier"] == self.id, f"message {number} is of another ceremony")
            require(
                is_signed(inner, MESSAGE, signed["Signature"], self.keys[signer]),
                f"message {number} is not signed by operator {signer}",
            )
            self.messages.append((signer, inner["MsgType"], json.loads(base64.b64decode(inner["Data"] or ""))))
        return f"{len(self.messages)}, each of this ceremony and signed by its sender"

    def results(self):
        """What each operator signed at the end, of the messenger or as it was broadcast."""
        told = [(signer, data) for signer, kind, data in self.messages if kind == OUTPUT and data.get("DKGOutputs") is None]
        if self.all["stored"]:
            stored = json.loads(base64.b64decode(self.all["stored"])).get("DKGOutputs") or {}
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
        return base64.b64decode(values.pop() or "")

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
                require(base64.b64decode(output[field]) == raw(value[name][str(number)]), f"{name} of {number} is not its own")
        return None

    def share_keys(self):
        source = self.plan if self.kind == "sign" else self.verdict["value"]
        return {int(number): raw(key) for number, key in source.get("share_public_keys", {}).items()}

    def interpolation(self):
        """All share keys lie on one polynomial of degree t - 1, whose value at zero is the key."""
        points = {}
        for number, key in self.share_keys().items():
            require(bls.KeyValidate(key), f"the share key of operator {number} is none")
            points[number] = pubkey_to_G1(key)
        threshold, ids = self.plan["threshold"], sorted(points)
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
        keys, count = self.share_keys(), 0
        for signer, kind, data in self.messages:
            if kind == PROTOCOL and data.get("preparation"):
                partial = base64.b64decode(data["preparation"]["PartialSignature"])
                root = raw(self.plan["signing_root"])
                require(bls.Verify(keys[signer], root, partial), f"the partial signature of operator {signer} is not valid")
                count += 1
        return f"{count}, each valid under its operator's share key"

    def examine(self, report):
        checks = [("digest", self.digest), ("participants", self.participants), ("messages", self.signatures)]
        if not all([report.check(name, test) for name, test in checks]):
            return
        if self.verdict["outcome"] != "verified":
            report.line("?", f"it failed: {self.verdict['failure']['reason']}; who caused it, `casimir-dkg transcript verify` judges")
            return
        if self.verdict["source"] == "combined":
            report.line("?", "its result was put together from messages: `casimir-dkg transcript verify` does it again")
        elif not all([report.check(name, test) for name, test in [("results", self.results), ("verdict", self.value)]]):
            return
        if bls is None:
            report.line("?", "BLS keys and signatures: py_ecc is not installed")
            return
        if self.share_keys():
            report.check("share keys", self.interpolation)
        if self.kind != "reshare":
            report.check("BLS signature", self.bls_signature)
        if self.kind == "sign":
            report.check("partial signatures", self.partials)


def operators(path):
    """Operator to key, of a file with [[operator]] tables."""
    with open(path, "rb") as file:
        tables = tomllib.load(file).get("operator", [])
    return {table["id"]: rsa_key(table["public_key"]) for table in tables if table.get("public_key")}


def compare(transcript, registry):
    for number, key in transcript.keys.items():
        require(number in registry, f"operator {number} is not in the file")
        require(registry[number] == key, f"operator {number} has another key there, SHA-256:{fingerprint(registry[number])}")
    return f"{len(transcript.keys)} keys, each as in the file"


def transcript(report, path, named, registry):
    text = path.read_bytes()
    found = []
    if not report.check("format", lambda: found.append(Transcript(text))):
        return
    found = found[0]
    if named is not None:

        def in_journal():
            require(path.name in named, "no record names a file of this name")
            seq, digest, body = named[path.name]
            require(sha256(text) == digest, f"record {seq} names another content by this name")
            require(body["request"] == found.all["request_id"], f"record {seq} is of another ceremony")
            if "result" in body:
                stated = {name: value for name, value in body["result"].items() if name != "registration"}
                require(stated == found.verdict.get("value"), f"record {seq} has another result")
            return f"record {seq} names it"

        report.check("journal", in_journal)
    else:
        report.line("?", "whether it is the transcript that a journal names: give --journal")
    found.examine(report)
    if registry is not None:
        report.check("operators", lambda: compare(found, registry))
    else:
        report.line("?", "whether these are the operators' registered keys: compare the fingerprints, or give --operators")
    report.line("?", "times and replies, which are the initiator's own word; what the encrypted shares hold; the dealers' proofs")


def main():
    parser = argparse.ArgumentParser(description="Verifies journal exports and transcripts of casimir-dkg.")
    parser.add_argument("--journal", metavar="EXPORT")
    parser.add_argument("--checkpoint", metavar="FILE")
    parser.add_argument("--head", metavar="HASH")
    parser.add_argument("--operators", metavar="FILE")
    parser.add_argument("transcripts", nargs="*", metavar="TRANSCRIPT")
    arguments = parser.parse_args()
    if not (arguments.journal or arguments.transcripts):
        parser.error("give --journal, transcripts, or both")
    report, named = Report(), None
    if arguments.journal:
        print(f"\n{arguments.journal}")
        named = named_transcripts(journal(report, arguments.journal, arguments))
    registry = operators(arguments.operators) if arguments.operators else None
    given = [pathlib.Path(path) for path in arguments.transcripts]
    files = [file for path in given for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    for path in files:
        print(f"\n{path}")
        transcript(report, path, named, registry)
    for name in sorted(set(named or {}) - {path.name for path in files}):
        report.line("?", f"transcript {name}, which the journal names, was not given")
    print(f"\n{'nothing is bad' if report.bad == 0 else f'{report.bad} bad'}")
    return 1 if report.bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, Bad) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
