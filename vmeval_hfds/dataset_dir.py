"""A dataset directory: a question folder's tables on disk, in the layout of a Hub dataset repository.

``README.md`` (the card), ``data/<config>/<split>-00000-of-0000N.parquet`` (questions, by domain) and
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

from vmeval_builders import layout
from vmeval_builders.checks import check_folder, folder_problems, manifest_content, refusals, sorted_problems
from vmeval_builders.manifest import manifest_problems
from vmeval_builders.problems import Problem
from vmeval_builders.rows import read_task
from vmeval_builders.scan import FileEntry, Scan, Task, scan_folder
from vmeval_builders.schema import FILE_COLUMNS, QUESTION_COLUMNS
from vmeval_hfds import parallel, shards
from vmeval_hfds.card import (
    CARD_NAME,
    DEFAULT_CONFIG,
    FILES_CONFIG,
    CardFacts,
    ConfigFacts,
    DomainFacts,
    render_card,
    schema_version,
)
from vmeval_hfds.dataset_files import LISTING_FOLDER, PREVIEW_NAME, QUESTIONS_FOLDER, is_shard_name
from vmeval_hfds.errors import DatasetError, FolderError, SplitNameError, TargetExistsError
from vmeval_hfds.parallel import Progress
from vmeval_hfds.preview import preview_frames, preview_png

# `datasets` accepts these as split names: https://huggingface.co/docs/datasets/repository_structure
_SPLIT_NAME = re.compile(r"\w+(\.\w+)*")


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made.

    Attributes:
        target: The dataset directory.
        tasks: How many questions it holds.
        domains: Domain to number of questions.
        files: How many files of the folder it lists.
        source_bytes: The size of all these files.
        problems: The folder's problems that did not stand in the way.
    """

    target: Path
    tasks: int
    domains: dict[str, int]
    files: int
    source_bytes: int
    problems: list[Problem] = field(default_factory=list)


def build(
    folder: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    split: str = "test",
    num_proc: int | None = None,
    keep_incomplete: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> BuildResult:
    """Turn a question folder into a dataset directory, which appears whole or not at all.

    The same folder gives the same bytes, whatever `num_proc` is.

    Args:
        folder: The folder that holds the ``*_task`` folders.
        target: Where the dataset directory will be.
        split: The split that every config gets.
        num_proc: How many processes; None chooses.
        keep_incomplete: Take in tasks without first frame or prompt, as nulls.
        force: Replace a dataset directory that is there. What a person wrote into its card stays.
        progress: Called with questions done and questions in all.

    Raises:
        FolderError: The folder has errors; it carries all problems. Nothing is written.
        TargetExistsError: Something is at the target, and is no dataset directory or `force` is off.
        FileNotFoundError: There is no such folder.
        SplitNameError: The split's name is not one that `datasets` accepts.
    """
    check_split(split)
    target = Path(os.path.abspath(target))
    scan = scan_folder(folder)
    _check_apart(scan.root, target)
    existing_card = _existing_card(target, force)
    refuse_names(scan, keep_incomplete)
    made = _make_parents(target)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.partial-", dir=target.parent))
    try:
        tables = write_tables(
            scan, partial, split=split, num_proc=num_proc, keep_incomplete=keep_incomplete, progress=progress
        )
        (partial / PREVIEW_NAME).parent.mkdir()
        (partial / PREVIEW_NAME).write_bytes(tables.preview)
        (partial / CARD_NAME).write_bytes(render_card(tables.facts, existing_card).encode())
        partial.chmod(0o777 & ~_umask())
        _put_in_place(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise
    counts = {one.domain: one.tasks for one in tables.facts.domains}
    source_bytes = sum(entry.size_bytes for entry in scan.files)
    return BuildResult(target, len(scan.tasks), counts, len(scan.files), source_bytes, tables.problems)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a folder, written as shards.

    Attributes:
        facts: What a card says of them.
        problems: The folder's problems that did not stand in the way.
        preview: The card's picture, a PNG.
    """

    facts: CardFacts
    problems: list[Problem]
    preview: bytes


def write_tables(
    scan: Scan,
    target: Path,
    *,
    split: str,
    num_proc: int | None,
    keep_incomplete: bool,
    progress: Progress | None = None,
) -> Tables:
    """Write a walked folder's tables into an empty directory, without a card.

    Raises:
        FolderError: The tasks' contents have errors; what was written is of no use then.
    """
    by_domain = tasks_by_domain(scan)
    names = layout.config_names(by_domain)
    jobs = {
        domain: [
            shards.ShardJob(scan.root, path, tasks)
            for path, tasks in _shard_files(
                target / QUESTIONS_FOLDER / names[domain], split, by_domain[domain]
            )
        ]
        for domain in sorted(by_domain, key=lambda domain: names[domain])
    }
    reports = _write_questions(jobs, num_proc, progress)
    problems = _all_problems(scan, [report for of_domain in reports.values() for report in of_domain])
    refuse(scan.root, problems, keep_incomplete)
    held = {
        path: digest
        for of_domain in reports.values()
        for one in of_domain
        for path, digest in one.held.items()
    }
    files_facts = _write_listing(scan, target, split, held)
    facts = _card_facts(target, split, by_domain, names, reports, files_facts)
    return Tables(facts, problems, preview_png(preview_frames(scan.root, by_domain)))


def check_split(split: str) -> None:
    """Refuse a split name that `datasets` would refuse later.

    Raises:
        SplitNameError: It is not letters, digits and underscores.
    """
    if not _SPLIT_NAME.fullmatch(split):
        raise SplitNameError(
            f"the split is called {split!r}; expected letters, digits and underscores, such as 'test'"
        )


def refuse(folder: str | os.PathLike[str], problems: Iterable[Problem], keep_incomplete: bool) -> None:
    """Raise where problems stand in the way of a build.

    Raises:
        FolderError: One of them does; it carries all of them.
    """
    problems = sorted_problems(problems)
    if errors := refusals(problems, keep_incomplete):
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        raise FolderError(
            f"{folder}: {count}, so nothing was written; mend the folder and run again", problems
        )


def refuse_names(scan: Scan, keep_incomplete: bool) -> None:
    """Raise where names, links or sizes stand in the way, before any file is read for a table.

    Raises:
        FolderError: One of them does; it carries all of the folder's problems, those of contents too.
    """
    if refusals(folder_problems(scan), keep_incomplete):
        refuse(scan.root, check_folder(scan.root, quick=True), keep_incomplete)


def tasks_by_domain(scan: Scan) -> dict[str, list[Task]]:
    """Sort tasks into domains, keeping their order."""
    domains: dict[str, list[Task]] = defaultdict(list)
    for task in scan.tasks:
        # Only at the root does the name of a domain come from a file.
        at_root = "/" not in task.path and not task.path.endswith(layout.TASK_SUFFIX)
        domain = read_task(scan.root, task, media=False).domain if at_root else layout.domain_of(task.path)
        domains[domain].append(task)
    return dict(domains)


def _check_apart(folder: Path, target: Path) -> None:
    real = Path(os.path.realpath(target))
    if real.is_relative_to(folder) or folder.is_relative_to(real):
        raise TargetExistsError(
            f"{target}: the target and the folder {folder} lie in each other; choose another place"
        )


def _existing_card(target: Path, force: bool) -> str | None:
    if not os.path.lexists(target):
        return None
    if not force:
        raise TargetExistsError(f"{target}: already there; choose another target, or replace it with --force")
    if foreign := foreign_entry(target):
        raise TargetExistsError(f"{target}: --force replaces only a dataset directory, and {foreign}")
    return (target / CARD_NAME).read_bytes().decode()


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


def _shard_files(folder: Path, split: str, tasks: Sequence[Task]) -> list[tuple[Path, Sequence[Task]]]:
    runs = shards.cut(tasks, lambda task: task.size_bytes, shards.SHARD_BYTES)
    return [(folder / shard_name(split, number, len(runs)), run) for number, run in enumerate(runs)]


def shard_name(split: str, number: int, shards_in_all: int) -> str:
    """Name a shard as `push_to_hub` names it."""
    return f"{split}-{number:05d}-of-{shards_in_all:05d}.parquet"


def _write_questions(
    jobs: dict[str, list[shards.ShardJob]], num_proc: int | None, progress: Progress | None
) -> dict[str, list[shards.ShardReport]]:
    flat = [(domain, job) for domain, of_domain in jobs.items() for job in of_domain]
    for _, job in flat:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    work_bytes = sum(task.size_bytes for _, job in flat for task in job.tasks)
    done, tasks = 0, sum(len(job.tasks) for _, job in flat)
    reports: dict[str, list[shards.ShardReport]] = defaultdict(list)
    workers = parallel.processes(num_proc, work_bytes)
    results = parallel.run(shards.write_question_shard, [job for _, job in flat], workers)
    for (domain, job), report in zip(flat, results, strict=True):
        reports[domain].append(report)
        done += len(job.tasks)
        if progress:
            progress(done, tasks)
    return reports


def _all_problems(scan: Scan, reports: Sequence[shards.ShardReport]) -> list[Problem]:
    problems = list(folder_problems(scan))
    problems += [problem for report in reports for problem in report.problems]
    keys = [key for report in reports for key in report.keys]
    problems += manifest_problems(manifest_content(scan), keys)
    return sorted_problems(problems)


def _write_listing(scan: Scan, target: Path, split: str, held: dict[str, bytes]) -> ConfigFacts:
    entries: list[FileEntry | str] = sorted(
        [*scan.files, *scan.empty_folders], key=lambda entry: entry if isinstance(entry, str) else entry.path
    )
    folder = target / LISTING_FOLDER
    folder.mkdir()
    runs = shards.cut(entries, lambda entry: shards.stored_bytes(entry, held), shards.SHARD_BYTES)
    table_bytes = 0
    for number, run in enumerate(runs):
        path = folder / shard_name(split, number, len(runs))
        table_bytes += shards.write_listing_shard(path, scan, run, held)
    pattern = f"{LISTING_FOLDER}/{split}-*.parquet"
    return ConfigFacts(FILES_CONFIG, pattern, FILE_COLUMNS, len(entries), table_bytes, _folder_bytes(folder))


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _card_facts(
    target: Path,
    split: str,
    by_domain: dict[str, list[Task]],
    names: dict[str, str],
    reports: dict[str, list[shards.ShardReport]],
    files_facts: ConfigFacts,
) -> CardFacts:
    configs = []
    for domain in reports:
        folder = f"{QUESTIONS_FOLDER}/{names[domain]}"
        configs.append(
            ConfigFacts(
                name=names[domain],
                pattern=f"{folder}/{split}-*.parquet",
                columns=QUESTION_COLUMNS,
                rows=sum(report.rows for report in reports[domain]),
                table_bytes=sum(report.table_bytes for report in reports[domain]),
                download_bytes=_folder_bytes(target / folder),
            )
        )
    everything = ConfigFacts(
        name=DEFAULT_CONFIG,
        pattern=f"{QUESTIONS_FOLDER}/*/{split}-*.parquet",
        columns=QUESTION_COLUMNS,
        rows=sum(config.rows for config in configs),
        table_bytes=sum(config.table_bytes for config in configs),
        download_bytes=sum(config.download_bytes for config in configs),
    )
    domains = [
        DomainFacts(domain, names[domain], len(tasks), sum(task.size_bytes for task in tasks))
        for domain, tasks in sorted(by_domain.items())
    ]
    return CardFacts(split, [everything, *configs, files_facts], domains)
