"""A shard that somebody replaced by another of the same size is noticed by its hash, and looked into."""

import shutil

import pytest

from tests.factories import shards, tree, write, write_question
from vmeval_hfds import build, diff_datasets, export, push_to_hub
from vmeval_hfds.errors import ChangedRowsError
from vmeval_hfds.store.repository import open_repo

REPO = "user/questions"
SHARD = "data/maze/test-00000-of-00001.parquet"
FRAME = "maze_task/maze_0001/first_frame.png"


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        write_question(tmp_path / "questions", "maze", f"maze_{number:04d}")
    write_question(tmp_path / "questions", "chess", "chess_0000")
    return tmp_path / "questions"


@pytest.fixture
def edited(folder, tmp_path):
    """The same folder with another frame that is as long."""
    edited = tmp_path / "edited"
    shutil.copytree(folder, edited)
    other = bytearray((folder / FRAME).read_bytes())
    # A byte of the pixels' checksum: nothing gets longer or shorter.
    other[-5] ^= 1
    write(edited / FRAME, bytes(other))
    return edited


@pytest.fixture
def dataset(folder, edited, tmp_path):
    """A dataset directory with one shard of another."""
    dataset = build(folder, tmp_path / "dataset").target
    other = build(edited, tmp_path / "other", decode=False).target
    [here], [there] = shards(dataset, "maze"), shards(other, "maze")
    assert here.stat().st_size == there.stat().st_size
    assert here.read_bytes() != there.read_bytes()
    shutil.copyfile(there, here)
    return dataset


def test_on_this_disk(dataset, edited, tmp_path):
    result = export(dataset, tmp_path / "target")
    assert result.changed == [FRAME]
    assert tree(tmp_path / "target") == tree(edited)
    with pytest.raises(ChangedRowsError, match=r"first_frame\.png"):
        export(dataset, tmp_path / "strict", strict=True)


def test_on_the_hub(hub, folder, dataset, edited, tmp_path):
    published = push_to_hub(folder, REPO).commit
    hub.commit(REPO, {SHARD: (dataset / SHARD).read_bytes()})
    result = export(open_repo(REPO), tmp_path / "target")
    assert result.changed == [FRAME]
    assert tree(tmp_path / "target") == tree(edited)
    with pytest.raises(ChangedRowsError, match=r"first_frame\.png"):
        export(open_repo(REPO), tmp_path / "strict", strict=True)
    assert export(open_repo(REPO), tmp_path / "one", ids=["maze_0001"]).changed == [FRAME]
    assert diff_datasets(f"{REPO}@{published}", REPO).replaced == [SHARD]


def test_an_export_that_is_there_is_compared_with_what_the_shard_holds(
    hub, folder, dataset, edited, tmp_path
):
    push_to_hub(folder, REPO)
    export(open_repo(REPO), tmp_path / "target")
    hub.commit(REPO, {SHARD: (dataset / SHARD).read_bytes()})
    result = export(open_repo(REPO), tmp_path / "target", update=True)
    assert result.written == 1
    assert tree(tmp_path / "target") == tree(edited)


def test_pushed_again_the_shard_is_put_right(hub, folder, dataset, tmp_path):
    push_to_hub(folder, REPO)
    hub.commit(REPO, {SHARD: (dataset / SHARD).read_bytes()})
    assert push_to_hub(folder, REPO).changed
    export(open_repo(REPO), tmp_path / "target", strict=True)
    assert tree(tmp_path / "target") == tree(folder)
