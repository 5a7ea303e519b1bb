"""The folders of a walk, by path order, packed as its files are."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from vmeval_builders.entries import FolderEntry
from vmeval_builders.errors import NotFoundOnWalkError

_NO_TIME = -(2**63)


class FolderList(Mapping[str, FolderEntry]):
    """Folders by path order, by their paths; ``""`` is the root.

    Args:
        paths: Their paths, in any order.
        entries: How many entries each has directly.
        mtimes_ns: The modification time of each; None where an archive does not say.
    """

    def __init__(
        self,
        paths: Sequence[str] = (),
        entries: Sequence[int] = (),
        mtimes_ns: Sequence[int | None] = (),
    ) -> None:
        order = sorted(range(len(paths)), key=paths.__getitem__)
        self._paths = [paths[number] for number in order]
        self._entries = array("q", (entries[number] for number in order))
        times = (mtimes_ns[number] for number in order)
        self._mtimes_ns = array("q", (_NO_TIME if mtime_ns is None else mtime_ns for mtime_ns in times))

    @classmethod
    def of(cls, folders: Mapping[str, FolderEntry]) -> FolderList:
        """Take folders in; as they are where they are such a list already."""
        if isinstance(folders, cls):
            return folders
        entries, mtimes_ns = zip(*folders.values(), strict=True) if folders else ((), ())
        return cls(list(folders), entries, mtimes_ns)

    def __len__(self) -> int:
        """Count the folders."""
        return len(self._paths)

    def __iter__(self) -> Iterator[str]:
        """Give the folders' paths, by path order."""
        return iter(self._paths)

    def __contains__(self, path: object) -> bool:
        """Say whether there is a folder at a path."""
        return isinstance(path, str) and self._number_of(path) is not None

    def __getitem__(self, path: str) -> FolderEntry:
        """Give the folder at a path."""
        number = self._number_of(path)
        if number is None:
            raise NotFoundOnWalkError(f"{path}: expected a folder of the walk, found none")
        mtime_ns = self._mtimes_ns[number]
        return FolderEntry(self._entries[number], None if mtime_ns == _NO_TIME else mtime_ns)

    def _number_of(self, path: str) -> int | None:
        number = bisect_left(self._paths, path)
        return number if number < len(self._paths) and self._paths[number] == path else None

    @property
    def empty(self) -> list[str]:
        """Folders without any entry, by path order."""
        there = zip(self._paths, self._entries, strict=True)
        return [path for path, entries in there if not entries and path]
