"""A folder at a URL as a source: whatever `fsspec` reaches, such as S3. Nothing of it lies on this disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from vmeval_builders.entries import FILE_LIMIT_BYTES, FileEntry, FolderEntry
from vmeval_builders.errors import FolderChangedError, MissingPathError, NotAFolderError, RemoteReadError
from vmeval_builders.paths import names_archive
from vmeval_builders.problems import Problem
from vmeval_builders.sources.source import Index, Source
from vmeval_builders.sources.urls import bring, fetched, is_repo_root, reach, said_by, tag_of, told

Item = TypeVar("Item")

#: So many files, of so many bytes, are on their way at once.
_FILES_AT_ONCE = 256
_BYTES_AT_ONCE = 2**24
#: What an export writes beside the files of a folder at a URL: first, until all are there, and last. Neither is a file
#: of the folder.
UNFINISHED_MARK, WHOLE_MARK = ".vmeval-hfds-unfinished", ".vmeval-hfds-whole"
#: What the Hub puts into each repository.
_ATTRIBUTES = ".gitattributes"
_WHAT_TO_GIVE = "give the folder that holds the *_task folders"


@dataclass(frozen=True, slots=True)
class Remote:
    """A folder at a URL, as a `Source`."""

    splits: ClassVar[bool] = True
    in_passes: ClassVar[bool] = False
    is_far: ClassVar[bool] = True
    url: str

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole, as `Source.read` says."""
        return bytes(self._read(entry))

    def read_into(self, entry: FileEntry, place: memoryview) -> None:
        """Read a file whole into memory, as `Source.read_into` says."""
        place[:] = self._read(entry)

    def _read(self, entry: FileEntry) -> memoryview:
        content = fetched.pop((self.url, entry.path), None)
        if content is None:
            [content] = self._bring([entry])
        if isinstance(content, BaseException):
            raise told(f"{self.url}/{entry.path}", content)
        if len(content) != entry.size_bytes:
            raise FolderChangedError(
                f"{self.url}/{entry.path}: had {entry.size_bytes} bytes and now has {len(content)}; "
                "run again when nothing writes there"
            )
        return content

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, as `Source.head` says."""
        system, root = reach(self.url)
        end = min(length, entry.size_bytes)
        if not end:
            return b""
        try:
            return bytes(system.cat_file(f"{root}/{entry.path}", start=0, end=end))
        except Exception as error:
            raise told(f"{self.url}/{entry.path}", error) from error

    def fetch(self, entries: Iterable[FileEntry]) -> None:
        """Bring files at once, as `Source.fetch` says."""
        wanted = list(entries)
        for entry, content in zip(wanted, self._bring(wanted), strict=True):
            fetched[self.url, entry.path] = content

    def _bring(self, wanted: Sequence[FileEntry]) -> list[memoryview | BaseException]:
        # With a start said, a store is not asked first how long the file is; a large one is brought in parts.
        return bring(
            self.url,
            [(one.path, 0 if 0 < one.size_bytes <= _BYTES_AT_ONCE else None, None) for one in wanted],
        )


def read_ahead(
    source: Source, items: Iterable[Item], files: Callable[[Item], Iterable[FileEntry]]
) -> Iterator[Item]:
    """Give items one by one, whose files are there already where the source is far away.

    Args:
        source: Holds the files.
        items: What is read, in order.
        files: Gives the files of an item.
    """
    if not source.is_far:
        yield from items
        return
    try:
        for piece in _pieces(items, files):
            source.fetch(entry for _, entries in piece for entry in entries)
            yield from (item for item, _ in piece)
    finally:
        # Whoever stopped before the end may ask again, when other bytes are there.
        fetched.clear()


def _pieces(
    items: Iterable[Item], files: Callable[[Item], Iterable[FileEntry]]
) -> Iterator[list[tuple[Item, list[FileEntry]]]]:
    """Cut items into pieces whose files may be on their way at once."""
    piece: list[tuple[Item, list[FileEntry]]] = []
    piece_files = piece_bytes = 0
    for item in items:
        entries = list(files(item))
        item_bytes = sum(entry.size_bytes for entry in entries)
        is_full = piece_files + len(entries) > _FILES_AT_ONCE or piece_bytes + item_bytes > _BYTES_AT_ONCE
        if piece and is_full:
            yield piece
            piece, piece_files, piece_bytes = [], 0, 0
        piece.append((item, entries))
        piece_files += len(entries)
        piece_bytes += item_bytes
    if piece:
        yield piece


def index_remote(url: str) -> Index:
    """List the files below a URL, in as few pages as the store gives them; or the members of an archive there.

    Args:
        url: The folder's URL, such as ``s3://bucket/data/questions``, or an archive's.

    Raises:
        MissingPathError: Nothing is there.
        NotAFolderError: It is one object, and no archive.
        ArchiveError: The archive is damaged or cut short.
        FolderChangedError: Something writes into the archive.
        RemoteReadError: It cannot be listed, or a package is missing.
    """
    url = url.rstrip("/")
    found = _list(url)
    if "" in found:
        if not names_archive(url):
            raise NotAFolderError(
                f"{url}: is one object; expected a folder or an archive (.tar, .tar.gz, .tgz)"
            )
        # Most folders are walked without any of this.
        from vmeval_builders.sources.archive import index_object

        return index_object(url)
    files: list[FileEntry] = []
    index = Index(Remote(url), files)
    stated: list[str] = []
    for path, about in found.items():
        if path == UNFINISHED_MARK:
            raise RemoteReadError(
                f"{url}: holds an export that did not end, or is at work; export it again with --force, then run again"
            )
        if path == WHOLE_MARK:
            continue
        if path == _ATTRIBUTES and is_repo_root(url):
            index.problems.append(
                Problem("hub-file", "warning", path, "The Hub's own, and no file of the folder; left out.")
            )
            continue
        if path.endswith("/"):
            # What consoles of object stores leave for an empty folder.
            stated.append(path.rstrip("/"))
        elif about["size"] > FILE_LIMIT_BYTES:
            index.problems.append(Problem.too_large(path, about["size"], FILE_LIMIT_BYTES))
        else:
            files.append(FileEntry(path, about["size"], _time_ns(about)))
            index.tags[path] = tag_of(about)
    index.folders = _folders([*(entry.path for entry in index.files), *stated], stated)
    return index


def tags_at(url: str) -> dict[str, str]:
    """Give the tags of an index anew, of what is there now; an archive is not read for that.

    Raises:
        MissingPathError: Nothing is there.
        RemoteReadError: It cannot be listed.
    """
    return {path: tag_of(about) for path, about in _list(url.rstrip("/")).items()}


def _list(url: str) -> dict[str, dict[str, Any]]:
    """Give what a store says of each object below a URL, by its path there; ``""`` is the one that it names."""
    try:
        system, root = reach(url)
        system.invalidate_cache()
        found = system.find(root, detail=True)
    except FileNotFoundError as error:
        raise MissingPathError(f"{url}: no such folder ({said_by(error)}); {_WHAT_TO_GIVE}") from error
    except Exception as error:
        raise told(url, error) from error
    if not found:
        raise MissingPathError(f"{url}: no such folder; {_WHAT_TO_GIVE}")
    return {name.removeprefix(root).removeprefix("/"): about for name, about in found.items()}


def _folders(paths: Iterable[str], stated: Iterable[str]) -> dict[str, FolderEntry]:
    entries: Counter[str] = Counter({"": 0})
    known = set()
    for path in paths:
        while path and path not in known:
            known.add(path)
            path = path.rpartition("/")[0]
            entries[path] += 1
    for path in stated:
        entries.setdefault(path, 0)
    return {path: FolderEntry(count, None) for path, count in entries.items()}


def _time_ns(about: dict[str, Any]) -> int:
    """Give when a file was written, as far as the store says."""
    said = next(
        (about[name] for name in ("LastModified", "updated", "mtime", "created") if about.get(name)), 0
    )
    if isinstance(said, datetime):
        since = said.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    return int(said * 10**9) if isinstance(said, int | float) else 0
