"""Read a dataset's list of files (the config `files`): which files there are, and where their bytes lie.

The list stays in Arrow, packed: no Python object is made for a file unless something is done with that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import empty_table, rows_where, text_array
from vmeval_builders.arrow.listing import ROOT_FOLDER, ListedFile, listed_files
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.errors import UnsafePathError
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.difference import ascends
from vmeval_hfds.table.facts import ListingFacts, merge_facts, parse_facts
from vmeval_hfds.table.listed_columns import check_columns, check_types, typed
from vmeval_hfds.table.listing_parts import (
    INDEX_COLUMNS,
    NUMBER,
    SCHEMA,
    ListingParts,
    index_of,
    listing_shards,
    numbered,
    packed,
)
from vmeval_hfds.table.reader import open_shard

#: A shard is hashed in such pieces; of one at a URL, each is a request.
_PIECE_BYTES = 4 * 2**20
#: A shard on this disk is hashed, to see whether it was replaced, where that takes no time.
_HASHED_BYTES = 2**20
_CONTENT_COLUMNS = ("path", "modified", "content")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a dataset's list of files says.

    Attributes:
        table: A row for each file and folder, with columns of `FILE_COLUMNS`: never the content, ``sha256`` as 32 bytes,
            ``config`` and ``shard`` as dictionaries.
        facts: What it says of the shards; None where it does not, and rows must be looked for.
    """

    table: pa.Table
    facts: ListingFacts | None = None

    @property
    def file_paths(self) -> pa.ChunkedArray:
        """Paths of files."""
        return rows_where(self.table.select(["path"]), pc.is_valid(self.table["sha256"]))["path"]

    @property
    def folder_paths(self) -> pa.ChunkedArray:
        """Paths of folders, without the ``/``; the folder itself is none, it is listed for its time only."""
        folders = rows_where(self.table.select(["path", "modified"]), pc.is_null(self.table["sha256"]))
        is_itself = pc.and_(
            pc.equal(folders["path"], text_array([ROOT_FOLDER])[0]), pc.is_valid(folders["modified"])
        )
        return pc.utf8_slice_codeunits(folders.filter(pc.invert(is_itself))["path"], 0, -1)

    @property
    def files(self) -> list[str]:
        """The same as `file_paths`, as a list."""
        return list(self.file_paths.to_pylist())

    @property
    def folders(self) -> list[str]:
        """The same as `folder_paths`, as a list."""
        return list(self.folder_paths.to_pylist())

    def digests(self) -> dict[str, bytes]:
        """Give the SHA-256 of files by path, 32 bytes each."""
        files = rows_where(self.table.select(["path", "sha256"]), pc.is_valid(self.table["sha256"]))
        return dict(zip(files["path"].to_pylist(), files["sha256"].to_pylist(), strict=True))

    def times(self) -> dict[str, int]:
        """Give modification times in nanoseconds, where they are known; ``./`` is the folder itself."""
        return dict(timed(self.table))

    def numbers(self) -> dict[str, int]:
        """Give the numbers of paths' rows in the whole list, for messages."""
        return dict(
            zip(self.table["path"].to_pylist(), numbered(self.table)[NUMBER].to_pylist(), strict=True)
        )

    def where(self, mask: pa.Array | pa.ChunkedArray) -> Listing:
        """Keep the rows for which an array of truth values says so."""
        is_all = (pc.sum(mask).as_py() or 0) == self.table.num_rows
        return self if is_all else replace(self, table=rows_where(numbered(self.table), mask))


def timed(table: pa.Table) -> Iterator[tuple[str, int]]:
    """Give paths and modification times of listed files and folders, where they are known."""
    known = rows_where(table.select(["path", "modified"]), pc.is_valid(table["modified"]))
    return zip(known["path"].to_pylist(), known["modified"].to_pylist(), strict=True)


def read_facts(dataset: DatasetFiles) -> ListingFacts | None:
    """Read what the list of files says of the shards of rows.

    Returns:
        None where it says nothing, because others made it or an earlier version.

    Raises:
        DatasetError: It is damaged.
    """
    return merge_facts(
        parse_facts(shard.file.metadata.metadata, shard.name) for shard in listing_shards(dataset)
    )


def read_listing(
    dataset: DatasetFiles,
    wanted: Callable[[pa.Table], pa.Array] | None = None,
    by: Sequence[str] = ("config", "id"),
    columns: Sequence[str] = INDEX_COLUMNS,
) -> Listing:
    """Read the list of files, without their contents, so that as much as possible of it fits into memory.

    Args:
        dataset: The dataset.
        wanted: Says which rows are wanted, so that only they are held.
        by: The columns that it is given for that.
        columns: What to read of them.

    Raises:
        DatasetError: A row has no path, or no hash where it needs one; or a shard is damaged.
        UnsafePathError: Two rows are for one file.
    """
    parts = ListingParts(dataset, columns, wanted, by)
    tables = list(parts) or [packed(empty_table(SCHEMA).select(columns))]
    table = pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
    # What it was read from is gone, and is several times as much.
    give_back()
    check_twice(table, dataset.name)
    return Listing(table, parts.facts)


def listed_names(dataset: DatasetFiles) -> Iterator[str]:
    """Give the paths of a list of files, a row group at a time; a folder's ends in ``/``.

    Raises:
        DatasetError: A row has no path, or no hash where it needs one; or a shard is damaged.
    """
    for table in ListingParts(dataset):
        yield from table["path"].to_pylist()


def listing_of(listed: pa.Table) -> Listing:
    """Give the list of files that the rows of `files` will be; hashes may be null yet, and are then empty.

    Args:
        listed: The rows, with the columns of `FILE_COLUMNS`.
    """
    is_folder = pc.ends_with(listed["path"], "/")
    hashed = pc.if_else(is_folder, listed["sha256"], pc.fill_null(listed["sha256"], text_array([""])[0]))
    table = listed.set_column(listed.column_names.index("sha256"), "sha256", hashed)
    return Listing(packed(index_of(table.select(INDEX_COLUMNS))))


def read_contents(dataset: DatasetFiles, paths: Collection[str]) -> Iterator[ListedFile]:
    """Read files whose bytes only the list holds: path, time and content of each.

    Args:
        dataset: The dataset.
        paths: Their paths; those without content are left out.

    Raises:
        DatasetError: A shard is damaged or has other columns.
    """
    wanted = text_array(sorted(paths))
    for shard in listing_shards(dataset):
        check_columns(shard)
        for group in shard.row_groups():
            found = pc.is_in(typed(shard, group.read(["path"]))["path"], value_set=wanted)
            if pc.any(found).as_py():
                table = typed(shard, group.read(_CONTENT_COLUMNS))
                yield from listed_files(table.filter(pc.and_(found, pc.is_valid(table["content"]))))


def read_sizes(dataset: DatasetFiles) -> dict[str, int]:
    """Read how long every file is; of shards on the Hub, no more than these two columns is fetched.

    Returns:
        Path to size in bytes, of files; empty where the dataset lists none.
    """
    sizes: dict[str, int] = {}
    for name in dataset.listing_shards:
        with open_shard(dataset.peek(name), f"{dataset.name}: {name}") as shard:
            if not {"path", "size"} <= set(shard.schema.names):
                continue
            check_types(shard, ["path", "size"])
            for group in shard.row_groups():
                table = typed(shard, group.read(["path", "size"]))
                listed = zip(table["path"].to_pylist(), table["size"].to_pylist(), strict=True)
                sizes.update((path, size) for path, size in listed if path is not None and size is not None)
    return sizes


def trusted_shards(dataset: DatasetFiles, facts: ListingFacts, strict: bool = False) -> set[str]:
    """Name the shards of rows that are as they were when the list was made: nobody replaced them since.

    Args:
        dataset: The dataset.
        facts: What its list of files says.
        strict: Hash all shards on this disk, instead of going by their sizes where they are large.
    """
    return {name for name in dataset.row_shards if _is_as_listed(dataset, facts, name, strict)}


def _is_as_listed(dataset: DatasetFiles, facts: ListingFacts, name: str, strict: bool) -> bool:
    listed = facts.shards.get(name)
    if listed is None or dataset.sizes.get(name) != listed.size_bytes:
        return False
    if name in dataset.digests:
        return dataset.digests[name] == listed.sha256
    is_here = dataset.root is not None
    if not (strict and dataset.is_url) and not (is_here and (strict or listed.size_bytes <= _HASHED_BYTES)):
        return is_here or dataset.is_url
    return digest_of(dataset, name) == listed.sha256


def digest_of(dataset: DatasetFiles, name: str) -> str:
    """Give the SHA-256 of a shard: as the Hub states it, else of the file."""
    if name in dataset.digests:
        return dataset.digests[name]
    place = dataset.fetch(name) if dataset.root is None else dataset.root / name
    with place.open("rb", buffering=0) if isinstance(place, Path) else place as stream:
        digest = hashlib.sha256()
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
        return digest.hexdigest()


def check_twice(table: pa.Table, name: str) -> None:
    """Refuse a list in which a path comes twice.

    Args:
        table: The list.
        name: What messages call the dataset.

    Raises:
        UnsafePathError: One does.
    """
    paths = table["path"]
    if ascends(paths) or pc.count_distinct(paths).as_py() == table.num_rows:
        return
    seen: set[str] = set()
    for number, path in zip(numbered(table)[NUMBER].to_pylist(), paths.to_pylist(), strict=True):
        if path in seen:
            raise UnsafePathError(f"{name}: row {number} of files: {path!a} comes twice")
        seen.add(path)
