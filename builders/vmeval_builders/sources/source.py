"""Whatever holds files: the protocol that a folder and an archive follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeVar

from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.problems import Problem

#: The pass of what costs every worker the same to read: a file on disk, or in an archive that is not compressed.
ANYWHERE = -1

Job = TypeVar("Job")
Result = TypeVar("Result")


class Run(Protocol):
    """Runs a function of a module on jobs, here or by workers."""

    def __call__(
        self, function: Callable[[Job], Result], jobs: Iterable[Job], work_bytes: int, /
    ) -> Iterable[Result]:
        """Give the results in the order of the jobs, of which `work_bytes` will be read."""


def run_here(function: Callable[[Job], Result], jobs: Iterable[Job], work_bytes: int, /) -> Iterable[Result]:
    """Run a function on jobs one by one, in this process."""
    del work_bytes
    return map(function, jobs)


class Source(Protocol):
    """Whatever holds files: it can be sent to another process, and gives their bytes there.

    Attributes:
        splits: Whether several processes read faster than one.
        in_passes: Whether files are read in several passes, each by one worker; `Archives.pass_of` tells which.
    """

    splits: ClassVar[bool]
    in_passes: ClassVar[bool]

    @property
    def is_far(self) -> bool:
        """Whether every read is a request to somewhere else, so that several are made at once (`fetch`)."""

    def __hash__(self) -> int:
        """Go by what is read from: two sources of one folder or archive are equal."""

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole.

        Raises:
            FolderChangedError: It is not as long as when the folder was walked.
            OSError: It cannot be read.
        """

    def read_into(self, entry: FileEntry, place: memoryview) -> None:
        """Read a file whole into memory that has just room for it.

        Raises:
            FolderChangedError: It is not as long as when the folder was walked.
            OSError: It cannot be read.
        """

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, fewer where it is shorter.

        Raises:
            OSError: It cannot be read.
        """

    def fetch(self, entries: Iterable[FileEntry]) -> None:
        """Bring files at once where they are far away, to be read whole afterwards, each once.

        What cannot be brought is an error when it is read.
        """


@dataclass(slots=True)
class Index:
    """What a source holds, as it was found.

    Attributes:
        source: Gives the bytes of the files.
        files: Every file; an archive may hold a name twice.
        folders: Every folder by its path; ``""`` is the root.
        problems: What cannot be kept: links that lead outside, pipes, files that are too large.
        tags: Path to what changes when the file does, for files and archives at URLs; ``""`` is the archive itself.
    """

    source: Source
    files: Sequence[FileEntry] = field(default_factory=list)
    folders: Mapping[str, FolderEntry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
