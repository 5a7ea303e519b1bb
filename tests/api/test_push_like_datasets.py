"""What `push_to_hub` makes loads exactly as what ``to_dataset(folder).push_to_hub(repo)`` makes, the plain way."""

import pytest
from datasets import get_dataset_config_names, load_dataset

from tests.factories import MP4, tree, write_question
from tests.run_factories import write_run
from vmeval_hfds import export, push_to_hub, to_dataset
from vmeval_hfds.store.repository import open_repo

OURS, PLAIN = "user/ours", "user/plain"


def questions(folder):
    for number in range(3):
        write_question(folder, "maze", f"maze_000{number}", ground_truth=MP4 if number else None)
    write_question(folder, "sudoku", "sudoku_0000")


def outputs(folder):
    for model in ("wan", "sora"):
        write_run(folder, f"pilot/{model}/maze_task/maze_0000/run")


def evaluations(folder):
    path = folder / "pilot/wan/maze_task/maze_0000/human-eval.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"metadata": {"evaluator": "human-eval"}, "result": {"solution_correctness_score": 4}}')


KINDS = {one.__name__: one for one in (questions, outputs, evaluations)}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def folder(request, tmp_path):
    folder = tmp_path / "folder"
    request.param(folder)
    return folder


def rows(repo, streaming):
    return [*load_dataset(repo, split="test", streaming=streaming)]


@pytest.mark.both_transfers
def test_both_ways_load_alike(hub, folder):
    push_to_hub(folder, OURS)
    to_dataset(folder).push_to_hub(PLAIN)
    ours, plain = (load_dataset(repo) for repo in (OURS, PLAIN))
    assert ours.keys() == plain.keys() == {"test"}
    assert ours["test"].features == plain["test"].features
    undecoded = [one["test"].with_format("arrow")[:].to_pylist() for one in (ours, plain)]
    assert undecoded[0] == undecoded[1]
    for streaming in (False, True):
        assert len(rows(OURS, streaming)) == len(rows(PLAIN, streaming))
        for one, other in zip(rows(OURS, streaming), rows(PLAIN, streaming), strict=True):
            assert list(one) == list(other)
            assert (one["path"], one.get("prompt")) == (other["path"], other.get("prompt"))
    assert "default" in get_dataset_config_names(OURS)


@pytest.mark.both_transfers
def test_the_plain_way_is_exported_too(hub, folder, tmp_path):
    to_dataset(folder).push_to_hub(PLAIN)
    result = export(open_repo(PLAIN), tmp_path / "exported")
    assert not result.listed
    back = {path: content for path, content in tree(tmp_path / "exported").items() if content is not None}
    assert back.items() <= tree(folder).items()
    missing = {
        path.rpartition("/")[2] for path in tree(folder).keys() - back.keys() if not path.endswith("/")
    }
    assert missing <= {"question_metadata.json"}  # no column of a run holds it
