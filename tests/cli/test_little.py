"""Little of what a process needs, such as threads, memory or file descriptors: one sentence, exit 1, nothing left behind."""

import os
import resource
import subprocess
import sys

import pytest

from tests.factories import tree
from vmeval_hfds import build
from vmeval_hfds.api.mirror import hf_upload
from vmeval_hfds.cli.main import main

#: Runs the command line in a process in which no thread starts.
WITHOUT_THREADS = """
import sys, threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
from vmeval_hfds.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
COMMAND_LINE = "import sys; from vmeval_hfds.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def command(folder, tmp_path):
    """Give the words of each command."""
    build(folder, tmp_path / "dataset")
    return {
        "check": ["check", folder, "--num-proc", "2"],
        "build": ["build", folder, tmp_path / "new", "--num-proc", "2"],
        "export": ["export", tmp_path / "dataset", tmp_path / "rebuilt", "--num-proc", "2"],
        "verify": ["verify", folder, tmp_path / "dataset", "--num-proc", "2"],
        "gallery": ["gallery", folder, tmp_path / "page.html"],
    }


def run(code, words, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture(name="run_here")
def _run_here(capsys):
    def run_here(*words):
        code = main([*map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_here


def leftovers(tmp_path):
    return [path for path in tree(tmp_path) if "partial" in path]


@pytest.mark.parametrize("name", ["check", "build", "export", "verify", "gallery"])
def test_where_no_thread_starts_nothing_hangs(command, tmp_path, name):
    done = run(WITHOUT_THREADS, command[name])
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert done.returncode == 1
        assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", ["check", "build", "export", "verify"])
@pytest.mark.parametrize("descriptors", [8, 14, 20])
def test_few_file_descriptors_are_enough_or_said(command, tmp_path, name, descriptors):
    limit = (descriptors, descriptors)
    done = run(
        COMMAND_LINE, command[name], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if "Error: " in done.stderr else 0)
    assert done.stderr.count("Error: ") <= 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", ["build", "export"])
@pytest.mark.parametrize("mebibytes", [300, 450])
def test_little_memory_is_enough_or_said(command, tmp_path, name, mebibytes):
    limit = (mebibytes * 2**20,) * 2
    done = run(COMMAND_LINE, command[name], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit))
    assert leftovers(tmp_path) == []
    assert done.returncode != 0 or "Error" not in done.stderr


SHORTAGES = ("home", "temporary files", "semaphores")


@pytest.fixture
def short_of(monkeypatch):
    """Make a function that takes something from this process."""

    def refuse(*_, **__):
        raise FileNotFoundError(2, "No such file or directory")  # as where there is no /dev/shm

    def take(what):
        if what == "home":
            monkeypatch.setenv("HOME", "/dev/null")
            monkeypatch.setenv("HF_HOME", "/dev/null/hf")
        elif what == "temporary files":
            monkeypatch.setattr("tempfile.tempdir", "/dev/null/tmp")
        else:
            monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)

    return take


@pytest.mark.parametrize("what", SHORTAGES)
@pytest.mark.parametrize(
    "name", ["check", "build", "export", "verify", "gallery", "sample", "push", "download", "update"]
)
def test_a_place_that_is_missing_is_done_without_or_said(
    hub, command, folder, tmp_path, run_here, short_of, name, what
):
    if name == "download":
        hf_upload(folder, "user/raw")
    words = command | {
        "sample": ["sample", tmp_path / "sample"],
        "push": ["push", folder, "user/questions"],
        "download": ["download", "user/raw", tmp_path / "raw"],
        "update": ["export", tmp_path / "dataset", tmp_path / "rebuilt", "--update"],
    }
    short_of(what)
    code, _, err = run_here(*words[name])
    assert code == (1 if "Error: " in err else 0), err
    assert err.count("Error: ") <= 1
    assert code == 0 or "/dev/null" in err or "no workers can be started" in err
    assert leftovers(tmp_path) == []
