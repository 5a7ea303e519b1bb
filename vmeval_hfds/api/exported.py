"""What an export did, or would do, and how rows are refused that are not as they are listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vmeval_hfds.errors import ChangedRowsError

if TYPE_CHECKING:
    from collections.abc import Collection

    from vmeval_hfds.folder.jobs import Tally
    from vmeval_hfds.folder.plan import Plan


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export did.

    Attributes:
        target: The folder, or its URL.
        builder: The builder that describes the rows.
        rows: How many rows were exported.
        written: How many files were written.
        kept: How many files were there already, with the same bytes.
        written_bytes: The size of the files that were written.
        changed: Files whose bytes are not those that the dataset's list of files names: rows were edited.
        missing: Files that the list names and no row holds, so that they could not come back.
        added: Files of rows that the list does not name: rows were added.
        unused_columns: Columns of a table that others made, which are no files.
        listed: Whether the dataset lists its files. Without, only what the columns hold can come back: no
            manifest, no further files, no empty folders.
        pruned: Files that were removed, because the dataset no longer has them.
        not_kept: Empty folders, which a store at a URL does not keep.
    """

    target: Path | str
    builder: str
    rows: int
    written: int
    kept: int
    written_bytes: int
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    unused_columns: list[str] = field(default_factory=list)
    listed: bool = True
    pruned: list[str] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export would do.

    Attributes:
        target: The folder, or its URL.
        builder: The builder that describes the rows.
        rows: How many rows would be exported.
        write: Files that would be written.
        replace: Those of them that would replace other bytes.
        kept: How many files are there already, with the same bytes.
        read_bytes: How many bytes of the dataset would be read, or fetched where it is on the Hub.
        prune: Files that would be removed.
    """

    target: Path | str
    builder: str
    rows: int
    write: list[str]
    replace: list[str]
    kept: int
    read_bytes: int
    prune: list[str]


#: How many paths a message names before it only counts.
_NAMED_IN_MESSAGE = 3


def refuse_unlike(name: str, compared: Tally) -> None:
    """Refuse rows that are not what the dataset's list of files says, before anything is written.

    Args:
        name: What messages call the dataset.
        compared: What its rows hold, as far as the list alone does not prove it.

    Raises:
        ChangedRowsError: There are some.
    """
    if unlike := {*compared.changed, *compared.missing, *compared.added}:
        raise ChangedRowsError(
            f"{name}: {len(unlike)} files are not what its list of files says ({some_of(unlike)}); "
            "nothing was written; export without --strict to have them as they are"
        )


def some_of(paths: Collection[str]) -> str:
    """Name the first of some paths, for a message that counts them."""
    return ", ".join(sorted(paths)[:_NAMED_IN_MESSAGE])


def result_of(target: Path | str, plan: Plan, tally: Tally, written: int, kept: int) -> ExportResult:
    """Sum up what became of a plan's files, but for what only one kind of target has.

    Args:
        target: The folder, or its URL.
        plan: What was wanted.
        tally: What became of it.
        written: How many files were written.
        kept: How many were there already.
    """
    is_listed = bool(plan.dataset.listing_shards)
    return ExportResult(
        target=target,
        builder=plan.layout.name,
        rows=plan.rows,
        written=written,
        kept=kept,
        written_bytes=tally.written_bytes,
        changed=sorted(tally.changed),
        added=sorted(tally.added) if is_listed else [],
        missing=sorted(tally.missing),
        unused_columns=plan.unused_columns,
        listed=is_listed,
    )
