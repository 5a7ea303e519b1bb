"""What a download writes, replaces and removes, and what it never touches."""

import hashlib
import os
import random

import pytest

from tests.factories import png, tree, write, write_folder
from tests.hub.rules import default_attributes
from tests.mirror_factories import ID, PARTIAL, files_of, write_some
from vmeval_hfds.api.mirror import (
    download,
    hf_download,
    hf_upload,
)
from vmeval_hfds.errors import (
    HubError,
    TargetExistsError,
    UnknownNameError,
    UnsafePathError,
)
from vmeval_hfds.folder.record import state_folder

pytestmark = pytest.mark.folder("folder", write_some)


# .gitattributes


@pytest.mark.parametrize("content", [default_attributes("dataset").encode(), b"*.md -text\n", b""])
@pytest.mark.parametrize("alone", [True, False])
def test_a_gitattributes_of_the_folder_comes_back(hub, folder, tmp_path, content, alone):
    folder = tmp_path / "alone" if alone else folder
    write(folder / ".gitattributes", content)
    first = hf_upload(folder, ID)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)
    assert hf_upload(folder, ID).commit == first.commit
    hf_upload(folder, ID, delete=True)
    (folder / ".gitattributes").unlink()
    write(folder / "more.txt", "more")
    hf_upload(folder, ID, delete=True)
    assert ".gitattributes" not in hub.files(ID)


def test_a_gitattributes_below_is_a_file_like_others(hub, folder, tmp_path):
    write(folder / "maze_task/.gitattributes", default_attributes("dataset"))
    hf_upload(folder, ID)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)


def test_lines_that_the_hub_added_do_not_make_its_gitattributes_ours(hub, folder, tmp_path):
    hf_upload(folder, ID)
    added = "big.json filter=lfs diff=lfs merge=lfs -text\n"
    hub.commit(ID, {".gitattributes": (default_attributes("dataset") + added).encode()})
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)
    hub.commit(ID, {".gitattributes": b"*.txt text\n"})
    assert ".gitattributes" in tree(hf_download(ID, tmp_path / "other"))


def test_where_history_is_gone_a_gitattributes_is_kept(hub, folder, tmp_path):
    from huggingface_hub import HfApi

    hf_upload(folder, ID)
    api = HfApi(endpoint=hub.endpoint, token=hub.token())
    api.super_squash_history(ID, repo_type="dataset")
    assert ".gitattributes" in tree(hf_download(ID, tmp_path / "target"))


# Download


def test_a_revision_can_be_a_tag_or_a_commit(hub, folder, tmp_path):
    first = hf_upload(folder, ID)
    hub.create_tag(ID, "v1")
    before = tree(folder)
    write(folder / "notes.md", "other")
    hf_upload(folder, ID)
    for revision in ("v1", first.commit):
        assert tree(hf_download(ID, tmp_path / revision, revision=revision)) == before


def test_files_that_are_there_are_left_alone(hub, folder, tmp_path):
    hf_upload(folder, ID)
    target = hf_download(ID, tmp_path / "target")
    for path in files_of(target):
        os.utime(target / path, (1, 1))
    (target / "notes.md").unlink()
    hub.clear_log()
    result = download(ID, target)
    assert (result.written, result.unchanged) == (1, len(files_of(folder)) - 1)
    assert sum("/resolve/" in one.path for one in hub.requests) == 1
    assert (target / "maze_task/maze_0000/prompt.txt").stat().st_mtime == 1


def test_what_an_earlier_download_brought_is_replaced(hub, folder, tmp_path):
    hf_upload(folder, ID)
    hf_download(ID, tmp_path / "target")
    write(folder / "notes.md", "other")
    hf_upload(folder, ID)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)


def test_what_a_person_wrote_is_replaced_with_force_only(hub, folder, tmp_path):
    hf_upload(folder, ID)
    target = hf_download(ID, tmp_path / "target")
    write(target / "notes.md", "mine")
    write(target / "my own.txt", "mine")
    before = tree(target)
    with pytest.raises(TargetExistsError, match=r"--force: notes\.md"):
        hf_download(ID, target)
    assert tree(target) == before
    hf_download(ID, target, force=True)
    assert tree(target) == {**tree(folder), "my own.txt": b"mine"}


def test_a_folder_in_a_files_place_and_a_link_on_the_way_are_refused(hub, folder, tmp_path):
    hf_upload(folder, ID)
    (tmp_path / "one/notes.md").mkdir(parents=True)
    with pytest.raises(TargetExistsError):
        hf_download(ID, tmp_path / "one", force=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "two/maze_task").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePathError, match="is a link"):
        hf_download(ID, tmp_path / "two", force=True)
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / PARTIAL).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePathError, match="is a link"):
        hf_download(ID, tmp_path / "three")
    assert not tree(tmp_path / "elsewhere")
    with pytest.raises(TargetExistsError, match="is a file"):
        hf_download(ID, write(tmp_path / "file"))
    (tmp_path / "four").mkdir()
    (tmp_path / "four/notes.md").symlink_to(write(tmp_path / "victim", "victim"))
    with pytest.raises(TargetExistsError):
        hf_download(ID, tmp_path / "four")
    hf_download(ID, tmp_path / "four", force=True)
    assert (tmp_path / "victim").read_text() == "victim"
    assert tree(tmp_path / "four") == tree(folder)


@pytest.mark.parametrize(
    "names",
    [("CON.txt",), ("a:b",), ("x/a.", "x/b"), ("a.txt", "A.txt"), (f"{PARTIAL}/x",), ("a\tb",)],
)
def test_names_that_must_not_be_written_are_refused_before_the_first(hub, tmp_path, names):
    hub.create_repo(ID)
    hub.commit(ID, {"good.txt": b"1", **dict.fromkeys(names, b"2")})
    with pytest.raises(UnsafePathError, match="nothing was"):
        hf_download(ID, tmp_path / "target")
    assert not (tmp_path / "target").exists()
    hf_download(ID, tmp_path / "target", include=["good.txt"])
    assert tree(tmp_path / "target") == {"good.txt": b"1"}


def test_a_part_can_be_brought(hub, folder, tmp_path):
    hf_upload(folder, ID)
    target = hf_download(ID, tmp_path / "target", include=["maze_task", "*.md"])
    assert files_of(target) == {
        path: content
        for path, content in files_of(folder).items()
        if path.startswith("maze_task/") or path == "notes.md"
    }
    with pytest.raises(UnknownNameError, match="no file matches"):
        hf_download(ID, tmp_path / "none", include=["nothing"])


def test_prune_removes_what_was_brought_and_is_gone_and_nothing_else(hub, folder, tmp_path):
    write(folder / "old/deep/a.txt", "a")
    write(folder / "old/deep/b.txt", "b")
    write(folder / "changed.txt", "as brought")
    write(folder / "own.txt", "the same")
    write(tmp_path / "target/own.txt", "the same")  # was here before the download
    hf_upload(folder, ID)
    target = hf_download(ID, tmp_path / "target")
    write(target / "changed.txt", "by a person")
    write(target / "mine.txt", "mine")
    for path in ("old/deep/a.txt", "old/deep/b.txt", "changed.txt", "own.txt"):
        (folder / path).unlink()
    hf_upload(folder, ID, delete=True, exclude=["old"])
    assert download(ID, target).pruned == []
    assert (target / "old/deep/a.txt").exists()
    result = download(ID, target, prune=True)
    assert result.pruned == ["old/deep/a.txt", "old/deep/b.txt"]
    expected = {
        **files_of(folder),
        "changed.txt": b"by a person",
        "mine.txt": b"mine",
        "own.txt": b"the same",
    }
    assert files_of(target) == expected
    assert not (target / "old").exists()
    assert download(ID, target, prune=True).pruned == []


def test_prune_of_another_repository_removes_nothing(hub, folder, tmp_path):
    hf_upload(folder, ID)
    hf_upload(write_folder(tmp_path / "other", ("chess",), 1), "user/other")
    target = hf_download(ID, tmp_path / "target")
    write(target / "vmeval_dataset.json", files_of(tmp_path / "other")["vmeval_dataset.json"])
    assert download("user/other", target, prune=True).pruned == []


def test_prune_goes_through_no_link(hub, folder, tmp_path):
    write(folder / "old/a.txt", "a")
    hf_upload(folder, ID)
    target = hf_download(ID, tmp_path / "target")
    (target / "old").rename(tmp_path / "moved")
    (target / "old").symlink_to(tmp_path / "moved")
    hf_upload(folder, ID, delete=True, exclude=["old"])
    assert download(ID, target, prune=True).pruned == []
    assert (tmp_path / "moved/a.txt").exists()


def test_a_lost_or_broken_record_prunes_nothing(hub, folder, tmp_path):
    write(folder / "old.txt", "a")
    hf_upload(folder, ID)
    target = hf_download(ID, tmp_path / "target")
    (folder / "old.txt").unlink()
    hf_upload(folder, ID, delete=True)
    breaks = (
        lambda whole: b"",
        lambda whole: b"\xff",
        lambda whole: whole.replace(b"record 2", b"record 9"),
        lambda whole: whole[: whole.rindex(b"\0")],
    )
    wholes = {record: record.read_bytes() for record in state_folder().glob("*.record")}
    for broken in breaks:
        for record, whole in wholes.items():
            record.write_bytes(broken(whole))
        assert download(ID, target, prune=True).pruned == []


@pytest.mark.both_transfers
def test_bytes_that_are_not_what_the_hub_states_are_never_put_in_place(hub, folder, tmp_path):
    hf_upload(folder, ID)
    content = png("maze/maze_0000/first")
    digest = hashlib.sha256(content).hexdigest()
    (stored,) = [one for one in hub.directory.rglob("*") if one.is_file() and one.read_bytes() == content]
    stored.write_bytes(content[:-1] + b"!")
    with pytest.raises(HubError, match=r"not those that the Hub states .*maze_0000/first_frame\.png"):
        hf_download(ID, tmp_path / "target")
    assert tree(tmp_path / "target").keys() >= {f"{PARTIAL}/"}
    assert all(path.startswith(PARTIAL) for path in tree(tmp_path / "target"))
    assert digest
    stored.write_bytes(content)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)


@pytest.mark.both_transfers
def test_a_partial_file_goes_on_where_it_ended_and_a_damaged_one_starts_again(hub, tmp_path):
    content = random.Random(1).randbytes(3_000_000)
    write(tmp_path / "folder/video.mp4", content)
    hf_upload(tmp_path / "folder", ID)
    name = f"sha256-{hashlib.sha256(content).hexdigest()}"
    write(tmp_path / "target" / PARTIAL / name, content[:1_000_000])
    hub.clear_log()
    assert tree(hf_download(ID, tmp_path / "target")) == tree(tmp_path / "folder")
    (body,) = [one for one in hub.requests if one.cdn]
    assert body.range == "bytes=1000000-"
    write(tmp_path / "again" / PARTIAL / name, b"?" * 1_000_000)
    assert tree(hf_download(ID, tmp_path / "again")) == tree(tmp_path / "folder")
    write(tmp_path / "longer" / PARTIAL / name, content + b"?")
    assert tree(hf_download(ID, tmp_path / "longer")) == tree(tmp_path / "folder")


def test_the_same_bytes_come_once_and_empty_files_not_at_all(hub, tmp_path):
    for number in range(20):
        write(tmp_path / f"folder/{number}.png", png("same"))
        write(tmp_path / f"folder/{number}.txt")
    hf_upload(tmp_path / "folder", ID)
    hub.clear_log()
    assert tree(hf_download(ID, tmp_path / "target")) == tree(tmp_path / "folder")
    assert sum("/resolve/" in one.path for one in hub.requests) == 1


@pytest.mark.both_transfers
def test_a_full_disk_is_said_with_the_target(hub, folder, tmp_path, monkeypatch):
    hf_upload(folder, ID)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(OSError, match="No space left") as error:
        hf_download(ID, tmp_path / "target")
    assert error.value.filename == str(tmp_path / "target")
