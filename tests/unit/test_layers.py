"""Imports point down only, as docs/architecture.md draws them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "cookiegate"
#: Rooms from the ground up; a room may import from its own level's left, and from any lower level.
LEVELS = (
    ("errors", "clock", "randomness", "collectors", "hosts", "shipped"),
    ("settings",),
    ("storage",),
    ("tokens", "policy"),
    ("ledger",),
    ("consent", "gate", "scan", "sources"),
    ("rights", "workers"),
    ("cli", "web", "console"),
)
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
#: Within a level: who may import whom.
BESIDE = {("cli", "web"), ("cli", "console"), ("web", "console")}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_below(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        assert not {name for name in imports(path) if name.startswith("cookiegate")}
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "cookiegate" or parts[1] in ("__version__", room):
            continue
        below = LEVEL[parts[1]] < LEVEL[room]
        assert below or (room, parts[1]) in BESIDE, f"{room} may not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_flask_stays_in_the_web_rooms(path: Path) -> None:
    if any(name.split(".")[0].startswith("flask") for name in imports(path)):
        assert room_of(path) in ("web", "console", "cli")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_a_drawer_for_everything_or_too_long(path: Path) -> None:
    assert path.stem not in ("utils", "helpers", "misc", "common")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
