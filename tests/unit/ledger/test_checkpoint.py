"""Signed notes and checkpoints, against what Go's sumdb/note made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiegate.errors import CheckpointError
from cookiegate.ledger.checkpoint import origin_of_ledger, read_checkpoint, sign_checkpoint
from cookiegate.ledger.signed_note import NoteSigner, NoteVerifier

#: The example of golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    TEXT
    + "\n\u2014 PeterNeumann "
    + "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
OTHER_LINE = "\u2014 witness.example/w1 " + "AAAAAAECAwQFBgc=\n"


@pytest.fixture
def signer() -> NoteSigner:
    return NoteSigner("consent.example.jp/ledger", bytes(range(32)))


def test_a_note_of_another_program_opens() -> None:
    assert NoteVerifier.read(VKEY).open(NOTE) == TEXT


def test_the_same_key_signs_the_same_note() -> None:
    signer = NoteSigner.read(SKEY)
    assert (signer.verifier.vkey, signer.skey, signer.sign(TEXT)) == (VKEY, SKEY, NOTE)


def test_a_witness_may_sign_too() -> None:
    assert NoteVerifier.read(VKEY).open(NOTE + OTHER_LINE) == TEXT
    assert NoteVerifier.read(VKEY).open(NOTE.replace("\n\n", "\n\n" + OTHER_LINE)) == TEXT


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_no_changed_byte_of_a_note_is_accepted(place: int, change: int) -> None:
    data = bytearray(NOTE.encode())
    data[place] ^= change
    with pytest.raises(CheckpointError):
        NoteVerifier.read(VKEY).open(data.decode(errors="replace"))


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        TEXT,
        TEXT + "\n",
        TEXT + "\n" + OTHER_LINE,
        NOTE.rstrip("\n"),
        NOTE + "\n",
        "\n" * 70_000,
        "\r" + NOTE,
    ],
)
def test_what_is_no_note_of_ours_is_refused(note: str) -> None:
    with pytest.raises(CheckpointError):
        NoteVerifier.read(VKEY).open(note)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b+c",
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY[:-4],
        "Peter Neumann" + VKEY[12:],
        VKEY.replace("+AR", "+Ag"),
    ],
)
def test_a_garbled_key_text_is_refused(vkey: str) -> None:
    with pytest.raises(CheckpointError):
        NoteVerifier.read(vkey)


@pytest.mark.parametrize("skey", ["", VKEY, SKEY[:-4], SKEY.replace("c74f", "c74e"), SKEY.replace("+AY", "+Ag")])
def test_a_garbled_secret_key_is_refused_and_not_repeated(skey: str) -> None:
    with pytest.raises(CheckpointError) as refused:
        NoteSigner.read(skey)
    assert "AYEKFALVFGyNhPJEMzD1QIDr" not in refused.value.detail


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\there"])
def test_a_name_that_would_break_the_note_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError):
        NoteSigner.generate(name)


def test_a_checkpoint_is_read_as_it_was_signed(signer: NoteSigner) -> None:
    note = sign_checkpoint(signer, 20_852_163, b"r" * 32)
    assert note.startswith("consent.example.jp/ledger\n20852163\n")
    checkpoint = read_checkpoint(note, signer.verifier)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == ("consent.example.jp/ledger", 20_852_163, b"r" * 32)
    assert note == sign_checkpoint(signer, 20_852_163, b"r" * 32)


def test_another_key_of_the_same_name_is_another_log(signer: NoteSigner) -> None:
    other = NoteSigner(signer.verifier.name, bytes(32))
    with pytest.raises(CheckpointError):
        read_checkpoint(sign_checkpoint(other, 1, b"r" * 32), signer.verifier)


@pytest.mark.parametrize(
    "text",
    ["consent.example.jp/ledger\n1\n", "consent.example.jp/ledger\n01\n{root}\n",
     "consent.example.jp/ledger\n-1\n{root}\n",
     "consent.example.jp/ledger\n1\nAAAA\n", "consent.example.jp/ledger\n1\n!\n", "other.example/ledger\n1\n{root}\n",
     "consent.example.jp/ledger\n\n1\n{root}\n", "consent.example.jp/ledger\n٣\n{root}\n"],
)  # fmt: skip
def test_a_signed_text_that_is_no_checkpoint_is_refused(signer: NoteSigner, text: str) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(signer.sign(text.format(root="A" * 43 + "=")), signer.verifier)


def test_extension_lines_are_passed_over(signer: NoteSigner) -> None:
    text = "consent.example.jp/ledger\n1\n" + "A" * 43 + "=\nmore\n"
    assert read_checkpoint(signer.sign(text), signer.verifier).size == 1


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://consent.example.jp", "consent.example.jp/ledger"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000/ledger"),
        ("https://user:secret@Example.JP/a+b/", "example.jp/a%2Bb/ledger"),
    ],
)
def test_a_log_is_named_after_its_address(base_url: str, origin: str) -> None:
    assert origin_of_ledger(base_url) == origin
