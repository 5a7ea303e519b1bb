"""Two lists of files compared: found by a simple model too, whatever their order, gaps and folders."""

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import file_row, question_row, write_dataset
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.store.directory import open_dataset_dir
from vmeval_hfds.table.difference import FileList, compare
from vmeval_hfds.table.listing import read_listing
from vmeval_hfds.table.listing_parts import ListingParts, packed_digests


def file_list(files, folders=(), times=None, order=sorted, run=3):
    def tables(in_order):
        paths = (sorted if in_order else order)([*files, *folders])
        for start in range(0, len(paths), run):
            some = paths[start : start + run]
            modified = pa.array([(times or {}).get(path) for path in some], pa.int64())
            key = pa.array([files.get(path) for path in some], pa.binary())
            yield pa.table({"path": pa.array(some, pa.string()), "modified": modified, "key": key})

    return FileList(tables, lambda keys: keys)


def told(old, new):
    found = compare(old, new)
    return {name: set(getattr(found, name)) for name in ("removed", "added", "changed", "other_times")}


FILES = st.dictionaries(
    st.integers(0, 60).map(lambda number: f"d{number % 7}/f{number:02d}"), st.sampled_from([b"1", b"2"])
)


@given(old=FILES, new=FILES, runs=st.tuples(st.integers(1, 9), st.integers(1, 9)), turned=st.booleans())
def test_files_differ_as_a_simple_model_says(old, new, runs, turned):
    order = (lambda paths: sorted(paths, reverse=True)) if turned else sorted
    found = told(file_list(old, run=runs[0]), file_list(new, order=order, run=runs[1]))
    assert found == {
        "removed": old.keys() - new.keys(),
        "added": new.keys() - old.keys(),
        "changed": {path for path in old.keys() & new.keys() if old[path] != new[path]},
        "other_times": set(),
    }


@pytest.mark.parametrize(
    ("old", "new", "removed", "added"),
    [
        ((["a/f"], []), (["a/f"], ["a/"]), [], []),
        ((["a/f"], ["a/"]), (["a/f"], []), [], []),
        ((["a/f"], ["a/"]), ([], ["a/"]), ["a/f"], []),
        ((["a/f"], []), ([], ["a/"]), ["a/f"], ["a/"]),
        (([], ["a/"]), (["a/f"], []), ["a/"], ["a/f"]),
        (([], ["a/b/"]), ([], []), ["a/b/"], []),
        (([], []), ([], ["a/b/"]), [], ["a/b/"]),
        (([], ["a/b/"]), (["a/f"], []), ["a/b/"], ["a/f"]),
        (([], ["./"]), ([], []), [], []),
        ((["a"], []), ([], ["a/"]), ["a"], ["a/"]),
    ],
)
@pytest.mark.parametrize("run", [1, 3])
def test_a_folder_is_there_where_something_is_in_it(old, new, removed, added, run):
    one, other = (file_list(dict.fromkeys(files, b"1"), folders, run=run) for files, folders in (old, new))
    found = told(one, other)
    assert (found["removed"], found["added"]) == (set(removed), set(added))


def test_times_count_where_both_know_them():
    files = dict.fromkeys(["a", "b", "c", "d"], b"1")
    old = file_list(files, ["./"], {"a": 1, "b": 1, "c": 1, "./": 5})
    new = file_list(files, ["./"], {"a": 1, "b": 2, "d": 2, "./": 6})
    assert told(old, new)["other_times"] == {"b", "./"}


DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(9)]


@given(st.lists(st.sampled_from([None, *DIGESTS, DIGESTS[0].upper()])), st.integers(0, 5), st.integers(0, 9))
def test_hashes_are_packed_wherever_the_array_was_cut(digests, start, length):
    array = pa.array(digests, pa.string()).slice(start, length)
    found = packed_digests(array)
    found.validate(full=True)
    assert found.to_pylist() == [value and bytes.fromhex(value) for value in array.to_pylist()]


@pytest.mark.parametrize(
    "wrong", ["", "0" * 63, "0" * 65, "g" * 64, f"{'0' * 62}  ", "ü" * 32, f" {'0' * 62} "]
)
@pytest.mark.parametrize("read", [read_listing, lambda dataset: list(ListingParts(dataset, ["path"]))])
def test_a_list_with_what_is_no_hash_is_refused(tmp_path, wrong, read):
    rows = [file_row("a.txt"), {**file_row("b.txt"), "sha256": wrong}]
    write_dataset(tmp_path / "dataset", [question_row("maze_task/m")], rows)
    with pytest.raises(DatasetError, match=r"row 1 of files .* has no SHA-256 of 64 digits"):
        read(open_dataset_dir(tmp_path / "dataset"))
