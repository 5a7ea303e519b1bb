"""Time and peak memory of work that runs in fresh processes, and tables of what was found."""

import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_EVERY_SECONDS = 0.02
#: How many lines tell where the seconds of a call go.
PROFILE_LINES = 15


@dataclass
class Memory:
    """The most memory that a process, all below it and those beside it held at one time, in bytes; 0 where it was not looked at.

    Attributes:
        pss: Proportional set size: shared pages count once over all processes; pages of mapped files count too.
        anonymous: Resident memory that no file backs; pages that forked processes share count in each.
    """

    pss: int = 0
    anonymous: int = 0


@dataclass(frozen=True)
class Run:
    """One run of a call of `tests.benchmarks.calls` in a process of its own, or of a command.

    Attributes:
        seconds: The call alone, after the imports.
        wall_seconds: The whole process, from its start to its end.
        cpu_seconds: The processor time of all its processes, the imports too: others on the machine change it less.
        max_rss: The largest resident set of any one of its processes, in bytes, as the system's ``ru_maxrss``; 0 for
            a command.
        result: What the call returned.
        memory: The peaks over the process tree, if they were looked at.
    """

    seconds: float
    wall_seconds: float
    cpu_seconds: float
    max_rss: int
    result: Any
    memory: Memory = field(default_factory=Memory)


def run_call(
    name: str,
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    watch: bool = False,
    beside: Sequence[int] = (),
    every_seconds: float = SAMPLE_EVERY_SECONDS,
) -> Run:
    """Run a call in a fresh process.

    Args:
        name: A function of `tests.benchmarks.calls`.
        arguments: Its arguments, passed as text.
        environment: The process's whole environment; None is this one's.
        watch: Look at the memory of the process tree meanwhile. That takes processor time, so a run that is
            watched should not be the one whose seconds are told.
        beside: Processes that work for it, such as a cluster's; their memory counts too.
        every_seconds: How often the memory is looked at.

    Raises:
        SystemExit: The call failed; it has said why on stderr.
    """
    command = [sys.executable, "-m", "tests.benchmarks.calls", name, *map(str, arguments)]
    start = time.perf_counter()
    # This process stays small: ru_maxrss of a child starts at what its parent held.
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as child:
        memory, ended = Memory(), threading.Event()
        roots = [child.pid, *beside]
        watcher = threading.Thread(target=_watch, args=(roots, memory, ended, every_seconds), daemon=True)
        if watch:
            watcher.start()
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall_seconds = time.perf_counter() - start
        ended.set()
        if watch:
            watcher.join()
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    report = json.loads(output.splitlines()[-1])
    unit = 1 if sys.platform == "darwin" else 1024
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(report["seconds"], wall_seconds, cpu_seconds, usage.ru_maxrss * unit, report["result"], memory)


def run_command(command: Sequence[object], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command that must succeed, its output thrown away.

    Args:
        command: The command.
        environment: Its whole environment; None is this one's.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    words = [str(word) for word in command]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Run(seconds, seconds, cpu_seconds, 0, None)


def count_files(folder: Path) -> int:
    """Count the files of a folder."""
    return sum(len(names) for _, _, names in os.walk(folder))


def folder_bytes(folder: Path) -> int:
    """Sum up the sizes of a folder's files, none of which is remembered: this process stays small."""
    return sum(os.stat(f"{above}/{name}").st_size for above, _, names in os.walk(folder) for name in names)


def same_trees(one: Path, other: Path, *, excluded: Sequence[str] = ()) -> bool:
    """Whether ``diff -r`` finds nothing."""
    options = [f"--exclude={name}" for name in excluded]
    return subprocess.run(["diff", "-rq", *options, one, other], check=False).returncode == 0


def remove(*paths: Path) -> None:
    """Remove folders and files, where they are there."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print an aligned table: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def print_profile(name: str, source: Path, target: Path) -> None:
    """Print where a call's processor time goes, in one process."""
    found = run_call("profile", name, source, target).result
    total = sum(seconds for seconds, _ in found["stages"])
    for title, lines in found.items():
        rows = [
            [where, f"{seconds:.2f}", f"{100 * seconds / total:.1f} %"]
            for seconds, where in lines[:PROFILE_LINES]
        ]
        print(f"\nWhere {name} spends {total:.2f} CPU seconds in one process:")
        print_table([title, "seconds", "share"], rows)


def megabytes(size_bytes: float) -> str:
    """Write a size in MB (10⁶ bytes)."""
    return f"{size_bytes / 1e6:.0f}" if size_bytes >= 10e6 else f"{size_bytes / 1e6:.2f}"


def yes_no(reached: bool) -> str:
    """Say whether a target was reached, so that a miss is easy to see."""
    return "yes" if reached else "NO"


def say(text: str) -> None:
    """Tell on stderr what is going on."""
    print(text, file=sys.stderr, flush=True)


def _watch(roots: Sequence[int], memory: Memory, ended: threading.Event, every_seconds: float) -> None:
    """Note the peaks of process trees until the first has ended; only Linux tells them."""
    while not ended.wait(every_seconds):
        tree = _tree(roots)
        memory.pss = max(memory.pss, sum(_proc_bytes(f"/proc/{one}/smaps_rollup", "Pss:") for one in tree))
        memory.anonymous = max(
            memory.anonymous, sum(_proc_bytes(f"/proc/{one}/status", "RssAnon:") for one in tree)
        )


def _tree(roots: Sequence[int]) -> list[int]:
    """List processes and all below them."""
    found = list(roots)
    for one in found:
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())
        except OSError:
            continue  # it has ended meanwhile
    return found


def _proc_bytes(path: str, key: str) -> int:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), 0)
