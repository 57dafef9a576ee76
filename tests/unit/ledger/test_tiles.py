"""How a tile's address is written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiegate.errors import NotFoundError
from cookiegate.ledger.tiles import TileName, read_tile_path, tiles_at, width_at


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0), "0/000"),
        (TileName(0, 1_234_067), "0/x001/x234/067"),
        (TileName(1, 1_000), "1/x001/000"),
        (TileName(2, 17, 5), "2/017.p/5"),
        (TileName(0, 273, 112), "0/273.p/112"),
    ],
)
def test_a_path_is_written_as_the_specification_shows(name: TileName, path: str) -> None:
    assert name.path == path
    level, _, rest = path.partition("/")
    assert read_tile_path(level, rest) == name


@given(st.integers(0, 7), st.integers(0, 10**15), st.integers(1, 256))
def test_what_is_written_is_read_again(level: int, number: int, width: int) -> None:
    name = TileName(level, number, width)
    written, _, rest = name.path.partition("/")
    assert read_tile_path(written, rest) == name


@pytest.mark.parametrize(
    ("level", "path"),
    [
        ("0", "1"), ("00", "000"), ("8", "000"), ("entries", "000"), ("-1", "000"), ("0", "x000/001"), ("0", "000.p/0"),
        ("0", "000.p/256"), ("0", "000.p/01"), ("0", "000/"), ("0", "../000"), ("0", "x001/x02/003"), ("0", ""),
        ("0", "٠٠٠"), ("٠", "000"), ("0", "000\n"),
    ],
)  # fmt: skip
def test_anything_else_is_no_tile(level: str, path: str) -> None:
    with pytest.raises(NotFoundError):
        read_tile_path(level, path)


def test_widths_follow_from_the_size() -> None:
    assert [width_at(70_000, *place) for place in ((0, 272), (0, 273), (0, 274), (1, 1), (2, 0), (3, 0))] == [
        256, 112, 0, 17, 1, 0,
    ]  # fmt: skip
    assert [name.path for name in tiles_at(256)] == ["0/000", "1/000.p/1"]
    assert list(tiles_at(0)) == []
