"""Checks the evidence of a consent decision, without the service that wrote it and without the network.

    python check.py evidence.json
    python check.py evidence.json --jwks jwks.json --vkey ledger.vkey      with keys that you got by yourself

Needs Python 3.9 and the package "cryptography". Prints a line for each check; exits with 0 if all pass, else with 1.
It reads evidence.html as well. Every rule is a published standard: SHA-256, RFC 8785 (canonical JSON), RFC 9162 (Merkle
tree), C2SP signed-note and tlog-checkpoint (Ed25519, RFC 8032), RFC 7515 (JWS, ES256), RFC 7517 (JWK).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

Document = dict[str, Any]


class Failed(Exception):  # noqa: N818 (read by people who do not program)
    """A check that did not pass, as a sentence."""


def sha256(data: bytes) -> bytes:
    """The hash that everything here rests on."""
    return hashlib.sha256(data).digest()


def need(condition: bool, sentence: str) -> None:
    """Stops the check with a sentence unless the condition holds."""
    if not condition:
        raise Failed(sentence)


def from_base64(text: str, what: str) -> bytes:
    """Bytes from base64; a second spelling of the same bytes is refused."""
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, f"{what} is not clean base64")
    return data


def from_base64url(text: str, what: str) -> bytes:
    """Bytes from base64url without padding, likewise."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text, f"{what} is not clean base64url")
    return data


def from_hex(text: str, what: str) -> bytes:
    """32 bytes from 64 lower-case hex digits."""
    need(re.fullmatch("[0-9a-f]{64}", text) is not None, f"{what} is not the 64 hex digits of a SHA-256")
    return bytes.fromhex(text)


def parse(text: str) -> Any:
    """JSON in which no name stands twice."""

    def refuse_twice(pairs: list[tuple[str, Any]]) -> Document:
        need(len({name for name, _ in pairs}) == len(pairs), "a name stands twice in one object")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=refuse_twice)


# --- the record and its leaf ------------------------------------------------------------------------------------------


def check_leaf(item: Document) -> None:
    """leaf = SHA-256(0x00 || SHA-256(salt || record)): the record is the one that was committed to."""
    commitment = sha256(from_base64url(item["salt"], "the salt") + item["record"].encode())
    leaf = from_hex(item["leaf"], "the leaf")
    need(sha256(b"\x00" + commitment) == leaf, "the leaf is not the hash of this salt and this record")
    need(parse(item["record"])["id"] == item["id"], "the record is of another decision or entry")


# --- the ledger -------------------------------------------------------------------------------------------------------


def check_inclusion(item: Document) -> None:
    """The leaf is in the tree that the checkpoint was signed for (RFC 9162, section 2.1.3.2)."""
    proof = item["inclusion"]
    need(proof["entry"] == item["id"], "the proof is of another entry")
    need(proof["leaf"] == item["leaf"], "the proof is of another leaf")
    index, size, root = proof["index"], proof["size"], from_hex(proof["root"], "the root")
    need(type(index) is int and type(size) is int and 0 <= index < size, "the place in the tree is impossible")
    here, last, found = index, size - 1, from_hex(item["leaf"], "the leaf")
    for part in [from_base64(text, "a hash of the proof") for text in proof["proof"]]:
        need(last != 0 and len(part) == 32, "the proof is too long, or a hash in it is")
        if here & 1 or here == last:
            found = sha256(b"\x01" + part + found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + part)
        here, last = here >> 1, last >> 1
    need(last == 0 and found == root, "the proof does not lead from the leaf to the root")


def read_vkey(vkey: str) -> tuple[str, bytes, bytes]:
    """Name, key hash and Ed25519 key of a ledger's public key text, ``name+hash+base64``."""
    name, key_hash, encoded = vkey.strip().split("+", 2)
    data = from_base64(encoded, "the ledger's key")
    need(data[:1] == b"\x01" and len(data) == 33, "the ledger's key is not an Ed25519 key")
    need(sha256(name.encode() + b"\n" + data)[:4].hex() == key_hash, "the hash in the ledger's key is not its own")
    return name, bytes.fromhex(key_hash), data[1:]


def check_checkpoint(item: Document, vkey: str) -> None:
    """The ledger's key signed exactly this size and this root."""
    name, key_hash, public = read_vkey(vkey)
    text, blank, signatures = item["inclusion"]["checkpoint"].rpartition("\n\n")
    need(bool(blank) and signatures.endswith("\n"), "the checkpoint is not a signed note")
    mine = []
    for line in signatures[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        data = from_base64(encoded, "a signature of the checkpoint")
        need(dash == "\u2014" and len(data) > 4, "a signature line of the checkpoint is garbled")
        mine += [data[4:]] if (signer, data[:4]) == (name, key_hash) else []
    need(bool(mine), "the checkpoint is not signed by the ledger's key")
    for signature in mine:
        verify(lambda data: Ed25519PublicKey.from_public_bytes(public).verify(*data), (signature, f"{text}\n".encode()))
    origin, size, root = text.split("\n")[:3]
    need(origin == name, "the checkpoint is of another ledger")
    proof = item["inclusion"]
    need(size == str(proof["size"]), "the checkpoint was signed for another size than the proof's")
    need(
        from_base64(root, "the checkpoint's root").hex() == proof["root"], "the checkpoint was signed for another root"
    )


def verify(check: Callable[[Any], None], data: Any) -> None:
    """Runs a signature check of the library."""
    try:
        check(data)
    except InvalidSignature:
        raise Failed("the signature does not fit: something was changed after it was signed") from None


# --- the receipt ------------------------------------------------------------------------------------------------------


def check_receipt(evidence: Document, jwks: Document) -> None:
    """The service's key signed a receipt over the same record, salt and leaf (JWS, ES256)."""
    protected, payload, signature = evidence["receipt"].split(".")
    header = parse(from_base64url(protected, "the receipt's header").decode())
    need(header["alg"] == "ES256" and header["typ"] == "consent-receipt+jwt", "the receipt is of another kind")
    keys = [key for key in jwks["keys"] if key["kid"] == header["kid"]]
    need(len(keys) == 1 and keys[0]["kty"] == "EC" and keys[0]["crv"] == "P-256", "the receipt's key is not in the set")
    x, y = (int.from_bytes(from_base64url(keys[0][part], "a key"), "big") for part in ("x", "y"))
    raw = from_base64url(signature, "the receipt's signature")
    need(len(raw) == 64, "the receipt's signature is not one of ES256")
    made = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    signed = f"{protected}.{payload}".encode()
    verify(lambda data: public.verify(*data), (made, signed, ECDSA(SHA256())))
    claims = parse(from_base64url(payload, "the receipt's payload").decode())
    record = json.dumps(claims["record"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    need(claims["jti"] == evidence["id"] and record == evidence["record"], "the receipt is over another record")
    need(claims["salt"] == evidence["salt"], "the receipt has another salt")
    need(claims["leaf"] == evidence["leaf"], "the receipt has another leaf")


# --- what was shown ---------------------------------------------------------------------------------------------------


def check_notice(evidence: Document) -> None:
    """The notice's text is the one whose SHA-256 stands in the record."""
    digest = sha256(evidence["notice"].encode()).hex()
    need(digest == parse(evidence["record"])["notice"], "the notice is not the one that the record names")


def check_surface(evidence: Document) -> None:
    """What was shown, and its style sheet, are those whose SHA-256 the record names."""
    digest = sha256(evidence["surface"].encode()).hex()
    need(digest == parse(evidence["record"])["ui"], "what was shown is not what the record names")
    style = sha256(evidence["style"].encode()).hex()
    need(style == parse(evidence["surface"])["style"], "the style sheet is not the one of what was shown")


def names_surface(record: str) -> bool:
    """Whether the record says what was shown; one that cannot be read is taken to say so."""
    try:
        return parse(record).get("ui") is not None
    except Exception:  # the check of the leaf says what is wrong with it
        return True


def check_erasure(item: Document, evidence: Document) -> None:
    """A ledger entry says that the key of the erased record was destroyed."""
    need(evidence["key_id"] in parse(item["record"])["erased_keys"], "the erasure is of another person's key")


# --- all of it --------------------------------------------------------------------------------------------------------


def checks_of(evidence: Document, jwks: Document, vkey: str) -> list[tuple[str, Callable[[], None]]]:
    """Every check that this evidence allows, by name."""
    found: list[tuple[str, Callable[[], None]]] = []

    def prove(name: str, item: Document) -> None:
        if item["record"] is not None:
            found.append((f"{name}: record and leaf", lambda: check_leaf(item)))
        found.append((f"{name}: place in the ledger", lambda: check_inclusion(item)))
        found.append((f"{name}: signed checkpoint", lambda: check_checkpoint(item, vkey)))

    prove("decision", evidence)
    if evidence["record"] is None:
        found.append(("erasure", lambda: need(bool(evidence["erasure"]), "no ledger entry tells of it")))
    else:
        found.append(("receipt", lambda: check_receipt(evidence, jwks)))
        found.append(("notice", lambda: check_notice(evidence)))
        if names_surface(evidence["record"]):
            found.append(("what was shown", lambda: check_surface(evidence)))
    for item in evidence["history"]:
        prove(f"{item['kind']} {item['id']}", item)
    for item in evidence["erasure"]:
        prove(f"{item['kind']} {item['id']}", item)
        found.append((f"{item['kind']} {item['id']}: key", partial(check_erasure, item, evidence)))
    return found


def run(evidence: Document, jwks: Document, vkey: str) -> list[tuple[str, str | None]]:
    """Runs every check; the result of each is None, or the sentence that says why it failed."""
    results: list[tuple[str, str | None]] = []
    for name, check in checks_of(evidence, jwks, vkey):
        try:
            check()
            results.append((name, None))
        except Failed as failed:
            results.append((name, str(failed)))
        except Exception as error:  # whatever the bytes are, the answer is a line and not a traceback
            results.append((name, f"it is garbled ({type(error).__name__})"))
    return results


def read_evidence(path: Path) -> Document:
    """The evidence in a JSON file, or in the page that shows it."""
    text = path.read_text(encoding="utf-8")
    page = re.search(r'<pre id="evidence-json"[^>]*>(.*?)</pre>', text, re.DOTALL)
    evidence = parse(html.unescape(page[1]) if page else text)
    need(evidence["kind"] == "cookiegate-evidence" and evidence["v"] == 1, "this script does not know such evidence")
    return dict(evidence)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Checks the evidence of a consent decision, offline.")
    parser.add_argument("evidence", type=Path, help="evidence.json or evidence.html")
    parser.add_argument("--jwks", type=Path, help="the service's key set that you got by yourself (a JSON file)")
    parser.add_argument("--vkey", type=Path, help="the ledger's public key that you got by yourself (a text file)")
    given = parser.parse_args(arguments)
    try:
        evidence = read_evidence(given.evidence)
        jwks = parse(given.jwks.read_text()) if given.jwks else evidence["keys"]["jwks"]
        vkey = given.vkey.read_text() if given.vkey else evidence["keys"]["ledger"]
        results = run(evidence, jwks, vkey)
    except Exception as error:  # as above
        print(f"FAIL  the evidence cannot be read: {error if isinstance(error, Failed) else type(error).__name__}")
        return 1
    for name, fault in results:
        print(f"{'ok  ' if fault is None else 'FAIL'}  {name}{'' if fault is None else ': ' + fault}")
    if any(fault is not None for _, fault in results):
        print("FAIL: this evidence was changed, or is not of this service.")
        return 1
    if not (given.jwks and given.vkey):
        print(f"All checks passed with the keys inside this evidence. Whether they are those of {evidence['service']}")
        print("only its own publication can tell: compare, or give your own copies by --jwks and --vkey.")
    else:
        print("All checks passed with your keys.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
