"""Look at a repository before it is mirrored: its branch, its files, and what in it the Hub made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vmeval_hfds.errors import HubConflictError, HubError, HubNotFoundError
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.transfer import fetch
from vmeval_hfds.mirror.plan import ATTRIBUTES, ATTRIBUTES_MARK, extends_attributes, is_first_commit

_COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that files may go to.

    Attributes:
        exists: Whether there is such a repository.
        commit: The branch's commit; None where the branch is missing.
        start: The commit that files come on top of: where the branch is missing, that at which it would begin.
        files: The files of `start`.
    """

    exists: bool
    commit: str | None
    start: str | None
    files: Mapping[str, RemoteFile]


def look_at_branch(repo: HubRepo, revision: str, private: bool) -> Branch:
    """Take down what is on a branch.

    Raises:
        HubConflictError: The repository is public, and a private one is wanted.
        HubError: The revision is a tag or a commit; or the Hub failed.
    """
    try:
        info = repo.info()
    except HubNotFoundError:
        return Branch(False, None, None, {})
    if private and not info.private:
        raise HubConflictError(
            f"{repo.repo_id}: is public, and --private was asked for; make it private on the Hub first"
        )
    if revision.startswith("refs/"):
        commit: str | None = repo.head(revision)
    else:
        commit = repo.branches().get(revision)
    if commit is None and (_COMMIT.fullmatch(revision) or revision in repo.tags()):
        raise HubError(f"{repo.repo_id}: {revision} is a tag or a commit; name a branch for files to go to")
    start = commit or str(info.sha)
    return Branch(True, commit, start, repo.files(start))


def attributes_are_hubs(repo: HubRepo, commit: str | None, files: Mapping[str, RemoteFile]) -> bool:
    """Whether the .gitattributes at the root is the one that the Hub made, and no part of a mirror.

    The Hub writes one into the first commit, and adds lines for large files that it does not provide for. An
    upload whose folder has one says so in its commit, since it can equal the Hub's.

    Raises:
        HubError: The Hub failed.
    """
    if commit is None or ATTRIBUTES not in files:
        return False
    history = repo.history(commit)
    if any(ATTRIBUTES_MARK in text for _, text in history):
        return False
    first = history[-1][0]
    root = repo.root_entries(first)
    if ATTRIBUTES not in root or not is_first_commit(root):
        return False
    if root[ATTRIBUTES] == files[ATTRIBUTES].git_sha1:
        return True
    texts = [
        fetch(repo, ATTRIBUTES, one).read_bytes().decode("utf-8", "surrogateescape")
        for one in (first, commit)
    ]
    return extends_attributes(*texts)
