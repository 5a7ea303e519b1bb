"""The columns that a layout declares: what kind each is, and where its value comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLACE = re.compile(r"(?:(?:(?:\.\./)+(?:[^/*]+/)*|(?:[^/*]+/)?)(?:[^/*]+|\*\.[^/*.]+))?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a layout's table.

    Attributes:
        kind: One of `vmeval_builders.arrow.schema.ROW_KINDS`.
    """

    kind: str = "string"


@dataclass(frozen=True, slots=True)
class Part(Column):
    """Text that is a part of the row's path: what stands for ``{name}`` in the layout's `rows`.

    Attributes:
        expression: The regular expression that the part must match as a whole.
    """

    expression: str = "[^/]+"

    def __init__(self, expression: str = "[^/]+") -> None:
        """Declare a part of the path, which may have to look like something (``"checkpoint-[0-9]+"``)."""
        Column.__init__(self)
        object.__setattr__(self, "expression", expression)


@dataclass(frozen=True, slots=True)
class File(Column):
    """A whole file of the row, byte for byte.

    Attributes:
        places: Where it lies, relative to the row's path, the preferred place first. ``*.mp4`` is any one file
            that ends so; where several are, none is the column's. ``""`` is the path itself: the row is the file.
    """

    places: tuple[str, ...] = ()

    def __init__(self, kind: str, *places: str) -> None:
        """Declare a file of a kind, at any of some places."""
        Column.__init__(self, kind)
        object.__setattr__(self, "places", places)

    def fault(self) -> str | None:
        """Say what is wrong with the places, as the end of a sentence; None where nothing is."""
        if not self.places:
            return "names no file"
        if odd := next((place for place in self.places if not _PLACE.fullmatch(place)), None):
            return (
                f"has its file at {odd!r}; expected 'name', 'folder/name', '*.mp4', 'folder/*.mp4' "
                "or '' (the row itself)"
            )
        if self.kind == "string" and (odd := next((place for place in self.places if "*" in place), None)):
            return f"is text of a file called {odd!r}; only images and videos may have any name"
        return None


class Text(File):
    """The text of a file, exactly; null where it is not UTF-8 (its bytes are kept all the same)."""

    __slots__ = ()

    def __init__(self, *places: str) -> None:
        """Declare a text file, at any of some places."""
        File.__init__(self, "string", *places)


class JsonFile(Text):
    """The text of a file that holds a JSON object, from which the `Json` columns take their values."""

    __slots__ = ()


class Image(File):
    """A picture."""

    __slots__ = ()

    def __init__(self, *places: str) -> None:
        """Declare a picture's file, at any of some places."""
        File.__init__(self, "image", *places)


class Images(File):
    """All pictures with such names, in a list: those at the first place that has any, in the order of their numbers."""

    __slots__ = ()

    def __init__(self, *places: str) -> None:
        """Declare the pictures' files, at any of some places."""
        File.__init__(self, "images", *places)


class Videos(File):
    """All videos with such names, in a list, as `Images` has pictures."""

    __slots__ = ()

    def __init__(self, *places: str) -> None:
        """Declare the videos' files, at any of some places."""
        File.__init__(self, "videos", *places)


class Video(File):
    """A video."""

    __slots__ = ()

    def __init__(self, *places: str) -> None:
        """Declare a video's file, at any of some places."""
        File.__init__(self, "video", *places)


@dataclass(frozen=True, slots=True)
class Json(Column):
    """A value of the object in the layout's `JsonFile`.

    Attributes:
        keys: Where it stands, ``"inference.status"``, the preferred place first.
    """

    keys: tuple[str, ...] = ()

    def __init__(self, *keys: str, kind: str = "string") -> None:
        """Declare a JSON value, text or a number (``kind="float64"``), at any of some places."""
        Column.__init__(self, kind)
        object.__setattr__(self, "keys", keys)


@dataclass(frozen=True, slots=True)
class Item(Column):
    """A value of an element of the list that the layout's `items` names: such a file is a row for each element.

    Attributes:
        keys: Where it stands in the element, the preferred place first; none for the element itself, as JSON.
    """

    keys: tuple[str, ...] = ()

    def __init__(self, *keys: str, kind: str = "string") -> None:
        """Declare a value of the element, text or a number (``kind="float64"``), or the whole element."""
        Column.__init__(self, kind)
        object.__setattr__(self, "keys", keys)


class Computed(Column):
    """A value that the layout's `parts` or `complete` sets."""

    __slots__ = ()
