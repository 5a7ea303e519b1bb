"""Is this folder what that dataset holds? Answered by hashes, without reading an image column."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Unpack

from vmeval_builders.choice import Choice
from vmeval_builders.scan import Scan, archives_of, refuse_changes, scan_archives, scan_files
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.folder.folder_side import FolderSide
from vmeval_hfds.folder.listed_side import ListedSide
from vmeval_hfds.folder.plan import make_plan
from vmeval_hfds.rows.open import Source as RowSource
from vmeval_hfds.rows.open import open_dataset
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import check_layout
from vmeval_hfds.table.difference import compare
from vmeval_hfds.table.wanted import Chosen, Wanted

if TYPE_CHECKING:
    from concurrent.futures import Executor


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """How a folder differs from a dataset's list of files.

    Attributes:
        files: How many files the dataset lists.
        missing: Files and folders that the dataset lists and the folder has not.
        extra: Files and empty folders that the folder has and the dataset does not list.
        different: Files with other bytes.
        other_times: Files and folders with another modification time, where the dataset lists times.
        left_out: Files and empty folders of the folder that were not compared; folders end in ``/``.
        top_folder: The archive's one top folder, where it was looked through.
    """

    files: int
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    other_times: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.extra or self.different or self.other_times)


def verify(
    folder: str | os.PathLike[str],
    dataset: RowSource,
    *,
    builder: str | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep_top_folder: bool = False,
    num_proc: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **rows: Unpack[Chosen],
) -> VerifyResult:
    """Compare every file of a folder with a dataset's list of files, by SHA-256.

    Args:
        folder: The folder; or a tar archive of it, which is not unpacked.
        dataset: A dataset directory, a repository (its id or address), or what was opened.
        builder: The name of the builder that the dataset must be of; None takes any.
        include: Globs of what is compared; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.
        keep_top_folder: Keep the one top folder of an archive, such as ``questions/``, as a part of paths; else it
            is looked through, as if the folder itself had been given.
        num_proc: How many processes; None chooses.
        executor: Does the work in place of processes of this machine: any `concurrent.futures.Executor`, such as
            Dask's. Its workers need the folder at the same path or URL.
        progress: Called with files done and files in all.
        **rows: Which rows, for a folder that was exported so, as `export` takes them: `domains`, `ids`, `models`,
            `evaluators`, `experiments`, `where`. What the dataset lists beside them may be in the folder or not.

    Returns:
        What is missing, extra or different; folders count, with a ``/`` at the end.

    Raises:
        DatasetError: The dataset has no list of files, or a damaged one, or is not of that builder.
        LayoutNameError: There is no such builder.
        AmbiguousNameError: Several questions have an id; the message lists their paths, of which one may be given.
        UnknownNameError: No row has what is asked for, or the layout has no such column.
        MissingPathError: There is no such folder or dataset.
        ArchiveError: The archive is damaged or cut short.
        OSError: A file cannot be read.
    """
    with open_dataset(dataset) as source:
        wanted = Wanted(**rows)
        choice = Choice(include, exclude, keeps_top_folder=keep_top_folder)
        return _verify(folder, source, builder, wanted, choice, Engine(num_proc, executor), progress)


def _verify(
    folder: str | os.PathLike[str],
    source: DatasetFiles,
    builder: str | None,
    wanted: Wanted,
    choice: Choice,
    engine: Engine,
    progress: Progress | None,
) -> VerifyResult:
    if not source.listing_shards:
        raise DatasetError(f"{source.name}: has no config files, so that there is nothing to verify against")
    if builder is not None:
        check_layout(source, builder)
    everything = ListedSide(source)
    old = (
        ListedSide(source, choice, make_plan(source, wanted, builder).listing)
        if wanted
        else everything.meant(choice)
    )
    scan = scan_files(folder, choice, engine.seeing(folder))
    packed_files = archives_of(scan, choice)
    if packed_files and not any(everything.among(packed_files)):
        # The dataset knows what is in the archives, and not these.
        scan = scan_archives(scan, packed_files, choice, engine.seeing(folder))
    engine.require(scan.root)
    new = FolderSide(scan, lists_all=old.has_times, engine=engine, progress=progress)
    found = compare(old.files, new.files)
    refuse_changes(scan)
    extra = {*found.added, *new.unlisted}
    extra -= set((everything if wanted else old).among(extra))
    return VerifyResult(
        files=found.old_files,
        missing=sorted(found.removed),
        extra=sorted(extra),
        different=sorted({*found.changed, *_repeated(scan)}),
        other_times=sorted(found.other_times),
        left_out=scan.left_out,
        top_folder=scan.top_folder,
    )


def _repeated(scan: Scan) -> Iterator[str]:
    """List the names that come several times: no folder could hold them."""
    for one, following in pairwise(scan.files):
        if one.path == following.path:
            yield one.path
