"""The picture beside the table: bars for bytes, time to the banner and CPU, drawn as plain SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from benchmarks.widget.columns import COLUMNS, Column
from benchmarks.widget.contenders import BARE, Contender
from benchmarks.widget.rounds import Found

SHOWN = ("bytes to the banner, gzip -9", "visible, ms", "script CPU, ms")
WIDTH, ROW, LABEL, BAR, GAP, TOP = 860, 26, 190, 560, 34, 40
STYLE = """text{font:14px system-ui,sans-serif;fill:#1b1f23}.h{font-weight:600}.s{font-size:12px;fill:#57606a}
rect{fill:#8c959f}.o{fill:#1f6f54}svg{background:#fff}"""


def draw(contenders: Sequence[Contender], found: Mapping[str, Found], about: str) -> str:
    """A bar chart for each of ``SHOWN``; longer is worse."""
    columns = [column for column in COLUMNS if column.title in SHOWN]
    block = ROW * len(contenders) + GAP + ROW
    height = TOP + block * len(columns)
    parts = [
        part for place, column in enumerate(columns) for part in _chart(column, contenders, found, TOP + place * block)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="Bytes, time to the banner and script CPU of cookiegate and of other banners">'
        f"<style>{STYLE}</style>"
        f'<text class="s" x="12" y="22">{escape(about)}. Shorter is better.</text>{"".join(parts)}</svg>\n'
    )


def _chart(column: Column, contenders: Sequence[Contender], found: Mapping[str, Found], top: int) -> Iterator[str]:
    figures = {each.key: column.read(found[each.key], found[BARE.key]) or 0.0 for each in contenders}
    most = max(figures.values()) or 1.0
    yield f'<text class="h" x="12" y="{top + 16}">{escape(column.title)}</text>'
    for place, each in enumerate(contenders, start=1):
        y = top + place * ROW
        bold, green = (' class="h"', ' class="o"') if place == 1 else ("", "")
        name = escape(each.name.strip("*")) + ("" if each.has_purposes or not column.of_purposes else " (no purposes)")
        length = max(1.0, BAR * figures[each.key] / most)
        yield f'<text{bold} x="12" y="{y + 15}">{name}</text>'
        yield f'<rect{green} x="{LABEL}" y="{y + 3}" width="{length:.1f}" height="16" rx="2"/>'
        yield f'<text x="{LABEL + length + 6:.1f}" y="{y + 15}">{column.shown.format(figures[each.key])}</text>'
