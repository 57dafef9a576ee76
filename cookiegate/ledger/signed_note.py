"""Notes: text with signatures by named keys, as transparency logs write their checkpoints.

Source: C2SP signed-note; Ed25519 by RFC 8032. The texts of keys (``name+hash+base64``) are those of Go's sumdb/note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cookiegate.errors import CheckpointError

NOTE_LIMIT_BYTES = 65_536
_ED25519 = b"\x01"
_KEY_BYTES = 32
_PRIVATE = "PRIVATE+KEY+"
_DASH = "\u2014 "


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _decode(text: str) -> bytes:
    # Bits beyond the last byte would make a second text for the same bytes.
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not the base64 of these bytes")
    return data


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """The public half of a named Ed25519 key."""

    name: str
    public: bytes

    @classmethod
    def read(cls, vkey: str) -> NoteVerifier:
        """The key that a vkey text (``name+hash+base64``) holds.

        Raises:
            CheckpointError: it is no such text, or its hash does not belong to its key.
        """
        name, public = _read_key(vkey.strip())
        return cls(name, public)

    @property
    def key_hash(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return _key_hash(self.name, self.public)

    @property
    def vkey(self) -> str:
        """The key as text, ``name+hash+base64``."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def open(self, note: str) -> str:
        """The text of a note that this key signed.

        Args:
            note: text, an empty line, signature lines. Signatures by other keys are passed over.

        Returns:
            The text with its last newline.

        Raises:
            CheckpointError: it is no note, or this key did not sign it.
        """
        text, signatures = _split(note)
        mine = [signature for name, key, signature in signatures if (name, key) == (self.name, self.key_hash)]
        if not mine:
            raise CheckpointError(f"the note is not signed by the key {self.name}+{self.key_hash.hex()}")
        for signature in mine:
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
            except (InvalidSignature, ValueError) as error:
                raise CheckpointError("the note's signature does not fit its text") from error
        return text


class NoteSigner:
    """A named Ed25519 key that signs.

    Args:
        name: non-empty, without spaces and plus signs.
        seed: 32 secret bytes.
    """

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = NoteVerifier(_check_name(name), self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        """A new key."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def read(cls, skey: str) -> NoteSigner:
        """The key that a secret key text holds.

        Raises:
            CheckpointError: it is no such text; the message does not quote it.
        """
        if not skey.startswith(_PRIVATE):
            raise CheckpointError("a secret key text begins with PRIVATE+KEY+")
        name, _, rest = skey.strip().removeprefix(_PRIVATE).partition("+")
        key_hash, _, encoded = rest.partition("+")
        try:
            data = _decode(encoded)
            signer = cls(name, data[1:])
        except ValueError as error:
            raise CheckpointError("the secret key text is garbled") from error
        if data[:1] != _ED25519 or signer.verifier.key_hash.hex() != key_hash:
            raise CheckpointError("the secret key text is garbled")
        return signer

    @property
    def skey(self) -> str:
        """The secret key as text, for its file."""
        encoded = base64.b64encode(_ED25519 + self._key.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.verifier.name}+{self.verifier.key_hash.hex()}+{encoded}"

    def sign(self, text: str) -> str:
        """The note over ``text``, which ends in a newline; the same text gives the same note."""
        signature = base64.b64encode(self.verifier.key_hash + self._key.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.verifier.name} {signature}\n"


def _check_name(name: str) -> str:
    if not name or "+" in name or any(char.isspace() for char in name):
        raise CheckpointError("a key's name is not empty and has neither spaces nor plus signs")
    return name


def _read_key(vkey: str) -> tuple[str, bytes]:
    name, _, rest = vkey.partition("+")
    key_hash, _, encoded = rest.partition("+")
    try:
        data = _decode(encoded)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError("the key text is garbled: its last part is no base64") from error
    public = data[1:]
    if data[:1] != _ED25519 or len(public) != _KEY_BYTES or _key_hash(_check_name(name), public).hex() != key_hash:
        raise CheckpointError("the key text is garbled: it is name+hash+base64 of an Ed25519 key")
    return name, public


def _split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    if len(note.encode(errors="replace")) > NOTE_LIMIT_BYTES or any(char < " " and char != "\n" for char in note):
        raise CheckpointError("this is no signed note: it is too long, or holds control characters")
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise CheckpointError("this is no signed note: text, an empty line, then signatures")
    return text + "\n", [_read_signature(line) for line in lines[:-1].split("\n")]


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        data = _decode(encoded)
    except ValueError as error:
        raise CheckpointError("a signature line of the note is garbled") from error
    if not line.startswith(_DASH) or not name or len(data) <= 4:
        raise CheckpointError("a signature line of the note is garbled")
    return name, data[:4], data[4:]
