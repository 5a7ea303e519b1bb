"""What the Hub says where it limits the rate of requests: which limit is reached, and for how long. Pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huggingface_hub import utils
from huggingface_hub.errors import HfHubHTTPError

from vmeval_hfds.hub.xet_errors import StoreError

_hub_utils: Any = utils  # their names are not marked as exported

_TOO_MANY = 429
_KINDS = {"api": "API requests", "resolvers": "requests for files"}
_UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# Of commits the text alone speaks: "(128 per hour). You can retry this action in about 1 hour."
_WAIT = re.compile(r"retry (?:this action )?in (?:about )?(an?|\d+) (second|minute|hour|day)", re.IGNORECASE)
_QUOTA = re.compile(r"limit for ([\w ]{1,40}?) \((\d+) per (\w+)\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit that is reached.

    Attributes:
        what: What is limited, such as "1,000 API requests in 5 minutes"; empty where the Hub does not say.
        seconds: For how long; None where the Hub does not say.
    """

    what: str
    seconds: float | None


def rate_limit_of(error: BaseException) -> RateLimit | None:
    """Read which limit made the Hub refuse; None for an error that is no rate limit."""
    if isinstance(error, StoreError) and error.status == _TOO_MANY:
        return RateLimit("", None)
    response: Any = getattr(error, "response", None)
    if not isinstance(error, HfHubHTTPError) or getattr(response, "status_code", None) != _TOO_MANY:
        return None
    headers: Mapping[str, str] = response.headers
    text = f"{getattr(error, 'server_message', None) or ''} {error}"
    quota = _QUOTA.search(text)
    what = f"{int(quota[2]):,} {quota[1]} per {quota[3]}" if quota else ""
    stated = [retry_after_seconds(headers), _seconds_in(text)]
    info = _hub_utils.parse_ratelimit_headers(headers)
    # They are on every answer; where something is left, another limit is the reason.
    if info is not None and info.remaining == 0 and not quota:
        what = _policy(info)
        stated.append(float(info.reset_in_seconds))
    known = [seconds for seconds in stated if seconds is not None]
    return RateLimit(what, max(known) if known else None)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read how long an answer asks to wait, where it does."""
    value = headers.get("Retry-After", "").strip()
    return float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else None


def duration_text(seconds: float) -> str:
    """Say a time for people."""
    if seconds <= 120:
        whole = max(1, math.ceil(seconds))
        return f"{whole} second{'' if whole == 1 else 's'}"
    return f"{math.ceil(seconds / 60)} minutes"


def _seconds_in(text: str) -> float | None:
    wait = _WAIT.search(text)
    if wait is None:
        return None
    number = int(wait[1]) if wait[1].isdigit() else 1
    return float(number * _UNIT_SECONDS[wait[2].lower()])


def _policy(info: Any) -> str:  # noqa: ANN401 (the client's own type)
    kind = _KINDS.get(info.resource_type, f"{info.resource_type} requests")
    if not info.limit or not info.window_seconds:
        return kind
    return f"{info.limit:,} {kind} in {duration_text(info.window_seconds)}"
