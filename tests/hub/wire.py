"""Bytes on a connection: reading a request's body, sending an answer, breaking off."""

import contextlib
import http
import socket
import struct
import time
from collections.abc import Callable, Iterator
from email.message import Message
from io import BufferedIOBase

from tests.hub.messages import FileSlice, Response

_BLOCK = 1 << 18
_DRAIN_SECONDS = 5.0


class ConnectionLostError(Exception):
    """The client went away in the middle of its request."""


def read_body(
    source: BufferedIOBase, headers: Message, write: Callable[[bytes], object], limit: int | None = None
) -> int:
    """Read a request's body, or its first bytes.

    Args:
        source: the connection.
        headers: the request's headers.
        write: what gets the bytes.
        limit: stop after this many.

    Returns:
        How many bytes were read.

    Raises:
        ConnectionLostError: it ended too early.
    """
    total = 0
    for block in _body_blocks(source, headers, limit):
        write(block)
        total += len(block)
    return total


def _body_blocks(source: BufferedIOBase, headers: Message, limit: int | None) -> Iterator[bytes]:
    left = limit if limit is not None else float("inf")
    for size in _chunk_sizes(source, headers):
        remaining = size
        while remaining and left:
            block = source.read(int(min(remaining, left, _BLOCK)))
            if not block:
                raise ConnectionLostError
            remaining -= len(block)
            left -= len(block)
            yield block
        if not left:
            return


def _chunk_sizes(source: BufferedIOBase, headers: Message) -> Iterator[int]:
    """How many bytes of the body come next: once, or for each chunk of a chunked one."""
    if "chunked" not in headers.get("Transfer-Encoding", "").lower():
        yield int(headers.get("Content-Length") or 0)
        return
    while size := _read_chunk_size(source):
        yield size
        source.readline()
    while source.readline().strip():  # trailers, up to the empty line
        pass


def _read_chunk_size(source: BufferedIOBase) -> int:
    line = source.readline()
    if not line:
        raise ConnectionLostError
    return int(line.split(b";")[0], 16)


def send_response(
    connection: socket.socket, response: Response, with_body: bool, close: bool, limit: int | None = None
) -> int:
    """Send an answer, or the headers and the first bytes of the body.

    Args:
        connection: where to.
        response: what.
        with_body: False for the answer to HEAD.
        close: announce that the connection is closed after this.
        limit: send at most this many bytes of the body.

    Returns:
        Bytes of the body that were sent.
    """
    head = _head(response, close)
    budget = response.length if limit is None else min(limit, response.length)
    if not with_body:
        budget = 0
    if isinstance(response.body, bytes):
        connection.sendall(head + response.body[:budget])
        return budget
    connection.sendall(head)
    return _send_file(connection, response.body, budget)


def _send_file(connection: socket.socket, part: FileSlice, budget: int) -> int:
    sent = 0
    with part.path.open("rb") as file:
        file.seek(part.start)
        while sent < budget and (block := file.read(min(_BLOCK, budget - sent))):
            try:
                connection.sendall(block)
            except OSError:
                return sent  # the client has read enough; what is sent is for the log
            sent += len(block)
    return sent


def _head(response: Response, close: bool) -> bytes:
    try:
        reason = http.HTTPStatus(response.status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [
        f"HTTP/1.1 {response.status} {reason}",
        *(f"{key}: {value}" for key, value in response.headers.items()),
    ]
    lines += [
        f"Content-Length: {response.length}",
        f"Connection: {'close' if close else 'keep-alive'}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def prepare_reset(connection: socket.socket) -> None:
    """Make the coming close a reset, once what was sent has arrived."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    while _unsent(connection) and time.monotonic() < deadline:
        time.sleep(0.001)
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _unsent(connection: socket.socket) -> int:
    """Bytes in the send queue, which a reset would throw away."""
    try:
        import fcntl  # not everywhere, and a reset without it is still one
        import termios

        return struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
    except (ImportError, OSError):
        return 0
