"""Little of what a process needs, such as threads, memory or file descriptors: one sentence, exit 1, nothing left behind."""

import os
import resource
import subprocess
import sys

import pytest

from tests.factories import tree, write_folder
from vmeval_hfds import build

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
@pytest.mark.parametrize("descriptors", [20, 24])
def test_few_file_descriptors_are_enough_or_said(command, tmp_path, name, descriptors):
    limit = (descriptors, descriptors)
    done = run(
        COMMAND_LINE, command[name], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", ["build", "export"])
@pytest.mark.parametrize("mebibytes", [300, 450])
def test_little_memory_is_enough_or_said(command, tmp_path, name, mebibytes):
    limit = (mebibytes * 2**20,) * 2
    done = run(COMMAND_LINE, command[name], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit))
    assert leftovers(tmp_path) == []
    assert done.returncode != 0 or "Error" not in done.stderr


def test_a_home_that_cannot_be_written_is_said(tmp_path):
    folder = write_folder(tmp_path / "questions")
    home = {
        "HOME": "/dev/null",
        "HF_HOME": "/dev/null/hf",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    code = [sys.executable, "-c", COMMAND_LINE]
    for words in (
        ["build", folder, tmp_path / "dataset"],
        ["export", tmp_path / "dataset", tmp_path / "rebuilt"],
    ):
        done = subprocess.run(
            [*code, *map(str, words)], env={**os.environ, **home}, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or "/dev/null" in done.stderr
    assert leftovers(tmp_path) == []
