"""List every problem of a folder, without changing it, on all cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vmeval_builders.checks import CheckJob, check_job, check_jobs, sum_up
from vmeval_builders.choice import Choice
from vmeval_builders.findings import Findings
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan, refuse_changes, scan_rows
from vmeval_hfds.engine.pool import DECODING_FACTOR, Engine, Progress

if TYPE_CHECKING:
    from concurrent.futures import Executor

_THIS_MACHINE = Engine()


def check_folder(
    path: str | os.PathLike[str],
    quick: bool = False,
    builder: str | None = None,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep_top_folder: bool = False,
    num_proc: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Sequence[Problem]:
    """List every problem of a folder.

    Args:
        path: The folder or archive, such as the folder that holds the ``*_task`` folders.
        quick: Look at each frame's header only, instead of decoding it.
        builder: The name of the builder that describes it; None finds it out.
        include: Globs of what is looked at; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.
        keep_top_folder: Keep the one top folder of an archive, such as ``questions/``, as a part of paths; else it
            is looked through, as if the folder itself had been given.
        num_proc: How many processes; None chooses.
        executor: Does the work in place of processes of this machine: any `concurrent.futures.Executor`, such as
            Dask's. Its workers need the folder at the same path or URL.
        progress: Called with files done and files in all.

    Returns:
        Errors first, then warnings, each by path. Empty where there is nothing to say. They are kept packed, and each
        is made when it is asked for; `list` makes all of them.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: The path is a file, and no archive.
        ArchiveError: The archive is damaged or cut short.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
        WorkerError: A worker of the executor does not see the folder, or was killed.
        FolderChangedError: A file at a URL changed while the folder was read.
    """
    choice = Choice(include, exclude, keeps_top_folder=keep_top_folder)
    with Engine(num_proc, executor).keeping_workers() as engine:
        scan = scan_rows(path, builder, choice, engine.seeing(path))
        return check_walked(scan, quick, engine, progress)


def check_walked(
    scan: Scan, quick: bool = False, engine: Engine = _THIS_MACHINE, progress: Progress | None = None
) -> Sequence[Problem]:
    """Do what `check_folder` does, with a folder that was walked already."""
    engine.require(scan.root)
    work_bytes = sum(scan.files.sizes_bytes)
    work_bytes *= 1 if quick else DECODING_FACTOR

    begun: deque[int] = deque()

    def jobs() -> Iterator[CheckJob]:
        for job in check_jobs(scan, decode=not quick):
            begun.append(len(job.others) + sum(len(unit.files) for unit in job.units))
            yield job

    def findings() -> Iterator[Findings]:
        done = 0
        for found in engine.run(check_job, jobs(), work_bytes, scan.source.splits):
            yield found
            done += begun.popleft()
            if progress:
                progress(done, len(scan.files))

    problems = sum_up(scan, findings())
    refuse_changes(scan)
    return problems
