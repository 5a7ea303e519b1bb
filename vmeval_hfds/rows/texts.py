"""The texts of a table's rows by the names of our columns, whoever made the table."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from vmeval_hfds.table.columns import ColumnMap


def text_rows(columns: ColumnMap, table: pa.Table, wanted: Collection[str]) -> list[dict[str, Any]]:
    """Give each row's texts and numbers by our columns; None for what the table does not have.

    Args:
        columns: Where the table has what we need.
        table: Rows with `ColumnMap.theirs` of the wanted ones.
        wanted: Our columns that are wanted.

    Raises:
        DatasetError: A value cannot be read as what it should be.
    """
    texts = {
        name: columns.values(table, name).to_pylist()
        for name in wanted
        if name in columns.names or name == "path"
    }
    return [
        {name: texts[name][row] if name in texts else None for name in wanted}
        for row in range(table.num_rows)
    ]
