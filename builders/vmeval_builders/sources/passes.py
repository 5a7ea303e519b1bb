"""What is read in one pass: a compressed archive is decompressed from its start, so that one worker reads all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from vmeval_builders.entries import FileEntry, Unit
from vmeval_builders.sources.archives import ANYWHERE, Archives
from vmeval_builders.sources.source import Source

Item = TypeVar("Item")


def pass_of(source: Source, entry: FileEntry | None) -> int:
    """Give the pass in which a file is read, or `ANYWHERE`, as `Archives.pass_of` says."""
    return source.pass_of(entry) if entry is not None and isinstance(source, Archives) else ANYWHERE


def pass_of_units(source: Source, units: Sequence[Unit]) -> int:
    """Give the pass in which rows are read: that of the first of their files, for neighbours lie together."""
    if not isinstance(source, Archives):
        return ANYWHERE
    return pass_of(source, next((entry for unit in units for entry in unit.files.values()), None))


def runs(items: Sequence[Item], pass_of_item: Callable[[Item], int], most: int) -> Iterator[Sequence[Item]]:
    """Cut items into runs that are worth a job: `most` at a time, but what follows each other in one pass whole."""
    for number, following in groupby(items, key=pass_of_item):
        of_pass = list(following)
        size = most if number == ANYWHERE else len(of_pass)
        yield from (of_pass[start : start + size] for start in range(0, len(of_pass), size))
