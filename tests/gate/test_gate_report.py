"""``cookiegate gate --report``: nothing is changed, everything is counted, and a page shows it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.consent import ConsentService

from cookiegate.cli.gate import command
from cookiegate.clock import SystemClock

HOSTILE = "<img src=x onerror=alert(1)>\"'&\u202e"
PLAUSIBLE = {
    "method": "POST", "path": "/api/event", "headers": {"User-Agent": "M"},
    "body": json.dumps({"n": "pageview", "d": "x.test", "u": "https://x.test/", "secret": 1}), "ip": "203.0.113.9",
}  # fmt: skip
SNOWPLOW = {
    "method": "GET", "path": "/i?e=pv&p=web&tv=js&duid=1&url=https%3A%2F%2Fx.test%2F", "headers": {},
}  # fmt: skip


def _lines(*events: Any) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def _run(data: bytes, *arguments: str) -> Result:
    done = CliRunner().invoke(command, ["--report", *arguments], input=data)
    assert done.exit_code == 0, done.output
    assert done.stdout_bytes == data, "nothing is changed"
    return done


def _rows(done: Result) -> list[tuple[str, int]]:
    found = (re.fullmatch(r"(.*?) +([\d,]+)", line) for line in done.stderr.splitlines())
    return [(match[1].strip(), int(match[2].replace(",", ""))) for match in found if match]


@pytest.fixture
def tokens(service: ConsentService, tmp_path: Path) -> list[str]:
    """The options of somebody who has keys."""
    service.clock.at_ms = SystemClock().now_ms()
    (tmp_path / "jwks.json").write_text(json.dumps(service.ring.jwks()))
    (tmp_path / "status.jwt").write_bytes(service.register.signed(1) or b"")
    paths = ["--jwks", str(tmp_path / "jwks.json"), "--status", str(tmp_path / "status.jwt")]
    return ["--audience", "demo", "--purpose", "analytics", *paths]


def test_first_look_needs_no_tokens_and_says_what_grants_would_let_pass() -> None:
    event = {"event": "x", "url": "u", "title": "t", "client_id": "1", "ip": "203.0.113.9", "race": "r", "invented": 1}
    done = _run(_lines(event, {"event": "y"}, [1]))
    assert _rows(done) == [
        ("events with a token (not checked: no --jwks)", 0), ("events without a token", 2),
        ("events that can be read", 2), ("not: event_malformed", 1),
        ("fields, by the category that a grant must hold for them to pass", 6),
        ("ip", 1), ("ip", 1), ("browsing", 2), ("url", 1), ("title", 1), ("identifier", 1), ("client_id", 1),
        ("never, whatever is granted", 2), ("sensitive race", 1), ("invented", 1),
    ]  # fmt: skip


def test_with_keys_it_counts_what_would_happen_by_reason_and_field(service: ConsentService, tokens: list[str]) -> None:
    good = {"event": "x", "url": "u", "language": "ja", "consent_token": service.token(acquire=["browsing"])}
    done = _run(_lines(good, {"event": "x"}, {**good, "consent_token": "bad"}, good), *tokens)
    rows = _rows(done)
    assert rows[:5] == [
        ("would be accepted", 2), ("would be dropped", 2), ("token_missing", 1), ("token_malformed", 1),
        ("fields would be stripped", 2),
    ]  # fmt: skip
    assert ("language", 2) in rows
    assert ("language", 3) in rows, "of all that can be read, under no grant"


def test_mixed_log_is_told_by_tracker(service: ConsentService, tokens: list[str], tmp_path: Path) -> None:
    with_token = {**PLAUSIBLE, "headers": {"X-Consent-Token": service.token()}}
    data = _lines(PLAUSIBLE, with_token, SNOWPLOW, {**PLAUSIBLE, "path": "/elsewhere"}, "nonsense")
    page = tmp_path / "report.html"
    names = ("--tracker", "plausible", "--tracker", "snowplow")
    done = _run(data, *names, *tokens, "--report-html", str(page))
    assert _rows(done)[:2] == [("would be accepted", 1), ("would be dropped", 4)]
    assert ("tracker_mismatch", 1) in _rows(done)
    assert "\nplausible\n" in done.stderr
    assert "\nsnowplow\n" in done.stderr
    assert "By tracker" in page.read_text()


def test_several_trackers_are_enforced_by_their_addresses(service: ConsentService, tokens: list[str]) -> None:
    token = {"X-Consent-Token": service.token(acquire=["browsing"])}
    data = _lines({**PLAUSIBLE, "headers": token}, {**SNOWPLOW, "headers": token}, {**SNOWPLOW, "path": "/x"})
    done = CliRunner().invoke(command, ["--tracker", "plausible", "--tracker", "snowplow", *tokens], input=data)
    assert done.exit_code == 0, done.output
    bodies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["method"], "duid" in line["path"]) for line in bodies] == [("POST", False), ("GET", False)]
    assert dict(_rows(done))["of plausible: accepted"] == 1


class _Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_page_needs_nothing_else_and_hostile_names_stay_text(
    service: ConsentService, tokens: list[str], tmp_path: Path
) -> None:
    event = {"event": "x", "url": "u", HOSTILE: 1, "</style><script>": 2, "consent_token": service.token(acquire=[])}
    for options in ([], tokens):
        file = tmp_path / "report.html"
        _run(_lines(event, {"event": "y", "ip": "1.2.3.4"}), *options, "--report-html", str(file))
        page = _Page(file.read_text(encoding="utf-8"))
        names = {tag for tag, _ in page.tags}
        assert not names & {"script", "img", "link", "iframe", "object", "image", "use", "foreignobject", "a"}
        assert not [attrs for _, attrs in page.tags if any(name.startswith("on") or name == "style" for name in attrs)]
        assert not re.search(r"https?://|url\(|@import", file.read_text(encoding="utf-8"))
        shown = "".join(page.text)
        assert "<img src=x onerror=alert(1)>" in shown
        assert "\u202e" not in shown
        assert "Content-Security-Policy" in {attrs.get("http-equiv") for _, attrs in page.tags}


def test_every_chart_has_its_numbers_as_text_too(tokens: list[str], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    _run(_lines({"event": "x", "url": "u", "ip": "1.2.3.4"}), *tokens, "--report-html", str(file))
    page = _Page(file.read_text(encoding="utf-8"))
    charts = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(charts) >= 3
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    for chart in charts:
        assert chart["role"] == "img"
        assert set((chart["aria-labelledby"] or "").split()) <= ids
    assert len(ids) == len([1 for _, attrs in page.tags if "id" in attrs]), "ids are unique"
    assert sum(tag == "table" for tag, _ in page.tags) >= len(charts)


def test_empty_log_gives_a_report_as_well(tokens: list[str], tmp_path: Path) -> None:
    for options in ([], tokens):
        _run(b"", *options, "--report-html", str(tmp_path / "report.html"))


def test_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--report-html", str(tmp_path / "no" / "page.html")], input=b"")
    assert done.exit_code == 2
    assert "page.html cannot be written" in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_lists_are_not_believed_for_ever_by_a_slip(seconds: str) -> None:
    done = CliRunner().invoke(command, ["--report", "--max-stale", seconds], input=b"")
    assert done.exit_code == 2
    assert "--max-stale" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--audience, --purpose, --jwks needed"),
        (["--report", "--jwks", "x"], "--audience, --purpose needed"),
        (["--audience", "demo", "--purpose", "a"], "--jwks needed"),
    ],
)
def test_what_is_missing_is_named(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(command, arguments, input=b"")
    assert done.exit_code == 2
    assert message in done.stderr
