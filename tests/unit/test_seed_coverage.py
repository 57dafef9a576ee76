"""Every promise of the founding policies is shown by a test and explained on a page."""

from __future__ import annotations

import pytest
from seeds.coverage import PAGE, Row, find_tests, read_rows, write_page

ROWS = read_rows()


def test_all_forty_two_promises_are_listed() -> None:
    assert [row.key for row in ROWS] == [f"S{number}" for number in range(1, 43)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_promise_has_a_test_and_a_page(row: Row) -> None:
    assert find_tests()[row.key], f"no test is named test_s{int(row.key[1:]):02d}_…"
    assert (PAGE.parent / row.page).is_file()


def test_no_test_shows_a_promise_that_is_not_listed() -> None:
    assert set(find_tests()) <= {row.key for row in ROWS}


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_page(), "run: make seeds"
