"""Files that are found in any order, as in an archive, and packed into a list by path order without an object for each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

from vmeval_builders.entries import FileEntry
from vmeval_builders.file_list import FileList, joined


class Gathered(Sequence[FileEntry]):
    """Files in the order in which they were found; a path may come twice."""

    def __init__(self, files: Iterable[FileEntry] = ()) -> None:
        self._folders: dict[str, int] = {}
        self._folder_names: list[str] = []
        self._known: dict[str, str] = {}
        self._names: list[str] = []
        self._folder = array("I")
        self._sizes_bytes, self._mtimes_ns, self._offsets = array("q"), array("q"), array("q")
        for entry in files:
            self.append(entry)

    def append(self, entry: FileEntry) -> None:
        """Take in a file."""
        folder = entry.path.rpartition("/")[0]
        # An absolute path at the root stays one: it is told of later.
        name = entry.path[len(folder) + 1 :] if folder else entry.path
        if folder not in self._folders:
            self._folders[folder] = len(self._folder_names)
            self._folder_names.append(folder)
        self._folder.append(self._folders[folder])
        self._names.append(self._known.setdefault(name, name))
        self._sizes_bytes.append(entry.size_bytes)
        self._mtimes_ns.append(entry.mtime_ns)
        self._offsets.append(entry.offset)

    def __len__(self) -> int:
        """Count the files."""
        return len(self._names)

    @overload
    def __getitem__(self, number: int) -> FileEntry: ...
    @overload
    def __getitem__(self, number: slice) -> list[FileEntry]: ...
    def __getitem__(self, number: int | slice) -> FileEntry | list[FileEntry]:
        """Give one file by its place in the order, or several."""
        if isinstance(number, slice):
            return [self._entry(one) for one in range(*number.indices(len(self)))]
        return self._entry(range(len(self))[number])

    def __eq__(self, other: object) -> bool:
        """Compare the files, with any sequence of them."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _entry(self, number: int) -> FileEntry:
        path = joined(self._folder_names[self._folder[number]], self._names[number])
        return FileEntry(path, self._sizes_bytes[number], self._mtimes_ns[number], self._offsets[number])

    def by_path(self) -> FileList:
        """Give the files by path order, packed."""
        made = FileList()
        for folder, numbers in sorted(self._runs(), key=lambda run: joined(run[0], self._names[run[1][0]])):
            offsets = [self._offsets[at] for at in numbers]
            made.add_run(
                folder,
                [self._names[at] for at in numbers],
                [self._sizes_bytes[at] for at in numbers],
                [self._mtimes_ns[at] for at in numbers],
                offsets if any(offsets) else (),
            )
        return made

    def _runs(self) -> Iterator[tuple[str, array[int]]]:
        """Give the files of each folder by their names; apart where a folder in it comes between them by path order."""
        numbers = [array("I") for _ in self._folders]
        for number, its_folder in enumerate(self._folder):
            numbers[its_folder].append(number)
        inside = self._folders_inside()
        for folder, unsorted in zip(self._folders, numbers, strict=True):
            in_order = array("I", sorted(unsorted, key=self._names.__getitem__))
            names = [self._names[number] for number in in_order]
            cuts = {bisect_left(names, f"{name}/") for name in inside.get(folder, ())}
            for start, end in pairwise(sorted({0, len(names), *cuts})):
                yield folder, in_order[start:end]

    def _folders_inside(self) -> dict[str, set[str]]:
        """Name the folders that lie directly in each folder."""
        inside: dict[str, set[str]] = defaultdict(set)
        for folder in self._folders:
            above, _, name = folder.rpartition("/")
            while folder and name not in inside[above]:
                inside[above].add(name)
                folder = above
                above, _, name = folder.rpartition("/")
        return inside
