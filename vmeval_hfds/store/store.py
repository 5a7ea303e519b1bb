"""Where finished shards go: the protocol that a dataset directory and a repository follow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Receipt:
    """A shard that a store has taken.

    Attributes:
        name: The shard's name, relative to the dataset.
        size_bytes: Its size.
        sha256: Its hash, hexadecimal.
        operation: What names it in a commit, where the one who wrote it has sent it to the Hub already.
    """

    name: str
    size_bytes: int
    sha256: str
    operation: object = field(default=None, compare=False, repr=False)


class Store(Protocol):
    """Takes shards while a dataset is made; it can be sent to the process, or the machine, that writes one."""

    def place(self, name: str) -> Path:
        """Give the path at which a shard is to be written; folders above it are made.

        Args:
            name: The shard's name, relative to the dataset.
        """

    def put(self, name: str, place: Path, sha256: str | None = None) -> Receipt:
        """Take a shard that was written whole.

        Args:
            name: The shard's name.
            place: What `place` gave for it.
            sha256: Its hash, where it was taken while it was written.

        Raises:
            OSError: It cannot be read.
        """

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Go on with shards that were put: called where the dataset is planned, in the order of the shards.

        Raises:
            VmevalError: They cannot be kept.
        """


def receipt_of(name: str, place: Path, sha256: str | None = None) -> Receipt:
    """Measure a file that is a shard, whose hash may be known."""
    if sha256 is not None:
        return Receipt(name, place.stat().st_size, sha256)
    with place.open("rb", buffering=0) as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return Receipt(name, stream.tell(), digest.hexdigest())
