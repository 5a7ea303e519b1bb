"""Bring whole files from the Hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from huggingface_hub import hf_hub_download

from vmeval_hfds.hub import xet
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.session import NAMED


def download(repo: HubRepo, file: RemoteFile, revision: str, reopen: Callable[[], BinaryIO]) -> None:
    """Bring a file to a place, going on where the bytes that are there already end.

    It is one request for most files, where `fetch` needs two; large ones come from Xet, in parts at once.

    Args:
        repo: The repository.
        file: The file.
        revision: A commit, so that all tries get the same bytes.
        reopen: Opens the file that it is written to, to append; for each try.

    Raises:
        HubError: It cannot be had; what came is kept for the next try.
        OSError: It cannot be written.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get

    url = hf_hub_url(
        repo.repo_id, file.path, repo_type=repo.repo_type, revision=revision, endpoint=repo._endpoint
    )
    # Packed, the bytes that came could not be counted against the size.
    headers = repo.headers()
    headers["Accept-Encoding"] = "identity"

    def attempt() -> None:
        with reopen() as stream:
            http_get(
                url, stream, resume_size=stream.tell(), headers=headers, expected_size=file.size_bytes or None
            )

    if xet.has(file):
        repo.call(xet.append, repo, file, revision, reopen)
    else:
        repo.call(attempt)


def fetch(repo: HubRepo, path: str, revision: str) -> Path:
    """Bring a file into the client's cache, or find it there."""
    return Path(
        repo.call(
            hf_hub_download,
            repo.repo_id,
            path,
            repo_type=repo.repo_type,
            revision=revision,
            token=repo.token,
            endpoint=repo._endpoint,
            **NAMED,
        )
    )


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the client from showing a bar for each file that it sends or brings."""
    from huggingface_hub import utils

    hub_utils: Any = utils  # their names are not marked as exported

    if hub_utils.are_progress_bars_disabled():
        yield
        return
    hub_utils.disable_progress_bars()
    try:
        yield
    finally:
        hub_utils.enable_progress_bars()
