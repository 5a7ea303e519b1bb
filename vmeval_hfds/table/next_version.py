"""A dataset's next version: drafted from a folder and what is published, then written."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array
from vmeval_builders.choice import matches
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.scan import Scan
from vmeval_hfds.errors import DatasetError, TargetExistsError
from vmeval_hfds.hub.transfer import fetch
from vmeval_hfds.store.names import config_of, is_shard_name
from vmeval_hfds.store.repository_store import RepositoryStore
from vmeval_hfds.table.card import CardFacts
from vmeval_hfds.table.draft import Draft, DraftShard, draft_of_folder, draft_of_union
from vmeval_hfds.table.facts import ListingFacts, ShardFacts
from vmeval_hfds.table.listed_rows import FolderRows, ListedRows, TableRows, listed_rows
from vmeval_hfds.table.merge import (
    MATCHED_COLUMNS,
    Matched,
    Place,
    RowChanges,
    bare_rows,
    match_rows,
    nearest,
    renamed,
    row_spans,
    rows_by_config,
    union,
    unlike,
    without_rows,
)
from vmeval_hfds.table.parquet import open_writer
from vmeval_hfds.table.plan import Plan
from vmeval_hfds.table.published import Published
from vmeval_hfds.table.reader import open_shard
from vmeval_hfds.table.shards import ShardReport, write_shards
from vmeval_hfds.table.tables import TableOptions, card_facts, facts_of, run_shards, write_files


@dataclass(frozen=True, slots=True)
class NextVersion:
    """What a dataset is to become.

    Attributes:
        draft: Its shards of rows.
        changes: Rows added, changed and removed, by config.
        reports: What was read of the folder.
        kept: What stays of the published list of files; None where the folder is all there will be.
        different: Paths of the folder's rows that are not published as they are, where others are kept.
    """

    draft: Draft
    changes: RowChanges
    reports: Sequence[ShardReport]
    kept: pa.Table | None = None
    different: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Written:
    """A version that was written.

    Attributes:
        facts: What its card says.
        files: Path to hash of all its shards.
        listed: Its list of files.
        gone: Published shards that it does not have.
    """

    facts: CardFacts
    files: Mapping[str, str]
    listed: ListedRows
    gone: Sequence[str]


def draft_version(
    published: Published,
    layout: Layout,
    plan: Plan,
    reports: Sequence[ShardReport],
    remove: Sequence[str] | None,
) -> NextVersion:
    """Say what a dataset is to become.

    Args:
        published: What is there.
        layout: What describes the folder's rows.
        plan: The folder's rows in shards.
        reports: What was read of these.
        remove: Patterns of paths of rows that go, where the other rows stay; None where the folder is all there
            will be.

    Raises:
        DatasetError: The other rows cannot be kept: what is published has no list of files.
        HubError: The list of files cannot be had.
    """
    index = published.index
    if index is not None and index.builder != layout.name:
        index = None
    if remove is not None and index is None and any(map(is_shard_name, published.files)):
        raise DatasetError(
            f"{published.repo.repo_id}: has no list of files of this version, so that nothing can be added to it; "
            "publish it whole, without --add"
        )
    if remove is not None and index is not None:
        return _draft_union(published, index, layout, plan, reports, remove)
    draft = draft_of_folder(plan, reports, published.shards)
    everything = rows_by_config(reports)
    if index is None:
        return NextVersion(draft, RowChanges(added=everything), reports)
    if not draft.new and len(draft.shards) == len(index.shards):
        return NextVersion(draft, RowChanges(unchanged=everything), reports)
    _, shards = unlike(reports, index.shards)
    listed = published.listing(MATCHED_COLUMNS, shards)
    matched = match_rows(listed, reports, index.shards, several_rows=bool(layout.items))
    return NextVersion(draft, matched.changes, reports)


def _draft_union(
    published: Published,
    index: ListingFacts,
    layout: Layout,
    plan: Plan,
    reports: Sequence[ShardReport],
    remove: Sequence[str],
) -> NextVersion:
    if replaced := sorted(index.shards.keys() - published.shards.keys()):
        raise DatasetError(
            f"{published.repo.repo_id}: {replaced[0]} is not the shard that its list of files names, so that nothing "
            "can be added to it; publish it whole, without --add"
        )
    listed = published.listing()
    matched = match_rows(listed, reports, index.shards, several_rows=bool(layout.items))
    bare = bare_rows(index.shards)
    removed = _matching(listed, bare, matched, remove)
    spans = row_spans(listed, index.shards) if layout.items else {}
    whole = {place for first in removed for place in spans.get(first, [first])}
    dropped = {place for path in matched.different for place in matched.places.get(path, ())} | whole
    changed = plan.only(matched.different)
    draft = draft_of_union(changed, published.shards, index.groups, dropped)
    rows = dict.fromkeys(matched.different, True)
    folders = _folders_of(listed, removed) | {path: True for path, place in bare.items() if place in removed}
    kept = without_rows(
        listed,
        frozenset(dropped),
        lambda path: nearest(path, rows) is not None or nearest(path, folders) is not None,
    )
    changes = replace(matched.changes, removed=Counter(config_of(shard) for shard, _ in whole))
    return NextVersion(draft, changes, reports, renamed(kept, draft.names), matched.different)


def _matching(
    listed: pa.Table, bare: Mapping[str, Place], matched: Matched, patterns: Sequence[str]
) -> set[Place]:
    """Pick the rows that the folder has not and whose path, or a folder above it, matches a pattern."""
    if not patterns:
        return set()
    held = listed.filter(pc.is_valid(listed["shard"]))
    columns = (held[name].to_pylist() for name in ("path", "shard", "row"))
    named = ((path, (shard, row)) for path, shard, row in zip(*columns, strict=True))
    return {
        place for path, place in (*named, *bare.items()) if place in matched.gone and matches(path, patterns)
    }


def _folders_of(listed: pa.Table, rows: set[Place]) -> dict[str, bool]:
    """Name what the files of some rows have in common: the row's folder, or the file that is the row."""
    columns = (listed[name].to_pylist() for name in ("path", "shard", "row"))
    paths: dict[Place, list[str]] = {}
    for path, shard, row in zip(*columns, strict=True):
        if (shard, row) in rows:
            paths.setdefault((shard, row), []).append(path)
    return {_common_folder(found): True for found in paths.values()}


def _common_folder(paths: Sequence[str]) -> str:
    if len(paths) == 1:
        return paths[0]
    parts = [path.split("/")[:-1] for path in paths]
    common = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        common.append(names[0])
    return "/".join(common)


def write_version(
    version: NextVersion,
    published: Published,
    scan: Scan,
    store: RepositoryStore,
    options: TableOptions,
    *,
    force: bool = False,
) -> Written:
    """Write, and send, what a version has and the branch has not.

    Args:
        version: What the dataset is to become.
        published: What is there.
        scan: The folder.
        store: Takes the shards.
        options: How.
        force: Take the folder's files where both have a file outside of rows with different bytes.

    Raises:
        FolderChangedError: The folder changes while it is read.
        TargetExistsError: Both have a file outside of rows with different bytes.
        HubError: The Hub failed for good.
    """
    quiet = replace(options, decode=False, progress=None)
    written = run_shards(write_shards, scan, version.draft.new, store, quiet, before=version.reports)
    # A shard whose content has the hash that was read needs no look at its files.
    known = {report.content for report in version.reports}
    if others := [report for report in written if report.content not in known]:
        _refuse_changes(scan, version.reports, others)
    facts = {report.plan.name: facts_of(report, report.receipt) for report in written if report.receipt}
    for shard in version.draft.shards:
        if shard.old is not None and shard.facts is not None:
            facts[shard.name] = (
                _rewritten(shard, shard.facts, published, store, scan.layout.repeating)
                if shard.dropped
                else shard.facts
            )
    index = ListingFacts(scan.layout.name, version.draft.groups, dict(sorted(facts.items())))
    listed = _listing(version, written, scan, force)
    files = write_files(store, scan.source, options, listed, index)
    store.wait()
    hashes = {name: one.sha256 for name, one in index.shards.items()}
    hashes |= {report.receipt.name: report.receipt.sha256 for report in files}
    return Written(
        facts=card_facts(scan.layout, options.split, index, files),
        files=hashes,
        listed=listed,
        gone=[path for path in published.files if is_shard_name(path) and path not in hashes],
    )


def _refuse_changes(scan: Scan, read: Sequence[ShardReport], written: Sequence[ShardReport]) -> None:
    """Make sure that what was written is what was read and checked before."""
    digests = dict(chain.from_iterable(report.digests_by_path() for report in read))
    for report in written:
        if report.unread or any(digests.get(path) != digest for path, digest in report.digests_by_path()):
            raise FolderChangedError(
                f"{scan.root}: changed while it was read; nothing was published, run again when nothing writes into it"
            )


def _rewritten(
    shard: DraftShard,
    facts: ShardFacts,
    published: Published,
    store: RepositoryStore,
    repeating: Collection[str],
) -> ShardFacts:
    """Write a published shard again, without some of its rows."""
    place = store.place(shard.name)
    rows = table_bytes = 0
    with (
        open_shard(fetch(published.repo, str(shard.old), str(published.commit)), str(shard.old)) as old,
        open_writer(place, old.schema, repeating) as writer,
    ):
        for group in old.row_groups():
            kept = [row for row in range(group.rows) if group.first_row + row not in shard.dropped]
            if kept:
                table = group.read().take(integer_array(kept))
                writer.write_table(table)
                rows += len(kept)
                table_bytes += table.nbytes
    receipt = store.put(shard.name, place)
    store.keep([receipt])
    share = facts.source_bytes * rows // max(1, facts.rows)
    bare = {
        path: number - sum(one < number for one in shard.dropped)
        for path, number in facts.bare.items()
        if number not in shard.dropped
    }
    return ShardFacts(receipt.sha256, receipt.size_bytes, rows, table_bytes, share, content="", bare=bare)


def _listing(version: NextVersion, written: Sequence[ShardReport], scan: Scan, force: bool) -> ListedRows:
    """Put the list of files together."""
    by_name = {report.plan.name: report for report in written}
    if version.kept is None:
        return listed_rows(scan, [by_name.get(report.plan.name, report) for report in version.reports])
    listed = listed_rows(scan, written, version.reports, version.different)
    _refuse_others(version.kept, scan, listed, force)
    return TableRows(union(version.kept, listed.table()), listed.entries)


def _refuse_others(kept: pa.Table, scan: Scan, listed: FolderRows, force: bool) -> None:
    """Refuse files outside of rows that both have, with different bytes."""
    if force:
        return
    there = dict(zip(kept["path"].to_pylist(), kept["sha256"].to_pylist(), strict=True))
    entries = listed.entries
    different = [
        path
        for path in sorted(listed.outside())
        if there.get(path) is not None
        and hashlib.sha256(scan.source.read(entries[path])).hexdigest() != there[path]
    ]
    if different:
        more = f" and {len(different) - 3:,} more" if len(different) > 3 else ""
        raise TargetExistsError(
            f"{scan.root}: the repository has other bytes in {', '.join(different[:3])}{more}, outside of rows; nothing "
            "was published; take the folder's with --force, or leave them out with --exclude"
        )
