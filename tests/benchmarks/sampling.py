"""Where a call's processor time goes, by stage and by function.

A timer of processor time interrupts the main thread, which looks at the stacks of all. Unlike a profiler that is
called at each function, this adds next to nothing, and so nothing to what consists of many small calls.
"""

import linecache
import re
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

_EVERY_SECONDS = 0.002
#: What of a file's path names it, without a place on this machine.
_MODULE_PARTS = 3

#: Stages in the order in which they are tried: a frame is of the first that its ``module function: line`` is found
#: in, and time is of the innermost frame that is of any.
STAGES = {
    "hash": r"table/behind\.py GrowingFile|: .*(sha256\(|file_digest\()",
    "tokens": r"secrets\.py|tokens_in",
    "JSON": r"json_values\.py|json/(de|en)coder\.py",
    "read": r"sources/\w+\.py (\S*\.)?_?(read|head|open_file)|arrow/arena\.py",
    "walk": r"vmeval_builders/(sources/\w+|scan|entries|file_list|unit_list|choice)\.py",
    "layouts": r"vmeval_builders/layouts/",
    "names, checks": r"vmeval_builders/(paths|checks|frames|findings|manifest)\.py|folder/(check|plain)\.py",
    "pages": r"pyarrow/parquet/|table/(parquet|pages|thrift|reader|columns)\.py",
    "list": r"list(ing|ed)\w*\.py|table/(by_path|difference|naming)\.py|folder/(sides|record|remember|select|plan)\.py",
    "card": r"table/card\.py|gallery/",
    "files written": r"folder/(writer|held|jobs|places)\.py",
    "rows": r"vmeval_builders/(rows|arrow/\w+)\.py|table/shards\.py",
    "imports": r"importlib",
}
OTHER = "other"
#: The time of threads that run no Python, such as Arrow's, or that ended before they were looked at again, such as one
#: that hashed a shard.
UNSEEN = "threads that were not seen"

Seconds = list[tuple[float, str]]


class Sampler:
    """Looks at the stacks of all threads while it is entered; it has to be entered in the main thread, on Linux.

    Attributes:
        stages: Stage to seconds of processor time.
        functions: Module and function to seconds.
    """

    def __init__(self) -> None:
        self.stages: dict[str, float] = defaultdict(float)
        self.functions: dict[str, float] = defaultdict(float)
        self._before: dict[int, float] = {}
        self._begun = 0.0

    def __enter__(self) -> "Sampler":
        self._begun = time.process_time()
        self._before = {thread: _thread_seconds(thread) for thread in sys._current_frames()}
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS)
        return self

    def __exit__(self, *exc: object) -> None:
        # First of all, or a look that was on its way would wind the timer up again.
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_PROF, 0)
        unseen = time.process_time() - self._begun - sum(self.stages.values())
        self.stages[UNSEEN] += max(0.0, unseen)
        self.functions[UNSEEN] += max(0.0, unseen)

    def _look(self, _number: int, interrupted: FrameType | None) -> None:
        # A signal waits until a function of C has ended, so time is told by each thread's clock, not by counting.
        for thread, innermost in sys._current_frames().items():
            frame = interrupted if thread == threading.get_ident() else innermost
            try:
                now = _thread_seconds(thread)
            except ProcessLookupError:
                # It is ending. The call that was interrupted must not take this for an error of its own.
                continue
            before = self._before.get(thread, 0.0)
            spent = (
                now - before if now >= before else now
            )  # A new thread may have the number of one that ended.
            self._before[thread] = now
            described = list(_described(frame))
            self.stages[next(filter(None, map(_stage, described)), OTHER)] += spent
            self.functions[_function(described)] += spent
        # One at a time: a look must not be looked at.
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS)


def sampled(call: Callable[[], object]) -> dict[str, Seconds]:
    """Make a call and tell where its seconds went: by stage, and by function, the most first."""
    with Sampler() as sampler:
        call()
    found = {"stages": sampler.stages, "functions": sampler.functions}
    return {
        name: sorted(((spent, key) for key, spent in one.items()), reverse=True)
        for name, one in found.items()
    }


def _thread_seconds(thread: int) -> float:
    return time.clock_gettime(time.pthread_getcpuclockid(thread))


def _described(frame: FrameType | None) -> Iterator[str]:
    """Tell of each frame, from the innermost, its module, function and line."""
    while frame is not None:
        yield _description(frame.f_code, frame.f_lineno or 0)
        frame = frame.f_back


@cache
def _description(code: CodeType, number: int) -> str:
    module = "/".join(Path(code.co_filename).parts[-_MODULE_PARTS:])
    return f"{module} {code.co_qualname}: {linecache.getline(code.co_filename, number).strip()}"


@cache
def _stage(description: str) -> str | None:
    return next((stage for stage, rule in STAGES.items() if re.search(rule, description)), None)


def _function(described: Iterable[str]) -> str:
    """Name the innermost function that is not the standard library's."""
    names = (description.partition(": ")[0] for description in described)
    return next((name for name in names if not re.search(r"python3\.|<frozen", name)), OTHER)
