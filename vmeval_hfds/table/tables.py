"""A walked folder to the tables of a dataset: its shards, its list of files, and what its card says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vmeval_builders.arrow.schema import FILE_COLUMNS
from vmeval_builders.checks import (
    NOTHING_ALLOWED,
    Allowed,
    check_scan,
    folder_problems,
    judge,
    refusals,
    scan_problems,
)
from vmeval_builders.findings import Findings
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.manifest import Manifest, TaskKeys
from vmeval_builders.problem_list import ProblemList, errors_of
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan
from vmeval_builders.sources.source import Source
from vmeval_hfds.engine.beside import Beside
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.engine.pool import DECODING_FACTOR, WORTHWHILE_BYTES, Engine, Progress
from vmeval_hfds.errors import FolderError, SplitNameError
from vmeval_hfds.store.names import LISTING_FOLDER, ROWS_FOLDER, config_of
from vmeval_hfds.store.store import Receipt, Store
from vmeval_hfds.table.card import DEFAULT_CONFIG, FILES_CONFIG, CardFacts, ConfigFacts, GroupFacts
from vmeval_hfds.table.facts import ListingFacts, ShardFacts
from vmeval_hfds.table.listed_rows import ListedRows
from vmeval_hfds.table.listing_shards import ListingReport, listing_jobs, write_listing
from vmeval_hfds.table.passes import shards_of_jobs
from vmeval_hfds.table.plan import ShardPlan
from vmeval_hfds.table.shards import ShardJob, ShardReport

# `datasets` accepts these as split names: https://huggingface.co/docs/datasets/repository_structure
_SPLIT_NAME = re.compile(r"\w+(\.\w+)*")


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a folder becomes tables.

    Attributes:
        split: The split that every config gets.
        engine: Where the work is done.
        allowed: Which errors are let through.
        decode: Decode every frame, as a check does, instead of reading its header.
        progress: Called with rows done and rows in all.
    """

    split: str = "test"
    engine: Engine = field(default_factory=Engine)
    allowed: Allowed = NOTHING_ALLOWED
    decode: bool = True
    progress: Progress | None = None

    def check(self) -> None:
        """Refuse a split name that `datasets` would refuse later.

        Raises:
            SplitNameError: It is not letters, digits and underscores.
        """
        if not _SPLIT_NAME.fullmatch(self.split):
            raise SplitNameError(
                f"the split is called {self.split!r}; expected letters, digits and underscores, such as 'test'"
            )


def run_shards(
    function: Callable[[ShardJob], list[ShardReport]],
    scan: Scan,
    shards: Sequence[ShardPlan],
    store: Store | None,
    options: TableOptions,
    beside: Sequence[Beside[Any]] = (),
    before: Iterable[ShardReport] = (),
) -> list[ShardReport]:
    """Read or write shards, on as many processes as the work is worth.

    Args:
        function: `read_shards` or `write_shards`.
        scan: The folder.
        shards: The shards.
        store: Takes what is written; None where nothing is.
        options: How.
        beside: What threads do meanwhile; it is done when this returns.
        before: What was read of shards before.

    Returns:
        The reports, in the order of the shards.
    """
    gathered = shards_of_jobs(scan.source, shards)
    jobs: Iterable[ShardJob] = (
        ShardJob(store, scan.source, scan.layout, batch, options.decode) for batch in gathered
    )
    for one in beside:
        jobs = one.begin_with(jobs)
    rows = sum(len(shard.units) for shard in shards)
    work_bytes = sum(shard.source_bytes for shard in shards)
    work_bytes *= DECODING_FACTOR if options.decode else 1
    # Of what it took to plan them little is kept.
    give_back()
    reports: list[ShardReport] = []
    known = {report.content: report for report in before}
    done = 0
    done_jobs = options.engine.run(function, jobs, work_bytes, scan.source.splits)
    for batch, of_job in zip(gathered, done_jobs, strict=True):
        for plan, report in zip(batch, of_job, strict=True):
            report.plan = plan
            if report.content in known:
                report.share(known[report.content])
            else:
                report.problems = judge(scan, report.findings)
            report.findings = Findings()
        if store is not None:
            store.keep([report.receipt for report in of_job if report.receipt])
        reports += of_job
        done += sum(len(report.plan.units) for report in of_job)
        if options.progress:
            options.progress(done, rows)
    for one in beside:
        one.wait()
    # What rows were made of is written, and what is done next needs memory of its own.
    give_back()
    number = {shard.name: number for number, shard in enumerate(shards)}
    return sorted(reports, key=lambda report: number[report.plan.name])


def refuse_names(scan: Scan, options: TableOptions) -> None:
    """Raise where names, links or sizes stand in the way, before any file is read for a table.

    Raises:
        FolderError: One of them does; it carries all of the folder's problems, those of contents too.
    """
    if any(refusals(scan.layout, folder_problems(scan), options.allowed)):
        refuse(scan, check_scan(scan, quick=not options.decode), options.allowed)


def refuse_contents(
    scan: Scan,
    groups: Mapping[str, str],
    reports: Sequence[ShardReport],
    others: Iterable[Problem],
    allowed: Allowed,
    manifests: Sequence[Manifest] | None = None,
) -> ProblemList:
    """Raise where what was read stands in the way; give the problems that do not.

    Args:
        scan: The folder.
        groups: Config to what its rows have in common, such as the domain.
        reports: What was read of the rows.
        others: What is wrong with files that no row holds.
        allowed: Which errors are let through.
        manifests: What lists the folder's tasks; None reads it.

    Raises:
        FolderError: Something does; it carries all problems.
    """
    keys = TaskKeys()
    for report in reports if scan.layout.manifest else ():
        for path, row_id in zip(report.plan.units.paths, report.ids, strict=True):
            if row_id is not None:
                keys.append(path, groups[report.plan.config], row_id)
    problems = scan_problems(scan, (report.problems for report in reports), keys, others, manifests)
    refuse(scan, problems, allowed)
    return problems


def refuse(scan: Scan, problems: Sequence[Problem], allowed: Allowed) -> None:
    """Raise where problems, in the order of a check, stand in the way of a build.

    Raises:
        FolderError: One of them does; it carries all of them.
    """
    if found := sum(1 for _ in refusals(scan.layout, errors_of(problems), allowed)):
        count = "1 error" if found == 1 else f"{found} errors"
        raise FolderError(
            f"{scan.root}: {count}, so nothing was written; mend the folder and run again", problems
        )


def facts_of(report: ShardReport, receipt: Receipt) -> ShardFacts:
    """Take down a shard that was written."""
    return ShardFacts(
        sha256=receipt.sha256,
        size_bytes=receipt.size_bytes,
        rows=report.rows,
        table_bytes=report.table_bytes,
        source_bytes=report.plan.source_bytes,
        content=report.content,
        bare=report.bare,
    )


def write_files(
    store: Store,
    source: Source,
    options: TableOptions,
    rows: ListedRows,
    index: ListingFacts,
) -> list[ListingReport]:
    """Write the shards of `files`, on as many processes as the work is worth.

    Args:
        store: Takes them.
        source: Holds the folder's files.
        options: How.
        rows: The rows of `files`.
        index: What `files` says of the whole dataset.

    Raises:
        FolderChangedError: A file is not as long as when the folder was walked.
        OSError: A file cannot be read.
    """
    jobs = listing_jobs(store, source, options.split, rows, index)
    work_bytes = sum(entry.size_bytes for entry in rows.entries.values())
    # Workers would need the paths of all files that they list, and mostly little is to be read.
    splits = source.splits and len(jobs) > 1 and work_bytes >= WORTHWHILE_BYTES
    if not splits:
        options.engine.end_workers()
    reports = []
    for report in options.engine.run(write_listing, jobs, work_bytes, splits):
        store.keep([report.receipt])
        reports.append(report)
    give_back()
    return reports


def card_facts(layout: Layout, split: str, index: ListingFacts, files: Sequence[ListingReport]) -> CardFacts:
    """Sum up what the card says of a dataset, from what is known of its shards."""
    of_config: dict[str, list[ShardFacts]] = defaultdict(list)
    for name, facts in index.shards.items():
        of_config[config_of(name)].append(facts)
    configs = [
        _config_facts(config, f"{ROWS_FOLDER}/{config}/{split}-*.parquet", layout, of_config[config])
        for config in sorted(of_config)
    ]
    whole = _config_facts(
        DEFAULT_CONFIG, f"{ROWS_FOLDER}/*/{split}-*.parquet", layout, list(index.shards.values())
    )
    listing = ConfigFacts(
        name=FILES_CONFIG,
        pattern=f"{LISTING_FOLDER}/{split}-*.parquet",
        columns=FILE_COLUMNS,
        rows=sum(report.rows for report in files),
        table_bytes=sum(report.table_bytes for report in files),
        download_bytes=sum(report.receipt.size_bytes for report in files),
    )
    groups = [
        GroupFacts(
            value=index.groups[config],
            config=config,
            rows=sum(facts.rows for facts in of_config[config]),
            source_bytes=sum(facts.source_bytes for facts in of_config[config]),
        )
        for config in sorted(of_config, key=lambda config: index.groups[config])
    ]
    of_rows = [whole, *configs] if layout.has_rows else []
    return CardFacts(layout, split, [*of_rows, listing], groups)


def _config_facts(name: str, pattern: str, layout: Layout, shards: Sequence[ShardFacts]) -> ConfigFacts:
    return ConfigFacts(
        name=name,
        pattern=pattern,
        columns=layout.columns,
        rows=sum(facts.rows for facts in shards),
        table_bytes=sum(facts.table_bytes for facts in shards),
        download_bytes=sum(facts.size_bytes for facts in shards),
    )
