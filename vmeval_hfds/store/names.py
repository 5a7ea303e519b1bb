"""How the files of a dataset are called, in a directory and in a repository alike."""

from __future__ import annotations

import re
from collections.abc import Iterable

ROWS_FOLDER = "data"
LISTING_FOLDER = "files"
CARD_NAME = "README.md"
#: The card's picture.
PREVIEW_NAME = "assets/preview.png"

_SHARD_NAME = re.compile(r"(?:data/[^/]+|files)/[\w.]+-\d{5}-of-\d{5}\.parquet")


def shard_name(split: str, number: int, shards_in_all: int) -> str:
    """Name a shard as `push_to_hub` names it."""
    return f"{split}-{number:05d}-of-{shards_in_all:05d}.parquet"


def is_shard_name(path: str) -> bool:
    """Whether a path, relative to a dataset directory or repository, is that of a shard of ours."""
    return _SHARD_NAME.fullmatch(path) is not None


def pick_shards(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tell the shards of rows from those of ``files``.

    Where none has the name of a shard of ours, every Parquet file is taken for rows: others publish in other
    layouts, which `vmeval_hfds.table.columns` reads. Shards of ``files`` alone are a table of files without rows.

    Args:
        names: Paths of all files of a dataset.

    Returns:
        The shards of rows and the shards of ``files``, each in row order.
    """
    parquet = sorted(name for name in names if name.endswith(".parquet"))
    ours = [name for name in parquet if is_shard_name(name)]
    rows = [name for name in ours if name.startswith(f"{ROWS_FOLDER}/")]
    listings = [name for name in ours if name.startswith(f"{LISTING_FOLDER}/")]
    if not rows and listings != parquet:
        return parquet, []
    return rows, listings


def config_of(shard: str) -> str:
    """Name the config that a shard of rows is of."""
    return shard.split("/")[1]
