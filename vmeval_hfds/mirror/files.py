"""Read the files of a mirror on disk: their hashes, as the Hub states them, and whether a token is in one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vmeval_builders.secrets import TokenSearch
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.folder.record import Content, git_hash

Key = TypeVar("Key")
Job = TypeVar("Job")
Result = TypeVar("Result")

_CHUNK_BYTES = 1 << 20
_READERS = 4


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that was read.

    Attributes:
        place: Where it is.
        size_bytes: How many bytes were read.
        sha256: Their hash.
        git_sha1: The id that git gives them.
        has_token: Whether a Hugging Face token is among them.
    """

    place: Path
    size_bytes: int
    sha256: str
    git_sha1: str
    has_token: bool

    def holds(self, content: Content) -> bool:
        """Whether the bytes are those that the Hub states."""
        return content.digest == (self.sha256 if content.is_large else self.git_sha1)


def read_file(place: Path) -> LocalFile:
    """Read a file once, for all that must be known of it.

    Raises:
        OSError: It cannot be read.
    """
    search = TokenSearch()
    with place.open("rb") as stream:
        size_bytes = os.fstat(stream.fileno()).st_size
        sha256, sha1 = hashlib.sha256(), git_hash(size_bytes)
        while chunk := stream.read(_CHUNK_BYTES):
            sha256.update(chunk)
            sha1.update(chunk)
            search.feed(chunk)
    return LocalFile(place, size_bytes, sha256.hexdigest(), sha1.hexdigest(), search.found)


def read_files(
    places: Mapping[Key, Path], progress: Progress | None = None
) -> tuple[dict[Key, LocalFile], dict[Key, OSError]]:
    """Read files, several at a time.

    Returns:
        Those that could be read, and why the others could not.
    """

    def read(place: Path) -> LocalFile | OSError:
        try:
            return read_file(place)
        except OSError as error:
            return error

    results = for_each(read, places, _READERS, progress)
    files = {key: one for key, one in results.items() if isinstance(one, LocalFile)}
    failures = {key: one for key, one in results.items() if isinstance(one, OSError)}
    return files, failures


def for_each(
    function: Callable[[Job], Result],
    jobs: Mapping[Key, Job],
    workers: int,
    progress: Progress | None = None,
) -> dict[Key, Result]:
    """Do jobs, several at a time; the first failure ends it.

    Returns:
        The results, in the order of the jobs.
    """
    results: dict[Key, Result] = {}
    pool = ThreadPoolExecutor(workers)
    try:
        for key, result in zip(jobs, pool.map(function, jobs.values()), strict=True):
            results[key] = result
            if progress is not None:
                progress(len(results), len(jobs))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results
