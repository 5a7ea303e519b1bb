"""The folders of a walk, by path order, packed as its files are."""

from __future__ import annotations

from array import array
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import pairwise
from operator import itemgetter

from vmeval_builders.entries import FolderEntry
from vmeval_builders.errors import NotFoundOnWalkError
from vmeval_builders.texts import Texts

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
        self._paths, self._entries = Texts(), array("i")
        # Empty where nobody needs them.
        self._mtimes_ns = array("q")
        if all(one < following for one, following in pairwise(paths)):
            in_order: Iterable[int] = range(len(paths))
        else:
            paths = list(paths)
            in_order = sorted(range(len(paths)), key=paths.__getitem__)
        for number in in_order:
            self._append(paths[number], entries[number], mtimes_ns[number])

    @classmethod
    def of(cls, folders: Mapping[str, FolderEntry]) -> FolderList:
        """Take folders in; as they are where they are such a list already."""
        if isinstance(folders, cls):
            return folders
        entries, mtimes_ns = zip(*folders.values(), strict=True) if folders else ((), ())
        return cls(list(folders), entries, mtimes_ns)

    @classmethod
    def merged(cls, parts: list[FolderList]) -> FolderList:
        """Put lists together, taken from what is given, each of which counts the files in a folder only.

        Of a folder that several have, the last that knows a time tells it.
        """
        made = cls()
        by_path = merge(*(iter(parts.pop(0).items()) for _ in range(len(parts))), key=itemgetter(0))
        last, above, number = None, "", 0
        for path, (entries, mtime_ns) in by_path:
            if path == last:
                made._entries[-1] += entries
                if mtime_ns is not None:
                    made._mtimes_ns[-1] = mtime_ns
                continue
            made._append(path, entries, mtime_ns)
            last = path
            if path:
                if (its_above := path.rpartition("/")[0]) != above:
                    above, number = its_above, made._paths.position(its_above)
                made._entries[number] += 1
        return made

    def _append(self, path: str, entries: int, mtime_ns: int | None) -> None:
        self._paths.append(path)
        self._entries.append(entries)
        self._mtimes_ns.append(_NO_TIME if mtime_ns is None else mtime_ns)

    def called(self, name: Callable[[str], str | None]) -> FolderList:
        """Give the folders by other paths, which come in the same order; None leaves one out."""
        made = FolderList()
        for path, (entries, mtime_ns) in self.items():
            if (called := name(path)) is not None:
                made._append(called, entries, mtime_ns)
        return made

    def counted(self, entries: Callable[[str], int]) -> FolderList:
        """Give the same folders with other numbers of entries, told by their paths."""
        self._entries = array("i", map(entries, self._paths))
        return self

    def forget_times(self) -> None:
        """Give back the memory of modification times, which nobody says then."""
        self._mtimes_ns = array("q")

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
        return self.entry(number)

    def items(self) -> ItemsView[str, FolderEntry]:
        """Give the folders with their paths, by path order."""
        return _Items(self)

    def entry(self, number: int) -> FolderEntry:
        """Give a folder by its number."""
        mtime_ns = self._mtimes_ns[number] if self._mtimes_ns else _NO_TIME
        return FolderEntry(self._entries[number], None if mtime_ns == _NO_TIME else mtime_ns)

    def _number_of(self, path: str) -> int | None:
        number = self._paths.position(path)
        return number if number < len(self._paths) and self._paths[number] == path else None

    @property
    def empty(self) -> list[str]:
        """Folders without any entry, by path order."""
        there = zip(self._paths, self._entries, strict=True) if 0 in self._entries else ()
        return [path for path, entries in there if not entries and path]


class _Items(ItemsView[str, FolderEntry]):
    """Folders with their paths, none of which is looked for."""

    _mapping: FolderList

    def __iter__(self) -> Iterator[tuple[str, FolderEntry]]:
        return zip(self._mapping, map(self._mapping.entry, range(len(self._mapping))), strict=True)
