"""A dataset at a URL: made in a folder inside it, put in place when it is whole, and a dataset with its card, the last.

What has no card is no dataset. A run that is killed leaves objects below ``.unfinished-…``, which no reader takes for
shards; the next build says so, and removes them with `force`.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from vmeval_builders.sources.parts import ObjectFile
from vmeval_hfds.errors import DatasetError, MissingPathError, RemoteWriteError, TargetExistsError
from vmeval_hfds.scratch import scratch_folder
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.store.names import CARD_NAME, ROWS_FOLDER, is_shard_name, pick_shards
from vmeval_hfds.store.objects import Objects
from vmeval_hfds.store.store import Receipt, receipt_of

_UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True)
class SendingShards:
    """Sends each shard to its URL from the machine that wrote it; this much of the store goes to workers.

    Attributes:
        objects: Where the dataset is made.
        folder: Where shards lie until they were sent; None is each machine's own place for temporary files.
    """

    objects: Objects
    folder: Path | None

    def place(self, name: str) -> Path:
        """Give a path of this machine at which a shard is to be written, as `Store.place` says."""
        own = tempfile.mkdtemp(prefix="vmeval-hfds-shard-", dir=self.folder)
        return Path(own) / PurePosixPath(name).name

    def put(self, name: str, place: Path, sha256: str | None = None) -> Receipt:
        """Send a shard that was written whole, as `Store.put` says."""
        try:
            receipt = receipt_of(name, place, sha256)
            self.objects.send(name, place)
        finally:
            shutil.rmtree(place.parent)
        return receipt

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Do nothing: what was put was sent."""


class UrlStore:
    """Takes the shards of a dataset at a URL.

    Attributes:
        partial: The URL at which the dataset is until it is whole.
        is_placing: Whether an error leaves the dataset half in its place.
    """

    def __init__(self, url: str, before: Mapping[str, int], folder: Path | None) -> None:
        self._dataset = Objects(url)
        self._before = before
        self._name = f"{_UNFINISHED}{uuid.uuid4().hex[:12]}"
        self.partial = f"{url}/{self._name}"
        self._sending = SendingShards(Objects(self.partial), folder)
        self._sizes: dict[str, int] = {}
        self._card = b""
        self.is_placing = False

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Send no more than where shards go to workers, who send them themselves."""
        return SendingShards, (self._sending.objects, self._sending.folder)

    def place(self, name: str) -> Path:
        """Give the path at which a shard is to be written, as `Store.place` says."""
        return self._sending.place(name)

    def put(self, name: str, place: Path, sha256: str | None = None) -> Receipt:
        """Send a shard that was written whole, as `Store.put` says."""
        return self._sending.put(name, place, sha256)

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Take down what must be there in the end, as `Store.keep` says."""
        self._sizes |= {one.name: one.size_bytes for one in receipts}

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write the files that stand beside the shards; the card waits until all else is in its place."""
        self._card = files[CARD_NAME]
        for name, content in files.items():
            if name != CARD_NAME:
                self._sending.objects.put(name, content)
                self._sizes[name] = len(content)

    def open(self) -> DatasetFiles:
        """Open what was made, before it is in its place."""
        return open_dataset_url(self.partial)

    def finish(self) -> None:
        """Put all in its place and the card last, and remove what was there before.

        Raises:
            RemoteWriteError: The store refused, or has not what was written.
            TargetExistsError: Somebody else wrote there meanwhile; nothing was put in its place.
        """
        dataset, own = self._dataset, f"{self._name}/"
        there = dataset.sizes()
        made = {name.removeprefix(own): size for name, size in there.items() if name.startswith(own)}
        self._sending.objects.compare(self._sizes, made)
        if new := sorted(name for name in there if name not in self._before and not name.startswith(own)):
            raise TargetExistsError(
                f"{dataset.url}/{new[0]}: somebody else wrote it meanwhile; choose another target, or replace all of "
                "them with --force"
            )
        self.is_placing = True
        if CARD_NAME in self._before:
            dataset.remove([CARD_NAME])
        dataset.copy({f"{self._name}/{name}": name for name in self._sizes})
        dataset.compare(self._sizes, dataset.sizes())
        dataset.remove(name for name in self._before if name not in self._sizes and name != CARD_NAME)
        dataset.put(CARD_NAME, self._card)
        self.discard()

    def discard(self) -> None:
        """Remove what was written and is in no place, as far as the store lets it."""
        with suppress(RemoteWriteError, OSError):
            made = Objects(self.partial)
            made.remove(made.sizes())


@contextmanager
def new_dataset_at(url: str, before: Mapping[str, int], *, on_workers: bool) -> Iterator[UrlStore]:
    """Make a dataset at a URL, which appears, or replaces the one that is there, with its card.

    Args:
        url: Where.
        before: What is there and goes, by name, with its size.
        on_workers: Whether other machines write shards, who have their own places for temporary files.
    """
    with scratch_folder("vmeval-hfds-build-") as folder:
        store = UrlStore(url, before, None if on_workers else folder)
        try:
            yield store
            store.finish()
        except BaseException:
            # Half in its place, what was made is all there is of it.
            if not store.is_placing:
                store.discard()
            raise


def unfinished(names: Mapping[str, int]) -> list[str]:
    """List what a build left that did not end: objects of its own folder, all where there is no card."""
    return [name for name in names if name.startswith(_UNFINISHED) and "/" in name]


def holds_shards(url: str) -> bool:
    """Whether shards of rows are at a URL, as they are in a dataset; not all of it is listed to know.

    Raises:
        RemoteReadError: It cannot be listed, or a package is missing.
    """
    below = Objects(f"{url.rstrip('/')}/{ROWS_FOLDER}").sizes()
    return any(is_shard_name(f"{ROWS_FOLDER}/{name}") for name in below)


def open_dataset_url(url: str) -> DatasetFiles:
    """Find the shards of a dataset at a URL; of each, only the parts that are needed are read.

    Raises:
        MissingPathError: Nothing is there.
        DatasetError: It is no dataset.
        RemoteReadError: It cannot be listed, or a package is missing.
    """
    url = url.rstrip("/")
    sizes = Objects(url).sizes()
    if not sizes:
        raise MissingPathError(f"{url}: no such dataset; make one with vmeval-hfds build")
    # What was not put in its place is no part of it.
    rows, listings = pick_shards(name for name in sizes if not name.startswith(_UNFINISHED))
    if not rows and not listings:
        raise DatasetError(
            f"{url}: expected shards at data/*/*.parquet, found none; build it with vmeval-hfds build"
        )

    def peek(name: str) -> BinaryIO:
        return cast("BinaryIO", ObjectFile(f"{url}/{name}", sizes[name]))

    return DatasetFiles(
        url,
        rows,
        listings,
        fetch=peek,
        peek=peek,
        sizes={name: sizes[name] for name in (*rows, *listings)},
        address=url,
        is_url=True,
    )
