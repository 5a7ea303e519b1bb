"""`tar cf q.tar questions` packs the folder itself: its one top folder is looked through, and that is said."""

import subprocess

import pytest

from tests.factories import tree, write_folder, write_rich_folder
from tests.run_factories import write_runs
from vmeval_builders.choice import Choice
from vmeval_builders.scan import scan_files, scan_rows
from vmeval_hfds import build, check_folder, export, verify
from vmeval_hfds.cli.main import main


def tar(archive, *arguments):
    subprocess.run(["tar", "-cf", archive, *arguments], check=True)
    return archive


pytestmark = pytest.mark.folder("questions", write_rich_folder)


@pytest.fixture(params=["questions", "./questions"])
def packed(folder, tmp_path, request):
    return tar(tmp_path / "q.tar", "-C", tmp_path, request.param)


def test_a_packed_folder_is_what_the_folder_is(folder, packed, tmp_path):
    assert check_folder(packed) == check_folder(folder)
    build(folder, tmp_path / "of-the-folder")
    result = build(packed, tmp_path / "of-the-archive")
    assert result.top_folder == "questions"
    assert tree(tmp_path / "of-the-archive") == tree(tmp_path / "of-the-folder")
    export(tmp_path / "of-the-archive", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert verify(packed, tmp_path / "of-the-folder").same
    assert verify(folder, tmp_path / "of-the-archive").same


def test_times_of_outputs_come_through(tmp_path):
    folder = write_runs(tmp_path / "outputs")
    build(folder, tmp_path / "dataset")
    assert verify(
        tar(tmp_path / "o.tar", "--format=pax", "-C", tmp_path, "outputs"), tmp_path / "dataset"
    ).same


def test_it_is_kept_where_that_is_said(packed, tmp_path):
    result = build(packed, tmp_path / "dataset", keep_top_folder=True)
    assert result.top_folder == ""
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert [path.name for path in (tmp_path / "rebuilt").iterdir()] == ["questions"]
    assert verify(packed, tmp_path / "dataset", keep_top_folder=True).same
    assert not verify(packed, tmp_path / "dataset").same


MEANT = {
    # what is packed, as tar takes it: the root stands for itself
    "the folder's contents": ["-C", "questions", "."],
    "several folders": ["questions", "other"],
    "a folder and a file": ["questions", "note.txt"],
    "one domain": ["-C", "questions", "maze_task"],
    "one domain under another name": ["-C", "questions", "hand_made"],
    "one task": ["-C", "questions/maze_task", "maze_0000"],
}


@pytest.mark.parametrize("arguments", MEANT.values(), ids=MEANT)
def test_a_top_folder_that_means_something_is_kept(folder, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "other")
    (tmp_path / "note.txt").write_text("x")
    archive = tar(tmp_path / "q.tar", *arguments)
    assert scan_files(archive).top_folder == ""
    assert scan_files(archive).files == scan_files(archive, Choice(keeps_top_folder=True)).files


def test_a_domain_keeps_its_name(folder, tmp_path):
    archive = tar(tmp_path / "q.tar", "-C", folder, "hand_made")
    assert [unit.parts["domain"] for unit in scan_rows(archive, "questions").units] == ["hand_made"]


def test_globs_and_tools_are_about_what_is_below(folder, packed, tmp_path):
    (folder / ".DS_Store").write_bytes(b"x")
    archive = tar(tmp_path / "again.tar", "-C", tmp_path, "questions")
    scan = scan_files(archive, Choice(include=["maze_task"]))
    assert {entry.path.partition("/")[0] for entry in scan.files} == {"maze_task"}
    assert ".DS_Store" in scan.left_out


@pytest.mark.parametrize("command", ["check", "build", "verify"])
def test_every_command_says_so_in_one_line(folder, packed, tmp_path, capsys, command):
    build(folder, tmp_path / "made-before")
    more = {
        "build": ["--target", tmp_path / "dataset"],
        "verify": ["--dataset", tmp_path / "made-before"],
        "check": [],
    }
    assert main([command, "--path", str(packed), *map(str, more[command])]) == 0
    line = "Looked through the archive's one top folder, questions/ (--keep-top-folder keeps it)."
    assert capsys.readouterr().err.splitlines().count(line) == 1
