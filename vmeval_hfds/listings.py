"""Read a dataset's list of files (the config `files`) from its shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vmeval_builders.listing import ListedFile, listed_files
from vmeval_hfds.dataset_files import DatasetFiles
from vmeval_hfds.errors import DatasetError, UnsafePathError
from vmeval_hfds.shards import open_shard, read_group

_LISTED_COLUMNS = ["path", "size", "sha256"]


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
    for name in dataset.listings:
        with open_shard(dataset.fetch(name)) as shard:
            if missing := sorted(set(columns) - set(shard.schema_arrow.names)):
                raise DatasetError(f"{dataset.name}: {name} has no column {missing[0]}; it lists no files")
            for group in range(shard.num_row_groups):
                yield from listed_files(read_group(shard, f"{dataset.name}: {name}", group, columns))


def read_digests(dataset: DatasetFiles) -> dict[str, bytes | None]:
    """Read which hash every file has.

    Returns:
        Path to SHA-256 (32 bytes), in the order of the paths; None for an empty folder, whose path ends in ``/``.

    Raises:
        DatasetError: A row has no path, or no hash where it needs one.
        UnsafePathError: Two rows are for one file.
    """
    digests: dict[str, bytes | None] = {}
    for number, listed in enumerate(read_listing(dataset)):
        digest = _digest(listed)
        if not isinstance(listed.path, str) or (digest is None) is not listed.is_folder:
            message = "has no path" if not isinstance(listed.path, str) else "has no SHA-256 of 64 digits"
            raise DatasetError(f"{dataset.name}: row {number} of files ({listed.path!a}) {message}")
        if listed.path in digests:
            raise UnsafePathError(f"{dataset.name}: row {number} of files: {listed.path!a} comes twice")
        digests[listed.path] = digest
    return digests


def _digest(listed: ListedFile) -> bytes | None:
    try:
        digest = bytes.fromhex(listed.sha256 or "")
    except ValueError:
        return None
    return digest if len(digest) == 32 else None


def split_listing(digests: Mapping[str, bytes | None]) -> tuple[list[str], list[str]]:
    """Part a listing into paths of files and paths of empty folders (without the ``/``)."""
    files = [path for path, digest in digests.items() if digest is not None]
    folders = [path[:-1] for path, digest in digests.items() if digest is None]
    return files, folders
