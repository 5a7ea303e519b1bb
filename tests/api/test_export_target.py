"""What an export finds in its target: what stays, what is refused, and what an interrupted run leaves."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from tests.factories import (
    MP4,
    files_below,
    png,
    process,
    python,
    refuses_export,
    tree,
    write,
    write_question,
    write_rich_folder,
)
from vmeval_hfds import build, export
from vmeval_hfds.errors import (
    TargetExistsError,
    UnsafePathError,
)
from vmeval_hfds.folder.writer import FolderWriter

pytestmark = pytest.mark.folder("questions", write_rich_folder)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "rebuilt"


# What is in the target already


def times(folder):
    return {path: (folder / path).stat().st_mtime_ns for path in files_below(folder)}


def test_files_with_the_same_bytes_are_left_alone(dataset, folder, target):
    export(dataset, target)
    for path in files_below(target):
        os.utime(target / path, ns=(1_000_000_000, 1_000_000_000))
    before = {path: (target / path).stat().st_ino for path in files_below(target)}
    result = export(dataset, target, force=True)
    assert (result.written, result.kept, result.written_bytes) == (0, len(before), 0)
    assert set(times(target).values()) == {1_000_000_000}
    assert {path: (target / path).stat().st_ino for path in before} == before


def test_missing_files_are_added_and_the_rest_is_left_alone(dataset, folder, target):
    export(dataset, target)
    before = times(target)
    gone = ["maze_task/maze_0000/first_frame.png", "notes.md", "maze_task/maze_0001/empty.txt"]
    for path in gone:
        (target / path).unlink()
    shutil.rmtree(target / "not_yet")
    assert export(dataset, target).written == 3
    assert tree(target) == tree(folder)
    assert {path: time for path, time in times(target).items() if path not in gone} == {
        path: time for path, time in before.items() if path not in gone
    }


OTHER_BYTES = {
    "frame": "maze_task/maze_0000/first_frame.png",
    "prompt": "rotation_task/rotation_0000/prompt.txt",
    "prompt-that-no-column-holds": "rotation_task/rotation_0001/prompt.txt",
    "video": "rotation_task/rotation_0000/ground_truth.mp4",
    "manifest": "vmeval_dataset.json",
    "extra": "maze_task/maze_0000/deep/er/extra.bin",
    "empty": "maze_task/maze_0001/empty.txt",
}


@pytest.mark.parametrize("path", OTHER_BYTES.values(), ids=OTHER_BYTES)
@pytest.mark.parametrize("change", ["longer", "shorter-or-longer", "as-long"])
def test_other_bytes_are_refused_without_force(dataset, folder, target, path, change):
    original = (folder / path).read_bytes()
    other = {
        "longer": original + b"x",
        "shorter-or-longer": original[:-1] or b"y",
        "as-long": bytes([original[0] ^ 1]) + original[1:] if original else b"z",
    }[change]
    write(target / path, other)
    message = refuses_export(TargetExistsError, dataset, target, "nothing was written.*--force")
    assert path in message
    assert export(dataset, target, force=True).written == len(files_below(folder))
    assert tree(target) == tree(folder)


def test_a_refusal_counts_all_files_that_are_in_the_way(dataset, target):
    for number, path in enumerate(OTHER_BYTES.values()):
        write(target / path, f"mine {number}")
    assert "7 files have other bytes" in refuses_export(TargetExistsError, dataset, target)


def test_files_that_the_dataset_does_not_know_stay(dataset, folder, target):
    write(target / "mine.txt", "mine")
    write(target / "maze_task/maze_0000/mine/too.txt", "mine")
    write(target / "not_yet/run/1/mine.txt", "mine")
    export(dataset, target, force=True)
    mine = {path: content for path, content in files_below(target).items() if "mine" in path}
    assert mine == dict.fromkeys(
        ["mine.txt", "maze_task/maze_0000/mine/too.txt", "not_yet/run/1/mine.txt"], b"mine"
    )
    assert {
        path: content for path, content in files_below(target).items() if path not in mine
    } == files_below(folder)


@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
@pytest.mark.parametrize(
    "path",
    ["maze_task", "maze_task/maze_0000", "maze_task/maze_0000/deep", "not_yet", "not_yet/run/1"],
)
def test_a_file_where_a_folder_belongs_is_refused(dataset, target, path, force):
    write(target / path, "mine")
    refuses_export(TargetExistsError, dataset, target, "a folder belongs there", force=force)


@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
@pytest.mark.parametrize("path", list(OTHER_BYTES.values())[:5])
def test_a_folder_where_a_file_belongs_is_refused(dataset, target, path, force):
    write(target / path / "mine.txt", "mine")
    refuses_export(TargetExistsError, dataset, target, force=force)


@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
@pytest.mark.parametrize(
    "path",
    ["maze_task", "maze_task/maze_0000", "maze_task/maze_0000/deep", "hand_made", "not_yet", "not_yet/run/1"],
)
@pytest.mark.parametrize("to", ["outside", "inside", "nothing"])
def test_a_link_where_a_folder_belongs_is_refused(dataset, target, tmp_path, path, to, force):
    (tmp_path / "outside").mkdir()
    (target / "inside").mkdir(parents=True)
    place = target / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to({"outside": tmp_path / "outside", "inside": target / "inside", "nothing": "nowhere"}[to])
    message = refuses_export(UnsafePathError, dataset, target, "link", force=force)
    assert path in message


@pytest.mark.parametrize("to", ["outside.txt", "nowhere.txt"])
def test_a_link_where_a_file_belongs_is_never_written_through(dataset, folder, target, tmp_path, to):
    write(tmp_path / "outside.txt", "theirs")
    place = target / "maze_task/maze_0000/prompt.txt"
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / to)
    refuses_export(TargetExistsError, dataset, target, "other bytes")
    export(dataset, target, force=True)
    assert tree(target) == tree(folder)
    assert (tmp_path / "outside.txt").read_text() == "theirs"
    assert not (tmp_path / "nowhere.txt").exists()


def test_a_link_to_a_file_with_the_same_bytes_is_not_that_file(dataset, folder, target, tmp_path):
    place = target / "maze_task/maze_0000/prompt.txt"
    place.parent.mkdir(parents=True)
    place.symlink_to(folder / "maze_task/maze_0000/prompt.txt")
    refuses_export(TargetExistsError, dataset, target)


def test_a_file_of_two_names_is_replaced_under_the_one_name_only(dataset, folder, target, tmp_path):
    place = target / "maze_task/maze_0000/prompt.txt"
    place.parent.mkdir(parents=True)
    os.link(write(tmp_path / "theirs.txt", "theirs"), place)
    export(dataset, target, force=True)
    assert (tmp_path / "theirs.txt").read_text() == "theirs"
    assert tree(target) == tree(folder)


@pytest.mark.parametrize("make", ["link", "file"])
def test_the_place_of_unfinished_files_must_be_free(dataset, target, tmp_path, make):
    (tmp_path / "outside").mkdir()
    write(tmp_path / "outside/theirs.txt", "theirs")
    target.mkdir()
    if make == "link":
        (target / ".vmeval-hfds-partial").symlink_to(tmp_path / "outside")
    else:
        write(target / ".vmeval-hfds-partial", "theirs")
    refuses_export(UnsafePathError, dataset, target, "unfinished")


@pytest.mark.parametrize("place", ["dataset", "dataset/data", "dataset/data/maze", "."])
def test_not_into_the_dataset_that_is_read(dataset, tmp_path, place):
    before = tree(tmp_path)
    with pytest.raises(TargetExistsError, match="the dataset itself"):
        export(dataset, tmp_path / place, force=True)
    assert tree(tmp_path) == before


def test_a_target_that_is_a_file_is_an_error(dataset, target):
    write(target, "mine")
    refuses_export(OSError, dataset, target)


# Killed


CODE = """
import sys
from vmeval_hfds import export
export(sys.argv[1], sys.argv[2], num_proc=int(sys.argv[3]))
"""


WAITING = 60


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Many files, so that there is time to kill an export halfway."""
    root = tmp_path_factory.mktemp("large")
    folder = root / "questions"
    for number in range(300):
        domain = f"d{number % 6}"
        write_question(
            folder, domain, f"{number:04d}", first_frame=png(number % 50, (40, 40)), ground_truth=MP4
        )
        write(folder / f"{domain}_task/{number:04d}/goal.txt", f"{number}")
        (folder / f"later/{number:04d}").mkdir(parents=True)
    return folder, build(folder, root / "dataset").target


def files_there(target):
    return sum(len(files) for above, _, files in os.walk(target) if ".vmeval-hfds-partial" not in above)


@pytest.mark.parametrize("num_proc", [1, 2])
def test_killed_at_many_points_and_run_again_it_ends_exactly(large, target, num_proc):
    folder, dataset = large
    kills = 0
    for wanted in (1, 60, 250, 600, 1000, 1400):
        running = subprocess.Popen(
            python(CODE, dataset, target, num_proc), **process(), start_new_session=True
        )
        until = time.monotonic() + WAITING
        while running.poll() is None and files_there(target) < wanted and time.monotonic() < until:
            pass
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            kills += 1
        running.communicate(timeout=WAITING)
        there = {
            path: content
            for path, content in files_below(target).items()
            if ".vmeval-hfds-partial" not in path
        }
        assert there.items() <= files_below(folder).items()
    assert kills >= 3
    export(dataset, target)
    assert tree(target) == tree(folder)


def test_workers_end_with_the_process_that_started_them(large, target):
    # Else they would go on writing into a folder that the next run takes for its own.
    _, dataset = large
    running = subprocess.Popen(python(CODE, dataset, target, 2), **process(), start_new_session=True)
    until = time.monotonic() + WAITING
    while running.poll() is None and files_there(target) < 1 and time.monotonic() < until:
        pass
    running.kill()  # this one process, as a system short of memory does
    try:
        running.communicate(timeout=10)  # returns when nobody holds the other end any more
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


def test_what_a_killed_run_left_is_thrown_away(dataset, folder, target):
    write(target / ".vmeval-hfds-partial/123-0", "half a fi")
    export(dataset, target)
    assert tree(target) == tree(folder)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_run_leaves_whole_files_only(large, target, error):
    folder, dataset = large

    def interrupt(done, total):
        raise error

    with pytest.raises(error):
        export(dataset, target, num_proc=1, progress=interrupt)
    there = files_below(target)
    assert there
    assert there.items() < files_below(folder).items()


def test_a_file_is_there_whole_or_not_at_all(target, monkeypatch):
    writer = FolderWriter(target)
    writer.begin()
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        writer.put("a.txt", b"content")
    writer.end()
    assert tree(target) == {}
