"""Run one campaign: case after case, each in a process of its own, counted by how it ended."""

import importlib
import json
import os
import pkgutil
import random
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vmeval_builders
import vmeval_hfds
from vmeval_hfds.errors import VmevalError

#: A case takes less than a second; on a busy machine, some.
HANG_SECONDS = 60
#: No case is large: what needs more memory than this was led to it.
MEMORY_BYTES = 6 * 2**30
#: What a case may end in, and what none may.
GOOD, BAD = ("exact", "refused"), ("WRONG", "traceback", "crash", "hang")
_SHOWN_CHARACTERS = 3_000


class WrongError(AssertionError):
    """What came back is not what went in, or a refusal left something behind."""


@dataclass(frozen=True)
class Campaign:
    """What is tried.

    Attributes:
        name: Its name on the command line.
        prepare: Makes, once, what all cases share, in a directory.
        case: Tries one thing that the random numbers choose, in an empty directory; gives how it ended.
    """

    name: str
    prepare: Callable[[random.Random, Path], Any]
    case: Callable[[random.Random, Path, Any], str]


@dataclass
class Report:
    """How the cases of a campaign ended.

    Attributes:
        name: The campaign's name.
        counts: Ending to number of cases.
        failures: What is bad: how to try it again, and what was seen.
    """

    name: str
    counts: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counted = ", ".join(f"{self.counts[ending]:,} {ending}" for ending in (*GOOD, *BAD))
        return f"{self.name}: {self.counts.total():,} cases: {counted}"


def run(campaign: Campaign, work: Path, seed: int, seconds: float, first: int, cases: int | None) -> Report:
    """Try cases until the time is over, or there were as many as asked for.

    Args:
        campaign: The campaign.
        work: A directory for what it writes; what is in it is removed.
        seed: What makes all random numbers, with the number of the case.
        seconds: For how long.
        first: The number of the first case.
        cases: How many; None for as many as the time has room for.
    """
    report = Report(campaign.name)
    shared = work / "shared"
    shared.mkdir(parents=True)
    _import_all()
    state = campaign.prepare(random.Random(f"{campaign.name} {seed}"), shared)
    end = time.monotonic() + seconds
    number = first
    while (number - first < cases) if cases is not None else time.monotonic() < end:
        ending, seen = _in_process(campaign, work / "case", f"{campaign.name} {seed} {number}", state)
        report.counts[ending] += 1
        if ending in BAD:
            again = (
                f"python -m tests.campaigns --only {campaign.name} --seed {seed} --first {number} --cases 1"
            )
            report.failures.append(f"{ending}: {again}\n{seen[-_SHOWN_CHARACTERS:]}")
            print(report.failures[-1], file=sys.stderr, flush=True)
        number += 1
    return report


def _import_all() -> None:
    """Import what cases need, once and not in each."""
    for package in (vmeval_builders, vmeval_hfds):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("__main__", "engine.dask")):
                importlib.import_module(module.name)
    for name in ("pandas", "PIL.PngImagePlugin", "PIL.WebPImagePlugin", "pyarrow.dataset", "datasets"):
        importlib.import_module(name)


def _in_process(campaign: Campaign, place: Path, seed: str, state: Any) -> tuple[str, str]:
    """Try a case in a process of its own, whose end tells what none of Python's errors would."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _be_the_case(campaign, place, seed, state, writing)
    os.close(writing)
    ending = _wait(pid, reading)
    os.close(reading)
    return ending


def _be_the_case(campaign: Campaign, place: Path, seed: str, state: Any, writing: int) -> None:
    try:
        os.setpgid(0, 0)
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        os.write(writing, json.dumps(_ending(campaign, place, seed, state)).encode())
    finally:
        os._exit(0)


def _ending(campaign: Campaign, place: Path, seed: str, state: Any) -> tuple[str, str]:
    try:
        return campaign.case(random.Random(seed), place, state), ""
    except VmevalError as error:
        if not str(error) or "\n" in str(error):
            return "WRONG", f"a message of other than one line: {error!r}"
        return "refused", str(error)
    except WrongError as error:
        return "WRONG", str(error)
    except BaseException:  # noqa: BLE001 - whatever it is, it is what the campaign looks for
        return "traceback", traceback.format_exc()[-_SHOWN_CHARACTERS:]


def _wait(pid: int, reading: int) -> tuple[str, str]:
    ready, _, _ = select.select([reading], [], [], HANG_SECONDS)
    said = os.read(reading, 2**16) if ready else b""
    if not ready:
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not ready:
        return "hang", f"no end after {HANG_SECONDS} seconds"
    if not said:
        return "crash", f"the process ended with status {status}"
    ending, seen = json.loads(said)
    return ending, seen
