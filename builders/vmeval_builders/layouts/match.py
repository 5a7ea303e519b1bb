"""Which paths of a folder are rows, and which files are their columns'."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from operator import itemgetter

from vmeval_builders.entries import FileEntry, FolderEntry, column_of
from vmeval_builders.file_list import FileList
from vmeval_builders.folder_index import FolderFiles, FolderIndex, Names
from vmeval_builders.unit_list import Parts, UnitFiles, UnitList

_TOKEN = re.compile(r"\*\*/|{\w+}|\[|\]|[^\[\]{*]+")
_NAME = re.compile(r"{(\w+)}")


def pattern_names(pattern: str) -> list[str]:
    """Name the parts of a pattern, in order."""
    return _NAME.findall(pattern)


def compile_pattern(pattern: str, expressions: Mapping[str, str]) -> re.Pattern[str]:
    """Make a regular expression of a pattern.

    Args:
        pattern: ``{name}`` is a part of the path, ``[…]`` may be missing, ``**/`` is any folders or none.
        expressions: Part to what it must match, where that is not any name.

    Raises:
        re.error: It cannot be read, such as for a part that comes twice.
    """
    made = {"**/": "(?:.*/)?", "[": "(?:", "]": ")??"}
    tokens = (made.get(token) or _token(token, expressions) for token in _TOKEN.findall(pattern))
    return re.compile("".join(tokens), re.DOTALL)


def literal_end(pattern: str) -> str:
    """Give the text in which whatever fits a pattern ends."""
    return re.split(r"[}\]]|\*\*/", pattern)[-1]


def _token(token: str, expressions: Mapping[str, str]) -> str:
    if token[0] != "{":
        return re.escape(token)
    name = token[1:-1]
    return f"(?P<{name}>{expressions.get(name, '[^/]+')})"


def _name(entry: FileEntry) -> str:
    return entry.path.rpartition("/")[2]


def in_order(entry: FileEntry) -> list[tuple[bool, int, str]]:
    """Sort by the numbers in a name as numbers: frame_10 comes after frame_9."""
    return [
        (part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in re.split("([0-9]+)", _name(entry))
    ]


@dataclass(frozen=True, slots=True)
class _Names:
    """What the names of a folder's files say, each by its place among them.

    Attributes:
        own: The files at the folder's own places.
        makes_row: Whether one of them makes the folder a row.
        others: The files that may be claimed beside these.
        claimed: The files that may be claimed where the folder is no row.
        chosen: The files that the columns of the folder's row take, where it has no others.
        files: The same, as the row has them.
    """

    own: Sequence[int]
    makes_row: bool
    others: Sequence[int]
    claimed: Sequence[int]
    chosen: Sequence[int]
    files: UnitFiles


class Matcher:
    """Finds rows among files and folders, as one layout describes them."""

    def __init__(
        self,
        parts: Parts,
        files: Mapping[str, tuple[str, ...]],
        marks: Collection[str],
        never_beside: Collection[str],
        lists: Collection[str] = (),
        row_ends: tuple[str, ...] = ("",),
    ) -> None:
        """Take what describes the rows.

        Args:
            parts: Takes a path apart.
            files: Column to the places of its file.
            marks: What makes a path a row; any file of `files` where it is empty.
            never_beside: Names of files; a folder that directly holds one is no row, nor does it hold one.
            lists: The columns that take all files at a place, instead of one.
            row_ends: What the path of every row that is a file ends in, so that few others are taken apart.
        """
        self._parts = parts
        self._row_ends = row_ends
        self._name_ends = tuple(end[max(0, end.rfind("/")) :] for end in row_ends)
        self._looked_before: dict[tuple[str, Names], _Names] = {}
        self._chosen_before: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        self._files = files
        self._never_beside = frozenset(never_beside)
        self._lists = frozenset(lists)
        self._marks = frozenset(marks or self._places)

    def units(self, files: FileList, folders: Mapping[str, FolderEntry]) -> UnitList:
        """Find the rows, by path order."""
        index = files.folder_index
        halves = self._halves(index, folders)
        rows, claimed = self._claims(index, halves)
        units = UnitList(self._parts, files)
        for path, number in self._marked(files, rows, claimed, folders):
            further = claimed.get(path, {})
            folder = path.rpartition("/")[0] if "" in further else path
            if number is None or folder != path:
                number = index.number_of(path)
            own = index[number] if number is not None and path not in halves else None
            if self._is_ruled_out(own.names if own and folder == path else index.names_in(folder)):
                continue
            if self._parts(path) is None:
                continue
            names = self._looked(own) if own else None
            if own and names and names.own and not further:
                units.append(path, names.files, [own.numbers[at] for at in names.chosen])
                continue
            numbers = dict(further)
            if own and names:
                numbers |= {own.names[at]: [own.numbers[at]] for at in names.own}
            entries = {number: files[number] for there in numbers.values() for number in there}
            places = {place: [entries[number] for number in there] for place, there in numbers.items()}
            chosen = self._chosen(places)
            by_entry = {entry: number for number, entry in entries.items()}
            units.append(path, UnitFiles.of(path, chosen), [by_entry[entry] for entry in chosen.values()])
        return units

    def _is_ruled_out(self, names: Sequence[str]) -> bool:
        """Say whether the names of the files in a folder show that it is no row, nor holds one."""
        return not self._never_beside.isdisjoint(names)

    def _claims(
        self, index: FolderIndex, halves: Collection[str]
    ) -> tuple[list[Sequence[int]], dict[str, dict[str, list[int]]]]:
        """Sort files by the row that they would belong to and the place they have there.

        Returns:
            The numbers of the folders that are rows by the files that lie directly in them, of each kind of folder in
            order; and row to place to numbers of further files.
        """
        rows: list[Sequence[int]] = []
        claimed: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for names, folders in index.alike.items():
            is_ruled_out = self._is_ruled_out(names)
            # Folders with the same names in them are looked into once, where it does not matter what they are called.
            if not self._subfolders:
                found = self._look("", names)
                if found.makes_row and not is_ruled_out:
                    rows.append(folders)
                if is_ruled_out or not (found.others or found.claimed):
                    continue
            rows_here = array("I")
            for number, one in index.each(folders):
                found, alike = self._looked(one), self._subfolder(one.folder)
                is_row = one.folder and one.folder not in halves
                if self._subfolders and is_row and found.makes_row and not is_ruled_out:
                    rows_here.append(number)
                if is_ruled_out and not alike:
                    continue
                for at in found.others if is_row else found.claimed:
                    path = f"{one.folder}/{names[at]}" if one.folder else names[at]
                    if claim := self._claim(path, one.folder, names[at]):
                        claimed[claim[0]][claim[1]].append(one.numbers[at])
            rows.append(rows_here)
        return rows, claimed

    def _subfolder(self, folder: str) -> str:
        """Give a folder's name where folders of rows are called so."""
        last = folder.rpartition("/")[2] if self._subfolders else ""
        return last if last in self._subfolders else ""

    def _looked(self, one: FolderFiles) -> _Names:
        return self._look(self._subfolder(one.folder), one.names)

    def _look(self, last: str, names: Names) -> _Names:
        """Sort a folder's names: those of its own places, and those that may be claimed, beside them and without them."""
        if found := self._looked_before.get((last, names)):
            return found
        own = [at for at, name in enumerate(names) if name in self._places]
        claimed = [at for at, name in enumerate(names) if self._may_claim(last, name)]
        # In these entries, the size is the file's place among the names.
        chosen = self._chosen({names[at]: [FileEntry(names[at], at, 0)] for at in own})
        files = UnitFiles(tuple(chosen), tuple(f"/{entry.path}" for entry in chosen.values()))
        found = self._looked_before[last, names] = _Names(
            own=own,
            makes_row=not self._marks.isdisjoint(names[at] for at in own),
            others=[at for at in claimed if at not in own],
            claimed=claimed,
            chosen=[entry.size_bytes for entry in chosen.values()],
            files=files,
        )
        return found

    def _may_claim(self, last: str, name: str) -> bool:
        """Say whether `_claim` may claim a file of a name, whatever the folders above it are called."""
        ending = f"*.{name.rpartition('.')[2]}"
        choices = (f"{last}/{name}", f"{last}/{ending}", ending)
        may_be_row = "" in self._places and f"/{name}".endswith(self._name_ends)
        return may_be_row or any(place in self._places for place in choices)

    def _halves(self, index: FolderIndex, folders: Collection[str]) -> set[str]:
        """Name the folders that are a part of the row above them, although their files are called as a row's own are.

        Such a folder has nothing but what the row above has a place for (``video/prompt.txt``), and that row has
        files beside it; otherwise it is a row of its own that happens to be called so.
        """
        named = [
            sub for sub in self._subfolders if any(f"{sub}/{name}" in self._places for name in self._places)
        ]
        halves = set()
        for folder in folders if named else ():
            above, _, last = folder.rpartition("/")
            if last in named and not self._places.keys().isdisjoint(index.names_in(above)):
                own = self._places.keys() & index.names_in(folder)
                if all(f"{last}/{name}" in self._places for name in own):
                    halves.add(folder)
        return halves

    def _claim(self, path: str, folder: str, name: str) -> tuple[str, str] | None:
        """Name the row and the place of a file that lies deeper than its row, or is one of several names."""
        above, _, last = folder.rpartition("/")
        ending = f"*.{name.rpartition('.')[2]}"
        choices = [(above, f"{last}/{name}"), (above, f"{last}/{ending}")] if last in self._subfolders else []
        choices.append((folder, ending))
        if path.endswith(self._row_ends):
            choices.append((path, ""))
        for row, place in choices:
            if row and place in self._places and self._parts(row) is not None:
                return row, place
        return None

    def _marked(
        self,
        files: FileList,
        rows: Sequence[Sequence[int]],
        claimed: Mapping[str, Mapping[str, object]],
        folders: Mapping[str, FolderEntry],
    ) -> Iterator[tuple[str, int | None]]:
        """Give the paths of rows, in order, and the numbers of those that are rows by the files directly in them."""
        index, marks = files.folder_index, self._marks
        further = {path for path, places in claimed.items() if not marks.isdisjoint(places)}
        if any(mark.endswith("/") for mark in marks):
            split = (path.rpartition("/") for path in folders)
            further |= {above for above, _, name in split if above and f"{name}/" in marks}
        numbers: Iterable[int] = merge(*rows)
        if not files.folders_ascend:
            numbers = sorted(numbers, key=lambda number: index[number].folder)
        named = ((one.folder, number) for number, one in index.each(numbers))
        last = ""
        for path, number in merge(named, ((path, None) for path in sorted(further)), key=itemgetter(0)):
            if path != last:
                yield path, number
            last = path

    def _chosen(self, places: Mapping[str, list[FileEntry]]) -> dict[str, FileEntry]:
        """Choose each column's file."""
        alike = tuple(places)
        if (columns := self._chosen_before.get(alike)) and all(len(places[place]) == 1 for place in alike):
            return {column: places[place][0] for column, place in columns}
        chosen: dict[str, FileEntry] = {}
        for column, groups in self._choices:
            for group in groups:
                there = [entry for place in group if place in places for entry in places[place]]
                if there:
                    if column in self._lists:
                        chosen.update((f"{column}/{_name(one)}", one) for one in sorted(there, key=in_order))
                    elif len(there) == 1:
                        chosen[column] = there[0]
                    break
        if all(len(there) == 1 for there in places.values()) and self._lists.isdisjoint(
            map(column_of, chosen)
        ):
            by_entry = {there[0]: place for place, there in places.items()}
            self._chosen_before[alike] = [(column, by_entry[entry]) for column, entry in chosen.items()]
        return chosen

    @cached_property
    def _choices(self) -> list[tuple[str, list[list[str]]]]:
        """Every column and its places: those that are one folder's, under any name, stand together."""
        choices = []
        for column, places in self._files.items():
            groups: dict[str, list[str]] = defaultdict(list)
            for place in places:
                groups[place.rpartition("*")[0] if "*" in place else place].append(place)
            choices.append((column, list(groups.values())))
        return choices

    @cached_property
    def _subfolders(self) -> frozenset[str]:
        """The folders of a row in which files of columns lie."""
        return frozenset(place.rpartition("/")[0] for place in self._places if "/" in place)

    @cached_property
    def _places(self) -> dict[str, str]:
        """Every place of a file, and the column that it is of."""
        return {place: column for column, places in self._files.items() for place in places}
