"""Two lists of files compared: found by a simple model too, whatever their order, gaps and folders."""

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import file_row, question_row, write_dataset
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.store.directory import open_dataset_dir
from vmeval_hfds.table import difference
from vmeval_hfds.table.difference import FileList, compare, taken
from vmeval_hfds.table.listing import packed_digests, read_listing, read_packed_listing


def file_list(files, folders=(), times=None, order=sorted):
    paths = order([*files, *folders])
    content = [files.get(path) for path in paths]
    table = pa.table(
        {
            "path": pa.chunked_array([pa.array(paths, pa.string())]),
            "modified": pa.chunked_array([pa.array([(times or {}).get(path) for path in paths], pa.int64())]),
        }
    )
    digests = pa.chunked_array([pa.array(content, pa.binary())])
    return FileList(table, lambda numbers: digests.take(numbers))


def told(old, new):
    found = compare(old, new)
    changed, changed_to = (
        taken(side.paths, numbers).to_pylist()
        for side, numbers in ((old, found.changed), (new, found.changed_to))
    )
    assert changed == changed_to
    return {
        "removed": set(taken(old.paths, found.removed).to_pylist()),
        "added": set(taken(new.paths, found.added).to_pylist()),
        "changed": set(changed),
        "other_times": set(taken(old.paths, found.other_times).to_pylist()),
    }


FILES = st.dictionaries(
    st.integers(0, 60).map(lambda number: f"d{number % 7}/f{number:02d}"), st.sampled_from([b"1", b"2"])
)


@given(old=FILES, new=FILES, run=st.integers(1, 9), gaps=st.integers(0, 3), turned=st.booleans())
def test_files_differ_as_a_simple_model_says(old, new, run, gaps, turned):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(difference, "_RUN", run)
        patch.setattr(difference, "_FEW_GAPS", gaps)
        order = (lambda paths: sorted(paths, reverse=True)) if turned else sorted
        found = told(file_list(old), file_list(new, order=order))
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
def test_a_folder_is_there_where_something_is_in_it(old, new, removed, added):
    one, other = (file_list(dict.fromkeys(files, b"1"), folders) for files, folders in (old, new))
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
@pytest.mark.parametrize("read", [read_listing, read_packed_listing])
def test_a_list_with_what_is_no_hash_is_refused(tmp_path, wrong, read):
    rows = [file_row("a.txt"), {**file_row("b.txt"), "sha256": wrong}]
    write_dataset(tmp_path / "dataset", [question_row("maze_task/m")], rows)
    with pytest.raises(DatasetError, match=r"row 1 of files .* has no SHA-256 of 64 digits"):
        read(open_dataset_dir(tmp_path / "dataset"))
