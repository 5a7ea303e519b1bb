"""Try again where a failure may pass, and wait where the Hub asks for it, no longer than a person would."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from vmeval_builders.errors import VmevalError
from vmeval_hfds.errors import HubError
from vmeval_hfds.hub.rate_limit import RateLimit, duration_text, rate_limit_of, retry_after_seconds
from vmeval_hfds.hub.xet_errors import StoreError

Result = TypeVar("Result")

#: How often a request is tried in all, and the wait before the second try; each wait doubles.
TRIES = 5
FIRST_WAIT_SECONDS = 1.0
#: A wait of this length is told to the person instead of waited for.
LONGEST_WAIT_SECONDS = 600.0
#: How many windows of a rate limit one request, or one batch of files, waits for.
_MOST_WINDOWS = 20
#: The Hub states whole seconds.
_MARGIN_SECONDS = 1.0

# What the client raises for a broken connection lies in the HTTP library below it, whichever that is.
TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})

_logger = logging.getLogger("vmeval_hfds")


def with_retries(
    function: Callable[[], Result],
    translate: Callable[[Exception], HubError | None],
    wait: bool = True,
    is_final: Callable[[Exception], bool] = lambda error: False,
) -> Result:
    """Do something on the Hub, with waits and further tries where the failure may pass.

    Args:
        function: What to do; it must be harmless to do it again.
        translate: Says what the client raised in our own words; None for what is not the Hub's doing.
        wait: Wait where a rate limit is reached, if that is less than ten minutes.
        is_final: Says of what failures nothing more is to be tried here, whatever they are.

    Raises:
        HubError: It failed for good; the client's error is its cause.
    """
    tries = windows = 0
    while True:
        try:
            return function()
        except VmevalError:
            raise
        except Exception as caught:
            error = cause_of(caught)
            limit = rate_limit_of(error)
            if limit is not None and limit.seconds is not None:
                windows += 1
                seconds = _window_seconds(limit, windows) if wait else None
            else:
                tries += 1
                seconds = None
                if (wait or limit is None) and not is_final(error):
                    seconds = _backoff_seconds(error, tries)
            if seconds is None:
                translated = translate(error)
                if translated is None:
                    raise
                raise translated from error
        if limit is not None:
            _say_waiting(limit, seconds)
        pause(seconds)


def pause(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


def clock() -> float:
    """Tell the time by which waits are measured."""
    return time.monotonic()


def is_transient(error: BaseException) -> bool:
    """Whether a failure may pass when the same thing is done again."""
    if isinstance(error, OfflineModeIsEnabled):
        return False
    if isinstance(error, StoreError):
        return error.may_pass
    if isinstance(error, HfHubHTTPError):
        return status_of(error) in TRANSIENT_STATUS
    if isinstance(error, LocalEntryNotFoundError):
        # The client says so when it could not reach the Hub and has no copy: what kept it is the cause.
        return error.__cause__ is not None and is_transient(error.__cause__)
    return isinstance(error, TRANSPORT_ERROR | ConnectionError | TimeoutError)


def cause_of(error: Exception) -> Exception:
    """Give what befell an upload that the client ran in a thread, or a look at a file, and wrapped."""
    cause = error.__cause__
    if type(error) is RuntimeError and isinstance(cause, Exception):
        return cause
    if isinstance(error, LocalEntryNotFoundError) and isinstance(cause, HfHubHTTPError):
        return cause
    return error


def status_of(error: HfHubHTTPError) -> int | None:
    """The HTTP status of an answer."""
    return getattr(getattr(error, "response", None), "status_code", None)


def _window_seconds(limit: RateLimit, windows: int) -> float | None:
    """How long to wait for the end of a rate limit's window; None where that is too long."""
    seconds = limit.seconds or 0.0
    return seconds + _MARGIN_SECONDS if seconds < LONGEST_WAIT_SECONDS and windows <= _MOST_WINDOWS else None


def _backoff_seconds(error: Exception, tries: int) -> float | None:
    """How long to wait before another try; None where none would help."""
    if tries >= TRIES or not is_transient(error):
        return None
    asked_seconds = retry_after_seconds(getattr(getattr(error, "response", None), "headers", None) or {})
    if asked_seconds is None:
        return FIRST_WAIT_SECONDS * float(2 ** (tries - 1))
    return asked_seconds if asked_seconds < LONGEST_WAIT_SECONDS else None


_saying = threading.Lock()
_said_until = 0.0


def _say_waiting(limit: RateLimit, seconds: float) -> None:
    """Say what is awaited and how long, once where several threads wait for the same."""
    global _said_until
    with _saying:
        now = clock()
        if now < _said_until <= now + 2 * LONGEST_WAIT_SECONDS:
            return
        _said_until = now + seconds
    what = f" ({limit.what})" if limit.what else ""
    _logger.warning("The Hub's limit is reached%s; going on in %s.", what, duration_text(seconds))
