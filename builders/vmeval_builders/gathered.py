"""Files that are found in any order, as in an archive, and packed into a list by path order without an object for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from vmeval_builders.entries import FileEntry
from vmeval_builders.file_list import FileList, joined, split

#: Where files of a folder that were found one after the other begin and end, in the order in which they were found.
_Piece = tuple[int, int]


class Gathered:
    """Files in the order in which they were found; a path may come twice."""

    def __init__(self, files: Iterable[FileEntry] = ()) -> None:
        self._found = FileList()
        self._folder = ""
        self._open: list[FileEntry] = []
        for entry in files:
            self.append(entry)

    def append(self, entry: FileEntry) -> None:
        """Take in a file."""
        folder = split(entry.path)[0]
        if folder != self._folder:
            self._close()
            self._folder = folder
        self._open.append(entry)

    def _close(self) -> None:
        """Pack what was found in one folder."""
        if self._open:
            self._open.sort(key=lambda entry: entry.path)
            self._found.add(self._folder, self._open)
            self._open = []

    def by_path(self) -> FileList:
        """Give all files by path order."""
        self._close()
        if _ascends(self._found):
            return self._found
        made = FileList()
        for pieces in _together(self._found):
            if len(pieces) == 1:
                made.extend(self._found, *pieces[0])
            else:
                # They are of one folder, found by turns with others.
                files = FileList.of(
                    chain.from_iterable(self._found[start:end] for start, end in sorted(pieces))
                )
                made.extend(files, 0, len(files))
        return made


def _ascends(found: FileList) -> bool:
    last = ""
    for folder, names in found.by_runs():
        if joined(folder, names[0]) <= last:
            return False
        last = joined(folder, names[-1])
    return True


def _together(found: FileList) -> Iterator[list[_Piece]]:
    """Give pieces by path order; together where they overlap."""
    together: list[_Piece] = []
    last = ""
    for first, end_path, piece in sorted(_pieces(found)):
        if together and first > last:
            yield together
            together = []
        together.append(piece)
        last = max(last, end_path)
    if together:
        yield together


def _pieces(found: FileList) -> Iterator[tuple[str, str, _Piece]]:
    """Cut files into pieces, and give the first path of each and its last.

    They are those of a folder that were found together; each file by itself where there is a folder in its own, which
    may come between.
    """
    parents = {above for folder in found.folders_of_runs for above in _above(folder)}
    start = 0
    for folder, names in found.by_runs():
        size = 1 if folder in parents else len(names)
        for at in range(0, len(names), size):
            yield (
                joined(folder, names[at]),
                joined(folder, names[at + size - 1]),
                (start + at, start + at + size),
            )
        start += len(names)


def _above(folder: str) -> Iterator[str]:
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder
