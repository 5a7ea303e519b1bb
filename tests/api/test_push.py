"""A push is seen whole or not at all, and what is seen is the folder."""

import json
import threading

import pytest
from datasets import load_dataset
from huggingface_hub import HfApi

from tests.factories import tree, write, write_question
from vmeval_hfds.api.export import export
from vmeval_hfds.api.push import plan_push, push_to_hub
from vmeval_hfds.api.verify import verify
from vmeval_hfds.errors import (
    FolderError,
    HubAccessError,
    HubConflictError,
    HubError,
    HubFullError,
    TargetExistsError,
)
from vmeval_hfds.store.repository import open_repo

REPO = "user/questions"
WRITES = ("POST", "PUT", "DELETE")


def write_few(folder):
    for number in range(2):
        write_question(folder, "maze", f"maze_000{number}")
    write_question(folder, "sudoku", "sudoku_0000")
    write(folder / "vmeval_dataset.json", json.dumps({"pairs": []}))
    write(folder / "maze_task/notes/deep/goal.txt", "the green dot at the flag")
    (folder / "later_task/empty").mkdir(parents=True)
    return folder


pytestmark = pytest.mark.folder("questions", write_few)


def exported(tmp_path, revision=None, name="exported"):
    export(open_repo(REPO, revision), tmp_path / name)
    return tree(tmp_path / name)


def scratch_branches(hub):
    return [name for name in hub.branches(REPO) if "scratch" in name]


@pytest.mark.both_transfers
def test_a_push_can_be_loaded_streamed_and_exported(hub, folder, tmp_path):
    result = push_to_hub(folder, REPO)
    assert result.commit == hub.head(REPO)
    assert load_dataset(REPO, split="test").num_rows == 3
    assert load_dataset(REPO, "maze", split="test")["id"] == ["maze_0000", "maze_0001"]
    row = next(iter(load_dataset(REPO, "sudoku", split="test", streaming=True)))
    assert (row["id"], row["first_frame"].size) == ("sudoku_0000", (4, 3))
    assert load_dataset(REPO, "files", split="test").num_rows == 15
    assert exported(tmp_path) == tree(folder)
    assert verify(folder, open_repo(REPO)).same


@pytest.mark.both_transfers
def test_readers_see_one_commit_and_no_scratch_branch_stays(hub, folder):
    push_to_hub(folder, REPO, commit_message="The first questions", tag="v1")
    assert hub.log(REPO, "main")[:1] == ["The first questions"]
    assert len(hub.log(REPO, "main")) == 2
    assert list(hub.branches(REPO)) == ["main"]
    assert list(hub.tags(REPO)) == ["v1"]


@pytest.mark.both_transfers
def test_pushing_the_same_folder_again_makes_no_commit_and_sends_no_shard(hub, folder):
    first = push_to_hub(folder, REPO)
    hub.clear_log()
    second = push_to_hub(folder, REPO)
    assert (second.commit, second.changed) == (first.commit, False)
    assert hub.sent == []


@pytest.mark.both_transfers
def test_a_change_in_one_domain_sends_that_domains_shards_and_files_only(hub, folder):
    push_to_hub(folder, REPO)
    before = hub.files(REPO)
    write_question(folder, "maze", "maze_0001", prompt="Find another way out.")
    hub.clear_log()
    push_to_hub(folder, REPO)
    after = hub.files(REPO)
    changed = {path for path in after if path.endswith(".parquet") and before.get(path) != after[path]}
    assert {path.split("/test-")[0] for path in changed} == {"data/maze", "files"}
    assert 1 <= len(hub.sent) <= 2


@pytest.mark.both_transfers
def test_a_dropped_domain_leaves_neither_shards_nor_config(hub, folder, tmp_path):
    push_to_hub(folder, REPO, allow_removals=True)
    for path in sorted((folder / "sudoku_task").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "sudoku_task").rmdir()
    push_to_hub(folder, REPO, allow_removals=True)
    assert not [path for path in hub.files(REPO) if "sudoku" in path]
    assert "sudoku" not in hub.files(REPO)["README.md"].decode()
    assert load_dataset(REPO, split="test").num_rows == 2
    assert exported(tmp_path) == tree(folder)


@pytest.mark.both_transfers
def test_a_branch_that_is_missing_appears_with_the_push_in_it(hub, folder, tmp_path):
    hub.create_repo(REPO)
    main = hub.head(REPO)
    result = push_to_hub(folder, REPO, revision="draft")
    assert hub.head(REPO, "draft") == result.commit
    assert hub.head(REPO) == main
    assert exported(tmp_path, "draft") == tree(folder)


def test_what_a_person_wrote_into_the_card_survives(hub, folder):
    push_to_hub(folder, REPO, license_name="mit")
    card = hub.files(REPO)["README.md"].decode()
    edited = (
        card.replace("---\n", "---\n# by hand\npretty_name: Our mazes\nmine: 1\n", 1) + "\nAsk Ada first.\n"
    )
    edited = edited.replace("pretty_name: Video reasoning questions\n", "")
    hub.commit(REPO, {"README.md": edited.encode()}, "Edit the card")
    write_question(folder, "maze", "maze_0002")
    push_to_hub(folder, REPO)
    card = hub.files(REPO)["README.md"].decode()
    for kept in (
        "# by hand\n",
        "pretty_name: Our mazes\n",
        "mine: 1\n",
        'license: "mit"\n',
        "\nAsk Ada first.\n",
    ):
        assert kept in card
    assert load_dataset(REPO, split="test").num_rows == 4


@pytest.mark.parametrize(
    "present",
    [
        {"chess_task/chess_0000/first_frame.png": b"a raw mirror"},
        {"train.csv": b"a,b\n"},
        {"README.md": b"---\ndataset_info:\n  splits:\n  - name: train\n    num_examples: 1\n---\n"},
    ],
    ids=["raw mirror", "other data", "other card"],
)
def test_a_repository_with_something_else_is_refused_without_force(hub, folder, present):
    hub.create_repo(REPO)
    hub.commit(REPO, present, "Something else")
    head = hub.head(REPO)
    hub.clear_log()
    with pytest.raises(TargetExistsError, match="--force"):
        push_to_hub(folder, REPO)
    assert hub.head(REPO) == head
    assert not [request for request in hub.requests if request.method in WRITES]
    push_to_hub(folder, REPO, force=True)
    assert present.items() <= hub.files(REPO).items() or "README.md" in present


def test_a_folder_with_errors_sends_nothing(hub, folder):
    (folder / "maze_task/maze_0000/first_frame.png").unlink()
    with pytest.raises(FolderError):
        push_to_hub(folder, REPO)
    assert not hub.exists(REPO)
    assert push_to_hub(folder, REPO, keep_incomplete=True).rows == 3


def test_a_public_repository_is_refused_where_a_private_one_was_asked_for(hub, folder):
    hub.create_repo(REPO)
    with pytest.raises(HubConflictError, match="public"):
        push_to_hub(folder, REPO, private=True)
    assert hub.log(REPO, "main") == ["initial commit"]


def test_a_private_repository_is_made_and_strangers_do_not_see_it(hub, folder, monkeypatch):
    push_to_hub(folder, REPO, private=True)
    monkeypatch.setenv("HF_TOKEN", hub.token("stranger"))
    with pytest.raises(HubError, match="no such dataset repository"):
        open_repo(REPO)


def test_a_tag_that_is_there_is_refused_before_anything_is_sent(hub, folder):
    push_to_hub(folder, REPO, tag="v1")
    head = hub.head(REPO)
    write_question(folder, "maze", "maze_0009")
    with pytest.raises(TargetExistsError, match="v1"):
        push_to_hub(folder, REPO, tag="v1")
    assert hub.head(REPO) == head


@pytest.mark.both_transfers
def test_a_token_without_write_access_is_said_in_one_sentence(hub, folder, monkeypatch):
    hub.create_repo(REPO)
    token = hub.token("user", role="read")
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubAccessError) as raised:
        push_to_hub(folder, REPO)
    assert token not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.both_transfers
def test_full_storage_is_said(hub, folder):
    hub.create_repo(REPO)
    hub.limits.storage_limit = 1
    with pytest.raises(HubFullError, match="storage"):
        push_to_hub(folder, REPO)
    hub.limits.storage_limit = None
    assert push_to_hub(folder, REPO).changed


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(hub, folder):
    plan = plan_push(folder, REPO)
    assert (plan.creates_repo, plan.rows, plan.shards, plan.commits) == (True, 3, 2, 1)
    assert not hub.exists(REPO)
    assert not [request for request in hub.requests if request.method in WRITES]
    push_to_hub(folder, REPO)
    again = plan_push(folder, REPO)
    assert (again.creates_repo, again.new_shards, again.commits) == (False, 0, 0)
    assert again.changes.unchanged == {"maze": 2, "sudoku": 1}


def test_a_push_of_somebody_else_meanwhile_ends_in_an_error_and_never_in_a_mixture(hub, folder):
    push_to_hub(folder, REPO)
    write_question(folder, "maze", "maze_0002")
    theirs = {}

    def intrude(request):
        if request.method == "POST" and request.path.endswith("/commit/main") and not theirs:
            theirs["commit"] = hub.commit(REPO, {"notes.txt": b"mine"}, "Somebody else")

    hub.on_request = intrude
    with pytest.raises(HubConflictError, match="run again"):
        push_to_hub(folder, REPO)
    hub.on_request = None
    assert hub.log(REPO, "main")[0] == "Somebody else"
    assert load_dataset(REPO, split="test", revision=hub.head(REPO)).num_rows == 3
    push_to_hub(folder, REPO)
    assert hub.files(REPO)["notes.txt"] == b"mine"
    assert load_dataset(REPO, split="test", revision=hub.head(REPO)).num_rows == 4


@pytest.mark.both_transfers
def test_two_pushes_at_once_leave_one_of_the_two(hub, folder, tmp_path):
    other = tmp_path / "other"
    write_question(other, "chess", "chess_0000")
    hub.create_repo(REPO)
    outcomes = []

    def run(source):
        try:
            outcomes.append(push_to_hub(source, REPO, force=True))
        except HubConflictError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(source,)) for source in (folder, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2
    assert exported(tmp_path) in (tree(folder), tree(other))
    assert scratch_branches(hub) == []


@pytest.mark.both_transfers
def test_an_answer_that_is_lost_does_not_make_the_commit_twice(hub, folder):
    hub.create_repo(REPO)
    hub.fault("lost_answer", method="POST", path=r"/commit/main")
    result = push_to_hub(folder, REPO)
    assert hub.log(REPO, "main") == ["Publish 3 questions", "initial commit"]
    assert result.commit == hub.head(REPO)


def test_a_rate_limit_that_asks_for_long_is_told_with_the_wait(hub, folder):
    hub.create_repo(REPO)
    hub.fault("status", code=429, retry_after=840, method="POST", path=r"/commit/main", times=None)
    with pytest.raises(HubError, match="14 minutes"):
        push_to_hub(folder, REPO)
    assert hub.log(REPO, "main") == ["initial commit"]
    assert HfApi().dataset_info(REPO).sha == hub.head(REPO)
