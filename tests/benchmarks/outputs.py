"""Build, export and verify runs with large videos beside ``cp -r -p``: ``python -m tests.benchmarks.outputs``.

`local` measures the first size too; here memory is looked at with larger videos and with more runs as well: row
groups are sized by bytes, so it must not grow. The directory needs room for three times the runs, and eight times for
a while where there are more runs.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.ledger import HEADER, NOTES, Ledger
from tests.benchmarks.measure import (
    Run,
    folder_bytes,
    megabytes,
    print_profile,
    print_table,
    remove,
    run_call,
    same_trees,
    say,
    yes_no,
)
from tests.benchmarks.output_folder import Size

COPY = "cp -r -p"
#: The most that a call may take, as a multiple of the time of the copy.
RATIOS = {"build": 1.2, "export": 1.0, "verify": None}
MOST_BYTES = 400e6
#: How much more memory than at the first size may be taken at another.
FLAT_RATIO = 1.25
#: The other sizes: so many times larger videos, and so many times more runs.
LARGER_VIDEOS = 10
MORE_RUNS = 4


class Outputs:
    """A folder of runs, and what was measured with it.

    Args:
        work: An empty directory.
        size: How many runs, with which videos.
    """

    def __init__(self, work: Path, size: Size):
        self.ledger = Ledger()
        self._size = size
        self._source, self._copy = work / "outputs", work / "copy"
        self._dataset, self._exported = work / "dataset", work / "exported"
        made = run_call("outputs", self._source, size.runs, size.video_bytes)
        source_bytes = megabytes(folder_bytes(self._source))
        say(f"{size}, {made.result:,} files, {source_bytes} MB, made in {made.seconds:.1f} s")

    def repeat(self) -> None:
        """Run everything that is compared once, one after the other."""
        remove(self._copy, self._dataset, self._exported)
        self.ledger.command(COPY, ["cp", "-r", "-p", self._source, self._copy])
        remove(self._copy)
        for name in RATIOS:
            self._call(name)

    def watch(self, keep_source: bool = True) -> None:
        """Run ours once more to see the memory, apart from the runs that are timed."""
        for name in RATIOS:
            self._call(name, watch=True)
            if name == "build" and not keep_source:
                remove(self._source)

    def check(self) -> None:
        """Make sure that the exported folder is the source, with the times of its files and folders."""
        if not same_trees(self._source, self._exported):
            raise SystemExit("the exported folder is not the source")
        if _times(self._source) != _times(self._exported):
            raise SystemExit("the exported folder has other times than the source")

    def rows(self) -> list[list[str]]:
        """Make the rows of the table."""
        ours = [self.ledger.row(self._name(name), COPY, most, MOST_BYTES) for name, most in RATIOS.items()]
        return [self.ledger.row(COPY), *ours]

    def memory_rows(self, first: "Outputs") -> list[list[str]]:
        """Make rows about the memory alone, beside that at the first size."""
        rows = []
        for name in ("build", "export"):
            here = self._name(name)
            ratio = self.ledger.peak_bytes(here) / first.ledger.peak_bytes(first._name(name))
            row = self.ledger.row(here, note=f"memory {ratio:.2f} × first")
            rows.append([*row[:-2], f"≤ {FLAT_RATIO} × first", yes_no(ratio <= FLAT_RATIO)])
        return rows

    def print_profiles(self) -> None:
        """Print where the seconds of build and export go, each in one process."""
        for name in ("build", "export"):
            source, target = self._ways(name)
            remove(target)
            print_profile(name, source, target)

    def _call(self, name: str, watch: bool = False) -> Run:
        source, target = self._ways(name)
        if name != "verify":
            remove(target)
        run = run_call(name, source, target, watch=watch)
        if name == "verify" and not run.result:
            raise SystemExit("verify found differences")
        return self.ledger.add(self._name(name), run, watched=watch)

    def _ways(self, name: str) -> tuple[Path, Path]:
        return {
            "build": (self._source, self._dataset),
            "export": (self._dataset, self._exported),
            "verify": (self._exported, self._dataset),
        }[name]

    def _name(self, name: str) -> str:
        return f"{name}, {self._size}"


def measured(work: Path, size: Size, repeats: int) -> Outputs:
    """Make a folder of runs and measure all of it."""
    runs = Outputs(work, size)
    for number in range(repeats):
        say(f"repeat {number + 1} of {repeats}")
        runs.repeat()
    say("memory")
    runs.watch()
    runs.check()
    return runs


def other_sizes(size: Size) -> list[Size]:
    """Give the sizes at which memory must be the same: as many bytes in larger videos, and more runs."""
    return [
        Size(max(1, size.runs // LARGER_VIDEOS), size.video_bytes * LARGER_VIDEOS),
        replace(size, runs=size.runs * MORE_RUNS),
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Take what is measured with how many runs, how often and where."""
    parser.add_argument("--runs", type=int, default=2_000, help="how many runs of models the outputs have")
    parser.add_argument("--video-bytes", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to work; a tmpfs")


def _times(folder: Path) -> dict[str, int]:
    """Give the modification time of a folder and of all in it, in nanoseconds."""
    return {os.path.relpath(path, folder): path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.outputs", description=__doc__)
    add_options(parser)
    options = parser.parse_args(arguments)
    size = Size(options.runs, options.video_bytes)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as name:
        work = Path(name)
        first = measured(work, size, options.repeats)
        rows = first.rows()
        first.print_profiles()
        remove(*work.iterdir())
        for other in other_sizes(size):
            at_other = Outputs(work, other)
            at_other.watch(keep_source=False)
            rows += at_other.memory_rows(first)
            remove(*work.iterdir())
    print()
    print_table(HEADER, rows)
    print(f"\n{NOTES}")


if __name__ == "__main__":
    main()
