"""A dataset repository on the Hub, opened at one commit, as shards to fetch or peek into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, cast

from vmeval_hfds.errors import DatasetError
from vmeval_hfds.hub import transfer
from vmeval_hfds.hub.ranges import RangeFile
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.store.names import pick_shards


def open_repo(
    repo_id: str,
    revision: str | None = None,
    token_env: str = DEFAULT_TOKEN_ENV,
    *,
    wait: bool = True,
) -> DatasetFiles:
    """Open a dataset repository at the commit that a revision is at now.

    All that is read afterwards is of that commit, whatever is pushed meanwhile.

    Args:
        repo_id: ``user/name``.
        revision: A branch, tag or commit; None is the default branch.
        token_env: The environment variable that holds the token.
        wait: Wait where the Hub's rate limit is reached, if that is less than ten minutes; else an error says at once
            how long it is.

    Raises:
        HubError: The repository or revision cannot be read.
        DatasetError: It holds no Parquet shards.
    """
    repo = HubRepo(repo_id, token_env=token_env, wait=wait)
    commit, files = repo.look(revision)
    dataset = files_of_repo(repo, commit, files)
    if not dataset.row_shards and not dataset.listing_shards:
        raise DatasetError(
            f"{repo_id}: expected Parquet shards, found {len(files)} other files; "
            "a raw mirror is brought here by vmeval-hfds download"
        )
    return dataset


def files_of_repo(repo: HubRepo, commit: str, files: Mapping[str, RemoteFile]) -> DatasetFiles:
    """Pick the shards out of the files of one commit.

    Args:
        repo: The repository.
        commit: The commit.
        files: Its files by path.
    """
    rows, listings = pick_shards(files)
    return DatasetFiles(
        name=f"{repo.repo_id}@{commit[:8]}",
        row_shards=rows,
        listing_shards=listings,
        fetch=lambda name: transfer.fetch(repo, name, commit),
        peek=lambda name: cast("BinaryIO", RangeFile(repo, name, commit, files[name].size_bytes)),
        sizes={name: files[name].size_bytes for name in (*rows, *listings)},
        address=f"{repo.endpoint} {repo.repo_type} {repo.repo_id.lower()} export",
        digests={name: digest for name in (*rows, *listings) if (digest := files[name].sha256)},
    )
