"""Rubric results, one a task: their evaluator's summary says split and category, and stays a file."""

import subprocess
from pathlib import Path

import pytest

from tests.factories import as_json, tree, write
from vmeval_hfds import build, check_folder, export, leaderboard, metadata_frame, push_to_hub, verify

DATA = Path(__file__).parents[3] / "shared" / "data" / "layouts"
GENERATORS = {"O-47_sliding_puzzle_data-generator": "sliding_puzzle", "G-12_maze_data-generator": "maze"}


@pytest.fixture
def rubrics(tmp_path):
    folder = tmp_path / "evaluations/rubrics"
    tasks = {}
    for number, (generator, domain) in enumerate(GENERATORS.items()):
        tasks[f"{generator}/{domain}_task"] = {
            "category": ("Abstraction", "Navigation")[number],
            "split": ("In_Domain", "Out_of_Domain")[number],
        }
        for model in ("wan", "sora"):
            stated = {
                "evaluator": "VBVRBenchEvaluator",
                "model_name": model,
                "task_type": f"{generator}/{domain}_task",
                "task_id": f"{domain}_0000",
            }
            result = {"score": 0.25 + number / 2, "dimensions": {"odd": 1}, "evaluation_type": "rubrics"}
            path = f"{model}/{generator}/{domain}_task/{domain}_0000/VBVRBenchEvaluator.json"
            write(folder / path, as_json({"metadata": stated, "result": result}))
    models = {model: {"tasks": tasks} for model in ("wan", "sora")}
    write(folder / "VBVRBenchEvaluator_summary.json", as_json({"models": models}))
    return tmp_path / "evaluations"


def test_a_result_has_split_category_generator_and_dimensions(rubrics):
    frame = metadata_frame(rubrics)
    row = frame[(frame["model"] == "wan") & (frame["domain"] == "maze")].iloc[0]
    names = ["split", "category", "generator", "task_id", "kind", "score", "dimensions"]
    expected = [
        "Out_of_Domain",
        "Navigation",
        "G-12_maze_data-generator",
        "maze_0000",
        "rubrics",
        0.75,
        '{"odd": 1}',
    ]
    assert row[names].tolist() == expected


def test_the_leaderboard_has_them_too(rubrics):
    board = leaderboard(rubrics, by=("model", "split", "category"))
    assert board[["model", "split", "category", "score"]].to_numpy().tolist() == [
        ["sora", "In_Domain", "Abstraction", 0.25],
        ["sora", "Out_of_Domain", "Navigation", 0.75],
        ["wan", "In_Domain", "Abstraction", 0.25],
        ["wan", "Out_of_Domain", "Navigation", 0.75],
    ]


@pytest.mark.parametrize("content", [b"no JSON", b"[]", b'{"models": {"wan": {"tasks": {"x": 3}}}}', b"\xff"])
def test_a_summary_that_says_nothing_is_none(rubrics, content):
    write(rubrics / "rubrics/VBVRBenchEvaluator_summary.json", content)
    assert metadata_frame(rubrics)["split"].isna().all()
    assert not [one for one in check_folder(rubrics) if one.severity == "error"]


def test_they_come_back_with_the_summary(rubrics, tmp_path, hub):
    push_to_hub(rubrics, "user/rubrics")
    build(rubrics, tmp_path / "dataset")
    for number, source in enumerate(("user/rubrics", tmp_path / "dataset")):
        export(source, tmp_path / f"out{number}")
        assert tree(tmp_path / f"out{number}") == tree(rubrics)
        assert verify(rubrics, source).same
        assert metadata_frame(source)["split"].notna().all()


def test_a_new_summary_is_a_new_version(rubrics, hub):
    push_to_hub(rubrics, "user/rubrics")
    summary = rubrics / "rubrics/VBVRBenchEvaluator_summary.json"
    summary.write_text(summary.read_text().replace("Navigation", "Planning"))
    assert push_to_hub(rubrics, "user/rubrics").changed
    assert set(metadata_frame("user/rubrics")["category"]) == {"Abstraction", "Planning"}


def test_the_fields_own_sample(tmp_path):
    archive = DATA / "outputs_and_evaluations_mar2026_rubrics.tar"
    if not archive.exists():
        pytest.skip("needs ../shared/data/layouts beside the project, which is no part of it")
    subprocess.run(["tar", "xf", archive, "-C", tmp_path, "evalkit_rubrics/evaluations"], check=True)
    folder = tmp_path / "evalkit_rubrics/evaluations"
    frame = metadata_frame(folder)
    assert set(frame["split"]) == {"In_Domain"}
    assert set(frame["category"]) == {"Navigation"}
    assert set(frame["model"]) == {"stub-fade", "stub-hold"}
    assert frame[["score", "dimensions", "generator"]].notna().all(axis=None)
    assert not [one for one in check_folder(folder) if one.severity == "error"]
    build(folder, tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "out")
    subprocess.run(["diff", "-r", folder, tmp_path / "out"], check=True)
    assert verify(tmp_path / "out", tmp_path / "dataset").same
