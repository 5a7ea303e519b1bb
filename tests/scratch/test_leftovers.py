"""What a killed run left is removed by the next one, whatever either does; what is at work is never touched."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.factories import process, python, run_python, tree, write, write_folder
from vmeval_hfds import build, write_gallery, write_sample
from vmeval_hfds.scratch import remove_leftovers, scratch_folder

DIE = "import os; die = lambda *_, **__: os.kill(os.getpid(), 9)\n"

KILLED = {
    # what dies in the middle of its work
    "build": """
from vmeval_hfds.api import build
build.preview_of = die
build.build("questions", "dataset")
""",
    "build over another": """
from vmeval_hfds.api import build
build.build("questions", "dataset")
build.preview_of = die
build.build("questions", "dataset", force=True)
""",
    "push": """
from vmeval_hfds import push_to_hub
from vmeval_hfds.store import repository_store
repository_store.send = die
push_to_hub("questions", "user/questions")
""",
    "export of a Dataset": """
from vmeval_hfds import export, to_dataset
from vmeval_hfds.rows import spill
dataset = to_dataset("questions", cache_dir="cache")
spill.DatasetFiles = die
export(dataset, "rebuilt")
""",
    "gallery": """
from vmeval_hfds.gallery import cards
cards._write_cards = die
cards.write_gallery("questions", "page.html")
""",
    "sample": """
from vmeval_hfds.sample import write_sample, writing
writing._manifest = die
write_sample("sample", per_domain=1, num_proc=1)
""",
    "sample into an empty folder": """
from vmeval_hfds.sample import write_sample, writing
os.mkdir("sample")
writing._manifest = die
write_sample("sample", per_domain=1, num_proc=1)
""",
}

NEXT = {
    "build": lambda folder: build(folder / "questions", folder / "next"),
    "gallery": lambda folder: write_gallery(folder / "questions", folder / "next.html"),
    "sample": lambda folder: write_sample(folder / "next", per_domain=1, num_proc=1),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Give a folder with questions, to which all temporary files go too."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    write_folder(tmp_path / "place/questions")
    return tmp_path / "place"


def left(place):
    """List what is there that nobody asked for."""
    names = {path.relative_to(place.parent).as_posix() for path in place.parent.rglob("*")}
    return {
        name for name in names if ".partial" in name or "/.vmeval-sample" in name or "/vmeval-hfds-" in name
    }


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
@pytest.mark.parametrize("killed", KILLED.values(), ids=KILLED)
@pytest.mark.parametrize("follows", NEXT.values(), ids=NEXT)
def test_what_a_killed_run_left_is_removed_by_the_next(hub, place, killed, follows):
    died = run_python(DIE + killed, cwd=place)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert left(place)
    before = {
        path: content for path, content in tree(place).items() if path.startswith(("questions", "dataset"))
    }
    follows(place)
    assert left(place) == set()
    assert before.items() <= tree(place).items()
    assert not list((place.parent / "home/vmeval-hfds/running").iterdir())


def test_a_sample_that_was_killed_in_an_empty_folder_can_be_written_again(place):
    run_python(DIE + KILLED["sample into an empty folder"], cwd=place)
    assert write_sample(place / "sample", per_domain=1, num_proc=1)


AT_WORK = """
import sys
from pathlib import Path
from vmeval_hfds.scratch import scratch_folder
with scratch_folder("vmeval-hfds-push-", Path(sys.argv[1])) as folder:
    (folder / "shard").write_bytes(b"half")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_is_at_work_is_left_alone_and_cleans_up_itself(place):
    options = {**process(), "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(python(AT_WORK, place), **options) as other:
        folder = other.stdout.readline().strip()
        remove_leftovers()
        with scratch_folder("vmeval-hfds-rows-"):
            assert os.listdir(folder) == ["shard"]
        other.stdin.close()
    assert not os.path.exists(folder)
    assert left(place) == set()


def test_what_was_moved_aside_comes_back_where_nothing_took_its_place(place):
    write(place / "dataset/README.md", "before")
    code = """
from pathlib import Path
from vmeval_hfds.scratch import scratch, set_aside
place, target = Path(".dataset.partial-1"), Path("dataset")
with scratch(place, target):
    place.mkdir()
    set_aside(place, target)
    die()
"""
    assert run_python(DIE + code, cwd=place).returncode == -signal.SIGKILL
    assert not (place / "dataset").exists()
    remove_leftovers()
    assert (place / "dataset/README.md").read_text() == "before"
    assert left(place) == set()


def test_what_another_machine_left_is_not_ours_to_remove(place):
    theirs = write(place / ".dataset.partial-1/shard", "x")
    stated = {"machine": "elsewhere 1", "place": str(theirs.parent), "target": None}
    lock = write(place.parent / "home/vmeval-hfds/running/1.lock", json.dumps(stated))
    remove_leftovers()
    assert theirs.exists()
    assert lock.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_lock_that_says_nothing_harms_nobody(place, content):
    write(place.parent / "home/vmeval-hfds/running/1.lock", content)
    with scratch_folder("vmeval-hfds-rows-") as folder:
        assert folder.is_dir()


def test_work_goes_on_where_no_lock_can_be_kept(place, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(write(place / "a-file")))
    with scratch_folder("vmeval-hfds-rows-") as folder:
        write(folder / "x")
    assert not folder.exists()
