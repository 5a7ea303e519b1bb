"""Raw mirrors: what goes up comes back, what could not is refused before anything is changed."""

import hashlib
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MP4, png, tree, write
from tests.hostile import LEGAL_PATHS
from tests.mirror_factories import ID, PARTIAL, TOKEN, files_of, write_some, writes
from vmeval_hfds.api.mirror import (
    hf_download,
    hf_list_files,
    hf_upload,
    list_remote_files,
    plan_download,
    plan_upload,
)
from vmeval_hfds.errors import (
    HubAccessError,
    HubError,
    HubFullError,
    HubNotFoundError,
    HubUnreachableError,
)

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


# There and back


@pytest.mark.both_transfers
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


@pytest.mark.both_transfers
@pytest.mark.parametrize("make", [outputs, evaluations])
def test_outputs_and_evaluations_are_mirrored_alike(hub, tmp_path, make):
    folder = make(tmp_path / "folder")
    hf_upload(folder, ID)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)


NAMES = st.sampled_from([*LEGAL_PATHS, "first_frame.png", "prompt.txt", "a.mp4"])


PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join) | st.just(".gitattributes")


@pytest.mark.both_transfers
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


@pytest.mark.both_transfers
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


@pytest.mark.both_transfers
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("revision", ["main", "mirror"])
def test_a_plan_of_an_upload_changes_nothing_and_tells_the_requests(hub, folder, exists, revision, transfer):
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
    counted = [one for one in hub.requests if transfer == "lfs" or not one.cdn]
    assert abs(len(counted) - plan.requests) <= 2
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


@pytest.mark.both_transfers
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
