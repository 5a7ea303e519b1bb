"""The lines of a commit request, parsed and checked. Pure functions."""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.hub.errors import HubError
from tests.hub.lfs import is_oid


@dataclass(frozen=True)
class AddFile:
    """Write an ordinary file."""

    path: str
    content: bytes


@dataclass(frozen=True)
class AddLfs:
    """Write a pointer to a large file that is stored already; copies come without a size."""

    path: str
    oid: str
    size: int | None = None


@dataclass(frozen=True)
class DeleteFile:
    """Remove a file."""

    path: str


@dataclass(frozen=True)
class DeleteFolder:
    """Remove a folder and what is in it."""

    path: str


Operation = AddFile | AddLfs | DeleteFile | DeleteFolder


@dataclass(frozen=True)
class CommitRequest:
    """All a client says about a commit."""

    title: str
    description: str = ""
    parent: str | None = None
    operations: list[Operation] = field(default_factory=list)


def parse_commit(body: bytes) -> CommitRequest:
    """Read a commit request's lines.

    Raises:
        HubError: 400 for what is not such a request, 422 for a bad path.
    """
    header: dict[str, str] | None = None
    operations: list[Operation] = []
    for key, value in _lines(body):
        if key == "header":
            header = value
        else:
            operations.append(_operation(key, value))
    if header is None or not header.get("summary"):
        raise HubError(400, "A commit needs a header line with a summary")
    return CommitRequest(
        header["summary"], header.get("description") or "", header.get("parentCommit"), operations
    )


def check_path(path: object) -> str:
    """The path, when a repo may hold it.

    Raises:
        HubError: 422, for one that leaves the repo, is not normal, or is git's own.
    """
    if not isinstance(path, str) or not path or "\0" in path or "\\" in path:
        raise HubError(422, f"Invalid path: {path!r}")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
        raise HubError(422, f"Invalid path: {path!r}")
    return path


def _lines(body: bytes) -> Iterator[tuple[str, dict]]:
    for line in body.splitlines():
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            yield item["key"], dict(item["value"])
        except (ValueError, KeyError, TypeError) as error:
            raise HubError(400, f"Invalid line in the commit: {error}") from error


def _operation(key: str, value: dict) -> Operation:
    if key == "deletedFolder":
        return DeleteFolder(check_path(str(value.get("path")).rstrip("/")))
    path = check_path(value.get("path"))
    if key == "deletedFile":
        return DeleteFile(path)
    if key == "file":
        return AddFile(path, _content(value))
    if key == "lfsFile":
        if value.get("algo") != "sha256" or not is_oid(value.get("oid")):
            raise HubError(400, f"Invalid LFS file: {path}")
        return AddLfs(path, value["oid"], value.get("size"))
    raise HubError(400, f"Unknown operation: {key}")


def _content(value: dict) -> bytes:
    try:
        content = value["content"]
        return (
            base64.b64decode(content, validate=True)
            if value.get("encoding") == "base64"
            else content.encode()
        )
    except (KeyError, AttributeError, binascii.Error) as error:
        raise HubError(400, f"Invalid content of {value.get('path')}: {error}") from error
