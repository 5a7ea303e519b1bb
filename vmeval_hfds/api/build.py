"""A dataset directory: a folder's tables on disk, in the layout of a Hub dataset repository.

``README.md`` (the card), ``data/<config>/<split>-00000-of-0000N.parquet`` (rows, by config) and
``files/<split>-….parquet`` (every file of the folder).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vmeval_builders import paths
from vmeval_builders.arrow.listing import ROOT_FOLDER
from vmeval_builders.arrow.schema import FILE_COLUMNS
from vmeval_builders.checks import (
    Allowed,
    check_scan,
    folder_problems,
    manifest_content,
    refusals,
    sorted_problems,
)
from vmeval_builders.choice import Choice
from vmeval_builders.entries import FileEntry, Unit
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.manifest import manifest_problems
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan, scan_rows
from vmeval_hfds.engine import pool
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import DatasetError, FolderError, SplitNameError, TargetExistsError
from vmeval_hfds.gallery.preview import preview_of
from vmeval_hfds.store.directory import LISTING_FOLDER, PREVIEW_NAME, ROWS_FOLDER, is_shard_name
from vmeval_hfds.table import shards
from vmeval_hfds.table.card import (
    CARD_NAME,
    DEFAULT_CONFIG,
    FILES_CONFIG,
    CardFacts,
    ConfigFacts,
    GroupFacts,
    card_layout,
    render_card,
    schema_version,
)
from vmeval_hfds.table.facts import ListingFacts, ShardFacts
from vmeval_hfds.table.plan import units_by_config

# `datasets` accepts these as split names: https://huggingface.co/docs/datasets/repository_structure
_SPLIT_NAME = re.compile(r"\w+(\.\w+)*")


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made.

    Attributes:
        target: The dataset directory.
        builder: The builder that describes the folder.
        builder_found: Whether that was found out, not named.
        rows: How many rows it holds.
        configs: What rows are sorted by (for questions, the domain) to number of rows.
        files: How many files of the folder it lists.
        source_bytes: The size of all these files.
        problems: The folder's problems that did not stand in the way.
        left_out: Files and empty folders of the folder that were not taken in; folders end in ``/``.
    """

    target: Path
    builder: str
    builder_found: bool
    rows: int
    configs: dict[str, int]
    files: int
    source_bytes: int
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def build(
    folder: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    builder: str | None = None,
    split: str = "test",
    num_proc: int | None = None,
    keep_incomplete: bool = False,
    force: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_secrets: bool = False,
    progress: Progress | None = None,
) -> BuildResult:
    """Turn a folder into a dataset directory, which appears whole or not at all.

    The same folder gives the same bytes, whatever `num_proc` is.

    Args:
        folder: The folder that holds the ``*_task`` folders; or a tar archive of it, which is not unpacked.
        target: Where the dataset directory will be.
        builder: The name of the builder that describes the folder; None finds it out.
        split: The split that every config gets.
        num_proc: How many processes; None chooses.
        keep_incomplete: Take in tasks without first frame or prompt, as nulls.
        force: Replace a dataset directory that is there. What a person wrote into its card stays.
        include: Globs of what is taken in; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.
        allow_secrets: Take in ``.env`` files and files with a Hugging Face token in them.
        progress: Called with rows done and rows in all.

    Raises:
        FolderError: The folder has errors; it carries all problems. Nothing is written.
        TargetExistsError: Something is at the target, and is no dataset directory or `force` is off.
        FileNotFoundError: There is no such folder.
        SplitNameError: The split's name is not one that `datasets` accepts.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
        ArchiveError: The archive is damaged or cut short.
    """
    check_split(split)
    target = Path(os.path.abspath(target))
    scan = scan_rows(folder, builder, Choice(include, exclude))
    allowed = Allowed(keep_incomplete, allow_secrets)
    _check_apart(scan.root, target)
    existing_card = _existing_card(target, scan.layout, force)
    refuse_names(scan, allowed)
    made = _make_parents(target)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.partial-", dir=target.parent))
    try:
        tables = write_tables(
            scan, partial, split=split, num_proc=num_proc, allowed=allowed, progress=progress
        )
        _write_card(partial, tables, existing_card)
        partial.chmod(0o777 & ~_umask())
        _put_in_place(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise
    return BuildResult(
        target=target,
        builder=scan.layout.name,
        builder_found=scan.layout_found,
        rows=len(scan.units),
        configs=tables.facts.rows_by_group,
        files=len(scan.files),
        source_bytes=sum(entry.size_bytes for entry in scan.files),
        problems=tables.problems,
        left_out=scan.left_out,
    )


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a folder, written as shards.

    Attributes:
        facts: What a card says of them.
        problems: The folder's problems that did not stand in the way.
        preview: The card's picture, a PNG; None where rows have no frames.
    """

    facts: CardFacts
    problems: list[Problem]
    preview: bytes | None


def write_tables(
    scan: Scan,
    target: Path,
    *,
    split: str,
    num_proc: int | None,
    allowed: Allowed,
    progress: Progress | None = None,
) -> Tables:
    """Write a walked folder's tables into an empty directory, without a card.

    Raises:
        FolderError: The rows' contents have errors; what was written is of no use then.
    """
    groups = units_by_config(scan)
    names = paths.config_names(groups)
    jobs = {
        group: [
            shards.ShardJob(scan.source, scan.layout, path, units)
            for path, units in _shard_files(target / ROWS_FOLDER / names[group], split, groups[group])
        ]
        for group in sorted(groups, key=lambda group: names[group])
    }
    reports = _write_rows(scan, jobs, num_proc, progress)
    problems = _all_problems(scan, [report for of_group in reports.values() for report in of_group])
    refuse(scan, problems, allowed)
    files_facts, of_others = _write_listing(scan, target, split, names, jobs, reports)
    problems = sorted_problems([*problems, *of_others])
    refuse(scan, problems, allowed)
    facts = _card_facts(scan.layout, target, split, groups, names, reports, files_facts)
    return Tables(facts, problems, preview_of(scan, groups))


def _write_card(directory: Path, tables: Tables, existing: str | None) -> None:
    if tables.preview:
        (directory / PREVIEW_NAME).parent.mkdir()
        (directory / PREVIEW_NAME).write_bytes(tables.preview)
    (directory / CARD_NAME).write_bytes(render_card(tables.facts, existing).encode())


def check_split(split: str) -> None:
    """Refuse a split name that `datasets` would refuse later.

    Raises:
        SplitNameError: It is not letters, digits and underscores.
    """
    if not _SPLIT_NAME.fullmatch(split):
        raise SplitNameError(
            f"the split is called {split!r}; expected letters, digits and underscores, such as 'test'"
        )


def refuse(scan: Scan, problems: Iterable[Problem], allowed: Allowed) -> None:
    """Raise where problems stand in the way of a build.

    Raises:
        FolderError: One of them does; it carries all of them.
    """
    problems = sorted_problems(problems)
    if errors := refusals(scan.layout, problems, allowed):
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        raise FolderError(
            f"{scan.root}: {count}, so nothing was written; mend the folder and run again", problems
        )


def refuse_names(scan: Scan, allowed: Allowed) -> None:
    """Raise where names, links or sizes stand in the way, before any file is read for a table.

    Raises:
        FolderError: One of them does; it carries all of the folder's problems, those of contents too.
    """
    if refusals(scan.layout, folder_problems(scan), allowed):
        refuse(scan, check_scan(scan, quick=True), allowed)


def _check_apart(folder: Path, target: Path) -> None:
    real = Path(os.path.realpath(target))
    if real.is_relative_to(folder) or folder.is_relative_to(real):
        raise TargetExistsError(
            f"{target}: the target and the folder {folder} lie in each other; choose another place"
        )


def _existing_card(target: Path, layout: Layout, force: bool) -> str | None:
    if not os.path.lexists(target):
        return None
    if not force:
        raise TargetExistsError(f"{target}: already there; choose another target, or replace it with --force")
    if foreign := foreign_entry(target):
        raise TargetExistsError(f"{target}: --force replaces only a dataset directory, and {foreign}")
    card = (target / CARD_NAME).read_bytes().decode()
    if (other := card_layout(card)) != layout.name:
        raise TargetExistsError(f"{target}: holds {other}, not {layout.name}; choose another target")
    return card


def foreign_entry(directory: Path) -> str | None:
    """Say what in a directory is not of a dataset directory's layout, or None where all of it is."""
    if directory.is_symlink() or not directory.is_dir():
        return "this is not a directory"
    card = directory / CARD_NAME
    try:
        ours = card.is_file() and schema_version(card.read_text(encoding="utf-8")) is not None
    except (UnicodeDecodeError, DatasetError):
        ours = False
    if not ours:
        return f"this has no {CARD_NAME} that vmeval-hfds wrote"
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if (
            (path.is_symlink() or not path.is_dir())
            and name not in (CARD_NAME, PREVIEW_NAME)
            and not is_shard_name(name)
        ):
            return f"{name} is no part of one"
    return None


def _make_parents(target: Path) -> list[Path]:
    """Make the folders above a target; give those that were missing, the deepest first."""
    missing = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _put_in_place(partial: Path, target: Path) -> None:
    if not os.path.lexists(target):
        partial.rename(target)
        return
    old = partial.with_name(f"{partial.name}.old")
    target.rename(old)
    try:
        partial.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _shard_files(folder: Path, split: str, units: Sequence[Unit]) -> list[tuple[Path, Sequence[Unit]]]:
    runs = shards.cut(units, lambda unit: unit.size_bytes, shards.SHARD_BYTES)
    return [(folder / shard_name(split, number, len(runs)), run) for number, run in enumerate(runs)]


def shard_name(split: str, number: int, shards_in_all: int) -> str:
    """Name a shard as `push_to_hub` names it."""
    return f"{split}-{number:05d}-of-{shards_in_all:05d}.parquet"


def _write_rows(
    scan: Scan, jobs: dict[str, list[shards.ShardJob]], num_proc: int | None, progress: Progress | None
) -> dict[str, list[shards.ShardReport]]:
    flat = [(group, job) for group, of_group in jobs.items() for job in of_group]
    for _, job in flat:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    work_bytes = sum(unit.size_bytes for unit in scan.units)
    done = 0
    reports: dict[str, list[shards.ShardReport]] = defaultdict(list)
    workers = pool.processes(num_proc, work_bytes) if scan.source.splits else 1
    results = pool.run(shards.write_shard, [job for _, job in flat], workers)
    for (group, job), report in zip(flat, results, strict=True):
        reports[group].append(report)
        done += len(job.units)
        if progress:
            progress(done, len(scan.units))
    return reports


def _all_problems(scan: Scan, reports: Sequence[shards.ShardReport]) -> list[Problem]:
    problems = list(folder_problems(scan))
    problems += [problem for report in reports for problem in report.problems]
    keys = [key for report in reports for key in report.keys]
    problems += manifest_problems(manifest_content(scan), keys)
    return sorted_problems(problems)


def _folder_name(path: str) -> str:
    return f"{path}/" if path else ROOT_FOLDER


def _listing_entries(scan: Scan) -> list[FileEntry | str]:
    """List what `files` has a row for: every file, and empty folders, or all folders where times are kept."""
    folders = list(scan.folders) if scan.layout.keeps_times else scan.empty_folders
    entries: list[FileEntry | str] = [*scan.files, *(_folder_name(path) for path in folders)]
    return sorted(entries, key=lambda entry: entry if isinstance(entry, str) else entry.path)


def _listed_times(scan: Scan) -> dict[str, int | None]:
    if not scan.layout.keeps_times:
        return {}
    times: dict[str, int | None] = {entry.path: entry.mtime_ns for entry in scan.files}
    return times | {_folder_name(path): folder.mtime_ns for path, folder in scan.folders.items()}


def _write_listing(
    scan: Scan,
    target: Path,
    split: str,
    names: dict[str, str],
    jobs: dict[str, list[shards.ShardJob]],
    reports: dict[str, list[shards.ShardReport]],
) -> tuple[ConfigFacts, list[Problem]]:
    held: dict[str, bytes] = {}
    rows: dict[str, shards.RowOrigin] = {}
    written: dict[str, ShardFacts] = {}
    for group, of_group in jobs.items():
        for one, report in zip(of_group, reports[group], strict=True):
            held.update(report.held)
            name = one.target.relative_to(target).as_posix()
            written[name] = ShardFacts(
                report.sha256, report.size_bytes, report.rows, report.table_bytes, report.source_bytes
            )
            for number, (row, row_id) in enumerate(report.ids):
                rows[row] = shards.RowOrigin(names[group], row_id, name, number)
    listed = ListingFacts(scan.layout.name, {names[group]: group for group in jobs}, written)
    entries, times = _listing_entries(scan), _listed_times(scan)
    folder = target / LISTING_FOLDER
    folder.mkdir()
    runs = shards.cut(entries, lambda entry: shards.stored_bytes(entry, held), shards.SHARD_BYTES)
    table_bytes = 0
    problems: list[Problem] = []
    for number, run in enumerate(runs):
        path = folder / shard_name(split, number, len(runs))
        job = shards.ListingJob(scan.source, path, run, held, times, rows, listed)
        run_bytes, found = shards.write_listing_shard(job)
        table_bytes += run_bytes
        problems += found
    pattern = f"{LISTING_FOLDER}/{split}-*.parquet"
    facts = ConfigFacts(FILES_CONFIG, pattern, FILE_COLUMNS, len(entries), table_bytes, _folder_bytes(folder))
    return facts, problems


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _card_facts(
    layout: Layout,
    target: Path,
    split: str,
    groups: dict[str, list[Unit]],
    names: dict[str, str],
    reports: dict[str, list[shards.ShardReport]],
    files_facts: ConfigFacts,
) -> CardFacts:
    configs = []
    for group in reports:
        folder = f"{ROWS_FOLDER}/{names[group]}"
        configs.append(
            ConfigFacts(
                name=names[group],
                pattern=f"{folder}/{split}-*.parquet",
                columns=layout.columns,
                rows=sum(report.rows for report in reports[group]),
                table_bytes=sum(report.table_bytes for report in reports[group]),
                download_bytes=_folder_bytes(target / folder),
            )
        )
    everything = ConfigFacts(
        name=DEFAULT_CONFIG,
        pattern=f"{ROWS_FOLDER}/*/{split}-*.parquet",
        columns=layout.columns,
        rows=sum(config.rows for config in configs),
        table_bytes=sum(config.table_bytes for config in configs),
        download_bytes=sum(config.download_bytes for config in configs),
    )
    table = [
        GroupFacts(group, names[group], len(units), sum(unit.size_bytes for unit in units))
        for group, units in sorted(groups.items())
    ]
    return CardFacts(layout, split, [everything, *configs, files_facts], table)
