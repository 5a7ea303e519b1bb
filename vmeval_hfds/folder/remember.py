"""What an export remembers of itself, so that a later one knows which files are its own and may be removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vmeval_builders.arrow.arrays import rows_where, truth_array
from vmeval_hfds.folder.plan import Plan
from vmeval_hfds.folder.pull import Pull
from vmeval_hfds.folder.record import Brought, Content, every, is_as_brought, prunable
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
        planned: The paths that this export may write.

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
        What is remembered of files that were brought before too, for `forget`; empty where none were.

    Raises:
        OSError: The record cannot be written.
    """
    if all(found == "same" for found in pull.found) and not prune:
        return {}
    files = record.read()
    if not files:
        record.write(_to_bring(pull))
        return {}
    for path, content in _to_bring(pull):
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
        states = zip(pull.known["path"].to_pylist(), pull.found, strict=True)
        left |= {path: left[path][-1:] for path, found in states if found != "same" and path in left}
    for path in prune:
        left.pop(path, None)
    if left != recorded:
        record.write(every(left))


def _to_bring(pull: Pull) -> Iterator[tuple[str, Content]]:
    """Give the known files that are to be written; some of them at a time, for they may be millions."""
    missing = truth_array(found != "same" for found in pull.found)
    files = rows_where(pull.known.select(["path", "sha256", "size"]), missing)
    for batch in files.to_batches(max_chunksize=_AT_ONCE):
        for path, sha256, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield path, Content(sha256, size, True)
