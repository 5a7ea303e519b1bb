"""What the Hub's client raises, in plain words: error to our own kind and a sentence. No request is made here."""

from __future__ import annotations

from typing import Protocol

from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from vmeval_hfds.errors import (
    HubAccessError,
    HubConflictError,
    HubError,
    HubFullError,
    HubNotFoundError,
    HubRateLimitError,
    HubRevisionError,
    HubUnreachableError,
)
from vmeval_hfds.hub.rate_limit import duration_text, rate_limit_of
from vmeval_hfds.hub.retry import TRANSIENT_STATUS, TRANSPORT_ERROR, status_of
from vmeval_hfds.hub.xet_errors import StoreError


class Asker(Protocol):
    """Who asked the Hub, and for what."""

    repo_type: str
    token_env: str

    @property
    def endpoint(self) -> str:
        """The Hub's address."""

    @property
    def token(self) -> str | bool:
        """The token; False is nobody."""


def explain(error: Exception, repo: Asker) -> tuple[type[HubError] | None, str]:
    """Choose our error for a client's, and the words that follow the repository's name."""
    no_token = repo.token is False
    if isinstance(error, OfflineModeIsEnabled):
        return HubUnreachableError, "HF_HUB_OFFLINE is set; unset it, or name a commit that is in the cache"
    if isinstance(error, HFValidationError):
        return HubError, f"is no name of a repository ({error}); expected user/name"
    if isinstance(error, LocalEntryNotFoundError):
        return (
            HubUnreachableError,
            f"{repo.endpoint} cannot be reached, and the file is not in the cache; try again later",
        )
    if isinstance(error, GatedRepoError):
        return HubAccessError, f"is gated; ask for access on its page{_login_hint(repo) if no_token else ''}"
    if isinstance(error, RepositoryNotFoundError):
        reason = (
            f"or it is private and there is no token{_login_hint(repo)}"
            if no_token
            else "or this token may not see it"
        )
        return HubNotFoundError, f"there is no such {repo.repo_type} repository, {reason}"
    if isinstance(error, RevisionNotFoundError):
        return HubRevisionError, "there is no such revision; name a branch, a tag or a commit"
    if isinstance(error, EntryNotFoundError):
        return HubNotFoundError, f"a file is not there ({_first_line(error)})"
    if isinstance(error, HfHubHTTPError):
        return _explain_status(error, repo)
    if isinstance(error, StoreError):
        return _explain_store(error, repo)
    if isinstance(error, TRANSPORT_ERROR | ConnectionError | TimeoutError):
        return (
            HubUnreachableError,
            f"{repo.endpoint} cannot be reached ({_first_line(error)}); try again later",
        )
    return None, ""


def _explain_status(error: HfHubHTTPError, repo: Asker) -> tuple[type[HubError], str]:
    status = status_of(error)
    said = _first_line(error)
    if status == 401:
        return HubAccessError, f"the Hub does not accept the token{_login_hint(repo)}"
    if status == 403 and "storage" in said.lower():
        return HubFullError, f"the account's storage is full ({said}); free some, or use another account"
    if status == 403:
        return HubAccessError, f"this token may not do that ({said}); use one that may write here"
    if status in (409, 412):
        return HubConflictError, "somebody changed the repository meanwhile; nothing was changed, run again"
    if status == 429:
        return HubRateLimitError, _limit_text(error)
    if status in TRANSIENT_STATUS:
        return HubUnreachableError, f"the Hub answers with status {status}; try again later"
    return HubError, f"the Hub refused ({said})"


def _explain_store(error: StoreError, repo: Asker) -> tuple[type[HubError], str]:
    """Say what befell in Xet, as its twin over plain HTTP is said."""
    status = error.status
    if status == 401 and error.token_address:
        return HubAccessError, f"the Hub does not accept the token{_login_hint(repo)}"
    if error.is_denied:
        return HubAccessError, (
            f"this token may not do that in the Hub's store ({status or 'no right'}), or the account's storage is full; "
            "use a token that may, or free some"
        )
    if status in (413, 507):
        return HubFullError, f"the account's storage is full ({status}); free some, or use another account"
    if status == 404:
        return HubNotFoundError, "a file is not there (the Hub's store does not know it)"
    if status == 429:
        return HubRateLimitError, _limit_text(error)
    if status in TRANSIENT_STATUS:
        return HubUnreachableError, f"the Hub's store answers with status {status}; try again later"
    if status is not None:
        return HubError, f"the Hub's store refused what was sent ({status}); run again"
    if error.is_away:
        return (
            HubUnreachableError,
            f"the Hub's store cannot be reached ({_first_line(error)}); try again later",
        )
    return HubUnreachableError, (
        f"what came from the Hub's store, or went there, was cut short or damaged ({_first_line(error)}); run again"
    )


def _limit_text(error: Exception) -> str:
    limit = rate_limit_of(error)
    what = f" ({limit.what})" if limit and limit.what else ""
    if limit is None or limit.seconds is None:
        return (
            f"the Hub's limit is reached{what}, and it does not say for how long; try again in some minutes"
        )
    return f"the Hub's limit is reached{what}; try again in {duration_text(limit.seconds)}"


def _login_hint(repo: Asker) -> str:
    return f": set {repo.token_env}, or run hf auth login"


def _first_line(error: BaseException) -> str:
    said = getattr(error, "server_message", None) or str(error)
    return next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)[:300]
