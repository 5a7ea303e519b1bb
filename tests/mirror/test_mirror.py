"""Raw mirrors: what goes up comes back, what could not is refused before anything is changed."""

import hashlib
import json
import os
import random
import socket
import string
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MP4, png, tree, write, write_folder
from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS, LEGAL_PATHS
from tests.hub.rules import default_attributes
from vmeval_hfds.api.mirror import (
    download,
    hf_download,
    hf_list_files,
    hf_upload,
    list_remote_files,
    plan_download,
    plan_upload,
)
from vmeval_hfds.errors import (
    FolderError,
    HubAccessError,
    HubConflictError,
    HubError,
    HubFullError,
    HubNotFoundError,
    HubUnreachableError,
    TargetExistsError,
    UnknownNameError,
    UnsafePathError,
)
from vmeval_hfds.folder.record import state_folder

ID = "user/mirror"
TOKEN = "hf_" + "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=34))
PARTIAL = ".vmeval-hfds-partial"


def write_some(folder):
    write_folder(folder)
    write(folder / "maze_task/maze_0000/ground_truth.mp4", MP4)
    write(folder / "notes.md", "# Notes\n")
    write(folder / "maze_task/maze_0001/empty.txt")
    return folder


pytestmark = pytest.mark.folder("folder", write_some)


def outputs(folder):
    """A tree as VMEvalKit's runner makes it, less the empty folders of failed runs."""
    for run in ("run_1", "run_2"):
        base = folder / f"pilot/model-a/maze_task/maze_0000/{run}"
        write(base / "video/out.mp4", MP4 + run.encode())
        write(base / "question/first_frame.png", png("first"))
        write(base / "question/prompt.txt", "Find the way out.")
        write(base / "metadata.json", json.dumps({"run": run}))
    return folder


def evaluations(folder):
    for model in ("model-a", "model b"):
        write(folder / f"human-eval/pilot/{model}/maze_task/maze_0000/HumanEvaluator.json", '{"score": 4}')
    write(folder / "human-eval/HumanEvaluator_all_models.json", "[]")
    return folder


def writes(hub):
    """Requests that change something on the Hub."""
    reads = ("GET", "HEAD")
    return [one for one in hub.requests if one.method not in reads and "preupload" not in one.path]


def files_of(folder):
    return {path: content for path, content in tree(folder).items() if content is not None}


# There and back


@pytest.mark.parametrize("repo_type", ["dataset", "model", "space"])
def test_a_folder_comes_back_as_it_was(hub, folder, tmp_path, repo_type):
    result = hf_upload(folder, ID, repo_type)
    assert hub.head(ID, type=repo_type) == result.commit
    assert (result.uploaded, result.deleted, result.unchanged) == (len(files_of(folder)), 0, 0)
    assert hub.log(ID, type=repo_type) == ["Upload folder", "initial commit"]
    target = hf_download(ID, tmp_path / "target", repo_type)
    assert target == tmp_path / "target"
    assert tree(target) == tree(folder)
    assert subprocess.run(["diff", "-r", folder, target], check=False).returncode == 0


@pytest.mark.parametrize("make", [outputs, evaluations])
def test_outputs_and_evaluations_are_mirrored_alike(hub, tmp_path, make):
    folder = make(tmp_path / "folder")
    hf_upload(folder, ID)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)


NAMES = st.sampled_from([*LEGAL_PATHS, "first_frame.png", "prompt.txt", "a.mp4"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join) | st.just(".gitattributes")


@given(files=st.dictionaries(PATHS, st.binary(max_size=300), min_size=1, max_size=8))
def test_any_folder_comes_back_as_it_was(hub, tmp_path_factory, files):
    base = tmp_path_factory.mktemp("any")
    for path, content in files.items():
        if not any(
            f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")
            for other in files
            if other != path
        ):
            write(base / "folder" / path, content)
    if not files_of(base / "folder"):
        return
    repo_id = f"user/any-{base.name}"
    for name, text in [("README.md", "# Card\n"), (".gitignore", "*\n!*.png\n")]:
        if (base / "folder" / name).is_file():  # the Hub checks a card, and the client reads both
            write(base / "folder" / name, text)
    hf_upload(base / "folder", repo_id)
    assert tree(hf_download(repo_id, base / "target")) == tree(base / "folder")


def test_a_second_upload_sends_and_commits_nothing(hub, folder):
    first = hf_upload(folder, ID)
    hub.clear_log()
    second = hf_upload(folder, ID)
    assert second.commit == first.commit
    assert (second.uploaded, second.unchanged) == (0, len(files_of(folder)))
    assert [one.method for one in hub.requests] == ["GET"] * 3


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
    for broken in ("", "[]", '{"version": 9}', '{"version": 1, "files": {"old.txt": [[1]]}}'):
        for record in state_folder().glob("*.json"):
            record.write_text(broken)
        assert download(ID, target, prune=True).pruned == []


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


def test_a_full_disk_is_said_with_the_target(hub, folder, tmp_path, monkeypatch):
    hf_upload(folder, ID)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(OSError, match="No space left") as error:
        hf_download(ID, tmp_path / "target")
    assert error.value.filename == str(tmp_path / "target")


def test_progress_counts_to_the_end(hub, folder, tmp_path):
    steps = []
    hf_upload(folder, ID, progress=lambda done, total: steps.append((done, total)))
    files = len(files_of(folder))
    assert steps[0] == (1, 2 * files)
    assert steps[-1] == (2 * files, 2 * files)
    assert steps == sorted(steps)
    steps.clear()
    hf_download(ID, tmp_path / "target", progress=lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1] > 0


# Lists and plans


def test_files_are_listed_in_order_with_sizes_and_hashes(hub, folder, run):
    hf_upload(folder, ID)
    paths = sorted([*files_of(folder), ".gitattributes"])
    assert hf_list_files(ID) == paths
    code, out, _ = run("ls", "--repo-id", ID)
    assert (code, out.splitlines()) == (0, paths)
    code, out, _ = run("ls", "--repo-id", ID, "--long", "--format", "json")
    listed = {one["path"]: one for one in json.loads(out)}
    assert listed["notes.md"]["size_bytes"] == len("# Notes\n")
    frame = files_of(folder)["maze_task/maze_0000/first_frame.png"]
    assert listed["maze_task/maze_0000/first_frame.png"]["sha256"] == hashlib.sha256(frame).hexdigest()
    _, out, _ = run("ls", "--repo-id", ID, "--long")
    assert len(out.splitlines()) == len(paths) + 1
    assert [one.path for one in list_remote_files(ID)] == paths


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("revision", ["main", "mirror"])
def test_a_plan_of_an_upload_changes_nothing_and_tells_the_requests(hub, folder, exists, revision):
    if exists:
        hub.create_repo(ID)
        hub.commit(ID, {"old.txt": b"1"})
    hub.clear_log()
    plan = plan_upload(folder, ID, revision=revision, delete=True)
    assert not writes(hub)
    assert not [one for one in hub.requests if "preupload" in one.path]
    assert plan.creates_repo is not exists
    assert plan.creates_branch is (revision != "main")
    assert sorted(plan.send) == sorted(files_of(folder))
    assert plan.send_bytes == sum(map(len, files_of(folder).values()))
    assert plan.delete == (["old.txt"] if exists else [])
    assert plan.commits == 1
    assert plan.push_requests is None
    hub.clear_log()
    hf_upload(folder, ID, revision=revision, delete=True)
    assert abs(len(hub.requests) - plan.requests) <= 2
    plan = plan_upload(folder, ID, revision=revision)
    assert (plan.send, plan.commits) == ([], 0)
    hub.clear_log()
    hf_upload(folder, ID, revision=revision)
    assert len(hub.requests) == plan.requests


def test_a_plan_of_a_download_writes_nothing_and_tells_the_requests(hub, folder, tmp_path):
    hf_upload(folder, ID)
    plan = plan_download(ID, tmp_path / "target")
    assert not (tmp_path / "target").exists()
    assert plan.write == sorted(files_of(folder))
    assert plan.write_bytes == sum(map(len, files_of(folder).values()))
    hub.clear_log()
    hf_download(ID, tmp_path / "target")
    assert len(hub.requests) == plan.requests
    (folder / "notes.md").unlink()
    hf_upload(folder, ID, delete=True)
    assert plan_download(ID, tmp_path / "target", prune=True).prune == ["notes.md"]
    assert (tmp_path / "target/notes.md").exists()


def test_plans_of_thousands_of_questions_tell_how_much_cheaper_a_dataset_is(hub, tmp_path, run, monkeypatch):
    monkeypatch.setattr("vmeval_hfds.mirror.plan.MANY_FILES", 600)
    folder = tmp_path / "folder"
    for number in range(300):
        write(folder / f"maze_task/maze_{number:04d}/prompt.txt", f"Go {number}.")
        write(folder / f"maze_task/maze_{number:04d}/first_frame.png", f"not looked at {number}")
    plan = plan_upload(folder, ID)
    assert plan.push_requests * 5 < plan.requests
    _, out, _ = run("upload", "--path", folder, "--repo-id", ID, "--dry-run")
    assert "push" in out
    assert "export" in out
    assert not writes(hub)
    hub.clear_log()
    hf_upload(folder, ID)
    assert abs(len(hub.requests) - plan.requests) <= 2
    plan = plan_download(ID, tmp_path / "target")
    assert plan.export_requests * 50 < plan.requests
    _, out, _ = run("download", "--repo-id", ID, "--target", tmp_path / "target", "--dry-run")
    assert "export" in out


# The commands


def test_the_commands_mirror_a_folder(hub, folder, tmp_path, run):
    (folder / "empty").mkdir()
    code, out, err = run(
        "upload", "--path", folder, "--repo-id", ID, "--private", "--commit-message", "First",
        "--exclude", "*.mp4", "--skip-empty-folders",
    )  # fmt: skip
    assert code == 0
    assert out.startswith(f"Uploaded {len(files_of(folder)) - 1} files to {ID}, 0 there already")
    assert "left out: empty/" in err
    assert "left out: maze_task/maze_0000/ground_truth.mp4" in err
    assert hub.log(ID)[0] == "First"
    target = tmp_path / "target"
    code, out, err = run("download", "--repo-id", ID, "--target", target, "--format", "json")
    assert code == 0
    assert json.loads(out)["written"] == len(files_of(folder)) - 1
    code, out, err = run("upload", "--path", folder, "--repo-id", ID, "--dry-run", "--skip-empty-folders")
    assert code == 0
    assert "send: maze_task/maze_0000/ground_truth.mp4" in out


# Whom the Hub lets in


def test_without_a_token_nothing_is_sent(hub, folder, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubAccessError, match="there is no token; set HF_TOKEN"):
        hf_upload(folder, ID)
    assert not hub.requests


def test_the_token_comes_from_the_variable_that_is_named(hub, folder, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("OTHER", hub.token())
    hf_upload(folder, ID, private=True, token_env="OTHER")
    assert tree(hf_download(ID, tmp_path / "target", token_env="OTHER")) == tree(folder)
    assert "notes.md" in hf_list_files(ID, token_env="OTHER")


def _read_only(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token(role="read"))


def _strangers(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token("stranger"))


def _unknown(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def _full(hub, monkeypatch):
    hub.limits.storage_limit = 100


@pytest.mark.parametrize(
    ("change", "error"),
    [(_read_only, HubAccessError), (_strangers, HubAccessError), (_unknown, HubError), (_full, HubFullError)],
)
@pytest.mark.parametrize("exists", [True, False])
def test_an_upload_that_is_not_allowed_is_a_plain_sentence(
    hub, folder, monkeypatch, run, change, error, exists
):
    if exists:
        hub.create_repo(ID)
    change(hub, monkeypatch)
    with pytest.raises(error) as caught:
        hf_upload(folder, ID)
    assert str(caught.value).count("\n") == 0
    code, out, err = run("upload", "--path", folder, "--repo-id", ID)
    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    for token in (TOKEN, hub.token(), hub.token(role="read"), hub.token("stranger")):
        assert token not in err
    if exists:
        assert hub.log(ID) == ["initial commit"]


def _no_repo(hub, monkeypatch):
    hub.delete_repo(ID)


def _private_to_a_stranger(hub, monkeypatch):
    hub.delete_repo(ID)
    hub.create_repo(ID, private=True)
    _strangers(hub, monkeypatch)


def _private_to_nobody(hub, monkeypatch):
    hub.delete_repo(ID)
    hub.create_repo(ID, private=True)
    monkeypatch.delenv("HF_TOKEN")


def _gated(hub, monkeypatch):
    hub.delete_repo(ID)
    hub.create_repo(ID, gated=True)
    hub.commit(ID, {"a.txt": b"1"})
    _strangers(hub, monkeypatch)


def _gone(hub, monkeypatch):
    hub.stop()


def _offline(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (_no_repo, HubNotFoundError, "there is no such dataset repository"),
        (_private_to_a_stranger, HubNotFoundError, "this token may not see it"),
        (_private_to_nobody, HubNotFoundError, "set HF_TOKEN"),
        (_gated, HubAccessError, "is gated"),
        (_gone, HubUnreachableError, "cannot be reached"),
        (_offline, HubUnreachableError, "HF_HUB_OFFLINE"),
    ],
)
def test_a_download_that_cannot_be_is_a_plain_sentence(
    hub, folder, tmp_path, monkeypatch, run, change, error, words
):
    hub.create_repo(ID)
    change(hub, monkeypatch)
    with pytest.raises(error, match=words):
        hf_download(ID, tmp_path / "target")
    code, out, err = run("download", "--repo-id", ID, "--target", tmp_path / "target")
    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert hub.token("stranger") not in err
    assert all(path.startswith(PARTIAL) for path in tree(tmp_path / "target"))


def test_an_unknown_revision_is_a_plain_sentence(hub, tmp_path, run):
    hub.create_repo(ID)
    for command in (["ls"], ["download", "--target", tmp_path / "target"]):
        code, _, err = run(*command, "--repo-id", ID, "--revision", "none")
        assert code == 1
        assert "no such revision" in err
    code, _, err = run("ls", "--repo-id", "no name at all")
    assert code == 2
    assert "expected user/name" in err
