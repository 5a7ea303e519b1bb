"""A dataset repository on the Hub, opened at one commit, as shards to fetch or peek into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import BinaryIO, cast

from vmeval_hfds.errors import NoShardsError
from vmeval_hfds.hub import cache, transfer
from vmeval_hfds.hub.ranges import RangeFile
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.store.directory import DatasetFiles, OtherFiles
from vmeval_hfds.store.names import CARD_NAME, LISTING_FOLDER, is_shard_name, pick_shards


def open_repo(
    repo_id: str,
    revision: str | None = None,
    token_env: str = DEFAULT_TOKEN_ENV,
    *,
    wait: bool = True,
) -> DatasetFiles:
    """Open a dataset repository at the commit that a revision is at now.

    All that is read afterwards is of that commit, whatever is pushed meanwhile. Where ``HF_HUB_OFFLINE`` is set, it
    is the commit in the client's cache, of which all must be there.

    Args:
        repo_id: ``user/name``.
        revision: A branch, tag or commit; None is the default branch.
        token_env: The environment variable that holds the token.
        wait: Wait where the Hub's rate limit is reached, if that is less than ten minutes; else an error says at once
            how long it is.

    Raises:
        HubError: The repository or revision cannot be read.
        NoShardsError: It holds no Parquet shards.
        DatasetError: It is not whole in the client's cache.
    """
    repo = HubRepo(repo_id, token_env=token_env, wait=wait)
    if cache.is_offline():
        return _files_in_cache(repo, revision)
    commit, files = repo.look(revision)
    dataset = files_of_repo(repo, commit, files)
    if not dataset.row_shards and not dataset.listing_shards:
        raise NoShardsError(
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
        others=OtherFiles(files.__contains__, lambda name: transfer.fetch(repo, name, commit)),
        digests={name: digest for name in (*rows, *listings) if (digest := files[name].sha256)},
    )


def _files_in_cache(repo: HubRepo, revision: str | None) -> DatasetFiles:
    """Pick the shards out of the client's cache.

    Raises:
        HubUnreachableError: Not all of the commit is there.
    """
    folder, files = cache.look(repo, revision)
    dataset = files_of_repo(repo, folder.name, files)
    # An export leaves there what it read of a commit; only with the card and the list is it known what that is of.
    card = (folder / CARD_NAME).read_text("utf-8", "replace") if CARD_NAME in files else None
    has_list = bool(dataset.listing_shards) or not (card is None or f"{LISTING_FOLDER}/" in card)
    if not dataset.row_shards or card is None or not has_list or not _are_whole(files):
        raise cache.not_there(repo, revision)
    return replace(dataset, fetch=folder.joinpath, peek=folder.joinpath)


def _are_whole(names: Iterable[str]) -> bool:
    """Whether of shards that are numbered all are there."""
    shards = [name for name in names if is_shard_name(name)]
    there = Counter(name.rpartition("-of-")[0].rpartition("-")[0] for name in shards)
    return all(
        there[name.rpartition("-of-")[0].rpartition("-")[0]] == int(name.rpartition("-of-")[2].split(".")[0])
        for name in shards
    )
