"""What somebody says of a table that calls its columns otherwise: which is which, and what rows' folders are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_hfds.errors import ArgumentError, DatasetError, shown

#: What other tables call a column of ours, in the order of preference.
_OTHER_NAMES = {"id": ("task_id",), "question_metadata": ("metadata",)}
#: How many columns of a table a message names.
_SHOWN_COLUMNS = 30
_FIELD = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Naming:
    """What somebody says of a table that others made.

    Attributes:
        columns: Our column to theirs; empty where the table has nothing that is to be taken for it.
        template: A row's path, with ``{column}`` for what stands in a column of ours or of theirs; empty where the
            table's path, or the layout's usual one, is meant.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    template: str = ""

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.columns or self.template)


#: Where nobody says anything.
NOTHING_SAID = Naming()


@dataclass(frozen=True, slots=True)
class Template:
    """What rows' paths are made of.

    Attributes:
        texts: What stands before, between and after the columns.
        columns: The table's columns.
    """

    texts: Sequence[str]
    columns: Sequence[str]

    def fill(self, values: Sequence[str | None]) -> str | None:
        """Give the path of a row, by its values in the columns; None where one has none."""
        parts = [self.texts[0]]
        for value, text in zip(values, self.texts[1:], strict=True):
            if value is None:
                return None
            parts += (value, text)
        return "".join(parts)


def find_columns(layout: Layout, found: Sequence[str], naming: Naming, where: str) -> dict[str, str]:
    """Find a layout's columns among those of a table.

    Args:
        layout: The layout.
        found: The table's columns.
        naming: What is said of them.
        where: What messages call the table.

    Returns:
        Our column to theirs, for those that the table has.

    Raises:
        ArgumentError: The layout has no such column.
        DatasetError: The table has no such column.
    """
    for ours, theirs in naming.columns.items():
        if ours not in layout.columns:
            raise ArgumentError(
                f"{layout.name} have no column {shown(ours)!r}; they have {', '.join(layout.columns)}"
            )
        if theirs and theirs not in found:
            raise DatasetError(
                f"{where}: expected a column {shown(theirs)!r} for {ours}, found {listed(found)}"
            )
    others = _OTHER_NAMES if layout == QUESTIONS else {}
    names: dict[str, str] = {}
    for ours in layout.columns:
        stated = naming.columns.get(ours)
        candidates = (ours, *others.get(ours, ())) if stated is None else (stated,)
        names.update((ours, one) for one in [one for one in candidates if one in found][:1])
    return names


def parse_template(
    naming: Naming, names: Mapping[str, str], found: Sequence[str], where: str
) -> Template | None:
    """Find the columns that rows' paths are made of; None where no template is given.

    Args:
        naming: What is said of the table.
        names: Our column to theirs.
        found: The table's columns.
        where: What messages call the table.

    Raises:
        ArgumentError: It is no template.
        DatasetError: The table has no such column.
    """
    if not naming.template:
        return None
    texts, fields = _FIELD.split(naming.template)[::2], _FIELD.findall(naming.template)
    if not fields or any(set(text) & set("{}") for text in texts):
        raise ArgumentError(
            f"the template is {shown(naming.template)!r}; expected a path with columns in it, such as "
            "'{domain}_task/{id}'"
        )
    columns = [names.get(name, name) for name in fields]
    for name, theirs in zip(fields, columns, strict=True):
        if theirs not in found:
            raise DatasetError(
                f"{where}: expected a column {shown(name)!r} for the template, found {listed(found)}; say which it "
                f"is with --column {shown(name)}=…"
            )
    return Template(texts, columns)


def listed(names: Sequence[str]) -> str:
    """List a table's columns for a message."""
    more = f" and {len(names) - _SHOWN_COLUMNS:,} more" if len(names) > _SHOWN_COLUMNS else ""
    return (", ".join(map(shown, names[:_SHOWN_COLUMNS])) or "none") + more
