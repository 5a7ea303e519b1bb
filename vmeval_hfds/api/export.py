"""Rows to a folder, safely: every path is checked before the first byte is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack

import pyarrow.compute as pc

from vmeval_builders.arrow.listing import ROOT_FOLDER
from vmeval_builders.sources.urls import is_url
from vmeval_hfds.api.export_url import UrlExport
from vmeval_hfds.api.exported import ExportPlan, ExportResult, refuse_unlike, result_of, some_of
from vmeval_hfds.claim import claimed
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import ArgumentError, ReplacedShardError, TargetExistsError
from vmeval_hfds.folder.check import check_apart, check_lengths, check_media, check_repeated
from vmeval_hfds.folder.compare import Comparer, compare_listed
from vmeval_hfds.folder.jobs import Tally
from vmeval_hfds.folder.places import possible_places
from vmeval_hfds.folder.plan import Plan, make_plan
from vmeval_hfds.folder.pull import Pull, bytes_to_read, check_paths, pull_of, row_paths, run
from vmeval_hfds.folder.record import Brought, Content, is_as_brought, state_folder
from vmeval_hfds.folder.remember import forget, remember, stale
from vmeval_hfds.folder.writer import FolderWriter
from vmeval_hfds.rows.open import Source, open_dataset
from vmeval_hfds.store.directory import DatasetFiles, on_this_disk
from vmeval_hfds.table.difference import parents_of
from vmeval_hfds.table.listing import timed
from vmeval_hfds.table.naming import NOTHING_SAID, Naming
from vmeval_hfds.table.wanted import Chosen, Wanted

Result = TypeVar("Result")

if TYPE_CHECKING:
    from concurrent.futures import Executor


@dataclass(frozen=True, slots=True)
class _Options:
    """What was asked for."""

    target: Path
    wanted: Wanted
    builder: str | None
    naming: Naming
    force: bool
    strict: bool
    update: bool
    prune: bool
    engine: Engine


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An export that may be done."""

    pull: Pull
    writer: FolderWriter
    compared: Tally
    record: Brought
    recorded: Mapping[str, Sequence[Content]]
    prune: list[str]
    was_empty: bool

    @property
    def replaced(self) -> list[str]:
        """Files with other bytes, that will be replaced."""
        return sorted({*self.pull.at("other"), *self.compared.paths["other"]})


def export(
    source: Source,
    target: str | os.PathLike[str],
    *,
    builder: str | None = None,
    columns: Mapping[str, str] = NOTHING_SAID.columns,
    template: str = "",
    force: bool = False,
    strict: bool = False,
    update: bool = False,
    prune: bool = False,
    num_proc: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **rows: Unpack[Chosen],
) -> ExportResult:
    """Write a dataset's rows as the folder that they came from, byte for byte.

    Run again after it was killed, it goes on where it stopped. Files that are there with the same bytes are left
    alone, and what holds only them is not fetched; files that the dataset does not know are never touched. No
    image is decoded.

    Args:
        source: A dataset directory, a repository, or a `datasets.Dataset` with the columns of `to_dataset`.
        target: The folder; it may exist. Or a URL that fsspec knows (``s3://…``), where nothing may be but with
            `force`, and the marker ``.vmeval-hfds-whole`` is written last.
        builder: The name of the builder that describes the rows; None finds it out.
        columns: Column to what a table of others calls it, such as ``{"id": "video_idx"}``; to "" for one that is
            not to be taken for it. Images and videos are bytes, or the paths of files of the dataset.
        template: What its rows' folders are called, such as ``"{domain}_task/{id}"``, with columns of either name.
        force: Replace files that have other bytes.
        strict: Refuse where rows are not what the dataset's list of files says.
        update: Replace files that an earlier export wrote here and that nobody changed since.
        prune: Remove such files where the dataset no longer has them.
        num_proc: How many processes; None chooses.
        executor: Does the work in place of processes of this machine: any `concurrent.futures.Executor`, such as
            Dask's. Its workers need dataset directory and target at the same path or URL.
        progress: Called with rows done and rows in all.
        **rows: Which rows, without what lies outside their folders: `domains`, `ids`, `models`, `evaluators`,
            `experiments`, each a list of values, and `where`, any column of text or numbers to a value or several,
            such as ``where={"status": "failed"}``.

    Raises:
        UnsafePathError: A row's path, or a link in the target, leads where nothing must be written.
            Nothing was written.
        TargetExistsError: Files with other bytes are in the way and `force` is off, or another run writes
            there (`BusyTargetError`). Nothing was written.
        AmbiguousNameError: Several questions have an id; the message lists their paths, of which one may be given.
        UnknownNameError: No row has what is asked for, or the layout has no such column. Nothing was written.
        ArgumentError: The layout has no such column, the template is none, or the dataset needs neither.
        ChangedRowsError: `strict`, and rows were changed. Nothing was written.
        DatasetError: The source is no dataset that a builder made, or is damaged.
        FileNotFoundError: There is no such dataset directory.
    """
    said = Naming(columns, template)
    if is_url(str(target)):
        _refuse_at_url(target, update=update, prune=prune)
        url, rows_wanted, engine = str(target).rstrip("/"), Wanted(**rows), Engine(num_proc, executor)
        with open_dataset(source) as dataset:
            there = UrlExport(dataset, url, rows_wanted, builder, said, force, strict, engine)
            return _distrusting(lambda replaced: there.run(replaced, progress))
    root = on_this_disk(target)
    # What looks at the shards first writes the files too, and has nothing of the list of files in its memory.
    with (
        claimed(root),
        open_dataset(source) as dataset,
        Engine(num_proc, executor).keeping_workers() as engine,
    ):
        options = _Options(root, Wanted(**rows), builder, said, force, strict, update, prune, engine)
        return _distrusting(lambda replaced: _export(_prepare(dataset, options, replaced), options, progress))


def plan_export(
    source: Source,
    target: str | os.PathLike[str],
    *,
    builder: str | None = None,
    columns: Mapping[str, str] = NOTHING_SAID.columns,
    template: str = "",
    force: bool = False,
    strict: bool = False,
    update: bool = False,
    prune: bool = False,
    num_proc: int | None = None,
    executor: Executor | None = None,
    **rows: Unpack[Chosen],
) -> ExportPlan:
    """Do all that `export` does before it writes, and say what it would do.

    Takes the arguments of `export`, and raises what it raises before it writes.
    """
    said, engine = Naming(columns, template), Engine(num_proc, executor)
    if is_url(str(target)):
        _refuse_at_url(target, update=update, prune=prune)
        url, rows_wanted = str(target).rstrip("/"), Wanted(**rows)
        with open_dataset(source) as dataset:
            there = UrlExport(dataset, url, rows_wanted, builder, said, force, strict, engine)
            return _distrusting(lambda replaced: there.plan(replaced))
    root = on_this_disk(target)
    options = _Options(root, Wanted(**rows), builder, said, force, strict, update, prune, engine)
    with open_dataset(source) as dataset:
        return _distrusting(lambda replaced: _planned(_prepare(dataset, options, replaced), root))


def _refuse_at_url(target: object, **asked: bool) -> None:
    """Refuse what an export to a URL cannot do.

    Raises:
        ArgumentError: It was asked for.
    """
    if names := [f"--{name}" for name, is_asked in asked.items() if is_asked]:
        raise ArgumentError(
            f"{target}: {' and '.join(names)} is for a folder on this disk: which objects an earlier export wrote, and "
            "nobody replaced since, is not known of a store; leave it out, or replace them with --force"
        )


def _distrusting(work: Callable[[set[str]], Result]) -> Result:
    """Do some work, again where a shard turns out not to be what the list of files says."""
    replaced: set[str] = set()
    while True:
        try:
            return work(replaced)
        except ReplacedShardError as error:
            if error.shard in replaced:
                raise
            replaced.add(error.shard)


def _planned(prepared: _Prepared, root: Path) -> ExportPlan:
    pull, compared = prepared.pull, prepared.compared
    write = {*pull.at("absent"), *compared.paths["absent"], *prepared.replaced}
    if not compared.rows:
        write |= pull.other.keys()
    return ExportPlan(
        target=root,
        builder=pull.plan.layout.name,
        rows=pull.plan.rows,
        write=sorted(write),
        replace=prepared.replaced,
        kept=pull.states.count("same") + len(compared.paths["same"]),
        read_bytes=bytes_to_read(pull),
        prune=prepared.prune,
    )


def _prepare(dataset: DatasetFiles, options: _Options, replaced: Collection[str]) -> _Prepared:
    """Compare dataset and target, and refuse what must not be written."""
    root = options.target
    said, strict = options.naming, options.strict
    plan = make_plan(
        dataset,
        options.wanted,
        options.builder,
        naming=said,
        strict=strict,
        replaced=replaced,
        engine=options.engine,
    )
    check_apart(dataset, root)
    pull = pull_of(plan)
    # Reading a long list, and looking at its paths, take more than is kept.
    give_back()
    check_paths(pull)
    give_back()
    check_lengths(root, plan.listing.table["path"], _possible_paths(plan))
    plan = replace(plan, looked_into=check_media(dataset, plan.looked_into))
    pull = replace(pull, plan=plan)
    occupied = root.exists() and any(root.iterdir())
    writer = FolderWriter(root, options.force)
    if occupied:
        writer.check_folders(chain(_listed_folders(plan), _possible_paths(plan)))
        pull = replace(pull, states=compare_listed(root, pull.known, options.engine))
    if plan.repeated:
        check_repeated(dataset.name, row_paths(pull))
    compared = Tally()
    if plan.looked_into and (occupied or options.strict or plan.repeated):
        compared = run(pull, Comparer(writer), options.engine, None, known=False)
    record = Brought(state_folder(), root, dataset.address or dataset.name)
    recorded = record.read() if options.update or options.prune else {}
    prepared = _Prepared(pull, writer, compared, record, recorded, [], not occupied)
    _refuse(prepared, options)
    writer.replaceable = frozenset(prepared.replaced)
    writer.is_fresh = not occupied and not plan.repeated
    if options.prune:
        prepared.prune.extend(stale(plan, recorded, root, _possible_paths(plan)))
    return prepared


def _export(prepared: _Prepared, options: _Options, progress: Progress | None) -> ExportResult:
    pull, writer, plan = prepared.pull, prepared.writer, prepared.pull.plan
    with writer.writing(prepared.was_empty):
        options.engine.require(options.target, plan.dataset.place)
        recorded = remember(prepared.record, pull, prepared.prune)
        tally = run(pull, writer, options.engine, progress)
        for path in plan.listing.folders:
            writer.make_folder(path)
        for path in prepared.prune:
            writer.remove(path)
    forget(prepared.record, pull, prepared.prune, recorded)
    _set_times(pull, writer)
    writer.done()
    kept = pull.states.count("same") + len(tally.paths["same"])
    result = result_of(options.target, plan, tally, tally.written, kept)
    return replace(result, pruned=prepared.prune)


def _refuse(prepared: _Prepared, options: _Options) -> None:
    """Raise where something stands in the way.

    Raises:
        TargetExistsError: A folder, or a file with other bytes that may not be replaced.
        ChangedRowsError: `strict`, and rows are not what the list of files says.
    """
    pull, compared = prepared.pull, prepared.compared
    if folders := [*pull.at("folder"), *compared.paths["folder"]]:
        raise TargetExistsError(
            f"{options.target / min(folders)}: is a folder, and a file belongs there; nothing was written, move it"
        )
    conflicts = [] if options.force else prepared.replaced
    if options.update:
        conflicts = [path for path in conflicts if not is_as_brought(options.target, path, prepared.recorded)]
    if conflicts:
        count = len(conflicts)
        hint = "no earlier export wrote them as they are; " if options.update else ""
        raise TargetExistsError(
            f"{options.target}: {count} {'file has' if count == 1 else 'files have'} other bytes than the dataset "
            f"({some_of(conflicts)}); nothing was written; {hint}replace with --force"
        )
    if options.strict:
        refuse_unlike(pull.plan.dataset.name, compared)


def _set_times(pull: Pull, writer: FolderWriter) -> None:
    """Set times when nothing is written any more, the deepest folders first: each write changes theirs."""
    for path, modified_ns in timed(pull.known.filter(pull.states.are("same"))):
        writer.set_time(path, modified_ns)
    table = pull.plan.listing.table
    folders = dict(timed(table.filter(pc.ends_with(table["path"], "/"))))
    root_ns = folders.pop(ROOT_FOLDER, None)
    for path in sorted(folders, key=lambda path: path.count("/"), reverse=True):
        writer.set_time(path[:-1], folders[path])
    writer.set_time("", root_ns)


def _listed_folders(plan: Plan) -> Iterator[str]:
    """Give the folders that listed files lie in, and those that are listed, with a ``/`` at the end."""
    folders = [parents_of(plan.listing.file_paths), plan.listing.folder_paths]
    return (f"{path}/" for paths in folders for path in paths.to_pylist())


def _possible_paths(plan: Plan) -> Iterator[str]:
    """Give what rows may hold that were looked into."""
    return (path for group in plan.looked_into for path in possible_places(group))
