"""Tell of a whole list of files that its paths are sound, as nearly all are, without a Python object for each."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.paths import are_plain
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.table.difference import ascends, parents_of
from vmeval_hfds.table.listing import Listing

#: So many paths are looked at together, and are texts of their own for that time.
_TOGETHER = 2**13
#: So many paths are looked up among all folders at once, which takes a table of these each time.
_LOOKED_UP = 2**17


def all_plain(listing: Listing) -> bool:
    """Whether all files and folders of a list could be written, beside each other and on every system.

    False says nothing: `vmeval_builders.paths.path_problems` looks at each.
    """
    files, folders = listing.file_paths, listing.folder_paths
    if not all(are_plain(run.to_pylist()) for paths in (files, folders) for run in _runs(paths)):
        return False
    folder_keys = pc.ascii_lower(_with_above([*parents_of(files).chunks, *folders.chunks]))
    give_back()  # Finding them takes as much as all that follows.
    if pc.count_distinct(folder_keys).as_py() < len(folder_keys):
        return False
    if _meet(files, folder_keys):
        return False
    return _ascend(files) or pc.count_distinct(pc.ascii_lower(files)).as_py() == len(files)


def _meet(files: pa.ChunkedArray, folder_keys: pa.ChunkedArray) -> bool:
    """Whether a file and a folder have one path, whatever their case."""
    runs = (files.slice(start, _LOOKED_UP) for start in range(0, len(files), _LOOKED_UP))
    return any(pc.any(pc.is_in(pc.ascii_lower(run), value_set=folder_keys)).as_py() for run in runs)


def _ascend(paths: pa.ChunkedArray) -> bool:
    """Whether each path comes after the one before it, whatever their case: then no two are the same."""
    # A run ends with the path that the next one begins with.
    runs = (paths.slice(start, _TOGETHER + 1) for start in range(0, len(paths), _TOGETHER))
    return all(ascends(pc.ascii_lower(run)) for run in runs)


def _runs(paths: pa.ChunkedArray) -> Iterator[pa.ChunkedArray]:
    return (paths.slice(start, _TOGETHER) for start in range(0, len(paths), _TOGETHER))


def _with_above(folders: list[pa.Array]) -> pa.ChunkedArray:
    """Give folders and all that they lie in, each once."""
    level = pc.unique(pa.chunked_array(folders, pa.string()))
    found = pa.chunked_array([level])
    while len(level):
        level = pc.unique(parents_of(pa.chunked_array([level])))
        # There are few folders above, and a table of all would be made to look for them there.
        already = found.filter(pc.is_in(found, value_set=level))
        level = level.filter(pc.invert(pc.is_in(level, value_set=already)))
        found = pa.chunked_array([*found.chunks, level])
    return found
