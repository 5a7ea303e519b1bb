"""What an export remembers of itself, so that a later one knows which files are its own and may be removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import rows_where, scalar, text_array
from vmeval_hfds.folder.plan import Plan
from vmeval_hfds.folder.pull import Pull
from vmeval_hfds.folder.record import BETWEEN, LARGE, Brought, Content, every, is_as_brought, prunable
from vmeval_hfds.table.listing import read_listing

_AT_ONCE = 10_000


def stale(
    plan: Plan, recorded: Mapping[str, Sequence[Content]], root: Path, planned: Iterable[str]
) -> list[str]:
    """List what an earlier export wrote, nobody changed since, and the dataset no longer has.

    Args:
        plan: What is wanted.
        recorded: What is remembered.
        root: The folder.
        planned: Paths that this export may write and that are not listed.

    Raises:
        OSError: A file cannot be read.
    """
    if not recorded or not plan.dataset.listing_shards:
        return []
    there = {*read_listing(plan.dataset).table["path"].to_pylist(), *planned}
    return [path for path in prunable(recorded, there) if is_as_brought(root, path, recorded)]


def remember(record: Brought, pull: Pull, prune: Collection[str]) -> dict[str, list[Content]]:
    """Remember what an export is about to write, beside what that is to replace.

    Args:
        record: Of the folder and the dataset.
        pull: What is wanted, and what of it is there.
        prune: What will be removed.

    Returns:
        What is remembered of files that were brought before too, for `forget`; empty where none were, or these alone.

    Raises:
        OSError: The record cannot be written.
    """
    to_bring = rows_where(pull.known.select(["path", "sha256", "size"]), pull.states.are_not("same"))
    if not prune and (not to_bring.num_rows or record.is_just(lines_of(to_bring))):
        return {}
    files = record.read()
    if not files:
        record.write_lines(lines_of(to_bring))
        return {}
    for path, content in _contents(to_bring):
        files.setdefault(path, []).append(content)
    record.write(every(files))
    return files


def forget(
    record: Brought, pull: Pull, prune: Collection[str], recorded: Mapping[str, list[Content]]
) -> None:
    """Forget what was replaced and what was removed, where there was any.

    Args:
        record: Of the folder and the dataset.
        pull: What was wanted, and what of it was there.
        prune: What was removed.
        recorded: What `remember` gave.

    Raises:
        OSError: The record cannot be written.
    """
    left = dict(recorded)
    if any(len(contents) > 1 for contents in recorded.values()):
        left |= {path: left[path][-1:] for path in pull.at_all_but("same") if path in left}
    for path in prune:
        left.pop(path, None)
    if left != recorded:
        record.write(every(left))


def lines_of(files: pa.Table) -> Iterator[bytes]:
    """Give what a record says of files, some of them at a time, for they may be millions.

    Args:
        files: Files with ``path``, ``size`` and ``sha256``.
    """
    for batch in files.select(["path", "sha256", "size"]).to_batches(max_chunksize=_AT_ONCE):
        path, sha256, size = batch.columns
        fields = (
            scalar(""),
            path,
            _hexadecimal(sha256),
            size.cast(pa.string()),
            scalar(LARGE),
            scalar(BETWEEN),
        )
        lines = pc.binary_join_element_wise(*fields)
        _, ends, content = lines.buffers()
        yield content.slice(0, memoryview(ends).cast("i")[len(lines)]).to_pybytes()


def _hexadecimal(digests: pa.Array) -> pa.Array:
    return text_array([digest.hex() for digest in digests.to_pylist()])


def _contents(files: pa.Table) -> Iterator[tuple[str, Content]]:
    for batch in files.to_batches(max_chunksize=_AT_ONCE):
        for path, sha256, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield path, Content(sha256.hex(), size, True)
