"""What a build may replace, what it never touches, and what it leaves where it is interrupted."""

import os
import shutil

import pytest
from datasets import load_dataset

from tests.factories import (
    tree,
    write,
    write_folder,
    write_manifest,
    write_question,
)
from vmeval_hfds import build
from vmeval_hfds.errors import TargetExistsError


@pytest.fixture
def target(tmp_path):
    return tmp_path / "dataset"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError])
@pytest.mark.parametrize("force", [False, True], ids=["new", "replacing"])
def test_an_interrupted_build_leaves_everything_as_it_was(folder, target, error, force):
    if force:
        build(folder, target)
        write_question(folder, "rotation", "rotation_0000")

    def interrupt(done, total):
        raise error

    before = tree(folder.parent)
    with pytest.raises(error):
        build(folder, target, force=force, progress=interrupt)
    assert tree(folder.parent) == before


def test_a_build_that_may_not_write_leaves_nothing(folder, tmp_path):
    pytest.importorskip("resource", reason="file size limits are POSIX")
    from tests.factories import run_python

    code = (
        "import resource, sys; from vmeval_hfds import build\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))\n"
        "build(sys.argv[1], sys.argv[2])"
    )
    before = tree(tmp_path)
    done = run_python(code, folder, tmp_path / "dataset", PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert tree(tmp_path) == before


# What is at the target already


def test_a_target_that_is_there_is_refused(folder, target):
    build(folder, target)
    before = tree(target)
    with pytest.raises(TargetExistsError, match=r"already there.*--force"):
        build(folder, target)
    assert tree(target) == before


def test_force_replaces_a_dataset_directory(folder, target):
    build(folder, target, split="train")
    shutil.rmtree(folder / "chess_task")
    write_manifest(folder, ("maze", "maze_0000"), ("maze", "maze_0001"))
    build(folder, target, force=True)
    build(folder, target.with_name("fresh"))
    assert tree(target) == tree(target.with_name("fresh"))
    assert {path.name for path in target.parent.iterdir()} == {"questions", "dataset", "fresh"}


def test_force_keeps_what_a_person_wrote_into_the_card(folder, target):
    build(folder, target)
    card = target / "README.md"
    card.write_text(card.read_text().replace("---\n", "---\n# mine\nlicense: mit\n", 1) + "\nMy words.\n")
    write_question(folder, "rotation", "rotation_0000")
    build(folder, target, force=True)
    assert "# mine\nlicense: mit\n" in card.read_text()
    assert card.read_text().endswith("\nMy words.\n")
    assert len(load_dataset(str(target), "rotation", split="test")) == 1


def test_force_keeps_a_cards_own_line_ends(folder, target):
    build(folder, target)
    card = target / "README.md"
    card.write_bytes(card.read_bytes() + b"\nMy words,\r\nmy line ends.\r\n")
    build(folder, target, force=True)
    assert card.read_bytes().endswith(b"\nMy words,\r\nmy line ends.\r\n")


def a_file(target):
    write(target, "theirs")


def an_empty_folder(target):
    target.mkdir()


def a_question_folder(target):
    write_folder(target)


def somebodys_project(target):
    write(target / "README.md", "# Theirs\n")
    write(target / "main.py", "x = 1\n")


def a_dataset_of_others(target):
    write(target / "README.md", "---\nlicense: mit\n---\n")
    write(target / "data/train-00000-of-00001.parquet", "x")


def a_dataset_with(path):
    def make(target):
        build(write_folder(target.parent / "others"), target)
        write(target / path, "theirs")

    make.__name__ = f"ours-with-{path.replace('/', '-')}"
    return make


def a_link_to_a_dataset(target):
    build(write_folder(target.parent / "others"), target.with_name("real"))
    target.symlink_to("real")


def a_link_to_nothing(target):
    target.symlink_to("nowhere")


FOREIGN = (
    *(a_file, an_empty_folder, a_question_folder, somebodys_project, a_dataset_of_others),
    *(a_link_to_a_dataset, a_link_to_nothing),
    *map(
        a_dataset_with,
        (
            "notes.md",
            "data/maze/notes.md",
            ".git/config",
            "data/x.parquet",
            "files/deep/test-00000-of-00001.parquet",
        ),
    ),
)


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
def test_anything_else_is_never_replaced(folder, target, make, force):
    make(target)
    before = tree(target.parent)
    with pytest.raises(TargetExistsError):
        build(folder, target, force=force)
    assert tree(target.parent) == before


@pytest.mark.parametrize("place", ["questions", "questions/dataset", "questions/maze_task", "."])
def test_folder_and_dataset_may_not_lie_in_each_other(folder, tmp_path, place):
    before = tree(tmp_path)
    with pytest.raises(TargetExistsError):
        build(folder, tmp_path / place, force=True)
    assert tree(tmp_path) == before


def test_a_folder_by_way_of_a_link_is_the_folder_too(folder, tmp_path):
    (tmp_path / "link").symlink_to("questions")
    with pytest.raises(TargetExistsError):
        build(tmp_path / "link", tmp_path / "questions/dataset")
    build(tmp_path / "link", tmp_path / "dataset")
    assert len(load_dataset(str(tmp_path / "dataset"), split="test")) == 4


def test_a_directory_that_cannot_be_removed_is_refused_before_anything_is_written(
    folder, target, monkeypatch
):
    build(folder, target)
    before, access = tree(target.parent), os.access
    monkeypatch.setattr(
        os, "access", lambda place, mode: not str(place).endswith("/data") and access(place, mode)
    )
    with pytest.raises(TargetExistsError, match=r"data: cannot be written, so that .* cannot be replaced"):
        build(folder, target, force=True)
    assert tree(target.parent) == before


def test_what_is_left_of_a_directory_that_was_replaced_is_said(folder, target, monkeypatch):
    build(folder, target)
    monkeypatch.setattr("vmeval_hfds.store.dataset_directory.remove_folder", lambda place: None)
    with pytest.raises(OSError, match="the new one is in its place") as error:
        build(folder, target, force=True)
    assert os.path.isdir(error.value.filename)
