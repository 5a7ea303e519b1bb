"""Exports to URLs, on a real S3 server: byte for byte, and whole when the last object, a marker, is there."""

import shutil
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.factories import tree, write
from tests.run_factories import write_runs
from tests.s3 import objects
from vmeval_builders.errors import RemoteReadError
from vmeval_builders.sources.remote import UNFINISHED_MARK, WHOLE_MARK
from vmeval_hfds import build, export, push_to_hub, verify
from vmeval_hfds.api.export import plan_export
from vmeval_hfds.errors import ArgumentError, ChangedRowsError, RemoteWriteError, TargetExistsError
from vmeval_hfds.store.objects import Objects


@pytest.fixture
def target(bucket):
    return f"{bucket[1]}/data/rebuilt"


def files_of(folder):
    return {path: content for path, content in tree(folder).items() if not path.endswith("/")}


def without_mark(system, url):
    there = objects(system, url)
    assert there.pop(WHOLE_MARK)
    return there


def test_to_s3_and_back_byte_for_byte(bucket, folder, dataset, target, tmp_path):
    write(folder / "notes [1].txt", "A name that is a pattern elsewhere.")
    build(folder, dataset, force=True)
    result = export(dataset, f"{target}/")
    assert without_mark(bucket[0], target) == files_of(folder)
    assert (result.target, result.written) == (target, len(files_of(folder)))
    assert not (set(result.not_kept) & files_of(folder).keys())
    build(target, tmp_path / "again")
    export(tmp_path / "again", tmp_path / "back")
    assert files_of(tmp_path / "back") == files_of(folder)


def test_from_the_hub_by_workers(hub, bucket, folder, target):
    push_to_hub(folder, "user/questions")
    with ProcessPoolExecutor(2) as executor:
        export("user/questions", target, executor=executor)
    assert without_mark(bucket[0], target) == files_of(folder)


def test_rows_that_were_edited_come_as_they_are(bucket, folder, dataset, target):
    """What the list of files does not know is counted by its bytes."""
    for shard in (dataset / "files").iterdir():
        shard.unlink()
    assert not export(dataset, target).listed
    assert without_mark(bucket[0], target).items() <= files_of(folder).items()


def test_outputs_come_with_the_number_of_their_empty_folders(bucket, tmp_path, target, run):
    folder = write_runs(tmp_path / "outputs")
    build(folder, tmp_path / "dataset")
    code, _, err = run("export", tmp_path / "dataset", target)
    assert code == 0
    assert "a store keeps no empty folders" in err
    assert without_mark(bucket[0], target) == files_of(folder)


def test_what_is_there_is_refused_and_written_among_with_force(bucket, dataset, folder, target):
    bucket[0].pipe_file(f"{target}/notes.txt", b"mine")
    bucket[0].pipe_file(f"{target}/vmeval_dataset.json", b"other")
    with pytest.raises(TargetExistsError, match=r"2 objects.*replaces 1 of them and removes none"):
        export(dataset, target)
    assert len(objects(bucket[0], target)) == 2
    assert plan_export(dataset, target, force=True).replace == ["vmeval_dataset.json"]
    export(dataset, target, force=True)
    assert without_mark(bucket[0], target) == {**files_of(folder), "notes.txt": b"mine"}


def test_an_export_that_did_not_end_is_not_read_and_is_replaced_with_force(
    bucket, dataset, folder, target, monkeypatch
):
    put_many = Objects.put_many

    def end(self, contents):
        put_many(self, dict([*contents.items()][:2]))
        raise KeyboardInterrupt

    monkeypatch.setattr(Objects, "put_many", end)
    with pytest.raises(KeyboardInterrupt):
        export(dataset, target)
    monkeypatch.setattr(Objects, "put_many", put_many)
    left = objects(bucket[0], target)
    assert UNFINISHED_MARK in left
    assert WHOLE_MARK not in left
    with pytest.raises(RemoteReadError, match="did not end"):
        verify(target, dataset)
    with pytest.raises(TargetExistsError, match="an export that did not end"):
        export(dataset, target)
    export(dataset, target, force=True)
    assert verify(target, dataset).same
    assert UNFINISHED_MARK not in objects(bucket[0], target)


def test_a_store_that_lost_one_is_noticed(bucket, dataset, target, monkeypatch):
    put_many = Objects.put_many
    monkeypatch.setattr(Objects, "put_many", lambda self, some: put_many(self, dict([*some.items()][1:])))
    with pytest.raises(RemoteWriteError, match="the store has nothing"):
        export(dataset, target)
    assert WHOLE_MARK not in objects(bucket[0], target)


def test_into_the_dataset_itself_is_refused(bucket, folder):
    url = f"{bucket[1]}/dataset"
    build(folder, url)
    with pytest.raises(TargetExistsError, match="the dataset itself lies here"):
        export(url, f"{url}/rebuilt", force=True)


def test_strict_refuses_rows_that_were_edited_before_anything_is_written(bucket, dataset, folder, target):
    prompt = folder / "maze_task/maze_0000/prompt.txt"
    write(prompt, prompt.read_bytes()[::-1])
    edited = build(folder, dataset.with_name("edited")).target
    export(edited, target, strict=True)
    shutil.copytree(dataset / "files", edited / "files", dirs_exist_ok=True)
    with pytest.raises(ChangedRowsError, match=r"1 files .*maze_0000/prompt\.txt.*nothing was written"):
        export(edited, f"{target}/other", strict=True)
    assert not any("other" in name for name in objects(bucket[0], target))
    assert export(edited, f"{target}/other").changed == ["maze_task/maze_0000/prompt.txt"]


@pytest.mark.parametrize("option", ["update", "prune"])
def test_what_needs_a_disk_is_refused(dataset, option):
    with pytest.raises(ArgumentError, match=f"--{option} is .* which objects an earlier export wrote"):
        export(dataset, "s3://bucket/folder", **{option: True})
