"""Read a list of files (the config `files`) a part at a time: each row group checked and packed, without contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array, text_array, truth_array
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.paths import PATH_LIMIT_BYTES
from vmeval_hfds.errors import DatasetError, shown
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.facts import ListingFacts, merge_facts, parse_facts
from vmeval_hfds.table.listed_columns import check_columns, typed
from vmeval_hfds.table.reader import Shard, open_shard

INDEX_COLUMNS = tuple(name for name in FILE_COLUMNS if name != "content")
SCHEMA = pa.schema([arrow_schema(FILE_COLUMNS).field(name) for name in INDEX_COLUMNS])
#: The number of a file's row in the whole list, for messages, where some rows were left out.
NUMBER = "number"
#: A list of at most this size is brought in one request, and kept in memory.
WHOLE_BYTES = 16 * 2**20
_DIGEST = "^[0-9a-fA-F]{64}$"
#: The columns without which a row is refused.
_CHECKED = ("path", "sha256", "shard", "row")


@dataclass(slots=True)
class ListingParts:
    """A list of files that is read a row group at a time; each part has columns as `Listing` has them.

    Attributes:
        dataset: The dataset.
        columns: What to read.
        wanted: Says which rows are wanted; None takes all.
        by: The columns that it is given for that.
        facts: What the list says of the shards of rows; known when it was read to its end.
    """

    dataset: DatasetFiles
    columns: Sequence[str] = INDEX_COLUMNS
    wanted: Callable[[pa.Table], pa.Array] | None = None
    by: Sequence[str] = ("config", "id")
    facts: ListingFacts | None = None

    def __iter__(self) -> Iterator[pa.Table]:
        """Read the list.

        Raises:
            DatasetError: A row has no path, or no hash where it needs one; or a shard is damaged.
        """
        first, facts = 0, []
        for shard in listing_shards(self.dataset):
            check_columns(shard, ("config", "id") if self.wanted else ())
            facts.append(parse_facts(shard.file.metadata.metadata, shard.name))
            needed = {*self.columns, *_CHECKED}
            there = [name for name in INDEX_COLUMNS if name in shard.schema.names and name in needed]
            for group in shard.row_groups():
                mask = self.wanted(typed(shard, group.read(list(self.by)))) if self.wanted else None
                if mask is None or pc.any(mask).as_py():
                    group.check(["content"])
                    table = index_of(typed(shard, group.read(there)))
                    _check_rows(table, self.dataset.name, first)
                    table = _without_nulls(packed(table.select(self.columns)))
                    yield table if mask is None else numbered(table, first).filter(mask)
                first += group.rows
        self.facts = merge_facts(facts)


def packed(table: pa.Table) -> pa.Table:
    """Pack a list of files as `Listing` has it."""
    columns = {name: table[name] for name in table.column_names}
    if "sha256" in columns:
        columns["sha256"] = packed_digests(table["sha256"].combine_chunks())
    columns |= {name: columns[name].dictionary_encode() for name in ("config", "shard") if name in columns}
    return pa.table(columns)


def _without_nulls(table: pa.Table) -> pa.Table:
    """Keep no memory for times, where none is known, as in most lists."""
    if "modified" not in table.column_names or table["modified"].null_count < table.num_rows:
        return table
    at = table.column_names.index("modified")
    return table.set_column(at, "modified", pa.nulls(table.num_rows))


def numbered(table: pa.Table, first: int = 0) -> pa.Table:
    """Add to rows that follow each other their numbers in the whole list, where they have none yet."""
    if NUMBER in table.column_names:
        return table
    return table.append_column(NUMBER, pa.arange(first, first + table.num_rows))


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


def listing_shards(dataset: DatasetFiles) -> Iterator[Shard]:
    """Open the shards of a list of files one after the other; each is closed when the next is asked for."""
    for name in dataset.listing_shards:
        with open_shard(_bring(dataset, name), f"{dataset.name}: {name}") as shard:
            yield shard


def _bring(dataset: DatasetFiles, name: str) -> Path | BinaryIO:
    """Bring a shard of the list here: a small one into memory, a large one into the client's cache."""
    size_bytes = dataset.sizes.get(name)
    if dataset.root is None and size_bytes is not None and size_bytes <= WHOLE_BYTES:
        place = dataset.peek(name)
        if (prefetch := getattr(place, "prefetch", None)) is not None:
            prefetch([(0, size_bytes)])
            return place
    return dataset.fetch(name)


def index_of(table: pa.Table) -> pa.Table:
    """Give a row group the columns of the index, null where an earlier version has none, or they were not read."""
    columns = {
        name: table[name] if name in table.column_names else pa.nulls(table.num_rows, SCHEMA.field(name).type)
        for name in INDEX_COLUMNS
    }
    return pa.table(columns, schema=SCHEMA)


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
