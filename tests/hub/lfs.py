"""Large files beside a git repo: pointers, and objects by their sha256."""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d+)\n"
)
_BLOCK = 1 << 20
MAX_POINTER_BYTES = 200


class WrongObjectError(ValueError):
    """What was uploaded is not what its sha256 or size promised."""


@dataclass(frozen=True)
class Pointer:
    """What git keeps in place of a large file."""

    oid: str
    size: int

    def encode(self) -> bytes:
        """The pointer file's bytes."""
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.oid}\nsize {self.size}\n".encode()
        )


def parse_pointer(data: bytes) -> Pointer | None:
    """The pointer in a blob, None when it is an ordinary file."""
    match = _POINTER.fullmatch(data)
    return Pointer(match["oid"].decode(), int(match["size"])) if match else None


def is_oid(text: object) -> bool:
    """Whether this is a sha256 in hexadecimal, which is safe as a file name."""
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{64}", text) is not None


class LfsObjects:
    """The large files of one repo: each is a file named by its sha256, and is there in full or not at all."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._incoming = directory / "incoming"
        self._incoming.mkdir(parents=True)

    def path(self, oid: str) -> Path:
        """Where the object is, or would be."""
        return self._directory / oid

    def size(self, oid: str) -> int | None:
        """The object's size, None when it is not stored."""
        try:
            return self.path(oid).stat().st_size
        except FileNotFoundError:
            return None

    def total(self) -> int:
        """Bytes of all objects."""
        return sum(entry.stat().st_size for entry in os.scandir(self._directory) if entry.is_file())

    def oids(self) -> set[str]:
        """The sha256 of every object."""
        return {entry.name for entry in os.scandir(self._directory) if entry.is_file()}

    def temporary(self) -> Path:
        """A new name for bytes on their way in."""
        return self._incoming / secrets.token_hex(8)

    def put_bytes(self, data: bytes) -> Pointer:
        """Store bytes that are already here."""
        pointer = Pointer(hashlib.sha256(data).hexdigest(), len(data))
        if self.size(pointer.oid) is None:
            temporary = self.temporary()
            temporary.write_bytes(data)
            temporary.replace(self.path(pointer.oid))
        return pointer

    def adopt(self, temporary: Path, expected: Pointer) -> None:
        """Store an uploaded file under its name.

        Raises:
            WrongObjectError: it has another size or hash than promised; it is gone then.
        """
        with temporary.open("rb") as file:
            found = Pointer(hashlib.file_digest(file, "sha256").hexdigest(), temporary.stat().st_size)
        if found != expected:
            temporary.unlink()
            raise WrongObjectError(f"expected {expected}, found {found}")
        temporary.replace(self.path(expected.oid))

    def part_path(self, upload: str, number: int) -> Path:
        """Where a part of a large upload waits for the others."""
        return self._incoming / f"{upload}.{number}"

    def join(self, parts: Iterable[Path], expected: Pointer) -> None:
        """Store an object that came in parts.

        Raises:
            WrongObjectError: the parts together are not the promised object.
        """
        temporary = self.temporary()
        parts = list(parts)
        with temporary.open("wb") as target:
            for part in parts:
                _append(part, target)
        self.adopt(temporary, expected)
        for part in parts:
            part.unlink()


def _append(part: Path, target: BinaryIO) -> None:
    with part.open("rb") as source:
        shutil.copyfileobj(source, target, _BLOCK)
