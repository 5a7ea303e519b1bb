"""A list of files is plain as a whole only where no path of it would be refused by itself, or beside the others."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_PATHS, LEGAL_PATHS
from vmeval_builders.arrow.listing import ListedFile, listing_table
from vmeval_builders.paths import path_problems
from vmeval_hfds.folder.plain import all_plain
from vmeval_hfds.table.listing import listing_of

NAMES = st.sampled_from(["a", "b", "A", "a.txt", "a-b", "con", "é", "x" * 300])
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=8)


def listing(files, folders=()):
    found = [ListedFile(path, 1, "0" * 64) for path in files]
    return listing_of(listing_table([*found, *(ListedFile(f"{path}/", None, None) for path in folders)]))


@given(files=PATHS, folders=PATHS)
@example(files=["a", "a-b", "a/b"], folders=[])
@example(files=["a/b", "A/c"], folders=[])
@example(files=["a/b"], folders=["A"])
@example(files=["a/b", "c", "a/b"], folders=[])
@example(files=[], folders=["a", "a/b"])
def test_what_is_plain_has_no_problem(files, folders):
    problems = list(path_problems(files, sorted(set(folders))))
    plain = all_plain(listing(files, sorted(set(folders))))
    assert plain <= (not problems)
    assert plain or problems or not "".join(files + folders).isascii()


@pytest.mark.parametrize(
    "path",
    [one.path for one in HOSTILE_PATHS if one.in_row],
    ids=[one.name for one in HOSTILE_PATHS if one.in_row],
)
def test_no_hostile_path_is_plain(path):
    assert not all_plain(listing(["a.txt", path, "maze_task/maze_0000/prompt.txt"]))


def test_legal_paths_in_ascii_are_plain_and_so_is_a_list_of_nothing():
    assert all_plain(listing([path for path in LEGAL_PATHS if path.isascii()]))
    assert all_plain(listing([]))
