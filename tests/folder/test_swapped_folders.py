"""Folders of a target that somebody moves, or swaps for links, while files are written: nothing goes outside."""

import os
import pickle

import pytest

from tests.factories import files_below, tree, write, write_folder
from vmeval_hfds import build, export
from vmeval_hfds.api.mirror import hf_upload
from vmeval_hfds.errors import TargetExistsError, UnsafePathError, VmevalError
from vmeval_hfds.folder import held
from vmeval_hfds.folder.writer import FolderWriter
from vmeval_hfds.mirror.download import download

pytestmark = pytest.mark.skipif(not held.BY_DESCRIPTOR, reason="this system has no descriptors of folders")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give a folder, and its dataset directory; nobody changes them."""
    root = tmp_path_factory.mktemp("made")
    folder = write_folder(root / "questions")
    return folder, build(folder, root / "dataset").target


@pytest.fixture
def outside(tmp_path):
    """Give a folder that nothing may be written to."""
    return write(tmp_path / "outside/theirs.txt", "theirs").parent


def swap(place, link_to):
    """Move a folder aside, and put a link in its place."""
    place.rename(f"{place}.moved")
    place.symlink_to(link_to)


def writer_in(target):
    writer = FolderWriter(target)
    writer.begin()
    writer.put("maze_task/maze_0000/prompt.txt", b"one")
    return writer


def write_more(writer):
    for name in ("maze_0000/goal.txt", "maze_0001/prompt.txt"):
        writer.put(f"maze_task/{name}", b"two")
    writer.done()


REFUSED = r"moved or replaced|is a link"
SWAPPED = ["", "maze_task", "maze_task/maze_0000", ".vmeval-hfds-partial"]


@pytest.mark.parametrize("let_go", [False, True], ids=["held", "let-go"])
@pytest.mark.parametrize("path", SWAPPED)
def test_what_is_swapped_between_two_files_is_refused_and_not_written_through(
    tmp_path, outside, path, let_go
):
    writer = writer_in(tmp_path / "target")
    if let_go:
        writer.done()
    swap(tmp_path / "target" / path, outside)
    with pytest.raises(VmevalError, match=REFUSED):
        write_more(writer)
    assert tree(outside) == {"theirs.txt": b"theirs"}


@pytest.mark.parametrize("path", SWAPPED)
def test_another_process_writes_through_no_link_either(tmp_path, outside, path):
    writer = writer_in(tmp_path / "target")
    sent = pickle.dumps(writer)
    swap(tmp_path / "target" / path, outside)
    with pytest.raises(VmevalError, match=REFUSED):
        pickle.loads(sent).put("maze_task/maze_0000/goal.txt", b"two")
    assert tree(outside) == {"theirs.txt": b"theirs"}


@pytest.mark.parametrize("moment", range(0, 14, 3))
@pytest.mark.parametrize("path", ["maze_task", "maze_task/maze_0001", "chess_task"])
def test_an_export_never_writes_outside_whenever_a_folder_is_swapped(
    made, tmp_path, outside, monkeypatch, path, moment
):
    folder, dataset = made
    target, move, moves = tmp_path / "target", os.replace, []

    def move_and_swap(*names, **within):
        move(*names, **within)
        moves.append(names)
        if len(moves) >= moment and (target / path).is_dir() and not (target / path).is_symlink():
            swap(target / path, outside)

    monkeypatch.setattr(os, "replace", move_and_swap)
    try:
        export(dataset, target, num_proc=1)
    except VmevalError as error:
        assert str(target) in str(error)  # noqa: PT017
    else:  # it was swapped after its last file
        assert files_below(f"{target / path}.moved") == files_below(folder / path)
    assert tree(outside) == {"theirs.txt": b"theirs"}
    assert not (target / ".vmeval-hfds-partial").exists()


def test_a_pipe_in_a_files_place_is_not_waited_for(tmp_path):
    writer = writer_in(tmp_path / "target")
    os.mkfifo(tmp_path / "target/pipe")
    with pytest.raises(TargetExistsError):
        writer.put("pipe", b"")
    writer.end()


def test_a_link_above_a_file_that_is_compared_or_removed_is_not_followed(tmp_path, outside):
    writer = writer_in(tmp_path / "target")
    (tmp_path / "target/elsewhere").symlink_to(outside)
    for act in (
        lambda: writer.find("elsewhere/theirs.txt", b"theirs"),
        lambda: writer.remove("elsewhere/theirs.txt"),
    ):
        with pytest.raises(UnsafePathError, match="is a link"):
            act()
    assert tree(outside) == {"theirs.txt": b"theirs"}


@pytest.mark.parametrize("by_descriptor", [True, False])
def test_a_system_without_descriptors_of_folders_writes_the_same(made, tmp_path, monkeypatch, by_descriptor):
    for module in ("held", "writer"):
        monkeypatch.setattr(f"vmeval_hfds.folder.{module}.BY_DESCRIPTOR", by_descriptor)
    folder, dataset = made
    for _ in range(2):
        export(dataset, tmp_path / "target", num_proc=1)
    assert tree(tmp_path / "target") == tree(folder)


def test_a_folder_of_many_levels_needs_few_descriptors(tmp_path):
    writer, before = FolderWriter(tmp_path / "target"), len(os.listdir("/dev/fd"))
    writer.begin()
    # Some hundred: what clears up after tests goes down by recursion.
    path = "/".join("d" * 300)
    writer.put(f"{path}/a.txt", b"deep")
    assert len(os.listdir("/dev/fd")) - before < 10
    assert writer.find(f"{path}/a.txt", b"deep") == "same"
    writer.end()
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("moment", [0, 2])
def test_a_download_brings_nothing_outside_where_its_unfinished_files_are_swapped(
    hub, made, tmp_path, outside, monkeypatch, moment
):
    hf_upload(made[0], "user/raw")
    target, open_unfinished, opened = tmp_path / "target", FolderWriter.open_unfinished, []

    def swap_and_open(self, name, mode):
        opened.append(name)
        if len(opened) == moment + 1:
            swap(target / ".vmeval-hfds-partial", outside)
        return open_unfinished(self, name, mode)

    monkeypatch.setattr(FolderWriter, "open_unfinished", swap_and_open)
    with pytest.raises(UnsafePathError, match=REFUSED):
        download("user/raw", target)
    assert tree(outside) == {"theirs.txt": b"theirs"}
