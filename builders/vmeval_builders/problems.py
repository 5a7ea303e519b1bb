"""One finding about a folder: a code, a severity, the path and one sentence."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal

#: Of open files (in this process, in all), and of memory.
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a folder that a person should know before it is published.

    Attributes:
        code: A short name that stays the same between releases, such as ``"no-first-frame"``.
        severity: ``"error"`` where a build would be refused, else ``"warning"``.
        path: Relative to the folder; ``""`` is the folder itself.
        message: One sentence: what was found, and what to do where that is not plain.
    """

    code: str
    severity: Literal["error", "warning"]
    path: str
    message: str

    @classmethod
    def unreadable(cls, path: str, error: OSError) -> Problem:
        """Tell that the system refused to read a file or folder.

        Raises:
            OSError: This process is short of something, which says nothing of the file.
        """
        if error.errno in _SHORTAGES:
            raise error
        return cls("unreadable", "error", path, f"It cannot be read: {error.strerror or error}.")

    @classmethod
    def too_large(cls, path: str, size_bytes: int, limit_bytes: int) -> Problem:
        """Tell that no cell of a table can hold a file."""
        message = f"The file has {size_bytes} bytes; a table's cell holds {limit_bytes} at most."
        return cls("too-large", "error", path, message)

    def __str__(self) -> str:
        """Show the problem as one line, whatever characters its path has."""
        path = self.path or "."
        shown = path if path.isprintable() else ascii(path)[1:-1]
        return f"{self.severity}: {shown}: {self.message} [{self.code}]"
