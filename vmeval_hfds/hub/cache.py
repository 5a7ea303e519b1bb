"""What the client's cache holds of a repository, for those who work offline (``HF_HUB_OFFLINE=1``)."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from vmeval_hfds.errors import HubUnreachableError
from vmeval_hfds.hub.repo import HubRepo, RemoteFile

_SHA256 = re.compile("[0-9a-f]{64}")
_logger = logging.getLogger("vmeval_hfds")


def is_offline() -> bool:
    """Whether no request may be made."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def look(repo: HubRepo, revision: str | None) -> tuple[Path, dict[str, RemoteFile]]:
    """Find the commit that a revision was at when it was brought into the cache, and say which that is.

    Args:
        repo: The repository.
        revision: A branch, tag or commit; None is the default branch.

    Returns:
        The folder of its files, which is called as the commit is, and the files by path.

    Raises:
        HubUnreachableError: It is not in the cache, or a part of it only.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            repo.repo_id, repo_type=repo.repo_type, revision=revision, local_files_only=True
        )
    except (LocalEntryNotFoundError, FileNotFoundError) as error:
        raise not_there(repo, revision) from error
    folder = Path(found)
    files = {
        place.relative_to(folder).as_posix(): _file(place, place.relative_to(folder).as_posix())
        for place in folder.rglob("*")
        if place.is_file()
    }
    _logger.warning("HF_HUB_OFFLINE is set; %s is read at %s, from the cache.", repo.repo_id, folder.name)
    return folder, files


def not_there(repo: HubRepo, revision: str | None) -> HubUnreachableError:
    """Say that a revision, or a part of it, is not in the cache, and how to bring it there."""
    chosen = f" --revision {revision}" if revision else ""
    return HubUnreachableError(
        f"{repo.repo_id}: HF_HUB_OFFLINE is set, and {revision or 'main'} is not in the cache, or not all of it; unset it, "
        f"and bring it there: hf download {repo.repo_id} --repo-type {repo.repo_type}{chosen}"
    )


def _file(place: Path, path: str) -> RemoteFile:
    """Describe a file; the cache calls the bytes of a large one as their hash is, and links to them."""
    name = place.resolve().name
    is_large = _SHA256.fullmatch(name) is not None
    return RemoteFile(path, place.stat().st_size, name if is_large else None, "" if is_large else name)
