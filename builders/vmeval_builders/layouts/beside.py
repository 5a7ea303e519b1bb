"""Layouts whose rows are single files: what else belongs to a row lies in other folders, or in one JSON for all rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from vmeval_builders.entries import FileEntry, FolderEntry, Unit
from vmeval_builders.file_list import FileList
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.match import Matcher, in_order
from vmeval_builders.unit_list import UnitList

_UP = "../"
_PART = re.compile(r"{(\w+)}")


class FilesBeside(Layout):
    """A layout that may have files at places that start with ``../``, from the row's path, with parts of it.

    Of the row ``maze/inputs/01.png``, ``../../GT/{id}.png`` is ``maze/GT/01.png``. A file is one row's only: the
    first's, by path order.

    Attributes:
        told_by: A JSON file, at such a place, with a list of what is known of the rows; without it there is none.
        told_of: The key by which its elements name the row's file, by the end of its path.
    """

    told_by: ClassVar[str] = ""
    told_of: ClassVar[str] = ""

    def units(self, files: Iterable[FileEntry], folders: Mapping[str, FolderEntry]) -> UnitList:
        """Find the rows, and what lies beside them."""
        entries = FileList.of(files)
        units = super().units(entries, folders)
        taken: set[str] = set()
        found = UnitList(self.parts, entries)
        for unit in units:
            told = self._there(unit.path, self.told_by, entries) if self.told_by else []
            if told or not self.told_by:
                files_beside = self._beside(unit, entries, taken)
                taken.update(entry.path for entry in files_beside.values())
                found.append_unit(unit.path, {**unit.files, **files_beside}, told[0] if told else None)
        return found

    def places_of(self, column: str, path: str, name: str | None) -> list[str]:
        """List where a row's file may lie, also where that is beside it."""
        if column not in self._places_beside:
            return super().places_of(column, path, name)
        found = []
        for place in self.files[column]:
            folder, wanted = self._resolved(path, place)
            name_there = (name or self.name_in_list(column, 1)) if "*" in wanted else wanted
            found.append(f"{folder}/{name_there}" if folder else name_there)
        return found

    def index_beside(self, value: object) -> Mapping[str, Any]:
        """Sort what is told by the file names that it names."""
        entries = value if isinstance(value, list) else []
        named = ((entry.get(self.told_of), entry) for entry in entries if isinstance(entry, dict))
        return {stated.replace("\\", "/"): entry for stated, entry in named if isinstance(stated, str)}

    def stated_beside(self, unit: Unit, index: Mapping[str, Any]) -> dict[str, Any] | None:
        """Pick what is told of a row: under as much of the end of its path as is stated."""
        names = unit.path.split("/")
        ends = ("/".join(names[start:]) for start in range(len(names)))
        return next((index[end] for end in ends if end in index), None)

    def _beside(self, unit: Unit, files: FileList, taken: set[str]) -> dict[str, FileEntry]:
        found: dict[str, FileEntry] = {}
        for column, places in self._places_beside.items():
            for place in places:
                there = [one for one in self._there(unit.path, place, files) if one.path not in taken]
                if column in self.lists:
                    found.update((f"{column}/{one.path.rpartition('/')[2]}", one) for one in there)
                elif len(there) == 1:
                    found[column] = there[0]
                if there:
                    break
        return found

    def _there(self, path: str, place: str, files: FileList) -> list[FileEntry]:
        folder, wanted = self._resolved(path, place)
        if wanted.startswith("*"):
            numbers = files.folder_index.numbers_in(folder, lambda name: name.endswith(wanted[1:]))
            return sorted((files[number] for number in numbers), key=in_order)
        return [
            files[number] for number in files.folder_index.numbers_in(folder, lambda name: name == wanted)
        ]

    def _resolved(self, path: str, place: str) -> tuple[str, str]:
        """Give the folder and the name (or its ending after ``*``) of a place beside a row."""
        parts = self.parts(path) or {}
        while place.startswith(_UP):
            path, place = path.rpartition("/")[0], place.removeprefix(_UP)
        folder, _, name = _PART.sub(lambda part: parts.get(part[1]) or "", place).rpartition("/")
        return "/".join(filter(None, (path, folder))), name

    @cached_property
    def _places_beside(self) -> Mapping[str, tuple[str, ...]]:
        return {column: places for column, places in self.files.items() if places[0].startswith(_UP)}

    @cached_property
    def _matcher(self) -> Matcher:
        own = {column: places for column, places in self.files.items() if column not in self._places_beside}
        return Matcher(self.parts, own, self.marks, self.never_beside, self.lists)
