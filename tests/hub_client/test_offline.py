"""With ``HF_HUB_OFFLINE=1`` the commit that is in the client's cache is read, and no request is made."""

import pytest
from huggingface_hub import constants, snapshot_download

from tests.factories import tree, write_question
from vmeval_hfds import export, push_to_hub

REPO = "user/questions"
pytestmark = pytest.mark.both_transfers


@pytest.fixture
def pushed(hub, folder, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    push_to_hub(folder, REPO)
    return folder


@pytest.fixture
def offline(hub, monkeypatch):
    """Give a function that goes offline; no request is made from then on."""

    def go():
        hub.clear_log()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    yield go
    assert hub.requests == []


def test_commands_read_the_commit_in_the_cache_and_say_which(hub, pushed, offline, run, tmp_path):
    commit = hub.head(REPO)
    snapshot_download(REPO, repo_type="dataset", cache_dir=constants.HF_HUB_CACHE)
    write_question(pushed, "maze", "maze_0099")
    push_to_hub(pushed, REPO)
    (pushed / "maze_task/maze_0099/prompt.txt").write_text("Not what is in the cache.")
    offline()
    for arguments in (
        ("export", REPO, tmp_path / "exported"),
        ("info", REPO),
        ("gallery", REPO, tmp_path / "page.html"),
        ("verify", tmp_path / "exported", REPO),
    ):
        code, _, said = run(*arguments)
        assert code == 0, said
        assert f"{REPO} is read at {commit}, from the cache" in said
    assert "maze_task/maze_0099/prompt.txt" not in tree(tmp_path / "exported")


def test_a_tag_and_a_commit_are_found_too(hub, pushed, offline, tmp_path):
    commit = hub.head(REPO)
    hub.create_tag(REPO, "v1")
    snapshot_download(REPO, repo_type="dataset", revision="v1", cache_dir=constants.HF_HUB_CACHE)
    offline()
    for revision in ("v1", commit):
        export(f"{REPO}@{revision}", tmp_path / revision)
        assert tree(tmp_path / revision) == tree(pushed)


def test_what_is_not_in_the_cache_is_said_with_what_brings_it_there(pushed, offline, run, tmp_path):
    offline()
    code, _, said = run("export", REPO, tmp_path / "exported")
    assert code == 1
    assert f"hf download {REPO} --repo-type dataset" in said
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize("lost", ["files/*.parquet", "data/maze/*.parquet", "README.md"])
def test_a_part_of_a_commit_is_not_taken_for_all_of_it(pushed, offline, run, tmp_path, lost):
    found = snapshot_download(
        REPO, repo_type="dataset", ignore_patterns=[lost], cache_dir=constants.HF_HUB_CACHE
    )
    assert found
    offline()
    code, _, said = run("export", REPO, tmp_path / "exported")
    assert code == 1
    assert "not in the cache" in said
    assert not (tmp_path / "exported").exists()


def test_what_an_export_left_in_the_cache_is_not_taken_for_all_of_it(hub, pushed, offline, run, tmp_path):
    export(f"{REPO}@{hub.head(REPO)}", tmp_path / "first")
    offline()
    code, _, said = run("export", f"{REPO}@{hub.head(REPO)}", tmp_path / "exported")
    assert code == 1
    assert "not in the cache" in said
