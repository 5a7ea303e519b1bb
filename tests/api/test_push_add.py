"""Many people, one repository: rows are added, replaced and removed, and nobody's are lost."""

import io
import json
import os
import subprocess
import sys

import pytest
from datasets import load_dataset
from PIL import Image, ImageChops

from tests.factories import tree, write, write_question
from tests.run_factories import write_run
from vmeval_builders.errors import FolderChangedError, VmevalError
from vmeval_hfds import export, push_to_hub, verify
from vmeval_hfds.api.push import plan_push
from vmeval_hfds.errors import (
    AddressError,
    DatasetError,
    HubAccessError,
    HubConflictError,
    RemovalError,
    TargetExistsError,
)
from vmeval_hfds.store.repository import open_repo

REPO = "user/shared"


@pytest.fixture
def mazes(tmp_path):
    folder = tmp_path / "mazes"
    for number in range(3):
        write_question(folder, "maze", f"maze_000{number}")
    write(folder / "maze_task/maze_0000/notes.txt", "ours")
    return folder


@pytest.fixture
def sudokus(tmp_path):
    folder = tmp_path / "sudokus"
    for number in range(2):
        write_question(folder, "sudoku", f"sudoku_000{number}")
    write(folder / "sudoku_task/about.md", "# Sudokus")
    return folder


def exported(tmp_path, name="exported"):
    export(open_repo(REPO), tmp_path / name)
    return tree(tmp_path / name)


@pytest.mark.both_transfers
def test_rows_of_two_folders_are_one_dataset(hub, mazes, sudokus, tmp_path):
    push_to_hub(mazes, REPO)
    shards = {path: content for path, content in hub.files(REPO).items() if path.startswith("data/")}
    hub.clear_log()
    result = push_to_hub(sudokus, REPO, add=True)
    assert result.changes.added == {"sudoku": 2}
    assert not [one for one in hub.requests if "data/maze" in one.path]
    after = hub.files(REPO)
    assert {path: after[path] for path in shards} == shards
    assert exported(tmp_path) == {**tree(mazes), **tree(sudokus)}
    assert load_dataset(REPO, split="test").num_rows == 5
    assert load_dataset(REPO, "sudoku", split="test").num_rows == 2
    assert "| maze | `maze` | 3 |" in after["README.md"].decode()


@pytest.mark.both_transfers
def test_a_row_with_the_same_path_is_replaced_and_its_other_files_too(hub, mazes, tmp_path):
    push_to_hub(mazes, REPO)
    one = tmp_path / "one"
    write_question(one, "maze", "maze_0000", prompt="A new prompt.")
    result = push_to_hub(one, REPO, add=True)
    assert (result.changes.changed, result.changes.removed) == ({"maze": 1}, {})
    expected = {path: content for path, content in tree(mazes).items() if "maze_0000" not in path}
    assert exported(tmp_path) == {**expected, **tree(one)}
    assert load_dataset(REPO, "maze", split="test").num_rows == 3


def test_the_picture_shows_the_groups_of_both(hub, mazes, sudokus):
    push_to_hub(mazes, REPO)
    alone = picture(hub)
    push_to_hub(sudokus, REPO, add=True)
    both = picture(hub)
    assert both.width > alone.width
    # The cell of the domain that was there, as it was; beside it a new one that is as full.
    inside = (20, 20, alone.width - 20, alone.height - 20)
    assert ImageChops.difference(both.crop(inside), alone.crop(inside)).getextrema()[1] < 40
    assert both.crop((alone.width, 0, both.width, both.height)).getextrema()[0] < 100


def picture(hub):
    return Image.open(io.BytesIO(hub.files(REPO)["assets/preview.png"])).convert("L")


@pytest.mark.both_transfers
def test_what_is_there_already_is_not_added_again(hub, mazes):
    push_to_hub(mazes, REPO)
    assert not push_to_hub(mazes, REPO, add=True).changed
    assert len(hub.log(REPO, "main")) == 2


def test_the_first_to_add_makes_the_repository(hub, mazes, tmp_path):
    assert push_to_hub(mazes, REPO, add=True).changed
    assert exported(tmp_path) == tree(mazes)


def test_somebody_who_made_the_repository_meanwhile_is_kept(hub, mazes, sudokus, tmp_path):
    def intrude(request):
        if request.path.endswith("/repos/create"):
            hub.on_request = None
            push_to_hub(mazes, REPO)

    hub.on_request = intrude
    push_to_hub(sudokus, REPO, add=True)
    assert exported(tmp_path) == {**tree(mazes), **tree(sudokus)}


def test_a_plain_push_does_not_mix_with_what_somebody_pushed_first(hub, mazes, sudokus, tmp_path):
    def intrude(request):
        if request.path.endswith("/repos/create"):
            hub.on_request = None
            push_to_hub(mazes, REPO)

    hub.on_request = intrude
    with pytest.raises(RemovalError):
        push_to_hub(sudokus, REPO)
    assert exported(tmp_path) == tree(mazes)


def test_a_file_outside_of_rows_that_differs_is_refused_and_taken_when_told_to(hub, mazes, sudokus, tmp_path):
    write(mazes / "README.txt", "Mazes.")
    write(sudokus / "README.txt", "Sudokus.")
    push_to_hub(mazes, REPO)
    before = hub.head(REPO)
    with pytest.raises(TargetExistsError, match=r"other bytes in README\.txt"):
        push_to_hub(sudokus, REPO, add=True)
    assert hub.head(REPO) == before
    push_to_hub(sudokus, REPO, add=True, force=True)
    assert exported(tmp_path)["README.txt"] == b"Sudokus."


def test_the_dataset_that_was_added_to_is_verified_and_pushed_whole_again(hub, mazes, sudokus, tmp_path):
    push_to_hub(mazes, REPO)
    push_to_hub(sudokus, REPO, add=True)
    whole = tmp_path / "whole"
    export(open_repo(REPO), whole)
    assert verify(whole, open_repo(REPO)).same
    result = push_to_hub(whole, REPO)
    assert result.changes.unchanged == {"maze": 3, "sudoku": 2}
    assert exported(tmp_path) == tree(whole)


@pytest.mark.both_transfers
def test_rows_are_removed_by_their_paths(hub, mazes, sudokus, tmp_path):
    push_to_hub(mazes, REPO)
    push_to_hub(sudokus, REPO, add=True)
    more = tmp_path / "more"
    write_question(more, "sudoku", "sudoku_0007")
    result = push_to_hub(more, REPO, remove=["maze_task/maze_0001", "sudoku_task/sudoku_000[01]"])
    assert result.changes.removed == {"maze": 1, "sudoku": 2}
    left = {path: content for path, content in tree(mazes).items() if "maze_0001" not in path}
    expected = {**left, **tree(more), "sudoku_task/about.md": b"# Sudokus"}
    assert exported(tmp_path) == expected
    assert load_dataset(REPO, split="test").num_rows == 3


def test_nothing_is_added_to_what_is_no_dataset_of_ours(hub, mazes):
    from vmeval_hfds import to_dataset

    to_dataset(mazes).push_to_hub(REPO, split="test")
    with pytest.raises((TargetExistsError, DatasetError)):
        push_to_hub(mazes, REPO, add=True)


def test_somebody_who_pushed_meanwhile_is_kept(hub, mazes, sudokus, tmp_path):
    push_to_hub(mazes, REPO)
    third = tmp_path / "third"
    write_question(third, "chess", "chess_0000")
    done = []

    def intrude(request):
        if request.method == "POST" and request.path.endswith("/commit/main") and not done:
            done.append(True)
            hub.on_request = None
            push_to_hub(third, REPO, add=True)

    hub.on_request = intrude
    push_to_hub(sudokus, REPO, add=True)
    assert done
    assert exported(tmp_path) == {**tree(mazes), **tree(sudokus), **tree(third)}


@pytest.mark.parametrize(
    "transfer", ["xet"], indirect=True
)  # as by default; they meet at the commit, not before
def test_eight_that_add_models_at_once_all_succeed(hub, tmp_path):
    folders = []
    for number in range(8):
        folder = tmp_path / f"outputs{number}"
        write_run(folder, f"pilot/model-{number}/maze_task/maze_0000/run")
        folders.append(folder)
    push_to_hub(folders[0], REPO)
    environment = {**os.environ, "HF_TOKEN": hub.token("user")}
    command = [sys.executable, "-m", "vmeval_hfds", "push", "--add", "--format", "json"]
    running = [
        subprocess.Popen(
            [*command, "--path", str(folder), "--repo-id", REPO],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in folders[1:]
    ]
    for process in running:
        out, talk = process.communicate(timeout=300)
        assert process.returncode == 0, talk
        assert json.loads(out)["changed"]
    export(open_repo(REPO), tmp_path / "all")
    whole = tree(tmp_path / "all")
    for folder in folders:
        assert tree(folder).items() <= whole.items()
    assert load_dataset(REPO, split="test").num_rows == 8


# Removals are said


def without(folder, domain):
    for path in sorted((folder / f"{domain}_task").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / f"{domain}_task").rmdir()


def test_a_push_that_would_remove_a_domain_is_refused_and_says_what_was_meant(hub, mazes):
    write_question(mazes, "sudoku", "sudoku_0000")
    push_to_hub(mazes, REPO)
    before = hub.head(REPO)
    without(mazes, "sudoku")
    hub.clear_log()
    with pytest.raises(RemovalError, match=r"remove 1 row.*all rows of sudoku.*--add.*--allow-removals"):
        push_to_hub(mazes, REPO)
    assert hub.head(REPO) == before
    assert {one.method for one in hub.requests} <= {"GET", "HEAD"}
    push_to_hub(mazes, REPO, allow_removals=True)
    assert "sudoku" not in hub.files(REPO)["README.md"].decode()


def test_a_tenth_of_the_rows_may_go_without_a_word(hub, tmp_path):
    folder = tmp_path / "questions"
    for number in range(20):
        write_question(folder, "maze", f"maze_{number:04d}")
    push_to_hub(folder, REPO)
    for number in (3, 4):
        for path in (folder / f"maze_task/maze_{number:04d}").iterdir():
            path.unlink()
        (folder / f"maze_task/maze_{number:04d}").rmdir()
    assert push_to_hub(folder, REPO).changes.removed == {"maze": 2}
    for number in (5, 6):
        for path in (folder / f"maze_task/maze_{number:04d}").iterdir():
            path.unlink()
        (folder / f"maze_task/maze_{number:04d}").rmdir()
    with pytest.raises(RemovalError):
        push_to_hub(folder, REPO)


def test_a_dry_run_says_what_would_be_added_changed_and_removed(hub, mazes):
    write_question(mazes, "sudoku", "sudoku_0000")
    push_to_hub(mazes, REPO)
    without(mazes, "sudoku")
    write(mazes / "maze_task/maze_0001/prompt.txt", "Another prompt.")
    write_question(mazes, "chess", "chess_0000")
    plan = plan_push(mazes, REPO)
    assert (plan.changes.added, plan.changes.changed) == ({"chess": 1}, {"maze": 1})
    assert (plan.changes.removed, plan.changes.unchanged) == ({"sudoku": 1}, {"maze": 2})
    assert (plan.new_shards, plan.commits) == (2, 1)


# What else may happen


@pytest.mark.both_transfers
def test_a_pull_request_leaves_the_branch_as_it_is(hub, mazes, sudokus):
    push_to_hub(mazes, REPO)
    before = hub.head(REPO)
    result = push_to_hub(sudokus, REPO, add=True, create_pr=True)
    assert hub.head(REPO) == before
    assert "discussions" in result.pull_request
    assert load_dataset(REPO, revision="refs/pr/1", split="test").num_rows == 5


def test_a_tag_on_unchanged_content_is_said(hub, mazes):
    first = push_to_hub(mazes, REPO)
    second = push_to_hub(mazes, REPO, tag="v1")
    assert (second.changed, second.tag, second.commit) == (False, "v1", first.commit)
    assert list(hub.tags(REPO)) == ["v1"]


def test_a_folder_that_changes_while_it_is_pushed_is_not_published(hub, mazes):
    push_to_hub(mazes, REPO)
    before = hub.head(REPO)
    write(mazes / "maze_task/maze_0001/prompt.txt", "Another prompt.")

    def change(request):
        if request.path.endswith("/revision/main"):
            write(mazes / "maze_task/maze_0001/prompt.txt", "A third one....")

    hub.on_request = change
    with pytest.raises(FolderChangedError):
        push_to_hub(mazes, REPO)
    assert hub.head(REPO) == before


def test_a_plain_push_does_not_go_on_top_of_what_others_pushed(hub, mazes, sudokus):
    push_to_hub(mazes, REPO)
    write(mazes / "maze_task/maze_0001/prompt.txt", "Another prompt.")

    def intrude(request):
        if request.method == "POST" and request.path.endswith("/commit/main"):
            hub.on_request = None
            push_to_hub(sudokus, REPO, add=True)

    hub.on_request = intrude
    with pytest.raises(HubConflictError):
        push_to_hub(mazes, REPO)
    assert load_dataset(REPO, split="test").num_rows == 5


# What is wrong is said before anything is read


def test_without_a_token_that_is_what_is_said(hub, mazes, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubAccessError, match=r"there is no token; set HF_TOKEN, or run hf auth login"):
        push_to_hub(mazes, REPO)
    assert hub.requests == []


def test_a_bare_name_is_no_repository(hub, mazes):
    with pytest.raises(AddressError, match=r"'questions': expected user/name"):
        push_to_hub(mazes, "questions")


def test_the_pages_address_names_the_repository_too(hub, mazes):
    result = push_to_hub(mazes, f"{hub.endpoint}/datasets/{REPO}")
    assert result.url == f"{hub.endpoint}/datasets/{REPO}"
    assert load_dataset(REPO, split="test").num_rows == 3


@pytest.mark.usefixtures("hub")
def test_a_dataset_is_no_folder_and_has_a_way_of_its_own(mazes, tmp_path):
    from vmeval_hfds import build, to_dataset

    dataset = to_dataset(mazes)
    for function in (lambda: push_to_hub(dataset, REPO), lambda: build(dataset, tmp_path / "dataset")):
        with pytest.raises(VmevalError, match=r"expected the path of a folder.*its own push_to_hub") as error:
            function()
        assert isinstance(error.value, TypeError)


@pytest.mark.both_transfers
def test_no_bar_of_the_client_is_seen(hub, mazes):
    environment = {**os.environ, "HF_TOKEN": hub.token("user")}
    environment.pop("HF_HUB_DISABLE_PROGRESS_BARS", None)
    command = [sys.executable, "-m", "vmeval_hfds", "push", str(mazes), REPO]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert "it/s" not in done.stderr
    assert "Upload" not in done.stderr
