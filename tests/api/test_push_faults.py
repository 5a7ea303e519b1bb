"""Whatever fails at whichever request: the branch is intact or complete, and a second run completes.

One fault at a time is put at every request of a push and of an export, and a process is killed at many of them.
"""

import os
import signal
import subprocess
import sys

import pytest
from huggingface_hub.utils import _xet

from tests.factories import tree, write, write_question
from vmeval_hfds.api.export import export
from vmeval_hfds.api.push import push_to_hub
from vmeval_hfds.api.verify import verify
from vmeval_hfds.errors import HubError
from vmeval_hfds.store.repository import open_repo

REPO = "user/questions"
FAULTS = {
    "reset": {"kind": "reset"},
    "reset in the answer": {"kind": "reset", "after_bytes": 20},
    "answer cut short": {"kind": "truncate", "after_bytes": 20},
    "upload reset": {"kind": "reset_upload", "after_bytes": 20},
    "answer lost": {"kind": "lost_answer"},
    "503": {"kind": "status", "code": 503},
    "429 with a wait": {"kind": "status", "code": 429, "retry_after": 1},
    "gateway timeout after the work": {"kind": "status", "code": 504, "carried_out": True},
    "403": {"kind": "status", "code": 403},
}


def write_one(folder):
    write_question(folder, "maze", "maze_0000")
    write(folder / "vmeval_dataset.json", '{"pairs": []}')
    return folder


pytestmark = [pytest.mark.folder("questions", write_one), pytest.mark.both_transfers]
#: By way of LFS every request is hit; by way of Xet, which shares all but the transfer with it, every third.
STEPS = {"lfs": 1, "xet": 3}


def fresh(hub):
    """Empty the Hub, and forget what the client has of it."""
    hub.reset()
    _xet.XET_CONNECTION_INFO_CACHE.clear()


def pushed(folder, **options):
    """Push, and give the error if it ended in one."""
    try:
        push_to_hub(folder, REPO, **options)
    except HubError as error:
        return error
    return None


def is_published(folder):
    return verify(folder, open_repo(REPO)).same


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_push_with_a_fault_at_any_request(hub, folder, tmp_path, fault, transfer):
    old = tmp_path / "old"
    write_question(old, "maze", "maze_0000", prompt="The old prompt.")
    at = 0
    while True:
        fresh(hub)
        push_to_hub(old, REPO)
        before = hub.head(REPO)
        hub.clear_log()
        hub.fault(**{key: value for key, value in fault.items() if key != "kind"}, kind=fault["kind"], at=at)
        error = pushed(folder)
        reached = len(hub.requests) > at
        hub.clear_faults()
        if error is not None:
            assert hub.head(REPO) == before, f"request {at}: {hub.requests[at]}"
            assert is_published(old)
            assert pushed(folder) is None
        assert is_published(folder), f"request {at}: {hub.requests[at]}"
        assert len(hub.log(REPO, "main")) == 3, f"request {at}: a commit was made twice"
        if not reached:
            break
        at += STEPS[transfer]
    assert at > 10


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_rows_that_are_added_with_a_fault_at_any_request(hub, folder, tmp_path, fault, transfer):
    old = tmp_path / "old"
    write_question(old, "chess", "chess_0000")
    at = 0
    while True:
        fresh(hub)
        push_to_hub(old, REPO)
        before = hub.head(REPO)
        hub.clear_log()
        hub.fault(**{key: value for key, value in fault.items() if key != "kind"}, kind=fault["kind"], at=at)
        error = pushed(folder, add=True)
        reached = len(hub.requests) > at
        hub.clear_faults()
        if error is not None:
            assert hub.head(REPO) == before, f"request {at}: {hub.requests[at]}"
            assert pushed(folder, add=True) is None
        both = tmp_path / f"both-{at}"
        export(open_repo(REPO), both)
        assert tree(both) == {**tree(old), **tree(folder)}, f"request {at}: {hub.requests[at]}"
        assert len(hub.log(REPO, "main")) == 3, f"request {at}: a commit was made twice"
        if not reached:
            break
        at += STEPS[transfer]
    assert at > 10


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_export_with_a_fault_at_any_request(hub, folder, tmp_path, fault, monkeypatch, transfer):
    push_to_hub(folder, REPO)
    at = 0
    while True:
        hub.clear_log()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / f"cache-{at}"))
        hub.fault(**{key: value for key, value in fault.items() if key != "kind"}, kind=fault["kind"], at=at)
        target = tmp_path / f"exported-{at}"
        try:
            export(open_repo(REPO), target)
        except HubError:
            hub.clear_faults()
            assert not target.exists() or tree(target).items() <= tree(folder).items()
            export(open_repo(REPO), target)
        reached = len(hub.requests) > at
        hub.clear_faults()
        assert tree(target) == tree(folder)
        if not reached:
            break
        at += STEPS[transfer]
    assert at > 5


def killed_at(hub, at, *arguments):
    """Run a command and kill it when it sends its request number `at`; say whether it came that far."""
    hub.clear_log()
    environment = {**os.environ, "HF_TOKEN": hub.token("user")}
    process = subprocess.Popen(
        [sys.executable, "-m", "vmeval_hfds", *arguments], env=environment, stderr=subprocess.PIPE
    )

    def kill(request):
        if request.index >= at:
            process.send_signal(signal.SIGKILL)

    hub.on_request = kill
    process.communicate()
    hub.on_request = None
    return process.returncode == -signal.SIGKILL


def test_a_push_that_is_killed_leaves_the_branch_as_it_was(hub, folder, tmp_path):
    old = tmp_path / "old"
    write_question(old, "maze", "maze_0000", prompt="The old prompt.")
    push_to_hub(old, REPO)
    at, before = 0, hub.head(REPO)
    while killed_at(hub, at, "push", "--path", str(folder), "--repo-id", REPO):
        if hub.head(REPO) != before:
            break
        assert is_published(old)
        at += 1
    assert at > 5
    assert pushed(folder) is None
    assert is_published(folder)
    assert len(hub.log(REPO, "main")) == 3


def test_an_export_that_is_killed_goes_on_when_it_is_run_again(hub, folder, tmp_path):
    push_to_hub(folder, REPO)
    target = tmp_path / "exported"
    at = 0
    while killed_at(hub, at, "export", "--repo-id", REPO, "--target", str(target)):
        at += 3
    assert at > 3
    assert tree(target) == tree(folder)
