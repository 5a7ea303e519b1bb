"""Files that are found in any order, as in an archive, and packed into a list by path order without an object for each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from vmeval_builders.entries import FileEntry
from vmeval_builders.file_list import FileList, FileSequence, joined, split


class Gathered(FileSequence):
    """Files in the order in which they were found; a path may come twice."""

    def __init__(self, files: Iterable[FileEntry] = ()) -> None:
        super().__init__()
        self._folders: dict[str, int] = {}
        self._folder_names: list[str] = []
        self._known: dict[str, str] = {}
        self._names: list[str] = []
        self._folder = array("I")
        for entry in files:
            self.append(entry)

    def append(self, entry: FileEntry) -> None:
        """Take in a file."""
        folder, name = split(entry.path)
        if folder not in self._folders:
            self._folders[folder] = len(self._folder_names)
            self._folder_names.append(folder)
        self._folder.append(self._folders[folder])
        self._names.append(self._known.setdefault(name, name))
        self.sizes_bytes.append(entry.size_bytes)
        self.mtimes_ns.append(entry.mtime_ns)
        self._offsets.append(entry.offset)

    def _path(self, number: int) -> str:
        return joined(self._folder_names[self._folder[number]], self._names[number])

    def by_path(self) -> FileList:
        """Give the files by path order, packed."""
        made = FileList()
        for folder, numbers in sorted(self._runs(), key=lambda run: joined(run[0], self._names[run[1][0]])):
            offsets = [self._offsets[at] for at in numbers]
            made.add_run(
                folder,
                [self._names[at] for at in numbers],
                [self.sizes_bytes[at] for at in numbers],
                [self.mtimes_ns[at] for at in numbers],
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
