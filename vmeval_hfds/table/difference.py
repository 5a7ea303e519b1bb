"""How two lists of files differ: compared in Arrow by path order, a part at a time, so that neither need be held."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array, scalar
from vmeval_builders.arrow.listing import ROOT_FOLDER
from vmeval_hfds.errors import NotByPathError

#: So many paths are looked at together.
_RUN = 2**16
_FEW_GAPS = 1000


@dataclass(frozen=True)
class FileList:
    """Files and folders of a dataset, or of a folder.

    Attributes:
        tables: Gives them, some at a time: ``path`` (of a folder, with a ``/`` at the end; ``./`` is the whole), ``modified``
            (null where it is not known) and ``key``, which is null of a folder. It is told whether they must be put by
            path order first; else they are given as they come.
        hashes: Takes keys of files, and gives the files' SHA-256 (32 bytes each) in the same order. It is asked only
            for those that the other list has too.
        empty: The folders that are known to be empty; None where those are that have nothing listed in them.
    """

    tables: Callable[[bool], Iterator[pa.Table]]
    hashes: Callable[[Iterator[pa.Array]], Iterator[pa.Array]]
    empty: frozenset[str] | None = None


@dataclass(slots=True)
class Difference:
    """How a new list of files differs from an old one: paths, by path order.

    Attributes:
        removed: What the new list has not; a folder, too, that was empty and is not any more.
        added: What the old list has not; of folders, those that are empty.
        changed: Files with other bytes.
        other_times: Files and folders with another time, where both tell.
        empty_old: The empty folders of the old list.
        empty_new: The empty folders of the new list.
        old_files: How many files the old list has.
    """

    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    other_times: list[str] = field(default_factory=list)
    empty_old: set[str] = field(default_factory=set)
    empty_new: set[str] = field(default_factory=set)
    old_files: int = 0


def compare(old: FileList, new: FileList) -> Difference:
    """Compare two lists of files by paths, hashes and times.

    Raises:
        NotByPathError: A list that was put by path order is not; whoever made it says so.
    """
    try:
        return _compared(old, new, in_order=False)
    except NotByPathError:
        return _compared(old, new, in_order=True)


def _compared(old: FileList, new: FileList, *, in_order: bool) -> Difference:
    found = Difference()
    both = _Parted(_files_of_both(old, new, in_order, found))
    hashes = old.hashes(both.only("old")), new.hashes(both.only("new")), both.only("path")
    for old_hashes, new_hashes, paths in _aligned(*hashes):
        found.changed += paths.filter(pc.not_equal(old_hashes, new_hashes)).to_pylist()
    return found


class _Parted:
    """Gives each column of what comes to a reader of its own; what one has read waits for the others, and no longer."""

    def __init__(self, coming: Iterator[dict[str, pa.Array]]) -> None:
        self._coming = coming
        self._waiting: dict[str, deque[pa.Array]] = {name: deque() for name in ("old", "new", "path")}

    def only(self, name: str) -> Iterator[pa.Array]:
        """Give one column."""
        while True:
            if not self._waiting[name]:
                columns = next(self._coming, None)
                if columns is None:
                    return
                for one, column in columns.items():
                    self._waiting[one].append(column)
            yield self._waiting[name].popleft()


def _aligned(*streams: Iterator[pa.Array]) -> Iterator[tuple[pa.Array, ...]]:
    """Cut streams of arrays, which are as long as each other, at the same places."""
    heads = [pa.nulls(0)] * len(streams)
    while True:
        heads = [
            head if len(head) else next(filter(len, stream), head)
            for head, stream in zip(heads, streams, strict=True)
        ]
        length = min(map(len, heads))
        if not length:
            return
        yield tuple(head.slice(0, length) for head in heads)
        heads = [head.slice(length) for head in heads]


def _files_of_both(
    old: FileList, new: FileList, in_order: bool, found: Difference
) -> Iterator[dict[str, pa.Array]]:
    """Give the files that both lists have: ``path`` and the keys; take down all else that differs on the way."""
    one, other = _Side(old, in_order, found.empty_old), _Side(new, in_order, found.empty_new)
    while ends := [side.end for side in (one, other) if side.end is not None]:
        mine, its = (side.until(min(ends)) for side in (one, other))
        found.old_files += mine.num_rows - mine["key"].null_count
        mine_too, its_too = _matched(mine, its, one, other, found)
        _compare_times(mine_too, its_too, found)
        is_file = pc.is_valid(mine_too["key"])
        if pc.any(is_file).as_py():
            yield {
                "path": joined(mine_too["path"].filter(is_file)),
                "old": joined(mine_too["key"].filter(is_file)),
                "new": joined(its_too["key"].filter(is_file)),
            }


class _Side:
    """A list that is gone through by path order.

    Attributes:
        end: The last path of what is at hand; None at the end.
        empty: The empty folders that came by.
    """

    def __init__(self, files: FileList, in_order: bool, empty: set[str]) -> None:
        self._files = files
        self._coming = iter(files.tables(in_order))
        self._table = pa.table({"path": pa.nulls(0, pa.string())})
        self.end: str | None = None
        self.empty = empty
        self._load()

    def _load(self) -> None:
        """Take up what comes next, if nothing is left at hand."""
        while not self._table.num_rows:
            table = next(self._coming, None)
            if table is None:
                self.end = None
                return
            paths = table["path"]
            if not table.num_rows:
                continue
            if not ascends(paths, strictly=False) or (self.end is not None and paths[0].as_py() < self.end):
                raise NotByPathError("a list of files is not by path order")
            self._table, self.end = table, paths[-1].as_py()

    def until(self, end: str) -> pa.Table:
        """Take what comes up to a path, and that itself."""
        taken_now: list[pa.Table] = []
        while self.end is not None and (not taken_now or self.next_path <= end):
            here = pc.sum(pc.less_equal(self._table["path"], scalar(end))).as_py() or 0
            taken_now.append(self._table.slice(0, here))
            self._table = self._table.slice(here)
            self._load()
        if not taken_now:
            return _NOTHING
        table = (
            taken_now[0] if len(taken_now) == 1 else pa.concat_tables(taken_now, promote_options="permissive")
        )
        self._find_empty(table)
        return table

    @property
    def next_path(self) -> str:
        """The path that comes next; empty at the end."""
        return str(self._table["path"][0].as_py()) if self.end is not None else ""

    def _find_empty(self, table: pa.Table) -> None:
        """Take down the folders in which nothing is: all that lies in one follows it."""
        if not table["key"].null_count:
            return
        paths = [*table["path"].to_pylist(), self.next_path]
        for path, following in pairwise(paths):
            if not path.endswith("/") or path == ROOT_FOLDER:
                continue
            is_empty = (
                not following.startswith(path) if self._files.empty is None else path in self._files.empty
            )
            if is_empty:
                self.empty.add(path)


_NOTHING = pa.table({"path": pa.nulls(0, pa.string()), "modified": pa.nulls(0), "key": pa.nulls(0)})


def _matched(
    mine: pa.Table, its: pa.Table, one: _Side, other: _Side, found: Difference
) -> tuple[pa.Table, pa.Table]:
    """Give the rows of two tables that both have, and take down what one has alone, and folders that were filled."""
    if mine["path"].equals(its["path"]):
        mine_too, its_too = mine, its
    else:
        at = joined(pc.index_in(its["path"], value_set=joined(mine["path"])))
        is_there = pc.is_in(mine["path"], value_set=joined(its["path"]))
        found.removed += _lost(mine["path"].filter(pc.invert(is_there)).to_pylist(), its, one, other)
        added = its["path"].filter(pc.is_null(at)).to_pylist()
        found.added += [path for path in added if not path.endswith("/") or path in other.empty]
        mine_too, its_too = mine.take(at.drop_null()), its.filter(pc.is_valid(at))
    if mine_too["key"].null_count:
        folders = mine_too["path"].filter(pc.is_null(mine_too["key"])).to_pylist()
        found.removed += [path for path in folders if path in one.empty and path not in other.empty]
    return mine_too, its_too


def _lost(paths: list[str], its: pa.Table, one: _Side, other: _Side) -> Iterator[str]:
    """Pick what the new list really has not: a folder in which something is, is there, and need not be listed."""
    there = its["path"].to_pylist() if any(path.endswith("/") for path in paths) else []
    there.append(other.next_path)
    for path in paths:
        # All that lies in a folder follows it.
        is_there = path.endswith("/") and there[bisect_left(there, path, hi=len(there) - 1)].startswith(path)
        if path != ROOT_FOLDER and (path in one.empty or not is_there):
            yield path


def _compare_times(mine: pa.Table, its: pa.Table, found: Difference) -> None:
    times = mine["modified"], its["modified"]
    # A list in which no time is known at all need not keep memory for them.
    if not any(pa.types.is_null(column.type) for column in times):
        found.other_times += mine["path"].filter(pc.not_equal(*times)).to_pylist()


def parents_of(paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give the folders that files and folders lie directly in, without a ``/`` at the end; some come several times."""
    found = []
    for start in range(0, len(paths), _RUN):
        for chunk in paths.slice(start, _RUN).chunks:
            split = pc.split_pattern(pc.utf8_rtrim(chunk, "/"), "/", max_splits=1, reverse=True)
            split = split.filter(pc.greater(pc.list_value_length(split), integer_array([1])[0]))
            found.append(pc.unique(pc.list_element(split, integer_array([0])[0])))
    return pa.chunked_array(found, pa.string())


def taken(column: pa.ChunkedArray, numbers: pa.Array) -> pa.ChunkedArray:
    """Take some rows of a column; those that follow each other are not copied."""
    runs = _runs(numbers)
    if runs is None:
        return column.take(numbers)
    chunks = list(chain.from_iterable(column.slice(start, end - start).chunks for start, end in runs))
    return pa.chunked_array(chunks, column.type)


def joined(column: pa.ChunkedArray) -> pa.Array:
    """Make one array of a column; of no chunk at all, Arrow would import pandas for it."""
    return column.combine_chunks() if column.num_chunks else pa.nulls(0, column.type)


def ascends(values: pa.ChunkedArray, strictly: bool = True) -> bool:
    """Whether each value comes after the one before it, as each path in every list that we write: then none comes twice.

    Args:
        values: Paths, or numbers; no nulls.
        strictly: Whether one that comes again is none that comes after.
    """
    rows = len(values)
    come_after = pc.less if strictly else pc.less_equal
    return rows < 2 or bool(pc.all(come_after(values.slice(0, rows - 1), values.slice(1))).as_py())


def _runs(numbers: pa.Array) -> list[tuple[int, int]] | None:
    """Give where the runs of numbers that follow each other begin and end; None where there are many."""
    if not len(numbers):
        return []
    steps = pc.subtract(numbers.slice(1), numbers.slice(0, len(numbers) - 1))
    gaps = pc.indices_nonzero(pc.not_equal(steps, integer_array([1])[0]))
    if len(gaps) > _FEW_GAPS:
        return None
    ends = [*gaps.to_pylist(), len(numbers) - 1]
    begins = [0, *(gap + 1 for gap in ends[:-1])]
    runs = [
        (numbers[begin].as_py(), numbers[end].as_py() + 1) for begin, end in zip(begins, ends, strict=True)
    ]
    return runs if all(before[1] <= after[0] for before, after in pairwise(runs)) else None
