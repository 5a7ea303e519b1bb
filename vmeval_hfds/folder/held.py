"""Reach what lies below a folder by descriptors of its folders, so that no link leads anywhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress

from vmeval_hfds.errors import TargetExistsError, UnsafePathError

#: Whether this system can open what lies in a folder that is open. Where it cannot (Windows), paths are used, and a
#: folder that somebody swaps for a link between a look and a write is not noticed.
BY_DESCRIPTOR = {os.open, os.mkdir, os.rename, os.stat, os.unlink, os.rmdir} <= os.supports_dir_fd

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
#: Rows come folder by folder: one, those above it, and some beside are all that is used again.
_HELD = 3


class HeldFolders:
    """A folder and some of those below it, held open while their files are written or compared.

    Whoever swaps one of them for a link does not change where a file goes, and is noticed when it is let go of.

    Args:
        root: The folder; it alone may be reached by links.
        keep: Folders that stay open until all are let go of.
    """

    def __init__(self, root: str, keep: Collection[str] = ()) -> None:
        self._root = root
        self._keep = frozenset(keep)
        self._root_held: int | None = None
        self._held: dict[str, int | None] = {}
        self._passed: set[str] = set()

    def __reduce__(self) -> tuple[type[HeldFolders], tuple[str, Collection[str]]]:
        """Go to another process without what is open here."""
        return HeldFolders, (self._root, self._keep)

    def __del__(self) -> None:
        """Close what is open."""
        self.close()

    def at(self, path: str) -> tuple[str, int | None]:
        """Give what names a file or folder to the system's calls: a name, and the folder that it is in.

        Raises:
            FileNotFoundError: A folder above it is missing.
            UnsafePathError: A folder above it is a link.
            TargetExistsError: A folder above it is a file.
        """
        if not BY_DESCRIPTOR:
            return f"{self._root}/{path}" if path else self._root, None
        folder, _, name = path.rpartition("/")
        return name or ".", self.folder(folder)

    def folder(self, path: str, make: bool = False) -> int | None:
        """Hold a folder, and give its descriptor (none that is of use, where the system has no such calls).

        Args:
            path: Relative to the root; "" is the root.
            make: Make it, and those above it, where they are missing.

        Raises:
            FileNotFoundError: It is missing, and is not to be made.
            UnsafePathError: It, or one above it, is a link.
            TargetExistsError: It, or one above it, is a file.
        """
        if path in self._held:
            return self._held[path]
        missing = []
        while path and path not in self._held:
            missing.append(path)
            path = path.rpartition("/")[0]
        if path:
            held = self._held[path] = self._held.pop(path)  # the last to be closed
            self._passed.add(path)
        else:
            held = self._hold_root()
        for folder in reversed(missing):
            held = self._held[folder] = self._enter(folder, held, make)
            if len(self._held) > _HELD + len(self._keep):
                last = next(folder for folder in self._held if folder not in self._keep)
                # One swapped right after its last file looks the same: only what others were reached by is looked at.
                self._let_go(last, check=last in self._passed)
        return held

    def release(self) -> None:
        """Let go of all that is held, and make sure that it is where it was.

        Raises:
            UnsafePathError: A folder was moved or replaced meanwhile.
        """
        try:
            for path in [*self._held]:
                self._let_go(path, check=True)
            if self._root_held is not None:
                self._check("", self._root_held, follow=True)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of all that is held."""
        self.close_below()
        if self._root_held is not None:
            os.close(self._root_held)
        self._root_held = None

    def close_below(self) -> None:
        """Let go of all that is held but the root."""
        for descriptor in self._held.values():
            if descriptor is not None:
                os.close(descriptor)
        self._held.clear()
        self._passed.clear()

    def _hold_root(self) -> int | None:
        if self._root_held is None and BY_DESCRIPTOR:
            self._root_held = os.open(self._root, _FOLDER)
        return self._root_held

    def _enter(self, path: str, above: int | None, make: bool) -> int | None:
        name, within = (path.rpartition("/")[2], above) if BY_DESCRIPTOR else (f"{self._root}/{path}", None)
        if make:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=within)
        try:
            if BY_DESCRIPTOR:
                return os.open(name, _FOLDER | _NOFOLLOW, dir_fd=within)
            mode = os.lstat(name).st_mode
        except NotADirectoryError:
            mode = os.lstat(name, dir_fd=within).st_mode
        refuse_other(f"{self._root}/{path}", mode)
        return None

    def _let_go(self, path: str, check: bool) -> None:
        descriptor = self._held.pop(path)
        self._passed.discard(path)
        if descriptor is not None:
            try:
                if check:
                    self._check(path, descriptor)
            finally:
                os.close(descriptor)

    def _check(self, path: str, descriptor: int, follow: bool = False) -> None:
        place = f"{self._root}/{path}" if path else self._root
        held = os.fstat(descriptor)
        try:
            there = os.stat(place, follow_symlinks=follow)
        except OSError:
            there = None
        if there is None or (held.st_ino, held.st_dev) != (there.st_ino, there.st_dev):
            raise UnsafePathError(
                f"{place}: was moved or replaced while its files were read or written; see what is there, then run again"
            )


def refuse_other(place: object, mode: int) -> None:
    """Refuse what is no folder where one belongs.

    Raises:
        UnsafePathError: It is a link, which might lead outside.
        TargetExistsError: It is a file.
    """
    if stat.S_ISLNK(mode):
        raise UnsafePathError(f"{place}: is a link, and files would be written through it; remove it first")
    if not stat.S_ISDIR(mode):
        raise TargetExistsError(f"{place}: is a file, and a folder belongs there; move it")
