"""Which paths of a folder are rows, and which files are their columns'."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from vmeval_builders.entries import FileEntry, FolderEntry, column_of
from vmeval_builders.file_list import FileList, FolderFiles, FolderIndex
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


def _names_in(index: FolderIndex, folder: str) -> Sequence[str]:
    found = index.by_folder.get(folder)
    return found.names if found else ()


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
        self._chosen_before: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        self._files = files
        self._never_beside = frozenset(never_beside)
        self._lists = frozenset(lists)
        self._marks = frozenset(marks or self._places)

    def units(self, files: FileList, folders: Mapping[str, FolderEntry]) -> UnitList:
        """Find the rows, by path order."""
        index = files.folder_index
        never = self._never_beside
        ruled_out = {
            one.folder for names, alike in index.alike.items() if not never.isdisjoint(names) for one in alike
        }
        own, claimed = self._claims(index, ruled_out, self._halves(index, folders))
        units = UnitList(self._parts, files)
        for path in sorted(self._marked(own, claimed, folders)):
            further = claimed.get(path, {})
            folder = path.rpartition("/")[0] if "" in further else path
            if folder in ruled_out or self._parts(path) is None:
                continue
            if path in own and not further:
                one, names = own[path]
                units.append(path, names.files, [one.numbers[at] for at in names.chosen])
                continue
            numbers = dict(further)
            if path in own:
                one, names = own[path]
                numbers |= {one.names[at]: [one.numbers[at]] for at in names.own}
            places = {place: [files[number] for number in there] for place, there in numbers.items()}
            chosen = self._chosen(places)
            by_entry = {files[number]: number for there in numbers.values() for number in there}
            units.append(path, UnitFiles.of(path, chosen), [by_entry[entry] for entry in chosen.values()])
        return units

    def _claims(
        self, index: FolderIndex, ruled_out: Collection[str], halves: Collection[str]
    ) -> tuple[dict[str, tuple[FolderFiles, _Names]], dict[str, dict[str, list[int]]]]:
        """Sort files by the row that they would belong to and the place they have there.

        Returns:
            Row to the folder that it is, whose own files lie at its places; and row to place to numbers of further files.
        """
        own: dict[str, tuple[FolderFiles, _Names]] = {}
        claimed: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for names, folders in index.alike.items():
            # Folders with the same names in them are looked into once.
            looked: dict[str, _Names] = {}
            for one in folders:
                last = one.folder.rpartition("/")[2]
                alike = last if last in self._subfolders else ""
                found = looked.get(alike) or looked.setdefault(alike, self._look(alike, names))
                is_row = one.folder and one.folder not in halves
                if is_row and found.own:
                    own[one.folder] = one, found
                if one.folder in ruled_out and not alike:
                    continue
                for at in found.others if is_row else found.claimed:
                    path = f"{one.folder}/{names[at]}" if one.folder else names[at]
                    if claim := self._claim(path, one.folder, names[at]):
                        claimed[claim[0]][claim[1]].append(one.numbers[at])
        return own, claimed

    def _look(self, last: str, names: Sequence[str]) -> _Names:
        """Sort a folder's names: those of its own places, and those that may be claimed, beside them and without them."""
        own = [at for at, name in enumerate(names) if name in self._places]
        claimed = [at for at, name in enumerate(names) if self._may_claim(last, name)]
        # In these entries, the size is the file's place among the names.
        chosen = self._chosen({names[at]: [FileEntry(names[at], at, 0)] for at in own})
        files = UnitFiles(tuple(chosen), tuple(f"/{entry.path}" for entry in chosen.values()))
        return _Names(
            own=own,
            makes_row=not self._marks.isdisjoint(names[at] for at in own),
            others=[at for at in claimed if at not in own],
            claimed=claimed,
            chosen=[entry.size_bytes for entry in chosen.values()],
            files=files,
        )

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
            if last in named and not self._places.keys().isdisjoint(_names_in(index, above)):
                own = self._places.keys() & _names_in(index, folder)
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
        own: Mapping[str, tuple[FolderFiles, _Names]],
        claimed: Mapping[str, Mapping[str, object]],
        folders: Mapping[str, FolderEntry],
    ) -> set[str]:
        marks = self._marks
        rows = {path for path, (_, names) in own.items() if names.makes_row}
        rows |= {path for path, places in claimed.items() if not marks.isdisjoint(places)}
        if any(mark.endswith("/") for mark in marks):
            split = (path.rpartition("/") for path in folders)
            rows |= {above for above, _, name in split if above and f"{name}/" in marks}
        return rows

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
