"""A file on the Hub that is read in parts, with as few requests as its reader allows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from huggingface_hub import hf_hub_url

from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.session import LIBRARY

#: A file of at most this size is brought whole by the first read.
WHOLE_BYTES = 64 * 1024
#: Parts with no more than this between them are brought in one request.
_GAP_BYTES = 64 * 1024
_SUCCESS = 206


class RangeFile(io.RawIOBase):
    """A file of one commit, of known size, so that opening it asks for nothing.

    It can be sent to other processes, which read the token from the same variable.

    Args:
        repo: The repository.
        path: The file's path in it.
        commit: The commit.
        size_bytes: The file's size.
    """

    def __init__(self, repo: HubRepo, path: str, commit: str, size_bytes: int) -> None:
        self._repo = repo
        self._path = path
        self._commit = commit
        self.size_bytes = size_bytes
        self._position = 0
        self._parts: list[tuple[int, memoryview]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        """Send how to reach the file; what was read of it stays here."""
        repo = (self._repo.repo_id, self._repo.repo_type, self._repo.token_env)
        return _reopen, (repo, self._repo.wait, self._path, self._commit, self.size_bytes)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; nothing is asked for."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Say where the next read begins."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; all that follow where it is below zero."""
        end = self.size_bytes if size is None or size < 0 else min(self._position + size, self.size_bytes)
        start = self._position
        if start >= end:
            return b""
        kept = self._kept(start, end)
        if kept is None:
            self.prefetch([(start, end)])
            kept = self._kept(start, end)
        self._position = end
        return bytes(kept or b"")

    def prefetch(self, parts: Iterable[tuple[int, int]]) -> None:
        """Bring some parts for the reads that follow, near ones together; what was kept before is forgotten.

        Args:
            parts: Where they begin and end.
        """
        parts = sorted(parts)
        if all(self._kept(*part) is not None for part in parts):
            return
        if self.size_bytes <= WHOLE_BYTES:
            parts = [(0, self.size_bytes)]
        self._parts = [
            (start, memoryview(self._repo.call(self._get, start, end))) for start, end in _together(parts)
        ]

    def _kept(self, start: int, end: int) -> memoryview | None:
        for first, content in self._parts:
            if first <= start and end <= first + len(content):
                return content[start - first : end - first]
        return None

    def _get(self, start: int, end: int) -> bytes:
        from huggingface_hub import utils

        hub_utils: Any = utils  # their names are not marked as exported

        repo = self._repo
        url = hf_hub_url(
            repo.repo_id, self._path, repo_type=repo.repo_type, revision=self._commit, endpoint=repo.endpoint
        )
        headers = hub_utils.build_hf_headers(token=repo.token, library_name=LIBRARY)
        # Packed, the bytes that came could not be counted against what was asked for.
        headers |= {"Accept-Encoding": "identity", "Range": f"bytes={start}-{end - 1}"}
        response = hub_utils.get_session().get(url, headers=headers, follow_redirects=True)
        hub_utils.hf_raise_for_status(response)
        content = bytes(response.content)
        if response.status_code != _SUCCESS:
            content = content[start:end]
        if len(content) != end - start:
            raise _CutShortError(f"{self._path}: {len(content)} bytes came of {end - start}")
        return content


class _CutShortError(ConnectionError):
    """Fewer bytes came than were asked for; the request is tried again, and said in plain words at last."""


def _together(parts: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join parts whose gap costs less to bring than another request."""
    begun: tuple[int, int] | None = None
    for start, end in parts:
        if begun is not None and start - begun[1] <= _GAP_BYTES:
            begun = begun[0], max(begun[1], end)
            continue
        if begun is not None:
            yield begun
        begun = start, end
    if begun is not None:
        yield begun


def _reopen(repo: tuple[str, str, str], wait: bool, path: str, commit: str, size_bytes: int) -> RangeFile:
    return RangeFile(HubRepo(*repo, wait=wait), path, commit, size_bytes)
