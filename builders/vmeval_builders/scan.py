"""Walk a folder into rows and files, and say which of its names and links cannot be kept."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from vmeval_builders import layout
from vmeval_builders.archive import index_archive, is_archive
from vmeval_builders.builder import Builder
from vmeval_builders.entries import FILE_LIMIT_BYTES, FileEntry, Folder, FolderEntry, Source, Unit
from vmeval_builders.problems import Problem
from vmeval_builders.registry import QUESTIONS, builder_named, find_builder


@dataclass
class Scan:
    """A walked folder or archive; what it says of rows is from `scan_rows`.

    Attributes:
        root: The folder or archive, absolute.
        source: Gives the bytes of its files.
        files: Every file, by path order.
        folders: Every folder by its path, by path order; ``""`` is the root.
        problems: What is wrong with names and links; contents are not looked at here.
        builder: What describes its rows.
        builder_found: Whether the builder was found out, not named.
        units: Every row, by path order.
    """

    root: Path
    source: Source
    files: list[FileEntry] = field(default_factory=list)
    folders: dict[str, FolderEntry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    builder: Builder = QUESTIONS
    builder_found: bool = False
    units: list[Unit] = field(default_factory=list)

    @cached_property
    def by_path(self) -> dict[str, FileEntry]:
        """Every file by its path."""
        return {entry.path: entry for entry in self.files}

    @property
    def empty_folders(self) -> list[str]:
        """Folders without any entry, by path order."""
        return [path for path, folder in self.folders.items() if not folder.entries and path]


def scan_rows(folder: str | os.PathLike[str], builder: str | None = None) -> Scan:
    """Walk a folder or archive once, and find its rows.

    Args:
        folder: A folder, or an archive of one (``.tar``, ``.tar.gz``, ``.tgz``).
        builder: The name of the builder that describes it; None finds it out.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: The path is a file, and no archive.
        ArchiveError: The archive is damaged or cut short.
        BuilderNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
    """
    scan = scan_files(folder)
    scan.builder_found = builder is None
    if builder is None:
        scan.builder, scan.units = find_builder(scan.files, scan.folders)
    else:
        scan.builder = builder_named(builder)
        scan.units = scan.builder.units(scan.files, scan.folders)
    return scan


def scan_files(folder: str | os.PathLike[str]) -> Scan:
    """Walk a folder or archive once, without opening a file of it; its rows are not looked for.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: The path is a file, and no archive.
        ArchiveError: The archive is damaged or cut short.
    """
    path = Path(folder).resolve()
    return scan_archive(path) if is_archive(path) else scan_folder(folder)


def scan_folder(folder: str | os.PathLike[str]) -> Scan:
    """Walk a folder once, without opening any file.

    Links that stay inside the folder are read as what they lead to; others are problems.

    Args:
        folder: A folder.

    Returns:
        Its files in an order that does not depend on the file system.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: The path is a file.
    """
    root = Path(folder).resolve()
    if not root.exists():
        raise FileNotFoundError(f"{folder}: no such folder; give the folder that holds the *_task folders")
    if not root.is_dir():
        raise NotADirectoryError(f"{folder}: is a file; give the folder that holds the *_task folders")
    scan = Scan(root, Folder(root))
    _walk(scan)
    return _in_order(scan)


def scan_archive(path: Path) -> Scan:
    """Read the index of a tar archive, which is gone through as a stream and never unpacked.

    Raises:
        ArchiveError: The archive is damaged or cut short.
        OSError: It cannot be read.
    """
    index = index_archive(path)
    return _in_order(Scan(path, index.source, index.files, index.folders, index.problems))


def _in_order(scan: Scan) -> Scan:
    """Sort what was found, and check its names."""
    scan.files.sort(key=lambda entry: entry.path)
    scan.folders = dict(sorted(scan.folders.items()))
    names = layout.path_problems((entry.path for entry in scan.files), scan.empty_folders)
    scan.problems += [Problem("bad-name", "error", path, f"The path {reason}.") for path, reason in names]
    return scan


def _walk(scan: Scan) -> None:
    """Enter the root and all below; a folder waits with the real paths of the folders that lead to it."""
    waiting: list[tuple[str, int, tuple[str, ...]]] = [("", scan.root.stat().st_mtime_ns, (str(scan.root),))]
    while waiting:
        folder, mtime_ns, above = waiting.pop()
        try:
            with os.scandir(f"{scan.root}/{folder}") as entries:
                listed = list(entries)
        except OSError as error:
            scan.problems.append(Problem.unreadable(folder, error))
            continue
        scan.folders[folder] = FolderEntry(len(listed), mtime_ns)
        for entry in listed:
            path = f"{folder}/{entry.name}" if folder else entry.name
            try:
                if (found := _enter(scan, entry, path, above)) is not None:
                    waiting.append((path, found[1], (*above, found[0])))
            except OSError as error:
                scan.problems.append(Problem.unreadable(path, error))


def _enter(scan: Scan, entry: os.DirEntry[str], path: str, above: tuple[str, ...]) -> tuple[str, int] | None:
    """Take one entry in; give real path and modification time of a folder that is to be walked."""
    if entry.is_file(follow_symlinks=False):
        _take_in(scan, path, entry.stat(follow_symlinks=False))
        return None
    linked = entry.is_symlink()
    if linked and not _link_stays_inside(scan, entry, path):
        return None
    status = entry.stat()
    if stat.S_ISDIR(status.st_mode):
        real = os.path.realpath(entry.path) if linked else f"{above[-1]}/{entry.name}"
        if real not in above:
            return real, status.st_mtime_ns
        message = "The link leads to a folder above itself, so that the folder has no end; remove it."
        scan.problems.append(Problem("link-loop", "error", path, message))
    elif not stat.S_ISREG(status.st_mode):
        message = "Neither a file nor a folder (a pipe, socket or device); remove it."
        scan.problems.append(Problem("not-a-file", "error", path, message))
    else:
        _take_in(scan, path, status)
    return None


def _take_in(scan: Scan, path: str, status: os.stat_result) -> None:
    if status.st_size > FILE_LIMIT_BYTES:
        message = f"The file has {status.st_size} bytes; a table's cell holds {FILE_LIMIT_BYTES} at most."
        scan.problems.append(Problem("too-large", "error", path, message))
    else:
        scan.files.append(FileEntry(path, status.st_size, status.st_mtime_ns))


def _link_stays_inside(scan: Scan, entry: os.DirEntry[str], path: str) -> bool:
    real = Path(os.path.realpath(entry.path))
    if not real.is_relative_to(scan.root):
        message = "The link leads outside the folder; copy what it points to, or remove it."
        scan.problems.append(Problem("link-outside", "error", path, message))
        return False
    message = "A link inside the folder: what it leads to is stored as a copy."
    scan.problems.append(Problem("link", "warning", path, message))
    return True
