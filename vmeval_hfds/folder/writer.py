"""Write files into a folder so that each is whole or not there, and nothing outside is ever touched."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Collection, Iterable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vmeval_builders.paths import STAGING_FOLDER
from vmeval_hfds.errors import TargetExistsError, UnsafePathError
from vmeval_hfds.folder.sink import Outcome
from vmeval_hfds.scratch import remove_folder

if TYPE_CHECKING:
    from typing_extensions import Buffer

Found = Literal["absent", "same", "other", "folder"]

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class FolderWriter:
    """Writes files below a folder: beside their place first, then moved there.

    Files that are not whole yet lie in one folder inside the target, on the same file system. What a killed
    run left there is thrown away by the next.

    Args:
        root: The target folder.
        force: Replace files that have other bytes.
        replaceable: Files that are replaced in any case.

    Attributes:
        is_fresh: Whether nothing was there before, and each path is written once: then nothing is looked for.
    """

    def __init__(self, root: Path, force: bool = False, replaceable: Collection[str] = ()) -> None:
        self.root = root
        self.force = force
        self.replaceable = frozenset(replaceable)
        self.is_fresh = False
        self._base = str(root)
        self._staging = root / STAGING_FOLDER
        self._staged = f"{root}/{STAGING_FOLDER}/"
        self._numbers = count()
        self._name = uuid.uuid4().hex
        self._folders: set[str] = set()

    def __setstate__(self, state: dict[str, object]) -> None:
        """Call unfinished files by another name in each process, and on each machine."""
        self.__dict__.update(state)
        self._name = uuid.uuid4().hex

    def begin(self) -> None:
        """Make the target, and throw away what a killed run left unfinished."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.end()
        self._staging.mkdir()

    def end(self) -> None:
        """Remove what is unfinished.

        Raises:
            UnsafePathError: Something else has the name of the folder for unfinished files.
        """
        if self._staging.is_symlink() or (self._staging.exists() and not self._staging.is_dir()):
            raise UnsafePathError(
                f"{self._staging}: expected a folder of unfinished files, found something else"
            )
        if self._staging.exists():
            remove_folder(self._staging)

    def find(self, path: str, content: Buffer) -> Found:
        """Say what is at a path already, and whether its bytes are these."""
        place = f"{self._base}/{path}"
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return "absent"
        view = memoryview(content).cast("B")
        if stat.S_ISDIR(status.st_mode):
            return "folder"
        if not stat.S_ISREG(status.st_mode) or status.st_size != view.nbytes:
            return "other"
        return "same" if _holds(place, view) else "other"

    def put(self, path: str, content: Buffer, modified_ns: int | None = None) -> Outcome:
        """Write a file, unless it is there with the same bytes.

        Args:
            path: Relative to the folder; checked before by `vmeval_builders.paths.path_problems`.
            content: The file's bytes.
            modified_ns: The modification time that it gets, also where it is there already; None leaves it.

        Returns:
            Whether it was written, or is there with the same bytes.

        Raises:
            TargetExistsError: A file with other bytes is there and `force` is off, or a folder is there.
        """
        found = "absent" if self.is_fresh else self.find(path, content)
        if found == "same":
            self.set_time(path, modified_ns)
            return "same"
        if found == "folder":
            raise TargetExistsError(f"{self.root / path}: is a folder, and a file belongs there; move it")
        if found == "other" and not self.force and path not in self.replaceable:
            raise TargetExistsError(f"{self.root / path}: has other bytes; replace it with --force")
        if (folder := path.rpartition("/")[0]) not in self._folders:
            self.make_folder(folder)
        staged = f"{self._staged}{self._name}-{next(self._numbers)}"
        descriptor = os.open(staged, _CREATE, 0o666)
        try:
            _write_all(descriptor, content)
        finally:
            os.close(descriptor)
        if modified_ns is not None:
            _set_time(staged, modified_ns)
        os.replace(staged, f"{self._base}/{path}")
        return "written"

    def set_time(self, path: str, modified_ns: int | None) -> None:
        """Set the modification time of a file or folder, following no link; None leaves it."""
        _set_time(f"{self._base}/{path}", modified_ns)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, following no link.

        Raises:
            UnsafePathError: One of them is a link.
            TargetExistsError: One of them is a file.
        """
        missing = []
        while path and path not in self._folders:
            missing.append(path)
            path = path.rpartition("/")[0]
        for folder in reversed(missing):
            try:
                os.mkdir(f"{self._base}/{folder}")
            except FileExistsError:
                self.check_folder(folder)
            self._folders.add(folder)

    def check_folder(self, path: str) -> bool:
        """Make sure that what is at a path is a folder, or nothing.

        Returns:
            Whether there is one.

        Raises:
            UnsafePathError: It is a link, which might lead outside.
            TargetExistsError: It is a file.
        """
        place = self.root / path
        try:
            mode = os.lstat(place).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISLNK(mode):
            raise UnsafePathError(
                f"{place}: is a link, and files would be written through it; remove it first"
            )
        if not stat.S_ISDIR(mode):
            raise TargetExistsError(f"{place}: is a file, and a folder belongs there; move it")
        return True

    def check_folders(self, paths: Iterable[str]) -> None:
        """Check the folders of files that will be written, each once, from the top.

        Raises:
            UnsafePathError: One is a link.
            TargetExistsError: One is a file.
        """
        there: dict[str, bool] = {"": True}
        for path in paths:
            above = []
            folder = path.rpartition("/")[0]
            while folder not in there:
                above.append(folder)
                folder = folder.rpartition("/")[0]
            for folder in reversed(above):
                there[folder] = there[folder.rpartition("/")[0]] and self.check_folder(folder)


def _holds(place: str, view: memoryview) -> bool:
    descriptor = os.open(place, _READ)
    try:
        position = 0
        while chunk := os.read(descriptor, 1 << 20):
            if chunk != view[position : position + len(chunk)]:
                return False
            position += len(chunk)
    finally:
        os.close(descriptor)
    return position == view.nbytes


def _set_time(place: str, modified_ns: int | None) -> None:
    if modified_ns is not None:
        follow = os.utime not in os.supports_follow_symlinks
        os.utime(place, ns=(modified_ns, modified_ns), follow_symlinks=follow)


def _write_all(descriptor: int, content: Buffer) -> None:
    # Nearly always all is written at once, and a view is needed only for what is left.
    written = os.write(descriptor, content)
    view = memoryview(content).cast("B")
    while written < view.nbytes:
        written += os.write(descriptor, view[written:])
