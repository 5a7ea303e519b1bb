"""The HTTP server: takes requests off the wire, asks the fault rules, answers, and keeps the log."""

import contextlib
import io
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote

from tests.hub.accounts import Identity
from tests.hub.errors import HubError
from tests.hub.faults import Fault, FaultBook, Verdict
from tests.hub.messages import Call, Response, error_response, header_text, json_response
from tests.hub.rate_limits import RateLimits
from tests.hub.requests_log import Request, RequestLog, Ticket
from tests.hub.routes import answer
from tests.hub.site import Site
from tests.hub.wire import ConnectionLostError, prepare_reset, read_body, send_response


@dataclass
class Desk:
    """All that a request is handled with, shared by the Hub's port and the CDN's."""

    site: Site
    log: RequestLog
    faults: FaultBook
    spool: Path
    rates: RateLimits = field(default_factory=RateLimits)
    latency_seconds: float = 0.0
    on_request: Callable[[Request], object] | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    late: list[tuple[float, Call]] = field(default_factory=list)
    _late_lock: threading.Lock = field(default_factory=threading.Lock)

    def catch_up(self) -> None:
        """Carry out what was put off, as far as it is time."""
        with self._late_lock:
            due = [call for seconds, call in self.late if seconds <= self.rates.now]
            self.late = [one for one in self.late if one[0] > self.rates.now]
            for call in due:
                answer(self.site, call)


class Listener(ThreadingHTTPServer):
    """One listening port; its connections end with it.

    Args:
        port: 0 for any free one.
        desk: what requests are handled with.
        cdn: whether it plays the CDN.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, desk: Desk, cdn: bool):
        self.desk = desk
        self.cdn = cdn
        self._live: set[socket.socket] = set()
        self._live_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind, without http.server's look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Remember the connection, to be able to end it."""
        with self._live_lock:
            self._live.add(request)
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close without the polite end first: it would turn a reset into an ordinary end."""
        with self._live_lock:
            self._live.discard(request)
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Tell of a callback's mistake; a client that goes away is nothing to talk about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def close_connections(self) -> None:
        """End all connections, idle or not."""
        with self._live_lock:
            for connection in self._live:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 1 << 16
    server: Listener

    def serve(self) -> None:
        """Handle one request from its headers to the log's last word."""
        desk = self.server.desk
        ticket = desk.log.open(self._arrived())
        verdict = desk.faults.judge(ticket.request)
        ticket.update(fault=verdict.kind)
        seconds = desk.latency_seconds + verdict.seconds
        if seconds and desk.stopping.wait(seconds):
            self._reset()
            return
        upload = desk.spool / f"{id(self)}-{ticket.request.index}" if self._is_upload() else None
        try:
            body = self._read(ticket, verdict.fault, upload)
            if body is None:
                self._reset()
                return
            if desk.on_request is not None:
                desk.on_request(ticket.request)
            desk.catch_up()
            self._finish(ticket, verdict, self._carry_out(verdict.fault, body, upload))
        except (ConnectionLostError, OSError):
            self.close_connection = True
        finally:
            if upload is not None:
                upload.unlink(missing_ok=True)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr; the log has it."""

    def _arrived(self) -> Request:
        raw_path, _, query = self.path.partition("?")
        try:
            identity = self._identity()
        except HubError:
            identity = None
        return Request(
            index=-1,
            method=self.command,
            path=unquote(raw_path),
            query=query,
            user=identity.user if identity else None,
            range=self.headers.get("Range"),
            authorized="Authorization" in self.headers,
            agent=self.headers.get("User-Agent", ""),
            cdn=self.server.cdn,
        )

    def _identity(self) -> Identity | None:
        return self.server.desk.site.accounts.identify(self.headers.get("Authorization"))

    def _is_upload(self) -> bool:
        return self.server.cdn and self.command == "PUT"

    def _read(self, ticket: Ticket, fault: Fault | None, upload: Path | None) -> bytes | None:
        """Read the body, to the file if there is one; None when a fault breaks off here."""
        breaks_off = fault is not None and fault.kind == "reset_upload"
        limit = (fault.after_bytes or 0) if fault is not None and breaks_off else None
        buffer = io.BytesIO()
        if upload is None:
            count = read_body(self.rfile, self.headers, buffer.write, limit)
        else:
            with upload.open("wb") as file:
                count = read_body(self.rfile, self.headers, file.write, limit)
        ticket.update(request_bytes=count)
        return None if breaks_off else buffer.getvalue()

    def _carry_out(self, fault: Fault | None, body: bytes, upload: Path | None) -> Response | None:
        """Do what is asked, unless a fault comes before it."""
        if fault is not None and not fault.is_carried_out and fault.kind != "late":
            return None
        raw_path, _, query = self.path.partition("?")
        method = "GET" if self.command == "HEAD" else self.command
        try:
            # On the CDN the URL alone counts, as on a real one.
            identity = None if self.server.cdn else self._identity()
            # What stands behind the Hub (its CDN, its stores) has no such limits.
            rates = {} if self.server.cdn else self.server.desk.rates.take(method, unquote(raw_path))
        except HubError as error:
            return error_response(error)
        parameters = parse_qs(query, keep_blank_values=True)
        call = Call(method, raw_path, parameters, self.headers, body, upload, identity, self.server.cdn)
        if fault is not None and fault.kind == "late":
            self.server.desk.late.append((self.server.desk.rates.now + fault.seconds, call))
            return None
        response = answer(self.server.desk.site, call)
        return replace(response, headers={**response.headers, **rates}) if rates else response

    def _finish(self, ticket: Ticket, verdict: Verdict, response: Response | None) -> None:
        """Send the answer, as far as the fault lets it."""
        fault = verdict.fault
        if fault is not None and fault.kind in ("status", "late"):
            response = _fault_response(fault)
        if response is None or (fault is not None and fault.kind == "lost_answer"):
            ticket.update(status=response.status if response else None)
            self._reset()
            return
        cut = fault is not None and fault.kind in ("reset", "truncate")
        limit = (fault.after_bytes or 0) if fault is not None and cut else None
        self._send(ticket, response, limit)
        if cut:
            self.close_connection = True
        if fault is not None and fault.kind == "reset":
            self._reset()

    def _send(self, ticket: Ticket, response: Response, limit: int | None) -> None:
        with_body = self.command != "HEAD" and response.status not in (204, 304)
        expected = min(response.length, response.length if limit is None else limit) if with_body else 0
        # Before sending: a test that has its answer may look into the log at once.
        ticket.update(status=response.status, response_bytes=expected)
        sent = send_response(self.connection, response, with_body, self.close_connection, limit)
        if sent != expected:
            ticket.update(response_bytes=sent)
            self.close_connection = True

    def _reset(self) -> None:
        prepare_reset(self.connection)
        self.close_connection = True


def _fault_response(fault: Fault) -> Response:
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.error_code is not None:
        headers["X-Error-Code"] = fault.error_code
    if isinstance(fault.body, bytes):
        return Response(fault.code, headers, fault.body)
    message = fault.body if fault.body is not None else f"Injected fault: {fault.code}"
    headers["X-Error-Message"] = header_text(message)
    return json_response({"error": message}, fault.code, headers)
