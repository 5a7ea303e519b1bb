"""Build, export and verify beside ``cp -r`` and ``sha256sum``: ``python -m tests.benchmarks.local``."""

import argparse
import os
import resource
import shlex
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import (
    Memory,
    Run,
    megabytes,
    print_profile,
    print_table,
    remove,
    run_call,
    same_trees,
    say,
    time_command,
    yes_no,
)

#: Number of processes to the most that a call may take, as a multiple of the time of `cp -r`.
BUILD_RATIOS = {2: 1.1, 1: 1.8}
EXPORT_RATIOS = {2: 0.9, 1: 1.6}
#: The same for `sha256sum`.
VERIFY_RATIO = 0.6
MEMORY_BYTES = 400e6
#: The most seconds that a command may take on a small folder or dataset, its start included.
START_SECONDS = {"--help": 0.1, "info": 0.35, "check": 0.25}
START_RUNS = 9


class Bench:
    """Folders of one benchmark, and what was measured with them.

    Args:
        work: An empty directory.
        questions: How many questions.
    """

    def __init__(self, work: Path, questions: int):
        self.source, self.copy = work / "questions", work / "copy"
        self.dataset, self.exported = work / "dataset", work / "exported"
        self.parquet, self.saved = work / "images.parquet", work / "saved"
        self.archive = work / "questions.tar"
        self.runs: dict[str, list[Run]] = defaultdict(list)
        self.memory: dict[str, Memory] = {}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)
        made = run_call("folder", self.source, questions)
        size = sum(path.stat().st_size for path in self.source.rglob("*") if path.is_file())
        say(f"{questions} questions, {made.result} files, {megabytes(size)} MB, made in {made.seconds:.1f} s")

    def calls(self) -> dict[str, Callable[[bool], Run]]:
        """Give what is measured of ours, in an order in which each finds what it needs."""
        return {
            "build 1": lambda watch: self._to("build", self.source, self.dataset, 1, watch),
            "build 2": lambda watch: self._to("build", self.source, self.dataset, 2, watch),
            "export 1": lambda watch: self._to("export", self.dataset, self.exported, 1, watch),
            "export 2": lambda watch: self._to("export", self.dataset, self.exported, 2, watch),
            "verify": lambda watch: run_call("verify", self.source, self.dataset, watch=watch),
        }

    def repeat(self) -> None:
        """Run everything that is compared once, one after the other."""
        remove(self.copy)
        self._time("cp -r", ["cp", "-r", self.source, self.copy])
        remove(self.copy)
        pack = ["tar", "cf", self.archive, "-C", self.source, "."]
        self._time("tar cf", pack)
        self.copy.mkdir()
        self._time("tar xf", ["tar", "xf", self.archive, "-C", self.copy])
        remove(self.copy)
        self.archive.unlink()
        pipe = f"find {shlex.quote(str(self.source))} -type f -print0 | xargs -0 sha256sum"
        self._time("sha256sum", ["sh", "-c", pipe])
        for name, call in self.calls().items():
            run = call(False)
            self.runs[name].append(run)
            self.seconds[name].append(run.seconds)
            self.cpu[name].append(run.cpu_seconds)
        if not self.runs["verify"][-1].result:
            raise SystemExit("verify found differences")

    def watch(self) -> None:
        """Run ours once more to see the memory, apart from the runs that are timed."""
        for name, call in self.calls().items():
            self.memory[name] = call(True).memory
        if not same_trees(self.source, self.exported):
            raise SystemExit("the exported folder is not the source")

    def other_way(self) -> dict[str, int]:
        """Go VMEvalKit's own way once; tell what came back the same."""
        for name, source, target in (
            ("images_to_parquet", self.source, self.parquet),
            ("images_from_parquet", self.parquet, self.saved),
        ):
            with tempfile.TemporaryDirectory(dir=self.source.parent) as home:
                run = run_call(name, source, target, environment=_with_home(home), watch=True)
            self.runs[name].append(run)
            self.seconds[name].append(run.seconds)
            self.memory[name] = run.memory
        counts: dict[str, int] = run_call("compare", self.source, self.saved).result
        return counts

    def row(self, title: str, name: str, base: str, limit: float | None = None) -> list[str]:
        """Make a row of the table."""
        seconds, ratio = median(self.seconds[name]), median(self.seconds[name]) / median(self.seconds[base])
        runs, memory = self.runs.get(name), self.memory.get(name)
        against = "" if base == name else f"{ratio:.2f} × {base}"
        reached = limit is None or (ratio <= limit and self._fits(name))
        target = "" if limit is None else f"≤ {limit} × {base}, ≤ {MEMORY_BYTES / 1e6:.0f} MB"
        return [
            title,
            f"{seconds:.3f}",
            f"{median(self.cpu[name]):.2f}" if name in self.cpu else "",
            f"{median(run.wall_seconds for run in runs):.3f}" if runs else "",
            against,
            megabytes(memory.pss) if memory else "",
            megabytes(memory.anonymous) if memory else "",
            megabytes(max(run.max_rss for run in runs)) if runs else "",
            target,
            "" if limit is None else yes_no(reached),
        ]

    def _time(self, name: str, command: Sequence[str | os.PathLike[str]]) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.seconds[name].append(time_command(command))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu[name].append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    def _to(self, name: str, source: Path, target: Path, num_proc: int, watch: bool) -> Run:
        remove(target)
        return run_call(name, source, target, num_proc, watch=watch)

    def _fits(self, name: str) -> bool:
        peak = max(self.memory[name].pss, *(run.max_rss for run in self.runs[name]))
        return peak <= MEMORY_BYTES


def _with_home(home: str) -> dict[str, str]:
    return {**os.environ, "HF_HOME": home, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}


def start_rows(work: Path) -> list[list[str]]:
    """Time commands that have next to nothing to do, by the script beside this interpreter."""
    script = Path(sys.executable).parent / "vmeval-hfds"
    command = [str(script)] if script.exists() else [sys.executable, "-m", "vmeval_hfds"]
    sample, dataset = str(work / "sample"), str(work / "sample-dataset")
    time_command([*command, "sample", sample])
    time_command([*command, "build", sample, dataset])
    given = {
        "--help": ["--help"],
        "info": ["info", "--dataset", dataset],
        "check": ["check", sample, "--format", "quiet"],
    }
    rows = []
    for name, limit in START_SECONDS.items():
        seconds = median(time_command([*command, *given[name]]) for _ in range(START_RUNS))
        shown = f"vmeval-hfds {name}" + ("" if name == "--help" else " of the sample")
        rows.append(
            [shown, "", "", f"{seconds:.3f}", "", "", "", "", f"≤ {limit} s", yes_no(seconds <= limit)]
        )
    return rows


def print_profiles(bench: Bench) -> None:
    """Print where the seconds of build and export go, each in one process."""
    for name, source, target in (
        ("build", bench.source, bench.dataset),
        ("export", bench.dataset, bench.exported),
    ):
        remove(target)
        print_profile(name, source, target)


def compare_all(bench: Bench, repeats: int, with_other_way: bool) -> None:
    """Measure everything and print the table."""
    for number in range(repeats):
        say(f"repeat {number + 1} of {repeats}")
        bench.repeat()
    say("memory")
    bench.watch()
    rows = [
        bench.row("cp -r", "cp -r", "cp -r"),
        bench.row("tar cf", "tar cf", "cp -r"),
        bench.row("tar xf", "tar xf", "cp -r"),
        bench.row("find | xargs sha256sum", "sha256sum", "sha256sum"),
    ]
    for name, limits in (("build", BUILD_RATIOS), ("export", EXPORT_RATIOS)):
        for processes, limit in limits.items():
            shown = f"{name}, {processes} process{'' if processes == 1 else 'es'}"
            rows.append(bench.row(shown, f"{name} {processes}", "cp -r", limit))
    rows.append(bench.row("verify", "verify", "sha256sum", VERIFY_RATIO))
    counts: dict[str, int] = {}
    if with_other_way:
        say("VMEvalKit's own way, once")
        counts = bench.other_way()
        rows.append(bench.row("Image features, to_parquet", "images_to_parquet", "cp -r"))
        rows.append(bench.row("… and back, decode and save", "images_from_parquet", "cp -r"))
    rows += start_rows(bench.source.parent)
    header = [
        "what",
        "seconds",
        "CPU s",
        "whole process",
        "ratio",
        "peak PSS MB",
        "anonymous MB",
        "max RSS MB",
    ]
    print_table([*header, "target", "reached"], rows)
    print(
        "\nSeconds are medians of the call alone, after its imports; CPU seconds those of all its processes, imports "
        "too. PSS and anonymous memory are sums over all "
        "processes, from a run of its own; max RSS is the largest process's. The exported folder is the source. Build "
        "is without decoding (--no-decode): that takes as long as Pillow takes, whatever is done beside it."
    )
    print_profiles(bench)
    if counts:
        print(
            f"VMEvalKit's own way: {_share(counts['same'], counts['files'])} of the files and "
            f"{_share(counts['same_frames'], counts['frames'])} of the frames come back with the same bytes "
            f"(leaving their tEXt chunk aside, {_share(counts['same_without_text'], counts['frames'])} of the frames)."
        )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / (whole or 1):.1f} %"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.local", description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to work; a tmpfs")
    parser.add_argument("--skip-other-way", action="store_true", help="leave VMEvalKit's own way out")
    options = parser.parse_args(arguments)
    # As where the package is installed: its modules are compiled once, not at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as work:
        bench = Bench(Path(work), options.questions)
        compare_all(bench, options.repeats, not options.skip_other_way)


if __name__ == "__main__":
    main()
