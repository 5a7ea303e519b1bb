"""Work of this process that a thread does while jobs are done, so that nobody waits for it at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Job = TypeVar("Job")
Result = TypeVar("Result")


class Beside(Generic[Result]):
    """Work that is done beside jobs.

    It begins when the first job is on its way, and so when processes were forked: none is while a thread works.

    Args:
        work: What is to be done.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._future: Future[Result] | None = None

    def begin_with(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """Give jobs to what runs them, and begin after the first."""
        from concurrent.futures import ThreadPoolExecutor

        for job in jobs:
            yield job
            if self._future is None:
                pool = ThreadPoolExecutor(1)
                self._future = pool.submit(self._work)
                pool.shutdown(wait=False)

    def wait(self) -> None:
        """Wait until the thread is done, however that ended."""
        if self._future is not None:
            self._future.exception()

    def result(self) -> Result:
        """Give what the work gave, or raise what it raised; it is done now where there was no job."""
        return self._work() if self._future is None else self._future.result()
