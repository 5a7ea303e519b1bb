"""A dataset repository on the Hub, opened at one commit, as shards to fetch or peek into."""

from __future__ import annotations

from collections.abc import Sequence

from vmeval_hfds.errors import DatasetError
from vmeval_hfds.hub import transfer
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.store.names import pick_shards


def open_repo(repo_id: str, revision: str | None = None, token_env: str = DEFAULT_TOKEN_ENV) -> DatasetFiles:
    """Open a dataset repository at the commit that a revision is at now.

    All that is read afterwards is of that commit, whatever is pushed meanwhile.

    Args:
        repo_id: ``user/name``.
        revision: A branch, tag or commit; None is the default branch.
        token_env: The environment variable that holds the token.

    Raises:
        HubError: The repository or revision cannot be read.
        DatasetError: It holds no Parquet shards.
    """
    repo = HubRepo(repo_id, token_env=token_env)
    info = repo.info(revision)
    commit = str(info.sha)
    names = sorted(sibling.rfilename for sibling in info.siblings or [])
    dataset = files_of_repo(repo, commit, names)
    if not dataset.row_shards:
        raise DatasetError(
            f"{repo_id}: expected Parquet shards, found {len(names)} other files; "
            "a raw mirror is brought here by vmeval-hfds download"
        )
    return dataset


def files_of_repo(repo: HubRepo, commit: str, names: Sequence[str]) -> DatasetFiles:
    """Pick the shards out of the files of one commit.

    Args:
        repo: The repository.
        commit: The commit.
        names: Paths of its files.
    """
    rows, listings = pick_shards(names)
    return DatasetFiles(
        name=f"{repo.repo_id}@{commit[:8]}",
        row_shards=rows,
        listing_shards=listings,
        fetch=lambda name: transfer.fetch(repo, name, commit),
        peek=lambda name: transfer.peek(repo, name, commit),
    )
