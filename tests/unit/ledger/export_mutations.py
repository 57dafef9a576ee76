"""Ways to tamper with an export: bytes of the file, or its lines with a new footer that fits them."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.frontier import Frontier
from cookiegate.ledger.hashing import leaf_hash
from cookiegate.ledger.signed_note import NoteSigner

OTHER_KEY = NoteSigner("consent.example.jp/ledger", bytes(range(32)))
Lines = list[dict[str, Any]]


class Export:
    """The lines of an export under attack."""

    def __init__(self, data: bytes, rng: random.Random, signer: NoteSigner) -> None:
        self.data = data
        self.rng = rng
        self.signer = signer
        self.lines: Lines = [json.loads(line) for line in data.splitlines()]

    def entries(self, **wanted: Any) -> Lines:
        """The sealed entries whose members are as wanted."""
        return [
            line
            for line in self.lines
            if line["type"] == "entry"
            and "position" in line
            and all(line.get(name) == value for name, value in wanted.items())
        ]

    def whole(self) -> dict[str, Any]:
        return self.rng.choice([line for line in self.entries() if "state" not in line])

    def of(self, kind: str) -> dict[str, Any]:
        return self.rng.choice([line for line in self.lines if line["type"] == kind])

    def written(self) -> bytes:
        """The lines as a file, with a footer that fits."""
        body = b"".join(msgspec.json.encode(line) + b"\n" for line in self.lines if line["type"] != "footer")
        counts = Counter(line["type"] for line in self.lines if line["type"] != "footer")
        footer = {"type": "footer", "counts": counts, "sha256": hashlib.sha256(body).hexdigest()}
        return body + msgspec.json.encode(footer) + b"\n"

    def rebuild(self, signer: NoteSigner | None) -> None:
        """New roots of what the leaves are now; with a key also new notes."""
        frontier = Frontier()
        for line in self.lines:
            if line["type"] == "entry" and "position" in line:
                line["position"] = frontier.size
                frontier.push([bytes.fromhex(line["leaf"])])
            elif line["type"] == "checkpoint":
                line["size"], line["root"] = frontier.size, frontier.root().hex()
                if signer is not None:
                    line["note"] = sign_checkpoint(signer, frontier.size, frontier.root())


Mutation = Callable[[Export], bytes]


def _flip_text(rng: random.Random, text: str, alphabet: str) -> str:
    place = rng.randrange(len(text))
    other = rng.choice([char for char in alphabet if char != text[place]])
    return text[:place] + other + text[place + 1 :]


def file_byte(e: Export) -> bytes:
    place = e.rng.randrange(len(e.data))
    return e.data[:place] + bytes([e.data[place] ^ e.rng.randrange(1, 256)]) + e.data[place + 1 :]


def file_cut(e: Export) -> bytes:
    return e.data[: e.rng.randrange(len(e.data))]


def file_appended(e: Export) -> bytes:
    return e.data + e.rng.choice([b"\n", b"x", e.data])


def line_dropped(e: Export) -> bytes:
    lines = e.data.splitlines(keepends=True)
    del lines[e.rng.randrange(len(lines))]
    return b"".join(lines)


def lines_swapped(e: Export) -> bytes:
    lines = e.data.splitlines(keepends=True)
    one, other = e.rng.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def record_changed(e: Export) -> bytes:
    line = e.whole()
    name = e.rng.choice(list(line["record"]))
    others = [value for value in (None, "other", 12, {}, []) if value != line["record"][name]]
    line["record"][name] = e.rng.choice(others)
    return e.written()


def record_and_leaf_changed(e: Export) -> bytes:
    _change(e)
    return e.written()


def _change(e: Export) -> None:
    line = e.whole()
    line["record"]["v"] = e.rng.randrange(3, 10**6)
    record = msgspec.json.encode(line["record"], order="deterministic")
    line["record"], line["leaf"] = json.loads(record), leaf_hash(base64.b64decode(line["salt"]), record).hex()


def rebuilt_without_key(e: Export) -> bytes:
    _change(e)
    e.rebuild(None)
    return e.written()


def rebuilt_with_another_key(e: Export) -> bytes:
    """With the other key in the header too: found by whoever knows the log's key."""
    _change(e)
    e.rebuild(OTHER_KEY)
    e.lines[0]["vkey"] = OTHER_KEY.verifier.vkey
    return e.written()


def rebuilt_with_the_real_key(e: Export) -> bytes:
    """Found by a saved checkpoint."""
    _change(e)
    e.rebuild(e.signer)
    return e.written()


def salt_changed(e: Export) -> bytes:
    line = e.whole()
    salt = bytearray(base64.b64decode(line["salt"]))
    salt[e.rng.randrange(len(salt))] ^= e.rng.randrange(1, 256)
    line["salt"] = base64.b64encode(salt).decode()
    return e.written()


def salts_swapped(e: Export) -> bytes:
    one, other = e.rng.sample([line for line in e.entries() if "salt" in line], 2)
    one["salt"], other["salt"] = other["salt"], one["salt"]
    return e.written()


def leaf_changed(e: Export) -> bytes:
    line = e.rng.choice(e.entries())
    line["leaf"] = _flip_text(e.rng, line["leaf"], "0123456789abcdef")
    return e.written()


def entry_dropped(e: Export) -> bytes:
    e.lines.remove(e.rng.choice(e.entries()))
    return e.written()


def entry_dropped_and_renumbered(e: Export) -> bytes:
    e.lines.remove(e.rng.choice(e.entries()))
    e.rebuild(e.rng.choice([None, OTHER_KEY, e.signer]))
    return e.written()


def entry_repeated(e: Export) -> bytes:
    line = e.rng.choice(e.entries())
    e.lines.insert(e.rng.randrange(e.lines.index(e.entries()[0]), len(e.lines)), dict(line))
    return e.written()


def entry_repeated_and_rebuilt(e: Export) -> bytes:
    line = e.rng.choice(e.entries())
    e.lines.insert(e.lines.index(line), dict(line))
    e.rebuild(e.signer)
    return e.written()


def entries_swapped(e: Export) -> bytes:
    one, other = e.rng.sample([place for place, line in enumerate(e.lines) if line in e.entries()], 2)
    e.lines[one], e.lines[other] = e.lines[other], e.lines[one]
    way = e.rng.randrange(4)
    if way:
        e.rebuild([None, OTHER_KEY, e.signer][way - 1])
    return e.written()


def positions_swapped(e: Export) -> bytes:
    one, other = e.rng.sample(e.entries(), 2)
    one["position"], other["position"] = other["position"], one["position"]
    return e.written()


def column_changed(e: Export) -> bytes:
    line = e.whole()
    name = e.rng.choice([name for name in ("id", "kind", "site", "at_ms", "epoch", "position") if name in line])
    line[name] = line[name] + 1 if isinstance(line[name], int) else f"{line[name]}x"
    return e.written()


def erased_key_changed(e: Export) -> bytes:
    e.rng.choice(e.entries(state="erased"))["key_id"] += 100
    return e.written()


def payload_removed(e: Export) -> bytes:
    line = e.whole()
    for name in ("record", "salt"):
        del line[name]
    line["state"] = e.rng.choice(["erased", "key_gone", "missing", "damaged"])
    return e.written()


def checkpoint_changed(e: Export) -> bytes:
    line = e.of("checkpoint")
    way = e.rng.randrange(3)
    if way == 0:
        line["root"] = _flip_text(e.rng, line["root"], "0123456789abcdef")
    elif way == 1:
        line["size"] += e.rng.choice([-1, 1, 10**9])
    else:
        line["note"] = _flip_text(e.rng, line["note"], "abcXYZ019+/=\n ")
    return e.written()


def last_checkpoint_dropped(e: Export) -> bytes:
    e.lines.remove([line for line in e.lines if line["type"] == "checkpoint"][-1])
    return e.written()


def truncated(e: Export) -> bytes:
    """Cut back to an older checkpoint: found by a saved one."""
    places = [place for place, line in enumerate(e.lines) if line["type"] == "checkpoint"]
    del e.lines[e.rng.choice(places[:-1]) + 1 : -1]
    return e.written()


def notice_changed(e: Export) -> bytes:
    line = e.of("notice")
    name = e.rng.choice(["sha256", "site", "version", "locale", "body"])
    if name == "body":
        line["body"]["site"] = "other"
    else:
        line[name] = line[name] + 1 if isinstance(line[name], int) else line[name][:-1] + "!"
    return e.written()


def notice_dropped(e: Export) -> bytes:
    used = e.rng.choice([line for line in e.entries() if "notice" in line.get("record", {})])["record"]["notice"]
    e.lines.remove(next(line for line in e.lines if line.get("sha256") == used))
    return e.written()


def policy_changed(e: Export) -> bytes:
    line = e.of("policy")
    name = e.rng.choice(["sha256", "site", "version", "document"])
    if name == "document":
        line["document"]["ask_again_days"] = 9_999
    else:
        line[name] = line[name] + 1 if isinstance(line[name], int) else line[name][:-1] + "!"
    return e.written()


def artifact_changed(e: Export) -> bytes:
    line = e.of("artifact")
    line["body"] = base64.b64encode(base64.b64decode(line["body"]) + b"x").decode()
    return e.written()


MUTATIONS: tuple[Mutation, ...] = (
    file_byte, file_cut, file_appended, line_dropped, lines_swapped, record_changed, record_and_leaf_changed,
    rebuilt_without_key, rebuilt_with_another_key, rebuilt_with_the_real_key, salt_changed, salts_swapped, leaf_changed,
    entry_dropped, entry_dropped_and_renumbered, entry_repeated, entry_repeated_and_rebuilt, entries_swapped,
    positions_swapped, column_changed, erased_key_changed, payload_removed, checkpoint_changed, last_checkpoint_dropped,
    truncated, notice_changed, notice_dropped, policy_changed, artifact_changed,
)  # fmt: skip
