"""Times and empty folders of outputs come back to the nanosecond, whatever happened in between."""

import os
import shutil

import pytest

from tests.factories import tree, write
from tests.run_factories import (
    RUN,
    assert_same,
    round_trip,
    rows,
    scatter_times,
    stored_rows,
    times,
    write_run,
    write_runs,
)
from vmeval_hfds import (
    build,
    export,
    open_repo,
    push_to_hub,
    verify,
)

REPO = "user/outputs"

pytestmark = pytest.mark.folder("outputs", write_runs)


# Times


def test_all_times_come_back(tmp_path, folder):
    found = times(folder)
    assert len(set(found.values())) == len(found)
    round_trip(folder, tmp_path)


def test_all_times_come_back_from_the_hub(hub, tmp_path, folder):
    push_to_hub(folder, REPO)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert_same(tmp_path / "rebuilt", folder)
    assert verify(tmp_path / "rebuilt", open_repo(REPO)).same


@pytest.mark.parametrize("num_proc", [1, 2])
def test_all_times_come_back_with_any_number_of_processes(tmp_path, folder, num_proc):
    dataset = build(folder, tmp_path / "dataset", num_proc=num_proc).target
    export(dataset, tmp_path / "rebuilt", num_proc=num_proc)
    assert_same(tmp_path / "rebuilt", folder)


def test_a_second_build_and_a_build_of_the_rebuilt_folder_give_the_same_bytes(tmp_path, folder, dataset):
    export(dataset, tmp_path / "rebuilt")
    build(tmp_path / "rebuilt", tmp_path / "again", num_proc=2)
    assert tree(tmp_path / "again") == tree(dataset)


def test_times_that_others_changed_are_set_again(tmp_path, folder, dataset):
    target = tmp_path / "rebuilt"
    export(dataset, target)
    scatter_times(target, seed=1)
    result = export(dataset, target)
    assert result.written == 0
    assert_same(target, folder)


def test_files_that_are_there_keep_their_bytes_and_get_their_times(tmp_path, folder, dataset):
    target = tmp_path / "rebuilt"
    for part in ("pilot/wan", "goal"):
        shutil.copytree(folder / part, target / part, copy_function=shutil.copyfile)
    result = export(dataset, target)
    assert result.kept > 0
    assert_same(target, folder)


def test_files_that_are_replaced_get_their_times(tmp_path, folder, dataset):
    target = tmp_path / "rebuilt"
    export(dataset, target)
    write(target / RUN / "metadata.json", "other")
    export(dataset, target, force=True)
    assert_same(target, folder)


def test_an_export_that_was_interrupted_ends_with_all_times(tmp_path, folder, dataset):
    class StoppedError(Exception):
        pass

    def stop(done, total):
        raise StoppedError

    target = tmp_path / "rebuilt"
    with pytest.raises(StoppedError):
        export(dataset, target, progress=stop)
    assert tree(target) != tree(folder)
    export(dataset, target)
    assert_same(target, folder)


def test_what_the_dataset_does_not_know_keeps_its_time(tmp_path, folder, dataset):
    mine = write(tmp_path / "rebuilt" / RUN / "mine.txt", "mine")
    os.utime(mine, ns=(7, 7))
    export(dataset, tmp_path / "rebuilt")
    assert mine.stat().st_mtime_ns == 7
    expected = times(folder)
    assert {path: time for path, time in times(tmp_path / "rebuilt").items() if path in expected} == expected


@pytest.mark.parametrize(
    ("choice", "beginnings"),
    [
        ({"domains": ["chess"]}, ("pilot/wan/chess_task", "pilot/org--hold/chess_task")),
        ({"ids": ["maze_0001"]}, ("pilot/org--hold/maze_task/maze_0001",)),
        ({"domains": ["maze"], "ids": ["maze_0002"]}, ("goal/wan/maze_task/maze_0002",)),
    ],
    ids=str,
)
def test_a_part_comes_with_its_times(tmp_path, folder, dataset, choice, beginnings):
    target = tmp_path / "part"
    export(dataset, target, **choice)
    whole, part = tree(folder), tree(target)
    assert part.items() <= whole.items()
    files = {path for path in part if not path.endswith("/")}
    assert files == {path for path in whole if path.startswith(beginnings) and not path.endswith("/")}
    runs = tuple(row["path"] for row in rows(folder) if row["path"].startswith(beginnings))
    expected = {path: time for path, time in times(folder).items() if path.startswith(runs)}
    assert {path: time for path, time in times(target).items() if path.startswith(runs)} == expected


def test_a_part_has_its_runs_empty_folders(tmp_path, dataset):
    export(dataset, tmp_path / "part", ids=["maze_0001"])
    (video_folder,) = (tmp_path / "part").rglob("video")
    assert video_folder.is_dir()


@pytest.mark.parametrize(
    "time_ns",
    [
        0,
        1,
        999_999_999,
        -1,
        -1_000_000_001,
        -86_400 * 10**9,
        2**31 * 10**9,
        4_102_444_800 * 10**9 + 123_456_789,
    ],
)
def test_any_time_comes_back(tmp_path, time_ns):
    run = write_run(tmp_path / "outputs")
    for path in (run / "metadata.json", run / "video", run, tmp_path / "outputs"):
        os.utime(path, ns=(time_ns, time_ns))
    if (run / "metadata.json").stat().st_mtime_ns != time_ns:
        pytest.skip("this file system has no such times")
    round_trip(tmp_path / "outputs", tmp_path)


def test_a_folder_that_nobody_may_write_into_gives_its_time(tmp_path):
    run = write_run(tmp_path / "outputs")
    scatter_times(tmp_path / "outputs")
    run.chmod(0o555)
    try:
        round_trip(tmp_path / "outputs", tmp_path)
    finally:
        run.chmod(0o755)


def test_links_become_copies_with_the_times_of_what_they_lead_to(tmp_path):
    run = write_run(tmp_path / "outputs", "pilot/wan/maze_task/maze_0000/r1", videos={})
    other = write_run(tmp_path / "outputs", "pilot/wan/maze_task/maze_0000/r2")
    real = next((other / "video").iterdir())
    (run / "video/linked.mp4").symlink_to(real)
    (run / "more").symlink_to(other / "question")
    scatter_times(tmp_path / "outputs")
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    export(dataset, tmp_path / "rebuilt")
    assert stored_rows(dataset)["pilot/wan/maze_task/maze_0000/r1"]["video"]["bytes"] == real.read_bytes()
    found = tmp_path / "rebuilt/pilot/wan/maze_task/maze_0000/r1"
    assert not (found / "video/linked.mp4").is_symlink()
    assert (found / "video/linked.mp4").stat().st_mtime_ns == real.stat().st_mtime_ns
    assert (found / "more").stat().st_mtime_ns == (other / "question").stat().st_mtime_ns
    assert tree(found / "more") == tree(other / "question")


def test_a_target_that_is_a_link_gets_the_times_too(tmp_path, folder, dataset):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    export(dataset, tmp_path / "link")
    assert_same(tmp_path / "elsewhere", folder)


def test_verify_lists_other_times(tmp_path, folder, dataset):
    assert verify(folder, dataset).same
    os.utime(folder / RUN / "metadata.json", ns=(1, 1))
    os.utime(folder / RUN, ns=(2, 2))
    os.utime(folder, ns=(3, 3))
    os.utime(folder / "pilot/sora", ns=(4, 4))
    result = verify(folder, dataset)
    assert not result.same
    assert result.other_times == ["./", "pilot/sora/", f"{RUN}/", f"{RUN}/metadata.json"]
    assert result.missing == result.extra == result.different == []


def test_verify_tells_folders_that_are_gone_and_new(folder, dataset):
    (folder / "pilot/sora").rmdir()
    (folder / "pilot/luma").mkdir()
    result = verify(folder, dataset)
    assert (result.missing, result.extra) == (["pilot/sora/"], ["pilot/luma/"])
