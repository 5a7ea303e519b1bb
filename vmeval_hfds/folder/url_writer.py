"""Take the files of an export to a URL: many small ones at once, and a marker that says when all of them are there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vmeval_builders.sources.remote import UNFINISHED_MARK, WHOLE_MARK
from vmeval_hfds.errors import RemoteWriteError
from vmeval_hfds.folder.sink import Outcome
from vmeval_hfds.store.objects import Objects

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FILES_AT_ONCE = 256
_BYTES_AT_ONCE = 2**24


class UrlWriter:
    """A sink that writes objects; whoever exports compares all of them with a listing at the end.

    Args:
        objects: What lies below the URL.
    """

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._waiting: dict[str, bytes] = {}
        self._waiting_bytes = 0

    def __reduce__(self) -> tuple[type, tuple[Objects]]:
        """Go to other processes and machines without what waits here."""
        return UrlWriter, (self.objects,)

    def put(self, path: str, content: Buffer, modified_ns: int | None = None) -> Outcome:
        """Take a file, as `Sink.put` says; a store keeps no times of ours.

        Raises:
            RemoteWriteError: The store refused it, or one before it.
        """
        del modified_ns
        self._waiting[path] = bytes(content)
        self._waiting_bytes += len(self._waiting[path])
        if len(self._waiting) >= _FILES_AT_ONCE or self._waiting_bytes >= _BYTES_AT_ONCE:
            self.done()
        return "sent"

    def done(self) -> None:
        """Write what waits.

        Raises:
            RemoteWriteError: The store refused.
        """
        waiting, self._waiting, self._waiting_bytes = self._waiting, {}, 0
        self.objects.put_many(waiting)


@contextmanager
def marked(objects: Objects, there: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Mark a folder at a URL as unfinished while files are written, and as whole at the end, last of all.

    Args:
        objects: What lies below the URL.
        there: What is there already.

    Yields:
        Takes path and size of what was written; the store must have it so.

    Raises:
        RemoteWriteError: The store refused, or has not what was written. The folder stays marked as unfinished.
    """
    written: dict[str, int] = {}
    objects.put(UNFINISHED_MARK, b"{}")
    objects.remove({WHOLE_MARK} & there.keys())
    yield written
    objects.compare(written, objects.sizes())
    objects.remove([UNFINISHED_MARK])
    about = {"files": len(written), "bytes": sum(written.values())}
    objects.put(WHOLE_MARK, json.dumps(about).encode())


def sizes_of(objects: Objects, paths: Mapping[str, int | None], written_bytes: int | None) -> dict[str, int]:
    """Give what the store must have: sizes as listed, and together as many bytes as were written, where that is known.

    Raises:
        RemoteWriteError: There are fewer or more.
    """
    if all(size is not None for size in paths.values()):
        return {path: size for path, size in paths.items() if size is not None}
    there = objects.sizes()
    found = {path: there.get(path, 0) for path in paths}
    if written_bytes is not None and sum(found.values()) != written_bytes:
        raise RemoteWriteError(
            f"{objects.url}: {written_bytes:,} bytes were written and the store has {sum(found.values()):,}; run again"
        )
    return {path: found[path] if size is None else size for path, size in paths.items()}
