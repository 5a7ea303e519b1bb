"""Rows that hold no file, such as a run that was killed at once: added once, and removed as others are."""

import pytest
from datasets import load_dataset

from tests.factories import as_json, tree, write
from tests.result_factories import some_samples, write_samples
from tests.run_factories import result, run_metadata, write_run
from vmeval_hfds import export, push_to_hub, verify

REPO = "user/runs"
KILLED = "pilot/wan/maze_task/maze_0001/run"


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    for number in (0, 2):
        write_run(folder, f"pilot/wan/maze_task/maze_000{number}/run", metadata=run_metadata("run"))
    (folder / KILLED / "video").mkdir(parents=True)
    (folder / KILLED / "question").mkdir()
    return folder


def paths():
    return sorted(load_dataset(REPO, split="test")["path"])


def test_it_is_added_once(hub, runs):
    push_to_hub(runs, REPO)
    again = push_to_hub(runs, REPO, add=True)
    assert (again.changed, again.changes.unchanged, again.changes.added) == (False, {"wan": 3}, {})
    assert paths().count(KILLED) == 1


def test_it_is_replaced_by_the_run_that_went_well(hub, runs, tmp_path):
    push_to_hub(runs, REPO)
    write_run(tmp_path / "more", KILLED, metadata=run_metadata("run"))
    pushed = push_to_hub(tmp_path / "more", REPO, add=True)
    assert (pushed.changes.changed, pushed.changes.added) == ({"wan": 1}, {})
    assert (len(paths()), paths().count(KILLED)) == (3, 1)
    assert not push_to_hub(tmp_path / "more", REPO, add=True).changed


def test_it_is_removed_by_its_path_and_by_not_being_there(hub, runs, tmp_path):
    push_to_hub(runs, REPO)
    write_run(tmp_path / "more", "pilot/wan/maze_task/maze_0009/run", metadata=run_metadata("run"))
    removed = push_to_hub(tmp_path / "more", REPO, remove=["*maze_0001*"], allow_removals=True)
    assert removed.changes.removed == {"wan": 1}
    assert KILLED not in paths()
    export(REPO, tmp_path / "out")
    assert KILLED not in {path.rpartition("/")[0] for path in tree(tmp_path / "out")}
    push_to_hub(runs, REPO, add=True)
    whole = push_to_hub(tmp_path / "more", REPO, allow_removals=True)
    assert whole.changes.removed == {"wan": 3}


def test_it_is_found_where_rows_before_it_went(hub, runs, tmp_path):
    push_to_hub(runs, REPO)
    push_to_hub(tmp_path / "runs", REPO, remove=[], add=True)
    write_run(tmp_path / "more", "pilot/wan/maze_task/maze_0009/run", metadata=run_metadata("run"))
    push_to_hub(tmp_path / "more", REPO, remove=["*maze_0000*"], allow_removals=True)
    pushed = push_to_hub(tmp_path / "more", REPO, remove=["*maze_0001*"], allow_removals=True)
    assert pushed.changes.removed == {"wan": 1}
    assert [path.split("/")[3] for path in paths()] == ["maze_0002", "maze_0009"]


@pytest.mark.parametrize(
    ("path", "write_other"),
    [
        (
            "pilot/wan/maze_task/maze_0000/GPT4OEvaluator.json",
            lambda folder: write(folder / "pilot/wan/maze_task/maze_0001/GPT4OEvaluator.json", result()),
        ),
        ("b_vbvr_results.json", lambda folder: write_samples(folder, "a", some_samples(tasks=1))),
    ],
    ids=["evaluations", "results"],
)
def test_a_result_that_is_not_utf8_is_added_once_and_comes_back(hub, tmp_path, path, write_other):
    folder = tmp_path / "in"
    write_other(folder)
    write(folder / path, b"\xff\xfe")
    push_to_hub(folder, REPO)
    before = paths()
    assert not push_to_hub(folder, REPO, add=True).changed
    assert paths() == before
    more = tmp_path / "more"
    write(more / path, as_json({}))
    assert sum(push_to_hub(more, REPO, add=True).changes.changed.values()) == 1
    assert paths() == before
    export(REPO, tmp_path / "out")
    assert tree(tmp_path / "out") == {**tree(folder), **tree(more)}
    assert verify(tmp_path / "out", REPO).same
