"""Make commits, one that is whole or none, and send the files that they name."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmeval_hfds.errors import HubConflictError, HubError
from vmeval_hfds.hub.repo import HubRepo

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

    Operation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete

# So many files the Hub is asked about at a time.
_FILES_AT_ONCE = 256


def added(path: str, content: bytes) -> Operation:
    """Make the operation that puts a file there."""
    from huggingface_hub import CommitOperationAdd

    return CommitOperationAdd(path, content)


def deleted(path: str) -> Operation:
    """Make the operation that takes a file away."""
    from huggingface_hub import CommitOperationDelete

    return CommitOperationDelete(path, is_folder=False)


def copied(path: str, revision: str) -> Operation:
    """Make the operation that brings a file as it is at another revision."""
    from huggingface_hub import CommitOperationCopy

    return CommitOperationCopy(path, path, src_revision=revision)


def make_commit(
    repo: HubRepo,
    operations: Callable[[], Iterable[Operation]],
    message: str,
    revision: str,
    parent: str,
    description: str = "",
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

    Returns:
        The new commit, or `parent` where the operations change nothing.

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
        made = repo.api.create_commit(
            repo.repo_id,
            list(operations()),
            commit_message=message,
            commit_description=f"{description}\n\n{mark}".lstrip(),
            repo_type=repo.repo_type,
            revision=revision,
            parent_commit=parent,
        )
        return str(made.oid)

    return repo.call(attempt)


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
            gitignore_content="# Nothing is left out.\n",
        )
        if progress is not None:
            progress(min(begin + _FILES_AT_ONCE, len(additions)))
    ignored = [one.path_in_repo for one in additions if getattr(one, "_should_ignore", False)]
    if ignored:
        raise HubError(
            f"{repo.repo_id}: the Hub would leave out {ignored[0]} ({len(ignored)} in all) for a .gitignore; "
            "nothing was changed"
        )
    deletions = [deleted(path) for path in gone]
    return [*deletions, *additions]


def push_shards(
    repo: HubRepo,
    shards: Sequence[Path],
    split: str,
    config_name: str,
    data_dir: str,
    revision: str,
    cache_dir: Path,
    row_group_bytes: int,
) -> None:
    """Publish Parquet shards as one config of the repository, with `push_to_hub`.

    It may be called again with the same arguments: it then replaces what it wrote.

    Args:
        repo: The repository.
        shards: The shards, in row order.
        split: The split that they are.
        config_name: The config's name.
        data_dir: Where the config's shards lie in the repository.
        revision: The branch.
        cache_dir: Where `datasets` may keep the rows meanwhile.
        row_group_bytes: How large row groups are to be.
    """
    from datasets import Dataset

    with _push_settings(row_group_bytes):
        paths = [str(path) for path in shards]
        dataset = Dataset.from_parquet(paths, split=split, cache_dir=str(cache_dir))
        repo.call(
            dataset.push_to_hub,
            repo.repo_id,
            config_name=config_name,
            split=split,
            data_dir=data_dir,
            commit_message=f"Add {config_name}",
            revision=revision,
            num_shards=len(paths),
            token=repo.token,
        )


@contextmanager
def _push_settings(row_group_bytes: int) -> Iterator[None]:
    """Have `push_to_hub` write row groups that a reader can hold, and keep its bars and hints to itself.

    It aims at row groups of 100 MB, which took 750 MB of memory to read.
    """
    import datasets
    from huggingface_hub import utils

    hub_utils: Any = utils  # their names are not marked as exported

    row_group = datasets.config.MAX_ROW_GROUP_SIZE
    verbosity = datasets.logging.get_verbosity()
    bars = datasets.is_progress_bar_enabled(), not hub_utils.are_progress_bars_disabled()
    datasets.config.MAX_ROW_GROUP_SIZE = row_group_bytes
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    hub_utils.disable_progress_bars()
    try:
        yield
    finally:
        datasets.config.MAX_ROW_GROUP_SIZE = row_group
        datasets.logging.set_verbosity(verbosity)
        if bars[0]:
            datasets.enable_progress_bars()
        if bars[1]:
            hub_utils.enable_progress_bars()


def scratch_branch() -> str:
    """Name a branch for work in progress; the name tells when it was begun."""
    begun = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return f"{SCRATCH_PREFIX}{begun}-{uuid.uuid4().hex[:8]}"


SCRATCH_PREFIX = "vmeval-hfds-scratch-"


def stale_scratch_branches(names: Sequence[str], now: float) -> list[str]:
    """Pick the scratch branches that a killed push left behind, a day ago or longer.

    Args:
        names: All branches.
        now: Seconds since the epoch.
    """
    limit = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now - 86_400))
    return [
        name
        for name in names
        if name.startswith(SCRATCH_PREFIX) and name.removeprefix(SCRATCH_PREFIX)[: len(limit)] < limit
    ]
