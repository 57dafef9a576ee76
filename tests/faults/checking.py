"""After a fault: does the record hold what the journal says, and nothing that it must not hold?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

from cookiegate.clock import SystemClock
from cookiegate.consent.ids import hash_handle
from cookiegate.errors import CookiegateError, NotSealedYetError
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.ledger.proving import prove_by_database
from cookiegate.ledger.receipt_reading import read_receipt
from cookiegate.ledger.sealing import Sealer
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing
from faults.journal import Journal, Told, read_told
from faults.probing import CHECK
from faults.target import SITE, Target

RECEIPTS_MAX = 1_000
TOKENS_MAX = 1_000
VERIFY_TIMEOUT_S = 120
_EVENT = re.compile(rb"event-\d+-\d+")


@dataclass(slots=True)
class Checked:
    """What the checks found: the numbers of a row's line, and a sentence for each thing that must not be."""

    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    re_granted: int = 0
    problems: list[str] = field(default_factory=list)


def check_gates(target: Target, journal: Journal, checked: Checked) -> None:
    """Shows every token to the running service: ended ones must be denied, the others must pass. Tokens end after
    15 minutes: the newest thousand of each kind are shown."""
    client, ended = target.client(), set(journal.ended)
    alive = {told.visitor: told.token for told in journal.told}
    for token in journal.ended[-TOKENS_MAX:]:
        if client.send("GET", CHECK, headers={"X-Consent-Token": token}).status == 204:
            checked.re_granted += 1
    doubted = set(journal.doubts.values())
    tokens = [token for visitor, token in alive.items() if token and token not in ended and visitor not in doubted]
    denied = 0
    for token in tokens[-TOKENS_MAX:]:
        answer = client.send("GET", CHECK, headers={"X-Consent-Token": token})
        # Only analytics is asked for: who chose less is refused with 403.
        denied += answer.status == 401
    if denied:
        checked.problems.append(f"{denied} of {len(tokens)} living tokens are denied")
    client.close()


def check_record(target: Target, journal: Journal, checked: Checked, *, signer: bool = True) -> None:
    """Reads the database of a service that has ended, and compares.

    Args:
        target: whose record.
        journal: what was acknowledged; its file is read, not what the clients remember.
        checked: takes the result.
        signer: whether what still waits is sealed first, so that receipts can be proved.
    """
    told = list(read_told(journal.path))
    storage = open_storage(target.settings)
    try:
        kept = {row.id: row for row in storage.decisions(SITE)}
        acknowledged = {item.decision for item in told}
        checked.acknowledged, checked.found = len(acknowledged), len(acknowledged & kept.keys())
        checked.lost = len(acknowledged - kept.keys())
        doubtful = len(kept.keys() - acknowledged)
        if doubtful > len(journal.doubts):
            checked.problems.append(f"{doubtful} decisions that nobody was told of, {len(journal.doubts)} in doubt")
        _check_answers(told, checked)
        _check_consents(storage, told, set(journal.doubts.values()), checked)
        if signer:
            _seal(target, storage)
            _check_receipts(target, storage, told, checked)
    finally:
        storage.close()
    _check_events(target, journal, checked)
    _verify_ledger(target, checked)


def _check_answers(told: list[Told], checked: Checked) -> None:
    answers: dict[str, str] = {}
    for item in told:
        if answers.setdefault(item.key, item.decision) != item.decision:
            checked.problems.append("one idempotency key was answered by two decisions")


def _check_consents(storage: Storage, told: list[Told], doubted: set[str], checked: Checked) -> None:
    """Of every visitor whose last act is certain: what holds is what they were told last."""
    last = {item.visitor: item for item in told if item.handle is not None}
    for item in last.values():
        if item.visitor in doubted:
            continue
        consent = storage.find_consent(SITE, hash_handle(str(item.handle)))
        granted = consent is not None and consent.is_granted
        if granted and not item.granted:
            checked.re_granted += 1
        elif item.granted and (consent is None or consent.decision_id != item.decision):
            checked.lost += 1


def _seal(target: Target, storage: Storage) -> None:
    sealer = Sealer(storage, read_ledger_key(target.data), SystemClock())
    while sealer.run():
        pass


def _check_receipts(target: Target, storage: Storage, told: list[Told], checked: Checked) -> None:
    keys, verifier = PublicKeys(KeyRing.open(target.data).jwks()), read_ledger_key(target.data).verifier
    step = max(1, len(told) // RECEIPTS_MAX)
    bad = 0
    for item in told[::step]:
        try:
            proved = prove_by_database(storage, read_receipt(item.receipt, keys), verifier)
            bad += bool(proved.findings.lines) or proved.receipt.decision_id != item.decision
        except (NotSealedYetError, CookiegateError):
            bad += 1
    if bad:
        checked.problems.append(f"{bad} receipts cannot be proved")


def _check_events(target: Target, journal: Journal, checked: Checked) -> None:
    logged: set[str] = set()
    for path in (target.data / "collected").glob("*/*.jsonl"):
        if not path.is_symlink():
            logged.update(name.decode() for name in _EVENT.findall(path.read_bytes()))
    if barred := logged & journal.barred:
        checked.problems.append(f"{len(barred)} events reached the log after their consent had ended")
    if missing := journal.events - logged:
        checked.problems.append(f"{len(missing)} acknowledged events are not in the log")


def _verify_ledger(target: Target, checked: Checked) -> None:
    command = [sys.executable, "-m", "cookiegate.cli.main", "ledger", "verify", "--data-dir", str(target.data)]
    ours = {name: value for name, value in target.env.items() if name.startswith("COOKIEGATE_")}
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}, **ours}
    done = subprocess.run(command, capture_output=True, text=True, timeout=VERIFY_TIMEOUT_S, env=env, check=False)
    if done.returncode != 0:
        checked.problems.append(f"ledger verify: {(done.stdout + done.stderr).strip()[-400:]}")
