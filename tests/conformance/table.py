"""The page ``docs/reference/conformance.md``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from conformance.material import Tally
from conformance.running import ENGINES, Run
from conformance.tokens import PASSED

_TOP = """# Conformance

One material, every engine, the same counts. `make conformance` writes this page; `make test` does the same with
2,000 events for all but PySpark and the Kafka worker.

The material is made from the [recorded requests](../how-to/add-a-tracker.md) of all twelve trackers: single events and
batches that mix tokens of 200 visitors. Tokens are granted whole, in part or for the purpose alone, over, withdrawn,
bound, of another site, purpose, issuer or key, forged, garbled or missing; events come in time, late and early, with
fields that nobody knows and sensitive ones, of unknown types, in unknown encodings and cut off. What must be counted
follows from how each event is made (`tests/conformance/`), not from a gate. No output may hold a field that nobody
knows.
"""


def page(expected: Tally, runs: Sequence[Run]) -> str:
    """The page."""
    total = sum(sum(counts.values()) for counts in expected.values())
    passed = sum(counts[PASSED] for counts in expected.values())
    engines = [(ENGINES[done.engine], f"{total:,}", f"{passed:,}", f"{total - passed:,}", "none") for done in runs]
    parts = [
        _TOP,
        "## Engines\n",
        *_table(("engine", "events", "pass", "are dropped", "differences"), engines),
        "\n## Counts\n",
        *_table(("", *expected), _reasons(expected)),
    ]
    return "\n".join(parts) + "\n"


def _reasons(expected: Tally) -> Iterator[Sequence[str]]:
    names = sorted({name for counts in expected.values() for name in counts} - {PASSED})
    for name in (PASSED, *names):
        yield (f"`{name}`", *(str(counts.get(name, "") or "") for counts in expected.values()))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows):
        yield f"| {' | '.join(row)} |"
