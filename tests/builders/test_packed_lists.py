"""Packed lists of files, folders and rows hold what they were given, and give it back by path order."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmeval_builders.entries import FILE_LIMIT_BYTES, FileEntry, FolderEntry, Unit
from vmeval_builders.file_list import FileList
from vmeval_builders.folder_list import FolderList
from vmeval_builders.gathered import Gathered
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.problem_list import ProblemList
from vmeval_builders.sources import walk
from vmeval_builders.sources.walk import index_folder
from vmeval_builders.unit_list import UnitList

# Names that sort before, at and after the slash that ends a folder's.
NAMES = st.sampled_from(["a", "a-b", "a.b", "a/b", "a0", "b", "é"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
NUMBERS = st.integers(0, 2**40)
SIZES = st.integers(0, FILE_LIMIT_BYTES)
ENTRIES = st.builds(FileEntry, PATHS, SIZES, NUMBERS, st.sampled_from([0, 0, 512]))
FILES = st.lists(ENTRIES, max_size=12, unique_by=lambda entry: entry.path)


def by_path(entries):
    return sorted(entries, key=lambda entry: entry.path)


@given(FILES)
def test_files_come_back_by_path_order(entries):
    files = FileList.of(entries)

    assert list(files) == by_path(entries)
    assert list(files.paths()) == [entry.path for entry in files]
    assert [files[number] for number in range(len(files))] == list(files)
    assert files[-1:] == list(files)[-1:]


@given(st.lists(ENTRIES, max_size=12))
def test_files_that_were_gathered_in_any_order_are_the_same_list(entries):
    assert list(Gathered(entries).by_path()) == by_path(entries)


@given(FILES)
def test_a_file_is_found_by_its_path_and_no_other_is(entries):
    found = FileList.of(entries).by_path

    assert {path: found[path] for path in found} == {entry.path: entry for entry in entries}
    assert not any(f"{entry.path}!" in found or entry.path[:-1] + "\0" in found for entry in entries)
    with pytest.raises(KeyError):
        found["nowhere"]


@given(FILES, PATHS)
def test_a_path_has_a_position_before_all_that_come_after_it(entries, path):
    assert FileList.of(entries).position(path) == sum(entry.path < path for entry in entries)


@given(FILES, st.lists(PATHS, max_size=5).map(sorted))
def test_paths_that_ascend_have_the_positions_that_each_has(entries, paths):
    files = FileList.of(entries)

    assert list(files.positions(paths)) == [files.position(path) for path in paths]


@given(FILES)
def test_each_folder_has_its_files_once(entries):
    files = FileList.of(entries)
    found = [
        (f"{one.folder}/{name}" if one.folder else name, number)
        for one in files.folder_index.by_folder.values()
        for name, number in zip(one.names, one.numbers, strict=True)
    ]

    assert sorted(found) == [(entry.path, number) for number, entry in enumerate(files)]


@given(st.lists(FILES, max_size=4), st.integers(1, 2**40))
def test_lists_are_put_together_by_path_order_and_each_ones_offsets_are_moved(lists, start):
    starts = [number * start for number in range(len(lists))]
    moved = [
        entry._replace(offset=entry.offset + begin)
        for entries, begin in zip(lists, starts, strict=True)
        for entry in FileList.of(entries)
    ]
    parts = [(FileList.of(entries), begin) for entries, begin in zip(lists, starts, strict=True)]
    assert list(FileList.merged(parts)) == by_path(moved)


@pytest.mark.parametrize("listed", [FileList.of, lambda files: Gathered(files).by_path()])
def test_an_absolute_path_stays_one(listed):
    files = [FileEntry("/", 1, 1), FileEntry("/etc/passwd", 1, 1)]

    assert list(listed(files)) == files


@given(st.lists(st.tuples(PATHS, st.integers(0, 9), st.none() | NUMBERS), unique_by=lambda one: one[0]))
def test_folders_come_back_by_path_order(found):
    given_folders = {path: FolderEntry(entries, mtime_ns) for path, entries, mtime_ns in found}
    folders = FolderList.of(given_folders)

    assert dict(folders) == given_folders
    assert list(folders) == sorted(given_folders)
    assert folders.empty == sorted(path for path, one in given_folders.items() if not one.entries)
    assert "nowhere" not in folders


def unit(path, *names, beside=None):
    files = {name: FileEntry(f"{path}/{name}", len(name), 7, 512) for name in names}
    return Unit(path, files, QUESTIONS.parts(path), beside)


LOG = FileEntry("log.json", 1, 1)
UNITS = [
    unit("a_task/a_0", "prompt.txt", "first_frame.png"),
    Unit("a_task/a_1.png", {"image": FileEntry("a_task/a_1.png", 3, 1)}, QUESTIONS.parts("a_task/a_1.png")),
    Unit("a_task/a_2", {"video": FileEntry("videos/2.mp4", 4, 2)}, QUESTIONS.parts("a_task/a_2"), LOG),
    unit("a_task/a_3"),
    unit("b_task/b_0", "prompt.txt", "first_frame.png"),
]


FOUND = FileList.of([LOG, *(entry for row in UNITS for entry in row.files.values())])


@pytest.fixture(params=["of one", "of two"])
def units(request):
    """The same rows, taken in at once and as two lists."""
    made = UnitList.of(UNITS, QUESTIONS.parts, FOUND)
    if request.param == "of two":
        whole, made = made, UnitList(QUESTIONS.parts, FOUND)
        made.extend(whole[:2])
        made.extend(whole[2:])
    return made


def test_rows_come_back_as_they_were_with_files_below_them_or_elsewhere(units):

    assert list(units) == UNITS
    assert [units[number] for number in (-1, 0)] == [UNITS[-1], UNITS[0]]
    assert list(units.file_paths()) == [one.path for row in UNITS for one in row.files.values()]
    assert units.sizes_bytes() == [row.size_bytes for row in UNITS]
    assert units.size_bytes == sum(row.size_bytes for row in UNITS)
    assert [FOUND[number].path for number in units.numbers] == list(units.file_paths())
    assert list(units.rows_of_files()) == [at for at, row in enumerate(UNITS) for _ in row.files]


def test_rows_can_get_another_file_beside_them(units):
    made = units.with_beside([None, LOG, None, None, LOG])

    assert [row.beside for row in made] == [None, LOG, None, None, LOG]
    assert [row.beside for row in units] == [row.beside for row in UNITS]
    assert list(made.numbers) == list(units.numbers)


@pytest.mark.parametrize("numbers", [[], [0], [3, 4], [4, 0, 1], [2, 2]], ids=str)
def test_some_rows_can_be_sent_to_other_processes_with_what_is_known_of_their_files_only(units, numbers):
    sent = pickle.dumps(units.take(numbers))
    some = pickle.loads(sent)

    assert (b"b_task" in sent) == (4 in numbers)
    assert list(some) == [UNITS[number] for number in numbers]
    assert some.sizes_bytes() == [UNITS[number].size_bytes for number in numbers]


def elsewhere(function, jobs, work_bytes):
    """Run jobs as another process would: they, and what comes back, are sent."""
    assert work_bytes == 0
    return [pickle.loads(pickle.dumps(function(pickle.loads(pickle.dumps(job))))) for job in jobs]


@pytest.fixture
def odd_folder(tmp_path):
    """A folder whose names sort otherwise than its paths."""
    paths = ["a/z", "a/b/c", "a/b.txt", "a-b/c", "a0", "a/b/a", "a/b0", "z", "m/n/o", "n.txt"]
    for path in paths:
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "m/again").symlink_to("../a")
    (tmp_path / "up").symlink_to(".")
    return tmp_path


def test_a_walk_gives_files_by_path_order_whatever_the_folders_are_called(odd_folder):
    found = [entry.path for entry in index_folder(odd_folder).files]

    assert found == sorted(found)
    assert len(found) == 15


def test_a_walk_of_workers_finds_what_one_does(odd_folder, monkeypatch):
    alone = index_folder(odd_folder)
    monkeypatch.setattr(walk, "SPREAD_ENTRIES", 1)
    spread = index_folder(odd_folder, elsewhere)

    assert list(spread.files) == list(alone.files)
    assert dict(spread.folders) == dict(alone.folders)
    assert ProblemList.of(spread.problems) == ProblemList.of(alone.problems) != []
