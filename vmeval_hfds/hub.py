"""One repository on the Hub: the only module that talks to `huggingface_hub` and calls `push_to_hub`.

Every request goes through `HubRepo.call`, which waits and tries again where that can help, and turns what the
client raises into our own errors.
"""

from __future__ import annotations

import io
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from huggingface_hub import HfApi, HfFileSystem, get_token, hf_hub_download
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
from huggingface_hub.hf_api import RepoFile

from vmeval_builders.errors import VmevalError
from vmeval_hfds.errors import (
    HubAccessError,
    HubConflictError,
    HubError,
    HubFullError,
    HubNotFoundError,
    HubUnreachableError,
)
from vmeval_hfds.shards import ROW_GROUP_BYTES

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

    Operation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete

Result = TypeVar("Result")

DEFAULT_TOKEN_ENV = "HF_TOKEN"  # noqa: S105 (a variable's name, not a token)
#: How often a request is tried in all, and the wait before the second try; each wait doubles.
TRIES = 5
FIRST_WAIT_SECONDS = 1.0
#: A rate limit that asks for a longer wait than this is told to the person instead of waited for.
LONGEST_WAIT_SECONDS = 60.0

# So many files the Hub is asked about at a time.
_FILES_AT_ONCE = 256

# What the client raises for a broken connection lies in the HTTP library below it, whichever that is.
_TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
_TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{8,}")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository.

    Attributes:
        path: Its path in the repository.
        size_bytes: Its size.
        sha256: Its hash, where it is an LFS file.
        git_sha1: Its git object's id; of the pointer, where it is an LFS file.
    """

    path: str
    size_bytes: int
    sha256: str | None
    git_sha1: str


class HubRepo:
    """One repository, reached with one token.

    Args:
        repo_id: ``user/name``.
        repo_type: ``dataset``, ``model`` or ``space``.
        token_env: The environment variable that holds the token. Without it, the one that ``hf auth login``
            keeps is used.
    """

    def __init__(self, repo_id: str, repo_type: str = "dataset", token_env: str = DEFAULT_TOKEN_ENV) -> None:
        self.repo_id = repo_id
        self.repo_type = repo_type
        self.token_env = token_env
        self._token = os.environ.get(token_env) or get_token()
        self._endpoint = os.environ.get("HF_ENDPOINT") or None
        self.api = HfApi(endpoint=self._endpoint, token=self._token or False, library_name="vmeval-hfds")

    @property
    def token(self) -> str | bool:
        """What client functions take as a token; False is nobody."""
        return self._token or False

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
        wait_seconds = FIRST_WAIT_SECONDS
        for attempt in range(1, TRIES + 1):
            try:
                return function(*args, **kwargs)
            except VmevalError:
                raise
            except Exception as caught:
                error = _unwrapped(caught)
                asked_seconds = retry_after_seconds(error)
                too_long = asked_seconds is not None and asked_seconds > LONGEST_WAIT_SECONDS
                if attempt == TRIES or too_long or not is_transient(error):
                    translated = self.translate(error)
                    if translated is None:
                        raise
                    raise translated from error
                pause(wait_seconds if asked_seconds is None else asked_seconds)
                wait_seconds *= 2
        raise AssertionError("the last try either returns or raises")

    def translate(self, error: Exception) -> HubError | None:
        """Say a client's error in plain words; None for one that is not the Hub's doing."""
        kind, message = _explain(error, self)
        if kind is None:
            return None
        return kind(self.hide_token(f"{self.repo_id}: {message}"))

    def hide_token(self, text: str) -> str:
        """Blot out anything in a text that looks like a token."""
        if self._token:
            text = text.replace(self._token, "hf_…")
        return _TOKEN.sub("hf_…", text)

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

    def files(self, revision: str) -> dict[str, RemoteFile]:
        """List all files of a revision by path."""

        def fetch() -> list[RemoteFile]:
            tree = self.api.list_repo_tree(
                self.repo_id, recursive=True, revision=revision, repo_type=self.repo_type
            )
            return [_remote_file(entry) for entry in tree if isinstance(entry, RepoFile)]

        return {entry.path: entry for entry in self.call(fetch)}

    def create(self, private: bool) -> None:
        """Make the repository where it is missing.

        Raises:
            HubConflictError: It exists and is public, and `private` was asked for.
        """
        kwargs: dict[str, Any] = {"space_sdk": "static"} if self.repo_type == "space" else {}
        if not self.exists():
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

    def commit(
        self,
        operations: Callable[[], Iterable[Operation]],
        message: str,
        revision: str,
        parent: str,
        description: str = "",
    ) -> str:
        """Make one commit on top of a known one, or none.

        The client does not try a commit again, since it may have been made and only the answer lost. Here each
        carries a mark, by which it is found again on the branch.

        Args:
            operations: Makes the operations; the client uses up those that it is given.
            message: The commit's title.
            revision: The branch.
            parent: The commit that the branch must be at.
            description: What stands below the title.

        Returns:
            The new commit, or `parent` where the operations change nothing.

        Raises:
            HubConflictError: The branch is at another commit. Nothing was changed.
            HubError: The commit failed for good. Nothing was changed.
        """
        mark = f"vmeval-hfds commit {uuid.uuid4().hex}"

        def attempt() -> str:
            head = self.head(revision)
            if head != parent:
                if mark in self._message_of(head):
                    return head
                raise HubConflictError(
                    f"{self.repo_id}: somebody changed {revision} meanwhile; nothing was changed, run again"
                )
            made = self.api.create_commit(
                self.repo_id,
                list(operations()),
                commit_message=message,
                commit_description=f"{description}\n\n{mark}".lstrip(),
                repo_type=self.repo_type,
                revision=revision,
                parent_commit=parent,
            )
            return str(made.oid)

        return self.call(attempt)

    def _message_of(self, revision: str) -> str:
        commits = self.api.list_repo_commits(self.repo_id, repo_type=self.repo_type, revision=revision)
        return f"{commits[0].title}\n{commits[0].message}" if commits else ""

    def history(self, revision: str) -> list[tuple[str, str]]:
        """Give the commits up to a revision, newest first, each with title and description."""
        commits = self.call(
            self.api.list_repo_commits, self.repo_id, repo_type=self.repo_type, revision=revision
        )
        return [(commit.commit_id, f"{commit.title}\n{commit.message}") for commit in commits]

    def root_entries(self, revision: str) -> dict[str, str]:
        """Give the names of a revision's root, files and folders, and their git objects' ids."""

        def fetch() -> dict[str, str]:
            tree = self.api.list_repo_tree(self.repo_id, revision=revision, repo_type=self.repo_type)
            return {
                entry.path: entry.blob_id if isinstance(entry, RepoFile) else entry.tree_id for entry in tree
            }

        return self.call(fetch)

    def changes(
        self,
        sent: Mapping[str, Path],
        deleted: Iterable[str],
        revision: str,
        progress: Callable[[int], None] | None = None,
    ) -> list[Operation]:
        """Make the operations of a commit that sends files as they are, and send the large ones.

        The client passes over files that a .gitignore of the commit or of the repository matches, and says
        nothing; here none is passed over.

        Args:
            sent: The files' paths in the repository, and where each is.
            deleted: Paths of files that go.
            revision: The branch.
            progress: Called with the number of files that are ready.

        Raises:
            HubError: The Hub would leave a file out nevertheless.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        additions = [CommitOperationAdd(path, str(place)) for path, place in sent.items()]
        for begin in range(0, len(additions), _FILES_AT_ONCE):
            self.api.preupload_lfs_files(
                self.repo_id,
                additions[begin : begin + _FILES_AT_ONCE],
                repo_type=self.repo_type,
                revision=revision,
                free_memory=False,
                gitignore_content="# Nothing is left out.\n",
            )
            if progress is not None:
                progress(min(begin + _FILES_AT_ONCE, len(additions)))
        ignored = [one.path_in_repo for one in additions if getattr(one, "_should_ignore", False)]
        if ignored:
            raise HubError(
                f"{self.repo_id}: the Hub would leave out {ignored[0]} ({len(ignored)} in all) for a .gitignore; "
                "nothing was changed"
            )
        deletions = [CommitOperationDelete(path, is_folder=False) for path in deleted]
        return [*deletions, *additions]

    def download(self, path: str, revision: str, place: Path, size_bytes: int) -> None:
        """Bring a file to a place, going on where the bytes that are there already end.

        It is one request for most files, where `fetch` needs two.

        Args:
            path: The file's path in the repository.
            revision: A commit, so that all tries get the same bytes.
            place: Where to write.
            size_bytes: The file's size.

        Raises:
            HubError: It cannot be had; what came is kept for the next try.
            OSError: It cannot be written.
        """
        from huggingface_hub import hf_hub_url, utils
        from huggingface_hub.file_download import http_get

        hub_utils: Any = utils  # their names are not marked as exported

        url = hf_hub_url(
            self.repo_id, path, repo_type=self.repo_type, revision=revision, endpoint=self._endpoint
        )
        # Packed, the bytes that came could not be counted against the size.
        headers = hub_utils.build_hf_headers(token=self.token, library_name="vmeval-hfds")
        headers["Accept-Encoding"] = "identity"

        def attempt() -> None:
            with place.open("ab") as stream:
                http_get(
                    url, stream, resume_size=stream.tell(), headers=headers, expected_size=size_bytes or None
                )

        self.call(attempt)

    def fetch(self, path: str, revision: str) -> Path:
        """Bring a file into the client's cache, going on where an earlier try stopped."""
        return Path(
            self.call(
                hf_hub_download,
                self.repo_id,
                path,
                repo_type=self.repo_type,
                revision=revision,
                token=self.token,
                endpoint=self._endpoint,
            )
        )

    def peek(self, path: str, revision: str) -> BinaryIO:
        """Open a file for reading parts of it over range requests."""
        kind = {"dataset": "datasets/", "space": "spaces/"}.get(self.repo_type, "")
        files = HfFileSystem(endpoint=self._endpoint, token=self._token or False, skip_instance_cache=True)
        address = f"{kind}{self.repo_id}@{revision.replace('/', '%2F')}/{path}"
        stream = self.call(files.open, address, "rb", cache_type="none")
        return cast("BinaryIO", _RemoteStream(self, cast("BinaryIO", stream)))

    def push_shards(
        self,
        shards: Sequence[Path],
        split: str,
        config_name: str,
        data_dir: str,
        revision: str,
        cache_dir: Path,
    ) -> None:
        """Publish Parquet shards as one config of the repository, with `push_to_hub`.

        It may be called again with the same arguments: it then replaces what it wrote.

        Args:
            shards: The shards, in row order.
            split: The split that they are.
            config_name: The config's name.
            data_dir: Where the config's shards lie in the repository.
            revision: The branch.
            cache_dir: Where `datasets` may keep the rows meanwhile.
        """
        from datasets import Dataset

        with _push_settings():
            paths = [str(path) for path in shards]
            dataset = Dataset.from_parquet(paths, split=split, cache_dir=str(cache_dir))
            self.call(
                dataset.push_to_hub,
                self.repo_id,
                config_name=config_name,
                split=split,
                data_dir=data_dir,
                commit_message=f"Add {config_name}",
                revision=revision,
                num_shards=len(paths),
                token=self.token,
            )


class _RemoteStream(io.RawIOBase):
    """A file on the Hub whose every read is tried again, and fails in plain words."""

    def __init__(self, repo: HubRepo, stream: BinaryIO) -> None:
        self._repo = repo
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int = -1) -> bytes:
        place = self._stream.tell()

        def attempt() -> bytes:
            self._stream.seek(place)
            return self._stream.read(size)

        return self._repo.call(attempt)

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def _push_settings() -> Iterator[None]:
    """Have `push_to_hub` write row groups that a reader can hold, and keep its bars and hints to itself.

    It aims at row groups of 100 MB, which took 750 MB of memory to read.
    """
    import datasets
    from huggingface_hub import utils

    hub_utils: Any = utils  # their names are not marked as exported

    row_group = datasets.config.MAX_ROW_GROUP_SIZE
    verbosity = datasets.logging.get_verbosity()
    bars = datasets.is_progress_bar_enabled(), not hub_utils.are_progress_bars_disabled()
    datasets.config.MAX_ROW_GROUP_SIZE = ROW_GROUP_BYTES
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    hub_utils.disable_progress_bars()
    try:
        yield
    finally:
        datasets.config.MAX_ROW_GROUP_SIZE = row_group
        datasets.logging.set_verbosity(verbosity)
        if bars[0]:
            datasets.enable_progress_bars()
        if bars[1]:
            hub_utils.enable_progress_bars()


def pause(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


def is_transient(error: BaseException) -> bool:
    """Whether a failure may pass when the same thing is done again."""
    if isinstance(error, OfflineModeIsEnabled):
        return False
    if isinstance(error, HfHubHTTPError):
        return status_of(error) in _TRANSIENT_STATUS
    if isinstance(error, LocalEntryNotFoundError):
        # The client says so when it could not reach the Hub and has no copy: what kept it is the cause.
        return error.__cause__ is not None and is_transient(error.__cause__)
    return isinstance(error, _TRANSPORT_ERROR | ConnectionError | TimeoutError)


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


def _explain(error: Exception, repo: HubRepo) -> tuple[type[HubError] | None, str]:
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
        return HubNotFoundError, "there is no such revision; name a branch, a tag or a commit"
    if isinstance(error, EntryNotFoundError):
        return HubNotFoundError, f"a file is not there ({_first_line(error)})"
    if isinstance(error, HfHubHTTPError):
        return _explain_status(error, repo)
    if isinstance(error, _TRANSPORT_ERROR | ConnectionError | TimeoutError):
        return (
            HubUnreachableError,
            f"{repo.endpoint} cannot be reached ({_first_line(error)}); try again later",
        )
    return None, ""


def _explain_status(error: HfHubHTTPError, repo: HubRepo) -> tuple[type[HubError], str]:
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
        wait = retry_after_seconds(error)
        return (
            HubUnreachableError,
            f"the Hub limits the rate of requests; try again in {wait or 300:.0f} seconds",
        )
    if status in _TRANSIENT_STATUS:
        return HubUnreachableError, f"the Hub answers with status {status}; try again later"
    return HubError, f"the Hub refused ({said})"


def _login_hint(repo: HubRepo) -> str:
    return f": set {repo.token_env}, or run hf auth login"


def _first_line(error: BaseException) -> str:
    said = getattr(error, "server_message", None) or str(error)
    return next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)[:300]


def _remote_file(entry: RepoFile) -> RemoteFile:
    sha256 = entry.lfs.sha256 if entry.lfs else None
    return RemoteFile(entry.path, entry.size, sha256, entry.blob_id)


def scratch_branch() -> str:
    """Name a branch for work in progress; the name tells when it was begun."""
    begun = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return f"{SCRATCH_PREFIX}{begun}-{uuid.uuid4().hex[:8]}"


SCRATCH_PREFIX = "vmeval-hfds-scratch-"


def stale_scratch_branches(names: Sequence[str], now: float) -> list[str]:
    """Pick the scratch branches that a killed push left behind, a day ago or longer.

    Args:
        names: All branches.
        now: Seconds since the epoch.
    """
    limit = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now - 86_400))
    return [
        name
        for name in names
        if name.startswith(SCRATCH_PREFIX) and name.removeprefix(SCRATCH_PREFIX)[: len(limit)] < limit
    ]


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the client from showing a bar for each file that it sends or brings."""
    from huggingface_hub import utils

    hub_utils: Any = utils  # their names are not marked as exported

    if hub_utils.are_progress_bars_disabled():
        yield
        return
    hub_utils.disable_progress_bars()
    try:
        yield
    finally:
        hub_utils.enable_progress_bars()


def state_folder() -> Path:
    """Give the folder, in the Hugging Face home, for what this package remembers between two runs."""
    from huggingface_hub import cached_assets_path

    return cached_assets_path("vmeval-hfds", "mirror", "downloads")
