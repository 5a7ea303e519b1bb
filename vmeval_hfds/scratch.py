"""Files and folders of work in progress, which the next run removes where this one is killed.

Each has a lock file in the Hugging Face home that says where it is. The system drops a lock with the process that
held it (and those that it forked), however it ends: a lock that can be had belongs to nobody any more.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what a killed run leaves there stays
    fcntl = None  # type: ignore[assignment]

_OLD = ".old"
#: What a disk answers that is full, or broken; a write to an open file does not name it.
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


@contextmanager
def scratch_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Have a folder that is gone afterwards, unless it was renamed.

    Args:
        prefix: How its name begins.
        parent: Where it lies; None is the system's place for temporary files.
    """
    place = (parent or Path(tempfile.gettempdir())) / f"{prefix}{uuid.uuid4().hex[:12]}"
    with scratch(place):
        place.mkdir(mode=0o700)
        yield place


@contextmanager
def scratch(place: Path, target: Path | None = None) -> Iterator[None]:
    """Have a place for work in progress, with nothing there before and nothing afterwards.

    What earlier runs left is removed first.

    Args:
        place: Where a file or folder may be made; it may be renamed to where it belongs.
        target: What `set_aside` may move aside for it.

    Raises:
        OSError: The disk is full or fails; where the system does not say which, the place is named.
    """
    remove_leftovers()
    with _locked(place, target):
        try:
            yield
        except OSError as error:
            if error.filename is None and error.errno in _DISK:
                raise OSError(error.errno, os.strerror(error.errno), str(place.parent)) from error
            raise
        finally:
            _remove(place)


def set_aside(place: Path, target: Path) -> Path:
    """Rename what is at a target, so that what was made at `place` can go there; give where it is then."""
    old = place.with_name(place.name + _OLD)
    target.rename(old)
    return old


def remove_leftovers() -> None:
    """Remove what runs of this account on this machine left that were killed, whatever they did.

    What a killed run had moved aside goes back, where nothing has taken its place.
    """
    if fcntl is None:
        return
    for lock in locks_folder().glob("*.lock"):
        # A lock that another holds, or that says nothing, is passed over.
        with suppress(OSError, ValueError, TypeError, KeyError), lock.open("r+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stated = json.load(stream)
            # A lock of another machine may look free where they share a file system.
            if stated["machine"] == _machine():
                _clear(Path(stated["place"]), stated["target"])
                lock.unlink()
    for claim in locks_folder().glob("*.claim"):  # of `vmeval_hfds.claim`: nothing but the lock itself
        with suppress(OSError), claim.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            claim.unlink()


def _clear(place: Path, target: str | None) -> None:
    old = place.with_name(place.name + _OLD)
    if os.path.lexists(old):
        if target and not os.path.lexists(target):
            old.rename(target)
        else:
            _remove(old)
    _remove(place)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        remove_folder(place)
    else:
        with suppress(OSError):
            place.unlink()


def remove_folder(folder: str | os.PathLike[str], within: int | None = None) -> None:
    """Remove a folder and all below it, as far as that can be done, also where hardly a file can be opened.

    Args:
        folder: The folder.
        within: The descriptor of the folder that it is in, where it is named relative to that.
    """
    shutil.rmtree(folder, ignore_errors=True, dir_fd=within)
    if within is None and os.path.lexists(folder):
        # What an error on its way holds open, is in the way; and `rmtree` opens a folder for each level.
        gc.collect()
        for above, folders, files in os.walk(folder, topdown=False):
            for path in (os.path.join(above, name) for name in [*files, *folders]):
                with suppress(OSError):
                    os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        with suppress(OSError):
            os.rmdir(folder)


@contextmanager
def _locked(place: Path, target: Path | None) -> Iterator[None]:
    """Hold the lock of a place; where none can be had, a run that is killed leaves what it made."""
    stated = {
        "machine": _machine(),
        "place": os.path.abspath(place),
        "target": target and os.path.abspath(target),
    }
    name = locks_folder() / uuid.uuid4().hex
    held = None
    with suppress(OSError):
        if fcntl is not None:
            name.parent.mkdir(parents=True, exist_ok=True)
            held = name.open("x", encoding="utf-8")
            fcntl.flock(held, fcntl.LOCK_EX)
            held.write(json.dumps(stated))
            held.flush()
            # Only now do others see it: whole, and held.
            name.rename(name.with_suffix(".lock"))
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):
                name.with_suffix(".lock").unlink(missing_ok=True)
                held.close()


def locks_folder() -> Path:
    """Give the folder, in the Hugging Face home, that says what is at work."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(home) / "vmeval-hfds" / "running"


def _machine() -> str:
    return f"{socket.gethostname()} {uuid.getnode():x}"
