"""YAML text → data and places, whatever the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookiegate.policy.faults import FAULT_LIMIT
from cookiegate.policy.source import SIZE_LIMIT_BYTES, parse_source


def test_plain_scalars_are_text_numbers_truth_and_nothing_else() -> None:
    text = "a: x\nb: 12\nc: true\nd: ~\ne: no\nf: 2026-01-01\ng: 0120123456\nh: '12'\ni: 1.5\nj: 0x10\n"
    expected = {"a": "x", "b": 12, "c": True, "d": None, "e": "no"}
    expected |= {"f": "2026-01-01", "g": "0120123456", "h": "12", "i": "1.5", "j": "0x10"}
    source = parse_source(text)
    assert source.data == expected
    assert source.faults == []


def test_every_value_and_key_has_its_place() -> None:
    source = parse_source("a: 1\nb:\n  - x\n  - c: y\n")
    assert source.values[("b", 1, "c")] == (4, 8)
    assert source.keys[("b", 1, "c")] == (4, 5)
    assert source.values[("b", 0)] == (3, 5)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1), "second time (first on line 1)"),
        ("a: &x 1\n", (1, 4), "anchor"),
        ("a: *x\n", (1, 4), "alias"),
        ("a: !!python/object:os.system x\n", (1, 4), "tag"),
        ("a: !!binary x\n", (1, 4), "tag"),
        ("? [a]\n: 1\n", (1, 3), "not a plain word"),
        ("a: 1\n---\nb: 2\n", (2, 1), "second document"),
        ("", (1, 1), "empty"),
        ("# nothing\n", (1, 1), "empty"),
        ("a: b: c\n", (1, 5), "not YAML"),
        ("a:\n\t- b\n", (2, 1), "not YAML"),
        ("a: [\n", (2, 1), "not YAML"),
        ("a: 'b\n", (2, 1), "not YAML"),
        ("a: b\nc: \x07\n", (2, 4), "not YAML"),
        ('a: "\\ud800"\n', (1, 4), "surrogate"),
    ],
)
def test_anything_but_plain_data_is_a_fault_with_its_place(text: str, place: tuple[int, int], words: str) -> None:
    faults = parse_source(text).faults
    assert len(faults) == 1
    assert (faults[0].line, faults[0].column) == place
    assert words in faults[0].message


def test_reading_goes_on_after_a_fault() -> None:
    source = parse_source("a: &x 1\na: {b: [1, 2]}\n? [z]\n: {y: 1}\nc: *x\nd: 4\n")
    assert [fault.line for fault in source.faults] == [1, 2, 3, 5]
    assert source.data == {"a": 1, "c": None, "d": 4}


def test_a_bomb_of_aliases_is_refused_and_never_built() -> None:
    lines = ["a0: &a0 [lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    source = parse_source("\n".join(lines))
    assert len(source.faults) == 9 + 8 * 9


@pytest.mark.parametrize("opening", ["[", "{", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_at_once(opening: str) -> None:
    source = parse_source(opening * 60_000)
    assert source.data is None
    assert "nests too deeply" in source.faults[-1].message


@pytest.mark.parametrize("text", ["x" * (SIZE_LIMIT_BYTES + 1), "青" * (SIZE_LIMIT_BYTES // 3 + 1)])
def test_a_huge_document_is_refused_unread(text: str) -> None:
    assert "larger than 256 kB" in parse_source(text).faults[0].message


def test_a_document_of_faults_stops_at_a_limit() -> None:
    assert len(parse_source("a: 1\n" * 1_000).faults) == FAULT_LIMIT


_PIECES = st.sampled_from(
    [*"[]{}|#'\"\n\t\x00\u2028\x85\ufeff青", "  ", "- ", ": ", "? ", "> ", "&a ", "*a ", "!!int ", "!x ", "%YAML 1.2",
     "%TAG ! x", "null", "12", "<<", '"\\ud800"', '"\\x0"', "---", "...", "site"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.one_of(st.lists(_PIECES, max_size=30).map("".join), st.text(max_size=60)))
def test_no_text_makes_it_raise(text: str) -> None:
    source = parse_source(text)
    lines = text.count("\n") + text.count("\r") + text.count("\u2028") + text.count("\u2029") + text.count("\x85") + 1
    assert source.data is not None or source.faults or text.strip()
    assert all(1 <= fault.line <= lines + 1 and fault.column >= 1 and fault.fix for fault in source.faults)
