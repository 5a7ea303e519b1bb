"""HTTP requests and answers as plain data. Pure functions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.hub.accounts import Identity
from tests.hub.errors import HubError


@dataclass(frozen=True)
class Call:
    """A request, read completely.

    Args:
        method: GET for HEAD too.
        raw_path: the path as sent: a slash within a segment is still ``%2F``.
        query: the parameters, each with all its values.
        headers: to be asked without regard to case.
        body: the bytes.
        upload: the file with the body, instead, for what is uploaded to the CDN.
        identity: whose token came with it.
        cdn: whether it came in on the CDN's port.
    """

    method: str
    raw_path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: bytes = b""
    upload: Path | None = None
    identity: Identity | None = None
    cdn: bool = False

    def param(self, name: str, default: str = "") -> str:
        """One parameter."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """One yes-or-no parameter."""
        return self.param(name).lower() in ("1", "true")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            HubError: 400, it is none.
        """
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise HubError(400, f"Invalid JSON: {error}") from error
        if not isinstance(value, dict):
            raise HubError(400, "Expected a JSON object")
        return value

    def form(self) -> dict[str, list[str]]:
        """The body as a form, or as the JSON some clients send in its place."""
        if "json" in self.headers.get("Content-Type", ""):
            return {
                key: value if isinstance(value, list) else [str(value)] for key, value in self.json().items()
            }
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True)
class FileSlice:
    """Some bytes of a file, to be sent without reading them all first."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileSlice = b""

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.body.length if isinstance(self.body, FileSlice) else len(self.body)


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    body = json.dumps(value, default=str).encode()
    return Response(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body)


def error_response(error: HubError) -> Response:
    """A refusal: the message in the body and in a header, as the clients want it."""
    headers = {"X-Error-Message": header_text(error.message), **error.headers}
    if error.code:
        headers["X-Error-Code"] = error.code
    return json_response({"error": error.message, **error.extra}, error.status, headers)


def header_text(text: str) -> str:
    """Text as a header may hold it."""
    return " ".join(text.split()).encode("ascii", "replace").decode()


def file_response(
    content: bytes | Path, size: int, headers: Mapping[str, str], range_header: str | None
) -> Response:
    """A file, or the part of it that is asked for.

    Raises:
        HubError: 416, there is no such part.
    """
    part = parse_range(range_header, size)
    start, stop = part if part else (0, size)
    more = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", **headers}
    if part:
        more["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    body = FileSlice(content, start, stop - start) if isinstance(content, Path) else content[start:stop]
    return Response(206 if part else 200, more, body)


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The part of a file a Range header asks for: first byte and the one after the last; None for all of it.

    Raises:
        HubError: 416, with the true size.
    """
    match = re.fullmatch(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", header or "", re.IGNORECASE)
    if match is None or match.groups() == ("", ""):
        return None  # what a server does not understand it ignores
    first, last = match.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start == stop:
        raise HubError(416, "Range Not Satisfiable", headers={"Content-Range": f"bytes */{size}"})
    return start, stop
