"""A dataset directory: a folder's tables on disk, in the layout of a Hub dataset repository.

``README.md`` (the card), ``data/<config>/<split>-00000-of-0000N.parquet`` (rows, by config) and
``files/<split>-….parquet`` (every file of the folder).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vmeval_builders.checks import Allowed, manifest_contents
from vmeval_builders.choice import Choice
from vmeval_builders.manifest import read_manifests
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan, refuse_changes, scan_rows
from vmeval_hfds.api.build_target import check_apart, new_dataset, place_of, what_is_there
from vmeval_hfds.engine.beside import Beside
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.folder.read_back import read_back
from vmeval_hfds.gallery.preview import preview_of
from vmeval_hfds.scratch import remove_leftovers
from vmeval_hfds.store.dataset_directory import DirectoryStore
from vmeval_hfds.store.dataset_url import UrlStore
from vmeval_hfds.store.names import CARD_NAME, PREVIEW_NAME
from vmeval_hfds.table.card import CardFacts, render_card
from vmeval_hfds.table.facts import ListingFacts
from vmeval_hfds.table.listed_rows import listed_rows, names_of
from vmeval_hfds.table.plan import plan_shards
from vmeval_hfds.table.shards import write_shards
from vmeval_hfds.table.tables import (
    TableOptions,
    card_facts,
    facts_of,
    refuse_contents,
    refuse_names,
    run_shards,
    write_files,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made.

    Attributes:
        target: The dataset directory, or the URL of one.
        builder: The builder that describes the folder.
        builder_found: Whether that was found out, not named.
        rows: How many rows it holds.
        configs: What rows are sorted by (for questions, the domain) to number of rows.
        files: How many files of the folder it lists.
        source_bytes: The size of all these files.
        problems: The folder's problems that did not stand in the way.
        left_out: Files and empty folders that were not meant; folders end in ``/``.
        top_folder: The archive's one top folder, where it was looked through.
        decoded: Whether every frame was decoded, not only its header read.
    """

    target: Path | str
    builder: str
    builder_found: bool
    rows: int
    configs: dict[str, int]
    files: int
    source_bytes: int
    problems: Sequence[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""
    decoded: bool = True


def build(
    folder: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    builder: str | None = None,
    split: str = "test",
    num_proc: int | None = None,
    executor: Executor | None = None,
    keep_incomplete: bool = False,
    force: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep_top_folder: bool = False,
    allow_secrets: bool = False,
    decode: bool = True,
    progress: Progress | None = None,
) -> BuildResult:
    """Turn a folder into a dataset directory, which appears whole or not at all.

    The same folder gives the same bytes, whatever `num_proc` or `executor` is.

    Args:
        folder: The folder that holds the ``*_task`` folders; or a tar archive of it, which is not unpacked.
        target: Where the dataset directory will be; or a URL that fsspec knows (``s3://…``), where it is one when
            its card is there, which is written last.
        builder: The name of the builder that describes the folder; None finds it out.
        split: The split that every config gets.
        num_proc: How many processes; None chooses.
        executor: Does the work in place of processes of this machine: any `concurrent.futures.Executor`, such as
            Dask's. Its workers need folder and target at the same path or URL.
        keep_incomplete: Take in tasks without first frame or prompt, as nulls, and manifest entries without a folder.
        force: Replace a dataset directory that is there, or what a build left at a URL that did not end. What a
            person wrote into its card stays.
        include: Globs of what is taken in; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.
        keep_top_folder: Keep the one top folder of an archive, such as ``questions/``, as a part of paths; else it
            is looked through, as if the folder itself had been given.
        allow_secrets: Take in ``.env`` files and files with a Hugging Face token in them.
        decode: Decode every frame, as `check_folder` does; else damage behind its header is not found.
        progress: Called with rows done and rows in all.

    Raises:
        FolderError: The folder has errors; it carries all problems. Nothing is written.
        UnsafePathError: No export could read what was made of the folder. Nothing is written.
        TargetExistsError: Something is at the target, and is no dataset directory or `force` is off.
        FileNotFoundError: There is no such folder.
        SplitNameError: The split's name is not one that `datasets` accepts.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
        ArchiveError: The archive is damaged or cut short.
        RemoteWriteError: The store at the URL refused, or has not what was written.
    """
    with Engine(num_proc, executor).keeping_workers() as engine:
        options = TableOptions(split, engine, Allowed(keep_incomplete, allow_secrets), decode, progress)
        options.check()
        place = place_of(target)
        remove_leftovers()
        choice = Choice(include, exclude, keeps_top_folder=keep_top_folder)
        scan = scan_rows(folder, builder, choice, engine.seeing(folder))
        scan.forget_times()
        check_apart(scan.root, place)
        existing = what_is_there(place, scan.layout, force)
        engine.require(scan.root)
        refuse_names(scan, options)
        with new_dataset(place, existing, on_workers=executor is not None) as store:
            engine.require_target(store.partial)
            facts, problems = _write(scan, store, options, existing.card)
            read_back(str(place), store.open(), names_of(scan))
    return BuildResult(
        target=place,
        builder=scan.layout.name,
        builder_found=scan.layout_found,
        rows=sum(facts.rows_by_group.values()),
        configs=facts.rows_by_group,
        files=len(scan.files),
        source_bytes=sum(scan.files.sizes_bytes),
        problems=problems,
        left_out=scan.left_out,
        top_folder=scan.top_folder,
        decoded=decode,
    )


def _write(
    scan: Scan, store: DirectoryStore | UrlStore, options: TableOptions, existing_card: str | None
) -> tuple[CardFacts, Sequence[Problem]]:
    plan = plan_shards(scan, options.split)
    scan.forget_rows()
    picture = Beside(lambda: preview_of(scan, plan.units))
    manifests = Beside(lambda: read_manifests(manifest_contents(scan)))
    # A compressed archive has one place at which it is read on: nobody else may read it meanwhile.
    reads_anywhere = scan.source.splits and not (scan.source.in_passes or scan.source.is_far)
    beside = (picture, manifests) if reads_anywhere else ()
    reports = run_shards(write_shards, scan, plan.shards, store, options, beside)
    shards = {one.plan.name: facts_of(one, one.receipt) for one in reports if one.receipt}
    known = ListingFacts(scan.layout.name, plan.groups, shards)
    files = write_files(store, scan.source, options, listed_rows(scan, reports), known)
    for report in reports:
        report.forget_files()
    others = [problem for report in files for problem in report.problems]
    problems = refuse_contents(scan, plan.groups, reports, others, options.allowed, manifests.result())
    refuse_changes(scan)
    facts = card_facts(scan.layout, options.split, known, files)
    written = {CARD_NAME: render_card(facts, existing_card).encode()}
    if drawn := picture.result():
        written[PREVIEW_NAME] = drawn
    store.write(written)
    return facts, problems
