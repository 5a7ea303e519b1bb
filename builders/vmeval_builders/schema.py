"""The columns of both tables, in one place, with a version.

The schema never depends on the data, so that shards of all domains are read together. `datasets` need not be
imported to write or read it: `arrow_schema` spells out what ``features(...).arrow_schema`` would say.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from datasets import Features

SCHEMA_VERSION = 1

#: One row per task. ``image`` and ``video`` are the file's bytes, never decoded here.
QUESTION_COLUMNS: dict[str, str] = {
    "id": "string",
    "domain": "string",
    "prompt": "string",
    "first_frame": "image",
    "final_frame": "image",
    "ground_truth": "video",
    "difficulty": "string",
    "task_category": "string",
    "created_at": "string",
    "question_metadata": "string",
    "path": "string",
}

#: One row per file of the whole folder, and one per empty folder (its path ends in ``/``).
FILE_COLUMNS: dict[str, str] = {
    "path": "string",
    "size": "int64",
    "sha256": "string",
    "modified": "int64",
    "content": "binary",
}

MEDIA_TYPE = pa.struct({"bytes": pa.binary(), "path": pa.string()})

_ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "binary": pa.binary(),
    "image": MEDIA_TYPE,
    "video": MEDIA_TYPE,
}
# What `datasets` writes for each feature into a Parquet file's metadata.
_FEATURE_DICTS: dict[str, dict[str, Any]] = {
    "image": {"_type": "Image"},
    "video": {"decode": False, "_type": "Video"},
}


def media_columns(columns: dict[str, str]) -> list[str]:
    """Name the columns that hold whole image or video files."""
    return [name for name, kind in columns.items() if kind in _FEATURE_DICTS]


def arrow_schema(columns: dict[str, str]) -> pa.Schema:
    """Give the Arrow schema of a table, with the metadata by which `datasets` knows its features.

    Args:
        columns: `QUESTION_COLUMNS` or `FILE_COLUMNS`.

    Returns:
        The same schema as ``features(columns).arrow_schema``.
    """
    described = {
        name: _FEATURE_DICTS.get(kind, {"dtype": kind, "_type": "Value"}) for name, kind in columns.items()
    }
    metadata = {"huggingface": json.dumps({"info": {"features": described}})}
    return pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in columns.items()], metadata=metadata)


def features(columns: dict[str, str]) -> Features:
    """Give the same columns as `datasets.Features`."""
    from datasets import Features, Image, Value, Video

    media = {"image": Image(), "video": Video(decode=False)}
    return Features({name: media.get(kind) or Value(kind) for name, kind in columns.items()})
