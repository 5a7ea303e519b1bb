"""Read a dataset's list of files (the config `files`): which files there are, and where their bytes lie.

The list stays in Arrow, packed: no Python object is made for a file unless something is done with that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import empty_table, integer_array, rows_where, text_array, truth_array
from vmeval_builders.arrow.listing import ROOT_FOLDER, ListedFile, listed_files
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.paths import PATH_LIMIT_BYTES, is_text
from vmeval_hfds.errors import DatasetError, UnsafePathError, shown
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.difference import ascends
from vmeval_hfds.table.facts import ListingFacts, merge_facts, parse_facts
from vmeval_hfds.table.listed_columns import check_columns, check_types, typed
from vmeval_hfds.table.reader import Shard, open_shard

_INDEX_COLUMNS = tuple(name for name in FILE_COLUMNS if name != "content")
_SCHEMA = pa.schema([arrow_schema(FILE_COLUMNS).field(name) for name in _INDEX_COLUMNS])
#: The number of a file's row in the whole list, for messages, where some rows were left out.
_NUMBER = "number"
#: A list of at most this size is brought in one request, and kept in memory.
_WHOLE_BYTES = 16 * 2**20
#: A shard is hashed in such pieces; of one at a URL, each is a request.
_PIECE_BYTES = 4 * 2**20
#: A shard on this disk is hashed, to see whether it was replaced, where that takes no time.
_HASHED_BYTES = 2**20
_DIGEST = "^[0-9a-fA-F]{64}$"
_CONTENT_COLUMNS = ("path", "modified", "content")
#: The columns without which a row is refused.
_CHECKED = ("path", "sha256", "shard", "row")


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
            zip(self.table["path"].to_pylist(), _numbered(self.table)[_NUMBER].to_pylist(), strict=True)
        )

    def among(self, paths: Collection[str]) -> list[str]:
        """Pick those of some paths that are listed."""
        names = text_array([path for path in paths if is_text(path)])
        return list(self.table["path"].filter(pc.is_in(self.table["path"], value_set=names)).to_pylist())

    def where(self, mask: pa.Array | pa.ChunkedArray) -> Listing:
        """Keep the rows for which an array of truth values says so."""
        is_all = (pc.sum(mask).as_py() or 0) == self.table.num_rows
        return self if is_all else replace(self, table=rows_where(_numbered(self.table), mask))

    def only(self, wanted: Callable[[str], bool]) -> Listing:
        """Keep some paths."""
        # A part of the paths at a time are texts of their own.
        paths = (path for chunk in self.table["path"].chunks for path in chunk.to_pylist())
        return self.where(truth_array(map(wanted, paths)))


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
        parse_facts(shard.file.metadata.metadata, shard.name) for shard in _listing_shards(dataset)
    )


def read_listing(
    dataset: DatasetFiles,
    wanted: Callable[[pa.Table], pa.Array] | None = None,
    by: Sequence[str] = ("config", "id"),
    columns: Sequence[str] = _INDEX_COLUMNS,
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
    tables = []
    number = 0
    facts: list[ListingFacts | None] = []
    for shard in _listing_shards(dataset):
        check_columns(shard, ("config", "id") if wanted else ())
        facts.append(parse_facts(shard.file.metadata.metadata, shard.name))
        there = [
            name for name in _INDEX_COLUMNS if name in shard.schema.names and name in {*columns, *_CHECKED}
        ]
        for group in shard.row_groups():
            first, number = number, number + group.rows
            mask = wanted(typed(shard, group.read(list(by)))) if wanted else None
            if mask is not None and not pc.any(mask).as_py():
                continue
            group.check(["content"])
            table = _index(typed(shard, group.read(there)))
            _check_rows(table, dataset.name, first)
            table = packed(table.select(columns))
            tables.append(table if mask is None else _numbered(table, first).filter(mask))
    table = pa.concat_tables(tables) if tables else packed(empty_table(_SCHEMA).select(columns))
    table = table.unify_dictionaries()
    _check_twice(table, dataset.name)
    return Listing(table, merge_facts(facts))


def listed_names(dataset: DatasetFiles) -> Iterator[str]:
    """Give the paths of a list of files, a row group at a time; a folder's ends in ``/``.

    Raises:
        DatasetError: A row has no path, or no hash where it needs one; or a shard is damaged.
    """
    number = 0
    for shard in _listing_shards(dataset):
        check_columns(shard, ())
        there = [name for name in _INDEX_COLUMNS if name in shard.schema.names]
        for group in shard.row_groups():
            group.check(["content"])
            table = _index(typed(shard, group.read(there)))
            _check_rows(table, dataset.name, number)
            number += group.rows
            yield from table["path"].to_pylist()


def read_packed_listing(dataset: DatasetFiles) -> Listing:
    """Read the list of files to compare it with another: without sizes.

    Raises:
        DatasetError: A row has no path, or no hash where it needs one; or a shard is damaged.
        UnsafePathError: Two rows are for one file.
    """
    return read_listing(dataset, columns=[name for name in _INDEX_COLUMNS if name != "size"])


def listing_of(listed: pa.Table) -> Listing:
    """Give the list of files that the rows of `files` will be; hashes may be null yet, and are then empty.

    Args:
        listed: The rows, with the columns of `FILE_COLUMNS`.
    """
    is_folder = pc.ends_with(listed["path"], "/")
    hashed = pc.if_else(is_folder, listed["sha256"], pc.fill_null(listed["sha256"], text_array([""])[0]))
    table = listed.set_column(listed.column_names.index("sha256"), "sha256", hashed)
    return Listing(packed(_index(table.select(_INDEX_COLUMNS))))


def packed(table: pa.Table) -> pa.Table:
    """Pack a list of files as `Listing` has it."""
    columns = {name: table[name] for name in table.column_names}
    columns["sha256"] = packed_digests(table["sha256"].combine_chunks())
    columns |= {name: columns[name].dictionary_encode() for name in ("config", "shard") if name in columns}
    return pa.table(columns)


def _numbered(table: pa.Table, first: int = 0) -> pa.Table:
    """Add to rows that follow each other their numbers in the whole list, where they have none yet."""
    if _NUMBER in table.column_names:
        return table
    return table.append_column(_NUMBER, pa.arange(first, first + table.num_rows))


def packed_digests(digests: pa.Array) -> pa.Array:
    """Make 32 bytes of each hash of 64 hexadecimal digits; a null stays one.

    Raises:
        ValueError: Some are not hexadecimal.
    """
    # A slice would have the buffers of the whole; a copy begins where they do.
    copied = digests.take(pa.arange(0, len(digests))) if digests.offset else digests
    validity = copied.buffers()[0]
    _, offsets, data = pc.fill_null(copied, text_array([""])[0]).buffers()
    ends = pa.Array.from_buffers(pa.int32(), len(copied) + 1, [None, offsets])
    halves = pc.divide(ends, integer_array([2]).cast(pa.int32())[0])
    content = bytes.fromhex(str(data.slice(0, ends[-1].as_py()), "ascii")) if len(copied) else b""
    if copied and 2 * len(content) != ends[-1].as_py():
        raise DatasetError("spaces between hexadecimal digits")
    return pa.Array.from_buffers(
        pa.binary(), len(copied), [validity, halves.buffers()[1], pa.py_buffer(content)]
    )


def read_contents(dataset: DatasetFiles, paths: Collection[str]) -> Iterator[ListedFile]:
    """Read files whose bytes only the list holds: path, time and content of each.

    Args:
        dataset: The dataset.
        paths: Their paths; those without content are left out.

    Raises:
        DatasetError: A shard is damaged or has other columns.
    """
    wanted = text_array(sorted(paths))
    for shard in _listing_shards(dataset):
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


def _listing_shards(dataset: DatasetFiles) -> Iterator[Shard]:
    for name in dataset.listing_shards:
        with open_shard(_bring(dataset, name), f"{dataset.name}: {name}") as shard:
            yield shard


def _bring(dataset: DatasetFiles, name: str) -> Path | BinaryIO:
    """Bring a shard of the list here: a small one into memory, a large one into the client's cache."""
    size_bytes = dataset.sizes.get(name)
    if dataset.root is None and size_bytes is not None and size_bytes <= _WHOLE_BYTES:
        place = dataset.peek(name)
        if (prefetch := getattr(place, "prefetch", None)) is not None:
            prefetch([(0, size_bytes)])
            return place
    return dataset.fetch(name)


def _index(table: pa.Table) -> pa.Table:
    """Give a row group the columns of the index, null where an earlier version has none, or they were not read."""
    columns = {
        name: table[name]
        if name in table.column_names
        else pa.nulls(table.num_rows, _SCHEMA.field(name).type)
        for name in _INDEX_COLUMNS
    }
    return pa.table(columns, schema=_SCHEMA)


def _check_rows(table: pa.Table, name: str, first: int) -> None:
    """Refuse rows without a path, or with one that no system takes, files without a hash, and half a place."""
    listed, digests = table["path"], table["sha256"]
    are_hashes = _are_hashes(digests)
    sound_digests = pc.is_valid(digests) if are_hashes else pc.match_substring_regex(digests, _DIGEST)
    faults = {
        "has no path": pc.is_valid(listed),
        f"has a path of more than {PATH_LIMIT_BYTES:,} bytes": pc.less_equal(
            pc.binary_length(listed), integer_array([PATH_LIMIT_BYTES])[0]
        ),
        "has no SHA-256 of 64 digits": pc.if_else(
            pc.ends_with(listed, "/"), pc.is_null(digests), sound_digests
        ),
        "is in a shard, and the row is missing": pc.or_(
            pc.is_null(table["shard"]), pc.is_valid(table["row"])
        ),
    }
    no = truth_array([False])[0]
    for fault, sound in faults.items():
        wrong = pc.index(pc.fill_null(sound, no), no).as_py()
        if wrong >= 0:
            raise DatasetError(
                f"{name}: row {first + wrong} of files ({shown(ascii(listed[wrong].as_py()))}) {fault}; "
                "fetch or build the dataset again"
            )


def _are_hashes(digests: pa.ChunkedArray) -> bool:
    """Whether all are null or hashes, without looking at each, as the expression would."""
    if pc.any(pc.not_equal(pc.binary_length(digests), integer_array([64]).cast(pa.int32())[0])).as_py():
        return False
    try:
        packed_digests(digests.combine_chunks())
    except ValueError:
        return False
    return True


def _check_twice(table: pa.Table, name: str) -> None:
    paths = table["path"]
    if ascends(paths) or pc.count_distinct(paths).as_py() == table.num_rows:
        return
    seen: set[str] = set()
    for number, path in zip(_numbered(table)[_NUMBER].to_pylist(), paths.to_pylist(), strict=True):
        if path in seen:
            raise UnsafePathError(f"{name}: row {number} of files: {path!a} comes twice")
        seen.add(path)
