"""Folders at URLs, on a real S3 server: what a push makes of them, and what happens where the store misbehaves."""

import pytest

from tests.factories import tree, write_question
from tests.run_factories import write_runs
from tests.s3 import send
from vmeval_builders.errors import FolderChangedError, NotAFolderError
from vmeval_builders.scan import scan_rows
from vmeval_builders.sources import remote, urls
from vmeval_builders.sources.remote import index_remote
from vmeval_hfds import (
    build,
    check_folder,
    diff_datasets,
    export,
    info,
    push_to_hub,
    verify,
    write_gallery,
)
from vmeval_hfds.errors import FolderError, HubNotFoundError
from vmeval_hfds.rows.open import open_rows


@pytest.fixture
def sent(bucket, folder):
    return send(bucket[0], folder, f"{bucket[1]}/questions")


def test_outputs_that_are_pushed_from_s3_come_back_byte_for_byte(hub, bucket, tmp_path):
    """Their times are the store's, so that the shards are not those of the folder."""
    folder = write_runs(tmp_path / "outputs")
    push_to_hub(send(bucket[0], folder, f"{bucket[1]}/outputs"), "user/outputs")
    export("user/outputs", tmp_path / "rebuilt")
    here, there = (
        {path: one for path, one in tree(one).items() if not path.endswith("/")}
        for one in (folder, tmp_path / "rebuilt")
    )
    assert here == there


def test_a_name_with_brackets_is_that_object_and_no_pattern(bucket, folder, sent):
    for name, content in (("[ab].txt", b"brackets"), ("a.txt", b"plain")):
        (folder / name).write_bytes(content)
        bucket[0].pipe_file(f"{sent}/{name}", content)
    source = scan_rows(sent)
    assert [source.source.read(source.by_path[name]) for name in ("[ab].txt", "a.txt")] == [
        b"brackets",
        b"plain",
    ]
    assert diff_datasets(sent, folder).same


def test_an_object_that_is_no_archive_is_refused_with_what_was_expected(bucket):
    bucket[0].pipe_file(f"{bucket[1]}/questions.zip", b"packed")
    with pytest.raises(NotAFolderError, match="is one object; expected a folder or an archive"):
        check_folder(f"{bucket[1]}/questions.zip")


def test_a_read_that_fails_is_an_error_of_that_file_and_nothing_is_pushed(hub, sent, monkeypatch):
    system, _ = urls.reach(sent)

    def cat_ranges(names, *arguments, **options):
        return [ConnectionError("the line went dead\nand more")] * len(names)

    monkeypatch.setattr(system, "cat_ranges", cat_ranges)
    errors = [str(problem) for problem in check_folder(sent) if problem.severity == "error"]
    assert any("the line went dead and more" in error for error in errors)
    assert not any("\n" in error for error in errors)
    with pytest.raises(FolderError, match="nothing was written"):
        push_to_hub(sent, "user/there")
    with pytest.raises(HubNotFoundError):
        export("user/there", sent)


def test_an_object_that_changes_while_it_is_pushed_ends_it_and_nothing_is_seen(hub, bucket, sent):
    path = next(entry.path for entry in scan_rows(sent).files if entry.path.endswith("prompt.txt"))

    def change(done, total):
        bucket[0].pipe_file(f"{sent}/{path}", b"Somebody else's words.")

    with pytest.raises(FolderChangedError, match=r"prompt\.txt"):
        push_to_hub(sent, "user/there", progress=change)


@pytest.mark.parametrize("work", [check_folder, diff_datasets, verify])
def test_an_object_that_changes_while_it_is_looked_at_ends_that(bucket, folder, sent, work):
    changed = f"{sent}/maze_task/maze_0000/prompt.txt"

    def change(done, total):
        bucket[0].pipe_file(changed, b"Somebody else's words.")

    others = [] if work is check_folder else [build(folder, folder.parent / "dataset").target]
    with pytest.raises(FolderChangedError, match=changed):
        work(sent, *others, progress=change)


def test_an_object_that_changes_while_its_row_is_drawn_leaves_no_gallery(bucket, sent, tmp_path):
    changed = f"{sent}/maze_task/maze_0000/prompt.txt"

    def change(done, total):
        bucket[0].pipe_file(changed, b"Somebody else's words.")

    with pytest.raises(FolderChangedError, match=changed):
        write_gallery(sent, tmp_path / "page.html", progress=change)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("read", ["texts", "sizes"])
def test_an_object_that_changes_while_rows_are_read_ends_that(bucket, sent, read):
    changed = f"{sent}/maze_task/maze_0000/prompt.txt"
    rows = getattr(open_rows(sent), read)()
    next(rows)
    bucket[0].pipe_file(changed, b"Somebody else's words.")
    with pytest.raises(FolderChangedError, match=changed):
        list(rows)


@pytest.fixture
def rounds(monkeypatch):
    """Take down how many files are on their way at once, each time that some are."""
    found = []
    bring = remote.bring

    def counted(url, parts):
        found.append(len(parts))
        return bring(url, parts)

    monkeypatch.setattr(remote, "bring", counted)
    return found


@pytest.mark.parametrize("work", [info, write_gallery], ids=["info", "gallery"])
def test_rows_are_looked_at_many_at_once(bucket, rounds, tmp_path, work):
    for number in range(50):
        write_question(tmp_path / "questions", id=f"maze_{number:04d}")
    url = send(bucket[0], tmp_path / "questions", f"{bucket[1]}/questions")
    work(url, *([tmp_path / "page.html"] if work is write_gallery else []))
    assert sum(rounds) >= 100
    assert len(rounds) < 10


@pytest.fixture
def many():
    """Give the URL of 25,000 objects: a server of its own in this process, in which they cost no requests."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    backend.create_bucket("many", "us-east-1")
    for number in range(25_000):
        backend.put_object("many", f"all/maze_task/maze_{number % 500:04d}/{number:05d}.txt", b"")
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def test_twenty_five_thousand_objects_are_listed_in_pages(many, monkeypatch):
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", many)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    urls._system.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
    found = index_remote("s3://many/all")
    urls._system.cache_clear()
    assert len(found.files) == len(found.tags) == 25_000
    assert found.folders["maze_task"].entries == 500
