"""A million questions in 100 archives, by one process and on a Dask cluster: ``python -m tests.benchmarks.million``.

The frames are small, so that what is measured is the number of files. The directory needs about 10 kB a question.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.archives import task_id
from tests.benchmarks.hub import Bench, Traffic
from tests.benchmarks.hub_process import HubProcess, client_environment
from tests.benchmarks.measure import megabytes, print_table, run_call, same_trees, say, yes_no
from tests.dask_cluster import WORKERS, running_cluster

ALONE, CHANGED = "user/alone", "user/changed"
#: The most that the process that plans and commits may hold, whatever the number of files, and the most files.
DRIVER_BYTES = 600e6
REPO_FILES = 1000
_EVERY_SECONDS = 0.25


class Measured:
    """Runs of clients, and the rows of the table about them."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.drivers: list[float] = []
        self._rows: list[list[str]] = []

    def call(self, title: str, name: str, *arguments: object, beside: Sequence[int] = ()) -> Traffic:
        """Run a call and take down what it took."""
        traffic = self.bench.client(
            title, name, *arguments, watch=True, beside=beside, every_seconds=_EVERY_SECONDS
        )
        run = traffic.run
        self.drivers.append(run.max_rss)
        self._rows.append(
            [
                title,
                f"{run.wall_seconds:.1f}",
                f"{run.cpu_seconds:.1f}",
                megabytes(run.max_rss),
                megabytes(run.memory.pss),
                str(len(traffic.requests) - traffic.to_storage),
                str(traffic.to_storage),
            ]
        )
        say(f"  {' | '.join(self._rows[-1])}")
        return traffic

    def print(self) -> None:
        """Print the table."""
        header = ["what", "seconds", "driver CPU s", "driver MB", "sum MB", "requests", "to storage"]
        print_table(header, self._rows)


def measure(measured: Measured, questions: int, archives: int) -> None:
    """Measure everything and print the tables."""
    bench, work = measured.bench, measured.bench.work
    source, alone, there = work / "questions", work / "alone", work / "there"
    written = run_call("archives", source, questions, archives)
    say(f"{written.result:,} files in {archives} archives, written in {written.wall_seconds:.0f} s")
    measured.call("build, 1 process", "build", source, alone, 1)
    measured.call("push, 1 process", "push_undecoded", source, ALONE, 1)
    with (
        tempfile.TemporaryDirectory(prefix="home-", dir=work) as home,
        running_cluster(work / "dask", client_environment(bench.hub, home, xet=bench.xet)) as (
            scheduler,
            processes,
        ),
    ):
        measured.call(
            f"build, Dask, {WORKERS} workers", "build", source, there, "", scheduler, beside=processes
        )
        if not same_trees(alone, there):
            raise SystemExit("the cluster's dataset is not the one of one process")
        run_call("change_archive", source)
        measured.call(
            f"push, Dask, {WORKERS} workers",
            "push_undecoded",
            source,
            CHANGED,
            "",
            scheduler,
            beside=processes,
        )
    one = task_id(archives // 2, questions // archives // 2)
    exported = measured.call("export of one id", "export_id", ALONE, work / "one", one).run.result
    found = measured.call("diff of the two repositories", "diff", ALONE, CHANGED).run.result
    if exported != 4 or found != {"added": 1, "removed": 1, "changed": 1}:
        raise SystemExit(f"exported {exported} files, found {found}; expected 4, and 1 of each")
    measured.print()
    files, peak = _files(bench.hub, ALONE), max(measured.drivers)
    rows = [
        ["files of the repository", str(files), f"≤ {REPO_FILES}", yes_no(files <= REPO_FILES)],
        [
            "most memory of a driver, MB",
            megabytes(peak),
            f"≤ {megabytes(DRIVER_BYTES)}",
            yes_no(peak <= DRIVER_BYTES),
        ],
    ]
    print()
    print_table(["target", "measured", "wanted", "reached"], rows)


def _files(hub: HubProcess, repo_id: str) -> int:
    from huggingface_hub import HfApi

    return len(HfApi(hub.endpoint, hub.token).list_repo_files(repo_id, repo_type="dataset"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.million", description=__doc__)
    parser.add_argument("--questions", type=int, default=1_000_000)
    parser.add_argument("--archives", type=int, default=100)
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()), help="where to work")
    options = parser.parse_args(arguments)
    print(f"{options.questions:,} questions in {options.archives} archives:\n")
    with (
        tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as name,
        HubProcess(Path(name) / "hub", 0) as hub,
    ):
        measure(Measured(Bench(hub, Path(name), xet=False)), options.questions, options.archives)


if __name__ == "__main__":
    main()
