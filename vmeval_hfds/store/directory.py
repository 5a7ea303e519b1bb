"""The shards of a dataset, wherever they are: in a dataset directory, or on the Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vmeval_builders import paths
from vmeval_hfds.errors import DatasetError, MissingPathError

ROWS_FOLDER = "data"
LISTING_FOLDER = "files"
#: The card's picture.
PREVIEW_NAME = "assets/preview.png"

_SHARD_NAME = re.compile(r"(?:data/[^/]+|files)/[\w.]+-\d{5}-of-\d{5}\.parquet")


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """The shards of a dataset.

    Attributes:
        name: What messages call the dataset.
        row_shards: Names of the shards of rows, relative to the dataset, in row order.
        listing_shards: Names of the shards of ``files``, in row order.
        fetch: Gives the local path of a shard, bringing it here first where need be.
        peek: Opens a shard to read a few columns of it, without bringing all of it here.
        root: The dataset directory, where it is one.
    """

    name: str
    row_shards: Sequence[str]
    listing_shards: Sequence[str]
    fetch: Callable[[str], Path]
    peek: Callable[[str], Path | BinaryIO]
    root: Path | None = None


def is_shard_name(path: str) -> bool:
    """Whether a path, relative to a dataset directory or repository, is that of a shard of ours."""
    return _SHARD_NAME.fullmatch(path) is not None


def pick_shards(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tell the shards of rows from those of ``files``.

    Where none has the name of a shard of ours, every Parquet file is taken for rows: others publish in other
    layouts, which `vmeval_hfds.table.columns` reads.

    Args:
        names: Paths of all files of a dataset.

    Returns:
        The shards of rows and the shards of ``files``, each in row order.
    """
    parquet = sorted(name for name in names if name.endswith(".parquet"))
    ours = [name for name in parquet if is_shard_name(name)]
    rows = [name for name in ours if name.startswith(f"{ROWS_FOLDER}/")]
    if not rows:
        return parquet, []
    return rows, [name for name in ours if name.startswith(f"{LISTING_FOLDER}/")]


def open_dataset_dir(path: str | os.PathLike[str]) -> DatasetFiles:
    """Find the shards of a dataset directory.

    Raises:
        MissingPathError: There is no such directory.
        DatasetError: It is not a dataset directory.
    """
    root = Path(path)
    if root.is_file():
        raise DatasetError(
            f"{path}: expected a dataset directory, found a file; build it with vmeval-hfds build"
        )
    if not root.is_dir():
        raise MissingPathError(f"{path}: no such dataset directory; make one with vmeval-hfds build")
    rows, listings = pick_shards(one.relative_to(root).as_posix() for one in root.rglob("*.parquet"))
    if not rows:
        found = "a question folder" if (root / paths.MANIFEST).exists() else "none"
        raise DatasetError(
            f"{path}: expected shards at data/*/*.parquet, found {found}; build it with vmeval-hfds build"
        )
    return DatasetFiles(str(path), rows, listings, root.joinpath, root.joinpath, root)
