"""``cookiegate gate`` and ``cookiegate keys``: real processes over pipes, real fetching over loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.consent import SUB, ConsentService
from support.shelves import Shelf

from cookiegate.cli import keys as keys_cli
from cookiegate.cli.lines import read_chunks
from cookiegate.clock import SystemClock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def live(service: ConsentService) -> ConsentService:
    """The command tells the time by itself, so its tokens are issued now."""
    service.clock.at_ms = SystemClock().now_ms()
    return service


@pytest.fixture
def files(live: ConsentService, tmp_path: Path) -> dict[str, str]:
    """Key set and status list as files."""
    (tmp_path / "jwks.json").write_text(json.dumps(live.ring.jwks()))
    (tmp_path / "status.jwt").write_bytes(live.register.signed(1) or b"")
    return {"jwks": str(tmp_path / "jwks.json"), "status": str(tmp_path / "status.jwt")}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cookiegate.cli.main", *arguments]


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _gate(data: bytes, files: dict[str, str], *extra: str) -> subprocess.CompletedProcess[bytes]:
    arguments = ["gate", "--audience", "demo", "--purpose", "analytics", "--jwks", files["jwks"]]
    if "status" in files:
        arguments += ["--status", files["status"]]
    return subprocess.run(
        _command(*arguments, *extra), input=data, capture_output=True, timeout=60, env=_environ(), check=False
    )


def _lines(*events: Any) -> bytes:
    return b"".join((event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n" for event in events)


def _table(done: subprocess.CompletedProcess[bytes]) -> dict[str, int]:
    rows = (line.rsplit(None, 1) for line in done.stderr.decode().splitlines() if not line.startswith("Warning"))
    return {name.strip(): int(count.replace(",", "")) for name, count in rows}


def test_accepted_events_go_on_and_the_table_counts_the_rest(live: ConsentService, files: dict[str, str]) -> None:
    good = {"consent_token": live.token(acquire=["browsing"]), "event": "x", "url": "u", "language": "ja"}
    done = _gate(_lines(good, {"event": "x"}, b"nonsense", b"", {**good, "consent_token": "bad"}, good), files)
    assert done.returncode == 0, done.stderr
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(event["url"], event["consent"]["sub"]) for event in kept] == [("u", SUB)] * 2
    assert _table(done) == {
        "accepted": 2, "dropped": 3, "token_missing": 1, "event_malformed": 1, "token_malformed": 1,
        "fields stripped": 2, "language": 2,
    }  # fmt: skip


def test_report_changes_nothing_and_counts_what_would_happen(live: ConsentService, files: dict[str, str]) -> None:
    data = (
        _lines({"consent_token": live.token(acquire=[]), "event": "x", "url": "u"}, b"  odd line ", b"") + b"no newline"
    )
    done = _gate(data, files, "--report")
    assert done.stdout == data
    assert [line.split() for line in done.stderr.decode().splitlines()[:2]] == [
        ["would", "be", "accepted", "1"], ["would", "be", "dropped", "2"],
    ]  # fmt: skip


def test_withdrawn_tokens_are_known_from_the_list(live: ConsentService, files: dict[str, str]) -> None:
    live.register.revoke(1, 7)
    Path(files["status"]).write_bytes(live.register.signed(1) or b"")
    data = _lines({"consent_token": live.token(), "event": "x"})
    assert _table(_gate(data, files))["withdrawn"] == 1
    del files["status"]
    done = _gate(data, files)
    assert b"withdrawals are not seen" in done.stderr
    assert _table(done)["accepted"] == 1


def test_token_of_a_list_that_was_not_loaded_fails_closed(live: ConsentService, files: dict[str, str]) -> None:
    live.register.ensure(2)
    Path(files["status"]).write_bytes(live.register.signed(2) or b"")
    done = _gate(_lines({"consent_token": live.token(), "event": "x"}), files)
    assert _table(done) == {"accepted": 0, "dropped": 1, "status_unavailable": 1, "fields stripped": 0}


def test_several_lists_may_be_given(live: ConsentService, files: dict[str, str], tmp_path: Path) -> None:
    live.register.ensure(2)
    (tmp_path / "second.jwt").write_bytes(live.register.signed(2) or b"")
    data = _lines({"consent_token": live.token(), "event": "x"})
    assert _table(_gate(data, files, "--status", str(tmp_path / "second.jwt")))["accepted"] == 1


def test_tracker_lines_and_a_policy_work_too(live: ConsentService, files: dict[str, str]) -> None:
    line = {
        "method": "POST", "path": "/api/event", "headers": {"X-Consent-Token": live.token(), "User-Agent": "M"},
        "body": json.dumps({"n": "pageview", "u": "https://x.test", "d": "x.test"}), "ip": "203.0.113.9",
    }  # fmt: skip
    policy = str(ROOT / "examples" / "policies" / "demo.yaml")
    done = _gate(_lines(line), files, "--tracker", "plausible", "--policy", policy, "--progress")
    assert done.returncode == 0, done.stderr
    assert json.loads(json.loads(done.stdout)["body"])["u"] == "https://x.test"
    wrong = _gate(b"", files, "--policy", policy, "--audience", "shop")
    assert (wrong.returncode, b"of site" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JWK set"),
        (b"[]", "no JWK set"),
        (b'{"keys":[]}', "no ES256"),
        (b'{"keys":[],"keys":[]}', "no JWK set"),
    ],
)
def test_unusable_key_set_stops_the_command_and_is_named(
    files: dict[str, str], tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    done = _gate(b"", {**files, "jwks": str(tmp_path / "bad.json")})
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert "bad.json" in done.stderr.decode()


def test_missing_and_forged_lists_stop_the_command(live: ConsentService, files: dict[str, str]) -> None:
    missing = _gate(b"", {**files, "status": "nowhere.jwt"})
    assert (missing.returncode, b"source_unreadable" in missing.stderr) == (2, True)
    Path(files["status"]).write_text(live.token())
    forged = _gate(b"", files)
    assert (forged.returncode, b"type_denied" in forged.stderr) == (2, True)


def test_reader_that_leaves_early_ends_it_quietly(live: ConsentService, files: dict[str, str]) -> None:
    arguments = [
        "gate",
        "--audience",
        "demo",
        "--purpose",
        "analytics",
        "--jwks",
        files["jwks"],
        "--status",
        files["status"],
    ]
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(_command(*arguments), env=_environ(), **pipe) as process:  # type: ignore[call-overload]
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(_lines({"consent_token": live.token(), "event": "x"}) * 5000)
            process.stdin.close()
        errors = process.stderr.read()
        assert process.wait(timeout=60) == 0, errors
    assert b"Traceback" not in errors
    assert b"accepted" in errors


@pytest.mark.parametrize(("told", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_told_to_stop_it_ends_with_its_table(
    live: ConsentService, files: dict[str, str], told: signal.Signals, code: int
) -> None:
    arguments = [
        "gate",
        "--audience",
        "demo",
        "--purpose",
        "analytics",
        "--jwks",
        files["jwks"],
        "--status",
        files["status"],
    ]
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(_command(*arguments), env=_environ(), **pipe) as process:  # type: ignore[call-overload]
        process.stdin.write(_lines({"consent_token": live.token(), "event": "x"}))
        process.stdin.flush()
        assert process.stdout.readline().startswith(b'{"event":"x"')
        process.send_signal(told)
        errors = process.stderr.read()
        assert process.wait(timeout=60) == code
        process.stdin.close()
    assert b"Traceback" not in errors
    assert b"accepted" in errors


def test_line_without_an_end_is_skipped_in_flat_memory() -> None:
    data = b"first\n" + b"x" * 5_000 + b"\nsecond\n" + b"y" * 5_000
    chunks = list(read_chunks(_Slow(data, 100), limit_bytes=1_000))
    assert [line for chunk in chunks for line in chunk.lines] == [b"first", b"second"]
    assert sum(chunk.oversized for chunk in chunks) == 2
    assert b"".join(chunk.raw for chunk in chunks) == data


class _Slow(BytesIO):
    """Gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(self._size)


def test_a_list_beside_the_given_one_is_followed_when_a_token_names_it(live: ConsentService, shelf: Shelf) -> None:
    folder, address = shelf.folder, shelf.address
    for number in (1, 2):
        live.register.ensure(number)
        (folder / str(number)).write_bytes(live.register.signed(number) or b"")
    (folder / "jwks").write_text(json.dumps(live.ring.jwks()))
    events = [{"event": "a", "consent_token": live.token(status_list=number)} for number in (1, 2, 3)]
    done = _gate(_lines(*events), {"jwks": f"{address}/jwks", "status": f"{address}/1"})
    assert _table(done)["accepted"] == 2
    assert _table(done)["status_unavailable"] == 1  # there is no third list
    assert f"cannot read {address}/3" in done.stderr.decode()


def test_keys_are_listed_rotated_and_disabled(service: ConsentService, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(keys_cli.command, [*arguments, "--data-dir", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return done.output

    first = json.loads(run("list", "--json"))[0]
    assert (first["state"], first["created_at"]) == ("active", "2026-11-18T11:06:40.000Z")
    assert "is active now" in run("rotate", "--now")
    run("disable", "--now", first["kid"])
    assert [line.split()[1] for line in run("list").splitlines()] == ["disabled", "active"]


def test_keys_are_not_made_by_looking_for_them(tmp_path: Path) -> None:
    command = _command("keys", "list", "--data-dir", str(tmp_path))
    done = subprocess.run(command, capture_output=True, env=_environ(), check=False, timeout=60)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert b"no keys in" in done.stderr


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        (("--jwks", "127.0.0.1:8000/.well-known/jwks.json"), b"an address begins with http://"),
        (("--mount", "matomo"), b"it must begin with a slash: /matomo"),
    ],
)
def test_slips_are_told_with_their_mend(files: dict[str, str], slip: tuple[str, str], message: bytes) -> None:
    done = _gate(b"", files, *slip)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("arguments", [["gate", "--help"], ["keys", "--help"]])
def test_help_teaches_by_example(arguments: list[str]) -> None:
    done = subprocess.run(_command(*arguments), capture_output=True, env=_environ(), check=True, timeout=60)
    assert b"cookiegate " in done.stdout
