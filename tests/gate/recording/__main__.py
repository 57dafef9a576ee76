"""Records what the real trackers send: ``PYTHONPATH=tests python -m gate.recording [--to FOLDER] [tracker[/shape] …]``.

Each page of ``pages.py`` runs one unmodified npm package in Chromium against a server on 127.0.0.1. Every request
becomes a line in ``tests/gate/fixtures/<tracker>/<shape>.json``, as ``cookiegate gate`` reads it: clock and random
numbers are set, so that the ids in it are made up, and the page's address is one that exists nowhere. What is on no
registry is written by its documentation (``documented.py``). Whoever records judges the new fields: they wait as ``?``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gate.recording.browsing import record
from gate.recording.documented import documented
from gate.recording.fixture_files import save, write
from gate.recording.pages import PAGES
from support.tracker_fixtures import FIXTURES

NODE_MODULES = Path(__file__).parents[2] / "npm" / "node_modules"


def main() -> None:
    """Records what was asked for, or all."""
    parser = argparse.ArgumentParser(prog="gate.recording")
    parser.add_argument("names", nargs="*", metavar="tracker[/shape]")
    parser.add_argument("--to", type=Path, default=FIXTURES, metavar="FOLDER")
    asked = parser.parse_args()
    for (tracker, shape), line in documented().items():
        if _is_asked(tracker, shape, asked.names):
            print(save(asked.to / tracker / f"{shape}.json", line))
    for page in PAGES:
        if _is_asked(page.tracker, page.shape, asked.names):
            for path in write(page, record(page, NODE_MODULES), asked.to):
                print(path)


def _is_asked(tracker: str, shape: str, names: list[str]) -> bool:
    return not names or tracker in names or f"{tracker}/{shape}" in names


if __name__ == "__main__":
    main()
