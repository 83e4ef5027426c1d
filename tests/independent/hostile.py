"""Runs the verifier on files in which one value after another was exchanged for what nobody expects there.

    hostile.py VERIFIER SEED COUNT FILE ...

A file that ends in .jsonl is an export, any other one a transcript. What binds a value (the links of the chain, the digest
of a transcript) is made anew, so that the value itself is reached. COUNT exchanges are drawn of each file. Written is one
JSON array: the exchanges after which the verifier ended with anything but its own word.
"""

import base64
import contextlib
import copy
import importlib.util
import io
import json
import pathlib
import random
import sys
import tempfile

DEEP = "deep-deep-deep"
ABYSS = "[" * 100_000 + "]" * 100_000
VALUES = [None, True, -1, 2**64, 2**70, 1.0, 1.5, float("nan"), "", "x", "0x", "0x00", "ä\ud800", [], [[]], {}, {"a": None}, DEEP]
CHECKPOINTS = ["", "1", "x y", "-1 0x00", "1_0 0x00", "99999999999999999999999 0x00", "² 0x00", "1 0x" + "00" * 32, "0 0x" + "00" * 32]
CHECKPOINTS += [f"1 0x{'00' * 32} {2**70} 0x{'00' * 32} 0x{'00' * 64}", f"1 0x{'00' * 32} 1 0x00 0x00"]


def places(value, path=()):
    """Every place of a value, itself included."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield from places(inner, (*path, name))


def exchanged(value, path, other):
    if not path:
        return other
    value = copy.deepcopy(value)
    within = value
    for name in path[:-1]:
        within = within[name]
    within[path[-1]] = other
    return value


def text_of(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace(f'"{DEEP}"', ABYSS)


def linked(verify, entries):
    """The same records, each with the hash that it should have, as far as one can be made."""
    previous, lines = bytes(32), []
    for entry in entries:
        if isinstance(entry, dict) and "export" not in entry:
            with contextlib.suppress(Exception):
                previous = verify.link(previous, entry)
                entry = dict(entry, hash="0x" + previous.hex())
        lines.append(text_of(entry) + "\n")
    return "".join(lines)


def exports(verify, lines, draw):
    entries = [json.loads(line) for line in lines]
    while True:
        changed, at, other = list(entries), draw.randrange(len(entries)), draw.choice(VALUES)
        entry = entries[at]
        if "export" in entry and draw.random() < 0.7:
            changed[at], path = dict(entry, checkpoint=draw.choice(CHECKPOINTS)), ("checkpoint",)
        elif "body" in entry and draw.random() < 0.7:
            body = json.loads(entry["body"])
            path = draw.choice(list(places(body)))
            changed[at] = dict(entry, body=text_of(exchanged(body, path, other)))
        else:
            path = draw.choice(list(places(entry)))
            changed[at] = exchanged(entry, path, other)
        yield f"line {at + 1} {path} {other!r}", linked(verify, changed)


def transcripts(verify, text, draw):
    document = json.loads(text)
    while True:
        path, other = draw.choice(list(places(document))), draw.choice(VALUES)
        if path and path[-1] == "raw" and draw.random() < 0.5:
            head = (2).to_bytes(8, "little") + bytes(56) + (68).to_bytes(4, "little")
            other = base64.b64encode(head + text_of(other).encode()).decode()
        changed = exchanged(document, path, other)
        if isinstance(changed, dict):
            with contextlib.suppress(Exception):
                blank = dict(changed, digest="0x" + "00" * 32)
                changed["digest"] = "0x" + verify.sha256(verify.compact(blank)).hex()
        yield f"{path} {str(other)[:80]!r}", text_of(changed)


def judged(verify, arguments):
    """None where the verifier said its word."""
    sys.argv = ["verify.py", *arguments]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            verify.main()
    except (OSError, ValueError, verify.Bad):
        return None
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None


def main():
    where = importlib.util.spec_from_file_location("verify", sys.argv[1])
    verify = importlib.util.module_from_spec(where)
    where.loader.exec_module(verify)
    draw, count, files = random.Random(int(sys.argv[2])), int(sys.argv[3]), sys.argv[4:]
    escaped = []
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            text = pathlib.Path(file).read_text()
            is_export = file.endswith(".jsonl")
            drawn = exports(verify, text.splitlines(), draw) if is_export else transcripts(verify, text, draw)
            place = pathlib.Path(folder, pathlib.Path(file).name)
            for what, changed in (next(drawn) for _ in range(count)):
                place.write_text(changed)
                error = judged(verify, ["--journal", str(place)] if is_export else [str(place)])
                if error:
                    escaped.append(f"{pathlib.Path(file).name} {what}: {error}")
    print(json.dumps(escaped))


main()
