"""Folders on S3: a real server on loopback, reached by s3fs over HTTP, is read like a folder on disk."""

import os

import pytest

from tests.factories import tree, write, write_rich_folder
from tests.far_folders import builds_as_here, is_read_as_here, pushes_as_here
from tests.s3 import send
from vmeval_builders.errors import FolderChangedError, RemoteReadError
from vmeval_builders.scan import refuse_changes, scan_files, scan_rows
from vmeval_builders.sources import urls
from vmeval_hfds import build, verify


@pytest.fixture
def sent(bucket, folder):
    """Send the folder's files to the bucket, and give the URL."""
    return send(bucket[0], folder, f"{bucket[1]}/data/questions")


def write_without_empty_folders(folder):
    """Object stores have none."""
    write_rich_folder(folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return folder


pytestmark = pytest.mark.folder("questions", write_without_empty_folders)


@pytest.mark.parametrize("num_proc", [1, 2])
def test_a_build_from_s3_is_the_folders(folder, sent, tmp_path, num_proc):
    builds_as_here(sent, folder, tmp_path, num_proc)


def test_a_push_from_s3_is_the_folders_and_comes_back(hub, folder, sent, tmp_path):
    pushes_as_here(sent, folder, tmp_path, hub)


def test_every_function_that_reads_takes_it(folder, sent, tmp_path):
    is_read_as_here(sent, folder, tmp_path)


def test_the_commands_take_it(run, sent, tmp_path):
    assert run("check", sent)[0] == 0
    assert run("build", sent, tmp_path / "dataset")[0] == 0
    assert run("verify", sent, tmp_path / "dataset")[0] == 0
    assert run("info", sent)[0] == 0
    assert run("gallery", sent, tmp_path / "page.html")[0] == 0


@pytest.mark.parametrize("content", [b"Another prompt.", b"longer " * 100], ids=["same-size", "longer"])
def test_an_object_that_changes_after_it_was_listed_is_refused(bucket, sent, folder, content):
    system, _ = bucket
    scan = scan_files(sent)
    [prompt, *_] = [entry for entry in scan.files if entry.path.endswith("prompt.txt")]
    system.pipe_file(f"{sent}/{prompt.path}", content[: prompt.size_bytes].ljust(prompt.size_bytes, b"."))
    with pytest.raises(FolderChangedError, match=prompt.path):
        refuse_changes(scan)
    system.rm_file(f"{sent}/{prompt.path}")
    with pytest.raises(FolderChangedError, match=prompt.path):
        refuse_changes(scan)


def test_a_build_in_which_an_object_changes_leaves_nothing(bucket, sent, tmp_path):
    system, _ = bucket

    def change(done, rows):
        path = next(entry.path for entry in scan_files(sent).files if entry.path.endswith("prompt.txt"))
        system.pipe_file(f"{sent}/{path}", b"Somebody else's words.")

    with pytest.raises(FolderChangedError):
        build(sent, tmp_path / "dataset", progress=change)
    assert not (tmp_path / "dataset").exists()


def test_a_read_that_fails_is_one_sentence_without_credentials(bucket, sent, monkeypatch):
    scan = scan_rows(sent)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")

    def cat_ranges(*arguments, **options):
        raise ConnectionError("the line went dead\nand more")

    monkeypatch.setattr(urls.reach(sent)[0], "cat_ranges", cat_ranges)
    with pytest.raises(RemoteReadError) as caught:
        scan.source.read(scan.files[0])
    said = str(caught.value)
    assert said.startswith(sent)
    assert "\n" not in said
    assert "s3cr3t" not in said


def test_nothing_there_is_said_plainly(run, bucket):
    code, _, err = run("check", f"{bucket[1]}/nowhere")
    assert code == 1
    assert "no such folder" in err


def test_a_kind_of_url_that_nobody_knows_is_said_plainly(run):
    code, _, err = run("check", "nothing://bucket/questions")
    assert code == 1
    assert "nothing" in err
    assert "Traceback" not in err


def test_a_missing_package_is_named_with_the_command_that_installs_it(run, monkeypatch):
    urls._system.cache_clear()

    def missing(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    code, _, err = run("check", "s3://bucket/questions")
    urls._system.cache_clear()
    assert code == 1
    assert "pip install 'vmeval-hfds[s3]'" in err


def test_a_folder_on_disk_can_be_given_by_its_url(folder, tmp_path):
    build(folder, tmp_path / "here")
    build(f"file://{folder}", tmp_path / "there")
    here, there = tree(tmp_path / "here"), tree(tmp_path / "there")
    assert here == there
    assert os.path.exists(folder)
    write(folder / "more.txt", "more")
    assert not verify(f"file://{folder}", tmp_path / "here").same
