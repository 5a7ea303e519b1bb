"""The leaderboard of results in one file: VBVR-Bench's own tables, kinds apart, and what to do about what is missing."""

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tests.factories import as_json, write, write_question
from tests.result_factories import (
    GENERATORS,
    SPLITS,
    detail,
    sample,
    summary,
    write_details,
    write_result_files,
    write_samples,
)
from tests.run_factories import run_metadata, write_run
from vmeval_hfds import build, leaderboard, metadata_frame, push_to_hub, to_dataset
from vmeval_hfds.errors import DatasetError, UnknownNameError

DATA = Path(__file__).parents[3] / "shared" / "data" / "layouts"


def lines(board):
    return board.astype(object).where(board.notna(), None).to_dict("records")


def line(board, **wanted):
    [found] = [one for one in lines(board) if all(one[name] == value for name, value in wanted.items())]
    return found


def table(board, *keys):
    """The scores of VBVR-Bench's runner, by some keys."""
    chosen = [one for one in lines(board) if one.get("kind", "vbvr_results") == "vbvr_results"]
    return {tuple(one[key] for key in keys): one["score"] for one in chosen}


def as_summary(results, **options):
    """VBVR-Bench's summary, made of leaderboards."""
    by_split, overall, by_category = (
        table(leaderboard(results, by=("model", *keys), **options), "model", *keys)
        for keys in (("split",), (), ("category",))
    )
    return {
        model: {
            **{split: by_split.get((model, split), 0.0) for split in SPLITS},
            "overall": score,
            "by_category": {
                category: score for (name, category), score in by_category.items() if name == model
            },
        }
        for (model,), score in overall.items()
    }


@pytest.fixture
def results(tmp_path):
    return write_result_files(tmp_path / "results")


def test_it_is_vbvr_benchs_own_summary_number_by_number(results):
    assert as_summary(results) == json.loads((results / "all_models_summary.json").read_text())


def test_it_is_the_summary_of_the_fields_own_sample(tmp_path):
    archive = DATA / "vbvr_bench_outputs_and_results_json.tar"
    if not archive.exists():
        pytest.skip("needs ../shared/data/layouts beside the project, which is no part of it")
    subprocess.run(["tar", "xf", archive, "-C", tmp_path, "vbvr_bench_results"], check=True)
    [stated] = tmp_path.rglob("all_models_summary.json")
    assert as_summary(tmp_path) == json.loads(stated.read_text())


def test_a_sample_that_failed_is_no_zero_unless_that_is_asked_for(tmp_path):
    samples = [sample("00000", 0.5), sample("00001", 0.0, error="no prediction")]
    write_samples(tmp_path, "a", samples)
    [skipping], [counting] = (
        lines(leaderboard(tmp_path, by=("model",), missing=missing)) for missing in ("skip", "zero")
    )
    assert (skipping["score"], skipping["scored"], skipping["failed"]) == (0.5, 1, 1)
    assert (counting["score"], counting["scored"], counting["failed"], counting["missing"]) == (0.25, 1, 1, 0)
    assert as_summary(tmp_path, missing="zero") == {"a": summary(samples)}


def test_zero_counts_what_other_models_have(tmp_path):
    write_samples(tmp_path, "a", [sample("00000", 1.0), sample("00001", 0.5)])
    write_samples(tmp_path, "b", [sample("00000", 1.0)])
    board = leaderboard(tmp_path, by=("model", "category"), missing="zero")
    assert [(one["model"], one["score"], one["missing"]) for one in lines(board)] == [
        ("a", 0.75, 0),
        ("b", 0.5, 1),
    ]
    assert str(board["missing"].dtype) == "Int64"
    of_split = leaderboard(tmp_path, by=("split",), missing="zero")
    assert (of_split["score"].tolist(), of_split["missing"].tolist()) == ([2.5 / 4], [1])


def test_zero_counts_a_split_that_a_model_has_nothing_of(tmp_path):
    write_samples(tmp_path, "a", [sample(), sample(split="Out_of_Domain")])
    write_samples(tmp_path, "b", [sample()])
    found = line(
        leaderboard(tmp_path, by=("model", "split"), missing="zero"), model="b", split="Out_of_Domain"
    )
    assert (found["score"], found["scored"], found["missing"]) == (0.0, 0, 1)


def test_zero_counts_all_questions_where_they_are_given(tmp_path):
    for number in range(4):
        for folder in SPLITS.values():
            path = f"{folder}/{GENERATORS[0]}/{number:05d}"
            write_question(tmp_path / "questions", id=f"{number:05d}", path=path, metadata=None)
    write_samples(tmp_path / "results", "a", [sample("00000", 1.0), sample("00001", 0.5)])
    board = leaderboard(
        tmp_path / "results", questions=tmp_path / "questions", by=("model", "category"), missing="zero"
    )
    [found] = lines(board)
    assert (found["tasks"], found["without_result"], found["missing"]) == (8, 6, 6)
    assert found["score"] == 1.5 / 8


def test_questions_and_runs_are_matched_by_generator(tmp_path):
    generator = GENERATORS[0]
    write_question(tmp_path / "questions", path=f"In-Domain_50/{generator}/00000", metadata=None)
    write_question(tmp_path / "questions", path=f"In-Domain_50/{generator}/00009", metadata=None)
    write_samples(tmp_path / "results", "a", [sample("00000", 1.0)])
    [found] = lines(leaderboard(tmp_path / "results", questions=tmp_path / "questions"))
    assert (found["domain"], found["tasks"], found["without_result"]) == (generator, 2, 1)


def test_kinds_of_one_evaluator_are_never_averaged(tmp_path):
    for task, kind, score in (("maze_0000", "final_frame", 1), ("maze_0000", "multi_frame", 5)):
        stated = {"metadata": {"evaluator": "GPT", "model_name": "wan"}}
        value = {**stated, "result": {"score": score, "evaluation_type": kind}}
        write(tmp_path / f"pilot/wan/maze_task/{task}/GPT-{kind}.json", as_json(value))
    board = leaderboard(tmp_path)
    assert [*board.columns[:4]] == ["evaluator", "kind", "model", "domain"]
    assert board["score"].tolist() == [1.0, 5.0]
    assert leaderboard(tmp_path, by=("model",))["kind"].tolist() == ["final_frame", "multi_frame"]
    assert [*leaderboard(tmp_path, by=("model", "kind")).columns[:2]] == ["model", "kind"]


def test_what_was_skipped_is_of_the_evaluators_only_kind(tmp_path):
    for task, result in (
        ("maze_0000", {"score": 3, "evaluation_type": "final_frame"}),
        ("maze_0001", {"status": "skipped"}),
    ):
        value = {"metadata": {"evaluator": "GPT", "model_name": "wan"}, "result": result}
        write(tmp_path / f"pilot/wan/maze_task/{task}/GPT.json", as_json(value))
    [found] = lines(leaderboard(tmp_path, by=("kind", "model")))
    assert (found["kind"], found["scored"], found["skipped"]) == ("final_frame", 1, 1)
    assert "kind" not in leaderboard(tmp_path).columns


def test_the_two_forms_of_vbvr_bench_are_two_kinds(results):
    board = leaderboard(results, by=("model",))
    assert board[["kind", "model", "scored"]].to_numpy().tolist() == [
        ["eval_results", "sora", 2],
        ["vbvr_results", "sora", 8],
        ["vbvr_results", "wan-2.2_14b", 12],
    ]


def test_a_category_that_only_the_other_form_states_counts_for_both(results):
    board = leaderboard(results, by=("model", "category"))
    of_details = [one for one in lines(board) if one["kind"] == "eval_results"]
    assert [(one["category"], one["scored"]) for one in of_details] == [("Abstraction", 2)]


def test_checkpoints_of_one_model_are_kept_apart(tmp_path):
    for step, score in ((100, 1), (250, 3)):
        value = {"metadata": {"evaluator": "GPT", "model_name": "wan"}, "result": {"score": score}}
        path = f"pilot/wan/checkpoint-{step}/maze_task/maze_0000/GPT.json"
        write(tmp_path / path, as_json(value))
    board = leaderboard(tmp_path)
    assert [*board.columns[:4]] == ["evaluator", "model", "checkpoint", "domain"]
    assert board["score"].tolist() == [1.0, 3.0]
    assert leaderboard(tmp_path, by=("domain",))[["score", "scored"]].to_numpy().tolist() == [[2.0, 2]]


def test_a_run_of_a_checkpoint_is_found_by_the_name_that_the_results_have(tmp_path):
    write_samples(tmp_path / "results", "wan_checkpoint-100", [sample("00000", 1.0)])
    for step in (100, 250):
        video = tmp_path / f"outputs/wan/checkpoint-{step}/In-Domain_50/{GENERATORS[0]}/00000.mp4"
        write(video, b"video")
    board = leaderboard(tmp_path / "results", tmp_path / "outputs", by=("model", "split"))
    found = [(one["model"], one["scored"], one["runs"], one["not_evaluated"]) for one in lines(board)]
    assert found == [("wan", 0, 1, 1), ("wan_checkpoint-100", 1, 1, 0)]


def test_a_file_that_cannot_be_read_is_of_no_task(tmp_path):
    write_samples(tmp_path, "a", [sample()])
    write(tmp_path / "b_vbvr_results.json", b"no JSON")
    assert leaderboard(tmp_path)["model"].tolist() == ["a"]


def test_every_kind_of_source_gives_the_same(tmp_path, results, hub):
    expected = leaderboard(results, by=("model", "split", "category"))
    build(results, tmp_path / "dataset")
    push_to_hub(results, "user/results")
    for source in (
        tmp_path / "dataset",
        "user/results",
        to_dataset(results, cache_dir=tmp_path / "cache"),
        metadata_frame(results),
    ):
        pd.testing.assert_frame_equal(leaderboard(source, by=("model", "split", "category")), expected)


def test_evaluations_beside_outputs_are_taken_for_what_they_are_given_as(tmp_path):
    write_run(tmp_path, "pilot/wan/maze_task/maze_0000/run", metadata=run_metadata("run"))
    value = {"metadata": {"evaluator": "GPT", "model_name": "veo"}, "result": {"score": 3}}
    write(tmp_path / "pilot/veo/maze_task/maze_0000/GPT.json", as_json(value))
    assert leaderboard(tmp_path, outputs=tmp_path)["runs"].tolist() == [0, 1]


def test_what_holds_no_results_is_refused(tmp_path):
    write_question(tmp_path)
    with pytest.raises(DatasetError, match="expected evaluations or results"):
        leaderboard(tmp_path)


@pytest.mark.parametrize("missing", ["none", "", None])
def test_missing_is_skip_or_zero(results, missing):
    with pytest.raises(UnknownNameError, match="expected 'skip' or 'zero'"):
        leaderboard(results, missing=missing)


def test_tasks_of_one_id_in_two_splits_are_two(tmp_path):
    write_samples(tmp_path, "a", [sample(split=split, score=score) for score, split in enumerate(SPLITS)])
    [found] = lines(leaderboard(tmp_path, by=("model",)))
    assert (found["score"], found["scored"]) == (0.5, 2)


def test_two_evaluations_of_one_model_count_each_task_once(tmp_path):
    for time, score in (("20260401_120000", 0.0), ("20260402_120000", 1.0)):
        write_details(tmp_path, "a", [detail("00000", score)], time)
    [found] = lines(leaderboard(tmp_path))
    assert (found["score"], found["scored"]) == (0.5, 1)
