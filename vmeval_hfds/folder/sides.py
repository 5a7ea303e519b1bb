"""What a comparison asks of its two sides: what a dataset lists, or what a folder holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.table.difference import FileList


@dataclass(frozen=True, slots=True)
class Near:
    """Some files, and the rows that they belong to.

    Attributes:
        rows: A file's, or folder's, path to the path of its row; what belongs to none is not there.
        configs: A row's path to its config.
    """

    rows: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)


class Side(Protocol):
    """One side of a comparison."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def layout(self) -> Layout:
        """What describes its rows."""

    @property
    def files(self) -> FileList:
        """Its files and folders."""

    @property
    def unlisted(self) -> frozenset[str]:
        """What is there and can be in no list, such as a pipe."""

    def near(self, paths: Collection[str]) -> Near:
        """Say to which rows some of its files and folders belong, and which others these rows have.

        Args:
            paths: Their paths.
        """

    def texts(self, paths: Collection[str]) -> Mapping[str, str | None]:
        """Read files that the layout's JSON column holds.

        Args:
            paths: Their paths.

        Returns:
            Path to text; None where it is not UTF-8. What cannot be had is not there.
        """


def exact_text(content: bytes) -> str | None:
    """Give a file's text; None where it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
