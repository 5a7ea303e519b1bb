"""Find out whether a commit was made to which no answer came: it carries a mark, and is looked for by that."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from huggingface_hub.errors import HfHubHTTPError

from vmeval_hfds.hub import retry
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.retry import TRANSPORT_ERROR, status_of
from vmeval_hfds.hub.xet_errors import StoreError

#: For so long the Hub may be at work on a commit after it, or what stands before it, lost patience.
SLOW_SECONDS = 300.0
#: And after a failure that came at once.
QUICK_SECONDS = 60.0
_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 30.0
#: An answer that took so long says that the work was begun.
_AT_WORK_SECONDS = 20.0

_PATIENCE_LOST = frozenset({408, 504, 524})
_REFUSED = frozenset({409, 412})
_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})

_COMMIT = re.compile(r"/api/\w+/[^/]+/[^/]+/commit/")

_logger = logging.getLogger("vmeval_hfds")


class Answer(Enum):
    """What a failed request for a commit says of the commit."""

    NOT_MADE = "it was refused, or never got there"
    REFUSED = "somebody was first: another, or an earlier try of ours"
    NOT_SAID = "it may have been made"
    AT_WORK = "it may be made in the next minutes"


def answer_of(error: BaseException | None, took_seconds: float) -> Answer:
    """Read what the failure of a request for a commit says of the commit.

    Args:
        error: What the client raised.
        took_seconds: After how long.
    """
    if (
        error is None
        or isinstance(error, StoreError)
        or not _is_of_commit(error)
        or type(error).__name__ in _NEVER_SENT
    ):
        return Answer.NOT_MADE
    slow = took_seconds > _AT_WORK_SECONDS
    if isinstance(error, HfHubHTTPError):
        status = status_of(error) or 0
        if status in _REFUSED:
            return Answer.REFUSED
        if status in _PATIENCE_LOST:
            return Answer.AT_WORK
        if status < 500:
            return Answer.NOT_MADE
    elif not isinstance(error, TRANSPORT_ERROR | ConnectionError | TimeoutError):
        return Answer.NOT_MADE
    return Answer.AT_WORK if slow or "Timeout" in type(error).__name__ else Answer.NOT_SAID


def _is_of_commit(error: BaseException) -> bool:
    """Whether the request that failed was the one for the commit; those before it change nothing."""
    asked: Any = getattr(error, "response", None) or error
    try:
        return _COMMIT.search(str(asked.request.url)) is not None
    except (AttributeError, RuntimeError):  # the client did not say of which request it is
        return isinstance(error, TRANSPORT_ERROR | ConnectionError | TimeoutError)


@dataclass
class Landing:
    """Where a commit will be found.

    Attributes:
        repo: The repository.
        revision: The branch.
        parent: The commit that it comes on top of.
        mark: What its description holds.
        create_pr: Whether it is a pull request.
        known: The pull requests that were there before.
        overtaken: Whether the branch was last seen at another commit than the parent.
    """

    repo: HubRepo
    revision: str
    parent: str
    mark: str
    create_pr: bool
    known: Collection[str] = ()
    overtaken: bool = field(default=False)

    def find(self, seconds: float = 0.0) -> str | None:
        """Look for the commit, again and again for some time.

        Returns:
            The commit, or the pull request's address; None where it is not there.

        Raises:
            HubError: The Hub does not let us look.
        """
        until = retry.clock() + seconds
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            if found := self._pull_request() if self.create_pr else self._commit():
                return found
            if self.overtaken or retry.clock() + wait_seconds > until:
                return None
            if wait_seconds == _FIRST_WAIT_SECONDS:
                _logger.warning(
                    "The Hub did not say whether the commit was made; looking for it for %d minutes at most.",
                    max(1, round(seconds / 60)),
                )
            retry.pause(wait_seconds)
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)

    def _commit(self) -> str | None:
        later = self.repo.commits_since(self.revision, self.parent)
        self.overtaken = bool(later)
        return next((commit for commit, text in later if self.mark in text), None)

    def _pull_request(self) -> str | None:
        for number in self.repo.pull_requests().keys() - set(self.known):
            later = self.repo.commits_since(f"refs/pr/{number}", self.parent)
            if any(self.mark in text for _, text in later):
                return f"{self.repo.url}/discussions/{number}"
        return None
