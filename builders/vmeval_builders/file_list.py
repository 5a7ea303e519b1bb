"""The files of a walk, by path order, packed, so that none of a million is an object."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain, groupby, pairwise, repeat
from operator import itemgetter
from typing import NamedTuple, overload

from vmeval_builders.entries import FileEntry
from vmeval_builders.errors import NotFoundOnWalkError
from vmeval_builders.folder_index import FolderFiles, FolderIndex, Names
from vmeval_builders.texts import Texts


class FileFacts:
    """What is known of files by their numbers: numbers in one piece of memory each.

    Attributes:
        sizes_bytes: See `FileEntry.size_bytes`; a walk takes in no file that is larger than `FILE_LIMIT_BYTES`.
        mtimes_ns: See `FileEntry.mtime_ns`; empty where nobody needs them.
    """

    def __init__(self) -> None:
        self.sizes_bytes = array("I")
        self.mtimes_ns = array("q")
        # Empty where all are 0, as those of files on disk are.
        self._offsets = array("q")

    def offset(self, number: int) -> int:
        """Give where a file begins in its archive, as `FileEntry.offset` says."""
        return self._offsets[number] if self._offsets else 0

    @property
    def are_in_one_place(self) -> bool:
        """Whether each can be read as soon as any other, as files on disk: none has an offset."""
        return not self._offsets

    def mtime_ns(self, number: int) -> int:
        """Give a file's modification time, as `FileEntry.mtime_ns` says; 0 where it was forgotten."""
        return self.mtimes_ns[number] if self.mtimes_ns else 0

    def forget_times(self) -> None:
        """Give back the memory of modification times, which then are 0."""
        self.mtimes_ns = array("q")

    def only(self, numbers: Iterable[int]) -> FileFacts:
        """Give what is known of some files, numbered anew from 0 on."""
        made, numbers = FileFacts(), list(numbers)
        made.sizes_bytes.extend(map(self.sizes_bytes.__getitem__, numbers))
        for its, ours in ((made.mtimes_ns, self.mtimes_ns), (made._offsets, self._offsets)):
            its.extend(map(ours.__getitem__, numbers if ours else ()))
        return made


class FileList(FileFacts, Sequence[FileEntry]):
    """Files by path order.

    Files that follow each other in one folder are a run: its folder, and its names, which many runs share.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folders_of_runs = Texts()
        self.names_of_runs: list[Names] = []
        self._starts = array("I", [0])
        self._known: dict[Names, Names] = {}
        self._index: FolderIndex | None = None
        self._sorted = _Sorted()
        # The folder that was asked for last, and its runs: many files of one are asked for together.
        self._asked: tuple[tuple[str, int], list[int]] = ("", 0), []

    @classmethod
    def of(cls, files: Iterable[FileEntry]) -> FileList:
        """Take files in; as they are where they are such a list already."""
        if isinstance(files, cls):
            return files
        made = cls()
        for folder, run in groupby(sorted(files, key=itemgetter(0)), key=_folder_of):
            made.add(folder, list(run))
        return made

    @classmethod
    def merged(cls, parts: list[tuple[FileList, int]]) -> FileList:
        """Put lists together, each given with what is added to the offsets of its files, and taken from what is given."""
        runs = merge(*(_moved(at, *parts.pop(0)) for at in range(len(parts))), key=itemgetter(0))
        made, last, of_parts = cls(), "", array("I")
        for run in runs:
            first, part, folder, names, *facts = run
            if first <= last:
                # Some have files of one folder, or of a folder in it, that come by turns.
                there = zip(of_parts, made._runs_between(0, len(made)), strict=True)
                files = [
                    (part, made[at]) for part, (_, names, at) in there for at in range(at, at + len(names))
                ]
                files += [(one[1], entry) for one in chain([run], runs) for entry in _entries(one)]
                return cls.of(entry for _, entry in sorted(files, key=itemgetter(0)))
            made.add_run(folder, names, *facts)
            of_parts.append(part)
            last = joined(folder, names[-1])
        return made

    def add(self, folder: str, files: Sequence[FileEntry]) -> None:
        """Take in files of one folder, which come after all that are here."""
        offsets = [entry.offset for entry in files]
        self.add_run(
            folder,
            [split(entry.path)[1] for entry in files],
            [entry.size_bytes for entry in files],
            [entry.mtime_ns for entry in files],
            offsets if any(offsets) else (),
        )

    def add_run(
        self,
        folder: str,
        names: Iterable[str],
        sizes_bytes: Iterable[int],
        mtimes_ns: Iterable[int],
        offsets: Sequence[int] = (),
    ) -> None:
        """Take in files of one folder, as `add` does, by what is known of each."""
        shared = tuple(names)
        self.folders_of_runs.append(folder)
        self.names_of_runs.append(self._known.setdefault(shared, shared))
        if offsets or self._offsets:
            self._offsets.extend(repeat(0, len(self) - len(self._offsets)))
            self._offsets.extend(offsets or repeat(0, len(shared)))
        self.sizes_bytes.extend(sizes_bytes)
        self.mtimes_ns.extend(mtimes_ns)
        self._starts.append(len(self.sizes_bytes))

    def __len__(self) -> int:
        """Count the files."""
        return len(self.sizes_bytes)

    @overload
    def __getitem__(self, number: int) -> FileEntry: ...
    @overload
    def __getitem__(self, number: slice) -> list[FileEntry]: ...
    def __getitem__(self, number: int | slice) -> FileEntry | list[FileEntry]:
        """Give one file by its number, or several."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        run = bisect_right(self._starts, number) - 1
        path = joined(self.folders_of_runs[run], self.names_of_runs[run][number - self._starts[run]])
        return FileEntry(path, self.sizes_bytes[number], self.mtime_ns(number), self.offset(number))

    def __eq__(self, other: object) -> bool:
        """Compare the files, with any sequence of them."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[FileEntry]:
        """Give the files by path order."""
        facts = self.sizes_bytes, self.mtimes_ns or repeat(0), self._offsets or repeat(0)
        return map(FileEntry, self.paths(), *facts)

    def paths(self) -> Iterator[str]:
        """Give the files' paths, by path order."""
        return chain.from_iterable(map(_paths_of_run, self.folders_of_runs, self.names_of_runs))

    def by_runs(self) -> Iterator[tuple[str, Names]]:
        """Give folders and the names of files that lie directly in each; a folder may come several times."""
        return zip(self.folders_of_runs, self.names_of_runs, strict=True)

    def part(self, start: int, end: int) -> FileList:
        """Give the files between two numbers, as a list of their own."""
        made = FileList()
        made.extend(self, start, end)
        return made

    def extend(self, others: FileList, start: int, end: int) -> None:
        """Take in the files of another list between two numbers, which come after all that are here."""
        for folder, names, first in others._runs_between(start, end):
            piece = slice(first, first + len(names))
            facts = others.sizes_bytes[piece], others.mtimes_ns[piece], others._offsets[piece]
            self.add_run(folder, names, *facts)

    def paths_between(self, start: int, end: int) -> Iterator[str]:
        """Give the paths of the files between two numbers."""
        for folder, names, _ in self._runs_between(start, end):
            yield from _paths_of_run(folder, names)

    def _runs_between(self, start: int, end: int) -> Iterator[tuple[str, Names, int]]:
        first_run, last_run = bisect_right(self._starts, start) - 1, bisect_left(self._starts, end)
        for run, folder in enumerate(self.folders_of_runs.between(first_run, last_run), first_run):
            first = self._starts[run]
            yield folder, self.names_of_runs[run][max(0, start - first) : end - first], max(first, start)

    def below(self, top: str) -> FileList:
        """Give the files in a folder, as if that were the root."""
        # "0" is what comes after a slash.
        part = self.part(self.position(f"{top}/"), self.position(f"{top}0"))
        part.folders_of_runs = Texts(folder[len(top) + 1 :] for folder in part.folders_of_runs)
        return part

    def moved(self, above: str) -> FileList:
        """Give the files as they are called where their root lies in a folder."""
        if above:
            self.folders_of_runs = Texts(joined(above, one) if one else above for one in self.folders_of_runs)
            self._sorted, self._asked = _Sorted(), (("", 0), [])
        return self

    @property
    def folder_index(self) -> FolderIndex:
        """The files by their folders, which is made once, and kept until it is dropped by `forget_folder_index`."""
        if self._index is None:
            self._index = FolderIndex(self)
        return self._index

    def forget_folder_index(self) -> None:
        """Give back the memory of `folder_index`, which is more than that of the list."""
        self._index = None

    def run(self, number: int) -> FolderFiles:
        """Give the files of one run."""
        numbers = range(self._starts[number], self._starts[number + 1])
        return FolderFiles(self.folders_of_runs[number], self.names_of_runs[number], numbers)

    def runs(self, numbers: Iterable[int]) -> Iterator[tuple[int, FolderFiles]]:
        """Give the files of some runs, with the runs' numbers."""
        for number, folder in self.folders_of_runs.each(numbers):
            files = range(self._starts[number], self._starts[number + 1])
            yield number, FolderFiles(folder, self.names_of_runs[number], files)

    def runs_in(self, folder: str) -> Iterator[int]:
        """Give the numbers of the runs of a folder, in order."""
        folders, runs = self._sorted_runs
        at = folders.position(folder)
        while at < len(folders) and folders[at] == folder:
            yield runs[at]
            at += 1

    @property
    def folders_ascend(self) -> bool:
        """Whether runs, which stand by path order, stand by the order of their folders too."""
        return isinstance(self._sorted_runs.runs, range)

    @property
    def _sorted_runs(self) -> _Sorted:
        if len(self._sorted.folders) != len(self.folders_of_runs):
            self._sorted = _Sorted.of(self.folders_of_runs)
        return self._sorted

    def number_of(self, path: str) -> int | None:
        """Give the number of the file at a path; None where there is none."""
        folder, _, name = path.rpartition("/")
        if not folder:
            number = self.position(path)
            return number if number < len(self) and self[number].path == path else None
        asked = folder, len(self.names_of_runs)
        last, runs = self._asked
        if asked != last:
            runs = [*self.runs_in(folder)]
            self._asked = asked, runs
        for run in runs:
            if name in (names := self.names_of_runs[run]):
                return self._starts[run] + names.index(name)
        return None

    def position(self, path: str) -> int:
        """Say before which file a path comes by path order."""
        run = bisect_right(range(len(self.names_of_runs)), path, key=self._first_path) - 1
        if run < 0:
            return 0
        within = bisect_left(_Paths(self.folders_of_runs[run], self.names_of_runs[run]), path)
        return self._starts[run] + within

    def positions(self, paths: Iterable[str]) -> Iterator[int]:
        """Say the same of many paths, which ascend."""
        runs = zip(self._starts, self.folders_of_runs, self.names_of_runs, strict=False)
        firsts = ((joined(folder, names[0]), start, folder, names) for start, folder, names in runs)
        last, coming = None, next(firsts, None)
        for path in paths:
            while coming is not None and coming[0] <= path:
                last, coming = coming, next(firsts, None)
            if last is None:
                yield 0
            else:
                _, start, folder, names = last
                yield start + bisect_left(_Paths(folder, names), path)

    def _first_path(self, run: int) -> str:
        return joined(self.folders_of_runs[run], self.names_of_runs[run][0])

    @property
    def by_path(self) -> Mapping[str, FileEntry]:
        """The files by their paths."""
        return _ByPath(self)


class _Sorted(NamedTuple):
    """The folders of runs by their names, and the runs' numbers: runs stand by path order, which may be another."""

    folders: Texts = Texts()
    runs: Sequence[int] = range(0)

    @classmethod
    def of(cls, folders: Texts) -> _Sorted:
        if all(one <= other for one, other in pairwise(folders)):
            return cls(folders, range(len(folders)))
        names = list(folders)
        runs = array("I", sorted(range(len(names)), key=names.__getitem__))
        return cls(Texts(names[run] for run in runs), runs)


#: A run of a list that is put together with others: its first path, which list's it is, its folder, and what
#: `FileList.add_run` takes.
_Run = tuple[str, int, str, Names, Sequence[int], Sequence[int], Sequence[int]]


def _moved(part: int, one: FileList, start: int) -> Iterator[_Run]:
    """Give the runs of a list, with something added to the offsets of its files."""
    for run, folder in enumerate(one.folders_of_runs):
        names, piece = one.names_of_runs[run], slice(*one._starts[run : run + 2])
        offsets: Sequence[int] = one._offsets[piece]
        if start:
            offsets = [offset + start for offset in offsets or repeat(0, len(names))]
        first = joined(folder, names[0])
        yield first, part, folder, names, one.sizes_bytes[piece], one.mtimes_ns[piece], offsets


def _entries(run: _Run) -> Iterator[FileEntry]:
    _, _, folder, names, sizes_bytes, mtimes_ns, offsets = run
    return map(FileEntry, _paths_of_run(folder, names), sizes_bytes, mtimes_ns, offsets or repeat(0))


class _Paths(Sequence[str]):
    """The paths of a run, each made when it is asked for."""

    def __init__(self, folder: str, names: Sequence[str]) -> None:
        self._folder, self._names = folder, names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: int) -> str:  # type: ignore[override]
        return joined(self._folder, self._names[number])


class _ByPath(Mapping[str, FileEntry]):
    """The files of a list by their paths, which are looked for as they are asked for."""

    def __init__(self, files: FileList) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[str]:
        return self._files.paths()

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._files.number_of(path) is not None

    def __getitem__(self, path: str) -> FileEntry:
        number = self._files.number_of(path)
        if number is None:
            raise NotFoundOnWalkError(f"{path}: expected a file of the folder that was walked, found none")
        return self._files[number]


def _folder_of(entry: FileEntry) -> str:
    return split(entry.path)[0]


def split(path: str) -> tuple[str, str]:
    """Give folder and name of a path, which `joined` puts together again.

    An absolute path at the root stays one, as the name: it is told of later.
    """
    folder, _, name = path.rpartition("/")
    return folder, name if folder else path


def joined(folder: str, name: str) -> str:
    """Give the path of a name in a folder; the root is ``""``."""
    return f"{folder}/{name}" if folder else name


def _paths_of_run(folder: str, names: Sequence[str]) -> Sequence[str]:
    return [f"{folder}/{name}" for name in names] if folder else names
