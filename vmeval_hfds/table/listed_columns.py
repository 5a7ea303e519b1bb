"""The columns of a list of files (the config `files`), whoever made it: of our types, or refused."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from vmeval_builders.arrow.schema import FILE_COLUMNS
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.table.reader import Shard
from vmeval_hfds.table.values import Use, check_type, convert

#: Columns that every list of files has, also one of an earlier version.
_NEEDED_COLUMNS = ("path", "size", "sha256", "modified")
_USES: dict[str, Use] = {"string": "text", "int64": "integer", "binary": "bytes"}


def check_columns(shard: Shard, further: Iterable[str] = ()) -> None:
    """Refuse a shard that lists no files, or whose columns are of types that cannot be ours.

    Args:
        shard: The shard.
        further: Columns that it must have, beside those that every list has.

    Raises:
        DatasetError: It is such a shard.
    """
    if missing := sorted({*_NEEDED_COLUMNS, "content", *further} - set(shard.schema.names)):
        raise DatasetError(f"{shard.name}: has no column {missing[0]}; it lists no files")
    check_types(shard, [name for name in FILE_COLUMNS if name in shard.schema.names])


def check_types(shard: Shard, columns: Iterable[str]) -> None:
    """Refuse a shard in which some of the list's columns are of types that cannot be ours.

    Args:
        shard: The shard.
        columns: The columns; it has them.

    Raises:
        DatasetError: One is.
    """
    for name in columns:
        check_type(shard.schema, name, _USES[FILE_COLUMNS[name]], shard.name)


def typed(shard: Shard, table: pa.Table) -> pa.Table:
    """Bring columns of the list to our types, whoever made it.

    Raises:
        DatasetError: A value cannot be read.
    """
    return pa.table(
        {
            name: convert(table[name], _USES[FILE_COLUMNS[name]], name, shard.name)
            for name in table.column_names
        }
    )
