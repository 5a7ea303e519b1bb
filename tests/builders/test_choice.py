"""Which files of a folder are meant: what tools leave behind never is, and globs pick from the rest."""

import tarfile

import pytest

from tests.factories import write, write_folder, write_question
from vmeval_builders.choice import Choice, left_out_sentence, tool_name
from vmeval_builders.scan import scan_files, scan_rows

LEFT_BY_TOOLS = {
    ".git": ".git/config",
    ".git of a worktree": "maze_task/.git",
    ".DS_Store": "maze_task/maze_0000/.DS_Store",
    "__pycache__": "maze_task/__pycache__/make.cpython-311.pyc",
    ".ipynb_checkpoints": ".ipynb_checkpoints/look-checkpoint.ipynb",
    "vim": "maze_task/maze_0000/.prompt.txt.swp",
    "vim without a name": ".swo",
    "emacs": "maze_task/#prompt.txt#",
}
NOT_LEFT_BY_TOOLS = (
    *(".gitignore", ".gitattributes", "git/config", "DS_Store", "pycache/x", ".env", ".cache/x"),
    *("notes.swp", "a#b#c", "prompt.txt~", "_x/__init__.py", ".hidden/file"),
)


def pack(folder, target):
    with tarfile.open(target, "w") as archive:
        archive.add(folder, ".")
    return target


@pytest.mark.parametrize("path", LEFT_BY_TOOLS.values(), ids=LEFT_BY_TOOLS)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tar"])
def test_what_tools_leave_behind_is_left_out_and_listed(tmp_path, path, packed):
    folder = write_folder(tmp_path / "questions")
    before = scan_rows(folder)
    write(folder / path, "left by a tool")
    scan = scan_rows(pack(folder, tmp_path / "packed.tar") if packed else folder)
    assert scan.left_out == [path]
    assert [entry.path for entry in scan.files] == [entry.path for entry in before.files]
    assert scan.folders.keys() == before.folders.keys()
    assert not scan.problems


@pytest.mark.parametrize("path", NOT_LEFT_BY_TOOLS)
def test_other_hidden_files_are_kept(tmp_path, path):
    write(tmp_path / path, "x")
    assert [entry.path for entry in scan_files(tmp_path).files] == [path]


def test_a_lock_that_leads_nowhere_is_left_out_too(tmp_path):
    (tmp_path / ".#prompt.txt").symlink_to("user@host.1234")
    scan = scan_files(tmp_path)
    assert (scan.problems, scan.left_out) == ([], [".#prompt.txt"])


def test_a_folder_that_holds_only_what_a_tool_left_is_empty(tmp_path):
    write(tmp_path / "not_yet/.DS_Store", "x")
    assert scan_files(tmp_path).empty_folders == ["not_yet"]


GLOBS = {
    # what is given: what is picked of the four files and the empty folder below
    "a folder": ({"include": ["maze_task"]}, ["maze_task/a/clip.mp4", "maze_task/a/note.txt"]),
    "a folder with a slash": ({"include": ["maze_task/"]}, ["maze_task/a/clip.mp4", "maze_task/a/note.txt"]),
    "a star goes through folders": ({"include": ["*.mp4"]}, ["chess_task/b/clip.mp4", "maze_task/a/clip.mp4"]),
    "not a folder": ({"exclude": ["chess_task", "not_yet"]}, ["maze_task/a/clip.mp4", "maze_task/a/note.txt", "notes.md"]),
    "not wins": ({"include": ["maze_task"], "exclude": ["*.mp4"]}, ["maze_task/a/note.txt"]),
    "several": ({"include": ["notes.md", "*/note.txt"]}, ["maze_task/a/note.txt", "notes.md"]),
    "a part of a name is no match": ({"include": ["maze"]}, []),
    "capitals differ": ({"include": ["NOTES.md"]}, []),
}  # fmt: skip


@pytest.fixture
def five(tmp_path):
    for path in ("maze_task/a/clip.mp4", "maze_task/a/note.txt", "chess_task/b/clip.mp4", "notes.md"):
        write(tmp_path / "five" / path, "x")
    (tmp_path / "five/not_yet/run").mkdir(parents=True)
    return tmp_path / "five"


@pytest.mark.parametrize(("globs", "picked"), GLOBS.values(), ids=GLOBS)
def test_globs_pick_files_and_with_them_only_the_folders_they_lie_in(five, globs, picked):
    scan = scan_files(five, Choice(**globs))
    assert [entry.path for entry in scan.files] == picked
    above = {path.rsplit("/", number)[0] for path in picked for number in range(1, path.count("/") + 1)}
    assert scan.folders.keys() == {"", *above}
    everything = scan_files(five)
    left = {entry.path for entry in everything.files} - set(picked) | {"not_yet/run/"}
    assert scan.left_out == sorted(left)


def test_an_empty_folder_is_picked_by_its_own_name(five):
    scan = scan_files(five, Choice(include=["not_yet"]))
    assert (scan.files, list(scan.folders), scan.empty_folders) == ([], ["", "not_yet", "not_yet/run"], ["not_yet/run"])  # fmt: skip


def test_problems_of_what_is_not_meant_are_none(five):
    (five / "out").symlink_to("/etc")
    write(five / "bad:name")
    assert len(scan_files(five).problems) == 2
    assert not scan_files(five, Choice(exclude=["out", "bad*"])).problems


def test_rows_are_looked_for_among_what_is_meant(tmp_path):
    folder = write_folder(tmp_path / "questions")
    write_question(folder, path="drafts/maze_0009")
    assert "drafts/maze_0009" not in {
        unit.path for unit in scan_rows(folder, choice=Choice(exclude=["drafts"])).units
    }


def test_what_was_left_out_is_one_line_with_counts_and_names():
    left_out = [".git/config", ".git/HEAD", "a/.DS_Store", "drafts/x.png", "empty/"]
    expected = (
        "Left out 5 of the files and empty folders: .git (2), .DS_Store (1), 2 by --include and --exclude."
    )
    assert left_out_sentence(left_out) == expected
    assert tool_name("a/.DS_Store") == ".DS_Store"
