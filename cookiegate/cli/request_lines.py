"""Requests as a privacy officer reads them at a terminal: what is late comes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from cookiegate.cli.tables import table_text
from cookiegate.clock import rfc3339
from cookiegate.rights.requests.deadlines import stage_due_ms
from cookiegate.rights.requests.files import RequestFile
from cookiegate.rights.requests.grounds import GROUNDS
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.machine import possible_steps

COLUMNS = ("reference", "kind", "site", "state", "waits_for", "due_on", "urgency")
#: The desk's command for each step; the other steps are the person's own.
_COMMANDS = {
    "check_agent": "verify", "verify": "verify", "ask_identity": "ask-identity", "quote_fee": "fee", "pay_fee": "paid",
    "waive_fee": "paid", "extend": "extend", "route": "route", "decide": "decide", "act": "carry-out",
    "carry_out": "carry-out", "notify": "notify",
}  # fmt: skip
_COLOURS = {"overdue": "red", "slow": "yellow"}


def file_facts(file: RequestFile, now_ms: int) -> dict[str, Any]:
    """A request without anything about the person, for lists and for other programs.

    ``urgency``: ``overdue`` past the law's time, ``slow`` when its state has lasted longer than its share.
    """
    case = file.case
    due = case.deadline(now_ms)
    return {
        "reference": file.reference,
        "site": file.site,
        "kind": case.kind,
        "residence": case.residence,
        "state": case.state,
        "outcome": case.outcome,
        "ground": case.ground,
        "received_at": rfc3339(case.received_at_ms),
        "acknowledge_on": due.acknowledge_on.isoformat() if due.acknowledge_on else None,
        "due_on": due.due_on.isoformat(),
        "stands_still": due.stands_still,
        "waits_for": case.waits_for or ("subscribers" if case.acted and case.state == "decided" else None),
        "urgency": _urgency(file, now_ms),
        "possible": list(possible_steps(case)),
    }


def _urgency(file: RequestFile, now_ms: int) -> str | None:
    case = file.case
    if case.is_overdue(now_ms):
        return "overdue"
    stage_ms = stage_due_ms(case.state, case.since_ms, case.target_days)
    return "slow" if stage_ms is not None and now_ms >= stage_ms and not case.deadline(now_ms).stands_still else None


def sort_urgent(files: Iterable[RequestFile], now_ms: int) -> list[RequestFile]:
    """What is late first, then what is due soonest; what is closed last."""
    return sorted(
        files,
        key=lambda file: (not file.case.is_open, file.case.deadline(now_ms).due_at_ms, file.reference),
    )


def list_text(rows: list[Mapping[str, Any]]) -> str:
    """A table; late lines are coloured, where the terminal knows colours."""
    head, *lines = table_text(rows, COLUMNS).splitlines()
    coloured = [
        click.style(line, fg=_COLOURS[row["urgency"]]) if row["urgency"] else line
        for line, row in zip(lines, rows, strict=True)
    ]
    return "\n".join([click.style(head, bold=True), *coloured])


def describe(file: RequestFile, now_ms: int) -> str:
    """Everything about a request, the person and every word included."""
    facts = file_facts(file, now_ms)
    person, rule = file.person, KINDS[file.case.kind]
    lines = [
        (
            f"{facts['kind']} ({', '.join(rule.articles)})",
            f"{facts['state']}{', ' + facts['outcome'] if facts['outcome'] else ''}",
        ),
        ("received", facts["received_at"]),
        ("answer by", f"{facts['due_on']}{' (stands still)' if facts['stands_still'] else ''}"),
        ("acknowledge by", facts["acknowledge_on"]),
        ("waits for", facts["waits_for"]),
        ("ground", _ground(facts["ground"])),
        ("residence", facts["residence"]),
        ("name", person.name),
        ("e-mail", _email(file)),
        ("agent", person.agent and f"{person.agent} ({person.authority}), {file.case.agent}"),
        ("identity", f"{file.case.identity}, verified by {file.case.verified_by}" if file.case.verified_by else None),
        ("record", "known: a receipt or handle was shown" if person.subject_key_id else "not known"),
        ("message", person.message),
    ]
    shown = [f"{file.reference}  {file.site}"]
    shown += [f"  {label + ':':<16} {_indent(text)}" for label, text in lines if text]
    shown += ["", "History"]
    shown += [
        f"  {rfc3339(note.step.at_ms)}  {note.step.name:<16} {note.by}{_words(note.words)}" for note in file.notes
    ]
    return "\n".join([*shown, "", f"Possible next: {_next(facts['possible'])}"])


def _next(possible: list[str]) -> str:
    if not possible:
        return "nothing, it is closed"
    commands = dict.fromkeys(_COMMANDS[name] for name in possible if name in _COMMANDS)
    return ", ".join(commands) or "it is the person's turn"


def _ground(code: str | None) -> str | None:
    return f"{code} ({'; '.join(GROUNDS[code].sources)})" if code else None


def _email(file: RequestFile) -> str | None:
    confirmed = " (confirmed)" if file.case.address_confirmed else " (not confirmed)"
    return file.person.email and file.person.email + confirmed


def _words(words: Mapping[str, str]) -> str:
    shown = [f"\n      {name}: {_indent(text)}" for name, text in words.items() if name != "sequence"]
    return "".join(shown)


def _indent(text: str) -> str:
    """A stranger's words at a terminal: nothing that it would obey, and lines that stay in their place."""
    lines = text.splitlines() or [""]
    clean = ["".join(char if char.isprintable() else " " for char in line) for line in lines]
    return ("\n" + " " * 19).join(clean)
