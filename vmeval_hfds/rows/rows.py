"""What is known of rows, whatever holds them: their texts, their sizes and, only where asked for, their media."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vmeval_builders.layouts.layout import Layout


@dataclass(frozen=True, slots=True)
class Media:
    """An image or video of a row.

    Attributes:
        name: The file's name, where it is known.
        content: The file's bytes; None where only its name is known.
    """

    name: str | None
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as far as it was asked for.

    Attributes:
        texts: Column to text or number; None where the row has none.
        sizes_bytes: Slot (see `vmeval_builders.entries.Unit`) to the size of the file; None where nobody knows.
        pixels: Image column to width and height, where the image is at hand and can be read.
        media: Slot to image or video, for those that the row has.
    """

    texts: Mapping[str, Any]
    sizes_bytes: Mapping[str, int] | None = None
    pixels: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    media: Mapping[str, Media] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where the row is in its folder; empty where a table does not tell."""
        return self.texts.get("path") or ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is known of all files, whether rows hold them or not.

    Attributes:
        files: How many they are; None where nothing lists them.
        size_bytes: Their size; None likewise.
        manifests: What may list the rows (see `vmeval_builders.manifest`), and its bytes; empty where nothing is known.
    """

    files: int | None = None
    size_bytes: int | None = None
    manifests: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class About:
    """What is known of rows before one is read.

    Attributes:
        name: What messages call whatever holds them.
        title: What other people may read of the name: it does not tell where on this machine the rows lie.
        root: The folder, archive or dataset directory; None where it is none on this disk.
        layout: What describes the rows.
        layout_found: Whether that was found out, not named.
        text_columns: The columns that are no image or video, and their kinds, in the order of the table.
        keeps_order: Whether somebody chose the rows' order, so that it means something.
    """

    name: str
    title: str
    root: Path | None
    layout: Layout
    layout_found: bool
    text_columns: Mapping[str, str]
    keeps_order: bool = False


class Rows(Protocol):
    """Rows of one layout, in an order that stays."""

    @property
    def about(self) -> About:
        """What is known of the rows before one is read."""

    def texts(self, columns: Collection[str] | None = None) -> Iterator[Row]:
        """Read the texts of all rows, and no media.

        Args:
            columns: Some of the text columns; None for all.
        """

    def sizes(self, pixels: bool = False) -> Iterator[Row]:
        """Read texts and sizes of all rows.

        Args:
            pixels: Look at images for their width and height too, where that fetches none of them.
        """

    def media(self, numbers: Sequence[int], columns: Collection[str]) -> Iterator[list[Row]]:
        """Read texts and media of some rows, as many at a time as memory should hold.

        Args:
            numbers: The rows' numbers in the order of `texts`, ascending.
            columns: The image and video columns to read.
        """

    def totals(self) -> Totals:
        """Count all files."""


def text_kinds(layout: Layout) -> dict[str, str]:
    """Give a layout's columns that are no image or video, and their kinds."""
    return {name: layout.columns[name] for name in layout.text_columns}
