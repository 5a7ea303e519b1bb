"""Images and videos of which a table has only the path: files of the same dataset are read, and nothing else ever is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import media_array
from vmeval_hfds.errors import DatasetError, shown
from vmeval_hfds.store.directory import OtherFiles

#: What fits one cell of a table.
_MOST_BYTES = 2**31 - 1


def check_paths(values: pa.ChunkedArray, others: OtherFiles | None, where: str) -> bool:
    """Refuse rows with a path and no bytes, unless the path is that of a file of the dataset.

    Args:
        values: Images or videos, ``{bytes, path}``.
        others: The dataset's files; None where there are only shards.
        where: What messages call the table and its column.

    Returns:
        Whether there are rows whose path is that of a file of the dataset.

    Raises:
        DatasetError: There is another.
    """
    content, named = pc.struct_field(values, "bytes"), pc.struct_field(values, "path")
    lacking = pc.filter(named, pc.and_(pc.is_null(content), pc.is_valid(named))).to_pylist()
    for path in lacking:
        if others is None or not others.has(path):
            raise DatasetError(
                f"{where}: expected bytes, or the path of a file in the dataset, found rows with a path and no bytes "
                f"({shown(ascii(path))}); embed the files, or put them beside the table"
            )
    return bool(lacking)


def read_by_path(values: pa.ChunkedArray, others: OtherFiles | None, where: str) -> pa.ChunkedArray:
    """Put the bytes of the dataset's files where only their paths are.

    Args:
        values: Images or videos, ``{bytes, path}``.
        others: The dataset's files.
        where: What messages call the table and its column.

    Returns:
        The same, with bytes, and the files' names instead of paths, where such a file is.

    Raises:
        DatasetError: A file is larger than a table could hold.
        OSError: One cannot be read.
        HubError: One cannot be fetched.
    """
    content, named = pc.struct_field(values, "bytes"), pc.struct_field(values, "path")
    if others is None or not pc.any(pc.and_(pc.is_null(content), pc.is_valid(named))).as_py():
        return values
    return pa.chunked_array([media_array([_filled(one, others, where) for one in values.to_pylist()])])


def _filled(value: Mapping[str, Any] | None, others: OtherFiles, where: str) -> Mapping[str, Any] | None:
    if value is None or value["bytes"] is not None or value["path"] is None or not others.has(value["path"]):
        return value
    place = others.fetch(value["path"])
    if place.stat().st_size > _MOST_BYTES:
        raise DatasetError(f"{where}: {shown(ascii(value['path']))} has more than {_MOST_BYTES:,} bytes")
    return {"bytes": place.read_bytes(), "path": value["path"].rpartition("/")[2]}
