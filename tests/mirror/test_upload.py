"""What an upload sends, what it refuses before anything is sent, and what it leaves out."""

import os
import socket

import pytest

from tests.factories import tree, write
from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS
from tests.mirror_factories import ID, TOKEN, files_of, write_some, writes
from vmeval_hfds.api.mirror import (
    hf_download,
    hf_list_files,
    hf_upload,
)
from vmeval_hfds.errors import (
    FolderError,
    HubConflictError,
    HubError,
    HubNotFoundError,
    UnsafePathError,
)

pytestmark = pytest.mark.folder("folder", write_some)


@pytest.mark.both_transfers
def test_a_second_upload_sends_and_commits_nothing(hub, folder):
    first = hf_upload(folder, ID)
    hub.clear_log()
    second = hf_upload(folder, ID)
    assert second.commit == first.commit
    assert (second.uploaded, second.unchanged) == (0, len(files_of(folder)))
    assert [one.method for one in hub.requests] == ["GET"] * 3


@pytest.mark.both_transfers
def test_only_what_changed_is_sent(hub, folder):
    hf_upload(folder, ID)
    write(folder / "notes.md", "other")
    hub.clear_log()
    assert hf_upload(folder, ID, commit_message="One note").uploaded == 1
    assert hub.log(ID)[0] == "One note"
    assert hub.files(ID)["notes.md"] == b"other"
    assert sum(one.request_bytes for one in hub.requests) < 2_000
    assert not [one for one in hub.requests if one.cdn]


def test_a_folder_of_the_repository_can_be_the_place(hub, folder):
    hf_upload(folder, ID, path_in_repo="/data/questions/")
    there = {path for path in hub.files(ID) if path != ".gitattributes"}
    assert there == {f"data/questions/{path}" for path in files_of(folder)}


def test_what_is_below_the_place_only_is_deleted(hub, folder):
    hub.create_repo(ID)
    hub.commit(ID, {"keep.txt": b"1", "data/old.txt": b"2", "database/x.txt": b"3"})
    result = hf_upload(folder, ID, path_in_repo="data", delete=True)
    assert result.deleted == 1
    assert {"keep.txt", "database/x.txt", "data/notes.md", ".gitattributes"} <= hub.files(ID).keys()
    assert "data/old.txt" not in hub.files(ID)


@pytest.mark.both_transfers
def test_delete_makes_the_repository_the_mirror_and_keeps_what_the_hub_made(hub, folder):
    hub.create_repo(ID)
    hub.commit(ID, {"old/a.txt": b"1", "notes.md": b"2"})
    result = hf_upload(folder, ID, delete=True)
    assert result.deleted == 1
    assert hub.files(ID).keys() == {*files_of(folder), ".gitattributes"}
    assert len(hub.log(ID)) == 3


def test_without_delete_what_is_there_stays(hub, folder):
    hub.create_repo(ID)
    hub.commit(ID, {"old/a.txt": b"1"})
    hf_upload(folder, ID)
    assert hub.files(ID)["old/a.txt"] == b"1"


def test_a_file_can_take_a_folders_place_and_the_other_way_round(hub, tmp_path):
    hub.create_repo(ID)
    hub.commit(ID, {"a/b.txt": b"1", "c": b"2"})
    write(tmp_path / "folder/a", "file")
    write(tmp_path / "folder/c/d.txt", "below")
    with pytest.raises(FolderError, match="is a folder"):
        hf_upload(tmp_path / "folder", ID)
    hf_upload(tmp_path / "folder", ID, delete=True)
    assert hub.files(ID).keys() == {"a", "c/d.txt", ".gitattributes"}


def test_a_private_repository_is_made_and_a_public_one_is_refused(hub, folder, monkeypatch):
    hf_upload(folder, ID, private=True)
    assert "notes.md" in hf_list_files(ID)
    with monkeypatch.context() as nobody:
        nobody.delenv("HF_TOKEN")
        with pytest.raises(HubNotFoundError):
            hf_list_files(ID)
    hub.create_repo("user/public")
    hub.clear_log()
    with pytest.raises(HubConflictError, match="is public"):
        hf_upload(folder, "user/public", private=True)
    assert not writes(hub)


def test_a_missing_branch_is_made(hub, folder):
    hub.create_repo(ID)
    hf_upload(folder, ID, revision="mirror")
    assert "notes.md" in hub.files(ID, "mirror")
    assert "notes.md" not in hub.files(ID)
    hf_upload(folder, "user/new", revision="mirror")
    assert "notes.md" in hub.files("user/new", "mirror")


def test_files_go_to_branches_only(hub, folder):
    commit = hub.create_repo(ID)
    hub.create_tag(ID, "v1")
    for revision in ("v1", commit):
        with pytest.raises(HubError, match="name a branch"):
            hf_upload(folder, ID, revision=revision)


@pytest.mark.both_transfers
def test_thousands_of_files_go_in_one_commit(hub, tmp_path):
    folder = tmp_path / "folder"
    for number in range(2_100):
        write(folder / f"data/{number % 7}/{number:04d}.txt", str(number % 50))
    hf_upload(folder, ID)
    assert len(hub.log(ID)) == 2
    hub.clear_log()
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)
    assert sum("/resolve/" in one.path for one in hub.requests) == 50  # the same bytes come once


# Nothing is dropped


@pytest.mark.both_transfers
def test_a_gitignore_drops_nothing(hub, folder, tmp_path):
    write(folder / ".gitignore", "*.png\nnotes.md\nmaze_task/\n")
    write(folder / "chess_task/.gitignore", "*")
    hf_upload(folder, ID)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)
    hub.create_repo("user/other")
    hub.commit("user/other", {".gitignore": b"*\n"})
    (folder / ".gitignore").unlink()
    hf_upload(folder, "user/other")
    assert files_of(folder).keys() <= hub.files("user/other").keys()


@pytest.mark.parametrize("name", ["README.md", ".gitignore"])
def test_what_the_client_reads_as_text_and_cannot_is_refused(hub, folder, name):
    write(folder / name, b"\xff\xfe")
    with pytest.raises(FolderError, match="must be UTF-8"):
        hf_upload(folder, ID)
    assert not hub.requests
    hf_upload(folder, ID, path_in_repo="below")
    assert hub.files(ID)[f"below/{name}"] == b"\xff\xfe"


def test_what_is_excluded_is_said(hub, folder):
    result = hf_upload(folder, ID, exclude=["*.mp4", "chess_task/", "notes.md"])
    there = hub.files(ID)
    assert "maze_task/maze_0000/ground_truth.mp4" in result.left_out
    assert "notes.md" in result.left_out
    assert not [path for path in there if path.startswith("chess_task") or path.endswith(".mp4")]
    assert {*there, *result.left_out} == {*files_of(folder), ".gitattributes"}


def test_a_link_inside_goes_as_a_copy_and_is_said(hub, folder, tmp_path):
    (folder / "link.md").symlink_to("notes.md")
    assert hf_upload(folder, ID).links == ["link.md"]
    target = hf_download(ID, tmp_path / "target")
    assert (target / "link.md").read_bytes() == (folder / "notes.md").read_bytes()


def test_empty_folders_are_refused_or_said(hub, folder):
    (folder / "not_yet/run").mkdir(parents=True)
    with pytest.raises(FolderError, match="not_yet/run: The folder is empty"):
        hf_upload(folder, ID)
    assert not hub.requests
    assert hf_upload(folder, ID, skip_empty_folders=True).left_out == ["not_yet/run/"]
    assert hf_upload(folder, ID, exclude=["not_yet"]).left_out == ["not_yet/run/"]


def _cache(folder):
    write(folder / "maze_task/.cache/huggingface/x.metadata")
    return "maze_task/.cache", 1


def _link_outside(folder):
    (folder / "out").symlink_to("/etc")
    return "out", 1


def _link_loop(folder):
    (folder / "loop").symlink_to(folder)
    return "loop", 1


def _dead_link(folder):
    (folder / "dead").symlink_to("nothing")
    return "dead", 1


def _pipe(folder):
    os.mkfifo(folder / "pipe")
    return "pipe", 1


def _socket(folder):
    here = os.getcwd()
    os.chdir(folder)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("socket")
    finally:
        os.chdir(here)
    return "socket", 1


def _env(folder):
    write(folder / "maze_task/.env.local", "X=1")
    return "maze_task/.env.local", 1


def _token(folder):
    write(folder / "maze_task/log.txt", f"{'x' * 70_000} token={TOKEN}\n")
    return "maze_task/log.txt", 1


def _several(folder):
    _env(folder)
    _pipe(folder)
    (folder / "empty").mkdir()
    write(folder / "bad:name")
    return "pipe", 4


@pytest.mark.parametrize(
    "spoil",
    [_cache, _link_outside, _link_loop, _dead_link, _pipe, _socket, _env, _token, _several],
)
@pytest.mark.parametrize("in_repo", ["", "data"])
def test_what_could_not_come_back_is_refused_before_the_first_request(hub, folder, run, spoil, in_repo):
    path, count = spoil(folder)
    with pytest.raises(FolderError, match="nothing was changed") as error:
        hf_upload(folder, ID, path_in_repo=in_repo)
    assert len(error.value.problems) == count
    assert any(path in one.path for one in error.value.problems)
    code, out, err = run("upload", "--path", folder, "--repo-id", ID, "--path-in-repo", in_repo)
    assert (code, out) == (1, "")
    assert path in err
    assert TOKEN not in err
    assert not hub.requests


@pytest.mark.parametrize("hostile", [one for one in HOSTILE_PATHS if one.on_disk], ids=lambda one: one.name)
def test_hostile_names_are_refused_before_the_first_request(hub, tmp_path, hostile):
    write(tmp_path / "folder" / hostile.path, "x")
    with pytest.raises(FolderError) as error:
        hf_upload(tmp_path / "folder", ID)
    assert error.value.problems[0].severity == "error"
    assert not hub.requests


@pytest.mark.parametrize("hostile", [one for one in HOSTILE_FILES if one.on_disk], ids=lambda one: one.name)
def test_names_that_clash_on_other_systems_are_refused(hub, tmp_path, hostile):
    for path in hostile.files:
        if path.endswith("/"):
            (tmp_path / "folder" / path).mkdir(parents=True)
        else:
            write(tmp_path / "folder" / path, "x")
    with pytest.raises(FolderError) as error:
        hf_upload(tmp_path / "folder", ID)
    assert hostile.reason in " ".join(one.message for one in error.value.problems)
    assert not hub.requests


def test_names_that_clash_with_the_repositorys_are_refused_before_anything_is_changed(hub, folder):
    hub.create_repo(ID)
    hub.commit(ID, {"NOTES.md": b"1"})
    hub.clear_log()
    with pytest.raises(FolderError, match="only by case"):
        hf_upload(folder, ID)
    assert not writes(hub)


def test_what_is_wrong_can_be_excluded(hub, folder):
    for spoil in (_cache, _link_outside, _pipe, _env, _token):
        spoil(folder)
    exclude = ["*/.cache", "out", "pipe", "*.env*", "*.txt"]
    hf_upload(folder, ID, exclude=exclude)


def test_every_file_that_cannot_be_read_is_listed(hub, folder, monkeypatch):
    from vmeval_hfds.mirror import files

    read = files.read_file

    def refuse(place):
        if place.suffix == ".png":
            raise PermissionError(13, "Permission denied", str(place))
        return read(place)

    monkeypatch.setattr(files, "read_file", refuse)
    with pytest.raises(FolderError, match="cannot be read: Permission denied") as error:
        hf_upload(folder, ID)
    assert {one.path for one in error.value.problems} == {
        one for one in files_of(folder) if one.endswith(".png")
    }
    assert not hub.requests


def test_secrets_go_when_told(hub, folder):
    _env(folder)
    _token(folder)
    hf_upload(folder, ID, allow_secrets=True)
    assert "maze_task/.env.local" in hub.files(ID)


@pytest.mark.parametrize(
    "content",
    [
        f'{{"token": "{TOKEN}"}}'.encode(),
        TOKEN.encode("utf-16"),
        b"\0\1\2" + TOKEN.encode(),
        b"x" * ((1 << 20) - 10) + b" " + TOKEN.encode(),
    ],
    ids=["json", "utf-16", "binary", "across-chunks"],
)
def test_tokens_are_found(hub, tmp_path, content):
    write(tmp_path / "folder/file", content)
    with pytest.raises(FolderError, match="token in it") as error:
        hf_upload(tmp_path / "folder", ID)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"hf_short", b"hf_hub_download(repo_id)", b"xhf_" + b"a" * 40, b"hf_" + b"a_" * 40]
)
def test_what_is_no_token_is_none(hub, tmp_path, content):
    write(tmp_path / "folder/.env.example", content)
    hf_upload(tmp_path / "folder", ID)


def test_no_folder_a_file_and_nothing_at_all_are_refused(hub, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        hf_upload(tmp_path / "none", ID)
    with pytest.raises(NotADirectoryError, match="is a file"):
        hf_upload(write(tmp_path / "file"), ID)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="no file in it"):
        hf_upload(tmp_path / "empty", ID, delete=True)
    with pytest.raises(UnsafePathError, match="leads upwards"):
        hf_upload(tmp_path / "empty", ID, path_in_repo="../x")
    assert not hub.requests


def test_a_card_that_the_hub_does_not_take_is_an_error(hub, folder):
    write(folder / "README.md", "---\na: [\n---\n")
    with pytest.raises(HubError, match="cannot be sent"):
        hf_upload(folder, ID)
    assert hub.files(ID).keys() == {".gitattributes"}


@pytest.mark.both_transfers
def test_a_file_that_changes_while_it_is_sent_is_an_error(hub, folder):
    def change(request):
        if request.path.endswith("/preupload/main"):
            write(folder / "notes.md", "changed meanwhile")

    hub.on_request = change
    with pytest.raises(HubError, match=r"not what the folder held .* notes\.md"):
        hf_upload(folder, ID)
    hf_upload(folder, ID)
    assert hub.files(ID)["notes.md"] == b"changed meanwhile"


def test_a_commit_of_somebody_else_meanwhile_is_an_error(hub, folder):
    hub.create_repo(ID)

    def interfere(request):
        if request.path.endswith("/commit/main"):
            hub.on_request = None
            hub.commit(ID, {"theirs.txt": b"1"})

    hub.on_request = interfere
    with pytest.raises(HubConflictError, match="run again"):
        hf_upload(folder, ID)
    assert hub.files(ID).keys() == {".gitattributes", "theirs.txt"}
    hf_upload(folder, ID)
    assert {"theirs.txt", "notes.md"} <= hub.files(ID).keys()
