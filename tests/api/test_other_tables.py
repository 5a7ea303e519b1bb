"""Tables that others published come back as folders, as far as they hold them."""

import json

import pytest
from datasets import Dataset, Features, Image, Value, load_dataset

from tests.factories import png, tree, write_question
from vmeval_hfds import export, open_repo, push_to_hub, to_dataset

REPO = "user/others"
IMAGE = {"bytes": png("first"), "path": None}
UPLOADER = {
    "task_id": "maze_0000",
    "domain": "maze",
    "first_frame": IMAGE,
    "final_frame": {"bytes": png("final"), "path": None},
    "prompt": "Find the way out.",
}
LATER_UPLOADER = {
    "id": "maze_0000",
    "domain": "maze",
    "difficulty": "easy",
    "task_category": "Maze",
    "prompt": "Find the way out.",
    "first_frame": IMAGE,
    "final_frame": None,
    "metadata": json.dumps({"id": "maze_0000"}),
    "created_at": "2026-01-01",
}


def files(folder):
    return {path: content for path, content in tree(folder).items() if content is not None}


def table(row):
    features = {name: Image() if name.endswith("_frame") else Value("string") for name in row}
    return Dataset.from_list([row], features=Features(features))


def test_what_to_dataset_and_push_to_hub_published_comes_back(hub, tmp_path):
    write_question(tmp_path / "questions", "maze", "maze_0000", ground_truth=b"\0\0\0\x18ftypmp42")
    to_dataset(tmp_path / "questions", cache_dir=tmp_path / "cache").push_to_hub(
        REPO, token=hub.token("user")
    )
    result = export(open_repo(REPO), tmp_path / "exported")
    assert tree(tmp_path / "exported") == tree(tmp_path / "questions")
    assert not result.listed


def test_a_table_with_task_id_is_laid_out_as_vmevalkit_does(hub, tmp_path):
    table(UPLOADER).push_to_hub(REPO, token=hub.token("user"))
    export(open_repo(REPO), tmp_path / "exported")
    assert files(tmp_path / "exported") == {
        "maze_task/maze_0000/first_frame.png": png("first"),
        "maze_task/maze_0000/final_frame.png": png("final"),
        "maze_task/maze_0000/prompt.txt": b"Find the way out.",
    }


def test_rows_that_several_splits_repeat_come_once_and_other_columns_are_named(hub, tmp_path):
    for split in ("test", "maze"):
        table(LATER_UPLOADER).push_to_hub(REPO, split=split, token=hub.token("user"))
    result = export(open_repo(REPO), tmp_path / "exported")
    assert files(tmp_path / "exported") == {
        "maze_task/maze_0000/first_frame.png": png("first"),
        "maze_task/maze_0000/prompt.txt": b"Find the way out.",
        "maze_task/maze_0000/question_metadata.json": b'{"id": "maze_0000"}',
    }
    assert result.rows == 1


def test_a_dataset_in_memory_is_exported_and_paths_in_it_are_not_followed(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(png("secret"))
    row = {**UPLOADER, "first_frame": {"bytes": None, "path": str(secret)}}
    with pytest.raises(ValueError, match="path and no bytes"):
        export(table(row), tmp_path / "exported")
    export(table(UPLOADER), tmp_path / "exported")
    assert png("secret") not in tree(tmp_path / "exported").values()


def test_rows_that_someone_changed_are_exported_as_changed_and_counted(hub, tmp_path):
    write_question(tmp_path / "questions", "maze", "maze_0000")
    push_to_hub(tmp_path / "questions", REPO)
    changed = load_dataset(REPO, "maze", split="test").map(lambda row: {"prompt": "Another."})
    changed.push_to_hub(REPO, "maze", split="test", data_dir="data/maze", token=hub.token("user"))
    result = export(open_repo(REPO), tmp_path / "exported")
    assert result.changed == ["maze_task/maze_0000/prompt.txt"]
    assert (tmp_path / "exported/maze_task/maze_0000/prompt.txt").read_text() == "Another."
