"""Spread jobs over processes or threads, and give their results back in order."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from vmeval_hfds.errors import ArgumentError, WorkerError

if TYPE_CHECKING:
    from concurrent.futures import Future

Job = TypeVar("Job")
Result = TypeVar("Result")

#: Called with the work that is done and the work in all.
Progress = Callable[[int, int], None]

#: Below this much work a second process costs more than it saves.
WORTHWHILE_BYTES = 32 * 2**20

#: How many times as long it takes to decode a picture as to read it.
DECODING_FACTOR = 30

_JOBS_AHEAD = 3


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
            raise ArgumentError(f"num_proc is {num_proc}; it must be 1 or more")
        return num_proc
    if work_bytes < WORTHWHILE_BYTES:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(function: Callable[[Job], Result], jobs: Iterable[Job], num_proc: int) -> Iterator[Result]:
    """Run a function on every job.

    Args:
        function: A function of a module; it and the jobs are sent to other processes.
        jobs: The jobs, in the order in which results are wanted; taken one by one, as processes become free.
        num_proc: How many processes; with 1 all is done in this one.

    Yields:
        The results, in the order of the jobs.

    Raises:
        WorkerError: A process was killed, for instance for want of memory.
    """
    if num_proc <= 1:
        yield from map(function, jobs)
        return
    # Small work never comes here, and need not wait for these.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # As in `datasets`: where the system can fork, a script needs no `if __name__ == "__main__"`.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(num_proc, mp_context=context, initializer=_begin_worker)
    waiting: deque[Future[Result]] = deque()
    try:
        # Fork before the jobs' iterator starts threads of its own.
        pool.submit(int).result()
        for job in jobs:
            waiting.append(pool.submit(function, job))
            if len(waiting) > num_proc * _JOBS_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise WorkerError("a worker process was killed; run again with fewer (--num-proc 1)") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A collection here would write to every object that came with the fork, and so copy the parent's memory.
    gc.freeze()
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    from multiprocessing.connection import wait

    wait([sentinel])
    os._exit(1)


def fetch_ahead(fetch: Callable[[Job], Result], jobs: Iterable[Job], at_once: int = 4) -> Iterator[Result]:
    """Run a function that mostly waits on several jobs at once, in threads.

    Yields:
        The results, in the order of the jobs; the next ones are on their way meanwhile.
    """
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(at_once)
    try:
        for job in jobs:
            waiting.append(pool.submit(fetch, job))
            if len(waiting) >= at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
