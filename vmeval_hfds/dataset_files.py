"""The shards of a dataset, wherever they are: in a dataset directory, or on the Hub."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vmeval_builders import layout
from vmeval_hfds.errors import DatasetError

QUESTIONS_FOLDER = "data"
LISTING_FOLDER = "files"


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """The shards of a dataset.

    Attributes:
        name: What messages call the dataset.
        questions: Names of the question shards, relative to the dataset, in row order.
        listings: Names of the shards of ``files``, in row order.
        fetch: Gives the local path of a shard, bringing it here first where need be.
        peek: Opens a shard to read a few columns of it, without bringing all of it here.
    """

    name: str
    questions: Sequence[str]
    listings: Sequence[str]
    fetch: Callable[[str], Path]
    peek: Callable[[str], Path | BinaryIO]


def open_dataset_dir(path: str | os.PathLike[str]) -> DatasetFiles:
    """Find the shards of a dataset directory.

    Raises:
        FileNotFoundError: There is no such directory.
        DatasetError: It is not a dataset directory.
    """
    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"{path}: no such dataset directory; make one with vmeval-hfds build")
    questions = sorted(
        one.relative_to(root).as_posix() for one in root.glob(f"{QUESTIONS_FOLDER}/*/*.parquet")
    )
    listings = sorted(one.relative_to(root).as_posix() for one in root.glob(f"{LISTING_FOLDER}/*.parquet"))
    if not questions:
        found = "a question folder" if (root / layout.MANIFEST).exists() else "none"
        raise DatasetError(
            f"{path}: expected shards at data/*/*.parquet, found {found}; build it with vmeval-hfds build"
        )
    return DatasetFiles(str(path), questions, listings, root.joinpath, root.joinpath)
