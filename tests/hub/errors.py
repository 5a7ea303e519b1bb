"""What the Hub says no with: a status, a message and the code its clients look at."""

from collections.abc import Mapping


class HubError(Exception):
    """A request that is refused.

    Args:
        status: the HTTP status.
        message: the text a client shows.
        code: what goes into ``X-Error-Code``; the clients choose their exception by it.
        headers: more headers of the answer, such as ``X-Repo-Commit``.
        extra: more keys of the JSON body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


def repo_not_found(anonymous: bool) -> HubError:
    """A missing repo, or one that must look missing: who is not logged in is told to log in."""
    if anonymous:
        return HubError(401, "Invalid username or password.", "RepoNotFound")
    return HubError(404, "Repository not found", "RepoNotFound")


def revision_not_found(revision: str) -> HubError:
    """No branch, tag or commit is called so."""
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(message: str = "Entry not found", commit: str | None = None) -> HubError:
    """No such file or folder; with the commit where it was looked for, which clients cache."""
    return HubError(404, message, "EntryNotFound", {"X-Repo-Commit": commit} if commit else None)
