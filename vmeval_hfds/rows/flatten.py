"""Nested JSON objects to dotted columns, with every value as JSON has it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Keys = tuple[str, ...]


def leaves(value: Mapping[str, Any]) -> Iterator[tuple[Keys, Any]]:
    """List what an object holds that is not an object with keys of its own.

    Yields:
        The keys that lead there, and the value: a scalar, a list (whatever is in it) or an empty object.
    """
    # A stack, not recursion: data may nest as deep as the parser allows.
    pending: list[tuple[Keys, Any]] = [((key,), item) for key, item in reversed(list(value.items()))]
    while pending:
        keys, item = pending.pop()
        if isinstance(item, dict) and item:
            pending += [((*keys, key), below) for key, below in reversed(item.items())]
        else:
            yield keys, item


def column_name(keys: Keys, taken: Collection[str], prefix: str) -> str:
    """Name the column of some keys; different keys get different names.

    Args:
        keys: The keys that lead to a value.
        taken: Names of columns that are there already.
        prefix: What makes a name that is taken another one.
    """
    # A key that has a dot itself is quoted, else {"a.b": 1} and {"a": {"b": 2}} would meet.
    parts = [json.dumps(key, ensure_ascii=False) if not key or set(key) & set('."') else key for key in keys]
    name = ".".join(parts)
    return f"{prefix}.{name}" if name in taken or parts[0] == prefix else name


def column(values: Sequence[Any]) -> pd.Series[Any]:
    """Make a column that keeps the type of every value.

    Where all values are of one kind, it has pandas' type for that kind (``string``, ``Int64``, ``Float64``,
    ``boolean``), with `pandas.NA` where there is none. Any other column is ``object``: lists, and values of
    several kinds, each as it is, with None where there is none.
    """
    import pandas as pd

    dtypes = {str: "string", int: "Int64", float: "Float64", bool: "boolean"}
    kinds = {type(value) for value in values if value is not None}
    dtype = dtypes.get(kinds.pop(), "object") if len(kinds) == 1 else "object"
    try:
        return pd.Series(values, dtype=dtype)
    except (OverflowError, TypeError, UnicodeError):
        # Integers of more than 64 bits, or half of a surrogate pair.
        return pd.Series(values, dtype="object")
