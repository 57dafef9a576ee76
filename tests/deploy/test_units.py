"""The systemd units: valid, tight, and what they start really starts."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.live import ServiceProcess, free_port
from support.policies import DEMO, ROOT, demo_yaml

from benchmarks.gate_check import accept

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
COMMAND = str(Path(sys.executable).with_name("cookiegate"))
#: From 0 (locked away) to 10 (may do everything), as ``systemd-analyze security`` counts.
EXPOSURE_AT_MOST = 1.5
PR_SET_MDWE = 65


class Unit(configparser.RawConfigParser):
    """A unit file; a key that is set twice keeps both lines."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read(path)

    def environment(self) -> dict[str, str]:
        """What ``Environment=`` sets."""
        return dict(word.split("=", 1) for word in shlex.split(self["Service"]["Environment"]))


def placed(path: Path, folder: Path) -> Path:
    """A copy that starts the command of this environment."""
    copy = folder / path.name
    copy.write_text(path.read_text().replace("/opt/cookiegate/bin/cookiegate", COMMAND))
    return copy


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    copies = [placed(path, tmp_path) for path in sorted(UNITS.iterdir()) if path.suffix in (".service", ".timer")]
    done = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "cookiegate" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_every_service_is_locked_away(path: Path) -> None:
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--no-pager",
            f"--threshold={EXPOSURE_AT_MOST * 10:.0f}",
            path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= EXPOSURE_AT_MOST, done.stdout
    assert done.returncode == 0


def test_it_comes_back_and_takes_ten_thousand_lines() -> None:
    unit = Unit(UNITS / "cookiegate.service")["Service"]
    assert (unit["Restart"], unit["RestartSec"]) == ("always", "1s")
    assert int(unit["LimitNOFILE"]) > 2 * 10_000
    assert (unit["StateDirectoryMode"], unit["UMask"], unit["LimitCORE"]) == ("0700", "0077", "0")


def test_its_threads_may_sit_on_one_core() -> None:
    unit = (UNITS / "cookiegate.service").read_text()
    filters = re.findall(r"^SystemCallFilter=(.+)$", unit, re.M)
    for call in ("sched_setaffinity", "sched_setscheduler"):
        allowed = False
        for line in filters:  # systemd reads them in order
            names = line.removeprefix("~").split()
            sets = [name for name in names if name.startswith("@")]
            shown = subprocess.run(
                ["systemd-analyze", "syscall-filter", *sets], capture_output=True, text=True, check=True
            )
            if call in names or (sets and re.search(rf"^\s+{call}$", shown.stdout, re.M)):
                allowed = not line.startswith("~")
        assert allowed, call


def test_every_timer_starts_a_unit_of_ours() -> None:
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").exists()
        calendar = Unit(timer)["Timer"]["OnCalendar"]
        subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


def test_no_file_holds_a_secret() -> None:
    for path in UNITS.iterdir():
        assert not re.search(r"://[^\s/]+:[^\s/]+@", path.read_text()), path


def test_what_a_unit_starts_is_ours() -> None:
    for path in SERVICES:
        words = shlex.split(Unit(path)["Service"]["ExecStart"])
        if words[:2] == ["/bin/sh", "/opt/cookiegate/backup.sh"]:
            continue
        assert words[0] == "/opt/cookiegate/bin/cookiegate"
        commands = [word for word in words[1:3] if word.isalpha()]
        assert subprocess.run([COMMAND, *commands, "--help"], capture_output=True, check=False).returncode == 0


def test_the_backup_renews_the_keys_and_drops_only_what_is_old(tmp_path: Path) -> None:
    home, records, keys = tmp_path / "opt", tmp_path / "records", tmp_path / "keys"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "cookiegate").symlink_to(COMMAND)
    shutil.copy(ROOT / "deploy" / "backup.sh", home)
    environment = {"PATH": os.environ["PATH"], "COOKIEGATE_DATA_DIR": str(tmp_path / "data")}
    service = ServiceProcess(tmp_path, policies=(DEMO,))
    service.start()
    accept(service.base_url)
    killed, under_way = ".2026-01-02T000000Z.partial-a1b2c3", ".2026-01-30T000000Z.partial-d4e5f6"
    copies = {"2026-01-01T000000Z": 31, "2026-01-20T000000Z": 10, "kept-by-hand": 99, killed: 2, under_way: 0}
    for name, days in copies.items():
        (records / name).mkdir(parents=True)
        os.utime(records / name, times=(time.time() - days * 86_400,) * 2)
    command = ["sh", home / "backup.sh", records, keys, "30"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    service.stop()
    assert done.returncode == 0, done.stderr
    left = sorted(path.name for path in records.iterdir())
    assert left.pop(0) == under_way
    assert left[0] == "2026-01-20T000000Z"
    assert left[-1] == "kept-by-hand"
    assert len(left) == 3
    assert list((keys / "subject-keys").iterdir())
    assert list((keys / "keys").iterdir())


#: UMask=, LimitCORE= and MemoryDenyWriteExecute= (where the kernel knows it), then the command.
AS_THE_UNIT_ASKS = f"""
import ctypes, os, resource, sys
os.umask(0o077)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[str]:
    """The service as the unit starts it, with the example environment; its address."""
    unit, port = Unit(UNITS / "cookiegate.service"), free_port()
    policy = tmp_path / "shop.yaml"
    policy.write_text(demo_yaml("https://consent.example.jp"), encoding="utf-8")
    lines = (UNITS / "cookiegate.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    options = given.pop("SERVE_OPTIONS").replace("/etc/cookiegate/policies/shop.yaml", str(policy))
    words = shlex.split(unit["Service"]["ExecStart"].replace("$SERVE_OPTIONS", options).replace("8000", str(port)))
    environment = {
        **unit.environment(),
        **given,
        "COOKIEGATE_DATA_DIR": str(tmp_path / "data"),
        "PATH": os.environ["PATH"],
    }
    launch = [sys.executable, "-c", AS_THE_UNIT_ASKS, COMMAND]
    process = subprocess.Popen([*launch, *words[1:]], env=environment, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(address, process)
        yield address
    finally:
        process.terminate()
        assert process.wait(20) == 0


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=1) as answer:
                assert json.load(answer)["status"] == "ok"
        except OSError:
            threading.Event().wait(0.05)
        else:
            return
    raise RuntimeError("the service did not get ready")


def test_the_service_starts_as_its_unit_says(started: str, tmp_path: Path) -> None:
    assert accept(started)
    open_to_others = [path for path in (tmp_path / "data").rglob("*") if path.stat().st_mode & 0o077]
    assert not open_to_others


def test_the_operators_command_runs_as_the_service_does(tmp_path: Path) -> None:
    environment = tmp_path / "cookiegate.env"
    environment.write_text('# x\nCOOKIEGATE_MAIL_FROM="Example Shop <privacy@example.jp>"\nSERVE_OPTIONS=--x\n')
    script = (UNITS / "cookiegate.sh").read_text().replace("/etc/cookiegate/cookiegate.env", str(environment))
    script = script.replace("/var/lib/cookiegate", str(tmp_path / "data")).replace(
        "/opt/cookiegate/bin/cookiegate", COMMAND
    )
    script = re.sub(r"setpriv .* -- ", "", script)
    done = subprocess.run(
        ["sh", "-c", script, "cookiegate", "policy", "publish", DEMO], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    database = tmp_path / "data" / "cookiegate.db"
    assert database.stat().st_mode & 0o077 == 0
