"""Spread jobs over processes, threads or somebody else's machines, and give their results back in order."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vmeval_builders.sources.source import Run
from vmeval_builders.sources.urls import Url, is_source_url, nearest_there, reach
from vmeval_hfds.engine.dask import submit_of
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.errors import ArgumentError, WorkerError

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future, ProcessPoolExecutor

Job = TypeVar("Job")
Result = TypeVar("Result")

#: Called with the work that is done and the work in all.
Progress = Callable[[int, int], None]

#: Below this much work a second process costs more than it saves.
WORTHWHILE_BYTES = 32 * 2**20

#: How many times as long it takes to decode a picture as to read it.
DECODING_FACTOR = 30

_JOBS_AHEAD = 3

#: How many jobs an executor has at once; nobody knows how many workers stand behind it.
_JOBS_THERE = 64

#: So long may workers of an executor be at something else before they say whether they see a place.
_ANSWER_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Engine:
    """Where work is done.

    Attributes:
        num_proc: How many processes of this machine; None chooses by the machine and the work.
        executor: Does the work in their place, on whatever machines it knows: Python's own interface, which Dask,
            MPI and others offer.
    """

    num_proc: int | None = None
    executor: Executor | None = None
    _kept: _Kept | None = field(default=None, repr=False, compare=False)
    _seen: set[str] = field(default_factory=set, repr=False, compare=False)

    @contextmanager
    def keeping_workers(self) -> Iterator[Engine]:
        """Give the same, but processes that were started stay for what is run next, until this ends.

        A process that is forked has all that there is: what the first run finds is in no worker's memory then.
        """
        kept = _Kept()
        try:
            yield replace(self, _kept=kept)
        finally:
            kept.end()

    def end_workers(self) -> None:
        """End the processes that stay, whose memory is given back; where more is to be run, others start."""
        if self._kept:
            self._kept.end()

    def run(
        self, function: Callable[[Job], Result], jobs: Iterable[Job], work_bytes: int, splits: bool = True
    ) -> Iterator[Result]:
        """Run a function on every job, on as many workers as the work is worth.

        Args:
            function: A function of a module; it and the jobs are sent to other processes.
            jobs: The jobs, in the order in which results are wanted; taken one by one, as workers become free.
            work_bytes: How many bytes will be read.
            splits: Whether several read faster than one; if not, all is done in this process.

        Yields:
            The results, in the order of the jobs.

        Raises:
            ValueError: `num_proc` is below one.
            WorkerError: A worker was killed, for instance for want of memory.
        """
        workers = processes(self.num_proc, work_bytes)
        if self.executor is None or not splits:
            return run(function, jobs, workers if splits else 1, self._kept)
        return run_there(self.executor, function, jobs)

    def works_here(self, work_bytes: int) -> bool:
        """Whether `run` does such work in this process.

        Raises:
            ValueError: `num_proc` is below one.
        """
        return self.executor is None and processes(self.num_proc, work_bytes) == 1

    def seeing(self, folder: str | os.PathLike[str]) -> Run:
        """Give `run` for whoever walks a folder: before the first job, workers are asked whether they see it."""

        def run(
            function: Callable[[Job], Result], jobs: Iterable[Job], work_bytes: int, /
        ) -> Iterable[Result]:
            self.require(Url(str(folder)) if is_source_url(folder) else Path(folder))
            if self.works_here(work_bytes):
                return self.run(function, jobs, work_bytes)
            return map(_unpacked, self.run(partial(_packed, function), jobs, work_bytes))

        return run

    def require(self, *places: object) -> None:
        """Refuse to begin where workers of an executor do not see what they need; of each place they are asked once.

        Args:
            places: Folders or files, at the path or URL that the workers need them at.

        Raises:
            WorkerError: One does not see a place; the message says which machine. Or none answers.
        """
        wanted = [os.path.abspath(place) for place in places if isinstance(place, Path)]
        wanted += [str(place) for place in places if isinstance(place, Url)]
        wanted = [place for place in wanted if place not in self._seen]
        if self.executor is None or not wanted:
            return
        asked = [(number, wanted) for number in range(_JOBS_THERE)]
        for machine, missing in run_there(self.executor, _unseen, asked, _ANSWER_SECONDS):
            if missing:
                raise WorkerError(
                    f"{missing[0]}: the worker on {machine} does not see it; every worker needs it at this path or URL, "
                    "so nothing was begun"
                )
        self._seen.update(wanted)

    def require_target(self, place: Path | str) -> None:
        """Refuse to begin where workers do not see what they write to; of a URL, the nearest above that is there.

        Raises:
            WorkerError: One does not see it; the message says which machine.
        """
        if self.executor is not None:
            self.require(place if isinstance(place, Path) else nearest_there(place))


def _packed(function: Callable[[Job], Any], job: Job) -> _Packed:
    """Do a job of a walk in a worker that stays for other work, and leave it nothing of what was found."""
    packed = _Packed(pickle.dumps(function(job)))
    give_back()
    return packed


def _unpacked(packed: _Packed) -> Any:  # noqa: ANN401 - whatever was packed
    return pickle.loads(packed.content)  # noqa: S301 (this program packed it)


#: Does all in this process.
IN_THIS_PROCESS = Engine(1)


def _unseen(asked: tuple[int, list[str]]) -> tuple[str, list[str]]:
    import socket

    return socket.gethostname(), [place for place in asked[1] if not _is_seen(place)]


def _is_seen(place: str) -> bool:
    if not is_source_url(place):
        return Path(place).exists()
    system, root = reach(place)
    try:
        return bool(system.exists(root))
    except Exception:  # noqa: BLE001 (each store has its own, such as for credentials that are missing)
        return False


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


class _Kept:
    """Workers that stay between runs."""

    def __init__(self) -> None:
        self._pools: dict[int, ProcessPoolExecutor] = {}

    def started(self, num_proc: int) -> ProcessPoolExecutor:
        """Give so many workers."""
        if num_proc not in self._pools:
            self._pools[num_proc] = _started(num_proc)
        return self._pools[num_proc]

    def end(self) -> None:
        """End all."""
        while self._pools:
            self._pools.popitem()[1].shutdown(wait=True, cancel_futures=True)


def run(
    function: Callable[[Job], Result], jobs: Iterable[Job], num_proc: int, kept: _Kept | None = None
) -> Iterator[Result]:
    """Run a function on every job.

    Args:
        function: A function of a module; it and the jobs are sent to other processes.
        jobs: The jobs, in the order in which results are wanted; taken one by one, as processes become free.
        num_proc: How many processes; with 1 all is done in this one.
        kept: Has the processes; None starts some for this alone.

    Yields:
        The results, in the order of the jobs.

    Raises:
        WorkerError: A process was killed, for instance for want of memory.
    """
    if num_proc <= 1:
        yield from map(function, jobs)
        return
    # Small work never comes here, and need not wait for it.
    from concurrent.futures import wait
    from concurrent.futures.process import BrokenProcessPool

    own = _Kept()
    pool = (kept or own).started(num_proc)
    waiting: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(function, job))
            if len(waiting) > num_proc * _JOBS_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise WorkerError("a worker process was killed; run again with fewer (--num-proc 1)") from error
    finally:
        # Whoever goes on, or clears away what jobs wrote, does so when none is at work any more.
        wait([future for future in waiting if not future.cancel()])
        own.end()


def _started(num_proc: int) -> ProcessPoolExecutor:
    """Start workers, and end those that there are where one cannot be started.

    Raises:
        WorkerError: The system gives too little for it.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # As in `datasets`: where the system can fork, a script needs no `if __name__ == "__main__"`.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    others = set(multiprocessing.active_children())
    try:
        pool = ProcessPoolExecutor(num_proc, mp_context=context, initializer=_begin_worker)
        # Fork before the jobs' iterator starts threads of its own.
        pool.submit(int).result()
    except (RuntimeError, OSError) as error:
        reason = str(error)
    else:
        return pool
    # Workers that nobody talks to would be waited for when this process ends.
    for worker in set(multiprocessing.active_children()) - others:
        worker.kill()
        worker.join()
    # The error is gone, and with it the pipes of a half-made pool: whoever cleans up needs what they took.
    pool = None  # type: ignore[assignment]
    gc.collect()
    raise WorkerError(
        f"no workers can be started ({reason}); give this process more threads, memory or open files "
        "(ulimit -u, -v, -n), or use --num-proc 1"
    )


def run_there(
    executor: Executor,
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    most_seconds: float | None = None,
) -> Iterator[Result]:
    """Run a function on every job, on an executor that stays open.

    Args:
        executor: Does the work.
        function: A function of a module; it and the jobs are sent to workers.
        jobs: The jobs, in the order in which results are wanted.
        most_seconds: How long a result is waited for; None waits for as long as it takes.

    Yields:
        The results, in the order of the jobs.

    Raises:
        WorkerError: The executor lost a worker for good, cannot be reached, or gave no result in time.
    """
    submit = submit_of(executor)
    waiting: deque[Future[Result]] = deque()
    # An executor may know a call by its arguments and give an earlier one's result, whose files are gone.
    name = uuid.uuid4().hex
    try:
        for number, job in enumerate(jobs):
            waiting.append(submit(_call, f"{name}-{number}", function, _Packed(pickle.dumps(job))))
            if len(waiting) >= _JOBS_THERE:
                yield _result(waiting.popleft(), most_seconds)
        while waiting:
            yield _result(waiting.popleft(), most_seconds)
    finally:
        for future in waiting:
            future.cancel()


@dataclass(frozen=True, slots=True)
class _Packed:
    """A job on its way to a worker, or what it gave on its way back.

    What Dask is given, its scheduler takes apart and puts together again; bytes pass through as they are. A token may
    be among them, so nothing shows them.
    """

    content: bytes = field(repr=False)


def _call(name: str, function: Callable[[Job], Result], packed: _Packed) -> Result:
    del name
    return function(_unpacked(packed))


def _result(future: Future[Result], most_seconds: float | None) -> Result:
    from concurrent.futures import BrokenExecutor, CancelledError

    try:
        return future.result(most_seconds)
    except TimeoutError as error:
        if most_seconds is None:
            raise  # the job's own
        future.cancel()
        raise WorkerError(
            f"no worker answered in {most_seconds:g} seconds, so nothing was begun; start some, or run again when "
            "they are free"
        ) from error
    except (BrokenExecutor, CancelledError) as error:
        raise WorkerError("a worker was killed, or its executor closed; run again") from error
    except Exception as error:
        # Dask's words for a job whose workers died again and again; Dask itself may not be installed here.
        if type(error).__name__ in ("KilledWorker", "FutureCancelledError"):
            raise WorkerError(
                f"workers were killed again and again ({error}); give them more memory"
            ) from error
        raise


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A collection here would write to every object that came with the fork, and so copy the parent's memory.
    gc.freeze()
    from multiprocessing import parent_process

    parent = parent_process()
    # Without a thread to watch it, a parent that is killed outright leaves this worker behind; it works all the same.
    with suppress(RuntimeError):
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
