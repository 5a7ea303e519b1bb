"""Claim a folder while it is written, so that two runs do not write into it at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from vmeval_hfds.errors import BusyTargetError
from vmeval_hfds.scratch import locks_folder

try:
    import fcntl
except ImportError:  # Windows: nothing is claimed
    fcntl = None  # type: ignore[assignment]

_HELD: set[IO[bytes]] = set()


@contextmanager
def claimed(target: Path) -> Iterator[None]:
    """Have a folder, which may be missing yet, for this run alone.

    That holds among the runs of this account on this machine, where its Hugging Face home can be written; the
    system drops a claim with the process that has it.

    Raises:
        BusyTargetError: Another run has it.
    """
    place = _place(target)
    try:
        held = _lock(place, waits=False)
    except BlockingIOError as error:
        raise BusyTargetError(
            f"{target}: another run writes there; wait until it is done, or choose another target"
        ) from error
    try:
        yield
    finally:
        if held is not None and held in _HELD:
            _HELD.remove(held)
            with suppress(OSError):
                place.unlink()
            held.close()


def wait_until_free(target: Path) -> None:
    """Wait until no other run writes into a folder."""
    if held := _lock(_place(target), waits=True):
        _HELD.discard(held)
        held.close()


def _place(target: Path) -> Path:
    name = hashlib.sha256(os.fsencode(os.path.realpath(target))).hexdigest()
    return locks_folder() / f"{name}.claim"


def _lock(place: Path, waits: bool) -> IO[bytes] | None:
    """Make the file of a claim and lock it; None where none can be kept.

    Raises:
        BlockingIOError: Another has it locked.
    """
    if fcntl is None:
        return None
    while True:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            held = place.open("ab")
        except OSError:
            return None
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            if os.path.samestat(os.fstat(held.fileno()), os.stat(place)):
                _HELD.add(held)
                return held
        except BlockingIOError:
            held.close()
            raise
        except FileNotFoundError:
            pass  # whoever had it removed it when done: once more
        except OSError:
            held.close()
            return None
        held.close()


def _forget() -> None:
    """Leave claims to the parent: a worker that outlives it must not hold them."""
    for held in _HELD:
        held.close()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
