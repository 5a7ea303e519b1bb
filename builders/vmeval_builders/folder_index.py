"""The files of a walk by their folders, told from the list of files, with next to no memory of its own."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from vmeval_builders.errors import NotFoundOnWalkError
from vmeval_builders.texts import Texts

Names = tuple[str, ...]


class FolderFiles(NamedTuple):
    """The files that lie directly in one folder.

    Attributes:
        folder: Its path; ``""`` is the root.
        names: The files' names, in order. Folders with the same names share one tuple.
        numbers: Their numbers in the list.
    """

    folder: str
    names: Names
    numbers: Sequence[int]


class Runs(Protocol):
    """A list of files by path order, of which those that follow each other in one folder are a run."""

    folders_of_runs: Texts
    names_of_runs: list[Names]

    def run(self, number: int) -> FolderFiles:
        """Give the files of one run."""

    def runs(self, numbers: Iterable[int]) -> Iterator[tuple[int, FolderFiles]]:
        """Give the files of some runs, with the runs' numbers."""

    def runs_in(self, folder: str) -> Iterator[int]:
        """Give the numbers of the runs of a folder, in order."""


class FolderIndex:
    """Files by their folders. A folder goes by the number of its first run of files in the list.

    Attributes:
        alike: The numbers of folders, in order, by the names of the files in them: of these there are few in a folder of
            a million tasks.
    """

    def __init__(self, files: Runs) -> None:
        self._files = files
        self._several = dict(_of_several_runs(files))
        self._numbers = {one.folder: number for number, one in self._several.items()}
        within = set(chain.from_iterable(map(files.runs_in, self._numbers))) - self._several.keys()
        self.alike: dict[Names, array[int]] = {}
        for number, names in enumerate(files.names_of_runs):
            if number in self._several:
                names = self._several[number].names
            if number not in within:
                self.alike.setdefault(names, array("I")).append(number)

    def __getitem__(self, number: int) -> FolderFiles:
        """Give a folder by its number."""
        return self._several.get(number) or self._files.run(number)

    def each(self, numbers: Iterable[int]) -> Iterator[tuple[int, FolderFiles]]:
        """Give folders with their numbers; neighbours take the least time."""
        return ((number, self._several.get(number, one)) for number, one in self._files.runs(numbers))

    @property
    def by_folder(self) -> Mapping[str, FolderFiles]:
        """The files of each folder that has some."""
        return _ByFolder(self)

    def number_of(self, folder: str) -> int | None:
        """Give the number of a folder; None where no file lies in it."""
        return (
            self._numbers.get(folder) if folder in self._numbers else next(self._files.runs_in(folder), None)
        )

    def names_in(self, folder: str) -> Sequence[str]:
        """Name the files in a folder."""
        found = self.by_folder.get(folder)
        return found.names if found else ()

    def named(
        self, fits: Callable[[str], bool], but_beside: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, str, int]]:
        """Give folder, name and number of the files whose name fits.

        Args:
            fits: Whether it does.
            but_beside: Names of files; all in a folder below the root that directly holds one are left out.
        """
        root = self.number_of("")
        for names, folders in self.alike.items():
            fitting = [(at, name) for at, name in enumerate(names) if fits(name)]
            is_left_out = not but_beside.isdisjoint(names)
            if is_left_out:
                folders = folders[:0] if root is None else array("I", filter(root.__eq__, folders))
            for _, one in self.each(folders) if fitting else ():
                for at, name in fitting:
                    yield one.folder, name, one.numbers[at]

    def numbers_in(self, folder: str, fits: Callable[[str], bool]) -> list[int]:
        """Give the numbers of the files of one folder whose name fits."""
        one = self.by_folder.get(folder)
        return [] if one is None else [one.numbers[at] for at, name in enumerate(one.names) if fits(name)]


class _ByFolder(Mapping[str, FolderFiles]):
    def __init__(self, index: FolderIndex) -> None:
        self._index = index

    def __len__(self) -> int:
        return sum(map(len, self._index.alike.values()))

    def __iter__(self) -> Iterator[str]:
        return (one.folder for numbers in self._index.alike.values() for _, one in self._index.each(numbers))

    def __getitem__(self, folder: str) -> FolderFiles:
        number = self._index.number_of(folder)
        if number is None:
            raise NotFoundOnWalkError(f"{folder}: expected a folder with files, found none")
        return self._index[number]


def _of_several_runs(files: Runs) -> Iterator[tuple[int, FolderFiles]]:
    """Find the folders whose files come apart, since folders in them come between; each with its first run's number."""
    runs: dict[str, list[int]] = {}
    # The folders that lead to where the list is, and the first run of each: all that lies in one comes together.
    above: list[tuple[str, int]] = []
    for number, folder in enumerate(files.folders_of_runs):
        while above and not _lies_in(folder, above[-1][0]):
            above.pop()
        if above and above[-1][0] == folder:
            runs.setdefault(folder, [above[-1][1]]).append(number)
        else:
            above.append((folder, number))
    for folder, numbers in runs.items():
        found = [files.run(number) for number in numbers]
        names = tuple(chain.from_iterable(one.names for one in found))
        yield numbers[0], FolderFiles(folder, names, tuple(chain.from_iterable(one.numbers for one in found)))


def _lies_in(folder: str, above: str) -> bool:
    return not above or folder == above or folder.startswith(f"{above}/")
