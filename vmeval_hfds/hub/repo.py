"""One repository on the Hub: what it holds and what is known of it.

Every request goes through `HubRepo.call`, which tries again where that can help, and turns what the client raises
into our own errors.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from huggingface_hub import HfApi, utils
from huggingface_hub.hf_api import RepoFile

from vmeval_builders.secrets import without_tokens
from vmeval_hfds.errors import (
    HubAccessError,
    HubConflictError,
    HubError,
    HubNotFoundError,
    HubRateLimitError,
)
from vmeval_hfds.hub.explain import explain
from vmeval_hfds.hub.rate_limit import rate_limit_of
from vmeval_hfds.hub.retry import with_retries
from vmeval_hfds.hub.session import NAMED, watch_session
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV, read_token
from vmeval_hfds.hub.xet_errors import StoreError, store_failure

Result = TypeVar("Result")

_hub_utils: Any = utils  # their names are not marked as exported
_REFUSED = frozenset({401, 403, 404, 429})


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository.

    Attributes:
        path: Its path in the repository.
        size_bytes: Its size.
        sha256: Its hash, where it is an LFS file.
        git_sha1: Its git object's id; of the pointer, where it is an LFS file.
        xet_hash: Its name in Xet, where it is there and a listing said so.
    """

    path: str
    size_bytes: int
    sha256: str | None
    git_sha1: str
    xet_hash: str | None = None


class HubRepo:
    """One repository, reached with one token.

    Args:
        repo_id: ``user/name``.
        repo_type: ``dataset``, ``model`` or ``space``.
        token_env: The environment variable that holds the token. Where the usual one is not set, the token is
            the one that ``hf auth login`` keeps.
        token: The token itself, which goes before both.
        wait: Wait where a rate limit is reached, if that is less than ten minutes; else say at once how long it is.

    Raises:
        HubAccessError: Another variable was named, and is not set.
    """

    def __init__(
        self,
        repo_id: str,
        repo_type: str = "dataset",
        token_env: str = DEFAULT_TOKEN_ENV,
        token: str | None = None,
        *,
        wait: bool = True,
    ) -> None:
        self.repo_id = repo_id
        self.repo_type = repo_type
        self.token_env = token_env
        self.wait = wait
        self._token = token or read_token(token_env)
        self._endpoint = os.environ.get("HF_ENDPOINT") or None
        self.api = HfApi(endpoint=self._endpoint, token=self._token or False, **NAMED)

    def __reduce__(self) -> tuple[Callable[..., HubRepo], tuple[object, ...]]:
        """Go to another machine with the token that was read here; the Hub's address is the same there."""
        return _elsewhere, (
            self.repo_id,
            self.repo_type,
            self.token_env,
            self._token,
            self.wait,
            self.endpoint,
        )

    @property
    def token(self) -> str | bool:
        """What client functions take as a token; False is nobody."""
        return self._token or False

    def headers(self) -> dict[str, str]:
        """Give the headers of a request: whose it is, and that it is ours."""
        return dict(_hub_utils.build_hf_headers(token=self.token, **NAMED))

    def require_token(self) -> None:
        """Refuse to begin what nobody may do without a token.

        Raises:
            HubAccessError: There is none.
        """
        if not self._token:
            raise HubAccessError(
                f"{self.repo_id}: there is no token; set {self.token_env}, or run hf auth login"
            )

    @property
    def endpoint(self) -> str:
        """The Hub's address."""
        return str(self.api.endpoint)

    def call(self, function: Callable[..., Result], *args: object, **kwargs: object) -> Result:
        """Do something on the Hub, with waits and further tries where the failure may pass.

        Args:
            function: What to do; it must be harmless to do it again.
            *args: Handed to it.
            **kwargs: Handed to it.

        Raises:
            HubError: It failed for good; the message says why in plain words.
        """
        return self.call_unless(lambda error: False, function, *args, **kwargs)

    def call_unless(
        self,
        is_final: Callable[[Exception], bool],
        function: Callable[..., Result],
        *args: object,
        **kwargs: object,
    ) -> Result:
        """Do something on the Hub that not every failure leaves undone.

        Args:
            is_final: Says of a client's error that the same must not be done again here.
            function: What to do.
            *args: Handed to it.
            **kwargs: Handed to it.

        Raises:
            HubError: It failed; the client's error is its cause.
        """

        def attempt() -> Result:
            watch_session()
            try:
                return function(*args, **kwargs)
            except Exception as error:
                failure = store_failure(error)
                if isinstance(failure, StoreError):
                    self._ask_for_words(failure)
                if failure is None or failure is error:
                    raise
                raise failure from error

        return with_retries(attempt, self.translate, self.wait, is_final)

    def _ask_for_words(self, failure: StoreError) -> None:
        """Where hf_xet got no token for the store, ask for one in its place, for the Hub's own words.

        Raises:
            HfHubHTTPError: The Hub refuses, and says why, or how long to wait.
        """
        address = failure.token_address
        # The token goes to the Hub and nowhere else, whatever the text says.
        if (
            address is None
            or failure.status not in _REFUSED
            or not address.startswith(f"{self.endpoint}/api/")
        ):
            return
        _hub_utils.hf_raise_for_status(_hub_utils.get_session().get(address, headers=self.headers()))

    def translate(self, error: Exception) -> HubError | None:
        """Say a client's error in plain words; None for one that is not the Hub's doing."""
        kind, message = explain(error, self)
        if kind is None:
            return None
        translated = kind(self.hide_token(f"{self.repo_id}: {message}"))
        if isinstance(translated, HubRateLimitError) and (limit := rate_limit_of(error)):
            translated.seconds = limit.seconds
        return translated

    def hide_token(self, text: str) -> str:
        """Blot out anything in a text that looks like a token."""
        return without_tokens(text, self._token)

    def info(self, revision: str | None = None) -> Any:  # noqa: ANN401 (the client's own type, by repository kind)
        """Ask for what the Hub knows of the repository at a revision."""
        return self.call(self.api.repo_info, self.repo_id, repo_type=self.repo_type, revision=revision)

    def exists(self) -> bool:
        """Whether the repository exists, as far as this token may see."""
        try:
            self.info()
        except HubNotFoundError:
            return False
        return True

    def head(self, revision: str | None = None) -> str:
        """Give the commit that a revision is at."""
        return str(self.info(revision).sha)

    def look(self, revision: str | None = None) -> tuple[str, dict[str, RemoteFile]]:
        """Give the commit that a revision is at, and all its files by path, with one request."""
        info: Any = self.call(
            self.api.repo_info, self.repo_id, repo_type=self.repo_type, revision=revision, files_metadata=True
        )
        files = [
            RemoteFile(one.rfilename, one.size, one.lfs.sha256 if one.lfs else None, one.blob_id)
            for one in info.siblings or []
        ]
        return str(info.sha), {one.path: one for one in files}

    def files(self, revision: str) -> dict[str, RemoteFile]:
        """List all files of a revision by path."""

        def fetch() -> list[RemoteFile]:
            tree = self.api.list_repo_tree(
                self.repo_id, recursive=True, revision=revision, repo_type=self.repo_type
            )
            return [_remote_file(entry) for entry in tree if isinstance(entry, RepoFile)]

        return {entry.path: entry for entry in self.call(fetch)}

    def create(self, private: bool) -> None:
        """Make a repository that is missing; somebody else may have made it meanwhile.

        Raises:
            HubConflictError: It exists and is public, and `private` was asked for.
        """
        kwargs: dict[str, Any] = {"space_sdk": "static"} if self.repo_type == "space" else {}
        self.call(
            self.api.create_repo,
            self.repo_id,
            repo_type=self.repo_type,
            private=private,
            exist_ok=True,
            **kwargs,
        )
        if private and not self.info().private:
            raise HubConflictError(
                f"{self.repo_id}: is public, and --private was asked for; make it private on the Hub first"
            )

    def branches(self) -> dict[str, str]:
        """Give every branch and its commit."""
        refs = self.call(self.api.list_repo_refs, self.repo_id, repo_type=self.repo_type)
        return {ref.name: ref.target_commit for ref in refs.branches}

    def tags(self) -> dict[str, str]:
        """Give every tag and its commit."""
        refs = self.call(self.api.list_repo_refs, self.repo_id, repo_type=self.repo_type)
        return {ref.name: ref.target_commit for ref in refs.tags}

    def create_branch(self, name: str, revision: str) -> None:
        """Make a branch at a revision, unless it is there."""
        self.call(
            self.api.create_branch,
            self.repo_id,
            branch=name,
            revision=revision,
            repo_type=self.repo_type,
            exist_ok=True,
        )

    def delete_branch(self, name: str) -> None:
        """Remove a branch, unless it is gone."""
        try:
            self.call(self.api.delete_branch, self.repo_id, branch=name, repo_type=self.repo_type)
        except HubNotFoundError:
            return

    def create_tag(self, name: str, revision: str) -> None:
        """Make a tag at a revision, unless it is there."""
        self.call(
            self.api.create_tag,
            self.repo_id,
            tag=name,
            revision=revision,
            repo_type=self.repo_type,
            exist_ok=True,
        )

    def history(self, revision: str) -> list[tuple[str, str]]:
        """Give the commits up to a revision, newest first, each with title and description."""
        commits = self.call(
            self.api.list_repo_commits, self.repo_id, repo_type=self.repo_type, revision=revision
        )
        return [(commit.commit_id, f"{commit.title}\n{commit.message}") for commit in commits]

    def commits_since(self, revision: str, commit: str) -> list[tuple[str, str]]:
        """Give the commits of a revision that came after one, newest first, each with title and description.

        No page of the history is asked for beyond that one.
        """

        def fetch() -> list[tuple[str, str]]:
            url = f"{self.endpoint}/api/{self.repo_type}s/{self.repo_id}/commits/{quote(revision, safe='')}"
            found = []
            for one in _hub_utils.paginate(url, params={}, headers=self.headers()):
                if one["id"] == commit:
                    break
                found.append((one["id"], f"{one['title']}\n{one['message']}"))
            return found

        return self.call(fetch)

    def pull_requests(self) -> dict[str, str]:
        """Give every pull request's number and the commit that it is at."""
        refs = self.call(
            self.api.list_repo_refs, self.repo_id, repo_type=self.repo_type, include_pull_requests=True
        )
        return {ref.ref.rpartition("/")[2]: ref.target_commit for ref in refs.pull_requests or []}

    @property
    def url(self) -> str:
        """The address of its page."""
        kind = "" if self.repo_type == "model" else f"{self.repo_type}s/"
        return f"{self.endpoint}/{kind}{self.repo_id}"

    def root_entries(self, revision: str) -> dict[str, str]:
        """Give the names of a revision's root, files and folders, and their git objects' ids."""

        def fetch() -> dict[str, str]:
            tree = self.api.list_repo_tree(self.repo_id, revision=revision, repo_type=self.repo_type)
            return {
                entry.path: entry.blob_id if isinstance(entry, RepoFile) else entry.tree_id for entry in tree
            }

        return self.call(fetch)


def _remote_file(entry: RepoFile) -> RemoteFile:
    sha256 = entry.lfs.sha256 if entry.lfs else None
    return RemoteFile(entry.path, entry.size, sha256, entry.blob_id, entry.xet_hash)


def _elsewhere(
    repo_id: str, repo_type: str, token_env: str, token: str | None, wait: bool, endpoint: str
) -> HubRepo:
    """Make a repository's value anew on another machine, whose own token and settings do not count."""
    repo = HubRepo(repo_id, repo_type, token=token, wait=wait)
    repo.token_env = token_env
    repo.api = HfApi(endpoint=endpoint, token=token or False, **NAMED)
    return repo
