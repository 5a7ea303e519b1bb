"""The texts of a table's rows by the names of our columns, whoever made the table."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from vmeval_hfds.table.columns import ColumnMap


def their_columns(columns: ColumnMap, names: Collection[str]) -> list[str]:
    """Name the columns to read for some of ours, as the table calls them.

    Args:
        columns: Where the table has what we need.
        names: Our columns; those that the table does not have are left out.
    """
    # Where a row has no path, its id and domain tell it.
    needed = [*names]
    if "path" in names and "path" not in columns.names:
        needed += columns.layout.key_columns
    return list(dict.fromkeys(columns.names[name] for name in needed if name in columns.names))


def text_rows(columns: ColumnMap, table: pa.Table, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give each row's texts and numbers by our columns; None for what the table does not have.

    Args:
        columns: Where the table has what we need.
        table: Rows with `their_columns` of the wanted ones.
        kinds: Our columns that are wanted, and their kinds.
    """
    texts = {}
    for name, kind in kinds.items():
        theirs = columns.names.get(name)
        if theirs is not None:
            values = table[theirs].to_pylist()
            texts[name] = [_as_text(value) for value in values] if kind == "string" else values
        elif name == "path":
            texts[name] = [_as_text(value) for value in columns.keys(table)[2]]
    return [
        {name: texts[name][row] if name in texts else None for name in kinds} for row in range(table.num_rows)
    ]


def _as_text(value: object) -> str | None:
    # Others keep numbers as ids, and metadata as nested columns.
    return (
        value
        if value is None or isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=str)
    )
