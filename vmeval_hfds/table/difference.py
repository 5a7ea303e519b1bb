"""How two lists of files differ: compared in Arrow, without a Python object for each file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array, text_array
from vmeval_builders.arrow.listing import ROOT_FOLDER

#: Gives the SHA-256 (32 bytes each) of the files in some rows of a list.
Digests = Callable[[pa.Array], pa.Array]


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
        folders = folders.filter(pc.not_equal(folders, ROOT_FOLDER))
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
        found = []
        for chunk in self.paths.chunks:
            split = pc.split_pattern(pc.utf8_rtrim(chunk, "/"), "/", max_splits=1, reverse=True)
            split = split.filter(pc.equal(pc.list_value_length(split), 2))
            found.append(pc.unique(pc.list_element(split, 0)))
        return pc.unique(pa.concat_arrays([text_array([]), *found]))


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
    is_file = pc.invert(pc.ends_with(taken(new.paths, in_new), "/"))
    files, files_old = in_new.filter(is_file), in_old.filter(is_file)
    differ = pc.not_equal(old.digests(files_old), new.digests(files))
    times = pc.not_equal(taken(old.table["modified"], in_old), taken(new.table["modified"], in_new))
    return Difference(
        removed=_removed(old, new, _others(old.table.num_rows, in_old)),
        added=_added(new, _others(new.table.num_rows, in_new)),
        changed=files_old.filter(differ),
        changed_to=files.filter(differ),
        other_times=in_old.filter(times),
    )


def taken(column: pa.ChunkedArray, numbers: pa.Array) -> pa.Array:
    """Take some rows of a column."""
    found = column.take(numbers)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _removed(old: FileList, new: FileList, numbers: pa.Array) -> pa.Array:
    """Add to the old list's own rows the folders that are not empty any more; drop those that are there unlisted."""
    is_folder = pc.ends_with(taken(old.paths, numbers), "/")
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
    return numbers.filter(counts)


def _common(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Give the numbers of the new list's rows whose path the old one has, and the old one's numbers of these.

    What both lists begin with, and what they end with, is compared side by side; a hash table is made only of what
    lies between.
    """
    begin = _same_at_the_beginning(old, new)
    end = _same_at_the_end(old.slice(begin), new.slice(begin))
    old_end, new_end = len(old) - end, len(new) - end
    found = pc.index_in(
        new.slice(begin, new_end - begin), value_set=old.slice(begin, old_end - begin).combine_chunks()
    ).combine_chunks()
    in_new = pc.add(pc.indices_nonzero(pc.is_valid(found)).cast(pa.int64()), begin)
    in_old = pc.add(found.drop_null().cast(pa.int64()), begin)
    return (
        pa.concat_arrays([pa.arange(0, begin), in_new, pa.arange(new_end, len(new))]),
        pa.concat_arrays([pa.arange(0, begin), in_old, pa.arange(old_end, len(old))]),
    )


def _same_at_the_beginning(one: pa.ChunkedArray, other: pa.ChunkedArray) -> int:
    shorter = min(len(one), len(other))
    unlike = int(pc.index(pc.equal(one.slice(0, shorter), other.slice(0, shorter)), False).as_py())
    return shorter if unlike < 0 else unlike


def _same_at_the_end(one: pa.ChunkedArray, other: pa.ChunkedArray) -> int:
    shorter = min(len(one), len(other))
    unlike = pc.indices_nonzero(
        pc.not_equal(one.slice(len(one) - shorter), other.slice(len(other) - shorter))
    )
    return shorter - 1 - int(unlike[-1].as_py()) if len(unlike) else shorter


def _others(rows: int, numbers: pa.Array) -> pa.Array:
    """Give the numbers of a list's rows that are not among some, which may come twice."""
    everything, known = pa.arange(0, rows), pc.unique(numbers)
    if len(known) == rows:
        return integer_array([])
    return everything.filter(pc.invert(pc.is_in(everything, value_set=known)))
