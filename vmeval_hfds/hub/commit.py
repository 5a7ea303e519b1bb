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

from vmeval_hfds.errors import HubConflictError, HubError, HubUnreachableError
from vmeval_hfds.hub import retry, xet
from vmeval_hfds.hub.landing import QUICK_SECONDS, SLOW_SECONDS, Answer, Landing, answer_of
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.retry import FIRST_WAIT_SECONDS, TRIES
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

    xet.give_buffers_back()
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
    carries a mark, by which it is looked for on the branch, for as long as the Hub may be at work on it.

    Args:
        repo: The repository.
        operations: Makes the operations, which the client uses up; its own requests are tried again by itself.
        message: The commit's title.
        revision: The branch.
        parent: The commit that the branch must be at.
        description: What stands below the title.
        create_pr: Make a pull request of it; the branch stays as it is.

    Returns:
        The new commit, or `parent` where the operations change nothing; of a pull request, its address.

    Raises:
        HubConflictError: The branch is at another commit. Nothing was changed.
        HubError: The commit failed for good. Nothing was changed, unless the message says that this is not known.
    """
    if repo.head(revision) != parent:
        raise _overtaken(repo, revision)
    mark = f"vmeval-hfds commit {uuid.uuid4().hex}"
    landing = Landing(repo, revision, parent, mark, create_pr, repo.pull_requests() if create_pr else ())
    body = f"{description}\n\n{mark}".lstrip()
    uncertain = False
    for tries in range(1, TRIES + 1):
        prepared = list(operations())
        began = retry.clock()
        try:
            return _ask_for_commit(repo, prepared, message, body, landing)
        except HubError as error:
            answer = answer_of(error.__cause__, retry.clock() - began)
            if answer is Answer.NOT_MADE and not uncertain:
                raise
            uncertain = uncertain or answer in (Answer.NOT_SAID, Answer.AT_WORK)
            last = tries == TRIES or answer is Answer.NOT_MADE or (create_pr and answer is Answer.AT_WORK)
            found = _look(landing, answer, uncertain, last, error)
            if found is not None:
                return found
            if landing.overtaken or (answer is Answer.REFUSED and last and not uncertain):
                raise _overtaken(repo, revision) from error
            if last:
                raise _unknown(landing, error) from error
        retry.pause(FIRST_WAIT_SECONDS * 2 ** (tries - 1))
    raise AssertionError("the last try either returns or raises")


def _ask_for_commit(
    repo: HubRepo, operations: list[Operation], message: str, description: str, landing: Landing
) -> str:
    """Ask for a commit once; what goes before it is tried as often as it takes."""
    with without_bars():
        made = repo.call_unless(
            lambda error: answer_of(error, 0) is not Answer.NOT_MADE,
            repo.api.create_commit,
            repo.repo_id,
            operations,
            commit_message=message,
            commit_description=description,
            repo_type=repo.repo_type,
            revision=landing.revision,
            parent_commit=landing.parent,
            create_pr=landing.create_pr,
        )
    return str(made.pr_url if landing.create_pr else made.oid)


def _look(landing: Landing, answer: Answer, uncertain: bool, last: bool, error: HubError) -> str | None:
    """Look for a commit for as long as it may take until it is there.

    Raises:
        HubError: It cannot be looked for, so that nothing is known.
    """
    seconds = SLOW_SECONDS if answer is Answer.AT_WORK else QUICK_SECONDS
    # On a branch the same is safe to ask for at once: on one parent only one of several can land.
    patient = uncertain and (last or landing.create_pr or answer in (Answer.AT_WORK, Answer.REFUSED))
    try:
        return landing.find(seconds if patient else 0.0)
    except HubError:
        if not uncertain:
            raise
        raise _unknown(landing, error) from error


def _overtaken(repo: HubRepo, revision: str) -> HubConflictError:
    return HubConflictError(
        f"{repo.repo_id}: somebody changed {revision} meanwhile; nothing was changed, run again"
    )


def _unknown(landing: Landing, error: HubError) -> HubError:
    """Say what is known of a commit to which no answer came, and which is not to be seen."""
    repo, said = landing.repo, str(error).removeprefix(f"{landing.repo.repo_id}: ")
    if landing.create_pr:
        what, page, then = "a pull request was opened", "discussions", ", or there may be two"
    else:
        what, page, then = "the commit was made", f"commits/{landing.revision}", "; nothing is sent twice"
    return HubUnreachableError(
        f"{repo.repo_id}: it is not known whether {what} ({said}); it was looked for and is not to be seen, but may "
        f"still appear: look at {repo.url}/{page} before you run again{then}"
    )


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
        # Each batch is tried by itself: what went before it is not asked about again.
        repo.call(
            repo.api.preupload_lfs_files,
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
