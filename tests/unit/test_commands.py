"""The installed command, run as a shell runs it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cookiegate.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
DEMO = str(ROOT / "examples" / "policies" / "demo.yaml")


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cookiegate.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": "/bin", **env})


def test_a_good_policy_exits_0_and_a_faulty_one_1(tmp_path: Path) -> None:
    assert run("policy", "check", DEMO).returncode == 0
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text("site: demo\norigin: http://x\n")
    assert run("policy", "check", str(faulty)).returncode == 1


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids="-".join)
def test_every_command_teaches_itself(words: tuple[str, ...]) -> None:
    shown = run(*words, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Usage:" in shown.stdout


def test_an_unknown_command_and_option_exit_2() -> None:
    assert run("nope").returncode == 2
    assert run("serve", "--nope").returncode == 2


def test_a_bad_setting_stops_the_start_without_a_traceback(tmp_path: Path) -> None:
    stopped = run("serve", "--data-dir", str(tmp_path), COOKIEGATE_REDIS_URL="redi://:hunter2@127.0.0.1")
    assert stopped.returncode == 2
    assert "COOKIEGATE_REDIS_URL must be a Redis address" in stopped.stderr
    assert "hunter2" not in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_taken_port_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        stopped = run("serve", "--port", port, "--data-dir", str(tmp_path), "--policy", DEMO)
    assert stopped.returncode == 2
    assert f"--port {port}" in stopped.stderr
