"""What hf_xet's errors say: they have no answer and no class of their own, only a text. No request is made here.

A status that the store or the Hub's token address answered with stands in the text of a `ConnectionError`; damaged data
is a bare `RuntimeError`, a full disk an `OSError` without number, a token that could not be had anew a `PermissionError`.
"""

from __future__ import annotations

import os
import re
from types import TracebackType

_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})\b")
_ADDRESS = re.compile(r"\bdomain: (https?://\S+)")
_TOKEN_ADDRESS = re.compile(r"/xet-(?:read|write)-token/")
_SYSTEM = re.compile(r"\(os error (\d{1,5})\)")
_QUERY = re.compile(r"(https?://[^\s?]+)\?[^\s)\"']*")
_NOT_REACHED = re.compile("error sending request|connect|time(?:d )?out|request middleware", re.IGNORECASE)
#: The store takes data anew that arrived damaged.
_MAY_PASS = frozenset({400, 408, 429, 500, 502, 503, 504})
#: Where the client, and `hub.xet`, call hf_xet: a bare `RuntimeError` from there is of hf_xet.
_CALLERS = frozenset({"_upload_xet_files", "xet_get", "append", "_opened"})


class StoreError(ConnectionError):
    """Xet, the Hub's store, failed or refused.

    Args:
        text: What hf_xet says.

    Attributes:
        status: The status that was answered; None without an answer, or where the data are damaged.
        token_address: The Hub's address for tokens of the store, where it was that which failed.
        is_denied: Whether hf_xet says that it has no right.
        is_away: Whether the store cannot be reached.
    """

    def __init__(self, text: str, is_denied: bool = False) -> None:
        # What follows the question mark may be a signature, which is as good as a token.
        super().__init__(_QUERY.sub(r"\1", text))
        status, address = _STATUS.search(text), _ADDRESS.search(text)
        self.status = int(status[1]) if status else None
        self.token_address = address[1] if address and _TOKEN_ADDRESS.search(address[1]) else None
        self.is_away = _NOT_REACHED.search(text) is not None
        self.is_denied = is_denied or self.status in (401, 403)

    @property
    def may_pass(self) -> bool:
        """Whether the same may succeed when it is done again."""
        return not self.is_denied and (self.status is None or self.status in _MAY_PASS)


def store_failure(error: BaseException) -> OSError | None:
    """Say what befell in hf_xet with an error that has what its text says; None for all that is not hf_xet's.

    Returns:
        A `StoreError`; or an `OSError` with the system's number, such as that of a full disk.
    """
    if isinstance(error, StoreError):
        return error
    text = str(error)
    number = _SYSTEM.search(text)
    by_hf_xet = type(error).__module__.partition(".")[0] == "hf_xet"
    plain = type(error) is ConnectionError and error.errno is None
    bare = type(error) in (RuntimeError, OSError) and getattr(error, "errno", None) is None
    said_there = number is not None or _caller(error.__traceback__) in _CALLERS
    if not (by_hf_xet or plain or (bare and error.__cause__ is None and said_there)):
        return None
    if number and not isinstance(error, ConnectionError):
        return OSError(int(number[1]), os.strerror(int(number[1])))
    return StoreError(text, isinstance(error, PermissionError))


def _caller(traceback: TracebackType | None) -> str:
    """Name the function in which an error arose."""
    name = ""
    while traceback is not None:
        name, traceback = traceback.tb_frame.f_code.co_name, traceback.tb_next
    return name
