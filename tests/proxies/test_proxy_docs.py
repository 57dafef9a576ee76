"""What the pages say about the recipes, held against the recipes."""

from __future__ import annotations

import re

from support.policies import ROOT

from proxies import recipes

PAGE = ROOT / "docs" / "how-to" / "gate-at-a-proxy.md"
SCREEN_LINES = 32


def test_every_recipe_has_a_page_of_one_screen_and_a_row() -> None:
    folders = {path.name for path in recipes.RECIPES.iterdir() if path.is_dir()}
    assert folders == {recipe.folder for recipe in recipes.ALL}
    linked = set(re.findall(r"deploy/proxies/([a-z-]+)/README\.md", PAGE.read_text(encoding="utf-8")))
    assert linked == folders
    for folder in folders:
        text = (recipes.RECIPES / folder / "README.md").read_text(encoding="utf-8")
        assert len(text.splitlines()) <= SCREEN_LINES
        assert "docs/how-to/gate-at-a-proxy.md" in text


def test_every_recipe_says_whether_it_asks_for_every_event() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| [") and "deploy/proxies/" in line]
    assert len(rows) == len(recipes.ALL)
    asking = sum("for every event" in row for row in rows)
    assert asking == sum(not recipe.offline for recipe in recipes.ALL)


def test_the_lists_grow_as_old_as_the_pages_say() -> None:
    said = {"nginx-njs": "2 s", "envoy-jwt-authn": "5 s"}
    files = {"nginx-njs": ("nginx.conf", r"interval=(\d+)s;"), "envoy-jwt-authn": ("offline.lua", r"POLL_S = (\d+)")}
    page = PAGE.read_text(encoding="utf-8")
    for recipe in recipes.ALL:
        if recipe.offline:
            name, pattern = files[recipe.name]
            found = re.search(pattern, (recipes.RECIPES / recipe.folder / name).read_text(encoding="utf-8"))
            assert found is not None
            assert f"{found[1]} s" == said[recipe.name]
            assert any(said[recipe.name] in row for row in page.splitlines() if f"proxies/{recipe.folder}/" in row)
