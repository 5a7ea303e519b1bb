"""The shards of a dataset, wherever they are: in a dataset directory, or on the Hub."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vmeval_builders import paths
from vmeval_builders.sources.urls import Url
from vmeval_hfds.errors import ArgumentError, DatasetError, MissingPathError
from vmeval_hfds.store.names import pick_shards


@dataclass(frozen=True, slots=True)
class OtherFiles:
    """The files of a dataset that are no shards, which a table may name by their paths.

    Attributes:
        has: Says whether there is one of this path, in the dataset itself.
        fetch: Gives the local path of one that there is, bringing it here first where need be.
    """

    has: Callable[[str], bool]
    fetch: Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """The shards of a dataset.

    Attributes:
        name: What messages call the dataset.
        row_shards: Names of the shards of rows, relative to the dataset, in row order.
        listing_shards: Names of the shards of ``files``, in row order.
        fetch: Gives the local path of a shard, bringing it here first where need be; of one at a URL, what `peek` gives.
        peek: Opens a shard to read a few columns of it, without bringing all of it here.
        root: The dataset directory, where it is one.
        sizes: Name of a shard to its size, where it is known without opening it.
        digests: Name of a shard to its SHA-256 (hexadecimal), where it is stated.
        address: What names the dataset for good, whatever revision of it this is.
        others: Its other files; None where they cannot be had.
        is_url: Whether it lies at a URL.
    """

    name: str
    row_shards: Sequence[str]
    listing_shards: Sequence[str]
    fetch: Callable[[str], Path | BinaryIO]
    peek: Callable[[str], Path | BinaryIO]
    root: Path | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    others: OtherFiles | None = None
    is_url: bool = False

    @property
    def place(self) -> Path | Url | None:
        """Where whoever reads it must see it; None where each brings it from the Hub."""
        return Url(self.address) if self.is_url else self.root


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
    if not rows and not listings:
        found = "a question folder" if (root / paths.MANIFEST).exists() else "none"
        raise DatasetError(
            f"{path}: expected shards at data/*/*.parquet, found {found}; build it with vmeval-hfds build"
        )
    sizes = {name: (root / name).stat().st_size for name in (*rows, *listings)}
    address = os.path.realpath(root)
    others = OtherFiles(lambda name: _is_inside(address, name), root.joinpath)
    return DatasetFiles(
        str(path), rows, listings, root.joinpath, root.joinpath, root, sizes, address=address, others=others
    )


@contextmanager
def unreplaced(dataset: DatasetFiles) -> Iterator[None]:
    """Make sure that a dataset directory is not replaced by another while it is read: the two would be mixed.

    Raises:
        DatasetError: It was.
    """
    before = _identity(dataset.root)
    try:
        yield
    except Exception as error:
        if _identity(dataset.root) == before:
            raise
        raise DatasetError(_REPLACED.format(dataset.name)) from error
    if _identity(dataset.root) != before:
        raise DatasetError(_REPLACED.format(dataset.name))


_REPLACED = (
    "{}: was replaced or removed while it was read, so that what was made of it may be of both; run again"
)


def _identity(root: Path | None) -> tuple[int, int] | None:
    if root is None:
        return None
    with suppress(OSError):
        status = root.stat()
        return status.st_dev, status.st_ino
    return None


def on_this_disk(target: str | os.PathLike[str]) -> Path:
    """Give the absolute path of a place that is to be written.

    Raises:
        ArgumentError: It is a URL, and nothing is written there.
    """
    if "://" in str(target):
        raise ArgumentError(
            f"{target}: is a URL that nothing is written to; give a path, or a URL of a store such as s3://bucket/folder"
        )
    return Path(os.path.abspath(target))


def _is_inside(root: str, name: str) -> bool:
    """Whether there is such a file in a folder; what a link leads to outside of it is none."""
    place = os.path.realpath(os.path.join(root, name)) if paths.path_problem(name) is None else ""
    return place.startswith(f"{root}{os.sep}") and os.path.isfile(place)
