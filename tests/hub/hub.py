"""The Hub as tests use it: start it, look into it, change it, make it fail."""

import contextlib
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, Unpack

from tests.hub.accounts import Accounts, Role
from tests.hub.buckets_api import Bucket
from tests.hub.cas import Cas
from tests.hub.errors import HubError, entry_not_found, repo_not_found
from tests.hub.faults import Fault, FaultBook, FaultOptions, Kind
from tests.hub.operations import AddLfs, CommitRequest
from tests.hub.rate_limits import RateLimits
from tests.hub.repo import Repo, RepoSettings
from tests.hub.repos_api import commit_title
from tests.hub.requests_log import Request, RequestLog
from tests.hub.server import Desk, Listener
from tests.hub.site import Limits, Site
from tests.hub.store import Store

DEFAULT_USERS = ("user", "stranger")


class Hub:
    """A Hub on loopback for unmodified clients.

    The ports are bound at once, so ``endpoint`` can go into ``HF_ENDPOINT`` before any client is imported;
    requests are answered between ``start()`` and ``stop()``, or within ``with``.

    Args:
        directory: where the repos are kept while the Hub lives; what an earlier Hub left there is deleted.
        port: the port, 0 for any free one.
        page_size: entries in a page of a listing.
        part_size: large files above this size are uploaded in parts of it.
        storage_limit: bytes a repo may hold, None for no limit.
    """

    def __init__(
        self,
        directory: str | Path,
        port: int = 0,
        *,
        page_size: int = 1000,
        part_size: int = 64 << 20,
        storage_limit: int | None = None,
    ):
        self.directory = Path(directory)
        self._defaults = Limits(page_size, part_size, storage_limit)
        self._listeners: list[Listener] = []
        self._threads: list[threading.Thread] = []
        site = Site("", "", Store(self.directory), Accounts(), Limits(), Cas(self.directory / "xet"))
        self._desk = Desk(site, RequestLog(), FaultBook(), self.directory / "spool")
        self._bind(port, 0)
        self.reset()

    # Running

    @property
    def endpoint(self) -> str:
        """The value for ``HF_ENDPOINT``."""
        return self._desk.site.endpoint

    @property
    def cdn_endpoint(self) -> str:
        """The origin that large files are downloaded from and uploaded to."""
        return self._desk.site.cdn_endpoint

    def start(self) -> Self:
        """Answer requests; after ``stop`` on the same ports again, with everything still there."""
        if self._threads:
            return self
        if not self._listeners:
            self._bind(_port(self.endpoint), _port(self.cdn_endpoint))
        self._desk.stopping.clear()
        for listener in self._listeners:
            thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self) -> None:
        """Close the ports and all connections; what is stored stays."""
        self._desk.stopping.set()
        for listener in self._listeners:
            if self._threads:
                listener.shutdown()
            listener.server_close()
            listener.close_connections()
        for thread in self._threads:
            thread.join()
        self._listeners.clear()
        self._threads.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Back to the start: no repos, faults, log or callback, the default users, the first limits."""
        desk = self._desk
        desk.faults.clear()
        desk.site.store.clear()
        desk.site.cas.clear()
        desk.site.buckets.clear()
        desk.log.clear()
        desk.rates.clear()
        desk.late.clear()
        desk.latency_seconds, desk.on_request = 0.0, None
        desk.site.limits.__dict__.update(self._defaults.__dict__)
        desk.site.accounts.identities.clear()
        shutil.rmtree(desk.spool, ignore_errors=True)
        desk.spool.mkdir(parents=True)
        for user in DEFAULT_USERS:
            self.token(user)
            self.token(user, role="read")

    # Limits and faults

    @property
    def limits(self) -> Limits:
        """Page size, part size and storage limit, to be changed at any time."""
        return self._desk.site.limits

    @property
    def rates(self) -> RateLimits:
        """How many requests are allowed in a while, and the clock by which that is counted."""
        return self._desk.rates

    @property
    def latency_seconds(self) -> float:
        """How long every request waits before it is handled."""
        return self._desk.latency_seconds

    @latency_seconds.setter
    def latency_seconds(self, seconds: float) -> None:
        self._desk.latency_seconds = seconds

    @property
    def on_request(self) -> Callable[[Request], object] | None:
        """Called in the server's thread with each request, read completely but not carried out yet."""
        return self._desk.on_request

    @on_request.setter
    def on_request(self, callback: Callable[[Request], object] | None) -> None:
        self._desk.on_request = callback

    def fault(self, kind: Kind, **options: Unpack[FaultOptions]) -> None:
        """Put a fault in force; see `Fault` for the kinds and options."""
        self._desk.faults.add(Fault(kind, **options))

    def clear_faults(self) -> None:
        """Lift all faults."""
        self._desk.faults.clear()

    # The log

    @property
    def requests(self) -> list[Request]:
        """All requests so far, the CDN's too, in the order of arrival."""
        return self._desk.log.snapshot()

    @property
    def sent(self) -> list[Request]:
        """The requests so far that brought bytes of large files, to LFS or to the Xet store."""
        return [one for one in self.requests if one.brings_content]

    @property
    def sent_bytes(self) -> int:
        """How many bytes of large files came so far."""
        return sum(one.request_bytes for one in self.sent)

    def new_bytes(self, repo_id: str, path: str, revision: str = "main", type: str = "dataset") -> int:
        """How many bytes of a large file lie in chunks that came to the Xet store since the log was cleared."""
        repo = self._repo(repo_id, type)
        item = repo.item(repo.resolve(revision), path)
        file = self._desk.site.cas.file(repo.xet_hashes[item.content_id]) if item else None
        if file is None:
            raise entry_not_found()
        came = {one.path.rpartition("/")[2] for one in self.sent}
        return sum(term.size for term in file.terms if term.xorb in came)

    def clear_log(self) -> None:
        """Forget the requests so far; counting starts at 0 again."""
        self._desk.log.clear()

    # State, without HTTP

    def token(self, user: str = "user", role: Role = "write") -> str:
        """A token of the user, whose namespace has the same name."""
        return self._desk.site.accounts.token(user, role)

    def create_repo(
        self, repo_id: str, type: str = "dataset", private: bool = False, gated: bool | str = False
    ) -> str:
        """Create a repo, with the first commit the real Hub makes too; returns the commit's id."""
        settings = RepoSettings(private, "auto" if gated is True else gated)
        author = repo_id.partition("/")[0]
        repo = self._desk.site.store.create(type, repo_id, settings, author)
        if repo is None:
            raise HubError(409, f"{type} {repo_id} already exists")
        return str(repo.resolve("main").id)

    def fill_bucket(self, bucket_id: str, files: Mapping[str, bytes], private: bool = False) -> None:
        """Put files into a bucket, which is created where there is none."""
        bucket = self._desk.site.buckets.setdefault(bucket_id, Bucket(bucket_id, private))
        bucket.files.update(files)

    def grant(self, repo_id: str, user: str, type: str = "dataset") -> None:
        """Let a user into a gated repo."""
        self._repo(repo_id, type).settings.granted.add(user)

    def delete_repo(self, repo_id: str, type: str = "dataset") -> None:
        """Delete a repo."""
        self._desk.site.store.delete(self._repo(repo_id, type))

    def commit(
        self,
        repo_id: str,
        files: Mapping[str, bytes | None],
        message: str = "commit",
        branch: str = "main",
        type: str = "dataset",
    ) -> str:
        """Commit files, to LFS what belongs there; None deletes one. Returns the commit's id."""
        repo = self._repo(repo_id, type)
        operations = repo.operations_for(dict(files), branch)
        for operation in operations:
            if isinstance(operation, AddLfs):
                self._keep_in_cas(repo, operation.oid)
        return repo.commit(branch, CommitRequest(message, operations=operations), repo.namespace)

    def create_branch(self, repo_id: str, name: str, revision: str = "main", type: str = "dataset") -> None:
        """Create a branch."""
        self._repo(repo_id, type).create_ref("refs/heads/", name, revision)

    def create_tag(self, repo_id: str, name: str, revision: str = "main", type: str = "dataset") -> None:
        """Create a tag."""
        self._repo(repo_id, type).create_ref("refs/tags/", name, revision)

    def files(self, repo_id: str, revision: str = "main", type: str = "dataset") -> dict[str, bytes]:
        """All files at a revision with their true content."""
        repo = self._repo(repo_id, type)
        found = {}
        for item in repo.listing(repo.resolve(revision)):
            if not item.is_folder:
                content = repo.read(item)
                found[item.path] = content.read_bytes() if isinstance(content, Path) else content
        return found

    def head(self, repo_id: str, revision: str = "main", type: str = "dataset") -> str:
        """The id of the commit a revision stands for."""
        return str(self._repo(repo_id, type).resolve(revision).id)

    def branches(self, repo_id: str, type: str = "dataset") -> list[str]:
        """The names of the branches."""
        return [name for name, _ in self._repo(repo_id, type).refs("refs/heads/")]

    def tags(self, repo_id: str, type: str = "dataset") -> list[str]:
        """The names of the tags."""
        return [name for name, _ in self._repo(repo_id, type).refs("refs/tags/")]

    def log(self, repo_id: str, revision: str = "main", type: str = "dataset") -> list[str]:
        """The titles of the commits, newest first."""
        return [commit_title(commit) for commit in self._repo(repo_id, type).history(revision)]

    def pull_requests(self, repo_id: str, type: str = "dataset") -> list[str]:
        """The numbers of the pull requests."""
        return [name for name, _ in self._repo(repo_id, type).refs("refs/pr/")]

    def exists(self, repo_id: str, type: str = "dataset") -> bool:
        """Whether there is such a repo."""
        return self._desk.site.store.get(type, repo_id) is not None

    def lfs_objects(self, repo_id: str, type: str = "dataset") -> set[str]:
        """The sha256 of every large file that is stored, whether a commit knows it or not."""
        return self._repo(repo_id, type).lfs.oids()

    # Inside

    def _repo(self, repo_id: str, repo_type: str) -> Repo:
        repo = self._desk.site.store.get(repo_type, repo_id)
        if repo is None:
            raise repo_not_found(anonymous=False)
        return repo

    def _keep_in_cas(self, repo: Repo, oid: str) -> None:
        if oid not in repo.xet_hashes:
            repo.xet_hashes[oid] = self._desk.site.cas.put_content(repo.lfs.path(oid).read_bytes())

    def _bind(self, port: int, cdn_port: int) -> None:
        hub = Listener(port, self._desk, cdn=False)
        try:
            cdn = Listener(cdn_port, self._desk, cdn=True)
        except OSError:
            with contextlib.suppress(OSError):
                hub.server_close()
            raise
        self._listeners = [hub, cdn]
        self._desk.site.endpoint = f"http://127.0.0.1:{hub.server_port}"
        self._desk.site.cdn_endpoint = f"http://127.0.0.1:{cdn.server_port}"


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])
