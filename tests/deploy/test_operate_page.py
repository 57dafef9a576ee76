"""The page for whoever is on call, and SECURITY.md: commands, files, metrics and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from support.policies import ROOT

from cookiegate.cli.main import cli

OPERATE = ROOT / "docs" / "how-to" / "operate.md"
SECURITY = ROOT / "SECURITY.md"
PAGES = (OPERATE, SECURITY, ROOT / "docs" / "how-to" / "gate-at-a-proxy.md")
MAKEFILE = (ROOT / "Makefile").read_text()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors_of(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_command_is_one_of_ours() -> None:
    lines = re.findall(r"(?:^|`|/bin/)cookiegate ((?:[a-z]+ ?)+)((?: ?--[a-z-]+)*)", text_of(OPERATE), re.MULTILINE)
    assert len(lines) >= 12
    for words, options in lines:
        command: click.Command = cli
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, words
            command = found
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert set(options.split()) <= known, (words, options)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", text_of(page)):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors_of(found), (target, anchor)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_file_and_target_is_there(page: Path) -> None:
    for path in re.findall(r"\b((?:deploy|requirements|tests)/[\w./*-]*\w)", text_of(page)):
        made_by_hand = path == "deploy/secrets"
        assert made_by_hand or list(ROOT.glob(path)), path
    for target in re.findall(r"`make ([a-z-]+)`", text_of(page)):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_every_alert_has_its_heading() -> None:
    alerts = (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text()
    assert set(re.findall(r"runbook: (\S+)", alerts)) <= anchors_of(OPERATE)
