"""What was asked of the Hub: one frozen record a request, in the order of arrival."""

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Request:
    """One request, as it went over the wire.

    Args:
        index: its place in the log, from 0.
        method: GET, HEAD, POST, PUT or DELETE.
        path: the decoded path, without the query.
        query: the query as it was sent.
        status: the status the Hub decided on, even if a fault then lost the answer; None without one.
        request_bytes: bytes of the body that were read.
        response_bytes: bytes of the body that were sent.
        user: whose token came with it, None without a known one.
        range: the Range header.
        authorized: whether an Authorization header came with it.
        agent: what program it says it is of.
        cdn: whether it came in on the CDN's port.
        fault: the kind of the fault that hit it.
    """

    index: int
    method: str
    path: str
    query: str = ""
    status: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    user: str | None = None
    range: str | None = None
    authorized: bool = False
    agent: str = ""
    cdn: bool = False
    fault: str | None = None

    @property
    def brings_content(self) -> bool:
        """Whether it brought bytes of large files, to LFS or to the Xet store."""
        return self.cdn and (self.method == "PUT" or "/xorbs/" in self.path)


class RequestLog:
    """All requests so far; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._era = 0

    def open(self, request: Request) -> "Ticket":
        """Enter a request that arrived; its index is the log's to give."""
        with self._lock:
            entry = replace(request, index=len(self._requests))
            self._requests.append(entry)
            return Ticket(self, self._era, entry)

    def snapshot(self) -> list[Request]:
        """The requests so far."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget everything; counting starts again at 0."""
        with self._lock:
            self._requests.clear()
            self._era += 1

    def amend(self, era: int, request: Request) -> None:
        """Replace a request's entry, unless the log was cleared since it came in."""
        with self._lock:
            if era == self._era:
                self._requests[request.index] = request


class Ticket:
    """One request's place in the log, for the thread that answers it."""

    def __init__(self, log: RequestLog, era: int, request: Request):
        self._log = log
        self._era = era
        self.request = request

    def update(self, **changes: object) -> None:
        """Change what the log says about the request."""
        self.request = replace(self.request, **changes)  # type: ignore[arg-type]
        self._log.amend(self._era, self.request)
