"""Datasets at URLs, on a real S3 server: built there whole or not at all, and read like any other."""

from concurrent.futures import ProcessPoolExecutor

import pytest
from datasets import load_dataset

from tests.factories import tree, write, write_question
from tests.run_factories import write_runs
from tests.s3 import objects, send
from vmeval_builders.errors import RemoteReadError
from vmeval_builders.sources import urls
from vmeval_hfds import build, diff_datasets, export, info, verify
from vmeval_hfds.errors import FolderError, MissingPathError, RemoteWriteError, TargetExistsError
from vmeval_hfds.store.names import CARD_NAME
from vmeval_hfds.store.objects import Objects


@pytest.fixture
def target(bucket):
    return f"{bucket[1]}/datasets/questions"


def test_it_is_the_one_that_is_built_on_disk(bucket, folder, target, tmp_path):
    assert build(folder, f"{target}/").target == target
    build(folder, tmp_path / "here")
    there = objects(bucket[0], target)
    here = {path: content for path, content in tree(tmp_path / "here").items() if not path.endswith("/")}
    assert there == here


def test_everything_reads_it(folder, target, tmp_path):
    build(folder, target)
    assert verify(folder, target).same
    assert info(target).rows == info(folder).rows
    assert diff_datasets(target, folder).same
    export(target, tmp_path / "rebuilt", num_proc=2)
    assert tree(tmp_path / "rebuilt") == tree(folder)
    export(target, tmp_path / "one", ids=["maze_0000"], strict=True)
    assert {
        path: one for path, one in tree(folder).items() if path.startswith("maze_task/maze_0000")
    }.items() <= tree(tmp_path / "one").items()


def test_the_commands_take_it(run, folder, target, tmp_path):
    assert run("build", folder, target)[0] == 0
    assert run("verify", folder, "--dataset", target)[0] == 0
    assert run("info", target)[0] == 0
    assert run("gallery", "--dataset", target, "--target", tmp_path / "page.html")[0] == 0
    assert run("export", "--dataset", target, "--target", tmp_path / "rebuilt")[0] == 0
    assert tree(tmp_path / "rebuilt") == tree(folder)
    code, _, err = run("build", folder, target)
    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert run("build", folder, target, "--force")[0] == 0


def test_datasets_reads_it_by_its_url(folder, target, bucket, monkeypatch):
    build(folder, target)
    rows = load_dataset("parquet", data_files=f"{target}/data/*/*.parquet", split="train")
    assert len(rows) == len(info(folder).rows)


def test_from_s3_to_s3_and_back(bucket, folder, target, tmp_path):
    with ProcessPoolExecutor(1) as executor:
        build(send(bucket[0], folder, f"{bucket[1]}/questions"), target, executor=executor)
    export(target, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


def test_its_shards_are_sent_by_the_processes_that_make_them(bucket, folder, target, tmp_path):
    build(folder, tmp_path / "here")
    with ProcessPoolExecutor(2) as executor:
        build(folder, target, executor=executor)
        export(target, tmp_path / "rebuilt", executor=executor)
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert objects(bucket[0], target).keys() == {
        path for path in tree(tmp_path / "here") if not path.endswith("/")
    }


# What is there already


def test_a_dataset_that_is_there_is_refused_and_replaced_with_force(bucket, folder, target):
    build(folder, target)
    before = objects(bucket[0], target)
    with pytest.raises(TargetExistsError, match=rf"{len(before)} objects.*--force"):
        build(folder, target)
    write_question(folder, "rotation", "rotation_0000")
    for name in ("maze_0000", "maze_0001"):
        for path in (folder / "maze_task" / name).iterdir():
            path.unlink()
    build(folder, target, force=True, keep_incomplete=True)
    assert verify(folder, target).same
    after = objects(bucket[0], target)
    assert any("/rotation/" in name for name in after)
    assert not any(name.startswith(".unfinished") for name in after)


@pytest.mark.parametrize("name", ["thesis.txt", "data/notes.md"])
def test_what_is_no_dataset_is_never_touched(bucket, folder, target, name):
    system, _ = bucket
    system.pipe_file(f"{target}/{name}", b"years of work")
    for force in (False, True):
        with pytest.raises(TargetExistsError, match="choose another target"):
            build(folder, target, force=force)
    assert objects(system, target) == {name: b"years of work"}


def test_a_file_of_somebody_else_inside_a_dataset_is_not_removed(bucket, folder, target):
    build(folder, target)
    bucket[0].pipe_file(f"{target}/data/[m]aze.txt", b"mine")
    with pytest.raises(TargetExistsError, match=r"\[m\]aze.txt is no part of one"):
        build(folder, target, force=True)


def test_a_dataset_of_another_kind_is_not_replaced(folder, target, tmp_path):
    build(write_runs(tmp_path / "outputs"), target)
    with pytest.raises(TargetExistsError, match="holds outputs, not questions"):
        build(folder, target, force=True)


def test_a_dataset_cannot_be_built_into_its_own_folder(bucket, folder):
    url = send(bucket[0], folder, f"{bucket[1]}/questions")
    with pytest.raises(TargetExistsError, match="lie in each other"):
        build(url, f"{url}/dataset")


# What ends in the middle


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("force", [False, True], ids=["new", "replacing"])
def test_an_interrupted_build_leaves_everything_as_it_was(bucket, folder, target, error, force):
    if force:
        build(folder, target)
        write_question(folder, "rotation", "rotation_0000")

    def interrupt(done, total):
        raise error

    before = objects(bucket[0], target)
    with pytest.raises(error):
        build(folder, target, force=force, progress=interrupt)
    assert objects(bucket[0], target) == before


def test_what_somebody_else_puts_there_meanwhile_is_not_mixed_with_it(bucket, folder, target):
    def another(done, total):
        bucket[0].pipe_file(f"{target}/data/maze/test-00000-of-00001.parquet", b"theirs")

    with pytest.raises(TargetExistsError, match="meanwhile"):
        build(folder, target, progress=another)
    assert [*objects(bucket[0], target).values()] == [b"theirs"]


def test_a_folder_with_errors_replaces_nothing(bucket, folder, target):
    build(folder, target)
    before = objects(bucket[0], target)
    write(folder / "maze_task/maze_0000/first_frame.png", "no picture")
    with pytest.raises(FolderError):
        build(folder, target, force=True)
    assert objects(bucket[0], target) == before


def test_what_a_killed_build_left_is_no_dataset_and_is_replaced(bucket, folder, target, monkeypatch):
    """Killed while all is put in its place: no card, shards of which some are copied, and those that were made."""
    put = Objects.put

    def end(self, name, content):
        if name == CARD_NAME:
            raise KeyboardInterrupt
        put(self, name, content)

    monkeypatch.setattr(Objects, "put", end)
    with pytest.raises(KeyboardInterrupt):
        build(folder, target)
    monkeypatch.setattr(Objects, "put", put)
    left = objects(bucket[0], target)
    assert CARD_NAME not in left
    with pytest.raises(TargetExistsError, match="a build left that did not end"):
        build(folder, target)
    build(folder, target, force=True)
    assert verify(folder, target).same
    assert not any(name.startswith(".unfinished") for name in objects(bucket[0], target))


def test_a_store_that_has_less_than_was_written_is_noticed(bucket, folder, target, monkeypatch):
    system, _ = urls.reach(target)
    monkeypatch.setattr(system, "put_file", lambda place, name: system.pipe_file(name, b"half"))
    monkeypatch.setattr("vmeval_hfds.store.objects.reach", lambda url: (system, url.removeprefix("s3://")))
    with pytest.raises(RemoteWriteError, match="bytes were written and the store has 4 bytes"):
        build(folder, target)
    assert not objects(*bucket)


def test_a_bucket_that_is_not_there_is_said_before_anything_is_made(run, folder, bucket):
    code, _, err = run("build", folder, "s3://no-such-bucket-anywhere/dataset")
    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert "s3://no-such-bucket-anywhere/dataset" in err


def test_a_missing_package_is_named_with_the_command_that_installs_it(folder, monkeypatch):
    def missing(url):
        raise ImportError("Install s3fs to access S3")

    urls._system.cache_clear()
    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    for work in (lambda: build(folder, "s3://bucket/dataset"), lambda: info("s3://bucket/dataset")):
        with pytest.raises(RemoteReadError, match=r"pip install 'vmeval-hfds\[s3\]'"):
            work()
    urls._system.cache_clear()


def test_where_nothing_is_that_is_said(bucket, tmp_path):
    with pytest.raises(MissingPathError, match="no such dataset"):
        export(f"{bucket[1]}/nowhere", tmp_path / "rebuilt")


def test_a_directory_can_be_given_by_its_url(folder, tmp_path):
    """Any store that fsspec knows: here the disk, on which folders have to be made."""
    build(folder, f"file://{tmp_path}/there")
    build(folder, tmp_path / "here")
    assert {path: one for path, one in tree(tmp_path / "there").items() if not path.endswith("/")} == {
        path: one for path, one in tree(tmp_path / "here").items() if not path.endswith("/")
    }
