"""What is in a folder or a dataset: rows, bytes, frames and videos, counted by what they have in common."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from vmeval_builders.checks import manifest_content
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.manifest import manifest_problems, task_key
from vmeval_builders.problems import Problem
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import Scan, scan_rows
from vmeval_hfds.errors import UnknownNameError
from vmeval_hfds.folder.places import listed_sizes
from vmeval_hfds.rows.texts import text_rows, their_text_columns
from vmeval_hfds.store.directory import DatasetFiles, open_dataset_dir
from vmeval_hfds.table.columns import ColumnMap, map_columns
from vmeval_hfds.table.listing import read_listing
from vmeval_hfds.table.shards import open_shard, read_group


@dataclass(frozen=True, slots=True)
class RowFacts:
    """One row, as far as texts, names and sizes tell.

    Attributes:
        path: The row's path.
        texts: Column to text or number, such as ``domain`` and ``difficulty``.
        frames: How many pictures it has.
        videos: How many videos it has.
        size_bytes: The size of its columns' files.
    """

    path: str
    texts: Mapping[str, Any]
    frames: int
    videos: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that have something in common, counted.

    Attributes:
        names: What they have in common, such as a domain and a difficulty.
        rows: How many they are.
        frames: How many pictures they have.
        videos: How many videos they have.
        size_bytes: The size of their columns' files.
    """

    names: tuple[str | None, ...]
    rows: int
    frames: int
    videos: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class InfoResult:
    """What is in a folder or dataset.

    Attributes:
        name: Where it was read from.
        layout: What describes the rows.
        layout_found: Whether that was found out, not named.
        rows: Every row, in the order of the paths.
        files: How many files there are in all.
        size_bytes: The size of all files.
        manifest: In what the manifest disagrees with the rows; None where there is no manifest.
    """

    name: str
    layout: Layout
    layout_found: bool
    rows: Sequence[RowFacts]
    files: int
    size_bytes: int
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
                frames=sum(row.frames for row in members[names]),
                videos=sum(row.videos for row in members[names]),
                size_bytes=sum(row.size_bytes for row in members[names]),
            )
            for names in ordered
        ]


def info(
    folder: str | os.PathLike[str] | None = None,
    dataset: str | os.PathLike[str] | DatasetFiles | None = None,
    *,
    builder: str | None = None,
) -> InfoResult:
    """Tell what is in a folder or in a dataset; no frame is opened.

    Args:
        folder: A folder, or an archive of one.
        dataset: A dataset directory, or a repository that `open_repo` opened; give just one of the two.
        builder: The name of the builder that describes it; None finds it out.

    Raises:
        ValueError: Neither or both were given.
        FileNotFoundError: There is no such folder or dataset.
        DatasetError: The dataset is damaged.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
    """
    if (folder is None) == (dataset is None):
        raise ValueError("info takes a folder or a dataset, and just one of them")
    if folder is not None:
        return _folder_info(scan_rows(folder, builder), str(folder))
    assert dataset is not None
    return dataset_info(dataset if isinstance(dataset, DatasetFiles) else open_dataset_dir(dataset), builder)


def _folder_info(scan: Scan, name: str) -> InfoResult:
    rows = [_unit_facts(scan, number) for number in range(len(scan.units))]
    return InfoResult(
        name=name,
        layout=scan.layout,
        layout_found=scan.layout_found,
        rows=rows,
        files=len(scan.files),
        size_bytes=sum(entry.size_bytes for entry in scan.files),
        manifest=_manifest(scan.layout, manifest_content(scan), rows),
    )


def _unit_facts(scan: Scan, number: int) -> RowFacts:
    unit = scan.units[number]
    row = row_of(scan.layout, read_unit(scan.source, scan.layout, unit, media=False))
    texts = {name: row[name] for name in scan.layout.text_columns}
    sizes = {column: entry.size_bytes for column, entry in unit.files.items()}
    return _facts(scan.layout, unit.path, texts, sizes)


def dataset_info(dataset: DatasetFiles, builder: str | None = None) -> InfoResult:
    """Do what `info` does, with a dataset that is open already."""
    sizes: dict[str, int] = {}
    contents: dict[str, bytes] = {}
    for listed in read_listing(dataset, contents=True):
        if listed.size_bytes is not None:
            sizes[listed.path] = listed.size_bytes
            if listed.content is not None and "/" not in listed.path:
                contents[listed.path] = listed.content
    described: Layout = QUESTIONS
    rows: list[RowFacts] = []
    for name in dataset.row_shards:
        with open_shard(dataset.peek(name)) as shard:
            columns = map_columns(shard.schema_arrow, f"{dataset.name}: {name}", builder)
            described = columns.layout
            for group in range(shard.num_row_groups):
                needed = dict.fromkeys([*columns.key_columns, *their_text_columns(columns)])
                table = read_group(shard, name, group, [*needed])
                rows += _group_facts(columns, table, sizes)
    rows.sort(key=lambda row: row.path)
    manifest = _manifest(described, contents.get(described.manifest), rows)
    return InfoResult(
        dataset.name, described, builder is None, rows, len(sizes), sum(sizes.values()), manifest
    )


def _group_facts(columns: ColumnMap, table: pa.Table, sizes: Mapping[str, int]) -> Iterator[RowFacts]:
    """Take down the rows of a table, of others' tables too; what they have no column for is null."""
    names = columns.file_names(table)
    for number, texts in enumerate(text_rows(columns, table)):
        of_row = {column: values[number] for column, values in names.items()}
        held = listed_sizes(columns.layout, texts["path"], of_row, sizes)
        yield _facts(columns.layout, texts["path"], texts, held)


def _facts(layout: Layout, path: str, texts: Mapping[str, Any], sizes: Mapping[str, int]) -> RowFacts:
    kinds = [layout.columns[column] for column in sizes]
    return RowFacts(path, texts, kinds.count("image"), kinds.count("video"), sum(sizes.values()))


def _manifest(layout: Layout, content: bytes | None, rows: Iterable[RowFacts]) -> list[Problem] | None:
    if content is None:
        return None
    return manifest_problems(content, [task_key(layout, row.texts) for row in rows])
