"""Outputs as the field's runners write them, since October 2025: each is recognised, and its path read right."""

import shutil

import pytest

from tests.factories import as_json, edit_rows, png, shards, tree, write, write_question
from tests.run_factories import rows, run_metadata, scatter_times, times, video, write_run
from vmeval_builders.errors import AmbiguousFolderError
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, open_repo, push_to_hub, to_dataset, verify
from vmeval_hfds.errors import UnsafePathError

LEVELS = ("experiment", "model", "checkpoint", "split", "generator", "domain", "task_id", "run_id", "sample")
SLIDING = "O-47_sliding_puzzle_data-generator"

# Paths of videos and pictures that are rows, and what each says.
PATHS = {
    "video-per-task": (
        "wan/chess_task/chess_0000.mp4",
        {"model": "wan", "domain": "chess", "task_id": "chess_0000"},
    ),
    "video-per-task-of-an-experiment": (
        "pilot/wan/chess_task/chess_0000.mp4",
        {"experiment": "pilot", "model": "wan", "domain": "chess", "task_id": "chess_0000"},
    ),
    "split-above-the-model": (
        f"In-Domain_50/wan/{SLIDING}/00000.mp4",
        {
            "split": "In-Domain_50",
            "model": "wan",
            "generator": SLIDING,
            "domain": SLIDING,
            "task_id": "00000",
        },
    ),
    "split-below-the-model": (
        "model_outputs/sora-2/Out-of-Domain_50/G-3_stable_sort_data-generator/00007.webm",
        {
            "model": "sora-2",
            "split": "Out-of-Domain_50",
            "generator": "G-3_stable_sort_data-generator",
            "domain": "G-3_stable_sort_data-generator",
            "task_id": "00007",
        },
    ),
    "checkpoints": (
        f"wan-lora/checkpoint-250/In-Domain_50/{SLIDING}/00001.mp4",
        {
            "model": "wan-lora",
            "checkpoint": "checkpoint-250",
            "split": "In-Domain_50",
            "generator": SLIDING,
            "domain": SLIDING,
            "task_id": "00001",
        },
    ),
    "generator-above-the-task": (
        f"wan/{SLIDING}/sliding_puzzle_task/sliding_puzzle_00000000.mp4",
        {
            "model": "wan",
            "generator": SLIDING,
            "domain": "sliding_puzzle",
            "task_id": "sliding_puzzle_00000000",
        },
    ),
    "samples-of-a-task": (
        "videos/SV_easy_graph_001/SV_easy_graph_001-2.mp4",
        {"domain": "SV_easy_graph", "task_id": "SV_easy_graph_001", "sample": "2"},
    ),
    "samples-of-a-models-task": (
        "wan/chess_task/chess_0000/chess_0000-1.mp4",
        {"model": "wan", "domain": "chess", "task_id": "chess_0000", "sample": "1"},
    ),
    "samples-in-a-folder-of-videos": (
        "veo-3/2D_geometry/7_videos/generated_video_3.mp4",
        {"model": "veo-3", "domain": "2D_geometry", "task_id": "7", "sample": "3"},
    ),
    "flat-names-of-october": (
        "outputs/pilot_experiment/veo-3.0-generate/maze/maze_0000_veo_3.0_generate.mp4",
        {
            "experiment": "pilot_experiment",
            "model": "veo-3.0-generate",
            "domain": "maze",
            "task_id": "maze_0000",
        },
    ),
    "outputs-of-a-task": (
        "sequence_completion/video_outputs/sora2/01.mp4",
        {"model": "sora2", "domain": "sequence_completion", "task_id": "01"},
    ),
    "samples-in-a-folder-of-their-model": (
        "sora/videos/SV_easy_graph_001/SV_easy_graph_001-0.mp4",
        {"model": "sora", "domain": "SV_easy_graph", "task_id": "SV_easy_graph_001", "sample": "0"},
    ),
    "samples-of-a-generators-task": (
        f"wan/{SLIDING}/00000/seed_7.mp4",
        {"model": "wan", "generator": SLIDING, "domain": SLIDING, "task_id": "00000", "sample": "7"},
    ),
    "a-domains-folder-that-ids-begin-with": (
        "sora/level2/level2_0001.mp4",
        {"model": "sora", "domain": "level2", "task_id": "level2_0001"},
    ),
    "a-model-and-no-domain": (
        "sora-2_pro/maze_0003.mp4",
        {"model": "sora-2_pro", "domain": "maze", "task_id": "maze_0003"},
    ),
    "a-split-right-above-the-video": (
        "pilot/wan/Out-of-Domain_50/00003.mp4",
        {"experiment": "pilot", "model": "wan", "split": "Out-of-Domain_50", "task_id": "00003"},
    ),
    "one-picture-a-task": (
        f"flux/In-Domain_50/{SLIDING}/00000.png",
        {
            "model": "flux",
            "split": "In-Domain_50",
            "generator": SLIDING,
            "domain": SLIDING,
            "task_id": "00000",
        },
    ),
    "categories-with-spaces": (
        "rise_video_outputs/Veo3.1/Subject Knowledge/2.mp4",
        {"model": "Veo3.1", "domain": "Subject Knowledge", "task_id": "2"},
    ),
}


def assert_comes_back(folder, place):
    """Build and export; bytes, and times of files and folders, are the same."""
    scatter_times(folder)
    dataset = build(folder, place / "there", num_proc=1).target
    export(dataset, place / "back", num_proc=1)
    assert tree(place / "back") == tree(folder)
    assert times(place / "back") == times(folder)
    assert verify(place / "back", dataset).same


@pytest.mark.parametrize(("path", "levels"), PATHS.values(), ids=PATHS)
def test_a_video_or_picture_is_a_row_and_its_path_says_what_it_is(tmp_path, path, levels):
    content = png(path) if path.endswith("png") else video(path)
    write(tmp_path / "outputs" / path, content)
    (row,) = rows(tmp_path / "outputs")
    assert row["path"] == path
    assert {name: row[name] for name in LEVELS} == dict.fromkeys(LEVELS) | levels
    held = {"bytes": content, "path": path.rpartition("/")[2]}
    assert (row["video"], row["images"]) == ((None, [held]) if path.endswith("png") else (held, None))


@pytest.mark.parametrize(("path", "levels"), PATHS.values(), ids=PATHS)
def test_it_comes_back_with_its_times_and_the_empty_folders_beside_it(tmp_path, path, levels):
    content = png(path) if path.endswith("png") else video(path)
    folder = tmp_path / "outputs"
    write(folder / path, content)
    (folder / path.rpartition(".")[0]).mkdir()
    write(folder / "all_models_summary.json", "{}")
    assert [one for one in check_folder(folder) if one.severity == "error"] == []
    assert_comes_back(folder, tmp_path)


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        (
            f"model_outputs/flux/In-Domain_50/{SLIDING}/00000",
            {
                "model": "flux",
                "split": "In-Domain_50",
                "generator": SLIDING,
                "domain": SLIDING,
                "task_id": "00000",
            },
        ),
        ("flux/maze/maze_0001", {"model": "flux", "domain": "maze", "task_id": "maze_0001"}),
        ("flux/maze_task/first", {"model": "flux", "domain": "maze", "task_id": "first"}),
    ],
    ids=["generator", "domain", "task"],
)
def test_several_pictures_a_task_are_one_row(tmp_path, path, levels):
    for number in range(12):
        write(tmp_path / "outputs" / path / f"{number:03}.png", png(number))
    (row,) = rows(tmp_path / "outputs")
    assert row["path"] == path
    assert {name: row[name] for name in LEVELS} == dict.fromkeys(LEVELS) | levels
    assert row["images"] == [{"bytes": png(number), "path": f"{number:03}.png"} for number in range(12)]
    assert_comes_back(tmp_path / "outputs", tmp_path)


@pytest.mark.parametrize(
    "names", [("frame_1.png", "frame_2.png"), ("1.jpg", "2.jpg"), ("output01.webp",)], ids=str
)
def test_pictures_below_a_generator_may_be_called_otherwise(tmp_path, names):
    for name in names:
        write(tmp_path / f"outputs/flux/{SLIDING}/00000" / name, png(name))
    (row,) = rows(tmp_path / "outputs")
    assert [one["path"] for one in row["images"]] == list(names)
    assert (row["model"], row["task_id"]) == ("flux", "00000")


@pytest.mark.parametrize(
    "names", [("0.mp4", "1.mp4"), ("seed-7.mp4", "seed-8.mp4"), ("a.mp4", "b.webm")], ids=str
)
def test_several_videos_in_a_tasks_folder_are_its_samples(tmp_path, names):
    task = tmp_path / "outputs/wan/maze_task/maze_0000"
    for name in names:
        write(task / name, video(name))
    found = rows(tmp_path / "outputs")
    assert [row["video"]["path"] for row in found] == list(names)
    assert {(row["model"], row["domain"], row["task_id"], row["run_id"]) for row in found} == {
        ("wan", "maze", "maze_0000", None)
    }
    assert len({row["sample"] for row in found}) == 2
    assert_comes_back(tmp_path / "outputs", tmp_path)


def test_several_videos_beside_the_folders_of_runs_are_no_samples(tmp_path):
    write_run(tmp_path / "outputs", "wan/maze_task/maze_0000/r")
    for name in ("0.mp4", "maze_0000-1.mp4", "other.webm"):
        write(tmp_path / "outputs/wan/maze_task/maze_0000" / name, video(name))
    assert [row["path"] for row in rows(tmp_path / "outputs")] == ["wan/maze_task/maze_0000/r"]


def test_runs_below_a_generator_keep_their_model(tmp_path):
    for model in ("wan", "hold"):
        write_run(
            tmp_path / "outputs",
            f"{model}/{SLIDING}/sliding_puzzle_task/sliding_puzzle_00000000",
            metadata=None,
        )
        write_run(tmp_path / "outputs", f"{model}/{SLIDING}/maze_task/maze_00000000/default", metadata=None)
    made = build(tmp_path / "outputs", tmp_path / "dataset")
    assert made.configs == {"hold": 2, "wan": 2}
    assert {(row["generator"], row["experiment"]) for row in rows(tmp_path / "outputs")} == {(SLIDING, None)}
    assert [row["run_id"] for row in rows(tmp_path / "outputs")] == ["default", None] * 2


def test_two_models_under_one_generator_stay_two(tmp_path):
    for model in ("wan", "hold"):
        write(tmp_path / f"outputs/{SLIDING}/{model}/sliding_puzzle_task/0.mp4", video(model))
    assert build(tmp_path / "outputs", tmp_path / "dataset").configs == {"hold": 1, "wan": 1}
    for row in rows(tmp_path / "outputs"):
        assert (row["experiment"], row["generator"], row["domain"]) == (None, SLIDING, "sliding_puzzle")


def test_a_generator_that_is_not_called_like_one_is_known_by_the_model_that_the_run_names(tmp_path):
    write_run(tmp_path / "outputs", "wan/my puzzles/maze_task/maze_0000/wan_maze_0000_20261123_200121")
    write_run(
        tmp_path / "outputs", "wan/my puzzles/maze_task/maze_0001", metadata=run_metadata("wan_maze_0001_1")
    )
    for row in rows(tmp_path / "outputs"):
        assert (row["model"], row["generator"], row["experiment"]) == ("wan", "my puzzles", None)


def test_runs_of_october_lie_right_below_their_experiment(tmp_path):
    folder = tmp_path / "outputs"
    run = "pilot_experiment/stub-fade_maze_0000_20261123_200253"
    write_run(folder, run)
    write_run(folder, "pilot_experiment/stub-fade_chess_0001_20261123_200254", metadata=None)
    write(folder / "pilot_experiment/logs/statistics.json", "{}")
    chess, maze = rows(folder)
    assert scan_rows(folder).layout.name == "outputs"
    assert {name: maze[name] for name in LEVELS} == dict.fromkeys(LEVELS) | {
        "experiment": "pilot_experiment",
        "model": "stub-fade",
        "domain": "maze",
        "task_id": "maze_0000",
        "run_id": "stub-fade_maze_0000_20261123_200253",
    }
    assert (chess["model"], chess["task_id"], chess["domain"]) == ("stub-fade", "chess_0001", "chess")
    assert_comes_back(folder, tmp_path)


def test_a_run_with_its_inputs_beside_its_output(tmp_path):
    run = tmp_path / "runs/runway-gen45/turntable_0000"
    write(run / "inputs/first_frame.png", png("first"))
    write(run / "inputs/prompt.txt", "Turn it.")
    write(run / "output.mp4", video("turn"))
    write(run / "README.md", "# Sample run\n")
    (row,) = rows(tmp_path / "runs")
    assert {name: row[name] for name in LEVELS} == dict.fromkeys(LEVELS) | {
        "model": "runway-gen45",
        "domain": "turntable",
        "task_id": "turntable_0000",
    }
    assert (row["prompt"], row["video"]["path"]) == ("Turn it.", "output.mp4")
    assert_comes_back(tmp_path / "runs", tmp_path)


@pytest.mark.parametrize(
    ("path", "stated", "expected"),
    [
        ("sora/maze_task/maze_0000", {"inference": {"run_id": "wan_maze_0000_1"}}, ("sora", "wan", None)),
        ("pilot/sora/maze_task/maze_0000/r", {"model_name": "wan"}, ("pilot", "wan", None)),
        (
            f"sora/{SLIDING}/maze_task/maze_0000",
            {"metadata": {"model_name": "wan"}},
            ("sora", "wan", SLIDING),
        ),
    ],
    ids=str,
)
def test_what_the_metadata_states_goes_before_the_path_and_a_contradiction_is_said(
    tmp_path, path, stated, expected
):
    write_run(tmp_path / "outputs", path, metadata=as_json(stated))
    (row,) = rows(tmp_path / "outputs")
    assert (row["experiment"], row["model"], row["generator"]) == expected
    assert "other-model" in [one.code for one in check_folder(tmp_path / "outputs")]
    assert build(tmp_path / "outputs", tmp_path / "dataset").configs == {"wan": 1}


@pytest.mark.parametrize("model", ["sora 2", "org/sora-2"])
def test_a_model_that_a_folder_is_called_after_is_no_contradiction(tmp_path, model):
    folder = model.replace("/", "--").replace(" ", "_")
    write_run(
        tmp_path / "outputs", f"{folder}/maze_task/maze_0000/r", metadata=as_json({"model_name": model})
    )
    codes = [one.code for one in check_folder(tmp_path / "outputs")]
    assert ("other-model" in codes) is ("/" in model)
    (row,) = rows(tmp_path / "outputs")
    assert row["model"] == model


# October's logs


def log_entry(name, model="veo-stub", task="chess_0000", **others):
    return {
        "run_id": f"{model}_20261124_121307",
        "video_path": f"data/outputs/{name}",
        "model": model,
        "status": "success",
        "image_path": f"/data/questions/{task.rpartition('_')[0]}_task/{task}/first_frame.png",
        "timestamp": "2026-11-24T12:13:07",
        **others,
    }


def test_a_log_states_what_flat_names_do_not(tmp_path):
    folder = tmp_path / "outputs"
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        write(folder / "pilot" / f"veo_{name}", video(name))
    entries = [log_entry("pilot/veo_a.mp4"), log_entry("pilot/veo_b.mp4", "luma", "maze_0001", status="odd")]
    failed = {"run_id": "x", "status": "failed", "model": "veo-stub", "error": "quota"}
    write(folder / "pilot/inference_log.json", as_json([*entries, failed, "odd", {"video_path": 3}]))
    known, other, unlisted = rows(folder)
    assert {name: known[name] for name in LEVELS} == dict.fromkeys(LEVELS) | {
        "experiment": "pilot",
        "model": "veo-stub",
        "domain": "chess",
        "task_id": "chess_0000",
        "run_id": "veo-stub_20261124_121307",
    }
    assert (known["status"], known["started_at"]) == ("success", "2026-11-24T12:13:07")
    assert (other["model"], other["domain"], other["task_id"], other["status"]) == (
        "luma",
        "maze",
        "maze_0001",
        "odd",
    )
    assert (unlisted["model"], unlisted["task_id"], unlisted["status"]) == ("pilot", "veo_c", None)
    assert "other-model" not in [one.code for one in check_folder(folder)]
    assert build(folder, tmp_path / "dataset").configs == {"veo-stub": 1, "luma": 1, "pilot": 1}
    assert_comes_back(folder, tmp_path)


def test_a_logs_entry_is_that_of_the_nearest_path(tmp_path):
    folder = tmp_path / "outputs"
    models = ("wan", "luma")
    for model in models:
        write(folder / f"pilot/{model}/maze/0.mp4", video(model))
    write(
        folder / "pilot/inference_log.json",
        as_json([log_entry(f"pilot/{model}/maze/0.mp4", model, status=model) for model in models]),
    )
    assert [(row["model"], row["status"]) for row in rows(folder)] == [("luma", "luma"), ("wan", "wan")]


@pytest.mark.parametrize("content", [b"not JSON", b"{}", b"\xff", b"[]", b"[null]"])
def test_a_log_that_cannot_be_read_takes_nothing(tmp_path, content):
    write(tmp_path / "outputs/veo.mp4", video())
    write(tmp_path / "outputs/inference_log.json", content)
    (row,) = rows(tmp_path / "outputs")
    assert (row["model"], row["task_id"]) == (None, "veo")
    assert_comes_back(tmp_path / "outputs", tmp_path)


def test_a_push_sends_rows_again_of_which_the_log_says_something_else(hub, tmp_path):
    folder = tmp_path / "outputs"
    write(folder / "pilot/veo_a.mp4", video())
    for status in ("success", "failed"):
        write(folder / "pilot/inference_log.json", as_json([log_entry("veo_a.mp4", status=status)]))
        push_to_hub(folder, "user/outputs")
        made = build(f"{folder}", tmp_path / status)
        export(open_repo("user/outputs"), tmp_path / f"of-{status}")
        assert tree(tmp_path / f"of-{status}") == tree(folder)
        assert made.rows == 1
        from datasets import load_dataset

        assert load_dataset("user/outputs", split="test")["status"] == [status]


# What is no run


def test_a_picture_that_no_generator_or_task_is_above_is_no_row(tmp_path):
    write(tmp_path / "outputs/wan/chess_task/chess_0000.mp4", video())
    write(tmp_path / "outputs/wan/thumbnails/001.png", png("thumbnail"))
    write(tmp_path / "outputs/wan/maze/GT/01.png", png("expected"))
    write(tmp_path / "outputs/evaluation.json", as_json({}))
    assert len(rows(tmp_path / "outputs")) == 1


@pytest.mark.parametrize(
    "path",
    [
        "maze_task/preview.mp4",
        "maze_task/maze_0000/video/ground_truth.mp4",
        "maze_task/maze_0000/frames/001.png",
        "maze_task/maze_0000/extra/clip.mp4",
        "maze_task/maze_0000/first_video.mp4",
    ],
)
def test_questions_with_videos_are_no_outputs(tmp_path, path):
    write_question(tmp_path / "questions")
    write(tmp_path / "questions" / path, png() if path.endswith("png") else video())
    scan = scan_rows(tmp_path / "questions")
    assert scan.layout.name == "questions"
    assert scan.units[0].path == "maze_task/maze_0000"


def test_outputs_beside_questions_are_not_decided_in_silence(tmp_path):
    write_question(tmp_path / "data/questions")
    write(tmp_path / "data/outputs/wan/maze_task/maze_0000.mp4", video())
    with pytest.raises(AmbiguousFolderError, match="questions"):
        scan_rows(tmp_path / "data")
    for name in ("questions", "outputs"):
        assert scan_rows(tmp_path / "data" / name).layout.name == name


def test_a_row_that_is_a_video_holds_nothing_else(tmp_path):
    write(tmp_path / "outputs/wan/chess_task/chess_0000.mp4", video())
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    (shard,) = shards(dataset)
    edit_rows(shard, lambda rows: [{**row, "prompt": "late"} for row in rows])
    before = tree(tmp_path)
    with pytest.raises(UnsafePathError, match="nothing was written"):
        export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "path", ["../x.mp4", "/x.mp4", "a/../../x.mp4", "con.mp4", "x.mp4/", "a//b.mp4", ".git/x.mp4"]
)
@pytest.mark.parametrize("listed", [True, False], ids=["with-list", "no-list"])
def test_a_videos_path_that_leads_elsewhere_is_refused(tmp_path, path, listed):
    write(tmp_path / "outputs/wan/chess_task/chess_0000.mp4", video())
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    (shard,) = shards(dataset)
    edit_rows(shard, lambda rows: [{**row, "path": path} for row in rows])
    if not listed:
        shutil.rmtree(dataset / "files")
    before = tree(tmp_path)
    with pytest.raises(UnsafePathError, match="nothing was written"):
        export(dataset, tmp_path / "a/b/target")
    assert tree(tmp_path) == before


def test_a_dataset_in_memory_comes_back_as_far_as_its_columns_hold_it(tmp_path):
    write(tmp_path / "outputs/wan/chess_task/chess_0000.mp4", video())
    write(tmp_path / f"outputs/flux/{SLIDING}/00000.png", png())
    for number in (1, 2):
        write(tmp_path / f"outputs/flux/{SLIDING}/00001/{number:03}.png", png(number))
    export(to_dataset(tmp_path / "outputs", cache_dir=tmp_path / "cache"), tmp_path / "back")
    assert tree(tmp_path / "back") == tree(tmp_path / "outputs")
