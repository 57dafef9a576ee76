"""Our banner beside those of others, each as its makers tell to use it, from one static server in one browser."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright
from support.browsers import ARGUMENTS, CHROMIUM
from support.npm import install

from benchmarks.pages import write_block
from benchmarks.widget.columns import failures, markdown
from benchmarks.widget.contenders import BARE, HERE, OURS, PEERS, versions
from benchmarks.widget.picture import draw
from benchmarks.widget.rounds import measure
from benchmarks.widget.serving import Website

PAGE = HERE.parents[1] / "docs" / "reference" / "widget-peers.md"
PICTURE = PAGE.with_suffix(".svg")


def run(arguments: Sequence[str] = ()) -> None:
    """Prints the table; ends with code 1 where ours is not ahead of a peer in a column, and names the column.

    Args:
        arguments: as on the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks widget", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="visits to each page for every median")
    parser.add_argument("--write", action="store_true", help=f"writes the table into {PAGE.name} and draws the picture")
    asked = parser.parse_args(list(arguments))
    install(HERE)
    everyone = (OURS, *PEERS)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        with Website(Path(name), browser) as site:
            found = measure(browser, site, (BARE, *everyone), asked.rounds)
        about = (
            f"{datetime.now(UTC):%-d %B %Y}, Chromium {browser.version}, medians of {asked.rounds} interleaved visits"
        )
        browser.close()
    table = markdown(everyone, found, versions(everyone))
    print(f"{about}\n\n{table}\n", flush=True)
    if asked.write:
        write_block(PAGE, "table", f"Measured on {about}.\n\n{table}")
        PICTURE.write_text(draw(everyone, found, about), encoding="utf-8")
    if behind := failures(OURS, PEERS, found):
        print("\n".join(behind), flush=True)
        sys.exit(1)
    print("ours is ahead of every peer in every column", flush=True)
