"""How two lists of files differ: compared in Arrow, without a Python object for each file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array, text_array
from vmeval_builders.arrow.listing import ROOT_FOLDER

#: Gives the SHA-256 (32 bytes each) of the files in some rows of a list.
Digests = Callable[[pa.Array], pa.ChunkedArray]

#: So many paths are looked for at once.
_RUN = 2**16
_FEW_GAPS = 1000


@dataclass(frozen=True)
class FileList:
    """Files and folders of a dataset, or of a folder.

    Attributes:
        table: A row for each, with ``path`` (of a folder, with a ``/`` at the end; ``./`` is the whole) and
            ``modified`` (null where it is not known).
        digests: Gives the hashes of files; it is asked only for those that the other list has too.
        empty: The folders that are known to be empty; None where those are that have nothing listed in them.
    """

    table: pa.Table
    digests: Digests
    empty: frozenset[str] | None = None

    @property
    def paths(self) -> pa.ChunkedArray:
        """The path of each row."""
        return self.table["path"]

    @cached_property
    def empty_folders(self) -> frozenset[str]:
        """The listed folders that have nothing in them."""
        if self.empty is not None:
            return self.empty
        folders = self.paths.filter(pc.ends_with(self.paths, "/"))
        folders = folders.filter(pc.not_equal(folders, text_array([ROOT_FOLDER])[0]))
        if not len(folders):
            return frozenset()
        occupied = pc.is_in(pc.utf8_rtrim(folders, "/"), value_set=self._parents)
        return frozenset(folders.filter(pc.invert(occupied)).to_pylist())

    @cached_property
    def folders(self) -> frozenset[str]:
        """All folders, those that are not listed but in which something is, too."""
        found = set()
        for path in self._parents.to_pylist():
            while path and f"{path}/" not in found:
                found.add(f"{path}/")
                path = path.rpartition("/")[0]
        found.update(self.paths.filter(pc.ends_with(self.paths, "/")).to_pylist())
        return frozenset(found)

    @cached_property
    def _parents(self) -> pa.Array:
        """The folders that something is listed directly in, without a ``/`` at the end."""
        return pc.unique(parents_of(self.paths))


@dataclass(frozen=True, slots=True)
class Difference:
    """How a new list of files differs from an old one, as numbers of their rows.

    Attributes:
        removed: Rows of the old list that the new one has not; a folder, too, that was empty and is not any more.
        added: Rows of the new list that the old one has not; of folders, those that are empty.
        changed: Rows of the old list whose file has other bytes in the new one.
        changed_to: The rows of the new list that these became.
        other_times: Rows of the old list whose file or folder has another time in the new one, where both tell.
    """

    removed: pa.Array
    added: pa.Array
    changed: pa.Array
    changed_to: pa.Array
    other_times: pa.Array


def compare(old: FileList, new: FileList) -> Difference:
    """Compare two lists of files by paths, hashes and times."""
    in_new, in_old = _common(old.paths, new.paths)
    is_file = joined(pc.invert(pc.ends_with(taken(new.paths, in_new), "/")))
    files, files_old = in_new.filter(is_file), in_old.filter(is_file)
    differ = joined(pc.not_equal(old.digests(files_old), new.digests(files)))
    times = pc.not_equal(taken(old.table["modified"], in_old), taken(new.table["modified"], in_new))
    return Difference(
        removed=_removed(old, new, _others(old.table.num_rows, in_old)),
        added=_added(new, _others(new.table.num_rows, in_new)),
        changed=files_old.filter(differ),
        changed_to=files.filter(differ),
        other_times=in_old.filter(joined(times)),
    )


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


def _removed(old: FileList, new: FileList, numbers: pa.Array) -> pa.Array:
    """Add to the old list's own rows the folders that are not empty any more; drop those that are there unlisted."""
    is_folder = joined(pc.ends_with(taken(old.paths, numbers), "/"))
    filled = old.empty_folders - new.empty_folders
    files = numbers.filter(pc.invert(is_folder))
    folders = numbers.filter(is_folder)
    if not len(folders) and not filled:
        return files
    names = {path for path in taken(old.paths, folders).to_pylist() if path not in new.folders} | filled
    wanted = pc.is_in(old.paths, value_set=text_array(sorted(names - {ROOT_FOLDER})))
    return pa.concat_arrays([files, pc.indices_nonzero(wanted).cast(pa.int64())])


def _added(new: FileList, numbers: pa.Array) -> pa.Array:
    """Drop from the new list's own rows the folders in which something is: that says them."""
    paths = taken(new.paths, numbers)
    counts = pc.invert(pc.ends_with(paths, "/"))
    if new.empty_folders:
        counts = pc.or_(counts, pc.is_in(paths, value_set=text_array(sorted(new.empty_folders))))
    return numbers.filter(joined(counts))


def ascends(values: pa.ChunkedArray, strictly: bool = True) -> bool:
    """Whether each value comes after the one before it, as each path in every list that we write: then none comes twice.

    Args:
        values: Paths, or numbers; no nulls.
        strictly: Whether one that comes again is none that comes after.
    """
    rows = len(values)
    come_after = pc.less if strictly else pc.less_equal
    return rows < 2 or bool(pc.all(come_after(values.slice(0, rows - 1), values.slice(1))).as_py())


def _common(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Give the numbers of the new list's rows whose path the old one has, and the old one's numbers of these."""
    if not (ascends(old) and ascends(new)):
        return _common_of_run(old, new, 0, 0)
    # A hash table of a million paths does not fit the processor's cache, and takes as long as all else together.
    runs, low = [], 0
    for begin in range(0, len(new), _RUN):
        run = new.slice(begin, _RUN)
        low, high = (_place_of(path, old, low) for path in (run[0].as_py(), run[-1].as_py()))
        runs.append(_common_of_run(old.slice(low, high + 1 - low), run, low, begin))
        low = high
    in_new, in_old = (
        (pa.concat_arrays([integer_array([]), *numbers]) for numbers in zip(*runs, strict=True))
        if runs
        else (
            integer_array([]),
            integer_array([]),
        )
    )
    return in_new, in_old


def _place_of(path: str, paths: pa.ChunkedArray, low: int) -> int:
    """Say where a path is, or would be, among paths that ascend."""
    return bisect_left(range(len(paths)), path, low, key=lambda number: str(paths[number].as_py()))


def _common_of_run(
    old: pa.ChunkedArray, new: pa.ChunkedArray, first_old: int, first_new: int
) -> tuple[pa.Array, pa.Array]:
    found = joined(pc.index_in(new, value_set=joined(old)))
    in_new = pc.indices_nonzero(pc.is_valid(found)).cast(pa.int64())
    in_old = found.drop_null().cast(pa.int64())
    return pc.add(in_new, integer_array([first_new])[0]), pc.add(in_old, integer_array([first_old])[0])


def _others(rows: int, numbers: pa.Array) -> pa.Array:
    """Give the numbers of a list's rows that are not among some, which may come twice."""
    runs = _runs(numbers)
    if runs is None:
        everything = pa.arange(0, rows)
        return everything.filter(pc.invert(pc.is_in(everything, value_set=pc.unique(numbers))))
    between = pairwise([(0, 0), *runs, (rows, rows)])
    return pa.concat_arrays([pa.arange(end, start) for (_, end), (start, _) in between])


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
