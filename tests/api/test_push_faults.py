"""Whatever fails at whichever request: the branch is intact or complete, and a second run completes.

One fault at a time is put at every request of a push and of an export, and a process is killed at many of them.
Where a sweep would go where another has been, it hits some requests with each fault, and all with some.
"""

import itertools
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


#: By way of LFS every request is hit by every fault; by way of Xet, which shares all but the transfer with it, and in a
#: push that adds, which shares most with a push, by some.
WHOLE = {"lfs": 1, "xet": 3}
PART = {"lfs": 3, "xet": 4}


def write_one(folder):
    write_question(folder, "maze", "maze_0000")
    write(folder / "vmeval_dataset.json", '{"pairs": []}')
    return folder


pytestmark = [pytest.mark.folder("questions", write_one), pytest.mark.both_transfers]


def steps(fault, step):
    """Give the requests to hit, each `step`-th; each fault begins at another one, so that together they hit all."""
    return itertools.count([*FAULTS].index(fault) % step, step)


class Sweep:
    """A repository that is put back before each try, and what became of it when nothing failed.

    Args:
        hub: where it is.
        old: what it holds before.
        after: what it holds when all went well.
    """

    def __init__(self, hub, old, *after, **options):
        self.hub, self.options = hub, options
        push_to_hub(old, REPO)
        self.old = hub.files(REPO)
        self.put_back()
        push_to_hub(after[0], REPO, **options)
        export(open_repo(REPO), old.parent / "after")
        assert tree(old.parent / "after") == {
            path: one for folder in after for path, one in tree(folder).items()
        }
        self.new = hub.files(REPO)

    def put_back(self):
        """Empty the Hub of all but the old rows, forget what the client has of it, and begin to count requests."""
        self.hub.reset()
        _xet.XET_CONNECTION_INFO_CACHE.clear()
        self.hub.create_repo(REPO)
        self.hub.commit(REPO, self.old)
        self.hub.clear_log()

    def hits(self, folder, fault, at):
        """Push with a fault at one request: all or nothing, and all at the next try; say whether it was reached."""
        self.put_back()
        before = self.hub.head(REPO)
        self.hub.fault(**FAULTS[fault], at=at)
        error = pushed(folder, **self.options)
        reached = len(self.hub.requests) > at
        where = f"request {at}: {self.hub.requests[min(at, len(self.hub.requests) - 1)]}"
        self.hub.clear_faults()
        if error is not None:
            assert self.hub.head(REPO) == before, where
            assert pushed(folder, **self.options) is None
        assert self.hub.files(REPO) == self.new, where
        assert len(self.hub.log(REPO, "main")) == 3, f"{where}: a commit was made twice"
        return reached


def pushed(folder, **options):
    """Push, and give the error if it ended in one."""
    try:
        push_to_hub(folder, REPO, **options)
    except HubError as error:
        return error
    return None


def is_published(folder):
    return verify(folder, open_repo(REPO)).same


@pytest.mark.parametrize("fault", FAULTS)
def test_a_push_with_a_fault_at_any_request(hub, folder, tmp_path, fault, transfer):
    write_question(tmp_path / "old", "maze", "maze_0000", prompt="The old prompt.")
    sweep = Sweep(hub, tmp_path / "old", folder)
    at = next(at for at in steps(fault, WHOLE[transfer]) if not sweep.hits(folder, fault, at))
    assert at > 10


@pytest.mark.parametrize("fault", FAULTS)
def test_rows_that_are_added_with_a_fault_at_any_request(hub, folder, tmp_path, fault, transfer):
    write_question(tmp_path / "old", "chess", "chess_0000")
    sweep = Sweep(hub, tmp_path / "old", folder, tmp_path / "old", add=True)
    at = next(at for at in steps(fault, PART[transfer]) if not sweep.hits(folder, fault, at))
    assert at > 10


@pytest.mark.parametrize("fault", FAULTS)
def test_an_export_with_a_fault_at_any_request(hub, folder, tmp_path, fault, monkeypatch, transfer):
    push_to_hub(folder, REPO)
    for at in steps(fault, WHOLE[transfer]):
        hub.clear_log()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / f"cache-{at}"))
        hub.fault(**FAULTS[fault], at=at)
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


def test_a_push_that_is_killed_leaves_the_branch_as_it_was(hub, folder, tmp_path, transfer):
    old = tmp_path / "old"
    write_question(old, "maze", "maze_0000", prompt="The old prompt.")
    push_to_hub(old, REPO)
    at, before = 0, hub.head(REPO)
    while killed_at(hub, at, "push", "--path", str(folder), "--repo-id", REPO):
        if hub.head(REPO) != before:
            break
        assert is_published(old)
        at += WHOLE[transfer]
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
