"""What is read in one pass: a compressed archive is decompressed from its start, so that one worker reads all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from vmeval_builders.entries import FileEntry, Unit
from vmeval_builders.sources.source import ANYWHERE, Source
from vmeval_builders.unit_list import UnitList

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from vmeval_builders.sources.archives import Archives

Item = TypeVar("Item")


def pass_of(source: Source, entry: FileEntry | None) -> int:
    """Give the pass in which a file is read, or `ANYWHERE`, as `Archives.pass_of` says."""
    return source.pass_of(entry) if entry is not None and _in_passes(source) else ANYWHERE


def pass_of_units(source: Source, units: Sequence[Unit]) -> int:
    """Give the pass in which rows are read: that of the first of their files, for neighbours lie together."""
    if not _in_passes(source):
        return ANYWHERE
    return pass_of(source, next((entry for entry in map(first_file, units) if entry), None))


def first_file(unit: Unit) -> FileEntry | None:
    """Give the first of a row's files."""
    return next(iter(unit.files.values()), None)


def by_pass(source: Source, units: UnitList) -> UnitList:
    """Put rows that are read in one pass together."""
    if not _in_passes(source):
        return units
    passes = [pass_of_units(source, [unit]) for unit in units]
    return units.take(sorted(range(len(units)), key=passes.__getitem__))


def runs(
    source: Source, items: Sequence[Item], file_of: Callable[[Item], FileEntry | None], most: int
) -> Iterator[Sequence[Item]]:
    """Cut items into runs that are worth a job: `most` at a time, but what follows each other in one pass whole.

    Args:
        source: Holds the items' files.
        items: What is read.
        file_of: Gives the file by which an item's pass is told.
        most: So many at a time.
    """
    if not _in_passes(source):
        yield from (items[start : start + most] for start in range(0, len(items), most))
        return
    for number, following in groupby(items, key=lambda item: pass_of(source, file_of(item))):
        of_pass = list(following)
        size = most if number == ANYWHERE else len(of_pass)
        yield from (of_pass[start : start + size] for start in range(0, len(of_pass), size))


def _in_passes(source: Source) -> TypeIs[Archives]:
    """Whether a source is a folder of archives, for whose kind alone tar's modules need not be imported."""
    return source.in_passes
