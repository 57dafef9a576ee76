"""When ``make`` installs the server: anew once there is a compiler for what was left out, else once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.policies import ROOT

STAMP = ".venv/server"
MODULE = "cookiegate/gate/_projection.abi3.so"
NEEDED = ("cat", "ls", "sh", "touch")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the rule needs of a checkout, a ``pip`` that only notes that it ran, and programs without a compiler."""
    for name in ("Makefile", "pyproject.toml", "hatch_build.py", "requirements/test.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in (".venv/bin", "programs", "cookiegate/gate/projection"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in (("python", ""), ("pip", "echo installed >> installs\n")):
        make_program(tmp_path / ".venv/bin" / name, text)
    for name in NEEDED:
        (tmp_path / "programs" / name).symlink_to(str(shutil.which(name)))
    return tmp_path


def make_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    path.chmod(0o755)


def installs(checkout: Path) -> int:
    """How often there was an install, after ``make`` was asked for one."""
    command = [str(shutil.which("make")), "--no-print-directory", STAMP]
    found = {"PATH": str(checkout / "programs")}
    done = subprocess.run(command, cwd=checkout, env=found, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return len((checkout / "installs").read_text().splitlines())


def test_the_install_is_done_again_once_there_is_a_compiler_for_what_it_left_out(checkout: Path) -> None:
    assert [installs(checkout), installs(checkout)] == [1, 1]
    make_program(checkout / "programs/cc", "exit 0\n")
    # It cannot compile this either, headers may be missing: that is tried once.
    assert [installs(checkout), installs(checkout)] == [2, 2]
    (checkout / "programs/cc").unlink()
    assert installs(checkout) == 2


def test_the_install_is_not_done_again_where_the_module_is(checkout: Path) -> None:
    assert installs(checkout) == 1
    (checkout / MODULE).touch()
    make_program(checkout / "programs/cc", "exit 0\n")
    assert installs(checkout) == 1
    (checkout / STAMP).write_text("")
    assert installs(checkout) == 1
    (checkout / MODULE).unlink()
    assert [installs(checkout), installs(checkout)] == [2, 2]
