"""Spread jobs over processes, and give their results back in order."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from vmeval_hfds.errors import WorkerError

Job = TypeVar("Job")
Result = TypeVar("Result")

#: Called with the work that is done and the work in all.
Progress = Callable[[int, int], None]

#: Below this much work a second process costs more than it saves.
WORTHWHILE_BYTES = 32 * 2**20


def processes(num_proc: int | None, work_bytes: int) -> int:
    """Decide how many processes to use.

    Args:
        num_proc: What the caller asked for; None chooses by the machine and the work.
        work_bytes: How many bytes will be read.

    Raises:
        ValueError: `num_proc` is below one.
    """
    if num_proc is not None:
        if num_proc < 1:
            raise ValueError(f"num_proc is {num_proc}; it must be 1 or more")
        return num_proc
    if work_bytes < WORTHWHILE_BYTES:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(function: Callable[[Job], Result], jobs: Sequence[Job], num_proc: int) -> Iterator[Result]:
    """Run a function on every job.

    Args:
        function: A function of a module; it and the jobs are sent to other processes.
        jobs: The jobs, in the order in which results are wanted.
        num_proc: How many processes; with 1 (or one job) all is done in this one.

    Yields:
        The results, in the order of the jobs.

    Raises:
        WorkerError: A process was killed, for instance for want of memory.
    """
    workers = min(num_proc, len(jobs))
    if workers <= 1:
        yield from map(function, jobs)
        return
    # As in `datasets`: where the system can fork, a script needs no `if __name__ == "__main__"`.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context)
    try:
        yield from pool.map(function, jobs)
    except BrokenProcessPool as error:
        raise WorkerError("a worker process was killed; run again with fewer (--num-proc 1)") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
