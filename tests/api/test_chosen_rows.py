"""Rows by domain, id, model, evaluator, experiment or any column: the same words for every function and command."""

import json

import pytest

from tests.factories import as_json, files_below, write, write_question
from tests.run_factories import run_metadata, write_run
from vmeval_hfds import (
    build,
    diff_datasets,
    export,
    info,
    leaderboard,
    push_to_hub,
    tasks,
    verify,
    write_comparison,
    write_gallery,
)
from vmeval_hfds.errors import UnknownNameError

MODELS = {"sora": ("maze_0000", "maze_0001", "chess_0000"), "wan": ("maze_0000", "chess_0000")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Write questions, runs and results, and build a dataset of each."""
    place = tmp_path_factory.mktemp("chosen")
    for task in MODELS["sora"]:
        write_question(place / "questions", task.partition("_")[0], task)
    for model, its_tasks in MODELS.items():
        for number, task in enumerate(its_tasks):
            domain, experiment = task.partition("_")[0], f"round-{number}"
            stated = {"model": model, "status": "failed" if number == 1 else "success"}
            metadata = run_metadata(f"{model}_{task}_1", **stated)
            write_run(
                place / "outputs",
                f"{experiment}/{model}/{domain}_task/{task}/{model}_{task}_1",
                metadata=metadata,
            )
            for evaluator in ("GPT4OEvaluator", "human-eval"):
                said = {"evaluator": evaluator, "model_name": model, "task_id": task}
                write(
                    place / f"evaluations/{experiment}/{model}/{domain}_task/{task}/{evaluator}.json",
                    as_json({"metadata": said, "result": {"solution_correctness_score": number}}),
                )
    for name in ("questions", "outputs", "evaluations"):
        build(place / name, place / f"{name}-dataset")
    return place


#: What is held, what is asked for, and how many rows that are.
CHOICES = [
    ("questions", {"where": {"domain": "maze"}}, 2),
    ("questions", {"domains": "maze", "where": {"id": ["maze_0001", "chess_0000"]}}, 1),
    ("outputs", {"models": ["wan"]}, 2),
    ("outputs", {"models": "sora", "domains": ["maze"]}, 2),
    ("outputs", {"experiments": ["round-1"]}, 2),
    ("outputs", {"where": {"status": "failed"}}, 2),
    ("outputs", {"where": {"status": ["failed", "success"]}, "ids": ["chess_0000"]}, 2),
    ("outputs", {"where": {"error": None}}, 5),
    ("evaluations", {"evaluators": ["human-eval"]}, 5),
    ("evaluations", {"evaluators": ["human-eval"], "models": ["wan"], "where": {"score": 1}}, 1),
    ("evaluations", {"where": {"score": ["0", 2]}, "domains": ["maze"]}, 4),
]


@pytest.mark.parametrize(("name", "rows", "count"), CHOICES, ids=str)
def test_every_function_takes_the_same_rows(place, tmp_path, name, rows, count):
    folder, dataset = place / name, place / f"{name}-dataset"
    assert export(dataset, tmp_path / "part", **rows).rows == count
    assert verify(tmp_path / "part", dataset, **rows).same
    for source in (folder, dataset):
        assert len(info(source, **rows).rows) == count
    assert len(info(tmp_path / "part").rows) == count
    assert diff_datasets(folder, dataset, **rows).same
    assert write_gallery(dataset, tmp_path / "page.html", **rows).rows == count


def test_differences_are_told_of_the_rows_that_are_asked_for(place, tmp_path):
    export(place / "outputs-dataset", tmp_path / "changed")
    for path in files_below(tmp_path / "changed"):
        if path.endswith("metadata.json"):
            write(tmp_path / "changed" / path, (place / "outputs" / path).read_text() + "\n")
    write(tmp_path / "changed/more.txt", "more")
    found = diff_datasets(place / "outputs-dataset", tmp_path / "changed", models=["wan"])
    assert [len(found.changed), found.configs, found.other_added] == [2, {"wan": found.configs["wan"]}, []]
    assert len(diff_datasets(place / "outputs-dataset", tmp_path / "changed").changed) == 5


def test_leaderboard_tasks_and_comparison_take_them_too(place, tmp_path):
    board = leaderboard(place / "evaluations-dataset", place / "outputs", place / "questions", models=["wan"])
    assert set(board["model"].dropna()) == {"wan"}
    assert board["scored"].sum() == 4
    both = leaderboard(
        place / "evaluations", domains=["maze"], where={"evaluator": "human-eval"}, by=["model"]
    )
    assert both["scored"].tolist() == [2, 1]
    assert [one["id"] for one in tasks(place / "questions", where={"id": "maze_0001"})] == ["maze_0001"]
    compared = write_comparison(place / "outputs", tmp_path / "page.html", models=["wan"], domains=["maze"])
    assert (compared.rows, compared.models) == (1, ["wan"])


#: What is held, what is asked for, and what the sentence says.
REFUSED = [
    ("outputs", {"models": ["wan"], "ids": ["maze_0001"]}, "no row has all"),
    ("questions", {"models": ["wan"]}, "questions have no column 'model' to choose by; near ones: "),
    ("outputs", {"where": {"staus": "failed"}}, "no column 'staus' to choose by; near ones: status"),
    ("outputs", {"models": ["wam"]}, "there is no model 'wam'; near ones: wan"),
    ("outputs", {"where": {"status": "fail"}}, "there is no status 'fail'; near ones: failed"),
    ("evaluations", {"evaluators": ["human"]}, "no evaluator 'human'; near ones: human-eval"),
    ("evaluations", {"where": {"score": 7}}, "no score '7'; near ones: "),
]


@pytest.mark.parametrize(("name", "rows", "says"), REFUSED, ids=str)
def test_what_no_row_has_is_one_sentence_everywhere(place, tmp_path, name, rows, says):
    folder, dataset = place / name, place / f"{name}-dataset"
    for call in (
        lambda: export(dataset, tmp_path / "part", **rows),
        lambda: verify(folder, dataset, **rows),
        lambda: info(folder, **rows),
        lambda: info(dataset, **rows),
        lambda: diff_datasets(folder, dataset, **rows),
        lambda: write_gallery(folder, tmp_path / "page.html", **rows),
    ):
        with pytest.raises(UnknownNameError, match=says):
            call()
    assert not [*tmp_path.iterdir()]


def test_a_leaderboard_of_what_nobody_has_is_refused(place):
    with pytest.raises(UnknownNameError, match="no model 'wam'; near ones: wan"):
        leaderboard(place / "evaluations", models=["wam"])
    with pytest.raises(UnknownNameError, match="results have no column 'run_id'"):
        leaderboard(place / "evaluations", where={"run_id": "a"})


def test_only_shards_that_can_hold_them_are_opened(hub, place, tmp_path):
    push_to_hub(place / "outputs", "user/outputs")
    hub.clear_log()
    export("user/outputs", tmp_path / "part", models=["wan"], domains=["maze"])
    fetched = [request.path for request in hub.requests if "/data/" in request.path]
    assert fetched
    assert not [path for path in fetched if "/data/wan/" not in path]


def test_the_command_line_says_the_same(run, place, tmp_path):
    told = run("info", place / "outputs-dataset", "--where", "status=failed", "--format", "json")
    assert (told[0], json.loads(told[1])["rows"]) == (0, 2)
    assert "2 runs of those that there are." in run("info", place / "outputs", "--model", "wan")[1]
    chosen = ("--evaluator", "human-eval", "--where", "score=0", "--where", "score=1")
    assert run("export", place / "evaluations-dataset", tmp_path / "part", *chosen)[0] == 0
    assert len(files_below(tmp_path / "part")) == 4
    assert run("verify", tmp_path / "part", place / "evaluations-dataset", *chosen)[0] == 0
    assert run("diff", tmp_path / "part", place / "evaluations", *chosen)[0] == 0
    code, out, _ = run(
        "leaderboard", place / "evaluations", "--model", "wan", "--by", "model", "--format", "csv"
    )
    assert (code, len(out.splitlines())) == (0, 2)
    assert run("gallery", place / "outputs", tmp_path / "page.html", "--experiment", "round-2")[0] == 0
    code, _, err = run("export", place / "outputs-dataset", tmp_path / "none", "--where", "status")
    assert (code, "expected COLUMN=VALUE" in err) == (2, True)
    code, _, err = run("export", place / "outputs-dataset", tmp_path / "none", "--model", "wam")
    assert (code, "near ones: wan" in err) == (1, True)
