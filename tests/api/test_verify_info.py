"""`verify`: what of a folder is not what a dataset lists. `info`: what is in either."""

import os
import shutil

import pyarrow.parquet as pq
import pytest

from tests.factories import (
    MP4,
    as_json,
    damage,
    file_row,
    files_below,
    question_row,
    shards,
    tree,
    write,
    write_dataset,
    write_folder,
    write_manifest,
    write_question,
    write_rich_folder,
)
from vmeval_hfds import build, export, info, verify
from vmeval_hfds.api.verify import VerifyResult
from vmeval_hfds.errors import DatasetError, UnsafePathError

pytestmark = pytest.mark.folder("questions", write_rich_folder)


# verify


@pytest.mark.parametrize("num_proc", [None, 1, 2])
def test_the_source_and_an_export_are_the_same(dataset, folder, tmp_path, num_proc):
    export(dataset, tmp_path / "rebuilt")
    for one in (folder, tmp_path / "rebuilt"):
        result = verify(one, dataset, num_proc=num_proc)
        assert result == VerifyResult(len(files_below(folder)))
        assert result.same


def remove(path):
    return lambda folder: (folder / path).unlink()


def put(path, content):
    return lambda folder: write(folder / path, content)


def remove_folder(path):
    return lambda folder: shutil.rmtree(folder / path)


def make_folder(path):
    return lambda folder: (folder / path).mkdir(parents=True)


def make_pipe(folder):
    os.mkfifo(folder / "pipe")


def link(path, to):
    return lambda folder: (folder / path).symlink_to(to)


FRAME = "maze_task/maze_0000/first_frame.png"
DIFFERENCES = {
    "frame-removed": (remove(FRAME), {"missing": [FRAME]}),
    "manifest-removed": (remove("vmeval_dataset.json"), {"missing": ["vmeval_dataset.json"]}),
    "empty-file-removed": (
        remove("maze_task/maze_0001/empty.txt"),
        {"missing": ["maze_task/maze_0001/empty.txt"]},
    ),
    "empty-folder-removed": (
        remove_folder("not_yet/run/1"),
        {"missing": ["not_yet/run/1/"], "extra": ["not_yet/run/"]},
    ),
    "task-removed": (
        remove_folder("hand_made/first"),
        {
            "missing": [
                "hand_made/first/final_frame.png",
                "hand_made/first/first_frame.png",
                "hand_made/first/prompt.txt",
            ],
            "extra": ["hand_made/"],
        },
    ),
    "file-added": (put("maze_task/new.txt", "x"), {"extra": ["maze_task/new.txt"]}),
    "hidden-file-added": (put(".hidden", "x"), {"extra": [".hidden"]}),
    "unfinished-file-left": (put(".vmeval-hfds-partial/1", "x"), {"extra": [".vmeval-hfds-partial/1"]}),
    "empty-folder-added": (make_folder("new"), {"extra": ["new/"]}),
    "file-in-an-empty-folder": (
        put("not_yet/run/1/x", "x"),
        {"missing": ["not_yet/run/1/"], "extra": ["not_yet/run/1/x"]},
    ),
    "other-bytes": (put(FRAME, "x"), {"different": [FRAME]}),
    "one-byte-more": (put("notes.md", "# Notes\n\n"), {"different": ["notes.md"]}),
    "another-case": (
        put("maze_task/maze_0000/goal.txt", "The flag"),
        {"different": ["maze_task/maze_0000/goal.txt"]},
    ),
    "emptied": (put("notes.md", ""), {"different": ["notes.md"]}),
    "pipe-added": (make_pipe, {"extra": ["pipe"]}),
    "link-outside-added": (link("out", "/"), {"extra": ["out"]}),
    "link-to-nothing-added": (link("gone", "nowhere"), {"extra": ["gone"]}),
    "link-loop-added": (link("loop", "."), {"extra": ["loop"]}),
    "link-inside-added": (link("again.md", "notes.md"), {"extra": ["again.md"]}),
}


@pytest.mark.parametrize(("change", "expected"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_every_difference_is_found(dataset, folder, change, expected):
    change(folder)
    before = tree(folder)
    result = verify(folder, dataset)
    found = {
        kind: getattr(result, kind) for kind in ("missing", "extra", "different") if getattr(result, kind)
    }
    assert found == expected
    assert not result.same
    assert tree(folder) == before


def test_several_differences_come_by_path(dataset, folder):
    for path in ("notes.md", FRAME, "chess_task/chess_0000/prompt.txt"):
        write(folder / path, "other")
    assert verify(folder, dataset).different == ["chess_task/chess_0000/prompt.txt", FRAME, "notes.md"]


def test_times_do_not_count(dataset, folder):
    for path in files_below(folder):
        os.utime(folder / path, (1, 1))
    assert verify(folder, dataset).same


def test_no_question_column_is_read(dataset, folder):
    for shard in shards(dataset):
        size = shard.stat().st_size
        shard.write_bytes(b"\0" * size)
    assert verify(folder, dataset).same


def test_a_folder_is_compared_with_the_list_and_not_with_rows(tmp_path):
    dataset = write_dataset(tmp_path / "dataset", [question_row("maze_task/m")], [file_row("a.txt", b"1")])
    write(tmp_path / "folder/a.txt", "1")
    assert verify(tmp_path / "folder", dataset).same


def test_progress_counts_the_files(dataset, folder):
    seen = []
    verify(folder, dataset, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(files_below(folder)),) * 2


def test_without_a_list_there_is_nothing_to_verify_against(dataset, folder):
    shutil.rmtree(dataset / "files")
    with pytest.raises(DatasetError, match="files"):
        verify(folder, dataset)


@pytest.mark.parametrize("column", ["path", "sha256"])
def test_a_damaged_list_is_an_error(dataset, folder, column):
    damage(dataset / "files/test-00000-of-00001.parquet", 0, column)
    with pytest.raises(DatasetError, match="damaged"):
        verify(folder, dataset)


def test_a_list_that_names_a_file_twice_is_an_error(tmp_path):
    rows = [file_row("a.txt"), file_row("a.txt")]
    dataset = write_dataset(tmp_path / "dataset", [question_row("maze_task/m")], rows)
    with pytest.raises(UnsafePathError, match="row 1 of files"):
        verify(tmp_path, dataset)


def test_no_dataset_is_said_plainly(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such dataset directory"):
        verify(folder, tmp_path / "nowhere")
    with pytest.raises(DatasetError):
        verify(folder, folder)


def test_no_folder_is_said_plainly(dataset, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        verify(tmp_path / "nowhere", dataset)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        info(tmp_path / "nowhere")


# info


def test_folder_and_dataset_hold_the_same(dataset, folder):
    of_folder, of_dataset = info(folder), info(dataset)
    assert of_folder.rows == of_dataset.rows
    assert (of_folder.files, of_folder.size_bytes) == (of_dataset.files, of_dataset.size_bytes)
    assert of_folder.manifest == of_dataset.manifest
    assert (of_folder.name, of_dataset.name) == (str(folder), str(dataset))


def test_tasks_are_told_one_by_one(folder, dataset):
    for result in (info(folder), info(dataset)):
        facts = {task.path: task for task in result.rows}
        assert list(facts) == sorted(facts)
        turn = facts["rotation_task/rotation_0000"]
        assert tuple(turn.texts[name] for name in ("id", "domain", "difficulty")) == (
            "rotation_0000",
            "rotation",
            "easy",
        )
        assert (turn.frames, turn.videos) == (2, 1)
        assert turn.size_bytes == sum(map(len, files_below(folder, "rotation_task/rotation_0000/").values()))
        assert facts["rotation_task/rotation_0001"].frames == 1
        assert facts["hand_made/first"].texts["difficulty"] is None


def test_groups_add_up(folder):
    result = info(folder)
    [everything] = result.groups()
    assert everything.rows == len(result.rows) == 7
    for by in (("domain",), ("difficulty",), ("domain", "difficulty")):
        groups = result.groups(*by)
        assert sum(group.rows for group in groups) == everything.rows
        assert sum(group.size_bytes for group in groups) == everything.size_bytes
        assert sum(group.frames for group in groups) == everything.frames == 13
        assert sum(group.videos for group in groups) == everything.videos == 1
    assert [group.names for group in result.groups("domain")] == [
        ("chess",),
        ("hand_made",),
        ("maze",),
        ("rotation",),
    ]


@pytest.mark.parametrize("of", ["folder", "dataset"])
def test_the_manifest_is_compared(tmp_path, of):
    folder = write_folder(tmp_path / "questions")

    def told():
        if of == "folder":
            return info(folder).manifest
        return info(
            build(folder, tmp_path / "dataset", force=(tmp_path / "dataset").exists()).target
        ).manifest

    assert told() == []
    write_question(folder, id="maze_0009")
    assert [problem.code for problem in told()] == ["not-in-manifest"]
    (folder / "vmeval_dataset.json").unlink()
    assert told() is None


def test_a_manifest_that_lies_is_told_of_a_folder(tmp_path):
    write_manifest(write_folder(tmp_path), ("maze", "maze_0009"))
    codes = [problem.code for problem in info(tmp_path).manifest]
    assert codes.count("manifest-without-folder") == 1
    assert codes.count("not-in-manifest") == 4


def test_no_frame_is_opened(tmp_path):
    write_question(tmp_path, first_frame=b"no image", ground_truth=MP4, metadata=b"no JSON")
    [task] = info(tmp_path).rows
    assert (task.frames, task.videos, task.texts["difficulty"]) == (2, 1, None)


@pytest.mark.parametrize("value", [3, 0.5, True, ["easy"], None, {}], ids=repr)
def test_a_difficulty_of_any_type_is_counted(tmp_path, value):
    folder = tmp_path / "questions"
    write_question(folder, metadata=as_json({"difficulty": value}))
    build(folder, tmp_path / "dataset")
    assert info(folder).groups("difficulty") == info(tmp_path / "dataset").groups("difficulty")


@pytest.mark.parametrize("column", ["difficulty", "task_category", "domain", "path"])
def test_a_dataset_without_a_column_is_told_of_or_refused_plainly(dataset, column):
    for shard in shards(dataset):
        pq.write_table(pq.read_table(shard).drop_columns([column]), shard)
    try:
        assert len(info(dataset).rows) == 7
    except DatasetError as error:
        assert column in str(error)  # noqa: PT017
