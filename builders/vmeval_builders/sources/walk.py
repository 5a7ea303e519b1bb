"""Walk a folder on disk: by path order, each of its top folders maybe by another worker."""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from vmeval_builders.entries import FILE_LIMIT_BYTES
from vmeval_builders.file_list import FileList, joined
from vmeval_builders.folder_list import FolderList
from vmeval_builders.problems import Problem
from vmeval_builders.sources.folder import Folder
from vmeval_builders.sources.source import Index, Run, run_here
from vmeval_builders.texts import Texts

#: Below so many entries in its top folders, a folder is walked sooner than workers are asked.
SPREAD_ENTRIES = 1000


def index_folder(root: Path, run: Run = run_here) -> Index:
    """List the files of a folder and of all below it, without opening any.

    Links that stay inside the folder are taken for what they lead to; others are problems.

    Args:
        root: The folder, with all links resolved.
        run: Walks the top folders, a job for each, where much is in them.

    Returns:
        Its files, by path order.
    """
    walk = _Walk(root)
    walk.enter("", root.stat().st_mtime_ns, (), str(root))
    if run is run_here or not _is_much(root):
        walk.go_through()
        parts = [walk]
    else:
        parts = [walk, *run(_walk_top, walk.leave_top_folders(), 0)]
    files = walk.files if len(parts) == 1 else FileList.merged([(part.files, 0) for part in parts])
    folders = FolderList(
        Texts(chain.from_iterable(part.folders for part in parts)),
        array("q", chain.from_iterable(part.counts for part in parts)),
        array("q", chain.from_iterable(part.mtimes_ns for part in parts)),
    )
    problems = [problem for part in parts for problem in part.problems]
    return Index(Folder(root), files, folders, problems)


def _is_much(root: Path) -> bool:
    entries = 0
    with os.scandir(root) as top:
        for one in top:
            if one.is_dir(follow_symlinks=False) and os.access(one.path, os.R_OK | os.X_OK):
                entries += len(os.listdir(one.path))
    return entries >= SPREAD_ENTRIES


@dataclass(frozen=True, slots=True)
class _Inner:
    """A folder that is to be walked; it can be sent to another process, or machine.

    Attributes:
        root: The root of the walk.
        path: Its path.
        mtime_ns: Its modification time.
        above: The real paths of the folders that lead to it.
        real: Its own.
    """

    root: Path
    path: str
    mtime_ns: int
    above: tuple[str, ...]
    real: str


def _walk_top(job: _Inner) -> _Walk:
    walk = _Walk(job.root)
    walk.enter(job.path, job.mtime_ns, job.above, job.real)
    walk.go_through()
    return walk


#: What a folder holds at a name: the name, the modification time, a file's size, and the real path of a folder that a
#: link leads to. A folder has the size -1, and a name that here ends in ``/``, so that it is sorted as paths are.
_Found: TypeAlias = tuple[str, int, int, str]


class _Walk:
    """Goes through a folder by path order.

    Attributes:
        files: The files that were found.
        folders: The folders that were found.
        counts: How many entries each of these has.
        mtimes_ns: The modification time of each.
        problems: What cannot be kept.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files = FileList()
        self.folders = Texts()
        self.counts, self.mtimes_ns = array("q"), array("q")
        self.problems: list[Problem] = []
        # The folders that lead to where the walk is: the path of each, what of it is to come, the last first, and the real
        # paths of the folders that lead to it, and its own.
        self._open: list[tuple[str, list[_Found], tuple[str, ...]]] = []

    def go_through(self) -> None:
        """Walk all that is to come; not by recursion, as folders may lie in each other deeper than Python calls functions."""
        while self._open:
            if (one := self._take_files()) is not None:
                self.enter(one.path, one.mtime_ns, one.above, one.real)

    def leave_top_folders(self) -> Sequence[_Inner]:
        """Take in the files at the root, and leave its folders to others."""
        left = []
        while self._open:
            if (one := self._take_files()) is not None:
                left.append(one)
        return left

    def enter(self, folder: str, mtime_ns: int, above: tuple[str, ...], real: str) -> None:
        """Look into a folder, and take in its files where nothing else is in it."""
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                listed = list(entries)
        except OSError as error:
            self.problems.append(Problem.unreadable(folder, error))
            return
        self.folders.append(folder)
        self.counts.append(len(listed))
        self.mtimes_ns.append(mtime_ns)
        files: list[_Found] = []
        others: list[os.DirEntry[str]] = []
        for entry in listed:
            try:
                # Most entries are such, so that nothing is called for them that can be left out.
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_size <= FILE_LIMIT_BYTES:
                        files.append((entry.name, status.st_mtime_ns, status.st_size, ""))
                        continue
            except OSError:
                pass  # It is looked at once more, where that is told.
            others.append(entry)
        if others:
            found = self._look_at_all(others, folder, above := (*above, real))
            self._open.append((folder, sorted([*files, *found], reverse=True), above))
        else:
            self._take_in(folder, sorted(files))

    def _look_at_all(
        self, entries: Sequence[os.DirEntry[str]], folder: str, above: tuple[str, ...]
    ) -> Iterator[_Found]:
        """Look at what are no plain files: give the files and folders that are meant."""
        for entry in entries:
            path = joined(folder, entry.name)
            try:
                if one := self._look_at(entry, path, above):
                    yield one
            except OSError as error:
                self.problems.append(Problem.unreadable(path, error))

    def _take_in(self, folder: str, run: Sequence[_Found]) -> None:
        if run:
            names, mtimes_ns, sizes_bytes, _ = zip(*run, strict=True)
            self.files.add_run(folder, names, sizes_bytes, mtimes_ns)

    def _take_files(self) -> _Inner | None:
        """Take in the files of the folder where the walk is, up to the next folder in it; give that, if there is one."""
        folder, coming, above = self._open[-1]
        run = []
        while coming and coming[-1][2] >= 0:
            run.append(coming.pop())
        self._take_in(folder, run)
        if not coming:
            self._open.pop()
            return None
        name, mtime_ns, _, real = coming.pop()
        name = name.removesuffix("/")
        path = joined(folder, name)
        return _Inner(self._root, path, mtime_ns, above, real or f"{above[-1]}/{name}")

    def _look_at(self, entry: os.DirEntry[str], path: str, above: tuple[str, ...]) -> _Found | None:
        """Look at what is no plain file: give the file or folder that is meant, if there is one."""
        linked = entry.is_symlink()
        if linked and not self._link_stays_inside(entry, path):
            return None
        status = entry.stat()
        if stat.S_ISDIR(status.st_mode):
            real = os.path.realpath(entry.path) if linked else f"{above[-1]}/{entry.name}"
            if real not in above:
                return f"{entry.name}/", status.st_mtime_ns, -1, real if linked else ""
            message = "The link leads to a folder above itself, so that the folder has no end; remove it."
            self.problems.append(Problem("link-loop", "error", path, message))
        elif not stat.S_ISREG(status.st_mode):
            message = "Neither a file nor a folder (a pipe, socket or device); remove it."
            self.problems.append(Problem("not-a-file", "error", path, message))
        elif status.st_size > FILE_LIMIT_BYTES:
            self.problems.append(Problem.too_large(path, status.st_size, FILE_LIMIT_BYTES))
        else:
            return entry.name, status.st_mtime_ns, status.st_size, ""
        return None

    def _link_stays_inside(self, entry: os.DirEntry[str], path: str) -> bool:
        real = Path(os.path.realpath(entry.path))
        if not real.is_relative_to(self._root):
            message = "The link leads outside the folder; copy what it points to, or remove it."
            self.problems.append(Problem("link-outside", "error", path, message))
            return False
        message = "A link inside the folder: what it leads to is stored as a copy."
        self.problems.append(Problem("link", "warning", path, message))
        return True
