"""Outputs: the runs of every variant of the layout as rows, and bytes, empty folders and times that come back."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.api.test_roundtrip import FOLDERS, NAMES, lay_out
from tests.factories import MP4, png, real_data, shards, tree, write, write_question
from tests.run_factories import (
    RUN,
    assert_same,
    round_trip,
    rows,
    run_metadata,
    scatter_times,
    stored_rows,
    times,
    video,
    write_failed_run,
    write_run,
    write_runs,
)
from vmeval_builders.paths import path_problems
from vmeval_builders.scan import scan_rows
from vmeval_hfds import (
    OutputsBuilder,
    build,
    check_folder,
    export,
    info,
    open_repo,
    push_to_hub,
    to_dataset,
)

REPO = "user/outputs"

pytestmark = pytest.mark.folder("outputs", write_runs)


@pytest.fixture
def real(tmp_path):
    return real_data("outputs.tar", tmp_path / "real") / "outputs"


def one_row(folder, builder=None):
    found = rows(folder, builder)
    assert len(found) == 1
    return found[0]


# Where runs are

NONE = {"experiment": None, "model": None, "domain": "maze", "task_id": "maze_0000", "run_id": None}


RUN_ID = "wan_maze_0000_20261123_200121"


@dataclass(frozen=True)
class Place:
    """A run's folder, what its metadata calls the run, and what is known of it."""

    path: str
    known: dict[str, str]
    stated: str | None = RUN_ID


PLACES = [
    Place(RUN, {"experiment": "pilot", "model": "wan", "run_id": RUN_ID}),
    Place(f"data/outputs/{RUN}", {"experiment": "pilot", "model": "wan", "run_id": RUN_ID}),
    Place(
        "pilot/wan/maze_task/maze_0000/warmup", {"experiment": "pilot", "model": "wan", "run_id": "warmup"}
    ),
    Place("pilot/wan/maze_task/maze_0000", {"experiment": "pilot", "model": "wan"}),
    Place(f"wan/maze_task/maze_0000/{RUN_ID}", {"model": "wan", "run_id": RUN_ID}),
    Place("wan/maze_task/maze_0000/warmup", {"model": "wan", "run_id": "warmup"}, stated="warmup"),
    Place("wan/maze_task/maze_0000/warmup", {"model": "wan", "run_id": "warmup"}, stated=None),
    Place("wan/maze_task/maze_0000", {"model": "wan"}),
    Place("wan/maze_task/maze_0000", {"model": "wan"}, stated=None),
    # The run's own name has the model that no folder is called after.
    Place(f"pilot/maze_task/maze_0000/{RUN_ID}", {"experiment": "pilot", "model": "wan", "run_id": RUN_ID}),
    Place(
        f"pilot/maze_task/maze_0000/{RUN_ID}",
        {"experiment": "pilot", "model": "wan", "run_id": RUN_ID},
        stated=None,
    ),
    Place("pilot/maze_task/maze_0000", {"experiment": "pilot", "model": "wan"}),
    Place(f"maze_task/maze_0000/{RUN_ID}", {"model": "wan", "run_id": RUN_ID}),
    Place("maze_task/maze_0000/warmup", {"run_id": "warmup"}, stated="warmup"),
    Place("maze_task/maze_0000", {"model": "wan"}),
    Place("maze_task/maze_0000", {}, stated=None),
    Place("Wan 2.2 (14B)/maze_task/maze_0000/r", {"model": "Wan 2.2 (14B)", "run_id": "r"}, stated="r"),
    Place(
        "pilot/org--wan/maze_task/maze_0000/ü 1",
        {"experiment": "pilot", "model": "org--wan", "run_id": "ü 1"},
        stated="org--wan_maze_0000_1",
    ),
    Place(
        "p/m/a_task_b_task/x/r",
        {"experiment": "p", "model": "m", "domain": "a_task_b", "task_id": "x", "run_id": "r"},
    ),
    Place("p/m/maze_task/video/r", {"experiment": "p", "model": "m", "task_id": "video", "run_id": "r"}),
    Place(
        "p/m/maze_task/question/r", {"experiment": "p", "model": "m", "task_id": "question", "run_id": "r"}
    ),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.path}-{place.stated}")
def test_what_a_runs_place_says(tmp_path, place):
    metadata = None if place.stated is None else run_metadata(place.stated)
    write_run(tmp_path / "outputs", place.path, metadata=metadata)
    row = one_row(tmp_path / "outputs")
    assert {name: row[name] for name in NONE} == NONE | place.known
    assert row["path"] == place.path
    assert row["video"]["bytes"] == video(place.path)
    assert row["prompt"] == "Find the way out."
    assert row["first_frame"]["bytes"] == png(f"{place.path}/first")
    assert row["final_frame"]["bytes"] == png(f"{place.path}/final")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.path}-{place.stated}")
def test_every_place_comes_back(tmp_path, place):
    metadata = None if place.stated is None else run_metadata(place.stated)
    write_run(tmp_path / "outputs", place.path, metadata=metadata)
    (tmp_path / "outputs" / place.path.rpartition("/")[0] / "not_run_yet").mkdir()
    round_trip(scatter_times(tmp_path / "outputs"), tmp_path)


def test_the_columns_of_a_whole_run(tmp_path):
    write_run(tmp_path / "outputs", metadata=run_metadata(duration_seconds=12.5))
    row = one_row(tmp_path / "outputs")
    assert row == {
        "experiment": "pilot",
        "model": "wan",
        "checkpoint": None,
        "split": None,
        "generator": None,
        "domain": "maze",
        "task_id": "maze_0000",
        "run_id": RUN_ID,
        "sample": None,
        "status": "success",
        "error": None,
        "duration_seconds": 12.5,
        "started_at": "2026-11-23T20:01:21.068030",
        "prompt": "Find the way out.",
        "first_frame": {"bytes": png(f"{RUN}/first"), "path": "first_frame.png"},
        "final_frame": {"bytes": png(f"{RUN}/final"), "path": "final_frame.png"},
        "video": {"bytes": video(RUN), "path": "wan_20261123_200121_076138.mp4"},
        "images": None,
        "metadata": run_metadata(duration_seconds=12.5).decode(),
        "path": RUN,
    }


def test_a_failed_run_is_a_row_without_a_video(tmp_path):
    write_failed_run(tmp_path / "outputs", RUN)
    row = one_row(tmp_path / "outputs")
    assert (row["status"], row["video"], row["duration_seconds"]) == ("failed", None, 7e-06)
    assert row["error"] == "Stub failure: 429 Too Many Requests — quota exceeded"
    round_trip(scatter_times(tmp_path / "outputs"), tmp_path)
    assert (tmp_path / "rebuilt" / RUN / "video").is_dir()


@pytest.mark.parametrize(
    "parts", [{"question": False}, {"videos": None}, {"videos": {}, "question": False}], ids=str
)
@pytest.mark.parametrize("metadata", [None, run_metadata()], ids=["no-metadata", "metadata"])
def test_a_run_that_was_killed_early_is_a_row(tmp_path, parts, metadata):
    write_run(tmp_path / "outputs", metadata=metadata, **parts)
    row = one_row(tmp_path / "outputs", "outputs")
    assert (row["prompt"] is None) is (parts.get("question") is False)
    assert (row["video"] is None) is ("videos" in parts)
    assert (row["status"] is None) is (metadata is None)
    round_trip(scatter_times(tmp_path / "outputs"), tmp_path, builder="outputs")


def test_folders_alone_say_nothing_of_what_a_folder_holds(tmp_path):
    write_run(tmp_path / "outputs", videos={}, question=False, metadata=None)
    assert rows(tmp_path / "outputs") == []
    assert one_row(tmp_path / "outputs", "outputs")["run_id"] == RUN_ID
    write_question(tmp_path / "outputs")
    assert [row["path"] for row in rows(tmp_path / "outputs")] == ["maze_task/maze_0000"]


@pytest.mark.parametrize(
    ("metadata", "text", "status"),
    [
        (None, None, None),
        (b"", "", None),
        (b"not JSON", "not JSON", None),
        (b'{"inference": {"status": "suc', '{"inference": {"status": "suc', None),
        (b"\xff\xfe", None, None),
        (b"[1]", "[1]", None),
        (b"null", "null", None),
        (b'{"inference": null}', '{"inference": null}', None),
        (b'{"inference": ["status"]}', '{"inference": ["status"]}', None),
        (b'{"inference": {"status": null}}', '{"inference": {"status": null}}', None),
        (b'{"inference": {"status": 3}}', '{"inference": {"status": 3}}', "3"),
        (b'{"inference": {"status": ["a"]}}', '{"inference": {"status": ["a"]}}', None),
        (b'{"inference": {"status": "\\ud800"}}', '{"inference": {"status": "\\ud800"}}', None),
        (b'\xef\xbb\xbf{"inference": {"status": "ok"}}', '\ufeff{"inference": {"status": "ok"}}', "ok"),
        (b'{"inference": {"status": "ok"}}\r\n', '{"inference": {"status": "ok"}}\r\n', "ok"),
        (b"[" * 100_000, "[" * 100_000, None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_metadata_of_any_kind_comes_back_and_fills_what_it_can(tmp_path, metadata, text, status):
    write_run(tmp_path / "outputs", metadata=metadata)
    row = one_row(tmp_path / "outputs")
    assert (row["metadata"], row["status"]) == (text, status)
    assert not [problem for problem in check_folder(tmp_path / "outputs") if problem.severity == "error"]
    round_trip(tmp_path / "outputs", tmp_path)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (5, 5.0),
        (0, 0.0),
        (1e-9, 1e-9),
        ("5", None),
        (None, None),
        (True, None),
        ([1], None),
        (float("nan"), None),
    ],
)
def test_a_duration_is_a_number_or_null(tmp_path, stated, expected):
    write_run(tmp_path / "outputs", metadata=run_metadata(duration_seconds=stated))
    assert one_row(tmp_path / "outputs")["duration_seconds"] == expected


# Which file is the video


@dataclass(frozen=True)
class Videos:
    """Files of a task's folder, and the one that is the run's video."""

    name: str
    files: tuple[str, ...]
    chosen: str | None


VIDEOS = [
    *(
        Videos(f"ending-{ending}", (f"r/video/v.{ending}",), f"r/video/v.{ending}")
        for ending in ("mp4", "webm", "mov", "avi", "mkv")
    ),
    Videos("spaces", ("r/video/a b  c.mp4",), "r/video/a b  c.mp4"),
    Videos("unicode", ("r/video/迷路 é\N{THINKING FACE}.mp4",), "r/video/迷路 é\N{THINKING FACE}.mp4"),
    Videos("decomposed", ("r/video/e\u0301.webm",), "r/video/e\u0301.webm"),
    Videos("dots", ("r/video/wan-2.2.final.mp4",), "r/video/wan-2.2.final.mp4"),
    Videos("only-an-ending", ("r/video/.mp4",), "r/video/.mp4"),
    Videos("several", ("r/video/a.mp4", "r/video/b.mp4"), None),
    Videos("several-endings", ("r/video/a.mp4", "r/video/a.webm"), None),
    Videos("other-files-beside", ("r/video/a.mp4", "r/video/a.json", "r/video/a.mp4.part"), "r/video/a.mp4"),
    Videos("another-ending", ("r/video/a.gif",), None),
    Videos("capitals", ("r/video/a.MP4",), None),
    Videos("deeper", ("r/video/frames/a.mp4",), None),
    Videos("in-the-run-folder", ("r/a.mp4",), "r/a.mp4"),
    Videos("several-in-the-run-folder", ("r/a.mp4", "r/b.mp4"), None),
    Videos("extra-in-the-run-folder", ("r/video/a.mp4", "r/b.mp4"), "r/video/a.mp4"),
    Videos("extra-of-the-same-name", ("r/video/a.mp4", "r/a.mp4"), "r/video/a.mp4"),
    Videos("several-and-one-in-the-run-folder", ("r/video/a.mp4", "r/video/b.mp4", "r/a.mp4"), None),
    Videos("beside-the-run", ("r/video/a.mp4", "beside.mp4"), "r/video/a.mp4"),
    Videos("several-beside-the-run", ("r/video/a.mp4", "beside.mp4", "other.webm"), "r/video/a.mp4"),
    Videos("in-the-question", ("r/video/a.mp4", "r/question/ground_truth.mp4"), "r/video/a.mp4"),
    Videos("in-another-folder", ("r/video/a.mp4", "r/log/b.mp4"), "r/video/a.mp4"),
]


@pytest.mark.parametrize("case", VIDEOS, ids=lambda case: case.name)
def test_one_video_is_the_runs_and_the_others_stay_in_files(tmp_path, case):
    task = tmp_path / "outputs/pilot/wan/maze_task/maze_0000"
    write_run(tmp_path / "outputs", "pilot/wan/maze_task/maze_0000/r", videos={})
    for path in case.files:
        write(task / path, video(path))
    row = one_row(tmp_path / "outputs")
    expected = case.chosen and {"bytes": video(case.chosen), "path": case.chosen.rpartition("/")[2]}
    assert row["video"] == expected
    dataset = round_trip(scatter_times(tmp_path / "outputs"), tmp_path)
    listed = pq.read_table(dataset / "files/test-00000-of-00001.parquet").to_pylist()
    here = "pilot/wan/maze_task/maze_0000/"
    stored = {one["path"].removeprefix(here) for one in listed if one["content"] is not None}
    assert stored & set(case.files) == set(case.files) - {case.chosen}


@pytest.mark.parametrize(
    "path", ["pilot/wan/maze_task/maze_0000", "wan/maze_task/maze_0000", "maze_task/maze_0000"]
)
def test_a_video_alone_in_its_tasks_folder_is_a_run(tmp_path, path):
    write(tmp_path / "outputs" / path / "v.mp4", MP4)
    row = one_row(tmp_path / "outputs")
    assert (row["path"], row["run_id"], row["task_id"]) == (path, None, "maze_0000")
    assert row["video"] == {"bytes": MP4, "path": "v.mp4"}
    round_trip(scatter_times(tmp_path / "outputs"), tmp_path)


def test_a_task_with_a_run_of_its_own_and_runs_in_folders_is_several_rows(tmp_path):
    write_run(tmp_path / "outputs", "wan/maze_task/maze_0000")
    write_run(tmp_path / "outputs", "wan/maze_task/maze_0000/r1")
    found = rows(tmp_path / "outputs")
    assert [row["run_id"] for row in found] == [None, "r1"]
    assert [row["video"]["bytes"] for row in found] == [video(row["path"]) for row in found]
    round_trip(scatter_times(tmp_path / "outputs"), tmp_path)


def test_folders_that_are_empty_are_no_rows(folder):
    paths = [row["path"] for row in rows(folder)]
    assert len(paths) == 7
    assert not [path for path in paths if "maze_task/maze_0002" in path and path.startswith("pilot")]


# As a dataset

MODELS = (
    "wan",
    "Wan 2.2 (14B)",
    "data",
    "default",
    "files",
    "org--name",
    "a.b",
    "模型",
    "no-model",
    "__x",
    "WAN",
)


def test_every_model_is_a_config_whatever_its_name(tmp_path):
    from datasets import get_dataset_config_names, load_dataset

    folder = tmp_path / "outputs"
    for number, model in enumerate(MODELS):
        write_run(folder, f"{number}/{model}/maze_task/maze_0000/r")
    write_run(folder, "maze_task/maze_0000/r")
    result = build(folder, tmp_path / "dataset")
    dataset = str(result.target)
    assert set(MODELS) <= set(result.configs)
    assert sum(result.configs.values()) == len(MODELS) + 1
    names = get_dataset_config_names(dataset)
    assert {"default", "files", "org--name", "a.b", "模型"} <= set(names)
    found = []
    for name in set(names) - {"default", "files"}:
        of_config = load_dataset(dataset, name, split="test")
        models = set(of_config["model"])
        assert len(models) == 1 or models == {None, "no-model"}
        found += of_config["path"]
    assert sorted(found) == sorted(row["path"] for row in rows(folder))
    assert len(load_dataset(dataset, split="test")) == len(MODELS) + 1
    round_trip(folder, tmp_path / "again")


def test_a_model_level_that_only_some_have(tmp_path):
    folder = tmp_path / "outputs"
    write_run(folder, "pilot/maze_task/maze_0000/wan_maze_0000_1", metadata=None)
    write_run(folder, "wan/maze_task/maze_0000/wan_maze_0000_1", metadata=None)
    result = build(folder, tmp_path / "dataset")
    assert result.configs == {"wan": 2}
    assert [row["experiment"] for row in rows(folder)] == ["pilot", None]


@pytest.mark.parametrize("from_hub", [False, True], ids=["directory", "hub"])
def test_load_dataset_gives_a_models_runs_with_the_bytes_of_their_videos(hub, tmp_path, folder, from_hub):
    from datasets import load_dataset

    if from_hub:
        push_to_hub(folder, REPO)
    source = REPO if from_hub else str(build(folder, tmp_path / "dataset").target)
    expected = {row["path"]: row for row in rows(folder) if row["model"] == "wan"}
    loaded = load_dataset(source, "wan", split="test")
    assert {row["path"] for row in loaded} == set(expected)
    for row in loaded:
        wanted = expected[row["path"]]
        assert row["video"] == wanted["video"]
        if row["video"]:
            assert (
                row["video"]["bytes"] == (folder / row["path"] / "video" / row["video"]["path"]).read_bytes()
            )
        assert (row["first_frame"] is None) is (wanted["first_frame"] is None)
        same = (
            "experiment",
            "status",
            "error",
            "duration_seconds",
            "started_at",
            "prompt",
            "metadata",
            "run_id",
        )
        assert {name: row[name] for name in same} == {name: wanted[name] for name in same}


def test_to_dataset_and_the_datasets_builder_give_the_same_rows(tmp_path, folder):
    expected = rows(folder)
    made = to_dataset(folder, cache_dir=tmp_path / "cache")
    streamed = OutputsBuilder.of(folder, cache_dir=str(tmp_path / "cache")).as_streaming_dataset(split="test")
    for found in (made, streamed):
        assert [row["video"] for row in found] == [row["video"] for row in expected]
    assert made["metadata"] == [row["metadata"] for row in expected]


def test_a_dataset_in_memory_comes_back_as_far_as_its_columns_hold_it(tmp_path, folder):
    result = export(to_dataset(folder, cache_dir=tmp_path / "cache"), tmp_path / "rebuilt")
    assert not result.listed
    assert result.builder == "outputs"
    part = {path: content for path, content in tree(tmp_path / "rebuilt").items() if content is not None}
    assert part.items() <= tree(folder).items()
    chosen = [row for row in rows(folder) if row["video"]]
    assert {f"{row['path']}/video/{row['video']['path']}" for row in chosen} <= set(part)
    assert {f"{row['path']}/metadata.json" for row in rows(folder) if row["metadata"]} <= set(part)


def test_info_counts_runs_by_model_domain_and_status(folder, dataset):
    of_folder, of_dataset = info(folder), info(dataset)
    assert of_folder.layout.name == of_dataset.layout.name == "outputs"
    assert of_folder.rows == of_dataset.rows
    assert of_folder.files == of_dataset.files
    counted = {group.names: group.rows for group in of_folder.groups("model", "domain", "status")}
    assert counted == {
        ("org--hold", "chess", None): 1,
        ("org--hold", "chess", "success"): 1,
        ("org--hold", "maze", "failed"): 1,
        ("wan", "chess", "success"): 1,
        ("wan", "maze", None): 1,
        ("wan", "maze", "success"): 2,
    }


@pytest.mark.parametrize("question", [True, False], ids=["frames", "no-frames"])
def test_a_card_refers_to_a_picture_that_is_there(tmp_path, question):
    write_run(tmp_path / "outputs", question=question)
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    shown = "preview.png" in (dataset / "README.md").read_text()
    assert shown is (dataset / "assets/preview.png").exists()


def test_row_groups_are_small_enough_to_hold_however_large_videos_are(tmp_path):
    for number in range(40):
        write_run(
            tmp_path / "outputs", f"wan/maze_task/m{number:02d}/r", videos={"v.mp4": video(number, 2**20)}
        )
    dataset = round_trip(tmp_path / "outputs", tmp_path)
    found = [pq.ParquetFile(shard).metadata for shard in shards(dataset)]
    sizes = [one.row_group(group).total_byte_size for one in found for group in range(one.num_row_groups)]
    assert sum(sizes) > 40 * 2**20
    assert max(sizes) < 17 * 2**20


# Any folder

LEVELS = st.sampled_from(["pilot/wan/", "pilot/hold/", "wan/", "", "data/outputs/pilot/wan/"])


TASKS = st.sampled_from(["maze_task/maze_0000", "maze_task/maze_0001", "chess_task/x"])


RUNS = st.sampled_from(["", "/wan_maze_0000_1", "/hold_maze_0000_2", "/ü 1"])


ENDINGS = st.sampled_from([".mp4", ".webm", ".txt", ""])


RUN_FILES = st.one_of(
    st.sampled_from(
        ["metadata.json", "question/prompt.txt", "question/first_frame.png", "video", "question"]
    ),
    st.builds("{}{}{}".format, st.sampled_from(["", "video/", "log/"]), NAMES, ENDINGS),
)


CONTENTS = st.none() | st.binary(max_size=50) | st.just(run_metadata()) | st.just(png())


ENTRIES = st.dictionaries(
    st.builds("{}{}{}/{}".format, LEVELS, TASKS, RUNS, RUN_FILES) | FOLDERS, CONTENTS, min_size=1, max_size=12
)


def consistent(entries, always):
    """Drop what cannot lie beside the others and beside the file `always`; None is an empty folder."""
    files = {}
    for path, content in {always: b"", **entries}.items():
        others = {**files, path: content}
        inside = any(
            one != path and (one.startswith(f"{path}/") or path.startswith(f"{one}/")) for one in others
        )
        held = [one for one, found in others.items() if found is not None]
        empty = [one for one, found in others.items() if found is None]
        if not inside and not list(path_problems(held, empty)):
            files = others
    return files


@given(ENTRIES, st.integers(0, 2**32), st.sampled_from(["data", "metadata.json"]))
def test_any_outputs_come_back(entries, seed, name):
    run = f"p/m/always_task/there/{name}"
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        lay_out(root / "outputs", consistent(entries, f"{run}/metadata.json"))
        write_run(root / "outputs", run)
        scatter_times(root / "outputs", seed)
        before = times(root / "outputs")
        assume(scan_rows(root / "outputs", "outputs").units)
        round_trip(root / "outputs", root, builder="outputs", num_proc=1)
        assert times(root / "outputs") == before


def test_real_outputs_come_back_with_their_times(tmp_path, real):
    assert not [problem for problem in check_folder(real) if problem.severity == "error"]
    assert len(rows(real)) == 15
    scatter_times(real / "goal_experiment")
    dataset = round_trip(real, tmp_path)
    assert {row["status"] for row in stored_rows(dataset).values()} == {"success", "failed"}


def test_real_outputs_come_back_from_the_hub(hub, tmp_path, real):
    from datasets import load_dataset

    push_to_hub(real, REPO)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert_same(tmp_path / "rebuilt", real)
    for model in ("stub-fade", "stub-hold"):
        for row in load_dataset(REPO, model, split="test"):
            files = list((real / row["path"] / "video").iterdir())
            assert (
                [row["video"]["bytes"]] == [one.read_bytes() for one in files] if row["video"] else not files
            )
