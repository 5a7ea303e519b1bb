"""Write files into a folder so that each is whole or not there, and nothing outside is ever touched."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from vmeval_builders.paths import STAGING_FOLDER
from vmeval_hfds.errors import TargetExistsError, UnsafePathError, VmevalError
from vmeval_hfds.folder.held import BY_DESCRIPTOR, HeldFolders, refuse_other
from vmeval_hfds.folder.sink import Outcome
from vmeval_hfds.scratch import remove_folder

if TYPE_CHECKING:
    from typing_extensions import Buffer

Found = Literal["absent", "same", "other", "folder"]

# A pipe that somebody puts in a file's place is not waited for.
_READ = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"))
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class FolderWriter:
    """Writes files below a folder: beside their place first, then moved there.

    Files that are not whole yet lie in one folder inside the target, on the same file system. What a killed
    run left there is thrown away by the next. All is done relative to descriptors of folders (`HeldFolders`): whatever
    others do with the target meanwhile, nothing is written outside of it.

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
        self._unfinished = f"{STAGING_FOLDER}/{uuid.uuid4().hex}"
        self._held = HeldFolders(str(root), keep=(STAGING_FOLDER, self._unfinished))
        self._name_unfinished()

    def __setstate__(self, state: dict[str, object]) -> None:
        """Call unfinished files by another name in each process, and on each machine."""
        self.__dict__.update(state)
        self._name_unfinished()

    def _name_unfinished(self) -> None:
        # A whole path, where the system has no descriptors of folders.
        within = "" if BY_DESCRIPTOR else f"{self.root}/{self._unfinished}/"
        self._name = f"{within}{uuid.uuid4().hex}-"
        self._numbers = count()

    @contextmanager
    def writing(self, was_empty: bool = False) -> Iterator[None]:
        """Begin, and end: also where something fails, and then without an empty target that was not there before.

        Args:
            was_empty: Whether nothing was in the target when it was looked at.

        Raises:
            VmevalError: As `begin` and `done` do.
        """
        was_there = self.root.exists()
        try:
            self.begin(was_empty)
            yield
            self.done()
            self.end()
        except BaseException:
            self.end()
            if not was_there:
                with suppress(OSError):
                    self.root.rmdir()
            raise

    def begin(self, was_empty: bool = False) -> None:
        """Make the target, and throw away what a killed run left unfinished.

        Args:
            was_empty: Whether nothing was in it when it was looked at.

        Raises:
            TargetExistsError: It was empty, and is no longer.
            UnsafePathError: Something else has the name of the folder for unfinished files.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        if was_empty and next(self.root.iterdir(), None):
            raise TargetExistsError(
                f"{self.root}: was empty, and somebody else writes there by now; choose another target, or run again"
            )
        self.end()
        # Whoever looks for this name in another folder, because somebody put that in the target's place, finds nothing.
        self._held.folder(self._unfinished, make=True)

    def end(self) -> None:
        """Remove what is unfinished.

        Raises:
            UnsafePathError: Something else has the name of the folder for unfinished files.
        """
        self._held.close_below()  # removing takes descriptors, too
        try:
            name, within = self._held.at(STAGING_FOLDER)
            mode = os.lstat(name, dir_fd=within).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            raise UnsafePathError(
                f"{self.root / STAGING_FOLDER}: expected a folder of unfinished files, found something else"
            )
        remove_folder(name, within)
        self._held.close()

    def done(self) -> None:
        """Let go of the folders that are held open; more may be written afterwards.

        Raises:
            UnsafePathError: Somebody moved or replaced one, so that what was written is not where it belongs.
        """
        self._held.release()

    def find(self, path: str, content: Buffer) -> Found:
        """Say what is at a path already, and whether its bytes are these.

        Raises:
            UnsafePathError: A folder above it is a link.
        """
        try:
            name, within = self._held.at(path)
            status = os.lstat(name, dir_fd=within)
        except (FileNotFoundError, TargetExistsError):
            return "absent"
        view = memoryview(content).cast("B")
        if stat.S_ISDIR(status.st_mode):
            return "folder"
        if not stat.S_ISREG(status.st_mode) or status.st_size != view.nbytes:
            return "other"
        return "same" if _holds(name, within, view) else "other"

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
            UnsafePathError: A folder above it is a link.
            OSError: It cannot be written.
        """
        found = "absent" if self.is_fresh else self.find(path, content)
        if found == "same":
            self.set_time(path, modified_ns)
            return "same"
        if found == "folder":
            raise TargetExistsError(f"{self.root / path}: is a folder, and a file belongs there; move it")
        if found == "other" and not self.force and path not in self.replaceable:
            raise TargetExistsError(f"{self.root / path}: has other bytes; replace it with --force")
        try:
            staged, within = f"{self._name}{next(self._numbers)}", self._held.folder(self._unfinished)
            descriptor = os.open(staged, _CREATE, 0o666, dir_fd=within)
            try:
                _write_all(descriptor, content)
            finally:
                os.close(descriptor)
            if modified_ns is not None:
                _set_time(staged, within, modified_ns)
            self._move(staged, within, path)
        except VmevalError:
            raise
        except OSError as error:
            raise self._told(error, path) from error
        return "written"

    def open_unfinished(self, name: str, mode: str) -> BinaryIO:
        """Open a file in the folder of unfinished files, following no link, as the built-in `open` does.

        Raises:
            UnsafePathError: Something else has the name of that folder.
            OSError: It cannot be opened.
        """
        place, within = self._held.at(f"{STAGING_FOLDER}/{name}")
        flags = getattr(os, "O_NOFOLLOW", 0)

        def opener(path: str, given: int) -> int:
            return os.open(path, given | flags, 0o666, dir_fd=within)

        return cast("BinaryIO", open(place, mode, opener=opener))

    def move(self, unfinished: str, path: str) -> None:
        """Move a file that is whole to its place, and replace what is there.

        Args:
            unfinished: Where it is, relative to the target.
            path: Where it belongs, likewise.

        Raises:
            UnsafePathError: A folder above it is a link.
            TargetExistsError: A folder above it is a file.
            OSError: It cannot be moved.
        """
        try:
            self._move(*self._held.at(unfinished), path)
        except VmevalError:
            raise
        except OSError as error:
            raise self._told(error, path) from error

    def _move(self, name: str, within: int | None, path: str) -> None:
        folder, _, last = path.rpartition("/")
        held = self._held.folder(folder, make=True)
        if within is None:
            os.replace(name, self.root / path)
        else:
            os.replace(name, last, src_dir_fd=within, dst_dir_fd=held)

    def _told(self, error: OSError, path: str) -> Exception:
        """Name the whole path, where the system's error names a file in a folder that is open."""
        if isinstance(error, FileNotFoundError):
            return UnsafePathError(
                f"{self.root / path}: the target was moved or replaced while files were written, or its folder of "
                "unfinished files was removed; see what is there, then run again"
            )
        return OSError(error.errno, error.strerror, f"{self.root}/{path}")

    def remove(self, path: str) -> None:
        """Remove a file, and the folders above it that are empty then.

        Raises:
            UnsafePathError: A folder above it is a link.
            OSError: It cannot be removed.
        """
        name, within = self._held.at(path)
        os.unlink(name, dir_fd=within)
        self._held.release()  # an open folder can be removed, and would be missed afterwards
        while path := path.rpartition("/")[0]:
            name, within = self._held.at(path)
            try:
                os.rmdir(name, dir_fd=within)
            except OSError:
                return

    def set_time(self, path: str, modified_ns: int | None) -> None:
        """Set the modification time of a file or folder, following no link; None leaves it."""
        if modified_ns is not None:
            _set_time(*self._held.at(path), modified_ns)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, following no link.

        Raises:
            UnsafePathError: One of them is a link.
            TargetExistsError: One of them is a file.
        """
        self._held.folder(path, make=True)

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
        refuse_other(place, mode)
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


def _holds(name: str, within: int | None, view: memoryview) -> bool:
    descriptor = os.open(name, _READ, dir_fd=within)
    try:
        position = 0
        while chunk := os.read(descriptor, 1 << 20):
            if chunk != view[position : position + len(chunk)]:
                return False
            position += len(chunk)
    finally:
        os.close(descriptor)
    return position == view.nbytes


def _set_time(name: str, within: int | None, modified_ns: int) -> None:
    follow = os.utime not in os.supports_follow_symlinks
    os.utime(name, ns=(modified_ns, modified_ns), dir_fd=within, follow_symlinks=follow)


def _write_all(descriptor: int, content: Buffer) -> None:
    # Nearly always all is written at once, and a view is needed only for what is left.
    written = os.write(descriptor, content)
    view = memoryview(content).cast("B")
    while written < view.nbytes:
        written += os.write(descriptor, view[written:])
