"""A policy's theme as a style sheet of the visitor's pages: custom properties only, made from checked values.

Inline styles are forbidden by the pages' Content-Security-Policy, so this is served as a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.policy.theme import LEAST_CONTRAST, RADIUS_LIMIT_PX, contrast, read_colour

#: What ``static/pages/pages.css`` starts from, by colour scheme; a test holds the sheet to it.
LIGHT = {"background": "#ffffff", "text": "#1d2733", "accent": "#1f5f5b"}
DARK = {"background": "#1b2126", "text": "#e8edf0", "accent": "#7cc4b8"}
#: WCAG 2.2, success criterion 1.4.11: edges of controls against what is beside them.
LEAST_EDGE_CONTRAST = 3.0
_STEPS = 20
_ON_ACCENT = ("#ffffff", "#10181c")


def theme_css(theme: Mapping[str, str]) -> str:
    """The style sheet of one site's theme.

    Args:
        theme: ``accent``, ``background``, ``text`` as ``#rgb``, ``#rrggbb`` or ``rgb(r, g, b)``; ``radius`` in px up
            to 32. A value of any other form is left out, and so is a pair that cannot be read together.

    Returns:
        CSS that sets the custom properties of ``pages.css``; never longer than a kilobyte or two. Dark mode keeps its
        own background and text and takes the accent, made light enough to read.
    """
    chosen = _chosen(theme)
    rules = []
    if chosen:
        rules.append(_rule(palette(**(LIGHT | chosen))))
        dark = palette(**(DARK | {key: value for key, value in chosen.items() if key == "accent"}))
        rules.append("@media (prefers-color-scheme: dark) {\n" + _rule(dark) + "}\n")
    if (radius := _radius(theme.get("radius", ""))) is not None:
        rules.append(_rule({"radius": f"{radius}px"}))
    return "".join(rules)


def palette(background: str, text: str, accent: str) -> dict[str, str]:
    """Every colour of the pages, from three: each text colour reads on each of its grounds.

    Args:
        background: the ground of cards, ``#rrggbb``; likewise ``text`` and ``accent``.
    """
    light = _is_light(background)
    # Cards stand out from the page: it is a shade darker than they are, on light grounds and dark ones.
    page = mix(text, background, 0.035) if light else mix("#000000", background, 0.3)
    # On light grounds the brand's colour stays as it is; on dark ones a dark brand would vanish.
    fill = accent if light else _toward(accent, text, (background, page), LEAST_EDGE_CONTRAST)
    soft = mix(fill, background, 0.09 if light else 0.16)
    grounds = (background, page, soft)
    return {
        "page": page,
        "surface": background,
        "soft": soft,
        "ink": text,
        "muted": _toward(mix(text, background, 0.66), text, grounds, LEAST_CONTRAST),
        "line": mix(text, background, 0.14),
        "edge": _toward(mix(text, background, 0.45), text, grounds, LEAST_EDGE_CONTRAST),
        "link": _toward(accent, text, grounds, LEAST_CONTRAST),
        "accent": fill,
        "on-accent": max(_ON_ACCENT, key=lambda colour: contrast(fill, colour)),
    }


def mix(first: str, second: str, share: float) -> str:
    """``share`` of the first ``#rrggbb`` colour in the second, part by part."""
    parts = (
        round(int(first[at : at + 2], 16) * share + int(second[at : at + 2], 16) * (1 - share)) for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)


def _toward(colour: str, goal: str, grounds: tuple[str, ...], least: float) -> str:
    for step in range(_STEPS):
        shade = mix(goal, colour, step / _STEPS)
        if all(contrast(shade, ground) >= least for ground in grounds):
            return shade
    return goal


def _chosen(theme: Mapping[str, str]) -> dict[str, str]:
    read = {key: colour for key in LIGHT if (colour := read_colour(str(theme.get(key, ""))))}
    pair = LIGHT | read
    if contrast(pair["background"], pair["text"]) < LEAST_CONTRAST:
        read = {key: colour for key, colour in read.items() if key == "accent"}
    return read


def _radius(text: str) -> int | None:
    digits = str(text).removesuffix("px")
    fits = digits.isascii() and digits.isdecimal() and len(digits) <= 2 and int(digits) <= RADIUS_LIMIT_PX
    return int(digits) if fits else None


def _is_light(colour: str) -> bool:
    return contrast(colour, "#000000") > contrast(colour, "#ffffff")


def _rule(properties: Mapping[str, str]) -> str:
    return ":root {\n" + "".join(f"  --{name}: {value};\n" for name, value in properties.items()) + "}\n"
