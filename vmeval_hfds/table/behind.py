"""What a thread does behind the one that reads rows: the search for tokens, pages, and the hash of the shard they make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

_CHUNK_BYTES = 2**18


class Behind:
    """Works in a thread, one thing after the other: neither Arrow nor `hashlib` needs the interpreter for long.

    Only what is large is worth it: a hash of one frame takes less time than it takes to wake the thread that waits.

    Where the system gives no thread, each is done when it is asked for.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="behind")

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    @contextmanager
    def follow(self, place: Path) -> Iterator[GrowingFile]:
        """Take the hash of a file while it is written."""
        with place.open("rb", buffering=0) as stream:
            followed = GrowingFile(stream, self.do)
            try:
                yield followed
            finally:
                followed.wait()

    def do(self, work: Callable[[], Result]) -> Future[Result]:
        """Do something after all that was asked for before."""
        try:
            return self._thread.submit(work)
        except RuntimeError:
            done: Future[Result] = Future()
            done.set_result(work())
            return done


class GrowingFile:
    """A file that is written on at its end, and its hash."""

    def __init__(self, stream: FileIO, do: Callable[[Callable[[], None]], Future[None]]) -> None:
        self._stream = stream
        self._do = do
        self._hash = hashlib.sha256()
        self._waiting: list[Future[None]] = []

    def grown(self) -> None:
        """Take in what was written by now."""
        self._waiting = [one for one in self._waiting if not one.done() or one.exception()]
        self._waiting.append(self._do(self._take_in))

    def sha256(self) -> str:
        """Give the hash, hexadecimal, of the file, which is whole."""
        self.grown()
        for one in self._waiting:
            one.result()
        return self._hash.hexdigest()

    def wait(self) -> None:
        """Wait until nothing is read any more, however that ended."""
        for one in self._waiting:
            one.exception()

    def _take_in(self) -> None:
        chunk = bytearray(_CHUNK_BYTES)
        place = memoryview(chunk)
        while read := self._stream.readinto(chunk):
            self._hash.update(place[:read])
