"""An update that is killed: every file is the old or the new one, whole, and run again it ends in the new version."""

import os
import signal
import subprocess
import sys

import pytest

from tests.factories import png, tree, write, write_question
from vmeval_hfds import export, push_to_hub
from vmeval_hfds.store.repository import open_repo

REPO = "user/questions"


@pytest.fixture
def versions(hub, tmp_path):
    """Two versions of a folder, of which the second is published, and an export of the first."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, prompt in ((old, "The old prompt."), (new, "The new prompt.")):
        for number in range(6):
            frame = png(f"{folder.name} {number}", (60, 40))
            write_question(folder, f"d{number % 3}", f"q{number}", first_frame=frame, prompt=prompt)
    write(old / "notes.md", "old")
    write(new / "notes.md", "new")
    write(old / "gone.md", "gone")
    write(new / "more.md", "more")
    push_to_hub(old, REPO)
    export(open_repo(REPO), tmp_path / "target")
    push_to_hub(new, REPO)
    return old, new


def files(folder):
    """The files of a folder, without what an export that was killed leaves behind."""
    found = tree(folder).items()
    return {path: content for path, content in found if not path.startswith(".vmeval-hfds-partial")}


def killed_at(hub, at, target, cache):
    """Run an update, with an empty cache, and kill it when it sends a request; say whether it came that far."""
    hub.clear_log()
    environment = {**os.environ, "HF_TOKEN": hub.token("user"), "HF_HUB_CACHE": str(cache)}
    process = subprocess.Popen(
        [sys.executable, "-m", "vmeval_hfds", "export", REPO, str(target), "--update", "--prune"],
        env=environment,
        stderr=subprocess.PIPE,
    )

    def kill(request):
        if request.index >= at:
            process.send_signal(signal.SIGKILL)

    hub.on_request = kill
    process.communicate(timeout=300)
    hub.on_request = None
    return process.returncode == -signal.SIGKILL


def test_killed_at_a_request_it_goes_on_when_it_is_run_again(hub, versions, tmp_path):
    old, new = map(files, versions)
    target, at = tmp_path / "target", 0
    while killed_at(hub, at, target, tmp_path / f"cache-{at}"):
        for path, content in files(target).items():
            assert content in (old.get(path), new.get(path)), f"request {at}: {path}"
        at += 2
    assert at > 4
    assert tree(target) == tree(versions[1])


#: What kills the process when so many files are in their places.
KILLS = """
import os, signal, sys
from vmeval_hfds.folder import writer

left, real = int(sys.argv[3]), os.replace
def replace(*arguments, **options):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    real(*arguments, **options)
os.replace = os.rename = replace
from vmeval_hfds import export
from vmeval_hfds.store.repository import open_repo
export(open_repo(sys.argv[1]), sys.argv[2], update=True, prune=True, num_proc=1)
"""


@pytest.mark.parametrize("number", [0, 1, 2, 5, 9, 13])
def test_killed_between_two_files_it_goes_on_when_it_is_run_again(hub, versions, tmp_path, number):
    old, new = map(files, versions)
    target = tmp_path / "target"
    environment = {**os.environ, "HF_TOKEN": hub.token("user")}
    done = subprocess.run(
        [sys.executable, "-c", KILLS, REPO, target, str(number)], env=environment, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    for path, content in files(target).items():
        assert content in (old.get(path), new.get(path)), path
    export(open_repo(REPO), target, update=True, prune=True)
    assert tree(target) == tree(versions[1])
