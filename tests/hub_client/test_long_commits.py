"""A commit to which no answer comes may be made all the same: it is looked for, and what is known is said."""

import pytest

from tests.factories import tree, write_question
from vmeval_hfds import export, hf_upload, push_to_hub
from vmeval_hfds.errors import HubAccessError, HubConflictError, HubError, HubUnreachableError
from vmeval_hfds.store.repository import open_repo

REPO = "user/questions"
COMMIT = "/api/datasets/user/questions/commit/main"


def write_one(folder):
    write_question(folder, "maze", "maze_0000")
    return folder


pytestmark = pytest.mark.folder("questions", write_one)


@pytest.fixture
def repo(hub):
    hub.create_repo(REPO)
    return REPO


def asked(hub):
    """How often the Hub was asked for the commit."""
    return sum(one.path == COMMIT for one in hub.requests)


@pytest.mark.parametrize("seconds", [0, 40, 250])
@pytest.mark.parametrize("code", [504, 408])
def test_a_commit_that_lands_after_the_gateway_lost_patience_is_found(
    hub, repo, folder, seconds, code, tmp_path
):
    hub.fault("late", path=COMMIT, code=code, seconds=seconds)
    result = push_to_hub(folder, REPO)
    assert (result.commit, result.changed) == (hub.head(REPO), True)
    assert hub.log(REPO) == ["Publish 1 questions", "initial commit"]
    assert asked(hub) == 1
    export(open_repo(REPO), tmp_path / "back")
    assert tree(tmp_path / "back") == tree(folder)


def test_a_commit_that_lands_after_the_last_try_is_found(hub, repo, folder):
    hub.fault("late", path=COMMIT, code=503, seconds=60)
    hub.fault("status", path=COMMIT, code=503, times=None)
    assert push_to_hub(folder, REPO).commit == hub.head(REPO)
    assert hub.log(REPO) == ["Publish 1 questions", "initial commit"]


@pytest.mark.parametrize("fault", ["status", "reset", "lost_answer"])
def test_a_commit_that_is_not_to_be_seen_is_not_said_to_be_undone(hub, repo, folder, fault, caplog):
    hub.fault(fault, path=COMMIT, code=504, times=None)
    hub.fault("status", path=r"/commits/main", code=500, times=None)
    with pytest.raises(HubUnreachableError) as caught:
        push_to_hub(folder, REPO)
    assert "it is not known whether the commit was made" in str(caught.value)
    assert f"look at {hub.endpoint}/datasets/{REPO}/commits/main before you run again" in str(caught.value)
    assert "nothing was changed" not in str(caught.value)


def test_it_is_looked_for_for_minutes_in_sight_before_it_is_given_up(hub, repo, folder, caplog):
    hub.fault("status", path=COMMIT, code=504, times=None)
    with pytest.raises(HubUnreachableError, match="it is not known whether the commit was made"):
        push_to_hub(folder, REPO)
    assert asked(hub) == 5
    assert hub.rates.now >= 300
    assert "looking for it for 5 minutes at most" in caplog.messages[0]


def test_a_refusal_after_an_uncertain_answer_may_mean_our_own_commit(hub, repo, folder):
    hub.fault("late", path=COMMIT, code=503, seconds=1)
    result = push_to_hub(folder, REPO)
    assert asked(hub) == 2
    assert [one.status for one in hub.requests if one.path == COMMIT] == [503, 412]
    assert result.commit == hub.head(REPO)
    assert hub.log(REPO) == ["Publish 1 questions", "initial commit"]


@pytest.mark.parametrize(
    "fault", [{"kind": "lost_answer"}, {"kind": "status", "code": 409, "carried_out": True}]
)
def test_a_commit_is_found_below_what_somebody_else_put_on_top_of_it(hub, repo, folder, fault):
    hub.fault(path=COMMIT, **fault)

    def follow(request):
        if "/commits/" in request.path and len(hub.log(REPO)) == 2:
            hub.commit(REPO, {"notes.txt": b"mine"}, "notes")

    hub.on_request = follow
    result = push_to_hub(folder, REPO)
    assert hub.log(REPO) == ["notes", "Publish 1 questions", "initial commit"]
    assert result.commit != hub.head(REPO)
    assert hub.files(REPO, result.commit).keys() == hub.files(REPO).keys() - {"notes.txt"}
    assert asked(hub) == 1


@pytest.mark.parametrize("before", [False, True])
def test_who_was_really_overtaken_is_told_that_nothing_was_changed(hub, repo, folder, before):
    if before:
        hub.fault("status", path=COMMIT, code=503)

    def overtake(request):
        if request.path == COMMIT and asked(hub) == 1 + before:
            hub.commit(REPO, {"notes.txt": b"mine"}, "notes")

    hub.on_request = overtake
    with pytest.raises(
        HubConflictError, match="somebody changed main meanwhile; nothing was changed, run again"
    ):
        push_to_hub(folder, REPO)
    assert hub.log(REPO) == ["notes", "initial commit"]


def test_a_hub_that_is_busy_is_asked_again(hub, repo, folder):
    hub.fault("status", path=COMMIT, code=409, times=3)
    push_to_hub(folder, REPO)
    assert hub.log(REPO) == ["Publish 1 questions", "initial commit"]
    hub.fault("status", path=COMMIT, code=409, times=None)
    write_question(folder, "maze", "maze_0001")
    with pytest.raises(HubConflictError, match="nothing was changed"):
        push_to_hub(folder, REPO)


def test_what_is_refused_for_good_is_asked_for_once(hub, repo, folder):
    hub.fault("status", path=COMMIT, code=403, times=None)
    with pytest.raises(HubAccessError):
        push_to_hub(folder, REPO)
    assert (asked(hub), hub.rates.now) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_answer"},
        {"kind": "status", "code": 504, "carried_out": True},
        {"kind": "status", "code": 502, "carried_out": True},
        {"kind": "late", "code": 504, "seconds": 100},
        {"kind": "late", "code": 503, "seconds": 30},
    ],
    ids=lambda fault: " ".join(map(str, fault.values())),
)
def test_a_pull_request_is_not_opened_twice(hub, repo, folder, fault):
    push_to_hub(folder, REPO, create_pr=True)
    write_question(folder, "maze", "maze_0001")
    hub.fault(path=COMMIT, **fault)
    result = push_to_hub(folder, REPO, create_pr=True)
    assert hub.pull_requests(REPO) == ["1", "2"]
    assert result.pull_request == f"{hub.endpoint}/datasets/{REPO}/discussions/2"
    assert hub.log(REPO) == ["initial commit"]


def test_a_pull_request_that_is_not_to_be_seen_is_not_opened_again(hub, repo, folder):
    hub.fault("status", path=COMMIT, code=504, times=None)
    with pytest.raises(HubUnreachableError) as caught:
        push_to_hub(folder, REPO, create_pr=True)
    assert "it is not known whether a pull request was opened" in str(caught.value)
    assert f"look at {hub.endpoint}/datasets/{REPO}/discussions before you run again" in str(caught.value)
    assert asked(hub) == 1
    assert hub.rates.now >= 250


@pytest.mark.parametrize("seconds", [0, 200])
def test_an_upload_finds_its_commit_too(hub, repo, folder, seconds):
    hub.fault("late", path=COMMIT, code=504, seconds=seconds)
    assert hf_upload(folder, REPO).commit == hub.head(REPO)
    assert hub.log(REPO) == ["Upload questions", "initial commit"]


def test_a_failure_before_the_commit_leaves_no_doubt(hub, repo, folder):
    hub.fault("status", path="/preupload/", code=500, times=None)
    with pytest.raises(HubError) as caught:
        push_to_hub(folder, REPO)
    assert "not known" not in str(caught.value)
    assert asked(hub) == 0
