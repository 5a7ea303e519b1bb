"""Build, export and verify beside ``cp -r`` and ``sha256sum``: ``python -m tests.benchmarks.local``."""

import argparse
import os
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
    print_table,
    remove,
    run_call,
    same_trees,
    say,
    time_command,
    yes_no,
)

BUILD_RATIO = 1.0
EXPORT_RATIO = 0.6
VERIFY_RATIO = 1.2
MEMORY_BYTES = 400e6
HELP_SECONDS = 0.15
HELP_RUNS = 9


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
        self.runs: dict[str, list[Run]] = defaultdict(list)
        self.memory: dict[str, Memory] = {}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        made = run_call("folder", self.source, questions)
        size = sum(path.stat().st_size for path in self.source.rglob("*") if path.is_file())
        say(f"{questions} questions, {made.result} files, {megabytes(size)} MB, made in {made.seconds:.1f} s")

    def calls(self) -> dict[str, Callable[[bool], Run]]:
        """Give what is measured of ours, in an order in which each finds what it needs."""
        return {
            "build": self._build,
            "export": lambda watch: self._to("export", self.dataset, self.exported, watch),
            "verify": lambda watch: run_call("verify", self.source, self.dataset, watch=watch),
        }

    def repeat(self) -> None:
        """Run everything that is compared once, one after the other."""
        remove(self.copy)
        self.seconds["cp -r"].append(time_command(["cp", "-r", self.source, self.copy]))
        remove(self.copy)
        pipe = f"find {shlex.quote(str(self.source))} -type f -print0 | xargs -0 sha256sum"
        self.seconds["sha256sum"].append(time_command(["sh", "-c", pipe]))
        for name, call in self.calls().items():
            run = call(False)
            self.runs[name].append(run)
            self.seconds[name].append(run.seconds)
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
        reached = limit is None or (ratio <= limit and (not _limits_memory(name) or self._fits(name)))
        target = "" if limit is None else f"≤ {limit} × {base}"
        if limit is not None and _limits_memory(name):
            target += f", < {MEMORY_BYTES / 1e6:.0f} MB"
        return [
            title,
            f"{seconds:.3f}",
            f"{median(run.wall_seconds for run in runs):.3f}" if runs else "",
            against,
            megabytes(memory.pss) if memory else "",
            megabytes(memory.anonymous) if memory else "",
            megabytes(max(run.max_rss for run in runs)) if runs else "",
            target,
            "" if limit is None else yes_no(reached),
        ]

    def _build(self, watch: bool) -> Run:
        return self._to("build", self.source, self.dataset, watch)

    def _to(self, name: str, source: Path, target: Path, watch: bool) -> Run:
        remove(target)
        return run_call(name, source, target, watch=watch)

    def _fits(self, name: str) -> bool:
        peak = max(self.memory[name].pss, *(run.max_rss for run in self.runs[name]))
        return peak < MEMORY_BYTES


def _limits_memory(name: str) -> bool:
    return name in ("build", "export")


def _with_home(home: str) -> dict[str, str]:
    return {**os.environ, "HF_HOME": home, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}


def help_seconds() -> float:
    """Time ``vmeval-hfds --help``, the script beside this interpreter."""
    script = Path(sys.executable).parent / "vmeval-hfds"
    command = [script] if script.exists() else [sys.executable, "-m", "vmeval_hfds"]
    return median(time_command([*command, "--help"]) for _ in range(HELP_RUNS))


def compare_all(bench: Bench, repeats: int, with_other_way: bool) -> None:
    """Measure everything and print the table."""
    for number in range(repeats):
        say(f"repeat {number + 1} of {repeats}")
        bench.repeat()
    say("memory")
    bench.watch()
    rows = [
        bench.row("cp -r", "cp -r", "cp -r"),
        bench.row("find | xargs sha256sum", "sha256sum", "sha256sum"),
        bench.row("build", "build", "cp -r", BUILD_RATIO),
        bench.row("export", "export", "cp -r", EXPORT_RATIO),
        bench.row("verify", "verify", "sha256sum", VERIFY_RATIO),
    ]
    counts: dict[str, int] = {}
    if with_other_way:
        say("VMEvalKit's own way, once")
        counts = bench.other_way()
        rows.append(bench.row("Image features, to_parquet", "images_to_parquet", "cp -r"))
        rows.append(bench.row("… and back, decode and save", "images_from_parquet", "cp -r"))
    seconds = help_seconds()
    reached = yes_no(seconds < HELP_SECONDS)
    rows.append(["vmeval-hfds --help", "", f"{seconds:.3f}", "", "", "", "", f"< {HELP_SECONDS} s", reached])
    header = ["what", "seconds", "whole process", "ratio", "peak PSS MB", "anonymous MB", "max RSS MB"]
    print_table([*header, "target", "reached"], rows)
    print(
        "\nSeconds are medians of the call alone, after its imports. PSS and anonymous memory are sums over all "
        "processes, from a run of its own; max RSS is the largest process's. The exported folder is the source."
    )
    if counts:
        print(
            f"VMEvalKit's own way: {_share(counts['same'], counts['files'])} of the files and "
            f"{_share(counts['same_frames'], counts['frames'])} of the frames come back with the same bytes "
            f"(leaving their tEXt chunk aside, {_share(counts['same_without_text'], counts['frames'])} of the frames)."
        )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.local", description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to work; a tmpfs")
    parser.add_argument("--skip-other-way", action="store_true", help="leave VMEvalKit's own way out")
    parser.add_argument("--profile", choices=["build", "export"], help="only profile this, in one process")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as work:
        bench = Bench(Path(work), options.questions)
        if options.profile == "build":
            run_call("profile", "build", bench.source, bench.dataset)
        elif options.profile == "export":
            run_call("build", bench.source, bench.dataset)
            run_call("profile", "export", bench.dataset, bench.exported)
        else:
            compare_all(bench, options.repeats, not options.skip_other_way)


if __name__ == "__main__":
    main()
