"""Kinds of columns, the columns of the `files` table, and a version for the columns of all tables.

A schema never depends on the data, so that shards of all configs are read together. `datasets` need not be
imported to write or read it: `arrow_schema` spells out what ``features(...).arrow_schema`` would say. Arrow itself
is only loaded where a table is made or read: a check of a folder does without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

SCHEMA_VERSION = 2

#: One row per file of the whole folder. A folder is a row too where it is empty, or where times are kept: its path
#: ends in ``/``, and is ``./`` for the root. ``config`` and ``id`` are of the row that the file belongs to, the
#: nearest one above it; ``shard`` and ``row`` say where its bytes are, unless ``content`` holds them.
FILE_COLUMNS: dict[str, str] = {
    "path": "string",
    "size": "int64",
    "sha256": "string",
    "modified": "int64",
    "config": "string",
    "id": "string",
    "shard": "string",
    "row": "int64",
    "content": "binary",
}

#: What a column of a builder's table can be.
ROW_KINDS = ("string", "float64", "image", "video", "images", "videos")

# What `datasets` writes for each feature into a Parquet file's metadata.
_FEATURE_DICTS: dict[str, dict[str, Any]] = {
    "image": {"_type": "Image"},
    "video": {"decode": False, "_type": "Video"},
    # Later releases call it List, and read this as well; earlier ones know this alone.
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
    "videos": {"feature": {"decode": False, "_type": "Video"}, "_type": "Sequence"},
}


def media_columns(columns: Mapping[str, str]) -> list[str]:
    """Name the columns that hold whole image or video files."""
    return [name for name, kind in columns.items() if kind in _FEATURE_DICTS]


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """Give the Arrow schema of a table, with the metadata by which `datasets` knows its features.

    Args:
        columns: A builder's columns, or `FILE_COLUMNS`.

    Returns:
        The schema of ``features(columns).arrow_schema``, with the same features in its metadata.
    """
    described = {
        name: _FEATURE_DICTS.get(kind, {"dtype": kind, "_type": "Value"}) for name, kind in columns.items()
    }
    import pyarrow as pa

    metadata = {"huggingface": json.dumps({"info": {"features": described}})}
    return pa.schema([(name, _arrow_types()[kind]) for name, kind in columns.items()], metadata=metadata)


@cache
def _arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    media = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    return {
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "binary": pa.binary(),
        "image": media,
        "video": media,
        "images": pa.list_(media),
        "videos": pa.list_(media),
    }


def media_type() -> pa.DataType:
    """Give the type of an image or video in a table: ``{bytes, path}``."""
    return _arrow_types()["image"]


def features(columns: Mapping[str, str]) -> Features:
    """Give the same columns as `datasets.Features`."""
    from datasets import Features, Image, Sequence, Value, Video

    media = {"image": Image(), "video": Video(decode=False)}
    media |= {f"{kind}s": Sequence(one) for kind, one in media.items()}
    return Features({name: media.get(kind) or Value(kind) for name, kind in columns.items()})
