"""Bring files from the Hub: whole, or parts of them over range requests."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from huggingface_hub import HfFileSystem, hf_hub_download

from vmeval_hfds.hub.repo import HubRepo


def download(repo: HubRepo, path: str, revision: str, place: Path, size_bytes: int) -> None:
    """Bring a file to a place, going on where the bytes that are there already end.

    It is one request for most files, where `fetch` needs two.

    Args:
        repo: The repository.
        path: The file's path in the repository.
        revision: A commit, so that all tries get the same bytes.
        place: Where to write.
        size_bytes: The file's size.

    Raises:
        HubError: It cannot be had; what came is kept for the next try.
        OSError: It cannot be written.
    """
    from huggingface_hub import hf_hub_url, utils
    from huggingface_hub.file_download import http_get

    hub_utils: Any = utils  # their names are not marked as exported

    url = hf_hub_url(repo.repo_id, path, repo_type=repo.repo_type, revision=revision, endpoint=repo._endpoint)
    # Packed, the bytes that came could not be counted against the size.
    headers = hub_utils.build_hf_headers(token=repo.token, library_name="vmeval-hfds")
    headers["Accept-Encoding"] = "identity"

    def attempt() -> None:
        with place.open("ab") as stream:
            http_get(
                url, stream, resume_size=stream.tell(), headers=headers, expected_size=size_bytes or None
            )

    repo.call(attempt)


def fetch(repo: HubRepo, path: str, revision: str) -> Path:
    """Bring a file into the client's cache, going on where an earlier try stopped."""
    return Path(
        repo.call(
            hf_hub_download,
            repo.repo_id,
            path,
            repo_type=repo.repo_type,
            revision=revision,
            token=repo.token,
            endpoint=repo._endpoint,
        )
    )


def peek(repo: HubRepo, path: str, revision: str) -> BinaryIO:
    """Open a file for reading parts of it over range requests."""
    kind = {"dataset": "datasets/", "space": "spaces/"}.get(repo.repo_type, "")
    files = HfFileSystem(endpoint=repo._endpoint, token=repo._token or False, skip_instance_cache=True)
    address = f"{kind}{repo.repo_id}@{revision.replace('/', '%2F')}/{path}"
    stream = repo.call(files.open, address, "rb", cache_type="none")
    return cast("BinaryIO", _RemoteStream(repo, cast("BinaryIO", stream)))


class _RemoteStream(io.RawIOBase):
    """A file on the Hub whose every read is tried again, and fails in plain words."""

    def __init__(self, repo: HubRepo, stream: BinaryIO) -> None:
        self._repo = repo
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int = -1) -> bytes:
        place = self._stream.tell()

        def attempt() -> bytes:
            self._stream.seek(place)
            return self._stream.read(size)

        return self._repo.call(attempt)

    def close(self) -> None:
        self._stream.close()
        super().close()


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


def state_folder() -> Path:
    """Give the folder, in the Hugging Face home, for what this package remembers between two runs."""
    from huggingface_hub import cached_assets_path

    return cached_assets_path("vmeval-hfds", "mirror", "downloads")
