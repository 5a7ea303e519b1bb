"""Remember which files a download or export brought into a folder, so that a later one knows which are its own."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from vmeval_builders.paths import path_problem

if TYPE_CHECKING:
    from vmeval_hfds.hub.repo import RemoteFile

#: How a record begins; one that begins otherwise is another version's, and as good as none.
_MARK = "vmeval-hfds record 2"
BETWEEN, LARGE, _SMALL = "\0", "large", "small"
_CHUNK_BYTES = 1 << 20


class Content(NamedTuple):
    """A file's bytes, as the Hub states them.

    Attributes:
        digest: The sha256 of a large (LFS) file, else the id that git gives it.
        size_bytes: How many bytes there are.
        is_large: Which of the two the digest is.
    """

    digest: str
    size_bytes: int
    is_large: bool

    @classmethod
    def of(cls, remote: RemoteFile) -> Content:
        """Take it from a listing of the Hub."""
        return cls(remote.sha256 or remote.git_sha1, remote.size_bytes, remote.sha256 is not None)

    @property
    def name(self) -> str:
        """A file name for these bytes."""
        return f"{'sha256' if self.is_large else 'git'}-{self.digest}"


def state_folder() -> Path:
    """Give the folder, in the Hugging Face home, for what this package remembers between two runs.

    It is where the client keeps such things (``HF_ASSETS_CACHE``), which need not be loaded to know it:
    https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
    """
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "huggingface"
    )
    assets = os.environ.get("HF_ASSETS_CACHE") or os.path.join(os.path.expanduser(home), "assets")
    return Path(assets) / "vmeval-hfds" / "mirror" / "downloads"


class Brought:
    """The record of one folder and one source of files.

    It is kept outside of the folder, which holds what the repository holds and nothing else. Lost or
    unreadable, it is as if nothing had been brought: no file is removed then.

    Args:
        state: The folder for records.
        target: The folder that files were brought to.
        source: Where they came from: a repository with its type and the Hub's address, or a dataset directory.
    """

    def __init__(self, state: Path, target: Path, source: str) -> None:
        self._target = str(target.resolve())
        self._source = source
        key = hashlib.sha256(f"{self._target}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()
        self._place = state / f"{key}.record"
        self._begin = BETWEEN.join((_MARK, self._target, source)).encode("utf-8", "surrogatepass")

    def read(self) -> dict[str, list[Content]]:
        """Give each file that was brought, and the bytes that it had.

        After a killed run they are two: those that it was to replace, and those that it brought.
        """
        found: dict[str, list[Content]] = {}
        try:
            text = self._place.read_bytes().decode("utf-8", "surrogatepass")
            mark, _, _, *fields = text.split(BETWEEN)
            if mark != _MARK:
                return {}
            for path, digest, size, kind in zip(*[iter(fields)] * 4, strict=True):
                found.setdefault(path, []).append(Content(digest, int(size), kind == LARGE))
        except (OSError, ValueError):
            return {}
        return found

    def write(self, brought: Iterable[tuple[str, Content]]) -> None:
        """Replace the record.

        Args:
            brought: Paths and the bytes that they have, or may have; what `every` gives of `read`.

        Raises:
            OSError: It cannot be written.
        """
        # No path holds a NUL. Records of a million files are written and read at once, and JSON would take seconds.
        lines = (
            BETWEEN.join(("", path, digest, str(size_bytes), LARGE if is_large else _SMALL))
            for path, (digest, size_bytes, is_large) in brought
        )
        self.write_lines(line.encode("utf-8", "surrogatepass") for line in lines)

    def write_lines(self, lines: Iterable[bytes]) -> None:
        """Replace the record by what `vmeval_hfds.folder.remember.lines_of` gives of files.

        Raises:
            OSError: It cannot be written.
        """
        self._place.parent.mkdir(parents=True, exist_ok=True)
        staged = self._place.with_suffix(f".{os.getpid()}.partial")
        with staged.open("wb") as stream:
            stream.write(self._begin)
            stream.writelines(lines)
        os.replace(staged, self._place)

    def is_just(self, lines: Iterable[bytes]) -> bool:
        """Whether the record is what `write_lines` would make of it."""
        try:
            with self._place.open("rb") as stream:
                same = (stream.read(len(part)) == part for part in chain([self._begin], lines))
                return all(same) and not stream.read(1)
        except OSError:
            return False


def every(files: Mapping[str, Sequence[Content]]) -> Iterator[tuple[str, Content]]:
    """Give each file with each of the bytes that it may have."""
    return ((path, content) for path, contents in files.items() for content in contents)


def is_as_brought(root: Path, path: str, recorded: Mapping[str, Sequence[Content]]) -> bool:
    """Whether a file is here as an earlier run left it, so that nobody's work is lost with it.

    Raises:
        OSError: It cannot be read.
    """
    return not leads_through_link(root, path) and any(
        holds(root / path, content) for content in recorded.get(path, ())
    )


def prunable(recorded: Iterable[str], there: Collection[str]) -> list[str]:
    """List files that an earlier run brought and that the source no longer has."""
    return sorted(path for path in recorded if path not in there and path_problem(path) is None)


def holds(place: Path, content: Content) -> bool:
    """Whether a regular file is at a place, and its bytes are those that the Hub states.

    Raises:
        OSError: It cannot be read.
    """
    try:
        status = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(status.st_mode) or status.st_size != content.size_bytes:
        return False
    with place.open("rb") as stream:
        return is_content(stream, content)


def is_content(stream: BinaryIO, content: Content) -> bool:
    """Whether the bytes of an open file are those that the Hub states."""
    digest = hashlib.sha256() if content.is_large else git_hash(content.size_bytes)
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest() == content.digest


def leads_through_link(root: Path, path: str) -> bool:
    """Whether a folder above a file is a link, which may lead anywhere."""
    return any(os.path.islink(root / folder) for folder in _above(path))


def _above(path: str) -> Iterable[str]:
    while folder := path.rpartition("/")[0]:
        yield folder
        path = folder


def git_hash(size_bytes: int) -> hashlib._Hash:
    """Begin the hash that git gives a file: of the object's kind and size, then its bytes. No question of security."""
    return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)
