"""What is in a folder or a dataset: rows, bytes, frames and videos, counted by what they have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from vmeval_builders.entries import column_of
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.manifest import compare_manifests, read_manifests, task_key
from vmeval_builders.problems import Problem
from vmeval_hfds.errors import UnknownNameError
from vmeval_hfds.rows.chosen import check_chosen
from vmeval_hfds.rows.open import Source, open_rows
from vmeval_hfds.rows.rows import Row, Totals
from vmeval_hfds.table.naming import NOTHING_SAID, Naming
from vmeval_hfds.table.wanted import Chooser, Chosen, Wanted


@dataclass(frozen=True, slots=True)
class RowFacts:
    """One row, as far as texts, names and sizes tell.

    Attributes:
        path: The row's path.
        texts: Column to text or number, such as ``domain`` and ``difficulty``.
        frames: How many pictures it has; None where nothing tells, as in a table without a list of files.
        videos: How many videos it has; None likewise.
        size_bytes: The size of its columns' files; None likewise.
    """

    path: str
    texts: Mapping[str, Any]
    frames: int | None
    videos: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that have something in common, counted.

    Attributes:
        names: What they have in common, such as a domain and a difficulty.
        rows: How many they are.
        frames: How many pictures they have; None where that is not known of each.
        videos: How many videos they have; None likewise.
        size_bytes: The size of their columns' files; None likewise.
    """

    names: tuple[str | None, ...]
    rows: int
    frames: int | None
    videos: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class InfoResult:
    """What is in a folder or dataset.

    Attributes:
        name: Where it was read from.
        layout: What describes the rows.
        layout_found: Whether that was found out, not named.
        rows: Every row, in the order of the paths.
        files: How many files there are in all; None where nothing lists them.
        size_bytes: The size of all files; None likewise.
        manifest: In what the manifest disagrees with the rows; None where there is none, or nothing lists it.
    """

    name: str
    layout: Layout
    layout_found: bool
    rows: Sequence[RowFacts]
    files: int | None
    size_bytes: int | None
    manifest: Sequence[Problem] | None

    def groups(self, *by: str) -> list[Group]:
        """Count rows by some of their text columns.

        Args:
            *by: Names of columns, such as ``"domain", "difficulty"``; without one, all are one group.

        Raises:
            UnknownNameError: There is no such column.
        """
        known = [name for name in self.layout.text_columns if self.layout.columns[name] == "string"]
        for name in by:
            if name not in known:
                raise UnknownNameError(
                    f"{self.name}: there is no column {name!r}; there are: {', '.join(known)}"
                )
        members: dict[tuple[str | None, ...], list[RowFacts]] = defaultdict(list)
        for row in self.rows:
            members[tuple(row.texts.get(name) for name in by)].append(row)
        ordered = sorted(members, key=lambda names: [name or "" for name in names])
        return [
            Group(
                names=names,
                rows=len(members[names]),
                frames=_sum(row.frames for row in members[names]),
                videos=_sum(row.videos for row in members[names]),
                size_bytes=_sum(row.size_bytes for row in members[names]),
            )
            for names in ordered
        ]


def info(
    source: Source,
    *,
    builder: str | None = None,
    columns: Mapping[str, str] = NOTHING_SAID.columns,
    template: str = "",
    **rows: Unpack[Chosen],
) -> InfoResult:
    """Tell what is in a folder or in a dataset; no frame is opened.

    Args:
        source: A folder, an archive, a dataset directory, a repository, a `datasets.Dataset`, or what was opened.
        builder: The name of the builder that describes it; None finds it out.
        columns: Column to what a table of others calls it, as `export` takes it.
        template: What its rows' folders are called, likewise.
        **rows: Which rows are counted, as `export` takes them: `domains`, `ids`, `models`, `evaluators`,
            `experiments`, `where`. The files and the manifest of the whole are then not told of.

    Raises:
        MissingPathError: There is no such folder or dataset.
        DatasetError: The dataset is damaged.
        FolderChangedError: A file at a URL changed while the folder was read.
        UnknownNameError: No row has what is asked for, or the layout has no such column.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
    """
    opened = open_rows(source, builder, Naming(columns, template))
    about = opened.about
    chooser = Chooser(Wanted(**rows), about.layout, about.name)
    facts = [_facts(about.layout, row) for row in opened.sizes() if chooser.fits(row.texts)]
    check_chosen(chooser, facts)
    if not about.keeps_order:
        facts.sort(key=lambda row: row.path)
    totals = Totals() if rows else opened.totals()
    manifest = None
    if totals.manifests:
        keys = [task_key(about.layout, row.texts) for row in facts]
        manifest = compare_manifests(read_manifests(totals.manifests), keys)
    return InfoResult(
        name=about.name,
        layout=about.layout,
        layout_found=about.layout_found,
        rows=facts,
        files=totals.files,
        size_bytes=totals.size_bytes,
        manifest=manifest,
    )


def _facts(layout: Layout, row: Row) -> RowFacts:
    if row.sizes_bytes is None:
        return RowFacts(row.path, row.texts, None, None, None)
    kinds = [layout.columns[column_of(slot)].removesuffix("s") for slot in row.sizes_bytes]
    size_bytes = sum(row.sizes_bytes.values())
    return RowFacts(row.path, row.texts, kinds.count("image"), kinds.count("video"), size_bytes)


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Add numbers up; one that is not known leaves the sum unknown."""
    found = list(numbers)
    known = [number for number in found if number is not None]
    return sum(known) if len(known) == len(found) else None
