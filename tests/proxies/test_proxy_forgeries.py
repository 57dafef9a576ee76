"""The corpus of broken and forged tokens against the recipes that verify by themselves, outside of Python."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from security.token_corpus import Forger
from support.ports import free_port
from support.service import Bench
from support.waiting import until

from proxies import recipes
from proxies.collector import Collector
from proxies.consents import Consents
from proxies.recipes import Place, Recipe
from proxies.running import Proxy, post

#: Under the service's own key only the service makes them: a claim given twice with one value, and times that a
#: verifier elsewhere takes for a minute, because clocks differ.
TOLERATED = {"aud twice", "exp twice", "scope twice", "sub twice", "status twice", "expires now", "from the future"}


def corpus(consents: Consents) -> tuple[str, dict[str, str]]:
    """A good token, and what fits into a header of the bad ones around it."""
    good = consents.holder().token
    bench = SimpleNamespace(
        service=SimpleNamespace(keyring=consents.keys, settings=SimpleNamespace(base_url=consents.process.base_url)),
        clock=SimpleNamespace(now_ms=lambda: int(time.time() * 1000)),
    )
    forger = Forger(cast(Bench, bench), good, consents.forged(good, aud="other"))
    bad = {name: text for name, text in forger.corpus() if text.isascii() and text.isprintable()}
    return good, {name: text for name, text in bad.items() if name not in TOLERATED}


@pytest.mark.parametrize("recipe", [recipe for recipe in recipes.ALL if recipe.offline], ids=lambda recipe: recipe.name)
def test_no_forged_token_passes_a_verifier_of_our_own(
    recipe: Recipe, tmp_path: Path, consents: Consents, collector: Collector, binaries: Path
) -> None:
    good, bad = corpus(consents)
    tmp_path.chmod(0o755)
    place = Place(tmp_path, free_port(), consents.port, collector.port, binaries, consents.process.base_url)
    proxy = Proxy(recipe, place)
    try:
        proxy.start()
        until(lambda: post(proxy, good).status == 200)
        before = len(collector.taken)
        answers: dict[str, Any] = {name: post(proxy, text).status for name, text in bad.items()}
        assert len(bad) > 300
        assert [name for name, status in answers.items() if not 400 <= status < 500] == []
        assert len(collector.taken) == before
        assert post(proxy, good).status == 200
    finally:
        proxy.stop()
