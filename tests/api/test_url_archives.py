"""Archives on S3, a real server on loopback: one, or a folder of them, is what it is on disk, read as it lies there."""

import shutil
from functools import partial

import pytest

from tests.factories import tree, write_question, write_rich_folder
from tests.far_folders import builds_as_here, is_read_as_here, pushes_as_here
from tests.run_factories import times, write_runs
from tests.s3 import send
from tests.tar_factories import noise, pack_members
from vmeval_builders.errors import ArchiveError, FolderChangedError, RemoteReadError
from vmeval_builders.scan import refuse_changes, scan_rows
from vmeval_builders.sources import archive_object, urls
from vmeval_hfds import build, check_folder, export

pytestmark = pytest.mark.folder("questions", write_rich_folder)


def as_one(ending, folder, place):
    """Pack a folder as one archive."""
    pack_members(
        folder, place / f"questions.{ending}", *sorted(one.name for one in folder.iterdir()), remove=False
    )
    return f"questions.{ending}"


def as_parts(endings, folder, place):
    """Pack each domain of a folder as an archive of its own, and leave the rest as it is."""
    parts = shutil.copytree(folder, place / "questions")
    for number, domain in enumerate(sorted(path.name for path in parts.iterdir() if path.is_dir())):
        pack_members(parts, parts / f"Task-{number:04d}.{endings[number % len(endings)]}", domain)
    return "questions"


def as_nested_parts(folder, place):
    """Pack each domain as an archive in the folder that it is unpacked in."""
    parts = place / "questions"
    for domain in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        inside = sorted(path.name for path in (folder / domain).iterdir())
        pack_members(folder / domain, parts / domain / "part.tar.gz", *inside, remove=False)
    for path in folder.iterdir():
        if path.is_file():
            shutil.copy(path, parts)
    return "questions"


FORMS = {
    "one-tar": partial(as_one, "tar"),
    "one-tar.gz": partial(as_one, "tar.gz"),
    "tars": partial(as_parts, ["tar"]),
    "tar.gzs": partial(as_parts, ["tar.gz"]),
    "both": partial(as_parts, ["tar", "tar.gz"]),
    "nested": as_nested_parts,
}


#: Where the store misbehaves, it is the same for each way of packing.
some_forms = pytest.mark.parametrize("sent", ["one-tar", "one-tar.gz", "both"], indirect=True)


@pytest.fixture(params=FORMS)
def sent(request, bucket, folder, tmp_path):
    """Give the URL of an archive or of a folder of archives of the folder."""
    place = tmp_path / "to-send"
    name = FORMS[request.param](folder, place)
    send(bucket[0], place, f"{bucket[1]}/data")
    return f"{bucket[1]}/data/{name}"


@pytest.fixture
def archive(bucket, sent):
    """Give the URL of an archive that is, or is in, what was sent, and the file system."""
    [first, *_] = [name for name in sorted(bucket[0].find(sent)) if ".tar" in name]
    return f"s3://{first}"


@pytest.mark.parametrize("num_proc", [1, 2])
def test_its_dataset_is_the_folders(folder, sent, tmp_path, num_proc):
    builds_as_here(sent, folder, tmp_path, num_proc)


def test_a_push_is_the_folders_and_comes_back_unpacked(hub, folder, sent, tmp_path):
    pushes_as_here(sent, folder, tmp_path, hub)


def test_every_function_that_reads_takes_it(folder, sent, tmp_path):
    is_read_as_here(sent, folder, tmp_path, ("archive",))


@some_forms
def test_the_commands_take_it(run, sent, tmp_path):
    assert run("check", sent)[0] == 0
    assert run("build", sent, tmp_path / "dataset")[0] == 0
    assert run("verify", sent, tmp_path / "dataset")[0] == 0
    assert run("diff", sent, tmp_path / "dataset")[0] == 0
    assert run("info", sent)[0] == 0
    assert run("gallery", sent, tmp_path / "page.html")[0] == 0


@some_forms
def test_globs_are_about_what_is_in_archives(folder, sent, tmp_path):
    of_folder = build(folder, tmp_path / "here", include=["maze_task/*"]).target
    of_archives = build(sent, tmp_path / "there", include=["maze_task/*"]).target
    assert tree(of_archives) == tree(of_folder)


def test_times_and_empty_folders_of_outputs_come_from_the_archive(bucket, tmp_path):
    """A store has neither, but keeps what was packed with them."""
    folder = write_runs(tmp_path / "outputs")
    name = as_one("tar.gz", folder, tmp_path / "packed")
    dataset = build(send(bucket[0], tmp_path / "packed", bucket[1]) + f"/{name}", tmp_path / "dataset").target
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    rebuilt, expected = times(tmp_path / "rebuilt"), times(folder)
    assert {path: rebuilt[path] for path in rebuilt if path not in ("", ".")} == {
        path: expected[path] for path in expected if path not in ("", ".")
    }


# What misbehaves


@some_forms
@pytest.mark.parametrize("change", ["written again", "gone", "cut short"])
def test_an_archive_that_changes_after_it_was_listed_is_refused(bucket, sent, archive, change):
    system, scan = bucket[0], scan_rows(sent)
    content = system.cat_file(archive)
    if change == "gone":
        system.rm_file(archive)
        system.pipe_file(f"{bucket[1]}/data/questions/other.txt", b"")
    else:
        system.pipe_file(archive, content[:-1] + b"\1" if change == "written again" else content[:700])
    with pytest.raises((FolderChangedError, FileNotFoundError), match=archive.rpartition("/")[2]):
        refuse_changes(scan)


@some_forms
def test_a_build_in_which_an_archive_changes_leaves_nothing(bucket, sent, archive, tmp_path):
    content = bucket[0].cat_file(archive)

    def change(done, rows):
        bucket[0].pipe_file(archive, content + bytes(10240))

    with pytest.raises(FolderChangedError, match=archive):
        build(sent, tmp_path / "dataset", progress=change)
    assert not (tmp_path / "dataset").exists()


@some_forms
def test_an_archive_that_is_replaced_by_a_shorter_one_while_it_is_read_is_said_to_have_changed(
    bucket, sent, archive
):
    scan = scan_rows(sent)
    urls.fetched.clear()
    gzip_stream_forgets()
    bucket[0].pipe_file(archive, bucket[0].cat_file(archive)[:100])
    of_rows = [entry for unit in scan.units for entry in unit.files.values()]
    with pytest.raises(FolderChangedError, match=f"{archive}.*run again"):
        list(map(scan.source.read, of_rows))


def gzip_stream_forgets():
    from vmeval_builders.sources.archive import gzip_stream

    gzip_stream.cache_clear()


@some_forms
@pytest.mark.parametrize("left", [100, 700])
def test_a_cut_archive_is_named_and_nothing_is_built(bucket, sent, archive, tmp_path, left):
    bucket[0].pipe_file(archive, bucket[0].cat_file(archive)[:left])
    with pytest.raises(ArchiveError, match=archive):
        build(sent, tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


@some_forms
def test_a_read_that_fails_is_one_sentence(sent, archive, monkeypatch):
    def cat_ranges(names, *arguments, **options):
        return [ConnectionError("the line went dead\nand more")] * len(names)

    monkeypatch.setattr(urls.reach(archive.rpartition("/")[0])[0], "cat_ranges", cat_ranges)
    with pytest.raises(RemoteReadError) as caught:
        check_folder(sent)
    assert str(caught.value).startswith(archive)
    assert "the line went dead and more" in str(caught.value)


# How much is read


@pytest.fixture
def brought(monkeypatch):
    """Take down how many bytes of archives each request brought."""
    found = []
    bring = archive_object.bring

    def counted(url, parts):
        contents = bring(url, parts)
        found.extend(map(len, contents))
        return contents

    monkeypatch.setattr(archive_object, "bring", counted)
    return found


@pytest.fixture
def large(bucket, tmp_path):
    """Give the URL of a plain archive of twelve questions with videos of 3 MB each."""
    for number in range(12):
        video = b"\0\0\0\x18ftypmp42" + noise(3 * 2**20, number)
        write_question(tmp_path / "large", id=f"maze_{number:04d}", ground_truth=video)
    as_one("tar", tmp_path / "large", tmp_path / "packed")
    return send(bucket[0], tmp_path / "packed", bucket[1]) + "/questions.tar"


def test_of_large_files_in_a_plain_archive_only_headers_are_read_to_list_them(large, brought):
    assert len(scan_rows(large).units) == 12
    assert sum(brought) < 3 * 2**20


def test_of_a_plain_archive_only_what_is_chosen_is_read(large, brought, tmp_path):
    build(large, tmp_path / "dataset", include=["maze_task/maze_0003/*"])
    assert sum(brought) < 12 * 2**20


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_small_files_that_lie_in_order_are_listed_and_read_in_few_requests(bucket, brought, tmp_path, ending):
    small = tmp_path / "small"
    for number in range(200):
        write_question(small, id=f"maze_{number:04d}", ground_truth=noise(5000, number))
    in_order = sorted(path.relative_to(small) for path in small.rglob("*.*"))
    pack_members(small, tmp_path / f"packed/questions.{ending}", *in_order, remove=False)
    url = send(bucket[0], tmp_path / "packed", bucket[1]) + f"/questions.{ending}"
    size_bytes = bucket[0].size(url)
    build(url, tmp_path / "dataset", num_proc=1)
    assert len(brought) < 20
    assert sum(brought) < 2.5 * size_bytes


@pytest.mark.parametrize("sent", ["both"], indirect=True)
def test_an_archive_that_is_larger_than_a_table_s_cell_is_looked_into(folder, sent, tmp_path, monkeypatch):
    for module in ("walk", "remote"):
        monkeypatch.setattr(f"vmeval_builders.sources.{module}.FILE_LIMIT_BYTES", 2000)
    build(sent, tmp_path / "there")
    monkeypatch.undo()
    build(folder, tmp_path / "here")
    assert tree(tmp_path / "there") == tree(tmp_path / "here")
