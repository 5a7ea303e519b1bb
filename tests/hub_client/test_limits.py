"""What the Hub takes at most in a folder, a repository and a commit is refused before the first byte is sent."""

import pytest

from tests.factories import png, write, write_question
from vmeval_hfds import hf_upload, push_to_hub
from vmeval_hfds.api.mirror import plan_upload
from vmeval_hfds.api.push import plan_push
from vmeval_hfds.errors import FolderError
from vmeval_hfds.hub import limits
from vmeval_hfds.hub.limits import limit_problems

REPO = "user/questions"


def write_few(folder):
    for name in ("maze", "chess", "pipes"):
        write_question(folder, name, f"{name}_0000", first_frame=png(name), final_frame=png(f"{name} solved"))
    write(folder / "notes.txt", "n" * 500)
    return folder


pytestmark = pytest.mark.folder("questions", write_few)


def changed(hub):
    """Requests that change or send something."""
    return [one for one in hub.requests if one.method != "GET"]


UPLOADS = {
    "too-many-entries": (
        "FOLDER_ENTRIES",
        3,
        "entries, and the Hub takes 3; spread them over folders",
    ),
    "too-many-files": ("REPOSITORY_FILES", 12, "vmeval-hfds push, which makes few files of many"),
    "too-many-large-files": (
        "COMMIT_LARGE_FILES",
        5,
        "The commit would have 6 large files, and the Hub takes 5; send",
    ),
    "too-large-commit": ("COMMIT_REGULAR_BYTES", 500, "GB of files that are not large"),
    "too-large-for-hub": ("FILE_BYTES", 499, "split it, or leave it out with --exclude"),
}


@pytest.mark.parametrize("code", UPLOADS)
@pytest.mark.parametrize("exists", [False, True])
def test_an_upload_that_the_hub_would_not_take_is_refused_unsent(hub, folder, monkeypatch, code, exists):
    name, most, words = UPLOADS[code]
    monkeypatch.setattr(limits, name, most)
    if exists:
        hub.create_repo(REPO)
    for call in (hf_upload, plan_upload):
        with pytest.raises(FolderError, match="nothing was changed") as caught:
            call(folder, REPO)
        problem = caught.value.problems[0]
        assert {one.code for one in caught.value.problems} == {code}
        assert words in problem.message
    assert changed(hub) == []
    assert hub.exists(REPO) == exists


def test_what_is_within_the_limits_goes(hub, folder, monkeypatch):
    for name, most in [("FOLDER_ENTRIES", 5), ("REPOSITORY_FILES", 14), ("COMMIT_LARGE_FILES", 6)]:
        monkeypatch.setattr(limits, name, most)
    hf_upload(folder, REPO)
    assert "notes.txt" in hub.files(REPO)


def test_a_repository_that_is_beyond_already_is_not_the_uploads_fault(hub, folder, monkeypatch):
    hf_upload(folder, REPO)
    monkeypatch.setattr(limits, "REPOSITORY_FILES", 3)
    monkeypatch.setattr(limits, "FOLDER_ENTRIES", 2)
    write(folder / "notes.txt", "Others.")
    assert hf_upload(folder, REPO).uploaded == 1


def test_a_push_of_too_many_groups_is_refused_unsent(hub, folder, monkeypatch):
    monkeypatch.setattr(limits, "FOLDER_ENTRIES", 2)
    for call in (push_to_hub, plan_push):
        with pytest.raises(
            FolderError, match=r"nothing was sent\. The folder would have 3 entries"
        ) as caught:
            call(folder, REPO)
        assert [(one.code, one.path) for one in caught.value.problems] == [("too-many-entries", "data")]
    assert changed(hub) == []
    assert not hub.exists(REPO)


def test_the_hubs_own_numbers():
    paths = [f"data/{number:06d}.txt" for number in range(10_001)]
    (problem,) = limit_problems([], paths, {}, [])
    assert (problem.code, problem.path) == ("too-many-entries", "data")
    assert "10,001 entries, and the Hub takes 10,000" in problem.message
    assert list(limit_problems([], paths[:-1], {}, [])) == []
    spread = [f"{number // 1000}/{number}.txt" for number in range(100_001)]
    assert [one.code for one in limit_problems([], spread, {}, [])] == ["too-many-files"]
    sizes = {"a": 600_000_000, "b": 600_000_000, "c": 60_000_000_000}
    found = [one.code for one in limit_problems([], list(sizes), sizes, ["c"])]
    assert found == ["too-large-for-hub", "too-large-commit"]
