"""`tasks`: what a runner reads of questions, wherever they are, with their files on this disk."""

from pathlib import Path

import pytest

from tests.factories import write
from vmeval_hfds import load, push_to_hub, tasks, to_dataset
from vmeval_hfds.errors import UnknownNameError

REPO = "user/questions"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ASSETS_CACHE", str(tmp_path / "assets"))


def without_places(found):
    places = ("folder", *(key for key in found[0] if key.endswith("_path")))
    return [{key: value for key, value in task.items() if key not in places} for task in found]


def test_of_a_folder_they_point_into_it(folder):
    found = tasks(folder)
    assert [task["id"] for task in found] == sorted(task["id"] for task in found)
    for task in found:
        place = folder / f"{task['domain']}_task" / task["id"]
        assert task["first_image_path"] == str(place / "first_frame.png")
        assert task["prompt"] == (place / "prompt.txt").read_text().strip()
        assert task["ground_truth_path"] is None


def test_a_file_that_is_not_there_is_none_and_metadata_never_stands_in_the_way(folder):
    place = folder / "maze_task/maze_0000"
    (place / "final_frame.png").unlink()
    write(place / "question_metadata.json", '{"id": "maze_0000", "prompt": "Another.", "level": [1, "2"]}')
    [task] = tasks(folder, ids=["maze_0000"])
    assert task["final_image_path"] is None
    assert task["prompt"] != "Another."
    assert task["level"] == [1, "2"]


@pytest.mark.parametrize("held", ["directory", "Dataset", "repository"])
def test_of_a_dataset_they_are_the_folders(hub, folder, dataset, held):
    push_to_hub(folder, REPO)
    source = {"directory": str(dataset), "Dataset": to_dataset(folder), "repository": REPO}[held]
    found = tasks(source)
    assert without_places(found) == without_places(tasks(folder))
    assert all(Path(task["first_image_path"]).is_file() for task in found)


def test_only_what_is_asked_for_is_exported_and_it_is_used_again(hub, folder):
    push_to_hub(folder, REPO)
    [task] = tasks(REPO, ids=["maze_0000"])
    root = Path(task["folder"]).parents[1]
    assert [path.name for path in root.rglob("first_frame.png")] == ["first_frame.png"]
    before = Path(task["first_image_path"]).stat()
    hub.clear_log()
    assert tasks(REPO, ids=["maze_0000"]) == [task]
    after = Path(task["first_image_path"]).stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert {one["domain"] for one in tasks(REPO, domains=["chess"])} == {"chess"}


@pytest.mark.parametrize("options", [{"domains": ["nowhere"]}, {"ids": ["nowhere_0000"]}])
def test_an_unknown_name_is_an_error(folder, dataset, options):
    for source in (folder, dataset):
        with pytest.raises(UnknownNameError, match="nowhere"):
            tasks(source, **options)


def test_load_gives_decoded_pictures(hub, folder):
    push_to_hub(folder, REPO)
    assert load(REPO)[0]["first_frame"].width > 0
    assert len(load(REPO, "maze")) < len(load(REPO))
