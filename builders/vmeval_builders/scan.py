"""Walk a folder into tasks and files, and say which of its names and links cannot be kept."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from vmeval_builders import layout
from vmeval_builders.problems import Problem

#: Arrow's `binary` counts offsets in 31 bits, so that one value, and so one file, must stay below this.
FILE_LIMIT_BYTES = 2**31 - 1


class FileEntry(NamedTuple):
    """A regular file of a question folder.

    Attributes:
        path: Relative to the folder, ``/``-separated.
        size_bytes: Its size when the folder was walked.
        mtime_ns: Its modification time then.
    """

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Task:
    """A folder that directly holds at least one question file.

    Attributes:
        path: Relative to the question folder, ``/``-separated.
        files: Its question files by name; other files beside them are not listed here.
    """

    path: str
    files: dict[str, FileEntry]

    @property
    def size_bytes(self) -> int:
        """The bytes of all its question files."""
        return sum(entry.size_bytes for entry in self.files.values())


@dataclass
class Scan:
    """A walked folder.

    Attributes:
        root: The folder, absolute.
        files: Every file, by path order.
        tasks: Every task, by path order.
        empty_folders: Folders without any entry, by path order.
        folder_entries: How many entries each folder has directly (``""`` is the root).
        problems: What is wrong with names and links; contents are not looked at here.
    """

    root: Path
    files: list[FileEntry] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)
    folder_entries: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def by_path(self) -> dict[str, FileEntry]:
        """Every file by its path."""
        return {entry.path: entry for entry in self.files}


def scan_folder(folder: str | os.PathLike[str]) -> Scan:
    """Walk a folder once, without opening any file.

    Links that stay inside the folder are read as what they lead to; others are problems.

    Args:
        folder: A question folder.

    Returns:
        Its files and tasks in an order that does not depend on the file system.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: The path is a file.
    """
    root = Path(folder).resolve()
    if not root.exists():
        raise FileNotFoundError(f"{folder}: no such folder; give the folder that holds the *_task folders")
    if not root.is_dir():
        raise NotADirectoryError(f"{folder}: is a file; give the folder that holds the *_task folders")
    scan = Scan(root)
    _walk(scan)
    scan.files.sort(key=lambda entry: entry.path)
    scan.empty_folders.sort()
    scan.tasks = _tasks(scan.files)
    names = layout.path_problems((entry.path for entry in scan.files), scan.empty_folders)
    scan.problems += [Problem("bad-name", "error", path, f"The path {reason}.") for path, reason in names]
    return scan


def _walk(scan: Scan) -> None:
    """Enter the root and all below; a folder waits with the real paths of the folders that lead to it."""
    waiting: list[tuple[str, tuple[str, ...]]] = [("", (str(scan.root),))]
    while waiting:
        folder, above = waiting.pop()
        try:
            with os.scandir(scan.root / folder) as entries:
                listed = list(entries)
        except OSError as error:
            scan.problems.append(Problem.unreadable(folder, error))
            continue
        scan.folder_entries[folder] = len(listed)
        if not listed and folder:
            scan.empty_folders.append(folder)
        for entry in listed:
            path = f"{folder}/{entry.name}" if folder else entry.name
            try:
                if (real := _enter(scan, entry, path, above)) is not None:
                    waiting.append((path, (*above, real)))
            except OSError as error:
                scan.problems.append(Problem.unreadable(path, error))


def _enter(scan: Scan, entry: os.DirEntry[str], path: str, above: tuple[str, ...]) -> str | None:
    """Take one entry in; give its real path where it is a folder to be walked."""
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
            return real
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


def _tasks(files: list[FileEntry]) -> list[Task]:
    by_folder: dict[str, dict[str, FileEntry]] = defaultdict(dict)
    for entry in files:
        folder, _, name = entry.path.rpartition("/")
        if folder and name in layout.QUESTION_FILES:
            by_folder[folder][name] = entry
    return [Task(path, by_folder[path]) for path in sorted(by_folder)]
