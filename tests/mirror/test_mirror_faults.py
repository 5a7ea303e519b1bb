"""Mirrors under faults: whatever goes wrong at whichever request, nothing is half done, and a rerun completes."""

import os
import signal
import subprocess

import pytest

from tests.factories import png, process, python, tree, write
from vmeval_hfds.api.mirror import hf_download, hf_upload
from vmeval_hfds.errors import HubConflictError, HubError, HubUnreachableError

ID = "user/mirror"
PARTIAL = ".vmeval-hfds-partial"

FAULTS = {
    "reset": {"kind": "reset"},
    "reset-in-the-answer": {"kind": "reset", "after_bytes": 7},
    "truncate": {"kind": "truncate", "after_bytes": 7},
    "status-503": {"kind": "status", "code": 503},
    "status-503-done": {"kind": "status", "code": 503, "carried_out": True},
    "status-500": {"kind": "status", "code": 500},
    "status-429": {"kind": "status", "code": 429, "retry_after": 3},
    "lost-answer": {"kind": "lost_answer"},
    "reset-upload": {"kind": "reset_upload", "after_bytes": 5},
}

UPLOAD = f"""
import sys
from vmeval_hfds.api.mirror import hf_upload
hf_upload(sys.argv[1], {ID!r}, delete=True)
"""
DOWNLOAD = f"""
import sys
from vmeval_hfds.api.mirror import hf_download
hf_download({ID!r}, sys.argv[1], prune=True)
"""


def write_few(folder):
    for name in ("first_frame.png", "final_frame.png"):
        write(folder / "maze_task/maze_0000" / name, png(name))
    write(folder / "maze_task/maze_0000/prompt.txt", "Find the way out.")
    write(folder / "README.md", "# Mazes\n")
    write(folder / ".gitignore", "*.png\n")
    write(folder / "empty.txt")
    return folder


pytestmark = pytest.mark.folder("folder", write_few)


def old_state(hub):
    """A repository that a mirror replaces: one file stays, one changes, one goes."""
    hub.create_repo(ID)
    hub.commit(ID, {"empty.txt": b"", "README.md": b"# Old\n", "old.txt": b"old"})
    return hub.files(ID)


def new_state(folder, before):
    files = {path: content for path, content in tree(folder).items() if content is not None}
    return files | {path: content for path, content in before.items() if path == ".gitattributes"}


def attempt(function, *arguments, **options):
    """Do something that may fail in the ways that are ours; give the error."""
    failed = None
    try:
        function(*arguments, **options)
    except HubError as error:
        failed = error
    assert "\n" not in str(failed)
    assert "hf_" not in str(failed)
    return failed


def sweep(requests, fault, step):
    """Give the requests to hit, each `step`-th; each fault begins at another one, so that together they hit all."""
    return range([*FAULTS].index(fault) % step, requests, step)


#: By way of LFS every request is hit; by way of Xet, which shares all but the transfer with it, every third.
STEPS = {"lfs": 1, "xet": 3}


def request_count(hub, function, *arguments, **options):
    hub.clear_log()
    function(*arguments, **options)
    return len(hub.requests)


def check_upload(hub, folder, before, error):
    """The branch is as before or complete; a rerun completes it, and nothing is committed twice."""
    after = new_state(folder, before)
    now = hub.files(ID)
    assert now in (before, after)
    if error is None:
        assert now == after
    hub.clear_faults()
    hf_upload(folder, ID, delete=True)
    assert hub.files(ID) == after
    assert len(hub.log(ID)) == 3


@pytest.mark.both_transfers
@pytest.mark.parametrize("fault", FAULTS)
def test_an_upload_survives_a_fault_at_any_request(hub, folder, fault, transfer):
    old_state(hub)
    requests = request_count(hub, hf_upload, folder, ID, delete=True)
    failed = 0
    for at in sweep(requests, fault, STEPS[transfer]):
        hub.reset()
        before = old_state(hub)
        hub.clear_log()
        hub.fault(at=at, **FAULTS[fault])
        error = attempt(hf_upload, folder, ID, delete=True)
        check_upload(hub, folder, before, error)
        failed += error is not None
    assert failed == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_an_upload_to_a_new_repository_and_branch_survives_a_fault_at_any_request(hub, folder, fault):
    requests = request_count(hub, hf_upload, folder, ID, private=True, revision="mirror")
    for at in sweep(requests, fault, 3):  # most are those of an upload to a branch that is there
        hub.reset()
        hub.clear_log()
        hub.fault(at=at, **FAULTS[fault])
        assert attempt(hf_upload, folder, ID, private=True, revision="mirror") is None
        before = {".gitattributes": hub.files(ID)[".gitattributes"]}
        assert hub.files(ID) == before
        assert hub.files(ID, "mirror") == new_state(folder, before)
        assert hub.log(ID, "mirror") == ["Upload folder", "initial commit"]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "status-503-done"])
@pytest.mark.parametrize(
    ("transfer", "path"),
    [("lfs", one) for one in ("/commit/", "/preupload/", "/tree/", "info/lfs", "/upload/", "/refs")]
    + [("xet", one) for one in ("/xet-write-token/", "/xorbs/", "/shards", "/commit/")],
    indirect=["transfer"],
)
def test_an_upload_that_cannot_be_leaves_the_branch_as_it_was(hub, folder, fault, path):
    before = old_state(hub)
    hub.fault(path=path, times=None, **FAULTS[fault])
    error = attempt(hf_upload, folder, ID, delete=True)
    # A commit that was made while its answer was lost is found again, as long as the Hub can be asked.
    assert isinstance(error, HubUnreachableError) or hub.files(ID) == new_state(folder, before)
    check_upload(hub, folder, before, error)


@pytest.mark.both_transfers
@pytest.mark.parametrize("fault", FAULTS)
def test_a_download_survives_a_fault_at_any_request(hub, folder, tmp_path, fault, transfer):
    hf_upload(folder, ID)
    requests = request_count(hub, hf_download, ID, tmp_path / "clean")
    for at in sweep(requests, fault, STEPS[transfer]):
        target = tmp_path / f"target-{at}"
        hub.clear_log()
        hub.fault(at=at, **FAULTS[fault])
        assert attempt(hf_download, ID, target) is None
        assert tree(target) == tree(folder)
        hub.clear_faults()


@pytest.mark.both_transfers
@pytest.mark.parametrize("fault", FAULTS)
def test_a_download_that_cannot_be_touches_no_file_of_the_target(hub, folder, tmp_path, fault):
    hub.create_repo(ID)
    hub.commit(ID, {"empty.txt": b"", "README.md": b"# Old\n", "old.txt": b"old"})
    for number, path in enumerate(["/resolve/.*prompt", "/resolve/.*first", "/lfs/", "/tree/", "/revision/"]):
        target = hf_download(ID, tmp_path / f"target-{number}")
        before = tree(target)
        hf_upload(folder, ID, delete=True)
        hub.fault(path=path, times=None, **FAULTS[fault])
        error = attempt(hf_download, ID, target, prune=True)
        there = {one: content for one, content in tree(target).items() if not one.startswith(PARTIAL)}
        if error is None:
            assert there == tree(folder)
        else:
            assert there == before
            if "resolve" in path:
                assert "maze_task/maze_0000/" in str(error)
                assert any(one.startswith(PARTIAL) for one in tree(target))
        hub.clear_faults()
        hf_download(ID, target, prune=True)
        assert tree(target) == tree(folder)
        hub.commit(ID, dict.fromkeys(new_state(folder, {}), None) | {"empty.txt": b"", "old.txt": b"old"})
        hub.commit(ID, {"README.md": b"# Old\n"})


@pytest.mark.both_transfers
def test_a_download_goes_on_with_what_a_failed_one_got(hub, folder, tmp_path):
    hf_upload(folder, ID)
    hub.fault("status", path="final_frame", times=None)
    assert isinstance(attempt(hf_download, ID, tmp_path / "target"), HubUnreachableError)
    hub.clear_faults()
    got = sum(name.startswith(f"{PARTIAL}/") for name in tree(tmp_path / "target"))
    assert got >= 1
    assert tree(hf_download(ID, tmp_path / "target")) == tree(folder)


def test_a_reset_in_a_large_body_is_resumed(hub, tmp_path):
    content = os.urandom(25 << 20)
    write(tmp_path / "folder/video.mp4", content)
    hf_upload(tmp_path / "folder", ID)
    hub.clear_log()
    for _ in range(2):  # what the client writes at once, and a little more
        hub.fault("reset", path="/lfs/", after_bytes=(10 << 20) + 4096)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(tmp_path / "folder")
    sent = sum(one.response_bytes for one in hub.requests if one.cdn)
    assert sent < len(content) + (1 << 20)


@pytest.mark.both_transfers
def test_a_conflict_of_the_hubs_is_an_error_and_a_rerun_completes(hub, folder):
    before = old_state(hub)
    for code in (409, 412):
        hub.fault("status", path="/commit/", code=code, times=5)
        assert isinstance(attempt(hf_upload, folder, ID, delete=True), HubConflictError)
        assert hub.files(ID) == before
    check_upload(hub, folder, before, None if hub.files(ID) != before else HubConflictError())


def test_a_rate_limit_that_lasts_too_long_is_told_with_the_wait(hub, folder):
    hub.create_repo(ID)
    hub.fault("status", path="/commit/", code=429, retry_after=900, times=None)
    error = attempt(hf_upload, folder, ID)
    assert isinstance(error, HubUnreachableError)
    assert "15 minutes" in str(error)


def kill_at(hub, at, code, argument):
    """Run code in a process that is killed when its request with this index has arrived; say whether it was."""
    started = []

    def kill(request):
        if request.index >= at:
            os.kill(started[0].pid, signal.SIGKILL)

    hub.clear_log()
    hub.on_request = kill
    gate = "import sys; sys.stdin.read();\n"  # until it is known whom to kill
    with subprocess.Popen(python(gate + code, argument), stdin=subprocess.PIPE, **process()) as one:
        started.append(one)
        one.communicate(timeout=60)
    hub.on_request = None
    return one.returncode == -signal.SIGKILL


@pytest.mark.both_transfers
def test_a_killed_upload_leaves_nothing_half_and_a_rerun_completes(hub, folder, transfer):
    # Twice, so that what the client keeps in its cache is not asked for any more.
    for _ in range(2):
        hub.reset()
        old_state(hub)
        requests = request_count(hub, hf_upload, folder, ID, delete=True)
    assert requests > 10
    for at in range(0, requests, STEPS[transfer]):
        hub.reset()
        before = old_state(hub)
        # By way of Xet, chunks go together as time has it, so that there may be a request or two fewer.
        was_killed = kill_at(hub, at, UPLOAD, folder)
        assert was_killed or (transfer == "xet" and at >= requests - 3)
        check_upload(hub, folder, before, HubError("killed"))


def test_a_killed_download_touches_nothing_and_a_rerun_completes(hub, folder, tmp_path):
    old_state(hub)
    for at in range(12):
        hf_download(ID, tmp_path / f"target-{at}")
    before = tree(tmp_path / "target-0")
    hf_upload(folder, ID, delete=True)
    requests = request_count(hub, hf_download, ID, tmp_path / "clean")
    assert 8 < requests <= 12
    for at in range(requests):
        target = tmp_path / f"target-{at}"
        assert kill_at(hub, at, DOWNLOAD, target)
        assert {
            one: content for one, content in tree(target).items() if not one.startswith(PARTIAL)
        } == before
        hf_download(ID, target, prune=True)
        assert tree(target) == tree(folder)


MOVES = f"""
import os, signal, sys
from vmeval_hfds.mirror import download
from vmeval_hfds.api.mirror import hf_download
left = int(sys.argv[2])
replace = os.replace
def replace_some(source, target, **within):
    global left
    if within:  # between folders that are open: the target's own
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target, **within)
os.replace = replace_some
hf_download({ID!r}, sys.argv[1], prune=True)
"""


def test_a_download_that_is_killed_while_files_are_put_in_place_is_completed(hub, folder, tmp_path):
    old_state(hub)
    for moves in range(5):
        hf_download(ID, tmp_path / f"target-{moves}")
    write(folder / "same.png", png("first_frame.png"))
    hf_upload(folder, ID, delete=True)
    for moves in range(5):
        target = tmp_path / f"target-{moves}"
        done = subprocess.run(python(MOVES, target, moves), **process(), timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert f"{PARTIAL}/" in tree(target)  # it does not look complete
        hf_download(ID, target, prune=True)
        assert tree(target) == tree(folder)
