"""Memory that files are read into, of which a column is made without a copy."""

import pyarrow as pa
import pytest

from vmeval_builders.arrow.arena import Arena
from vmeval_builders.arrow.arrays import binary_array, text_array


def filled(*files):
    arena = Arena()
    arena.begin(sum(map(len, files)))
    for number, content in enumerate(files):
        arena.piece(len(content), f"{number}.png")[:] = content
    return arena


def test_a_column_of_all_files_is_the_memory_they_were_read_into():
    arena = filled(b"one", b"", b"three")
    column = arena.array_of(arena.pieces)
    assert column.to_pylist() == [b"one", b"", b"three"]
    arena.pieces[0][:] = b"ONE"
    assert column.to_pylist()[0] == b"ONE"


def test_nulls_stand_between_the_files():
    arena = filled(b"one", b"two")
    first, second = arena.pieces
    assert arena.array_of([None, first, None, second]).equals(binary_array([None, b"one", None, b"two"]))


@pytest.mark.parametrize("order", [(1, 0), (0,), (0, 0, 1), ()], ids=str)
def test_a_column_of_other_files_or_in_another_order_is_a_copy(order):
    arena = filled(b"one", b"two")
    column = arena.array_of([arena.pieces[number] for number in order])
    assert column.to_pylist() == [[b"one", b"two"][number] for number in order]
    assert column.type == pa.binary()


def test_bytes_from_elsewhere_are_a_copy():
    arena = filled(b"one", b"two")
    assert arena.array_of([b"one", b"two"]).to_pylist() == [b"one", b"two"]


def test_the_memory_is_used_again_and_grows():
    arena = filled(b"a longer one")
    arena.begin(3)
    arena.piece(3, "a")[:] = b"abc"
    assert arena.whole().to_pylist() == [b"abc"]
    arena.begin(1000)
    arena.piece(1000, "b")[:] = bytes(1000)
    assert (arena.whole().to_pylist(), arena.paths) == ([bytes(1000)], ["b"])


@pytest.mark.parametrize("texts", [[], ["a", "", None, "bc"], ["é", None, "日本"], [None, None]], ids=ascii)
def test_texts_are_what_arrow_makes_of_them(texts):
    assert text_array(texts).equals(pa.array(texts, pa.string()))
    assert text_array(tuple(texts)).equals(pa.array(texts, pa.string()))
