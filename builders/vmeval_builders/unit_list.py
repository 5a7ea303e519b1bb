"""The rows of a walk, by path order, packed, so that a million rows with their files fit into memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from typing import Any, NamedTuple, overload

from vmeval_builders.entries import FileEntry, Unit
from vmeval_builders.file_list import FileFacts, FileList
from vmeval_builders.texts import Texts

#: Takes a row's path apart; None where it is no row's.
Parts = Callable[[str], "dict[str, str | None] | None"]


class UnitFiles(NamedTuple):
    """Which files rows have that are alike; such rows share one.

    Attributes:
        slots: The slots of `Unit.files`.
        tails: What follows the row's path in the path of each file; a whole path after a NUL where it is not below.
    """

    slots: tuple[str, ...]
    tails: tuple[str, ...]

    @classmethod
    def of(cls, path: str, files: Mapping[str, FileEntry]) -> UnitFiles:
        """Describe the files of a row."""
        return cls(tuple(files), tuple([_tail(path, entry.path) for entry in files.values()]))


class UnitList(Sequence[Unit]):
    """Rows by path order. A `Unit` is made when it is asked for; all that is kept of its files are their numbers.

    Sent to another process, the list takes along what is known of its files, and no other file.

    Attributes:
        paths: The rows' paths.
        numbers: The numbers of the files of all rows, in the order of rows and slots.

    Args:
        parts: Takes rows' paths apart, as their layout does.
        files: The files that the numbers are of.
    """

    def __init__(self, parts: Parts, files: FileFacts) -> None:
        self._parts = parts
        self._facts = files
        self.paths = Texts()
        self.numbers = array("I")
        self._files: list[UnitFiles] = []
        self._beside: list[FileEntry | None] = []
        self._starts = array("I", [0])
        self._known: dict[UnitFiles, UnitFiles] = {}

    @classmethod
    def of(cls, units: Iterable[Unit], parts: Parts, files: FileList) -> UnitList:
        """Take rows in; as they are where they are such a list already."""
        if isinstance(units, cls):
            return units
        made = cls(parts, files)
        for unit in units:
            made.append_unit(unit.path, unit.files, unit.beside)
        return made

    def append(
        self, path: str, files: UnitFiles, numbers: Iterable[int], beside: FileEntry | None = None
    ) -> None:
        """Take in a row, which comes after all that are here.

        Args:
            path: Its path.
            files: Which files it has.
            numbers: The numbers of these files.
            beside: See `Unit.beside`.
        """
        if beside is not None or self._beside:
            self._beside += [*repeat(None, len(self.paths) - len(self._beside)), beside]
        self.paths.append(path)
        self._files.append(self._known.setdefault(files, files))
        self.numbers.extend(numbers)
        self._starts.append(len(self.numbers))

    def append_unit(self, path: str, files: Mapping[str, FileEntry], beside: FileEntry | None = None) -> None:
        """Take in a row, as `append` does, whose files are looked for by their paths."""
        assert isinstance(self._facts, FileList)
        numbers = [self._facts.number_of(entry.path) for entry in files.values()]
        assert None not in numbers
        self.append(path, UnitFiles.of(path, files), [number or 0 for number in numbers], beside)

    def append_from(self, others: UnitList, number: int) -> None:
        """Take in a row of another list of the same files, as `append` does."""
        numbers = others.numbers[others._starts[number] : others._starts[number + 1]]
        beside = others._beside[number] if others._beside else None
        self.append(others.paths[number], others._files[number], numbers, beside)

    def extend(self, others: UnitList) -> None:
        """Take in the rows of another list of the same files, as `append` does."""
        if others._beside or self._beside:
            self._beside += [
                *repeat(None, len(self) - len(self._beside)),
                *(others._beside or repeat(None, len(others))),
            ]
        self.paths.extend(others.paths)
        self._files += others._files
        self._starts.extend(len(self.numbers) + start for start in others._starts[1:])
        self.numbers += others.numbers

    def with_beside(self, beside: Iterable[FileEntry | None]) -> UnitList:
        """Give the same rows with other files beside them (`Unit.beside`)."""
        made = self[:]
        made._beside = list(beside)
        return made

    def __reduce__(self) -> tuple[Callable[..., UnitList], tuple[Any, ...]]:
        """Send what is known of the rows' own files only."""
        rows = (self.paths, self._files, self._beside, self._starts)
        return _received, (self._parts, self._facts.only(self.numbers), *rows)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.paths)

    def __iter__(self) -> Iterator[Unit]:
        """Give the rows by path order."""
        return map(self._unit, range(len(self)))

    @overload
    def __getitem__(self, number: int) -> Unit: ...
    @overload
    def __getitem__(self, number: slice) -> UnitList: ...
    def __getitem__(self, number: int | slice) -> Unit | UnitList:
        """Give one row by its number, or several that follow each other."""
        if isinstance(number, slice):
            return self.take(range(*number.indices(len(self))))
        return self._unit(range(len(self))[number])

    def __eq__(self, other: object) -> bool:
        """Compare the rows, with any sequence of them."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def take(self, numbers: Sequence[int]) -> UnitList:
        """Give some rows by their numbers, in that order."""
        made = UnitList(self._parts, self._facts)
        for start, end in _spans(numbers):
            made.paths.extend(self.paths.between(start, end))
            made.numbers += self.numbers[self._starts[start] : self._starts[end]]
            made._files += self._files[start:end]
            made._beside += self._beside[start:end]
        made._starts.extend(accumulate(len(files.slots) for files in made._files))
        return made

    def sizes_bytes(self) -> list[int]:
        """Give the bytes of the files of each row."""
        sizes_bytes = self._facts.sizes_bytes
        whole = [*accumulate((sizes_bytes[number] for number in self.numbers), initial=0)]
        return [whole[end] - whole[start] for start, end in zip(self._starts, self._starts[1:], strict=False)]

    @property
    def size_bytes(self) -> int:
        """The bytes of the files of all rows."""
        return sum(map(self._facts.sizes_bytes.__getitem__, self.numbers))

    @property
    def has_files(self) -> bool:
        """Whether a row has a file."""
        return bool(self.numbers)

    def paths_with_files(self) -> Iterator[str]:
        """Give the paths of the rows that have a file."""
        return (path for path, files in zip(self.paths, self._files, strict=True) if files.slots)

    def file_paths(self) -> Iterator[str]:
        """Give the paths of the files of all rows, in the order of `numbers`."""
        for path, files in zip(self.paths, self._files, strict=True):
            for tail in files.tails:
                yield _path(path, tail)

    def parts(self) -> Iterator[dict[str, str | None]]:
        """Give the named parts of each row's path."""
        return (self._parts(path) or {} for path in self.paths)

    def have_json(self, slot: str) -> Iterator[bool]:
        """Tell of each row whether it has a JSON file in a slot, or one beside it."""
        beside = self._beside or repeat(None)
        return (
            slot in files.slots or one is not None for files, one in zip(self._files, beside, strict=False)
        )

    def rows_of_files(self) -> Iterator[int]:
        """Give the number of the row of each file, in the order of `numbers`."""
        for row, files in enumerate(self._files):
            yield from repeat(row, len(files.slots))

    def place(self, row: int, file: int) -> int:
        """Say where in `numbers` a file of a row is, by the numbers of both."""
        return self.numbers.index(file, self._starts[row], self._starts[row + 1])

    def _unit(self, number: int) -> Unit:
        path, files, facts = self.paths[number], self._files[number], self._facts
        numbers = self.numbers[self._starts[number] : self._starts[number + 1]]
        entries = {
            slot: FileEntry(_path(path, tail), facts.sizes_bytes[at], facts.mtime_ns(at), facts.offset(at))
            for slot, tail, at in zip(files.slots, files.tails, numbers, strict=True)
        }
        beside = self._beside[number] if self._beside else None
        return Unit(path, entries, self._parts(path) or {}, beside)


def _received(
    parts: Parts,
    facts: FileFacts,
    paths: Texts,
    files: list[UnitFiles],
    beside: list[FileEntry | None],
    starts: array[int],
) -> UnitList:
    made = UnitList(parts, facts)
    made.paths, made._files, made._beside, made._starts = paths, files, beside, starts
    made.numbers = array("I", range(starts[-1]))
    return made


def _tail(path: str, file: str) -> str:
    return file[len(path) :] if file == path or file.startswith(f"{path}/") else f"\0{file}"


def _path(path: str, tail: str) -> str:
    return tail[1:] if tail[:1] == "\0" else path + tail


def _spans(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut numbers into those that follow each other: where each begins, and ends."""
    if isinstance(numbers, range) and numbers.step == 1:
        if numbers:
            yield numbers.start, numbers.stop
        return
    start = end = -1
    for number in numbers:
        if number != end:
            if start >= 0:
                yield start, end
            start = number
        end = number + 1
    if start >= 0:
        yield start, end
