"""Faults by rule: which request goes wrong, and how. Decisions only; the server carries them out."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict, get_args

from tests.hub.requests_log import Request

Kind = Literal["latency", "status", "reset", "truncate", "reset_upload", "lost_answer", "late"]


class FaultOptions(TypedDict, total=False):
    """The options of a `Fault`, for those that pass them on."""

    method: str | None
    path: str | None
    at: int | None
    after: int
    times: int | None
    seconds: float
    code: int
    retry_after: int | None
    error_code: str | None
    body: str | bytes | None
    headers: Mapping[str, str]
    carried_out: bool
    after_bytes: int | None


@dataclass(frozen=True)
class Fault:
    """One rule.

    The kinds:

    * ``latency``: wait ``seconds``, then go on (with the other rules too).
    * ``status``: answer ``code``, with ``retry_after``, ``error_code``, ``body`` (text of the error, or
      raw bytes) and ``headers``; nothing is carried out, unless ``carried_out`` (as of an impatient gateway).
    * ``reset``: without ``after_bytes`` reset the connection at once, nothing is carried out; with it, carry
      out the request and reset when that many bytes of the answer's body are sent.
    * ``truncate``: carry out, announce the whole length, send ``after_bytes`` of the body and close.
    * ``reset_upload``: read ``after_bytes`` of the request's body and reset; nothing is carried out.
    * ``lost_answer``: carry out, then reset without an answer.
    * ``late``: answer ``code`` at once, and carry out when ``seconds`` have passed on the clock of the rate limits, as
      a Hub does whose gateway lost patience.

    Args:
        kind: what happens.
        method: only requests with this method.
        path: only requests in whose decoded path this regex is found.
        at: only the request with this index in the log.
        after: let this many matching requests pass first.
        times: how many requests to hit; None for all that follow.
        seconds: for ``latency`` and ``late``.
        code: for ``status`` and ``late``.
        retry_after: for ``status``, in seconds.
        error_code: for ``status``, the ``X-Error-Code``.
        body: for ``status``.
        headers: for ``status``.
        carried_out: for ``status``.
        after_bytes: for ``reset``, ``truncate`` and ``reset_upload``.
    """

    kind: Kind
    method: str | None = None
    path: str | None = None
    at: int | None = None
    after: int = 0
    times: int | None = 1
    seconds: float = 0.0
    code: int = 503
    retry_after: int | None = None
    error_code: str | None = None
    body: str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    carried_out: bool = False
    after_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind of fault {self.kind!r}, expected one of {get_args(Kind)}")
        if self.path is not None:
            re.compile(self.path)  # a bad regex is the test's mistake: say so to the test, not to the server

    @property
    def is_carried_out(self) -> bool:
        """Whether the Hub does what was asked although the client will not learn of it."""
        if self.kind == "reset":
            return self.after_bytes is not None
        return self.kind in ("truncate", "lost_answer") or (self.kind == "status" and self.carried_out)

    def matches(self, request: Request) -> bool:
        """Whether the rule is about this request, however often it has hit already."""
        return (
            (self.at is None or self.at == request.index)
            and (self.method is None or self.method.upper() == request.method)
            and (self.path is None or re.search(self.path, request.path) is not None)
        )


@dataclass(frozen=True)
class Verdict:
    """What happens to one request: a wait, then at most one fault."""

    seconds: float = 0.0
    fault: Fault | None = None

    @property
    def kind(self) -> str | None:
        """The name for the log."""
        if self.fault is not None:
            return self.fault.kind
        return "latency" if self.seconds else None


@dataclass
class _Rule:
    fault: Fault
    seen: int = 0
    hits: int = 0

    def strikes(self, request: Request) -> bool:
        """Count the request, and say whether the rule hits it."""
        spent = self.fault.times is not None and self.hits >= self.fault.times
        if spent or not self.fault.matches(request):
            return False
        self.seen += 1
        if self.seen <= self.fault.after:
            return False
        self.hits += 1
        return True


class FaultBook:
    """The rules in force; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(self, fault: Fault) -> None:
        """Put a rule in force, behind the older ones."""
        with self._lock:
            self._rules.append(_Rule(fault))

    def clear(self) -> None:
        """Lift all rules."""
        with self._lock:
            self._rules.clear()

    def judge(self, request: Request) -> Verdict:
        """What happens to a request: rules are asked in order, up to the first that is more than a wait."""
        seconds = 0.0
        with self._lock:
            for rule in self._rules:
                if not rule.strikes(request):
                    continue
                if rule.fault.kind != "latency":
                    return Verdict(seconds, rule.fault)
                seconds += rule.fault.seconds
        return Verdict(seconds)
