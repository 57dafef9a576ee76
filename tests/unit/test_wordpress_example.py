"""The plugin for WordPress: it hooks what it defines, escapes what it gives, and its guide names all of its filters."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = (ROOT / "examples" / "wordpress" / "cookiegate.php").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "how-to" / "wordpress.md").read_text(encoding="utf-8")


def test_every_hook_calls_a_function_of_the_plugin() -> None:
    defined = set(re.findall(r"^function (cookiegate_\w+)\(", PLUGIN, flags=re.MULTILINE))
    hooks = re.findall(r"^add_(?:action|filter|shortcode)\( '(\w+)', '(\w+)'", PLUGIN, flags=re.MULTILINE)
    assert [hook for hook, _ in hooks] == ["wp_head", "script_loader_tag", "embed_oembed_html", "cookiegate"]
    assert {function for _, function in hooks} <= defined


def test_nothing_reaches_a_page_without_being_escaped() -> None:
    assert not re.search(r"\b(echo|print|printf|vprintf|print_r)\b", PLUGIN)
    (drawn,) = re.findall(r"sprintf\(\n(.*?)\n\t\);", PLUGIN, flags=re.DOTALL)
    values = [line.strip() for line in drawn.splitlines()[1:]]
    assert values
    assert all(re.match(r"esc_(url|html|attr)\(", value) for value in values)
    assert re.search(r"'src' +=> esc_url_raw\(", PLUGIN)
    assert "defined( 'ABSPATH' ) || exit;" in PLUGIN


def test_the_guide_names_each_filter_and_constant() -> None:
    filters = set(re.findall(r"apply_filters\( '(\w+)'", PLUGIN))
    assert set(re.findall(r"^\| `(cookiegate_\w+)` \|", GUIDE, flags=re.MULTILINE)) == filters
    assert set(re.findall(r"\bCOOKIEGATE_\w+", PLUGIN)) == set(re.findall(r"\bCOOKIEGATE_\w+", GUIDE))
