"""What a shard's rows are known by is told once: when they are written as they were read, it does not come back again."""

import pytest

from vmeval_builders.scan import scan_rows
from vmeval_hfds.store.repository_store import ShardFolder
from vmeval_hfds.table.plan import plan_shards
from vmeval_hfds.table.shards import ShardJob, read_shards, write_shards
from vmeval_hfds.table.tables import TableOptions, run_shards


class Kept(ShardFolder):
    """Keeps shards where they were written."""

    def keep(self, receipts):
        """Leave them there."""


@pytest.fixture
def scan(folder):
    return scan_rows(folder)


@pytest.fixture
def shards(scan):
    return plan_shards(scan, "test").shards


def test_rows_that_are_as_they_were_read_are_told_by_their_hash_alone(scan, shards, tmp_path):
    read = read_shards(ShardJob(None, scan.source, scan.layout, shards, decode=False))
    contents = {report.plan.name: report.content for report in read}
    job = ShardJob(Kept(tmp_path), scan.source, scan.layout, shards, decode=False, read=contents)
    for before, report in zip(read, write_shards(job), strict=True):
        assert before.rows > 0
        assert report.receipt.size_bytes > 0
        assert (report.content, report.rows, report.listed.num_rows) == (before.content, 0, 0)


@pytest.mark.parametrize("changed", [False, True], ids=["same", "changed"])
def test_what_was_written_is_told_whole(folder, scan, shards, tmp_path, changed):
    read = {
        report.plan.name: report for report in run_shards(read_shards, scan, shards, None, TableOptions())
    }
    if changed:
        prompt = folder / "maze_task/maze_0000/prompt.txt"
        prompt.write_bytes(prompt.read_bytes()[::-1])
    known = run_shards(write_shards, scan, shards, Kept(tmp_path / "known"), TableOptions(), read=read)
    alone = run_shards(write_shards, scan, shards, Kept(tmp_path / "alone"), TableOptions())
    assert known == alone
    assert ([report.content for report in read.values()] != [report.content for report in known]) == changed
