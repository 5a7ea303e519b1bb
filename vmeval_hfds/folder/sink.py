"""What takes the files of an export: one writes them, one compares them with what is there, one only looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: What became of a file: it was written, was sent to a store that is asked for it at the end, is not there, is there with
#: these bytes, has other bytes, or a folder is in its place.
Outcome = Literal["written", "sent", "absent", "same", "other", "folder"]


class Sink(Protocol):
    """Takes files. It can be sent to other processes."""

    def put(self, path: str, content: Buffer, modified_ns: int | None = None) -> Outcome:
        """Take a file.

        Args:
            path: Relative to the folder; checked before by `vmeval_builders.paths.path_problems`.
            content: The file's bytes.
            modified_ns: Its modification time, where it has one.
        """

    def done(self) -> None:
        """Hear that the files of a job were handed over, so that nothing need be held open for them."""


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A sink that does nothing: whoever hands files to it wants to know whether they are as they are listed."""

    def put(self, path: str, content: Buffer, modified_ns: int | None = None) -> Outcome:
        """Let a file pass."""
        del path, content, modified_ns
        return "absent"

    def done(self) -> None:
        """Do nothing."""
