"""URLs in the place of paths, and how `fsspec` reaches what they name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vmeval_builders.errors import FolderChangedError, RemoteReadError

#: The package that a scheme needs, for the message where it is missing.
_EXTRAS = {"s3": "s3", "s3a": "s3"}
_REPO_ROOT = re.compile(
    r"hf://(?!buckets/)(?:(?:datasets|spaces|models)/)?[^/@]+/[^/@]+(?:@(?:refs/\w+/)?[^/]+)?", re.IGNORECASE
)
#: So many requests are made at once where a store's file system does not make many itself.
_AT_ONCE = 16
#: What stores call that which changes when a file does: S3, others, Google's, the Hub's two; a disk has the time.
_TAGS = ("ETag", "etag", "md5Hash", "blob_id", "xet_hash", "mtime")
#: What was brought ahead in this process, by what holds it and where, until it is read or no longer wanted.
fetched: dict[tuple[object, object], memoryview | BaseException] = {}


@dataclass(frozen=True, slots=True)
class Url:
    """The URL of a folder, where others are paths."""

    text: str

    @property
    def name(self) -> str:
        """Its last part."""
        return self.text.rstrip("/").rpartition("/")[2]

    def __str__(self) -> str:
        """Give the URL as it was stated."""
        return self.text


def is_url(text: object) -> bool:
    """Say whether something is the URL of a folder: not a path, and not the Hub's, whose datasets are read as such."""
    if not isinstance(text, str) or "://" not in text:
        return False
    scheme, _, rest = text.partition("://")
    return scheme.isalnum() and scheme.lower() not in ("http", "https") and not _is_repo(scheme, rest)


def is_source_url(text: object) -> bool:
    """Say whether something is the URL of what a folder is read from: as `is_url`, or a folder in a repository."""
    return is_url(text) or (isinstance(text, str) and text.lower().startswith("hf://"))


def is_repo_root(url: str) -> bool:
    """Say whether a URL is that of a whole repository on the Hub."""
    return _REPO_ROOT.fullmatch(url.rstrip("/")) is not None


def _is_repo(scheme: str, rest: str) -> bool:
    return scheme.lower() == "hf" and not rest.startswith("buckets/")


@lru_cache(maxsize=8)
def _system(url: str, process: int) -> tuple[Any, str]:
    del process
    from fsspec.core import url_to_fs

    try:
        system, root = url_to_fs(url)
    except ImportError as error:
        scheme = url.partition("://")[0]
        extra = _EXTRAS.get(scheme)
        install = f"'vmeval-hfds[{extra}]'" if extra else f"what fsspec names for {scheme}://"
        raise RemoteReadError(
            f"{url}: a package is missing; install it with: pip install {install}"
        ) from error
    except ValueError as error:
        raise RemoteReadError(f"{url}: no such kind of URL is known ({error})") from error
    return system, str(root).rstrip("/")


def reach(url: str) -> tuple[Any, str]:
    """Give the file system of a URL, and what it calls the folder; a forked process makes connections of its own."""
    return _system(url, os.getpid())


def nearest_there(url: str) -> Url:
    """Give the URL of the nearest folder above, or the bucket, that is there; the URL itself where nothing is."""
    system, root = reach(url)
    nearest = root
    while nearest and not system.exists(nearest):
        nearest = nearest.rpartition("/")[0]
    return Url(url.rstrip("/").removesuffix(root.removeprefix(nearest)) if nearest else url)


def bring(url: str, parts: Sequence[tuple[str, int | None, int | None]]) -> list[memoryview | BaseException]:
    """Bring parts of files below a URL, many at once; what cannot be brought is the error that says why.

    Args:
        url: The folder's URL.
        parts: Each file's name below it, and where its part begins and ends; None is the start or end of the file.
    """
    if not parts:
        return []
    try:
        system, root = reach(url)
        # Not `cat`, which takes names with brackets and stars for patterns.
        named = [(f"{root}/{name}", start, end) for name, start, end in parts]
        if system.async_impl:
            names, starts, ends = map(list, zip(*named, strict=True))
            found = system.cat_ranges(names, starts, ends, on_error="return")
            return [one if isinstance(one, BaseException) else memoryview(one) for one in found]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda part: _one(system, *part), named))
    except Exception as error:  # noqa: BLE001 (each store has its own)
        # Such as no credentials: every one of them fails alike.
        return [error] * len(parts)


def _one(system: Any, name: str, start: int | None, end: int | None) -> memoryview | BaseException:  # noqa: ANN401
    try:
        # Without a cache, for that would read on behind the part.
        return memoryview(system.cat_file(name, start=start, end=end, cache_type="none"))
    except Exception as error:  # noqa: BLE001 (each store has its own)
        return error


def look(url: str) -> Mapping[str, Any]:
    """Ask what a store says of a file now.

    Raises:
        RemoteReadError: It cannot be looked at.
        FolderChangedError: It is not there.
    """
    above, _, name = url.rpartition("/")
    try:
        system, root = reach(above)
        system.invalidate_cache()
        about: Mapping[str, Any] = system.info(f"{root}/{name}")
    except Exception as error:
        raise told(url, error) from error
    return about


def tag_of(about: Mapping[str, Any]) -> str:
    """Give what changes when a file does, of what a store says of it; empty where it says nothing of the kind."""
    return str(next((about[name] for name in _TAGS if about.get(name)), ""))


def read_url(url: str) -> bytes:
    """Read a small file at a URL whole.

    Raises:
        RemoteReadError: It cannot be read.
        FolderChangedError: It is not there.
    """
    folder, _, name = url.rpartition("/")
    system, root = reach(folder)
    try:
        return bytes(system.cat_file(f"{root}/{name}"))
    except Exception as error:
        raise told(url, error) from error


def told(place: str, error: BaseException) -> RemoteReadError | FolderChangedError:
    """Say in one sentence why a file far away cannot be read; credentials are the store's business, and not shown."""
    if isinstance(error, RemoteReadError):
        return error
    if isinstance(error, FileNotFoundError):
        return FolderChangedError(f"{place}: is gone; run again when nothing writes there")
    return RemoteReadError(f"{place}: cannot be read ({said_by(error)})")


def said_by(error: BaseException) -> str:
    """Give what a store's error says as a part of a sentence."""
    return " ".join(str(error).split())[:200] or type(error).__name__
