"""`build`: a folder becomes a dataset directory that `load_dataset` reads, whole or not at all."""

import io
import json
import os
import shutil

import pyarrow.parquet as pq
import pytest
import yaml

from tests.factories import (
    MP4,
    as_json,
    files_below,
    png,
    shards,
    tree,
    write,
    write_manifest,
    write_question,
    write_rich_folder,
)
from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS
from vmeval_builders.frames import frame_size
from vmeval_builders.paths import config_names
from vmeval_hfds import build, check_folder, export, to_dataset
from vmeval_hfds.errors import FolderError
from vmeval_hfds.table import listing_shards, parquet, plan
from vmeval_hfds.table.card import split_card


def load(dataset, config=None, streaming=False, split="test"):
    from datasets import load_dataset

    return load_dataset(str(dataset), config, split=split, streaming=streaming)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "dataset"


# What load_dataset makes of it


@pytest.mark.parametrize("streaming", [False, True], ids=["loaded", "streaming"])
def test_every_config_is_loaded(folder, target, streaming):
    write_question(folder, "rotation", "rotation_0000", ground_truth=MP4)
    build(folder, target)
    found = {
        config: [row["id"] for row in load(target, config, streaming)]
        for config in (None, "chess", "maze", "rotation")
    }
    assert found == {
        None: ["chess_0000", "chess_0001", "maze_0000", "maze_0001", "rotation_0000"],
        "chess": ["chess_0000", "chess_0001"],
        "maze": ["maze_0000", "maze_0001"],
        "rotation": ["rotation_0000"],
    }
    listed = [row["path"] for row in load(target, "files", streaming)]
    assert listed == sorted(files_below(folder))


@pytest.mark.parametrize("streaming", [False, True], ids=["loaded", "streaming"])
def test_a_row_is_the_question(tmp_path, target, streaming):
    task = write_question(tmp_path / "q", ground_truth=MP4, prompt="Turn 90°.\n", task_category="Maze")
    build(tmp_path / "q", target)
    [row] = load(target, "maze", streaming)
    assert row["first_frame"].size == (4, 3)
    assert {key: row[key] for key in ("id", "domain", "prompt", "difficulty", "task_category", "path")} == {
        "id": "maze_0000",
        "domain": "maze",
        "prompt": "Turn 90°.\n",
        "difficulty": "easy",
        "task_category": "Maze",
        "path": "maze_task/maze_0000",
    }
    assert row["created_at"] is None
    assert row["question_metadata"].encode() == (task / "question_metadata.json").read_bytes()
    assert row["ground_truth"]["bytes"] == MP4


def test_the_frames_are_the_files_bytes(folder, target):
    from datasets import Image

    build(folder, target)
    rows = load(target).cast_column("first_frame", Image(decode=False))
    for row in rows:
        frame = (folder / row["path"] / "first_frame.png").read_bytes()
        assert row["first_frame"] == {"bytes": frame, "path": "first_frame.png"}


def test_files_lists_every_file_by_size_and_hash(tmp_path, target):
    import hashlib

    folder = write_rich_folder(tmp_path / "questions")
    build(folder, target)
    rows = {row["path"]: row for row in load(target, "files")}
    assert set(rows) == {path for path in tree(folder) if not path.endswith("/")} | {
        "chess_task/chess_0000/video/",
        "not_yet/run/1/",
    }
    for path, content in files_below(folder).items():
        assert rows[path]["size"] == len(content)
        assert rows[path]["sha256"] == hashlib.sha256(content).hexdigest()
        assert rows[path]["content"] in (None, content)
    assert rows["not_yet/run/1/"]["sha256"] is None
    assert {path for path, row in rows.items() if row["content"] is not None} == {
        "vmeval_dataset.json",
        "notes.md",
        "maze_task/README",
        "maze_task/maze_0000/deep/er/extra.bin",
        "maze_task/maze_0001/empty.txt",
        "rotation_task/rotation_0001/prompt.txt",
    }


def test_no_byte_of_a_frame_is_stored_twice(folder, target):
    frame = png("large", (200, 200))
    write_question(folder, first_frame=frame)
    build(folder, target)
    stored = b"".join(path.read_bytes() for path in target.rglob("*.parquet"))
    assert stored.count(frame) == 1


@pytest.mark.parametrize("split", ["train", "validation", "my_split", "v1.test"])
def test_the_split_is_called_as_asked(folder, target, split):
    build(folder, target, split=split)
    assert len(load(target, split=split)) == 4
    assert len(load(target, "files", split=split)) == 17


@pytest.mark.parametrize("split", ["", "a-b", "a b", "../x", "a/b", "*", ".a", "a..b", "a\n"])
def test_a_split_that_datasets_refuses_is_refused_first(folder, target, split):
    before = tree(folder.parent)
    with pytest.raises(ValueError, match="split"):
        build(folder, target, split=split)
    assert tree(folder.parent) == before


@pytest.mark.parametrize(
    "domain",
    [
        *("default", "files", "data", "Default", "[a-z]", "{a,b}", "a b", "迷路", "tränen", "-rf", ".hidden"),
        *("__pycache__", "no", "007", "1e3", "test", "x" * 90, "x" * 250),
    ],
    ids=lambda domain: domain[:12],
)
def test_a_domain_may_have_an_odd_name(folder, target, domain):
    write_question(folder, domain, "one")
    result = build(folder, target)
    assert result.configs == {"chess": 2, "maze": 2, domain: 1}
    config = config_names([domain])[domain]
    assert [row["domain"] for row in load(target, config)] == [domain]
    assert len(load(target)) == 5
    assert sorted(load(target, config).features) == sorted(load(target).features)


@pytest.mark.parametrize(
    "domain", ["a/b", "../x", "*", "a\nb", "\0", "con", "<b>|", "a\\b", "𝒜" * 100], ids=ascii
)
def test_a_domain_that_only_metadata_names_may_be_anything(folder, target, domain):
    write_question(folder, path="one", metadata=as_json({"domain": domain}))
    build(folder, target)
    assert {path.name for path in target.iterdir()} == {"README.md", "assets", "data", "files"}
    assert [row["domain"] for row in load(target, config_names([domain])[domain])] == [domain]


def test_domains_that_differ_by_case_only_have_shards_of_their_own(tmp_path, target):
    folder = tmp_path / "questions"
    write_question(folder, "x", path="one/Maze_task/a")
    write_question(folder, "x", path="two/maze_task/b")
    build(folder, target)
    names = [path.name.casefold() for path in (target / "data").iterdir()]
    assert len(names) == len(set(names)) == 2
    assert sorted(row["domain"] for row in load(target)) == ["Maze", "maze"]


def test_one_domain_in_several_folders_is_one_config(tmp_path, target):
    folder = tmp_path / "questions"
    for group in "ab":
        write_question(folder, path=f"{group}/maze_task/0")
    assert build(folder, target).configs == {"maze": 2}
    assert [row["path"] for row in load(target, "maze")] == ["a/maze_task/0", "b/maze_task/0"]


def test_the_card_says_what_was_written(tmp_path, target):
    folder = write_rich_folder(tmp_path / "questions")
    build(folder, target)
    card = yaml.safe_load(split_card((target / "README.md").read_text())[0])
    assert [config["config_name"] for config in card["configs"]] == [
        *("default", "chess", "hand_made", "maze", "rotation", "files"),
    ]
    for config, stated in zip(card["configs"], card["dataset_info"], strict=True):
        [files] = config["data_files"]
        paths = sorted(target.glob(files["path"]))
        assert paths
        assert stated["download_size"] == sum(path.stat().st_size for path in paths)
        [split] = stated["splits"]
        assert split["num_examples"] == sum(pq.read_metadata(path).num_rows for path in paths)


def test_the_result_counts(tmp_path, target):
    folder = write_rich_folder(tmp_path / "questions")
    result = build(folder, target)
    assert (result.target, result.rows) == (target, 7)
    assert result.configs == {"chess": 2, "hand_made": 1, "maze": 2, "rotation": 2}
    files = files_below(folder)
    assert (result.files, result.source_bytes) == (len(files), sum(map(len, files.values())))
    assert result.problems == check_folder(folder, quick=True)


# The same bytes


@pytest.fixture
def many_shards(monkeypatch):
    """Shards and row groups of a few kB, so that a small folder has many."""
    for module in (plan, listing_shards):
        monkeypatch.setattr(module, "SHARD_BYTES", 4_000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 3_000)


def write_many(folder, tasks=24):
    for number in range(tasks):
        frame = png(number, (16, 8 + number % 5 * 4))
        write_question(
            folder, "maze" if number % 3 else "chess", f"q{number:03d}", first_frame=frame, final_frame=frame
        )
        write(folder / f"notes/{number}.bin", os.urandom(0) + bytes([number]) * 900)
    return folder


@pytest.mark.usefixtures("many_shards")
def test_a_domain_of_many_shards_is_read_as_one(tmp_path, target):
    folder = write_many(tmp_path / "questions")
    build(folder, target)
    assert len(shards(target, "maze")) > 2
    assert len(list(target.glob("files/*.parquet"))) > 1
    assert max(pq.read_metadata(shard).num_row_groups for shard in shards(target)) > 1
    assert [row["path"] for row in load(target, "maze")] == sorted(
        path.relative_to(folder).as_posix() for path in folder.glob("maze_task/*")
    )
    assert len(load(target)) == 24
    assert [row["path"] for row in load(target, "files")] == sorted(files_below(folder))
    export(target, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


@pytest.mark.usefixtures("many_shards")
def test_the_number_of_processes_changes_no_byte(tmp_path):
    folder = write_many(tmp_path / "questions")
    for num_proc in (1, 2, 5):
        build(folder, tmp_path / f"by-{num_proc}", num_proc=num_proc)
    assert tree(tmp_path / "by-1") == tree(tmp_path / "by-2") == tree(tmp_path / "by-5")


@pytest.mark.usefixtures("many_shards")
def test_the_order_in_which_files_were_made_changes_no_byte(tmp_path):
    folder = write_many(tmp_path / "questions")
    (folder / "empty").mkdir()
    for path in sorted(tree(folder), reverse=True):
        place = tmp_path / "backwards" / path
        place.mkdir(parents=True, exist_ok=True) if path.endswith("/") else write(
            place, (folder / path).read_bytes()
        )
    build(folder, tmp_path / "one", num_proc=1)
    build(tmp_path / "backwards", tmp_path / "two", num_proc=1)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_times_and_place_change_no_byte(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "elsewhere/copy")
    os.utime(tmp_path / "elsewhere/copy/maze_task/maze_0000/prompt.txt", (1, 1))
    build(folder, tmp_path / "one")
    build(tmp_path / "elsewhere/copy", tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


# Whole or not at all


def no_frame(folder):
    write_question(folder, first_frame=None)


def bad_frame(folder):
    write_question(folder, first_frame=b"no image")


def bad_metadata(folder):
    write_question(folder, metadata=b"[]")


def link_outside(folder):
    (folder / "out").symlink_to("/")


def manifest_entry_without_folder(folder):
    write_manifest(folder, ("maze", "maze_0007"))


def fifo(folder):
    os.mkfifo(folder / "pipe")


def no_tasks(folder):
    shutil.rmtree(folder)
    write(folder / "notes.md", "x")


REFUSED = (no_frame, bad_frame, bad_metadata, link_outside, manifest_entry_without_folder, fifo, no_tasks)


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("place", ["dataset", "not/there/yet/dataset"], ids=["beside", "in-new-folders"])
def test_a_folder_with_an_error_is_refused_as_a_whole(folder, tmp_path, spoil, place):
    write_question(folder, "chess", "chess_0000", metadata=None)
    spoil(folder)
    before = tree(tmp_path)
    with pytest.raises(FolderError, match="error") as caught:
        build(folder, tmp_path / place)
    assert tree(tmp_path) == before
    assert caught.value.problems == check_folder(folder, quick=True)
    assert str(folder) in str(caught.value)


HOSTILE_ON_DISK = [row.path for row in HOSTILE_PATHS if row.on_disk]


@pytest.mark.parametrize("name", HOSTILE_ON_DISK, ids=ascii)
def test_a_hostile_name_is_refused(folder, target, name):
    write(folder / name, "x")
    before = tree(folder.parent)
    with pytest.raises(FolderError) as caught:
        build(folder, target)
    assert tree(folder.parent) == before
    assert ("bad-name", name) in {(problem.code, problem.path) for problem in caught.value.problems}


@pytest.mark.parametrize("row", [row for row in HOSTILE_FILES if row.on_disk], ids=lambda row: row.name)
def test_names_that_meet_elsewhere_are_refused(folder, target, row):
    for path in row.files:
        (folder / path).mkdir(parents=True) if path.endswith("/") else write(folder / path, "x")
    before = tree(folder.parent)
    with pytest.raises(FolderError, match="nothing was written"):
        build(folder, target)
    assert tree(folder.parent) == before


INCOMPLETE = {
    "no-first-frame": {"first_frame": None},
    "no-frames": {"first_frame": None, "final_frame": None},
    "no-prompt": {"prompt": None},
    "only-a-prompt": {"first_frame": None, "final_frame": None, "metadata": None},
    "only-a-video": {
        "first_frame": None,
        "final_frame": None,
        "metadata": None,
        "prompt": None,
        "ground_truth": MP4,
    },
}


@pytest.mark.parametrize("overrides", INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete_tasks_are_taken_in_as_nulls_when_asked(folder, target, tmp_path, overrides):
    write_question(folder, **overrides)
    with pytest.raises(FolderError):
        build(folder, target)
    build(folder, target, keep_incomplete=True)
    [row] = [row for row in load(target, "maze") if row["path"] == "maze_task/maze_0000"]
    for column in ("first_frame", "final_frame", "prompt"):
        if overrides.get(column, "there") is None:
            assert row[column] is None
    export(target, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


def test_keep_incomplete_lets_nothing_else_through(folder, target):
    bad_frame(folder)
    with pytest.raises(FolderError):
        build(folder, target, keep_incomplete=True)


def test_no_folder_is_said_plainly(tmp_path, target):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        build(tmp_path / "nowhere", target)


def test_the_target_may_be_relative_and_in_folders_to_be_made(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = build("questions", "new/dataset")
    assert result.target == tmp_path / "new/dataset"
    assert len(load("new/dataset")) == 4


def test_the_dataset_has_the_rights_of_any_new_folder(folder, target, tmp_path):
    (tmp_path / "new").mkdir()
    build(folder, target)
    assert target.stat().st_mode == (tmp_path / "new").stat().st_mode


@pytest.mark.parametrize("num_proc", [1, 2])
def test_progress_counts_the_questions(folder, target, num_proc):
    seen = []
    build(folder, target, num_proc=num_proc, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)


# The same folder as one datasets.Dataset


def test_to_dataset_has_the_same_rows(folder, target, tmp_path):
    build(folder, target)
    ours, loaded = to_dataset(folder, cache_dir=tmp_path / "cache"), load(target)
    assert ours.features == loaded.features
    assert ours.data.table.to_pylist() == loaded.data.table.to_pylist()
    assert ours.split == "test"


def test_to_dataset_sees_a_changed_folder(folder, tmp_path):
    def prompts():
        return to_dataset(folder, cache_dir=tmp_path / "cache")["prompt"][:]

    assert prompts() == ["Find the way out."] * 4
    task = folder / "maze_task/maze_0001"
    times = (task / "prompt.txt").stat()
    write_question(folder, id="maze_0001", prompt="Find the way in!!")  # as long as before
    os.utime(task / "prompt.txt", ns=(times.st_atime_ns, times.st_mtime_ns + 1_000_000))
    assert prompts()[3] == "Find the way in!!"


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
def test_to_dataset_refuses_what_build_refuses(folder, tmp_path, spoil):
    spoil(folder)
    with pytest.raises(FolderError):
        to_dataset(folder, cache_dir=tmp_path / "cache")


def test_the_builder_streams(folder):
    from vmeval_hfds import QuestionsBuilder

    rows = list(QuestionsBuilder.of(folder).as_streaming_dataset(split="test"))
    assert [row["id"] for row in rows] == ["chess_0000", "chess_0001", "maze_0000", "maze_0001"]
    assert rows[0]["first_frame"].size == (4, 3)
    assert json.loads(rows[0]["question_metadata"])["domain"] == "chess"
    stream = io.BytesIO()
    rows[0]["first_frame"].save(stream, "PNG")


def test_the_card_shows_a_picture_that_is_no_part_of_the_folder(folder, target, tmp_path):
    write_question(folder)
    build(folder, target)
    picture = (target / "assets/preview.png").read_bytes()
    assert frame_size(picture, decode=True)
    assert len(picture) <= 400_000
    assert "](assets/preview.png)" in (target / "README.md").read_text(encoding="utf-8")
    export(target, tmp_path / "exported")
    assert not (tmp_path / "exported/assets").exists()
