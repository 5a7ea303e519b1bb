"""What describes a layout: where its rows are, which files and JSON values are their columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from vmeval_builders.arrow.schema import media_columns
from vmeval_builders.entries import Contents, FileEntry, FolderEntry, Unit
from vmeval_builders.problems import Problem


class Builder:
    """The description of a layout; `questions`, `outputs` and `evaluations` are such.

    A subclass states the class attributes, and where values are not simply parts of the path, files or JSON keys,
    overrides `complete`. It has no state, so that it can be sent to other processes.

    Attributes:
        name: What ``--builder`` calls it.
        noun: What messages call a row.
        title: What a new card is called.
        columns: Column to kind (`vmeval_builders.arrow.schema`), with ``path``: where the row is, relative to the folder.
        pattern: Where rows are. ``{name}`` is a part of the path that a column can have, ``[…]`` may be missing,
            ``**/`` is any folders or none.
        files: Column to the places of its file, relative to the row's path, the preferred one first. ``*.mp4`` is
            any one file that ends so; where several are, none is the column's. ``""`` is the path itself: a row is
            a file then.
        marks: What makes a path a row: places of files, and folders (with a ``/`` at the end). All places of
            `files` where it is empty.
        never_beside: A folder that directly holds a file of such a name is no row, nor does it hold one.
        json_from: The column whose text is a JSON object.
        json_columns: Column to the places of its value in that object, ``"inference.status"``, the preferred first.
        config: The column by whose values rows are sorted into configs.
        shown: The columns that a summary counts by.
        gallery_filter: The column by which the gallery's second select chooses; ``""`` where it has none.
        gallery_text: The column that is a card's text in the gallery.
        gallery_video: The video column that the gallery plays; ``""`` where it plays none.
        manifest: The file at the root that lists rows by ``domain`` and ``id``, where the layout has one.
        keeps_times: Whether modification times are part of the layout, and come back.
        incomplete_codes: The errors that a build lets through where it is told to keep what is incomplete.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[Mapping[str, str]]
    pattern: ClassVar[str]
    files: ClassVar[Mapping[str, tuple[str, ...]]]
    marks: ClassVar[frozenset[str]] = frozenset()
    never_beside: ClassVar[frozenset[str]] = frozenset()
    json_from: ClassVar[str] = ""
    json_columns: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    config: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ()
    gallery_video: ClassVar[str] = ""
    gallery_filter: ClassVar[str] = ""
    gallery_text: ClassVar[str] = "prompt"
    manifest: ClassVar[str] = ""
    keeps_times: ClassVar[bool] = False
    incomplete_codes: ClassVar[frozenset[str]] = frozenset()

    def __reduce__(self) -> tuple[type[Builder], tuple[()]]:
        """Send the class alone to other processes: what is cached can be made again there."""
        return type(self), ()

    def __eq__(self, other: object) -> bool:
        """Two of one class are the same."""
        return type(self) is type(other)

    def __hash__(self) -> int:
        """Go by the class, as `__eq__` does."""
        return hash(type(self))

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Set what the description alone does not give, such as an id that a file may state.

        Args:
            row: The row, with all that the description gives.
            contents: What the row's files hold.
        """

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """List what is wrong with a row's contents, beyond what is said of every builder's.

        Args:
            contents: What the row's files hold.
            decode: Decode pictures, instead of reading their headers.
        """
        yield from ()

    def needs_row(self, unit: Unit) -> bool:
        """Whether the config column's value may be another than the part of the path that has its name.

        Where this is so, a row's texts are read before rows are sorted into configs.
        """
        return unit.parts.get(self.config) is None

    @cached_property
    def media(self) -> tuple[str, ...]:
        """The columns that hold whole image or video files."""
        return tuple(name for name in media_columns(self.columns) if name in self.files)

    @cached_property
    def has_frames(self) -> bool:
        """Whether rows have a first frame, as a picture."""
        return self.columns.get("first_frame") == "image"

    @cached_property
    def text_files(self) -> tuple[str, ...]:
        """The columns that hold whole text files."""
        return tuple(name for name in self.files if name not in self.media)

    @cached_property
    def text_columns(self) -> list[str]:
        """The columns that are no image or video, in the order of the table."""
        return [name for name in self.columns if name not in media_columns(self.columns)]

    @cached_property
    def rows_are_files(self) -> bool:
        """Whether a row is one file, instead of a folder."""
        return any("" in places for places in self.files.values())

    def parts(self, path: str) -> dict[str, str | None] | None:
        """Take a path apart by the pattern; None where it does not fit."""
        match = self._matcher.fullmatch(path)
        return match.groupdict() if match else None

    @cached_property
    def _matcher(self) -> re.Pattern[str]:
        tokens = re.findall(r"\*\*/|{\w+}|\[|\]|[^\[\]{*]+", self.pattern)
        made = {"**/": "(?:.*/)?", "[": "(?:", "]": ")??"}
        return re.compile(
            "".join(
                made.get(token) or (f"(?P<{token[1:-1]}>[^/]+)" if token[0] == "{" else re.escape(token))
                for token in tokens
            ),
            re.DOTALL,
        )

    def units(self, files: Iterable[FileEntry], folders: Mapping[str, FolderEntry]) -> list[Unit]:
        """Find the rows among files and folders.

        Args:
            files: Every file, by path order.
            folders: Every folder by its path; ``""`` is the root.

        Returns:
            The rows, by path order.
        """
        files = list(files)
        ruled_out = set()
        if self.never_beside:
            split = (entry.path.rpartition("/") for entry in files)
            ruled_out = {folder for folder, _, name in split if name in self.never_beside}
        found = self._claims(files, ruled_out)
        units = []
        for path in sorted(self._marked(found, folders)):
            folder = path.rpartition("/")[0] if self.rows_are_files else path
            if folder not in ruled_out and (parts := self.parts(path)) is not None:
                units.append(Unit(path, self._chosen(found.get(path, {})), parts))
        return units

    def _claims(
        self, files: Iterable[FileEntry], ruled_out: Collection[str]
    ) -> dict[str, dict[str, list[FileEntry]]]:
        """Sort files by the row that they would belong to and the place they have there."""
        found: dict[str, dict[str, list[FileEntry]]] = defaultdict(lambda: defaultdict(list))
        places = self._places
        for entry in files:
            folder, _, name = entry.path.rpartition("/")
            if name in places and folder:
                found[folder][name].append(entry)
            elif not self._is_simple and (
                folder not in ruled_out or folder.rpartition("/")[2] in self._subfolders
            ):
                claim = self._claim(entry.path, folder, name)
                if claim:
                    found[claim[0]][claim[1]].append(entry)
        return found

    def _claim(self, path: str, folder: str, name: str) -> tuple[str, str] | None:
        """Name the row and the place of a file that lies deeper than its row, or is one of several names."""
        above, _, last = folder.rpartition("/")
        ending = f"*.{name.rpartition('.')[2]}"
        choices = [(above, f"{last}/{name}"), (above, f"{last}/{ending}")] if last in self._subfolders else []
        for row, place in (*choices, (folder, ending), (path, "")):
            if row and place in self._places and self.parts(row) is not None:
                return row, place
        return None

    def _marked(
        self, found: Mapping[str, Mapping[str, object]], folders: Mapping[str, FolderEntry]
    ) -> set[str]:
        marks = self.marks or self._places.keys()
        rows = {path for path, places in found.items() if not marks.isdisjoint(places)}
        if any(mark.endswith("/") for mark in marks):
            split = (path.rpartition("/") for path in folders)
            rows |= {above for above, _, name in split if above and f"{name}/" in marks}
        return rows

    def _chosen(self, places: Mapping[str, list[FileEntry]]) -> dict[str, FileEntry]:
        """Choose each column's file."""
        chosen = {}
        for column, groups in self._choices:
            for group in groups:
                there = [entry for place in group if place in places for entry in places[place]]
                if there:
                    if len(there) == 1:
                        chosen[column] = there[0]
                    break
        return chosen

    @cached_property
    def _choices(self) -> list[tuple[str, list[list[str]]]]:
        """Every column and its places: those that are one folder's, under any name, stand together."""
        choices = []
        for column, places in self.files.items():
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
        return {place: column for column, places in self.files.items() for place in places}

    @cached_property
    def _is_simple(self) -> bool:
        """Whether every file lies directly in its row's folder, under a name of its own."""
        return not any("/" in place or "*" in place or not place for place in self._places)

    def places_of(self, column: str, path: str, name: str | None) -> list[str]:
        """List where a row's file may lie, the usual place first.

        Args:
            column: A column of `files`.
            path: The row's path.
            name: The file's name, where the column's places leave it open; None for a usual one.
        """
        if (tails := self._tails.get(column)) is not None:
            return [path + tail for tail in tails]
        places = self.files[column]
        name = name or f"{column}{places[0].rpartition('*')[2]}"
        split = [place.rpartition("*") for place in places]
        fitting = [folder for folder, _, ending in split if name.endswith(ending)] or [split[0][0]]
        return [f"{path}/{folder}{name}" for folder in fitting]

    @cached_property
    def _tails(self) -> dict[str, tuple[str, ...]]:
        """What follows a row's path, for the columns whose files have fixed names."""
        fixed = {column: places for column, places in self.files.items() if not self.names_vary(column)}
        return {
            column: tuple(f"/{place}" if place else "" for place in places)
            for column, places in fixed.items()
        }

    def names_vary(self, column: str) -> bool:
        """Whether a column's file may have any name, so that the row must say which."""
        return any("*" in place for place in self.files.get(column, ()))
