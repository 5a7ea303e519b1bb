"""Tell of a whole list of files that its paths are sound, as nearly all are, without a Python object for each."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.paths import are_plain
from vmeval_hfds.table.difference import ascends, parents_of
from vmeval_hfds.table.listing import Listing

#: So many paths are texts of their own at one time.
_TOGETHER = 2**15


def all_plain(listing: Listing) -> bool:
    """Whether all files and folders of a list could be written, beside each other and on every system.

    False says nothing: `vmeval_builders.paths.path_problems` looks at each.
    """
    files, folders = listing.file_paths, listing.folder_paths
    if not all(_are_plain(paths) for paths in (files, folders)):
        return False
    above = _with_above(pa.chunked_array([*parents_of(files).chunks, *folders.chunks], pa.string()))
    keys, folder_keys = pc.ascii_lower(files), pc.ascii_lower(above)
    if pc.count_distinct(folder_keys).as_py() < len(above):
        return False
    if pc.any(pc.is_in(keys, value_set=folder_keys)).as_py():
        return False
    return ascends(keys) or pc.count_distinct(keys).as_py() == len(keys)


def _are_plain(paths: pa.ChunkedArray) -> bool:
    runs = (paths.slice(start, _TOGETHER) for start in range(0, len(paths), _TOGETHER))
    return all(are_plain(run.to_pylist()) for run in runs)


def _with_above(folders: pa.ChunkedArray) -> pa.Array:
    """Give folders and all that they lie in, each once."""
    found = level = pc.unique(folders)
    while len(level):
        level = pc.unique(parents_of(pa.chunked_array([level])))
        level = level.filter(pc.invert(pc.is_in(level, value_set=found)))
        found = pa.concat_arrays([found, level])
    return found
