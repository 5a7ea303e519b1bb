"""`vmeval-hfds leaderboard`: the scores of anything that holds results, in a form for people or for programs."""

import csv
import io
import json

import pytest

from tests.result_factories import GENERATORS, sample, write_result_files, write_samples
from tests.run_factories import run_metadata, write_run
from vmeval_hfds import build, leaderboard, push_to_hub


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    write_samples(folder, "a|b", [sample("00000", 1 / 3), sample("00001", 0.0, error="broken")])
    return folder


def test_people_get_a_table(run, results):
    code, out, err = run("leaderboard", "--evaluations", results, "--by", "model", "--by", "split")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "model  split      score   scored  skipped  failed  unscored",
        "a|b    In_Domain  0.3333       1        0       1         0",
    ]
    assert run("leaderboard", results, "--by", "model,split")[1] == out


def test_programs_get_every_digit(run, results):
    _, out, _ = run("leaderboard", results, "--by", "model", "--format", "json")
    assert json.loads(out) == {
        "missing": "skip",
        "rows": [{"model": "a|b", "score": 1 / 3, "scored": 1, "skipped": 0, "failed": 1, "unscored": 0}],
    }
    _, out, _ = run("leaderboard", results, "--by", "model", "--format", "csv", "--missing", "zero")
    header, row = csv.reader(io.StringIO(out))
    assert header == ["model", "score", "scored", "skipped", "failed", "unscored", "missing"]
    assert row == ["a|b", repr(1 / 6), "1", "0", "1", "0", "0"]


def test_markdown_is_a_table_whatever_the_names_are(run, results):
    _, out, _ = run("leaderboard", results, "--by", "model", "--format", "markdown")
    assert out.splitlines() == [
        "| model | score | scored | skipped | failed | unscored |",
        "| --- | --- | --- | --- | --- | --- |",
        "| a\\|b | 0.3333 | 1 | 0 | 1 | 0 |",
    ]


def test_nothing_is_printed_where_that_is_asked_for(run, results):
    assert run("leaderboard", results, "--format", "quiet") == (0, "", "")


def test_it_takes_folders_datasets_and_repositories(run, tmp_path, hub):
    folder = write_result_files(tmp_path / "results")
    build(folder, tmp_path / "dataset")
    push_to_hub(folder, "user/results")
    expected = run("leaderboard", folder, "--format", "csv")[1]
    assert len(expected.splitlines()) == 1 + len(leaderboard(folder))
    for source in (tmp_path / "dataset", "user/results", "user/results@main", "hf://datasets/user/results"):
        assert run("leaderboard", "--evaluations", source, "--format", "csv") == (0, expected, "")


def test_outputs_and_questions_come_along(run, tmp_path, results):
    write_run(tmp_path / "outputs", "pilot/wan/maze_task/maze_0000/run", metadata=run_metadata("run"))
    _, out, _ = run("leaderboard", results, "--outputs", tmp_path / "outputs", "--format", "json")
    rows = json.loads(out)["rows"]
    assert [(one["domain"], one["runs"], one["scored"]) for one in rows] == [
        (GENERATORS[0], 0, 1),
        ("maze", 1, 0),
    ]


@pytest.mark.parametrize("by", ["modell", "model,model", "", "task_id"])
def test_a_column_that_is_none_is_wrong_usage(run, results, by):
    code, out, err = run("leaderboard", results, "--by", by)
    assert (code, out) == (2, "")
    assert "expected some of experiment, evaluator" in err


def test_what_holds_no_results_is_said(run, tmp_path):
    code, out, err = run("leaderboard", "--evaluations", tmp_path / "nothing", "--format", "json")
    assert code == 1
    assert json.loads(out)["error"]["type"] == "MissingPathError"
    assert "nothing" in err


def test_evaluations_are_needed(run):
    code, _, err = run("leaderboard")
    assert code == 2
    assert "--evaluations" in err
