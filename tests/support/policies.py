"""The demo policy, changed for a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from cookiegate.policy.document import Policy
from cookiegate.policy.reading import load_policy

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "policies"
DEMO = EXAMPLES / "demo.yaml"
#: In every language that we bring texts for.
MANY_LANGUAGES = EXAMPLES / "many-languages.yaml"
ORIGIN = "http://shop.test"


def demo_policy(*, site: str = "demo", origins: tuple[str, ...] = (ORIGIN,), **changes: object) -> Policy:
    """The demo policy for other origins."""
    return replace(_demo(), site=site, origins=origins, **changes)  # type: ignore[arg-type]


@cache
def _demo() -> Policy:
    return load_policy(DEMO)


def demo_yaml(origin: str, edit: Callable[[str], str] = lambda text: text) -> str:
    """The demo policy's YAML with one allowed origin."""
    text = DEMO.read_text(encoding="utf-8")
    head, _, rest = text.partition("origins:")
    _, _, tail = rest.partition("locales:")
    return edit(f"{head}origins:\n  - {origin}\nlocales:{tail}")
