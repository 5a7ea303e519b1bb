"""What a shell completes for the options that choose rows: the values that rows on this disk have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

#: Parameters that may name what holds the rows, the likeliest first.
_SOURCES = ("source", "evaluations", "outputs", "old", "folder", "new")
_MOST_VALUES = 200
_COLUMNS = {"models": "model", "evaluators": "evaluator", "experiments": "experiment"}


def complete_values(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Give the values that rows of the folder or dataset directory on the line have; nothing is fetched.

    Args:
        context: What was given before.
        parameter: The option that is completed.
        incomplete: How the value begins.
    """
    return list(islice(_quietly(lambda: _values(context, str(parameter.name), incomplete)), _MOST_VALUES))


def complete_where(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Give columns of what is on the line, and behind the ``=`` the values of one."""
    del parameter
    column, equals, value = incomplete.partition("=")
    if equals:
        found = _quietly(lambda: _values(context, column, value))
        return [f"{column}={one}" for one in islice(found, _MOST_VALUES)]
    return [f"{name}=" for name in _quietly(lambda: _columns(context)) if name.startswith(column)]


def _quietly(values: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Give what can be given: in the middle of a line there is nobody to tell of an error."""
    try:
        yield from values()
    except Exception:  # noqa: BLE001 (whatever is wrong with the folder, the shell must go on)
        return


def _columns(context: click.Context) -> Iterator[str]:
    for rows in _opened(context):
        yield from rows.about.layout.text_columns
        return


def _values(context: click.Context, named: str, incomplete: str) -> Iterator[str]:
    from vmeval_hfds.table.wanted import text_of

    met = set()
    for rows in _opened(context):
        layout = rows.about.layout
        named = {"domains": layout.domain_column, "ids": layout.id_column, **_COLUMNS}.get(named, named)
        if named not in rows.about.text_columns:
            continue
        for row in rows.texts([named]):
            value = text_of(row.texts[named])
            if value not in met and value.startswith(incomplete) and value.isprintable() and value:
                met.add(value)
                yield value


def _opened(context: click.Context) -> Iterator[Any]:
    """Open what is on the line and on this disk."""
    from vmeval_hfds.rows.open import open_rows

    # Where an option still has no value, click leaves what was given in its place among the arguments.
    given = [("source", value) for value in context.args] + [*context.params.items()]
    for source in _SOURCES:
        for name, value in given:
            here = isinstance(value, str | Path) and os.path.lexists(value)
            if here and (name == source or name.startswith(f"{source}_")):
                yield open_rows(value)
