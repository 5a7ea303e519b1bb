"""An address that was pasted from a browser does what the repo id does, in every function that sends or brings."""

import pytest

from tests.factories import tree, write_question
from vmeval_hfds import hf_download, hf_list_files, hf_upload, push_to_hub
from vmeval_hfds.api.mirror import plan_download, plan_upload
from vmeval_hfds.api.push import plan_push
from vmeval_hfds.errors import AddressError

REPO = "user/raw"
WAYS = ["{repo}@other", "hf://datasets/{repo}@other", "{page}/datasets/{repo}/tree/other"]
MODEL = "https://huggingface.co/user/model"


@pytest.fixture
def folder(tmp_path):
    write_question(tmp_path / "questions", "maze", "maze_0000")
    return tmp_path / "questions"


@pytest.mark.parametrize("way", WAYS)
def test_a_mirror_is_sent_to_and_brought_from_the_branch_of_an_address(hub, folder, tmp_path, way):
    address = way.format(repo=REPO, page=hub.endpoint)
    hub.create_repo(REPO)
    hub.create_branch(REPO, "other")
    result = hf_upload(folder, address)
    assert (result.repo_id, hub.head(REPO, "other")) == (REPO, result.commit)
    assert "maze_task/maze_0000/prompt.txt" not in hub.files(REPO, "main")
    assert "maze_task/maze_0000/prompt.txt" in hf_list_files(address)
    assert plan_upload(folder, address).commits == 0
    hf_download(address, tmp_path / "back")
    assert tree(tmp_path / "back") == tree(folder)
    assert plan_download(address, tmp_path / "back").write == []


@pytest.mark.parametrize("way", WAYS)
def test_a_push_goes_to_the_branch_of_an_address(hub, folder, way):
    address = way.format(repo=REPO, page=hub.endpoint)
    result = push_to_hub(folder, address)
    assert (result.repo_id, result.revision) == (REPO, "other")
    assert hub.log(REPO, "main") == ["initial commit"]
    plan = plan_push(folder, address)
    assert (plan.repo_id, plan.commits) == (REPO, 0)


CALLS = {
    "hf_upload": lambda folder, repo, **more: hf_upload(folder, repo, **more),
    "hf_download": lambda folder, repo, **more: hf_download(repo, folder.parent / "back", **more),
    "hf_list_files": lambda folder, repo, **more: hf_list_files(repo, **more),
    "push_to_hub": lambda folder, repo, **more: push_to_hub(folder, repo, **more),
    "plan_push": lambda folder, repo, **more: plan_push(folder, repo, **more),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_address_of_something_else_is_refused_with_one_sentence(hub, folder, call):
    with pytest.raises(AddressError, match="is the address of a model, expected that of a dataset") as caught:
        call(folder, MODEL)
    assert "\n" not in str(caught.value)
    assert hub.requests == []


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_two_revisions_are_one_too_many(hub, folder, call):
    with pytest.raises(AddressError, match="names the revision v1, and v2 was asked for; give one of them"):
        call(folder, f"{REPO}@v1", revision="v2")
    assert hub.requests == []
