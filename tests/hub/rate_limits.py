"""How many requests the Hub allows in a while: buckets that really empty, in seconds that the test lets pass."""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.hub.errors import HubError

#: As the Hub names them; the third, its pages, no client asks for.
BUCKETS = ("api", "resolvers")
_HOUR = 3600


@dataclass
class Bucket:
    """So many requests in each window, which begins with the first of them."""

    limit: int
    window_seconds: int
    begun: float = -math.inf
    used: int = 0

    def take(self, now: float) -> bool:
        """Count a request; False where the window has no room for it."""
        if now >= self.begun + self.window_seconds:
            self.begun, self.used = now, 0
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def left_seconds(self, now: float) -> int:
        """How long the window lasts, in whole seconds."""
        return max(1, math.ceil(self.begun + self.window_seconds - now))


@dataclass
class RateLimits:
    """The limits in force; every method may be called from any thread.

    Attributes:
        now: The time, which passes only where the test says so.
        states_retry_after: Whether a 429 has a ``Retry-After`` beside ``RateLimit``; the real one has not always.
    """

    now: float = 0.0
    states_retry_after: bool = False
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _commits: Bucket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Lift all limits; the clock is at 0 again."""
        with self._lock:
            self.now, self.states_retry_after, self._commits = 0.0, False, None
            self._buckets.clear()

    def allow(self, bucket: str, requests: int, seconds: int, used: int = 0) -> None:
        """Allow so many requests of a kind (``api`` or ``resolvers``) in so many seconds.

        With `used`, a window has begun already, in which so many were made.
        """
        if bucket not in BUCKETS:
            raise ValueError(f"unknown bucket {bucket!r}, expected one of {BUCKETS}")
        with self._lock:
            self._buckets[bucket] = Bucket(requests, seconds, self.now if used else -math.inf, used)

    def allow_commits(self, commits: int = 128) -> None:
        """Allow so many commits an hour; that they are used up is said in a text alone."""
        with self._lock:
            self._commits = Bucket(commits, _HOUR)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.now += seconds

    def take(self, method: str, path: str) -> Mapping[str, str]:
        """Count a request, and give the headers of its answer.

        Raises:
            HubError: 429.
        """
        name = "resolvers" if "/resolve/" in path else "api"
        with self._lock:
            bucket = self._buckets.get(name)
            allowed = bucket is None or bucket.take(self.now)
            headers = _headers(name, bucket, self.now) if bucket else {}
            if not allowed and bucket is not None:
                raise HubError(429, _quota_text(name, bucket), headers=headers | self._retry_after(bucket))
            is_commit = method == "POST" and "/commit/" in path
            if is_commit and self._commits is not None and not self._commits.take(self.now):
                raise HubError(429, _commits_text(self._commits, self.now), headers=headers)
            return headers

    def _retry_after(self, bucket: Bucket) -> dict[str, str]:
        return {"Retry-After": str(bucket.left_seconds(self.now))} if self.states_retry_after else {}


def _headers(name: str, bucket: Bucket, now: float) -> dict[str, str]:
    left = bucket.limit - bucket.used
    return {
        "RateLimit": f'"{name}";r={left};t={bucket.left_seconds(now)}',
        "RateLimit-Policy": f'"fixed window";"{name}";q={bucket.limit};w={bucket.window_seconds}',
    }


def _quota_text(name: str, bucket: Bucket) -> str:
    return (
        f"We had to rate limit you, you hit the quota of {bucket.limit} {name} requests per "
        f"{bucket.window_seconds / 60:g} minutes period. Upgrade to a PRO user or Team/Enterprise organization account "
        "(https://hf.co/pricing) to get higher limits. See https://huggingface.co/docs/hub/rate-limits"
    )


def _commits_text(bucket: Bucket, now: float) -> str:
    minutes = math.ceil(bucket.left_seconds(now) / 60)
    wait = "about 1 hour" if minutes >= 60 else f"{minutes} minute{'' if minutes == 1 else 's'}"
    return (
        f"You have exceeded the rate limit for repository commits ({bucket.limit} per hour). You can retry this "
        f"action in {wait}. To reduce the number of commits, you can upload entire folders at once using the Hub "
        "Python library: https://huggingface.co/docs/huggingface_hub/guides/upload"
    )
