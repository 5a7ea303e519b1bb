"""A repository on the Hub that is being published: shards are sent as they are made, and seen with one commit."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

from vmeval_hfds.hub.commit import send
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.scratch import scratch_folder
from vmeval_hfds.store.store import Receipt, receipt_of

if TYPE_CHECKING:
    from vmeval_hfds.hub.commit import Operation

#: Batches of shards that may wait to be sent; the writers wait for more room, so that the disk does not fill.
_BATCHES_WAITING = 2


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """Where shards for the Hub lie until they were sent; this much of the store goes to other processes."""

    folder: Path

    def place(self, name: str) -> Path:
        """Give the path at which a shard is to be written, as `Store.place` says."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def put(self, name: str, place: Path, sha256: str | None = None) -> Receipt:
        """Take a shard that was written whole, as `Store.put` says."""
        return receipt_of(name, place, sha256)


@dataclass(frozen=True, slots=True)
class SendingStore:
    """Sends each shard to the Hub from the machine that wrote it; this much of the store goes to other machines.

    Attributes:
        repo: The repository. Its token goes along, and nothing shows it.
        revision: A branch that exists, by whose rules the files are sent.
        create_pr: Whether the commit will be a pull request.
    """

    repo: HubRepo
    revision: str
    create_pr: bool

    def place(self, name: str) -> Path:
        """Give a path of this machine at which a shard is to be written, as `Store.place` says."""
        return Path(tempfile.mkdtemp(prefix="vmeval-hfds-shard-")) / PurePosixPath(name).name

    def put(self, name: str, place: Path, sha256: str | None = None) -> Receipt:
        """Send a shard that was written whole, as `Store.put` says."""
        receipt = receipt_of(name, place, sha256)
        made = send(self.repo, {name: place}, self.revision, create_pr=self.create_pr)
        shutil.rmtree(place.parent)
        return replace(receipt, operation=made[name])

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Do nothing: what was put was sent."""


class RepositoryStore:
    """Takes the shards of a repository: each is sent while the next is made, and leaves the disk when it was.

    Attributes:
        sent: Hash to the operation that names the file in a commit, of all that was sent.
        sent_bytes: How many bytes that was, what the Hub had already among them.
        revision: A branch that exists, by whose rules the files are sent.
        known: Hashes of the files that the repository has, which a commit can name; they are not sent again.
        progress: Called with the bytes sent so far.
    """

    def __init__(self, repo: HubRepo, create_pr: bool, folder: Path, sends_there: bool = False) -> None:
        self._repo = repo
        self._sends_there = sends_there
        self.revision = "main"
        self.known: Set[str] = frozenset()
        self._create_pr = create_pr
        self._shards = ShardFolder(folder)
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="send")
        self._waiting: list[Future[None]] = []
        self.sent: dict[str, Operation] = {}
        self.sent_bytes = 0
        self.progress: Callable[[int], None] | None = None

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Send no more than the folder to other processes: they write shards, and this one sends them.

        Other machines send them themselves.
        """
        if self._sends_there:
            return SendingStore, (self._repo, self.revision, self._create_pr)
        return ShardFolder, (self._shards.folder,)

    def place(self, name: str) -> Path:
        """Give the path at which a shard is to be written, as `Store.place` says."""
        return self._shards.place(name)

    def put(self, name: str, place: Path, sha256: str | None = None) -> Receipt:
        """Take a shard that was written whole, as `Store.put` says."""
        return self._shards.put(name, place, sha256)

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Send shards, as `Store.keep` says, while others are made.

        Raises:
            HubError: An earlier one could not be sent.
            OSError: Likewise.
        """
        for receipt in receipts:
            if receipt.operation is not None:
                self.sent[receipt.sha256] = cast("Operation", receipt.operation)
                self._count(receipt)
        here = [receipt for receipt in receipts if receipt.operation is None]
        self._waiting.append(self._sender.submit(self._send, here))
        while len(self._waiting) > _BATCHES_WAITING:
            self._waiting.pop(0).result()

    def wait(self) -> None:
        """Wait until all was sent.

        Raises:
            HubError: It could not be.
            OSError: Likewise.
        """
        while self._waiting:
            self._waiting.pop(0).result()

    def close(self) -> None:
        """Send no more."""
        self._sender.shutdown(wait=True, cancel_futures=True)

    def _send(self, receipts: Sequence[Receipt]) -> None:
        # Without LFS the Hub is not asked what it has, and a client that is new to it would send all.
        new = {
            one.name: one for one in receipts if one.sha256 not in self.sent and one.sha256 not in self.known
        }
        places = {name: self._shards.place(name) for name in new}
        made = send(self._repo, places, self.revision, create_pr=self._create_pr)
        for name, receipt in new.items():
            self.sent[receipt.sha256] = made[name]
            self._count(receipt)
        for receipt in receipts:
            self._shards.place(receipt.name).unlink()

    def _count(self, receipt: Receipt) -> None:
        self.sent_bytes += receipt.size_bytes
        if self.progress:
            self.progress(self.sent_bytes)


@contextmanager
def new_shards(
    repo: HubRepo, *, create_pr: bool = False, sends_there: bool = False
) -> Iterator[RepositoryStore]:
    """Have a store for the time of a push; what was not committed in the end is seen by nobody."""
    with scratch_folder("vmeval-hfds-push-") as folder:
        store = RepositoryStore(repo, create_pr, folder, sends_there)
        try:
            yield store
        finally:
            store.close()
