"""The files of a walk, by path order, packed, so that none of a million is an object."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import NamedTuple, overload

from vmeval_builders.entries import FileEntry
from vmeval_builders.errors import NotFoundOnWalkError


class FolderFiles(NamedTuple):
    """The files that lie directly in one folder.

    Attributes:
        folder: Its path; ``""`` is the root.
        names: The files' names, in order. Folders with the same names share one tuple.
        numbers: Their numbers in the list.
    """

    folder: str
    names: tuple[str, ...]
    numbers: Sequence[int]


class FolderIndex:
    """Files by their folders.

    Attributes:
        by_folder: The files of each folder that has some.
        alike: The same, by the names of the files: of these there are few in a folder of a million tasks.
    """

    def __init__(self, folders: Iterable[FolderFiles]) -> None:
        self.by_folder: dict[str, FolderFiles] = {}
        self.alike: dict[tuple[str, ...], list[FolderFiles]] = {}
        for one in folders:
            self.by_folder[one.folder] = one
            self.alike.setdefault(one.names, []).append(one)

    def named(self, fits: Callable[[str], bool]) -> Iterator[tuple[str, str, int]]:
        """Give folder, name and number of the files whose name fits."""
        for names, folders in self.alike.items():
            fitting = [(at, name) for at, name in enumerate(names) if fits(name)]
            for one in folders if fitting else ():
                for at, name in fitting:
                    yield one.folder, name, one.numbers[at]

    def numbers_in(self, folder: str, fits: Callable[[str], bool]) -> list[int]:
        """Give the numbers of the files of one folder whose name fits."""
        one = self.by_folder.get(folder)
        return [] if one is None else [one.numbers[at] for at, name in enumerate(one.names) if fits(name)]


class FileFacts:
    """What is known of files by their numbers: numbers in one piece of memory each.

    Attributes:
        sizes_bytes: See `FileEntry.size_bytes`.
        mtimes_ns: See `FileEntry.mtime_ns`.
    """

    def __init__(self) -> None:
        self.sizes_bytes = array("q")
        self.mtimes_ns = array("q")
        # Empty where all are 0, as those of files on disk are.
        self._offsets = array("q")

    def offset(self, number: int) -> int:
        """Give where a file begins in its archive, as `FileEntry.offset` says."""
        return self._offsets[number] if self._offsets else 0

    def only(self, numbers: Iterable[int]) -> FileFacts:
        """Give what is known of some files, numbered anew from 0 on."""
        made, numbers = FileFacts(), list(numbers)
        made.sizes_bytes.extend(map(self.sizes_bytes.__getitem__, numbers))
        made.mtimes_ns.extend(map(self.mtimes_ns.__getitem__, numbers))
        if self._offsets:
            made._offsets.extend(map(self._offsets.__getitem__, numbers))
        return made


class FileSequence(FileFacts, Sequence[FileEntry]):
    """Files in some order; an entry is made when it is asked for."""

    @abstractmethod
    def _path(self, number: int) -> str:
        """Give the path of a file by its number, which is there."""

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
        return FileEntry(
            self._path(number), self.sizes_bytes[number], self.mtimes_ns[number], self.offset(number)
        )

    def __eq__(self, other: object) -> bool:
        """Compare the files, with any sequence of them."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class FileList(FileSequence):
    """Files by path order.

    Files that follow each other in one folder are a run: its folder, and its names, which many runs share.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folders: list[str] = []
        self._names: list[tuple[str, ...]] = []
        self._starts = array("q", [0])
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._index: FolderIndex | None = None
        self._sorted_runs: tuple[list[str], array[int]] = [], array("I")

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
    def merged(cls, parts: Sequence[tuple[FileList, int]]) -> FileList:
        """Put lists together, each given with what is added to the offsets of its files."""
        runs = sorted(
            (one._first_path(run), part, run)
            for part, (one, _) in enumerate(parts)
            for run in range(len(one._folders))
        )
        made, last = cls(), ""
        for first, part, run in runs:
            if first <= last:
                # Some have files of one folder, or of a folder in it, that come by turns.
                files = (file._replace(offset=file.offset + start) for one, start in parts for file in one)
                return cls.of(files)
            one, start = parts[part]
            folder, names, piece = one._folders[run], one._names[run], slice(*one._starts[run : run + 2])
            moved = (
                [one.offset(number) + start for number in one._numbers(run)] if start else one._offsets[piece]
            )
            made.add_run(folder, names, one.sizes_bytes[piece], one.mtimes_ns[piece], moved)
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
        self._folders.append(folder)
        self._names.append(self._known.setdefault(shared, shared))
        if offsets or self._offsets:
            self._offsets.extend(repeat(0, len(self) - len(self._offsets)))
            self._offsets.extend(offsets or repeat(0, len(shared)))
        self.sizes_bytes.extend(sizes_bytes)
        self.mtimes_ns.extend(mtimes_ns)
        self._starts.append(len(self.sizes_bytes))

    def __iter__(self) -> Iterator[FileEntry]:
        """Give the files by path order."""
        return map(FileEntry, self.paths(), self.sizes_bytes, self.mtimes_ns, self._offsets or repeat(0))

    def _path(self, number: int) -> str:
        run = bisect_right(self._starts, number) - 1
        return joined(self._folders[run], self._names[run][number - self._starts[run]])

    def paths(self) -> Iterator[str]:
        """Give the files' paths, by path order."""
        return chain.from_iterable(map(_paths_of_run, self._folders, self._names))

    def counts(self) -> Iterator[tuple[str, int]]:
        """Give folders and how many files lie directly in each; a folder may come several times."""
        return zip(self._folders, map(len, self._names), strict=True)

    def part(self, start: int, end: int) -> FileList:
        """Give the files between two numbers, as a list of their own."""
        made = FileList()
        for folder, names, first in self._runs_between(start, end):
            piece = slice(first, first + len(names))
            made.add_run(folder, names, self.sizes_bytes[piece], self.mtimes_ns[piece], self._offsets[piece])
        return made

    def paths_between(self, start: int, end: int) -> Iterator[str]:
        """Give the paths of the files between two numbers."""
        for folder, names, _ in self._runs_between(start, end):
            yield from _paths_of_run(folder, names)

    def _runs_between(self, start: int, end: int) -> Iterator[tuple[str, tuple[str, ...], int]]:
        run = bisect_right(self._starts, start) - 1
        while run < len(self._folders) and start < end:
            first = self._starts[run]
            names = self._names[run][start - first : end - first]
            yield self._folders[run], names, start
            run += 1
            start = first + len(self._names[run - 1])

    @property
    def folder_index(self) -> FolderIndex:
        """The files by their folders, which is made once, and kept until it is dropped by `forget_folder_index`."""
        if self._index is None:
            self._index = FolderIndex(self._by_folder())
        return self._index

    def forget_folder_index(self) -> None:
        """Give back the memory of `folder_index`, which is more than that of the list."""
        self._index = None

    def _by_folder(self) -> Iterator[FolderFiles]:
        runs: dict[str, int | list[int]] = {}
        for number, folder in enumerate(self._folders):
            before = runs.setdefault(folder, number)
            if before is not number:
                runs[folder] = [*([before] if isinstance(before, int) else before), number]
        for folder, found in runs.items():
            if isinstance(found, int):
                yield FolderFiles(folder, self._names[found], self._numbers(found))
            else:
                names = tuple(chain.from_iterable(self._names[number] for number in found))
                yield FolderFiles(folder, names, tuple(chain.from_iterable(map(self._numbers, found))))

    def _numbers(self, run: int) -> range:
        return range(self._starts[run], self._starts[run + 1])

    def number_of(self, path: str) -> int | None:
        """Give the number of the file at a path; None where there is none."""
        folder, _, name = path.rpartition("/")
        if not folder:
            number = self.position(path)
            return number if number < len(self) and self[number].path == path else None
        folders, runs = self._runs_by_folder
        at = bisect_left(folders, folder)
        while at < len(folders) and folders[at] == folder:
            if name in (names := self._names[runs[at]]):
                return self._starts[runs[at]] + names.index(name)
            at += 1
        return None

    @property
    def _runs_by_folder(self) -> tuple[list[str], array[int]]:
        """The folders of the runs by their names, and the runs' numbers: runs stand by path order, which is another."""
        if len(self._sorted_runs[0]) != len(self._folders):
            order = array("I", sorted(range(len(self._folders)), key=self._folders.__getitem__))
            self._sorted_runs = [self._folders[run] for run in order], order
        return self._sorted_runs

    def position(self, path: str) -> int:
        """Say before which file a path comes by path order."""
        run = bisect_right(range(len(self._folders)), path, key=self._first_path) - 1
        if run < 0:
            return 0
        within = bisect_left(_Paths(self._folders[run], self._names[run]), path)
        return self._starts[run] + within

    def _first_path(self, run: int) -> str:
        return joined(self._folders[run], self._names[run][0])

    @property
    def by_path(self) -> Mapping[str, FileEntry]:
        """The files by their paths."""
        return _ByPath(self)


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
