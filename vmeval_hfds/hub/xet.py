"""Bring large files from Xet, the store behind the Hub, from where an earlier try stopped.

https://huggingface.co/docs/xet. Who switches it off (``HF_HUB_DISABLE_XET=1``) gets them over plain HTTP.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, BinaryIO

from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.xet_errors import StoreError

#: Below this, what a file's plan and its parts cost in requests is more than the store's speed gains.
LARGE_BYTES = 32 * 2**20

#: What glibc's <malloc.h> calls the size from which on memory is the system's own.
_M_MMAP_THRESHOLD = -3
_BUFFER_BYTES = 2**20


def is_available() -> bool:
    """Whether the client sends large files there, and fetches them: by default, where it can."""
    from huggingface_hub.utils._runtime import is_xet_available

    return is_xet_available()


def has(file: RemoteFile) -> bool:
    """Whether a file is to come from there: it is large and in the store, and the client speaks with it."""
    return file.size_bytes >= LARGE_BYTES and file.xet_hash is not None and is_available()


@cache
def give_buffers_back() -> None:
    """Have the C library give large buffers back to the system as soon as they are free, from here on.

    By itself glibc learns from the first ones to keep those of up to 32 MB for later, in each of the store's threads.
    Shards that are sent one by one then take up to 120 MB more than each of them does.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library, which does not learn so
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BUFFER_BYTES)


def append(repo: HubRepo, file: RemoteFile, revision: str, reopen: Callable[[], BinaryIO]) -> None:
    """Write the bytes of a file that are not there yet behind those that are, as they come, in order.

    Args:
        repo: The repository.
        file: The file.
        revision: A commit.
        reopen: Opens what an earlier try got of it, to append.

    Raises:
        OSError: It cannot be written, or the store failed; what came is kept for the next try.
    """
    from hf_xet import XetFileInfo

    wanted = XetFileInfo(file.xet_hash, file.size_bytes)
    with reopen() as target, _opened(repo, file, revision) as group:
        for part in group.download_stream(wanted, start=target.tell()):
            target.write(part)
        if target.tell() < file.size_bytes:
            raise StoreError(f"{file.path}: {target.tell()} bytes came of {file.size_bytes}")


@contextmanager
def _opened(repo: HubRepo, file: RemoteFile, revision: str) -> Iterator[Any]:
    """Reach the store with a token for one commit, which the client asks for once."""
    from huggingface_hub import utils
    from huggingface_hub.utils import _xet

    hub_utils: Any = utils  # their names are not marked as exported
    hub_xet: Any = _xet

    headers = repo.headers()
    route = hub_xet.xet_connection_info_refresh_url(
        token_type=hub_utils.XetTokenType.READ,
        repo_id=repo.repo_id,
        repo_type=repo.repo_type,
        revision=revision,
        endpoint=repo.endpoint,
    )
    found = hub_xet.refresh_xet_connection_info(
        file_data=hub_utils.XetFileData(str(file.xet_hash), route), headers=headers
    )
    group = hub_xet.get_xet_session().new_download_stream_group(
        endpoint=found.endpoint,
        token=found.access_token,
        token_expiry_unix_secs=found.expiration_unix_epoch,
        token_refresh_url=route,
        token_refresh_headers=headers,
        custom_headers=hub_xet.xet_headers_without_auth(headers),
    )
    try:
        yield group
    except BaseException:
        group.abort()
        raise
    group.finish()
