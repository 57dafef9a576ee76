"""The colours of the pages: readable with any accent, and nothing but colours and lengths."""

from __future__ import annotations

import re

import pytest
from pages_material import ROOT

from cookiegate.policy.theme import contrast
from cookiegate.web.theme import DARK, LIGHT, palette, theme_css


def test_the_style_sheet_starts_from_the_same_palette_as_a_theme() -> None:
    sheet = (ROOT / "static/pages/pages.css").read_text("utf-8")
    for scheme in (LIGHT, DARK):
        for name, colour in palette(**scheme).items():
            assert f"--{name}: {colour};" in sheet


@pytest.mark.parametrize("accent", ["#ffcc00", "#000", "#ffffff", "#c8102e", "rgb(31, 95, 91)"])
def test_a_theme_of_any_accent_can_be_read(accent: str) -> None:
    css = theme_css({"accent": accent, "background": "#fffaf0", "text": "#222"})
    for block in re.findall(r":root \{([^}]*)\}", css):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for ground in ("page", "surface", "soft"):
            assert contrast(colours["link"], colours[ground]) >= 4.5
            assert contrast(colours["muted"], colours[ground]) >= 4.5
            assert contrast(colours["edge"], colours[ground]) >= 3
        assert contrast(colours["accent"], colours["on-accent"]) >= 4.4


@pytest.mark.parametrize(
    "theme",
    [
        {"accent": "red;}body{display:none"},
        {"radius": "calc(1px)"},
        {"radius": "33px"},
        {"radius": "١px"},
        {"background": "url(//evil.example)"},
        {"background": "#fff", "text": "#eee"},
        {},
    ],
)
def test_a_theme_value_that_is_not_typed_or_not_legible_is_left_out(theme: dict[str, str]) -> None:
    assert theme_css(theme) == ""


def test_a_theme_sets_nothing_but_custom_properties() -> None:
    css = theme_css({"accent": "#123456", "radius": "8px", "font": "Comic Sans"})
    assert "--radius: 8px;" in css
    lines = {line.strip() for line in css.splitlines()}
    assert all(re.fullmatch(r"--[\w-]+: (#[0-9a-f]{6}|\d+px);|:root \{|\}|@media [^{]*\{", line) for line in lines)
