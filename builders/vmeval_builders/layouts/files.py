"""Any folder: its files as they are, for what no other layout knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.file_list import FileList
from vmeval_builders.layouts.columns import Computed
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.unit_list import UnitList


class Files(Layout):
    """No rows: all that a dataset of it holds is the table of files, with path, size, SHA-256 and content."""

    name = "files"
    noun = "row"
    title = "Files"
    rows = "{file}"
    id_column = "id"
    group_column = "id"
    has_rows: ClassVar[bool] = False

    id = Computed()

    def units(self, files: Iterable[FileEntry], folders: Mapping[str, FolderEntry]) -> UnitList:
        """Find none."""
        return UnitList(self.parts, FileList.of(files))
