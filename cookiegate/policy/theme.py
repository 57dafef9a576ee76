"""The banner's look, as typed values only: they end up in a style sheet, so nothing free-form gets that far."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: A surface and what is written on it. Each pair must be readable.
PAIRS = (("background", "text"), ("accent", "accent_text"))
COLOURS = ("accent", "accent_text", "background", "text", "border")
RADIUS_LIMIT_PX = 32
#: WCAG 2.2, success criterion 1.4.3 (AA), for text of normal size.
LEAST_CONTRAST = 4.5

_BLACK, _WHITE = "#000000", "#ffffff"
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_RGB = re.compile(r"rgb\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*\)")


def read_colour(text: str) -> str | None:
    """A colour as ``#rrggbb``.

    Args:
        text: ``#rgb``, ``#rrggbb`` or ``rgb(r, g, b)`` with parts of 0 to 255.

    Returns:
        Lower-case hex, or None when the text is anything else.
    """
    if _HEX.fullmatch(text):
        digits = text[1:].lower()
        return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)
    match = _RGB.fullmatch(text)
    parts = [int(part) for part in match.groups()] if match else []
    if not parts or max(parts) > 255:
        return None
    return "#" + "".join(f"{part:02x}" for part in parts)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two ``#rrggbb`` colours, from 1 to 21.

    Source: WCAG 2.2, definitions of contrast ratio and relative luminance.
    """
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def complete_theme(theme: Mapping[str, str]) -> dict[str, str]:
    """The theme with the other half of every pair of which it names one, black or white, whichever reads better."""
    full = dict(theme)
    for pair in PAIRS:
        for given, missing in (pair, pair[::-1]):
            if given in full and missing not in full:
                full[missing] = max(_BLACK, _WHITE, key=lambda colour: contrast(full[given], colour))
    return full


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
