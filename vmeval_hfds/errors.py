"""Every error that this package raises on purpose, each also one of Python's own kinds."""

from __future__ import annotations

from collections.abc import Sequence

from vmeval_builders.errors import LayoutNameError as LayoutNameError
from vmeval_builders.errors import MissingPathError as MissingPathError
from vmeval_builders.errors import NotAFolderError as NotAFolderError
from vmeval_builders.errors import VmevalError as VmevalError
from vmeval_builders.problems import Problem

#: How much of somebody else's name a message quotes.
_SHOWN_CHARACTERS = 100


def shown(text: str) -> str:
    """Make a name of somebody else's printable, and no longer than a message can bear."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def in_a_line(error: Exception) -> str:
    """Give what another library says of an error as a part of a sentence; Arrow's may have several lines."""
    return shown(" ".join(str(error).split()))


class FolderError(VmevalError, ValueError):
    """A question folder has problems for which it cannot become a dataset.

    Attributes:
        problems: All of the folder's problems, warnings too.
    """

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = problems


class DatasetError(VmevalError, ValueError):
    """Something is not a dataset of questions, or is damaged."""


class NotByPathError(DatasetError):
    """A list of files is not by path order, as every list is that we write."""


class NoShardsError(DatasetError):
    """A repository or directory holds no Parquet shards."""


class ArgumentError(VmevalError, ValueError):
    """A number or choice that a function was given is out of range."""


class SourceTypeError(VmevalError, TypeError):
    """Something was given for rows that holds none, such as a `datasets.DatasetDict`."""


class AddressError(VmevalError, ValueError):
    """Something is no repository's name or address, or that of a repository of another kind."""


class SplitNameError(VmevalError, ValueError):
    """A split's name that `datasets` does not accept."""


class UnsafePathError(VmevalError, ValueError):
    """A row, a file's name or a folder would lead a write to where it must not go."""


class TargetExistsError(VmevalError, FileExistsError):
    """Something else is where the result would be written."""


class BusyTargetError(TargetExistsError):
    """Another run writes where the result would be written."""


class UnknownNameError(VmevalError, LookupError):
    """A domain or id that the dataset does not have."""


class AmbiguousNameError(VmevalError, ValueError):
    """An id that several tasks have, where one was meant."""


class RemovalError(VmevalError, ValueError):
    """A push would remove much of a dataset, and nobody said that it may."""


class ChangedRowsError(VmevalError, ValueError):
    """Rows differ from what the dataset's list of files says, and that was not to be."""


class ReplacedShardError(DatasetError):
    """A shard is not the one that the list of files was made with.

    Args:
        name: What messages call the shard.
        shard: Its name in the dataset.
    """

    def __init__(self, name: str, shard: str) -> None:
        super().__init__(name, shard)
        self.shard = shard

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"{self.args[0]}: is not the shard that the list of files was made with; fetch or build it again"
        )


class WorkerError(VmevalError, RuntimeError):
    """A worker ended before its work was done, or cannot begin it."""


class RemoteWriteError(VmevalError, OSError):
    """What was to be written to a URL could not be, or is not as long as what was written."""


class MissingExtraError(VmevalError, ImportError):
    """A package that only some need is not installed."""


class HubError(VmevalError, OSError):
    """The Hub did not do what was asked."""


class HubAccessError(HubError, PermissionError):
    """There is no token, it is not valid, or it does not allow what was asked; or the repository is gated."""


class HubNotFoundError(HubError, FileNotFoundError):
    """There is no such repository, revision or file, as far as this token may see."""


class HubRevisionError(HubNotFoundError):
    """The repository is there, and has no such branch, tag or commit."""


class HubUnreachableError(HubError, ConnectionError):
    """The Hub cannot be reached, or is too busy, and stayed so for some tries."""


class HubRateLimitError(HubUnreachableError):
    """The Hub allows no more requests for now.

    Attributes:
        seconds: How long to wait; None where the Hub does not say.
    """

    seconds: float | None = None


class HubConflictError(HubError):
    """Somebody else changed the repository meanwhile."""


class HubFullError(HubError):
    """The account's storage is full."""
