"""The table: what its columns say, and when ours is ahead in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.widget.contenders import BARE, Contender
from benchmarks.widget.looks import Look
from benchmarks.widget.rounds import Found

#: A figure, or None where a banner has nothing that could be counted.
Figure = float | None


@dataclass(frozen=True, slots=True)
class Column:
    """``read`` gives a banner's figure from what was found of it and of the page without a banner; less is better.

    A column that buys nothing to who asks for no purposes is ``of_purposes``: bare notices are not held against ours.
    """

    title: str
    read: Callable[[Found, Found], Figure]
    shown: str = "{:.0f}"
    of_purposes: bool = False


def _look(found: Found) -> Look:
    assert found.look is not None
    return found.look


def _count(rules: Sequence[str] | None) -> Figure:
    return None if rules is None else float(len(rules))


def _above(what: str) -> Callable[[Found, Found], Figure]:
    """A median less that of the page without a banner."""
    return lambda found, bare: max(0.0, found.median(what) - bare.median(what))


COLUMNS = (
    Column("bytes to the banner, gzip -9", lambda found, _: _look(found).gzip, "{:,.0f}", of_purposes=True),
    Column("with the second layer", lambda found, _: _look(found).gzip_both, "{:,.0f}", of_purposes=True),
    Column("brotli 11", lambda found, _: _look(found).brotli, "{:,.0f}", of_purposes=True),
    Column("requests", lambda found, _: _look(found).requests),
    Column("visible, ms", lambda found, _: found.median("visible")),
    Column("script CPU, ms", _above("script"), "{:.1f}"),
    Column("main thread CPU, ms", _above("tasks"), "{:.1f}"),
    Column("`load` later by, ms", _above("load"), "{:.1f}"),
    Column("CLS", lambda found, _: found.median("shift"), "{:.3g}"),
    Column("long tasks", lambda found, _: found.median("long"), "{:.2g}"),
    Column("forced layouts", lambda found, _: found.layouts),
    Column("axe, banner", lambda found, _: _count(_look(found).banner)),
    Column("axe, dialog", lambda found, _: _count(_look(found).dialog)),
    Column("strict CSP", lambda found, _: _count(_look(found).forbidden)),
    Column("of 320×480", lambda found, _: _look(found).covers, "{:.2f}"),
    Column("kept before a choice", lambda found, _: _count(_look(found).kept)),
)


def is_ahead(ours: Figure, theirs: Figure) -> bool:
    """Less than theirs, or nothing at all: nobody can do better than that."""
    return ours is not None and (theirs is None or ours == 0 or ours < theirs)


def markdown(contenders: Sequence[Contender], found: Mapping[str, Found], versions: Mapping[str, str]) -> str:
    """The table as Markdown, a column a contender: there are more figures than banners."""
    lines = [
        ["", *(f"{each.name} {versions.get(each.key, '')}".strip() for each in contenders)],
        ["---", *("---:" for _ in contenders)],
        *([column.title, *(_cell(column, each, found) for each in contenders)] for column in COLUMNS),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(column: Column, contender: Contender, found: Mapping[str, Found]) -> str:
    figure = column.read(found[contender.key], found[BARE.key])
    text = "–" if figure is None else column.shown.format(figure)
    return f"({text})" if column.of_purposes and not contender.has_purposes else text


def failures(ours: Contender, peers: Sequence[Contender], found: Mapping[str, Found]) -> list[str]:
    """A sentence for each column and peer that ours is not ahead of."""
    return list(_failures(ours, peers, found))


def _failures(ours: Contender, peers: Sequence[Contender], found: Mapping[str, Found]) -> Iterator[str]:
    bare = found[BARE.key]
    for column in COLUMNS:
        mine = column.read(found[ours.key], bare)
        for peer in peers:
            theirs = column.read(found[peer.key], bare)
            if column.of_purposes and not peer.has_purposes:
                continue
            if not is_ahead(mine, theirs):
                said, limit = ("nothing" if each is None else column.shown.format(each) for each in (mine, theirs))
                yield f"{column.title}: {said} is not ahead of {peer.name} with {limit}"
