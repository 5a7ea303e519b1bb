"""A compressed archive of several is read by one job, so that no two workers decompress it."""

import pickle
import subprocess
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from tests.factories import tree, write, write_question
from vmeval_builders.checks import check_jobs
from vmeval_builders.entries import FileEntry, Unit
from vmeval_builders.file_list import FileList
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.scan import scan_rows
from vmeval_builders.sources.folder import Folder
from vmeval_builders.sources.passes import pass_of
from vmeval_builders.sources.source import ANYWHERE
from vmeval_builders.unit_list import UnitList
from vmeval_hfds import build, verify
from vmeval_hfds.table.passes import shards_of_jobs
from vmeval_hfds.table.plan import JOB_ROWS, ShardPlan, plan_shards

DOMAINS = ("chess", "maze", "sudoku")


def packed(folder, *endings):
    """Write an archive of each ending, with a question of every domain and a note; also what unpacks beside."""
    folder.mkdir(parents=True)
    whole = folder.parent / "whole"
    for number, ending in enumerate(endings):
        part = folder.parent / f"part{number}"
        for domain in DOMAINS:
            for into in (part, whole):
                write_question(into, domain, f"{domain}_{number}")
                write(into / f"notes/{number}.md", f"# {number}")
        archive = folder / f"Task-{number:04d}{ending}"
        subprocess.run(
            ["tar", "-caf", archive, "-C", part, *sorted(p.name for p in part.iterdir())], check=True
        )
    return folder


class Here(Executor):
    """Does each job at once, and keeps what jobs there were."""

    def __init__(self):
        self.jobs = []

    def submit(self, function, /, *arguments):
        self.jobs.append(pickle.loads(arguments[-1].content))
        done = Future()
        done.set_result(function(*arguments))
        return done

    def passes(self, files_of):
        """Give for every job the archives whose files it read."""
        of_jobs = [(job.source, files_of(job)) for job in self.jobs if hasattr(job, "source")]
        return [sorted({pass_of(source, entry) for entry in files}) for source, files in of_jobs]


@pytest.mark.parametrize("endings", [[".tar.gz", ".tgz"], [".tar", ".tar.gz", ".tgz"]], ids="-".join)
def test_each_compressed_archive_is_one_jobs(tmp_path, endings):
    # Every config has a shard, and rows of every archive: shards are small, so that none is of one archive alone.
    folder = packed(tmp_path / "packed", *endings)
    scan = scan_rows(folder)
    shards = [
        type(shard)(f"{shard.name}-{number}", shard.config, shard.units[number : number + 1])
        for shard in plan_shards(scan, "test").shards
        for number in range(len(shard.units))
    ]
    jobs = shards_of_jobs(scan.source, shards)
    compressed = sum(ending != ".tar" for ending in endings)
    assert len(jobs) == compressed + (compressed < len(endings))
    assert sorted(shard.name for job in jobs for shard in job) == sorted(shard.name for shard in shards)
    for job in jobs:
        entries = [one for shard in job for unit in shard.units for one in unit.files.values()]
        assert len({pass_of(scan.source, entry) for entry in entries}) == 1


def test_many_small_files_are_work_for_several_too():
    units = UnitList.of([Unit("maze_0000", {}, {})] * (JOB_ROWS // 2), QUESTIONS.parts, FileList())
    shards = [ShardPlan(str(number), "", units) for number in range(5)]
    jobs = shards_of_jobs(Folder(Path()), shards)
    assert [[shard.name for shard in job] for job in jobs] == [["0", "1"], ["2", "3"], ["4"]]


def test_the_jobs_with_most_to_read_come_first():
    shards = []
    for size_bytes in (1, 3, 2):
        prompt = FileEntry("maze_0000/prompt.txt", size_bytes, 0)
        unit = Unit("maze_0000", {"prompt": prompt}, {})
        units = UnitList.of([unit] * JOB_ROWS, QUESTIONS.parts, FileList.of([prompt]))
        shards.append(ShardPlan(str(size_bytes), "", units))
    jobs = shards_of_jobs(Folder(Path()), shards)
    assert [shard.name for job in jobs for shard in job] == ["3", "2", "1"]


def test_a_folder_has_no_passes(tmp_path):
    packed(tmp_path / "packed", ".tar")
    scan = scan_rows(tmp_path / "whole")
    assert {pass_of(scan.source, entry) for entry in scan.files} == {ANYWHERE}


def test_the_result_is_the_unpacked_folders_in_any_order_of_jobs(tmp_path):
    folder = packed(tmp_path / "packed", ".tgz", ".tar.gz")
    expected = build(tmp_path / "whole", tmp_path / "expected").target
    building = Here()
    made = build(folder, tmp_path / "made", executor=building).target
    assert tree(made) == tree(expected)
    assert [job.place for job in building.jobs if hasattr(job, "place")] == sorted(folder.iterdir())
    hashing = Here()
    assert verify(folder, made, executor=hashing).same
    assert sorted(hashing.passes(lambda job: job.files)) == [[0], [1]]


def test_a_check_reads_each_archive_by_one_job_too(tmp_path):
    scan = scan_rows(packed(tmp_path / "packed", ".tgz", ".tar.gz"))
    jobs = list(check_jobs(scan, decode=True))
    read = [[*(one for unit in job.units for one in unit.files.values()), *job.others] for job in jobs]
    passes = [{pass_of(scan.source, entry) for entry in entries} for entries in read]
    assert sorted(map(sorted, passes)) == [[0], [0], [1], [1]]  # Rows, and the other files.
