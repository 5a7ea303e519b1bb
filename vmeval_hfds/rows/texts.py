"""The texts of a table's rows by the names of our columns, whoever made the table."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from vmeval_hfds.table.columns import ColumnMap


def their_text_columns(columns: ColumnMap) -> list[str]:
    """Name the columns to read for `text_rows`, as the table calls them."""
    return [columns.names[name] for name in columns.layout.text_columns if name in columns.names]


def text_rows(columns: ColumnMap, table: pa.Table) -> list[dict[str, Any]]:
    """Give each row's texts and numbers by the builder's columns; None for what the table does not have.

    Args:
        columns: Where the table has what we need.
        table: Rows with the columns of `their_text_columns`.
    """
    layout = columns.layout
    texts = {
        name: [
            _as_text(value) if layout.columns[name] == "string" else value
            for value in table[theirs].to_pylist()
        ]
        for name, theirs in columns.names.items()
        if name in layout.text_columns
    }
    keys = ([_as_text(value) for value in key] for key in columns.keys(table))
    texts.update(zip(layout.key_columns, keys, strict=True))
    return [
        {name: texts[name][row] if name in texts else None for name in layout.text_columns}
        for row in range(table.num_rows)
    ]


def _as_text(value: object) -> str | None:
    # Others keep numbers as ids, and metadata as nested columns.
    return (
        value
        if value is None or isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=str)
    )
