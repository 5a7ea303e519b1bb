"""Bring a mirrored folder back from the Hub, each file checked against the hash that the Hub states."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vmeval_builders.choice import Choice
from vmeval_builders.paths import STAGING_FOLDER
from vmeval_hfds.claim import claimed
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import HubError, TargetExistsError, UnknownNameError, UnsafePathError
from vmeval_hfds.folder.record import (
    Brought,
    Content,
    every,
    holds,
    is_as_brought,
    is_content,
    prunable,
    state_folder,
)
from vmeval_hfds.folder.writer import FolderWriter
from vmeval_hfds.hub import transfer
from vmeval_hfds.hub.address import repo_and_revision
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.hub.transfer import without_bars
from vmeval_hfds.mirror import plan as mirror_plan
from vmeval_hfds.mirror.files import for_each
from vmeval_hfds.mirror.plan import ATTRIBUTES, DownloadPlan
from vmeval_hfds.mirror.remote import attributes_are_hubs

_DOWNLOADS = 8
_READERS = 4
_SHOWN_PATHS = 3


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """What a download did.

    Attributes:
        target: The folder.
        commit: The commit whose files it holds.
        written: How many files were written.
        unchanged: How many were there already, and were left alone.
        pruned: Files that were removed.
    """

    target: Path
    commit: str
    written: int
    unchanged: int
    pruned: list[str]


@dataclass(frozen=True, slots=True)
class _Job:
    """A download that may be done."""

    repo: HubRepo
    commit: str
    root: Path
    record: Brought
    recorded: dict[str, list[Content]]
    remote: dict[str, RemoteFile]
    wanted: dict[str, Content]
    write: dict[str, Content]
    prune: list[str]


def hf_download(
    repo_id: str,
    target_dir: str | os.PathLike[str],
    repo_type: str = "dataset",
    revision: str = "main",
    token_env: str = DEFAULT_TOKEN_ENV,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    prune: bool = False,
    force: bool = False,
    wait: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Bring a mirrored folder back, so that ``diff -r`` with the folder that was uploaded finds nothing.

    Takes the arguments of `download`, and raises what it raises.

    Returns:
        The target folder.
    """
    result = download(
        repo_id,
        target_dir,
        repo_type,
        revision,
        token_env,
        include=include,
        exclude=exclude,
        prune=prune,
        force=force,
        wait=wait,
        progress=progress,
    )
    return result.target


def download(
    repo_id: str,
    target_dir: str | os.PathLike[str],
    repo_type: str = "dataset",
    revision: str = "main",
    token_env: str = DEFAULT_TOKEN_ENV,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    prune: bool = False,
    force: bool = False,
    wait: bool = True,
    progress: Progress | None = None,
) -> DownloadResult:
    """Bring a mirrored folder back, and say what was done.

    No file of the target is touched before all are here and checked. What was fetched by a run that failed or was
    killed lies in a folder of its own in the target, which says that the target is not complete; the next run
    goes on with it. Files with the right bytes are left alone.

    Args:
        repo_id: ``user/name``, or an address of the repository, which may name the revision.
        target_dir: The folder; made where it is missing.
        repo_type: ``dataset``, ``model`` or ``space``.
        revision: A branch, tag or commit.
        token_env: The environment variable that holds the token.
        include: Globs of what to bring; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what not to bring, even where it is included.
        prune: Remove files that an earlier download brought here, that nobody changed since, and that the
            repository no longer has.
        force: Replace files that have other bytes and that no earlier download brought.
        wait: Wait where the Hub's rate limit is reached, if that is less than ten minutes; else an error says at once
            how long it is.
        progress: Called with files fetched and files to fetch.

    Raises:
        UnsafePathError: The repository has names that must not be written. Nothing was written.
        TargetExistsError: Files of the target have other bytes, or another run writes there. Nothing was written.
        UnknownNameError: No file matches `include`.
        AddressError: The repo id is none, or the address of something else.
        HubError: The Hub failed or refused; the message names the file. No file of the target was touched.
        OSError: The disk is full, or a file cannot be written.
    """
    repo_id, revision = repo_and_revision(repo_id, repo_type, revision)
    repo = HubRepo(repo_id, repo_type, token_env, wait=wait)
    choice = Choice(include, exclude, drops_tools=False)
    with claimed(Path(target_dir)):
        job = _prepare(repo, Path(target_dir), revision, choice, prune, force)
        _download(job, progress)
    return DownloadResult(
        Path(target_dir), job.commit, len(job.write), len(job.wanted) - len(job.write), job.prune
    )


def _download(job: _Job, progress: Progress | None) -> None:
    if job.write:
        _write_record(job, before=True)  # first: where that cannot be, nothing is begun
    job.root.mkdir(parents=True, exist_ok=True)
    writer = FolderWriter(job.root)
    if job.write:
        writer.make_folder(STAGING_FOLDER)
        with without_bars():
            _fetch(job, writer, progress)
        _put_in_place(job, writer)
    for path in job.prune:
        writer.remove(path)
    if job.write or job.prune:
        _write_record(job, before=False)
    writer.end()


def plan_download(
    repo_id: str,
    target_dir: str | os.PathLike[str],
    repo_type: str = "dataset",
    revision: str = "main",
    token_env: str = DEFAULT_TOKEN_ENV,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    prune: bool = False,
    force: bool = False,
    wait: bool = True,
) -> DownloadPlan:
    """Do all that `download` does before it writes, and say what it would do.

    Takes the arguments of `download`, and raises what it raises before it writes.
    """
    repo_id, revision = repo_and_revision(repo_id, repo_type, revision)
    repo = HubRepo(repo_id, repo_type, token_env, wait=wait)
    choice = Choice(include, exclude, drops_tools=False)
    job = _prepare(repo, Path(target_dir), revision, choice, prune, force)
    domains = mirror_plan.count_domains(job.write)
    write_bytes = sum(content.size_bytes for content in job.write.values())
    as_dataset = mirror_plan.dataset_requests(len(job.write), domains, write_bytes)
    return DownloadPlan(
        repo_id=repo_id,
        repo_type=repo_type,
        commit=job.commit,
        write=list(job.write),
        write_bytes=write_bytes,
        unchanged=len(job.wanted) - len(job.write),
        prune=job.prune,
        requests=mirror_plan.download_requests(job.remote, job.write.values()),
        export_requests=as_dataset[1] if as_dataset else None,
    )


def _prepare(repo: HubRepo, target: Path, revision: str, choice: Choice, prune: bool, force: bool) -> _Job:
    """Compare repository and target, and refuse what must not be written."""
    root = target.resolve()
    if root.exists() and not root.is_dir():
        raise TargetExistsError(f"{target}: is a file, and a folder belongs there; choose another target")
    commit = repo.head(revision)
    remote = repo.files(commit)
    wanted = {path: Content.of(one) for path, one in sorted(remote.items()) if choice.takes(path)}
    if choice.include and not wanted:
        globs = ", ".join(choice.include)
        raise UnknownNameError(f"{repo.repo_id}: no file matches {globs}; see vmeval-hfds ls")
    if ATTRIBUTES in wanted and attributes_are_hubs(repo, commit, remote):
        del wanted[ATTRIBUTES]
    _check_names(repo, wanted)
    record = Brought(state_folder(), root, f"{repo.endpoint} {repo.repo_type} {repo.repo_id.lower()}")
    recorded = record.read()
    stale = prunable(recorded, remote) if prune else []
    return _Job(
        repo=repo,
        commit=commit,
        root=root,
        record=record,
        recorded=recorded,
        remote=remote,
        wanted=wanted,
        write=_to_write(root, wanted, recorded, force),
        prune=[path for path in stale if is_as_brought(root, path, recorded)],
    )


def _check_names(repo: HubRepo, wanted: dict[str, Content]) -> None:
    problems = mirror_plan.unsafe_names(wanted)
    if problems:
        shown = "; ".join(f"{path!a} {reason}" for path, reason in problems[:_SHOWN_PATHS])
        more = f" … and {len(problems) - _SHOWN_PATHS} more" if len(problems) > _SHOWN_PATHS else ""
        raise UnsafePathError(
            f"{repo.repo_id}: has names that must not be written here, and nothing was. {shown}{more}"
        )


def _to_write(
    root: Path, wanted: dict[str, Content], recorded: dict[str, list[Content]], force: bool
) -> dict[str, Content]:
    """Pick the files that are not there with these bytes.

    Raises:
        UnsafePathError: One would be written through a link.
        TargetExistsError: One would replace what is not ours.
    """
    writer = FolderWriter(root)
    writer.check_folders([*wanted, f"{STAGING_FOLDER}/"])
    there = [path for path in wanted if os.path.lexists(root / path)]
    same = for_each(lambda path: holds(root / path, wanted[path]), {path: path for path in there}, _READERS)
    others = [path for path in there if not same[path] and not (force or is_as_brought(root, path, recorded))]
    others += [path for path in there if path not in others and _is_folder(root / path)]
    if others:
        more = f" … and {len(others) - _SHOWN_PATHS} more" if len(others) > _SHOWN_PATHS else ""
        raise TargetExistsError(
            f"{root}: has other bytes than the repository, which no earlier download brought, so nothing was "
            f"written; replace them with --force: {', '.join(others[:_SHOWN_PATHS])}{more}"
        )
    return {path: content for path, content in wanted.items() if not same.get(path)}


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _fetch(job: _Job, writer: FolderWriter, progress: Progress | None) -> None:
    """Bring all bytes that are missing into the folder of unfinished files, the same bytes once."""
    paths: dict[Content, str] = {}
    for path, content in job.write.items():
        paths.setdefault(content, path)

    def fetch(path: str) -> None:
        try:
            _fetch_one(job, writer, path)
        except HubError as error:
            message = f"{error} (at {path}; the target is untouched, run again to go on)"
            told = type(error)(message)
            told.__dict__.update(error.__dict__)  # how long to wait, where that is it
            raise told from error
        except OSError as error:
            if error.errno is not None:
                raise OSError(error.errno, error.strerror, str(job.root)) from error
            message = f"{job.repo.repo_id}: {path} did not come whole; the target is untouched, run again"
            raise HubError(message) from error

    for_each(fetch, paths, _DOWNLOADS, progress)


def _fetch_one(job: _Job, writer: FolderWriter, path: str) -> None:
    """Bring one file, going on with what an earlier run got of it.

    Raises:
        HubError: It cannot be had, or its bytes are not what the Hub states.
    """
    content = job.write[path]

    def reopen(mode: str = "ab") -> BinaryIO:
        return writer.open_unfinished(content.name, mode)

    for mode in ("ab", "wb"):  # what an earlier run left may be damaged: then once more, from the start
        with reopen(mode) as staged:
            size_bytes = staged.tell()
        if size_bytes < content.size_bytes:
            transfer.download(job.repo, job.remote[path], job.commit, reopen)
        with reopen("rb") as staged:
            if is_content(staged, content):
                return
    with reopen("wb"):  # nothing of it is gone on with
        pass
    raise HubError(f"{job.repo.repo_id}: the bytes that came are not those that the Hub states")


def _put_in_place(job: _Job, writer: FolderWriter) -> None:
    left = Counter(job.write.values())
    for path, content in job.write.items():
        name = content.name
        left[content] -= 1
        if left[content]:
            # The last of several files with these bytes gets them, so that a killed run still has them.
            name = "copy"
            with (
                writer.open_unfinished(content.name, "rb") as one,
                writer.open_unfinished(name, "wb") as another,
            ):
                shutil.copyfileobj(one, another)
        writer.move(f"{STAGING_FOLDER}/{name}", path)
    writer.done()


def _write_record(job: _Job, before: bool) -> None:
    """Take down what was brought; before files are put in place, what they had and what they will have."""
    files = {path: contents for path, contents in job.recorded.items() if before or path not in job.prune}
    for path, content in job.write.items():
        files[path] = [*(files.get(path, []) if before else []), content]
    job.record.write(every(files))
