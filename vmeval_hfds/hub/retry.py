"""Try again where a failure may pass, and no longer than a person would wait."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from vmeval_builders.errors import VmevalError
from vmeval_hfds.errors import HubError

Result = TypeVar("Result")

#: How often a request is tried in all, and the wait before the second try; each wait doubles.
TRIES = 5
FIRST_WAIT_SECONDS = 1.0
#: A rate limit that asks for a longer wait than this is told to the person instead of waited for.
LONGEST_WAIT_SECONDS = 60.0

# What the client raises for a broken connection lies in the HTTP library below it, whichever that is.
TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})


def with_retries(function: Callable[[], Result], translate: Callable[[Exception], HubError | None]) -> Result:
    """Do something on the Hub, with waits and further tries where the failure may pass.

    Args:
        function: What to do; it must be harmless to do it again.
        translate: Says what the client raised in our own words; None for what is not the Hub's doing.

    Raises:
        HubError: It failed for good.
    """
    wait_seconds = FIRST_WAIT_SECONDS
    for attempt in range(1, TRIES + 1):
        try:
            return function()
        except VmevalError:
            raise
        except Exception as caught:
            error = _unwrapped(caught)
            asked_seconds = retry_after_seconds(error)
            too_long = asked_seconds is not None and asked_seconds > LONGEST_WAIT_SECONDS
            if attempt == TRIES or too_long or not is_transient(error):
                translated = translate(error)
                if translated is None:
                    raise
                raise translated from error
            pause(wait_seconds if asked_seconds is None else asked_seconds)
            wait_seconds *= 2
    raise AssertionError("the last try either returns or raises")


def pause(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


def is_transient(error: BaseException) -> bool:
    """Whether a failure may pass when the same thing is done again."""
    if isinstance(error, OfflineModeIsEnabled):
        return False
    if isinstance(error, HfHubHTTPError):
        return status_of(error) in TRANSIENT_STATUS
    if isinstance(error, LocalEntryNotFoundError):
        # The client says so when it could not reach the Hub and has no copy: what kept it is the cause.
        return error.__cause__ is not None and is_transient(error.__cause__)
    return isinstance(error, TRANSPORT_ERROR | ConnectionError | TimeoutError)


def _unwrapped(error: Exception) -> Exception:
    """Give what befell an upload that the client ran in a thread, and wrapped."""
    cause = error.__cause__
    return cause if type(error) is RuntimeError and isinstance(cause, Exception) else error


def status_of(error: HfHubHTTPError) -> int | None:
    """The HTTP status of an answer."""
    return getattr(getattr(error, "response", None), "status_code", None)


def retry_after_seconds(error: BaseException) -> float | None:
    """How long the Hub asks to wait, where it does."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    value = headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else None
