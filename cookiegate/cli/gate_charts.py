"""Bar charts as inline SVG: numbers stand beside the bars, so that nothing is told by colour or length alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 560
_LABEL_WIDTH = 190
_NUMBER_WIDTH = 92
_ROW_HEIGHT = 24
_LABEL_CHARS = 26


@dataclass(frozen=True, slots=True)
class Slice:
    """One bar: its name, its number, and the name of its colour in the page's style."""

    name: str
    times: int
    colour: str


def bars(key: str, title: str, slices: Sequence[Slice]) -> str:
    """A figure with one bar below the other, all to one scale.

    Args:
        key: of the figure, within its page.
        title: what the chart is about.
        slices: from the top; names may be anybody's.
    """
    room = _WIDTH - _LABEL_WIDTH - _NUMBER_WIDTH
    most = max((item.times for item in slices), default=0) or 1
    rows = []
    for at, item in enumerate(slices):
        y, length = at * _ROW_HEIGHT, max(item.times / most * room, 1.0)
        place = f'x="{_LABEL_WIDTH}" y="{y + 4}" width="{length:.1f}" height="16" rx="3"'
        rows.append(
            f'<text x="{_LABEL_WIDTH - 8}" y="{y + 16}" text-anchor="end">{escape(_short(item.name))}</text>'
            f'<rect {place} fill="var(--{item.colour})"/>'
            f'<text x="{_LABEL_WIDTH + length + 8:.1f}" y="{y + 16}">{item.times:,}</text>'
        )
    return _figure(key, title, _told(slices), len(slices) * _ROW_HEIGHT, "".join(rows))


def stacked(key: str, title: str, slices: Sequence[Slice]) -> str:
    """A figure with the parts of a whole in one bar, and a line for each below it; arguments as for :func:`bars`."""
    total = sum(item.times for item in slices) or 1
    x, rows = 0.0, []
    for item in slices:
        length = item.times / total * _WIDTH
        rows.append(f'<rect x="{x:.1f}" y="0" width="{length:.1f}" height="34" fill="var(--{item.colour})"/>')
        x += length
    for at, item in enumerate(slices):
        y = 48 + at * _ROW_HEIGHT
        rows.append(
            f'<rect x="0" y="{y + 3}" width="14" height="14" rx="3" fill="var(--{item.colour})"/>'
            f'<text x="22" y="{y + 15}">{escape(_short(item.name))}</text>'
            f'<text x="{_WIDTH}" y="{y + 15}" text-anchor="end">{item.times:,} ({item.times / total:.1%})</text>'
        )
    return _figure(key, title, _told(slices), 48 + len(slices) * _ROW_HEIGHT, "".join(rows))


def _figure(key: str, title: str, told: str, height: int, drawn: str) -> str:
    name = escape(key, quote=True)
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {max(height, 1)}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(told)}</desc>{drawn}</svg>'
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )


def _told(slices: Sequence[Slice]) -> str:
    return "; ".join(f"{item.name}: {item.times:,}" for item in slices)


def _short(name: str) -> str:
    return name if len(name) <= _LABEL_CHARS else f"{name[: _LABEL_CHARS - 1]}…"
