"""What describes a layout: where its rows are, and each column with its kind and its origin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from vmeval_builders.arrow.schema import ROW_KINDS, media_columns
from vmeval_builders.entries import Contents, FileEntry, FolderEntry, Unit
from vmeval_builders.errors import LayoutError
from vmeval_builders.file_list import FileList
from vmeval_builders.layouts.columns import Column, Computed, File, Image, Item, Json, JsonFile, Part, Video
from vmeval_builders.layouts.match import Matcher, compile_pattern, literal_end, pattern_names
from vmeval_builders.problems import Problem
from vmeval_builders.unit_list import UnitList

_STATED = ("name", "noun", "title", "rows", "id_column", "group_column")


class Layout:
    """The description of a layout; `questions`, `outputs` and `evaluations` are such.

    A subclass states the attributes below and declares each column of its table as one of
    `vmeval_builders.layouts.columns`; ``path`` (where the row is, relative to the folder) comes by itself. Where
    a value is not simply a part of the path, a file or a JSON value, it overrides `complete`. A layout has no
    state and does not change, so that it can be sent to other processes.

    Attributes:
        name: What ``--builder`` calls it.
        noun: What messages call a row.
        title: What a new card is called.
        rows: Where rows are, one pattern or several, of which the first that fits counts. ``{name}`` is a part of
            the path that a column can have, ``[…]`` may be missing, ``**/`` is any folders or none.
        marks: What makes a path a row: places of files, and folders (with a ``/`` at the end). All places of
            files where it is empty.
        items: Where in the `JsonFile` a list stands, of which each element is a row, the preferred place first. All
            rows of a file have its path; the first of them holds the file. No list there is a row all the same.
        never_beside: A folder that directly holds a file of such a name is no row, nor does it hold one.
        id_column: The column that names a row's task; ``--id`` chooses by it.
        one_task_an_id: Whether ``--id`` is to mean one row, and asks which where several have the id.
        group_column: The column by whose values rows are sorted into configs.
        domain_column: The column that ``--domain`` chooses by; the group column where it is empty.
        shown: The columns that `info` counts by, and the gallery's tags; the group column where it is empty.
        gallery_frames: The image columns that the gallery and the card's picture show; the first two where it is
            empty.
        gallery_filter: The column by which the gallery's second select chooses; ``""`` where it has none.
        gallery_text: The column that is a card's text in the gallery; ``""`` where it shows none.
        gallery_video: The video column that the gallery plays; ``""`` where it plays none.
        manifest: The file at the root that lists rows by ``domain`` and ``id``, where the layout has one.
        has_rows: Whether there are rows at all, or the list of files only.
        rank: Where a layout of a higher rank finds rows, one of a negative rank gives way, others if it has their files.
        keeps_times: Whether modification times are part of the layout, and come back.
        incomplete_codes: The errors that a build lets through where it is told to keep what is incomplete.
        declared: Every declared column, in the order of the table, without ``path``.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    title: ClassVar[str]
    rows: ClassVar[str | tuple[str, ...]]
    marks: ClassVar[frozenset[str]] = frozenset()
    never_beside: ClassVar[frozenset[str]] = frozenset()
    items: ClassVar[tuple[str, ...]] = ()
    id_column: ClassVar[str]
    one_task_an_id: ClassVar[bool] = False
    group_column: ClassVar[str]
    domain_column: ClassVar[str] = ""
    shown: ClassVar[tuple[str, ...]] = ()
    gallery_frames: ClassVar[tuple[str, ...]] = ()
    gallery_filter: ClassVar[str] = ""
    gallery_text: ClassVar[str] = ""
    gallery_video: ClassVar[str] = ""
    manifest: ClassVar[str] = ""
    rank: ClassVar[int] = 0
    has_rows: ClassVar[bool] = True
    keeps_times: ClassVar[bool] = False
    incomplete_codes: ClassVar[frozenset[str]] = frozenset()
    declared: ClassVar[Mapping[str, Column]] = {}

    def __init_subclass__(cls) -> None:
        """Gather the declared columns, and refuse a declaration that contradicts itself.

        Raises:
            LayoutError: It does; the message names the column.
        """
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Column)}
        for name in own:
            if name == "path" or hasattr(Layout, name) or name in Layout.__annotations__:
                raise LayoutError(
                    f"column {name}: every layout has a {name!r} already; call it something else"
                )
        cls.declared = {**cls.declared, **own}
        stated = [name for name in _STATED if hasattr(cls, name)]
        if not cls.shown and "group_column" in stated:
            cls.shown = (cls.group_column,)
        if not cls.domain_column and "group_column" in stated:
            cls.domain_column = cls.group_column
        if not cls.gallery_frames:
            cls.gallery_frames = tuple(name for name, one in cls.declared.items() if one.kind == "image")[:2]
        if len(stated) == len(_STATED):
            _check(cls)

    def __init__(self) -> None:
        """Refuse a description that is not complete.

        Raises:
            LayoutError: It does not state something that every layout must.
        """
        for name in _STATED:
            if not hasattr(self, name):
                raise LayoutError(f"the layout {type(self).__name__} does not state its {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a layout does not change."""
        raise AttributeError(f"a layout does not change; {name!r} cannot be set")

    def __reduce__(self) -> tuple[type[Layout], tuple[()]]:
        """Send the class alone to other processes: what is cached can be made again there."""
        return type(self), ()

    def __eq__(self, other: object) -> bool:
        """Two of one class are the same."""
        return type(self) is type(other)

    def __hash__(self) -> int:
        """Go by the class, as `__eq__` does."""
        return hash(type(self))

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Set what the declared columns alone do not give, such as an id that a file may state.

        Args:
            row: The row, with all that the declarations give.
            contents: What the row's files hold.
        """

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """List what is wrong with a row's contents, beyond what is said of every layout's.

        Args:
            contents: What the row's files hold.
            decode: Decode pictures, instead of reading their headers.
        """
        yield from ()

    def needs_row(self, parts: Mapping[str, str | None], has_json: bool) -> bool:
        """Whether the group column's value may be another than the part of the path that has its name.

        Where this is so, a row's texts are read before rows are sorted into configs.

        Args:
            parts: The named parts of the row's path.
            has_json: Whether a JSON file of its own, or beside it, may say something of the row.
        """
        return parts.get(self.group_column) is None

    def row_is_file(self, path: str) -> bool:
        """Whether the row at a path is one file, instead of a folder."""
        return any("" in places for places in self.files.values())

    def index_beside(self, value: object) -> Mapping[str, Any]:
        """Sort what a file beside rows says, so that `stated_beside` finds each row's quickly; made once a file.

        Args:
            value: What the JSON file holds; None where it cannot be read.
        """
        return {}

    def stated_beside(self, unit: Unit, index: Mapping[str, Any]) -> dict[str, Any] | None:
        """Pick what the file beside a row says of it, by the row's index; None where it says nothing."""
        return None

    def units(self, files: Iterable[FileEntry], folders: Mapping[str, FolderEntry]) -> UnitList:
        """Find the rows among files and folders.

        Args:
            files: Every file, by path order.
            folders: Every folder by its path; ``""`` is the root.

        Returns:
            The rows, by path order.
        """
        return self._matcher.units(FileList.of(files), folders)

    def parts(self, path: str) -> dict[str, str | None] | None:
        """Take a path apart by the first pattern that fits; None where none does."""
        for pattern in self._patterns:
            if match := pattern.fullmatch(path):
                return match.groupdict()
        return None

    @cached_property
    def columns(self) -> Mapping[str, str]:
        """Every column of the table and its kind, ``path`` the last."""
        return {**{name: one.kind for name, one in self.declared.items()}, "path": "string"}

    @cached_property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """The columns that are whole files, and the places of each."""
        return {name: one.places for name, one in self.declared.items() if isinstance(one, File)}

    @cached_property
    def json_from(self) -> str:
        """The column whose text is a JSON object; ``""`` where there is none."""
        return next((name for name, one in self.declared.items() if isinstance(one, JsonFile)), "")

    @cached_property
    def json_columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns that come from that object, and where in it each stands."""
        return {name: one.keys for name, one in self.declared.items() if isinstance(one, Json)}

    @cached_property
    def item_columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns that come from an element of the list in that object, and where in it each stands."""
        return {name: one.keys for name, one in self.declared.items() if isinstance(one, Item)}

    @cached_property
    def details(self) -> str:
        """The column whose JSON text says the most of a row: its list's element, else its JSON file; ``""`` without."""
        return next((name for name, keys in self.item_columns.items() if not keys), self.json_from)

    @cached_property
    def media(self) -> tuple[str, ...]:
        """The columns that hold whole image or video files."""
        return tuple(name for name in media_columns(self.columns) if name in self.files)

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """Those of them that hold several files."""
        return tuple(name for name in self.media if self.columns[name] in ("images", "videos"))

    @cached_property
    def text_files(self) -> tuple[str, ...]:
        """The columns that hold whole text files."""
        return tuple(name for name in self.files if name not in self.media)

    @cached_property
    def text_columns(self) -> list[str]:
        """The columns that are no image or video, in the order of the table."""
        return [name for name in self.columns if name not in media_columns(self.columns)]

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns by which people choose rows and the place of a row: id, domain and path."""
        return (self.id_column, self.domain_column, "path")

    @cached_property
    def repeating(self) -> list[str]:
        """The columns that rows are counted and filtered by, whose values many of them share."""
        names = (self.group_column, self.domain_column, *self.shown, self.gallery_filter)
        return [name for name in self.columns if name in names]

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
        name = name or self.name_in_list(column, 1)
        fitting = [place for place in places if _fits(place.rpartition("/")[2], name)] or places[:1]
        folders = [place[: place.rfind("/") + 1] for place in fitting]
        return list(dict.fromkeys(f"{path}/{folder}{name}" for folder in folders))

    def name_in_list(self, column: str, number: int) -> str:
        """Give the usual name of a file whose name is not known.

        Args:
            column: A column whose files' names are open.
            number: The file's place in the row's list, from 1 on.
        """
        base = f"{column}_{number}" if column in self.lists else column
        return f"{base}{self.files[column][0].rpartition('*')[2]}"

    def names_vary(self, column: str) -> bool:
        """Whether a column's file may have any name, so that the row must say which."""
        return column in self.lists or any("*" in place for place in self.files.get(column, ()))

    @cached_property
    def _tails(self) -> dict[str, tuple[str, ...]]:
        """What follows a row's path, for the columns whose files have fixed names."""
        fixed = {column: places for column, places in self.files.items() if not self.names_vary(column)}
        return {
            column: tuple(f"/{place}" if place else "" for place in places)
            for column, places in fixed.items()
        }

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return _compiled(type(self))

    @cached_property
    def _matcher(self) -> Matcher:
        # The patterns alone do not say what rows look like where `parts` is a layout's own.
        ends = tuple(map(literal_end, _stated(type(self)))) if type(self).parts is Layout.parts else ("",)
        return Matcher(self.parts, self.files, self.marks, self.never_beside, self.lists, ends)


def _fits(place: str, name: str) -> bool:
    """Whether a file may be called so at a place, such as ``*.mp4``."""
    return name.endswith(place[1:]) if place.startswith("*") else name == place


def _stated(layout: type[Layout]) -> tuple[str, ...]:
    return (layout.rows,) if isinstance(layout.rows, str) else layout.rows


def _compiled(layout: type[Layout]) -> list[re.Pattern[str]]:
    expressions = {name: one.expression for name, one in layout.declared.items() if isinstance(one, Part)}
    return [compile_pattern(pattern, expressions) for pattern in _stated(layout)]


def _check(layout: type[Layout]) -> None:
    """Refuse a declaration that contradicts itself; the message of the `LayoutError` names the column."""
    for name, fault in _faults(layout):
        raise LayoutError(f"column {name}: {fault}")


def _faults(layout: type[Layout]) -> Iterator[tuple[str, str]]:
    """Give the columns whose declarations contradict something, and the end of a sentence that says what."""
    columns = layout.declared
    taken: dict[str, str] = {}
    for name, column in columns.items():
        if column.kind not in ROW_KINDS:
            yield name, f"is of the kind {column.kind!r}, which is none of {', '.join(ROW_KINDS)}"
        if isinstance(column, File):
            if fault := column.fault():
                yield name, fault
            for place in column.places:
                if (other := taken.setdefault(place, name)) != name:
                    yield name, f"takes the file {place!r}, which is the column {other}'s already"
    yield from _json_faults(columns, bool(getattr(layout, "told_by", "")))
    yield from _item_faults(layout)
    yield from _path_faults(layout)
    for mark in layout.marks:
        if not mark.endswith("/") and mark not in taken:
            yield mark, "makes a path a row, but is no column's file"
    for attribute, kind in _NAMING.items():
        stated = getattr(layout, attribute)
        for name in (stated,) if isinstance(stated, str) else stated:
            if name and (name not in columns or columns[name].kind != kind):
                found = f"is {columns[name].kind}" if name in columns else "is not declared"
                yield name, f"{found}, but {attribute} names it; expected one that is {kind}"


#: The attributes that name columns, and what kind these must be.
_NAMING = {
    "id_column": "string",
    "group_column": "string",
    "domain_column": "string",
    "shown": "string",
    "gallery_frames": "image",
    "gallery_filter": "string",
    "gallery_text": "string",
    "gallery_video": "video",
}


def _json_faults(columns: Mapping[str, Column], is_told: bool) -> Iterator[tuple[str, str]]:
    files = [name for name, column in columns.items() if isinstance(column, JsonFile)]
    if len(files) > 1:
        yield files[1], f"is a JsonFile, and so is {files[0]}; a layout has one at most"
    for name, column in columns.items():
        if isinstance(column, Json | Item) and not files and not is_told:
            yield name, "comes from JSON, but no column is a JsonFile"
        if isinstance(column, Json | Item) and column.kind not in ("string", "float64"):
            yield name, f"is {column.kind} from JSON; expected string or float64"


def _item_faults(layout: type[Layout]) -> Iterator[tuple[str, str]]:
    for name, column in layout.declared.items():
        if isinstance(column, Item) and not layout.items:
            yield name, "is a value of a list's element, but items names no list"
        if isinstance(column, Image | Video) and layout.items:
            yield name, "is a picture or video of a file that is many rows; declare texts and numbers"
        if isinstance(column, File) and layout.items and column.places != ("",):
            yield name, f"lies at {column.places!r}, but items needs rows that are one file, at ''"


def _path_faults(layout: type[Layout]) -> Iterator[tuple[str, str]]:
    for name, column in layout.declared.items():
        try:
            re.compile(column.expression if isinstance(column, Part) else "")
        except re.error as error:
            yield name, f"cannot look like {column!r} ({error})"
    try:
        _compiled(layout)
    except re.error as error:
        yield "path", f"the pattern {layout.rows!r} cannot be read ({error})"
        return
    named = {name for pattern in _stated(layout) for name in pattern_names(pattern)}
    for name, column in layout.declared.items():
        if isinstance(column, Part) and name not in named:
            yield name, f"is a part of the path, but there is no {{{name}}} in {layout.rows!r}"
        if name in named and not isinstance(column, Part | Computed):
            yield name, f"comes from a {type(column).__name__}, but {{{name}}} is a part of the path as well"
