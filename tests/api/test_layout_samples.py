"""Real outputs of every layout since October 2025, and evaluations with a generator level: recognised, read right, back whole."""

import shutil
import subprocess

import pytest

from tests.factories import tree
from tests.layout_samples import comes_back, errors_of, rows_of, unpacked
from tests.run_factories import times
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, info, open_repo, push_to_hub, verify

REPO = "user/outputs"
LEVELS = ("experiment", "model", "checkpoint", "split", "generator", "domain", "task_id", "run_id", "sample")
SLIDING = "O-47_sliding_puzzle_data-generator"
IN_DOMAIN = {"split": "In-Domain_50", "generator": SLIDING, "domain": SLIDING}
PUZZLE = {"generator": SLIDING, "domain": "sliding_puzzle"}
NUMBERS = ("00000", "00001", "00002")
MODELS = ("stub-fade", "stub-hold")
OCTOBER = "20261123_200253"

# Archive, the folder of outputs in it, and what its rows say, by path.
SAMPLES = {
    "a-video-a-task": (
        "outputs_feb2026_video_per_task.tar",
        "feb2026_mp4/outputs",
        {
            f"stub-fade/chess_task/chess_{number:04}.mp4": {
                "model": "stub-fade",
                "domain": "chess",
                "task_id": f"chess_{number:04}",
            }
            for number in range(2)
        },
    ),
    "a-video-a-task-of-splits": (
        "outputs_feb2026_video_per_task.tar",
        "feb2026_vbvr_bench_infer/outputs",
        {
            f"In-Domain_50/stub-fade/{SLIDING}/{number}.mp4": {
                "model": "stub-fade",
                **IN_DOMAIN,
                "task_id": number,
            }
            for number in NUMBERS
        },
    ),
    "a-generator-level": (
        "outputs_jan2026_generator_level.tar",
        "jan2026_generators/outputs",
        {
            f"{model}/{SLIDING}/sliding_puzzle_task/sliding_puzzle_{number:08}": {
                "model": model,
                **PUZZLE,
                "task_id": f"sliding_puzzle_{number:08}",
            }
            for model in MODELS
            for number in range(2)
        },
    ),
    "a-generator-level-and-runs": (
        "outputs_and_evaluations_mar2026_rubrics.tar",
        "evalkit_rubrics/outputs_rubrics",
        {
            f"{model}/{SLIDING}/sliding_puzzle_task/sliding_puzzle_{number:08}/default": {
                "model": model,
                **PUZZLE,
                "task_id": f"sliding_puzzle_{number:08}",
                "run_id": "default",
            }
            for model in MODELS
            for number in range(2)
        },
    ),
    "runs-right-below-the-experiment": (
        "outputs_oct2025_flat_and_two_checkpoints.tar",
        "oct2025_two_checkpoints/outputs",
        {
            f"pilot_experiment/stub-fade_{domain}_0000_{OCTOBER}": {
                "experiment": "pilot_experiment",
                "model": "stub-fade",
                "domain": domain,
                "task_id": f"{domain}_0000",
                "run_id": f"stub-fade_{domain}_0000_{OCTOBER}",
            }
            for domain in ("chess", "maze", "raven", "rotation", "sudoku")
        },
    ),
    "flat-names-by-model-and-category": (
        "outputs_oct2025_flat_and_two_checkpoints.tar",
        "oct10_model_category/outputs",
        {
            f"pilot_experiment/{model}/{domain}/{domain}_0000_{model.replace('-', '_')}.mp4": {
                "experiment": "pilot_experiment",
                "model": model,
                "domain": domain,
                "task_id": f"{domain}_0000",
            }
            for model in ("luma-ray-2", "veo-3.0-generate")
            for domain in ("chess", "maze", "rotation")
        },
    ),
    "flat-names-and-a-log": (
        "outputs_oct2025_flat_and_two_checkpoints.tar",
        "oct10_runner_flat/outputs",
        {
            f"pilot_experiment/veo_{name}.mp4": {
                "experiment": "pilot_experiment",
                "model": "veo-stub",
                "domain": domain,
                "task_id": task,
                "run_id": "veo-stub_20261124_121307",
            }
            for name, domain, task in (
                ("218b529b4a", "chess", "chess_0000"),
                ("799a9a80fd", "clock", "clock_0000"),
                ("8d42650644", "counting_objects", "counting_pentagons_0000"),
                ("9b10c67fd9", "control_panel", "control_panel_2lights_0000"),
                ("b7fee29476", "counting_objects", "counting_squares_0000"),
            )
        },
    ),
    "a-split-below-the-model": (
        "vbvr_bench_outputs_and_results_json.tar",
        "vbvr_bench_outputs",
        {
            f"model_outputs/stub-fade/In-Domain_50/{SLIDING}/{number}.mp4": {
                "model": "stub-fade",
                **IN_DOMAIN,
                "task_id": number,
            }
            for number in NUMBERS
        },
    ),
    "checkpoints": (
        "vbvr_bench_outputs_and_results_json.tar",
        "vbvr_bench_outputs_checkpoints",
        {
            f"wan-lora/{checkpoint}/In-Domain_50/{SLIDING}/{number}.mp4": {
                "model": "wan-lora",
                "checkpoint": checkpoint,
                **IN_DOMAIN,
                "task_id": number,
            }
            for checkpoint in ("checkpoint-100", "checkpoint-250")
            for number in NUMBERS
        },
    ),
    "pictures": (
        "vbvr_bench_outputs_and_results_json.tar",
        "vbvr_pro_bench_outputs_image",
        {
            f"model_outputs/stub-fade/In-Domain_50/{SLIDING}/{number}": {
                "model": "stub-fade",
                **IN_DOMAIN,
                "task_id": number,
            }
            for number in NUMBERS
        },
    ),
    "inputs-and-an-output": (
        "inferkit_jun2026_runs_and_v2v_questions.tar",
        "inferkit_sample_runs",
        {
            "runway-gen45/turntable_behind_screen_0000": {
                "model": "runway-gen45",
                "domain": "turntable_behind_screen",
                "task_id": "turntable_behind_screen_0000",
            }
        },
    ),
}
CASES = [(archive, place) for archive, place, _ in SAMPLES.values()]


@pytest.fixture
def sample(tmp_path):
    """Give a function that unpacks a sample and gives a folder in it."""

    def unpack(archive, place):
        return unpacked(f"layouts/{archive}", tmp_path / "sample") / place

    return unpack


@pytest.mark.parametrize(("archive", "place", "expected"), SAMPLES.values(), ids=SAMPLES)
def test_what_the_rows_say(sample, archive, place, expected):
    folder = sample(archive, place)
    found = rows_of(folder)
    assert {path: {name: row[name] for name in LEVELS} for path, row in found.items()} == {
        path: dict.fromkeys(LEVELS) | levels for path, levels in expected.items()
    }
    for path, row in found.items():
        made = [*(row["images"] or ()), *([row["video"]] if row["video"] else [])]
        assert made, path
        for one in made:
            assert one["bytes"] in [file.read_bytes() for file in folder.rglob(one["path"])]


@pytest.mark.parametrize(("archive", "place", "expected"), SAMPLES.values(), ids=SAMPLES)
def test_it_is_recognised_and_comes_back_with_its_times(hub, tmp_path, sample, archive, place, expected):
    folder = sample(archive, place)
    stated = times(folder)
    comes_back(folder, tmp_path, "outputs")
    assert {problem.code for problem in check_folder(folder)} <= {"empty-folder"}
    made = build(folder, tmp_path / "dataset")
    assert set(made.configs) == {levels["model"] for levels in expected.values()}
    export(made.target, tmp_path / "rebuilt")
    assert times(tmp_path / "rebuilt") == stated
    assert verify(tmp_path / "rebuilt", made.target).same
    push_to_hub(folder, REPO)
    export(open_repo(REPO), tmp_path / "from-hub")
    assert times(tmp_path / "from-hub") == stated
    assert len(info(open_repo(REPO)).rows) == len(expected)


@pytest.mark.parametrize("named", [".", "outputs"], ids=["with-a-dot", "without"])
@pytest.mark.parametrize(("archive", "place"), CASES, ids=SAMPLES)
def test_it_comes_back_from_an_archive(hub, tmp_path, sample, archive, place, named):
    folder = sample(archive, place)
    moved = tmp_path / "place" / "outputs"
    shutil.copytree(folder, moved)
    shutil.copystat(folder, moved)
    place = moved if named == "." else moved.parent
    subprocess.run(["tar", "-C", place, "--format=posix", "-cf", tmp_path / "packed.tar", named], check=True)
    build(tmp_path / "packed.tar", tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(moved)
    assert times(tmp_path / "rebuilt") == times(moved)
    push_to_hub(tmp_path / "packed.tar", REPO)
    export(open_repo(REPO), tmp_path / "from-hub")
    assert tree(tmp_path / "from-hub") == tree(moved)
    assert times(tmp_path / "from-hub") == times(moved)


def test_kinds_side_by_side_are_told_apart_in_their_own_folders(sample):
    folder = sample("outputs_and_evaluations_mar2026_rubrics.tar", "evalkit_rubrics")
    found = {one.name: scan_rows(one).layout.name for one in folder.iterdir()}
    assert found == {"outputs_rubrics": "outputs", "evaluations": "evaluations"}


def test_evaluations_keep_the_model_apart_from_the_generator(hub, tmp_path, sample):
    folder = sample("outputs_and_evaluations_mar2026_rubrics.tar", "evalkit_rubrics/evaluations")
    assert errors_of(folder) == []
    found = rows_of(folder)
    assert {(row["experiment"], row["model"], row["generator"], row["domain"]) for row in found.values()} == {
        (None, model, SLIDING, "sliding_puzzle") for model in MODELS
    }
    assert {row["evaluator"] for row in found.values()} == {"VBVRBenchEvaluator"}
    comes_back(folder, tmp_path, "evaluations")
