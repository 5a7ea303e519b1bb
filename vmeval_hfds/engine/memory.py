"""Memory that nobody uses any more, given back to the system before what comes next needs memory of its own."""

from __future__ import annotations

import sys
from contextlib import suppress


def give_back() -> None:
    """Give back what Arrow and the C library keep for later; what is in use stays."""
    import ctypes

    if "pyarrow" in sys.modules:  # A check of a folder does without.
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)
