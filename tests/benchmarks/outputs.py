"""Build, export and verify runs with large videos beside ``cp -r -p``: ``python -m tests.benchmarks.outputs``.

Memory is looked at with larger videos and with more runs, too: row groups are sized by bytes, so it must not grow.
The directory needs room for three times the runs, and eight times for a while where there are more runs.
"""

import argparse
import json
import os
import random
import shutil
import struct
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import median

from tests.benchmarks.folder import write_questions
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

COPY = "cp -r -p"
CALLS = ("build", "export", "verify")
#: The most that a call may take, as a multiple of the time of the copy.
RATIOS = {"build": 1.2, "export": 1.0}
MODELS = ("luma-ray-2", "veo-3.0-generate")
FAILED_EVERY = 25
NOT_RUN_EVERY = 20
#: How much more memory than at the first size may be taken at another.
FLAT_RATIO = 1.25
#: The other sizes: so many times larger videos, and so many times more runs.
LARGER_VIDEOS = 10
MORE_RUNS = 4

_FTYP = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 512, b"isom", b"mp41")
_BEGIN = datetime(2026, 1, 1)


@dataclass(frozen=True)
class Size:
    """How many runs, and how large their videos are."""

    runs: int
    video_bytes: int

    def __str__(self) -> str:
        """Name the size as the table does."""
        return f"{self.runs:,} × {self.video_bytes / 1e6:g} MB"


def write_outputs(target: Path, size: Size, seed: int = 0) -> Path:
    """Write ``pilot/{model}/{domain}_task/{task_id}/{run_id}/`` as VMEvalKit's runner does.

    Two models run the questions of `write_questions`; some runs have failed, and some tasks were not run yet.
    """
    questions = -(-size.runs // len(MODELS))
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-questions-", dir=target.parent) as name:
        write_questions(Path(name), questions + 1 + questions // NOT_RUN_EVERY, seed)
        tasks = sorted(Path(name).glob("*_task/*"))
        random.Random(seed).shuffle(tasks)
        for number, (task, model) in enumerate(product(tasks, MODELS)):
            folder = target / "pilot" / model / task.parent.name / task.name
            folder.mkdir(parents=True)
            if number < size.runs:
                _write_run(folder, task, model, number, size.video_bytes)
    return target


def _write_run(folder: Path, task: Path, model: str, number: int, video_bytes: int) -> None:
    started = _BEGIN + timedelta(seconds=97 * number)
    run = folder / f"{model}_{task.name}_{started:%Y%m%d_%H%M%S}"
    video = run / "video" / f"{model}_{started:%Y%m%d_%H%M%S}_{number:06d}.mp4"
    video.parent.mkdir(parents=True)
    failed = number % FAILED_EVERY == FAILED_EVERY - 1
    if not failed:
        video.write_bytes(_video(video_bytes, random.Random(number)))
    (run / "question").mkdir()
    for file in sorted(task.iterdir()):
        shutil.copy2(file, run / "question")
    metadata = _metadata(run, task, model, started, None if failed else video)
    (run / "metadata.json").write_text(json.dumps(metadata, indent=2), encoding="utf-8")


def _video(size_bytes: int, generator: random.Random) -> bytes:
    """Give an MP4's header and a box of bytes that cannot be compressed."""
    body = max(8, size_bytes - len(_FTYP))
    return _FTYP + struct.pack(">I4s", body, b"mdat") + generator.randbytes(body - 8)


def _metadata(run: Path, task: Path, model: str, started: datetime, video: Path | None) -> dict[str, object]:
    """Give what VMEvalKit's runner states of a run; it leaves out what is null."""
    question = json.loads((task / "question_metadata.json").read_bytes())
    place = f"data/outputs/{run.parent.relative_to(run.parents[4])}/{run.name}"
    error = {} if video else {"error": "429 Too Many Requests — quota exceeded"}
    made = {"video_path": f"{place}/video/{video.name}"} if video else {}
    inference = {
        "run_id": run.name,
        "model": model,
        "timestamp": started.isoformat(),
        "status": "success" if video else "failed",
        "duration_seconds": 61.25,
    }
    return {
        "inference": inference | error,
        "input": {
            "prompt": question["prompt"],
            "image_path": f"data/questions/{task.parent.name}/{task.name}/first_frame.png",
            "question_id": task.name,
        },
        "output": {**made, "generation_id": "ba584a01bac4" if video else "unknown"},
        "paths": {
            "inference_dir": place,
            "video_dir": f"{place}/video",
            "question_dir": f"{place}/question",
        },
        "question_data": question,
    }


class Bench:
    """Folders of one size, and what was measured with them.

    Args:
        work: An empty directory.
        size: How many runs, with which videos.
        num_proc: How many processes, as text; empty chooses.
    """

    def __init__(self, work: Path, size: Size, num_proc: str):
        self.size, self.num_proc = size, num_proc
        self.source, self.copy = work / "outputs", work / "copy"
        self.dataset, self.exported = work / "dataset", work / "exported"
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.runs: dict[str, list[Run]] = defaultdict(list)
        self.memory: dict[str, Memory] = {}
        made = run_call("outputs", self.source, size.runs, size.video_bytes)
        self.source_bytes = sum(path.stat().st_size for path in self.source.rglob("*") if path.is_file())
        say(f"{size}, {made.result} files, {megabytes(self.source_bytes)} MB, made in {made.seconds:.1f} s")

    def call(self, name: str, watch: bool = False) -> Run:
        """Run one of `CALLS`; what it makes is removed before."""
        source, target = {
            "build": (self.source, self.dataset),
            "export": (self.dataset, self.exported),
            "verify": (self.exported, self.dataset),
        }[name]
        if name != "verify":
            remove(target)
        run = run_call(name, source, target, self.num_proc, watch=watch)
        if name == "verify" and not run.result:
            raise SystemExit("verify found differences")
        return run

    def repeat(self) -> None:
        """Run everything that is compared once, one after the other."""
        for made in (self.copy, self.dataset, self.exported):
            remove(made)
        self.seconds[COPY].append(time_command(["cp", "-r", "-p", self.source, self.copy]))
        remove(self.copy)
        for name in CALLS:
            run = self.call(name)
            self.runs[name].append(run)
            self.seconds[name].append(run.seconds)

    def watch(self, keep_source: bool) -> None:
        """Run ours once more to see the memory, apart from the runs that are timed."""
        for name in CALLS:
            self.memory[name] = self.call(name, watch=True).memory
            if name == "build" and not keep_source:
                remove(self.source)

    def check(self) -> None:
        """Make sure that the exported folder is the source, with the times of its files and folders."""
        if not same_trees(self.source, self.exported):
            raise SystemExit("the exported folder is not the source")
        if times(self.source) != times(self.exported):
            raise SystemExit("the exported folder has other times than the source")

    def time_row(self, name: str) -> list[str]:
        """Make a row with the seconds."""
        seconds, limit = median(self.seconds[name]), RATIOS.get(name)
        ratio = seconds / median(self.seconds[COPY])
        runs, memory = self.runs.get(name), self.memory.get(name)
        return [
            f"{name}, {self.size}",
            f"{seconds:.3f}",
            f"{median(run.wall_seconds for run in runs):.3f}" if runs else "",
            f"{self.source_bytes / seconds / 1e6:.0f}",
            f"{ratio:.2f} × {COPY}" if runs else "",
            *_memory_cells(memory),
            "",
            f"≤ {limit} × {COPY}" if limit else "",
            yes_no(ratio <= limit) if limit else "",
        ]

    def memory_row(self, name: str, first: Memory) -> list[str]:
        """Make a row with the memory alone, beside that at the first size."""
        ratio = self.memory[name].pss / max(1, first.pss)
        cells = _memory_cells(self.memory[name])
        return [
            f"{name}, {self.size}",
            "",
            "",
            "",
            "",
            *cells,
            f"{ratio:.2f}",
            f"≤ {FLAT_RATIO} × first",
            yes_no(ratio <= FLAT_RATIO),
        ]


def times(folder: Path) -> dict[str, int]:
    """Give the modification time of a folder and of all in it, in nanoseconds."""
    return {os.path.relpath(path, folder): path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


def _memory_cells(memory: Memory | None) -> list[str]:
    return [megabytes(memory.pss), megabytes(memory.anonymous)] if memory else ["", ""]


def compare_all(work: Path, size: Size, repeats: int, num_proc: str) -> None:
    """Measure everything and print the table."""
    bench = Bench(work, size, num_proc)
    for number in range(repeats):
        say(f"repeat {number + 1} of {repeats}")
        bench.repeat()
    say("memory")
    bench.watch(keep_source=True)
    bench.check()
    rows = [bench.time_row(name) for name in (COPY, *CALLS)]
    profiled = (("build", bench.source, bench.dataset), ("export", bench.dataset, bench.exported))
    for name, source, target in profiled:
        remove(target)
        print_profile(name, source, target)
    clear(work)
    for other in other_sizes(size):
        at_other = Bench(work, other, num_proc)
        at_other.watch(keep_source=False)
        rows += [at_other.memory_row(name, bench.memory[name]) for name in ("build", "export")]
        clear(work)
    header = ["what", "seconds", "whole process", "MB/s", "ratio", "peak PSS MB", "anonymous MB"]
    print_table([*header, "PSS × first", "target", "reached"], rows)
    print(
        "\nSeconds are medians of the call alone, after its imports. PSS and anonymous memory are sums over all "
        "processes, from a run of its own. The exported folder is the source, with all times in nanoseconds."
    )


def other_sizes(size: Size) -> list[Size]:
    """Give the sizes at which memory must be the same: as many bytes in larger videos, and more runs."""
    return [
        Size(max(1, size.runs // LARGER_VIDEOS), size.video_bytes * LARGER_VIDEOS),
        replace(size, runs=size.runs * MORE_RUNS),
    ]


def clear(work: Path) -> None:
    """Remove all that lies in a directory."""
    for path in work.iterdir():
        remove(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.outputs", description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--video-bytes", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to work; a tmpfs")
    parser.add_argument("--num-proc", default="", help="how many processes; chosen where it is not stated")
    options = parser.parse_args(arguments)
    size = Size(options.runs, options.video_bytes)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as work:
        compare_all(Path(work), size, options.repeats, options.num_proc)


if __name__ == "__main__":
    main()
