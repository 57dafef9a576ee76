"""The tree over tiles against RFC 9162 word for word."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.ledger import naive

from cookiegate.errors import LedgerDamagedError
from cookiegate.ledger.frontier import Frontier, Tiles
from cookiegate.ledger.tiles import HASH_BYTES, TILE_WIDTH, tiles_at
from cookiegate.ledger.tree import EMPTY_ROOT, Tree, verify_consistency, verify_inclusion

#: The leaves and roots that RFC 6962's reference implementation is tested with.
VECTOR_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
VECTOR_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.one_of(st.integers(1, 40), st.sampled_from([255, 256, 257, 511, 512, 513, 700]))
LEAVES = naive.leaves(70_000)


class Shelf:
    """Tiles in memory, as the record keeps them."""

    def __init__(self) -> None:
        self.tiles: Tiles = {}
        self.reads = 0

    def read(self, level: int, number: int) -> bytes:
        self.reads += 1
        return self.tiles.get((level, number), b"")


def grown(*batches: int) -> Shelf:
    """The tiles of a tree that grew in batches, each from what the one before left on the shelf."""
    shelf, size = Shelf(), 0
    for count in batches:
        frontier = Frontier(size, shelf.read)
        frontier.push(LEAVES[size : size + count])
        shelf.tiles.update(frontier.take_changed())
        size += count
        assert frontier.root() == Tree(size, shelf.read).root()
    shelf.reads = 0
    return shelf


def test_the_roots_are_those_of_the_reference_implementation() -> None:
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT == Tree(0, Shelf().read).root()
    for data, root in zip(VECTOR_LEAVES, VECTOR_ROOTS, strict=True):
        frontier.push([naive.leaf(bytes.fromhex(data))])
        assert frontier.root().hex() == root


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_however_it_grows_the_tree_is_the_same(batches: list[int]) -> None:
    shelf, size = grown(*batches), sum(batches)
    assert Tree(size, shelf.read).root() == naive.root(LEAVES[:size])
    assert shelf.tiles == grown(size).tiles
    assert {(name.level, name.number): name.width * HASH_BYTES for name in tiles_at(size)} == {
        place: len(tile) for place, tile in shelf.tiles.items()
    }


def test_70000_leaves_lie_in_the_tiles_that_the_specification_names() -> None:
    names = [name.path for name in tiles_at(70_000)]
    assert len([name for name in names if name.startswith("0/") and ".p/" not in name]) == 273
    assert {name for name in names if ".p/" in name or name.startswith(("1/", "2/"))} == {
        "0/273.p/112", "1/000", "1/001.p/17", "2/000.p/1",
    }  # fmt: skip
    shelf = grown(69_000, 1_000)
    assert Tree(70_000, shelf.read).root() == naive.root(LEAVES)
    assert shelf.reads <= 5


@given(SIZES, st.data())
@settings(max_examples=150, deadline=None)
def test_an_inclusion_proof_is_that_of_the_rfc_and_proves_that_leaf_alone(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = Tree(size, grown(size + data.draw(st.sampled_from([0, 1, 300]))).read)
    path, root = tree.inclusion(index), tree.root()
    assert path == naive.path(index, LEAVES[:size])
    leaf = tree.leaf(index)
    assert leaf == LEAVES[index]
    assert verify_inclusion(leaf, index, size, path, root)
    other = data.draw(st.integers(0, size + 3).filter(lambda number: number != index))
    assert not verify_inclusion(leaf, other, size, path, root)
    assert not verify_inclusion(secrets.token_bytes(32), index, size, path, root)
    assert not verify_inclusion(leaf, index, size, [*path, leaf], root)
    if path:
        assert not verify_inclusion(leaf, index, size, path[:-1], root)
        place = data.draw(st.integers(0, len(path) - 1))
        forged = [*path]
        forged[place] = bytes([forged[place][0] ^ 1]) + forged[place][1:]
        assert not verify_inclusion(leaf, index, size, forged, root)


@given(SIZES, st.data())
@settings(max_examples=150, deadline=None)
def test_a_consistency_proof_is_that_of_the_rfc_and_proves_that_prefix_alone(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    tree = Tree(size, grown(size).read)
    path, old_root, root = tree.consistency(old), naive.root(LEAVES[:old]), tree.root()
    assert path == naive.proof(old, LEAVES[:size])
    assert verify_consistency(old, size, old_root, root, path)
    assert not verify_consistency(old, size, secrets.token_bytes(32), root, path)
    assert not verify_consistency(old, size, old_root, secrets.token_bytes(32), path) or old == 0
    assert not verify_consistency(old, size, old_root, root, [*path, root])
    if path:
        assert not verify_consistency(old, size, old_root, root, path[:-1])
        assert not verify_consistency(old, size, old_root, root, [secrets.token_bytes(32), *path[1:]])


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (3, -1)])
def test_sizes_out_of_order_prove_nothing(old: int, new: int) -> None:
    assert not verify_consistency(old, new, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not verify_inclusion(EMPTY_ROOT, new, old, [], EMPTY_ROOT)
    with pytest.raises(ValueError):
        Tree(3, grown(3).read).consistency(-1 if old < 0 else 4)
    with pytest.raises(ValueError):
        Tree(3, grown(3).read).inclusion(3)


def test_a_tile_that_is_missing_or_cut_short_is_damage() -> None:
    shelf = grown(600)
    for place in ((0, 2), (1, 0)):  # what lies deeper is proved by its hash above
        tile = shelf.tiles[place]
        shelf.tiles[place] = tile[:-HASH_BYTES]
        with pytest.raises(LedgerDamagedError):
            Tree(600, shelf.read).root()
        shelf.tiles[place] = tile


def test_a_proof_reads_few_tiles() -> None:
    shelf = grown(70_000)
    for index in (0, 255, 40_000, 69_999):
        shelf.reads = 0
        Tree(70_000, shelf.read).inclusion(index)
        assert shelf.reads <= 5
    shelf.reads = 0
    Tree(70_000, shelf.read).consistency(12_345)
    assert shelf.reads <= 6
    assert TILE_WIDTH == 256
