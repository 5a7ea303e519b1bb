"""Make commits, one that is whole or none, and send the files that they name."""

from __future__ import annotations

import calendar
import hashlib
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from vmeval_hfds.errors import HubConflictError, HubError
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.transfer import without_bars

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

    Operation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete

# So many files the Hub is asked about at a time.
_FILES_AT_ONCE = 256
# The client leaves out, in silence, what a .gitignore of the repository matches.
_IGNORE_NOTHING = "# Nothing is left out.\n"


def added(path: str, content: bytes) -> Operation:
    """Make the operation that puts a file there."""
    from huggingface_hub import CommitOperationAdd

    return CommitOperationAdd(path, content)


def deleted(path: str) -> Operation:
    """Make the operation that takes a file away."""
    from huggingface_hub import CommitOperationDelete

    return CommitOperationDelete(path, is_folder=False)


def copied(source: str, path: str, revision: str) -> Operation:
    """Make the operation that puts a file of a revision at a path; no byte of it is sent."""
    from huggingface_hub import CommitOperationCopy

    return CommitOperationCopy(source, path, src_revision=revision)


def send(
    repo: HubRepo, files: Mapping[str, Path], revision: str, *, create_pr: bool = False
) -> dict[str, Operation]:
    """Send large files ahead of the commit that will name them; nobody sees them before it.

    Args:
        repo: The repository.
        files: The files' paths in the repository, and where each is. They may go when this is done.
        revision: The branch of the commit.
        create_pr: Whether the commit will be a pull request.

    Returns:
        The operation of each file, for the commit.

    Raises:
        HubError: The Hub failed for good, or would leave a file out.
    """
    from huggingface_hub import CommitOperationAdd

    additions = [CommitOperationAdd(path, str(place)) for path, place in files.items()]
    with without_bars():
        for begin in range(0, len(additions), _FILES_AT_ONCE):
            repo.call(
                repo.api.preupload_lfs_files,
                repo.repo_id,
                additions[begin : begin + _FILES_AT_ONCE],
                repo_type=repo.repo_type,
                revision=revision,
                create_pr=create_pr,
                gitignore_content=_IGNORE_NOTHING,
            )
    _refuse_ignored(repo, additions)
    return {one.path_in_repo: one for one in additions}


def make_commit(
    repo: HubRepo,
    operations: Callable[[], Iterable[Operation]],
    message: str,
    revision: str,
    parent: str,
    description: str = "",
    create_pr: bool = False,
) -> str:
    """Make one commit on top of a known one, or none.

    The client does not try a commit again, since it may have been made and only the answer lost. Here each
    carries a mark, by which it is found again on the branch.

    Args:
        repo: The repository.
        operations: Makes the operations; the client uses up those that it is given.
        message: The commit's title.
        revision: The branch.
        parent: The commit that the branch must be at.
        description: What stands below the title.
        create_pr: Make a pull request of it; the branch stays as it is.

    Returns:
        The new commit, or `parent` where the operations change nothing; of a pull request, its address.

    Raises:
        HubConflictError: The branch is at another commit. Nothing was changed.
        HubError: The commit failed for good. Nothing was changed.
    """
    mark = f"vmeval-hfds commit {uuid.uuid4().hex}"

    def attempt() -> str:
        head = repo.head(revision)
        if head != parent:
            if mark in _message_of(repo, head):
                return head
            raise HubConflictError(
                f"{repo.repo_id}: somebody changed {revision} meanwhile; nothing was changed, run again"
            )
        with without_bars():
            made = repo.api.create_commit(
                repo.repo_id,
                list(operations()),
                commit_message=message,
                commit_description=f"{description}\n\n{mark}".lstrip(),
                repo_type=repo.repo_type,
                revision=revision,
                parent_commit=parent,
                create_pr=create_pr,
            )
        return str(made.pr_url if create_pr else made.oid)

    return repo.call(attempt)


def publish_branch(
    repo: HubRepo,
    operations: Callable[[], Iterable[Operation]],
    message: str,
    name: str,
    base: str,
    description: str,
) -> str:
    """Make a branch that appears with a commit in it, never before; give the commit.

    Branches on which runs worked that were killed go first.

    Raises:
        HubConflictError: Somebody else made the branch meanwhile.
        HubError: The Hub failed for good.
    """
    for stale in stale_scratch_branches(repo.branches(), time.time()):
        repo.delete_branch(stale)
    staging = scratch_branch()
    repo.create_branch(staging, base)
    try:
        commit = make_commit(repo, operations, message, staging, base, description)
        repo.create_branch(name, commit)
    finally:
        with suppress(HubError):
            repo.delete_branch(staging)
    if repo.head(name) != commit:
        raise HubConflictError(f"{repo.repo_id}: somebody made the branch {name} meanwhile; run again")
    return commit


def changed_operations(
    there: Mapping[str, RemoteFile],
    revision: str,
    shards: Mapping[str, str],
    sent: Mapping[str, Operation],
    contents: Mapping[str, bytes],
    gone: Iterable[str],
) -> list[Operation]:
    """List the operations that bring a repository to a state; none for what it has already.

    Args:
        there: The files of the branch.
        revision: The commit that they are of.
        shards: Path to hash of the large files that it is to have.
        sent: Hash to operation of those that were sent.
        contents: Path to bytes of the other files.
        gone: Paths of files that go.
    """
    by_hash = {one.sha256: path for path, one in there.items() if one.sha256}
    operations = [deleted(path) for path in gone if path in there]
    for path, sha256 in shards.items():
        if path in there and there[path].sha256 == sha256:
            continue
        if sha256 in by_hash:
            operations.append(copied(by_hash[sha256], path, revision))
        else:
            operation = copy(sent[sha256])
            operation.path_in_repo = path
            operations.append(operation)
    operations += [
        added(path, content) for path, content in contents.items() if not _is_there(there.get(path), content)
    ]
    return operations


def _is_there(file: RemoteFile | None, content: bytes) -> bool:
    """Whether a repository's file has these bytes, by the hash that the Hub states."""
    if file is None:
        return False
    if file.sha256 is not None:
        return file.sha256 == hashlib.sha256(content).hexdigest()
    # https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    blob = b"blob %d\0" % len(content) + content
    return file.git_sha1 == hashlib.sha1(blob, usedforsecurity=False).hexdigest()


def _message_of(repo: HubRepo, revision: str) -> str:
    commits = repo.api.list_repo_commits(repo.repo_id, repo_type=repo.repo_type, revision=revision)
    return f"{commits[0].title}\n{commits[0].message}" if commits else ""


def changes(
    repo: HubRepo,
    sent: Mapping[str, Path],
    gone: Iterable[str],
    revision: str,
    progress: Callable[[int], None] | None = None,
) -> list[Operation]:
    """Make the operations of a commit that sends files as they are, and send the large ones.

    The client passes over files that a .gitignore of the commit or of the repository matches, and says
    nothing; here none is passed over.

    Args:
        repo: The repository.
        sent: The files' paths in the repository, and where each is.
        gone: Paths of files that go.
        revision: The branch.
        progress: Called with the number of files that are ready.

    Raises:
        HubError: The Hub would leave a file out nevertheless.
    """
    from huggingface_hub import CommitOperationAdd

    additions = [CommitOperationAdd(path, str(place)) for path, place in sent.items()]
    for begin in range(0, len(additions), _FILES_AT_ONCE):
        repo.api.preupload_lfs_files(
            repo.repo_id,
            additions[begin : begin + _FILES_AT_ONCE],
            repo_type=repo.repo_type,
            revision=revision,
            free_memory=False,
            gitignore_content=_IGNORE_NOTHING,
        )
        if progress is not None:
            progress(min(begin + _FILES_AT_ONCE, len(additions)))
    _refuse_ignored(repo, additions)
    deletions = [deleted(path) for path in gone]
    return [*deletions, *additions]


def _refuse_ignored(repo: HubRepo, additions: Sequence[CommitOperationAdd]) -> None:
    ignored = [one.path_in_repo for one in additions if getattr(one, "_should_ignore", False)]
    if ignored:
        raise HubError(
            f"{repo.repo_id}: the Hub would leave out {ignored[0]} ({len(ignored)} in all) for a .gitignore; "
            "nothing was changed"
        )


def scratch_branch() -> str:
    """Name a branch for work in progress; the name tells when it was begun."""
    begun = time.strftime(_BEGUN, time.gmtime())
    return f"{SCRATCH_PREFIX}{begun}-{uuid.uuid4().hex[:8]}"


def stale_scratch_branches(names: Iterable[str], now: float) -> list[str]:
    """Pick the branches for work in progress that were begun so long ago that nobody is at work there.

    Args:
        names: A repository's branches.
        now: Seconds since the epoch.
    """
    scratch = (name for name in names if name.startswith(SCRATCH_PREFIX))
    return [name for name in scratch if (begun := _begun(name)) is not None and now - begun > _STALE_SECONDS]


def _begun(name: str) -> float | None:
    try:
        begun = time.strptime(name.removeprefix(SCRATCH_PREFIX).rpartition("-")[0], _BEGUN)
    except ValueError:
        return None
    return calendar.timegm(begun)


SCRATCH_PREFIX = "vmeval-hfds-scratch-"
_BEGUN = "%Y%m%d-%H%M%S"
#: A commit takes a minute, and is waited for some minutes longer.
_STALE_SECONDS = 3600
