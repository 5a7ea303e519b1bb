"""Read a dataset's list of files (the config `files`) from its shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vmeval_builders.arrow.listing import ROOT_FOLDER, ListedFile, listed_files
from vmeval_hfds.errors import DatasetError, UnsafePathError
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.parquet import open_shard, read_group

_LISTED_COLUMNS = ["path", "size", "sha256", "modified"]


def read_listing(dataset: DatasetFiles, contents: bool = False) -> Iterator[ListedFile]:
    """Read the list of files, a row group at a time.

    Args:
        dataset: The dataset.
        contents: Read the bytes that only this table holds, too.

    Yields:
        The files, in the order of their paths.

    Raises:
        DatasetError: A shard is damaged or has other columns.
    """
    columns = [*_LISTED_COLUMNS, "content"] if contents else _LISTED_COLUMNS
    for name in dataset.listing_shards:
        with open_shard(dataset.fetch(name)) as shard:
            if missing := sorted(set(columns) - set(shard.schema_arrow.names)):
                raise DatasetError(f"{dataset.name}: {name} has no column {missing[0]}; it lists no files")
            for group in range(shard.num_row_groups):
                yield from listed_files(read_group(shard, f"{dataset.name}: {name}", group, columns))


@dataclass(frozen=True, slots=True)
class Listing:
    """What a dataset's list of files says.

    Attributes:
        digests: Path to SHA-256 (32 bytes), in the order of the paths; None for a folder, whose path ends in ``/``.
        times: Path to modification time in nanoseconds, where it is known; ``./`` is the folder itself.
    """

    digests: dict[str, bytes | None] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Paths of files."""
        return [path for path, digest in self.digests.items() if digest is not None]

    @property
    def folders(self) -> list[str]:
        """Paths of folders, without the ``/``."""
        return [path[:-1] for path, digest in self.digests.items() if digest is None]

    def only(self, wanted: Callable[[str], bool]) -> Listing:
        """Keep some paths."""
        digests = {path: digest for path, digest in self.digests.items() if wanted(path)}
        return Listing(digests, {path: time for path, time in self.times.items() if wanted(path)})


def read_whole_listing(dataset: DatasetFiles) -> Listing:
    """Read which hash and time every file has.

    Raises:
        DatasetError: A row has no path, or no hash where it needs one.
        UnsafePathError: Two rows are for one file.
    """
    listing = Listing()
    for number, listed in enumerate(read_listing(dataset)):
        digest = _digest(listed)
        if not isinstance(listed.path, str) or (digest is None) is not listed.is_folder:
            message = "has no path" if not isinstance(listed.path, str) else "has no SHA-256 of 64 digits"
            raise DatasetError(f"{dataset.name}: row {number} of files ({listed.path!a}) {message}")
        if listed.path in listing.digests:
            raise UnsafePathError(f"{dataset.name}: row {number} of files: {listed.path!a} comes twice")
        if listed.modified_ns is not None:
            listing.times[listed.path] = listed.modified_ns
        if listed.path != ROOT_FOLDER or listed.modified_ns is None:
            listing.digests[listed.path] = digest
    return listing


def read_sizes(dataset: DatasetFiles) -> dict[str, int]:
    """Read how long every file is; of shards on the Hub, no more than these two columns is fetched.

    Returns:
        Path to size in bytes, of files; empty where the dataset lists none.
    """
    sizes: dict[str, int] = {}
    for name in dataset.listing_shards:
        with open_shard(dataset.peek(name)) as shard:
            if not {"path", "size"} <= set(shard.schema_arrow.names):
                continue
            for group in range(shard.num_row_groups):
                table = read_group(shard, f"{dataset.name}: {name}", group, ["path", "size"])
                listed = zip(table["path"].to_pylist(), table["size"].to_pylist(), strict=True)
                sizes.update((path, size) for path, size in listed if path is not None and size is not None)
    return sizes


def _digest(listed: ListedFile) -> bytes | None:
    try:
        digest = bytes.fromhex(listed.sha256 or "")
    except ValueError:
        return None
    return digest if len(digest) == 32 else None
