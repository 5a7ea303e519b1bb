"""Secrets never leave the machine unless that is said, whichever command would send them."""

import tarfile

import pytest

from tests.factories import png, tree, write
from vmeval_hfds import build, check_folder, export, hf_upload, push_to_hub, to_dataset, verify
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import FolderError

TOKEN = "hf_" + "aBcDe12345" * 3 + "wxyz"
ID = "user/questions"

SECRETS = {
    ".env": (".env", b"KEY=1", "secret-file"),
    ".env.local": ("maze_task/.env.local", b"KEY=1", "secret-file"),
    "in a text column": ("maze_task/maze_0000/prompt.txt", f"Go. {TOKEN}".encode(), "token"),
    "in JSON": ("maze_task/maze_0000/question_metadata.json", f'{{"token": "{TOKEN}"}}'.encode(), "token"),
    "after a picture": ("maze_task/maze_0000/first_frame.png", png() + TOKEN.encode(), "token"),
    "in a video": ("maze_task/maze_0000/ground_truth.mp4", b"\0" * 70_000 + TOKEN.encode(), "token"),
    "in any other file": ("maze_task/run.log", b"x" * 70_000 + b" " + TOKEN.encode(), "token"),
    "in UTF-16": ("notes.txt", f"token: {TOKEN}".encode("utf-16"), "token"),
    "at the very end of UTF-16": ("notes.txt", TOKEN.encode("utf-16-be"), "token"),
}

NO_SECRETS = {
    ".env.example": (".env.example", b"KEY="),
    "short": ("notes.txt", b"hf_short"),
    "a function's name": ("notes.txt", b"hf_hub_download(repo_id)"),
    "inside a word": ("notes.txt", b"xhf_" + b"a" * 40),
    "with underscores": ("notes.txt", b"hf_" + b"a_" * 40),
}


def packed(folder):
    with tarfile.open(folder.with_suffix(".tar"), "w") as archive:
        archive.add(folder, ".")
    return folder.with_suffix(".tar")


def leavers(tmp_path):
    """What takes a folder to where others may see it; each is called with a folder and options."""
    return {
        "build": lambda folder, **options: build(folder, tmp_path / "dataset", **options),
        "push": lambda folder, **options: push_to_hub(folder, ID, **options),
        "upload": lambda folder, **options: hf_upload(folder, ID, **options),
        "to_dataset": lambda folder, **options: to_dataset(folder, cache_dir=tmp_path / "cache", **options),
    }


@pytest.mark.parametrize(("path", "content", "code"), SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("is_packed", [False, True], ids=["folder", "tar"])
def test_check_lists_a_secret_as_an_error_without_showing_it(folder, path, content, code, is_packed):
    write(folder / path, content)
    problems = [
        one for one in check_folder(packed(folder) if is_packed else folder) if one.severity == "error"
    ]
    assert [(one.code, one.path) for one in problems] == [(code, path)]
    assert TOKEN not in str(problems)
    assert code not in {one.code for one in check_folder(folder, exclude=[path])}


@pytest.mark.parametrize(("path", "content"), NO_SECRETS.values(), ids=NO_SECRETS)
def test_what_only_looks_like_a_secret_is_none(folder, path, content):
    write(folder / path, content)
    assert check_folder(folder) == []


@pytest.mark.parametrize("leaver", ["build", "push", "upload", "to_dataset"])
@pytest.mark.parametrize(("path", "content", "code"), SECRETS.values(), ids=SECRETS)
def test_a_folder_with_a_secret_is_refused_before_anything_is_sent(
    hub, folder, tmp_path, leaver, path, content, code
):
    write(folder / path, content)
    before = tree(folder)
    with pytest.raises(FolderError) as caught:
        leavers(tmp_path)[leaver](folder)
    assert (code, path) in [(one.code, one.path) for one in caught.value.problems]
    assert TOKEN not in str(caught.value) + str(caught.value.problems)
    assert not [one for one in hub.requests if one.method != "GET"]
    assert tree(folder) == before
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize("leaver", ["build", "push"])
@pytest.mark.parametrize(("path", "content", "code"), SECRETS.values(), ids=SECRETS)
def test_a_secret_in_an_archive_is_refused_too(hub, folder, tmp_path, leaver, path, content, code):
    write(folder / path, content)
    with pytest.raises(FolderError) as caught:
        leavers(tmp_path)[leaver](packed(folder))
    assert (code, path) in [(one.code, one.path) for one in caught.value.problems]


def test_all_secrets_of_a_folder_are_listed_at_once(folder, tmp_path):
    for path in ("a.log", "maze_task/b.log", "maze_task/maze_0000/prompt.txt"):
        write(folder / path, TOKEN)
    write(folder / ".env", "KEY=1")
    with pytest.raises(FolderError, match="4 errors") as caught:
        build(folder, tmp_path / "dataset")
    assert caught.value.problems[:4] == check_folder(folder)[:4]


@pytest.mark.parametrize("leaver", ["build", "push", "upload"])
def test_secrets_go_where_that_is_said(hub, folder, tmp_path, leaver):
    write(folder / ".env", "KEY=1")
    write(folder / "maze_task/run.log", TOKEN)
    leavers(tmp_path)[leaver](folder, allow_secrets=True)
    if leaver == "build":
        export(tmp_path / "dataset", tmp_path / "rebuilt")
        assert tree(tmp_path / "rebuilt") == tree(folder)


@pytest.mark.parametrize("leaver", ["build", "push", "upload"])
def test_a_secret_that_is_left_out_stands_in_nobodys_way(hub, folder, tmp_path, leaver):
    write(folder / ".env", "KEY=1")
    write(folder / "run.log", TOKEN)
    result = leavers(tmp_path)[leaver](folder, exclude=[".env", "*.log"])
    assert result.left_out == [".env", "run.log"]


@pytest.mark.parametrize("leaver", ["build", "push", "upload"])
def test_a_folder_under_git_goes_without_git(hub, folder, tmp_path, leaver):
    write(folder / ".git/config", f"token = {TOKEN}")
    write(folder / ".git/objects/aa/bb", b"\0")
    assert leavers(tmp_path)[leaver](folder).left_out == [".git/config", ".git/objects/aa/bb"]


COMMANDS = {
    "check": ["--path", "questions"],
    "build": ["--path", "questions", "--target", "dataset"],
    "push": ["--path", "questions", "--repo-id", ID],
    "push --dry-run": ["--path", "questions", "--repo-id", ID, "--dry-run"],
    "verify": ["--path", "questions", "--dataset", "made-before"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_left_out_is_said_in_one_line_by_every_command(
    hub, folder, tmp_path, monkeypatch, capsys, command
):
    monkeypatch.chdir(tmp_path)
    build(folder, "made-before", exclude=["drafts"])
    write(folder / ".git/config", "x")
    write(folder / ".DS_Store", "x")
    write(folder / "drafts/x.txt", "x")
    words = [*command.split(), *COMMANDS[command], "--exclude", "drafts"]
    assert main(list(dict.fromkeys(words))) == 0
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Left out")]
    assert (
        line
        == "Left out 3 of the files and empty folders: .DS_Store (1), .git (1), 1 by --include and --exclude."
    )


def test_verify_compares_what_a_build_with_the_same_globs_took(tmp_path, folder):
    write(folder / "drafts/x.txt", "x")
    build(folder, tmp_path / "whole")
    build(folder, tmp_path / "part", include=["maze_task", "drafts"], exclude=["*.mp4"])
    assert verify(folder, tmp_path / "part").extra
    for dataset in ("part", "whole"):
        assert verify(folder, tmp_path / dataset, include=["maze_task", "drafts"], exclude=["*.mp4"]).same


@pytest.mark.parametrize("is_dry", [[], ["--dry-run"]], ids=["for-real", "dry-run"])
def test_upload_lists_what_globs_left_out_and_sums_up_what_tools_left(hub, folder, capsys, is_dry):
    for number in range(30):
        write(folder / f".git/objects/{number}", "x")
    write(folder / "drafts/x.txt", "x")
    assert main(["upload", "--path", str(folder), "--repo-id", ID, "--exclude", "drafts", *is_dry]) == 0
    lines = [
        line for line in "".join(capsys.readouterr()).splitlines() if line.lower().startswith("left out")
    ]
    assert lines == ["left out: drafts/x.txt", "Left out 30 of the files and empty folders: .git (30)."]
