"""Data to stdout, talk to stderr: what every command prints, in the form that was asked for."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from vmeval_builders.problems import Problem

Function = TypeVar("Function", bound=Callable[..., Any])
Arguments = ParamSpec("Arguments")
Progress = Callable[[int, int], None]

#: So many pieces of JSON are printed at once: there are some for each value.
_PIECES = 10_000


def format_option(function: Function) -> Function:
    """Add ``--format``."""
    option = click.option(
        "--format",
        "form",
        type=click.Choice(["human", "json", "quiet"]),
        default="human",
        show_default=True,
        help="How to print the result: for people, as one JSON object, or not at all.",
    )
    return option(function)


def say(message: str) -> None:
    """Talk to the person, on stderr."""
    click.echo(printable(message), err=True)


def say_between(message: str) -> None:
    """Talk to the person while a bar may be shown: in its place, and it is drawn again below."""
    click.echo(f"\r\x1b[2K{printable(message)}" if sys.stderr.isatty() else printable(message), err=True)


def show(form: str, result: object, human: Iterable[str]) -> None:
    """Print a command's result on stdout.

    Args:
        form: ``human``, ``json`` or ``quiet``.
        result: A dataclass, mapping or list, for JSON.
        human: Lines, for people.
    """
    if form == "json":
        pieces = json.JSONEncoder(indent=2).iterencode(_plain(result))
        while text := "".join(islice(pieces, _PIECES)):
            click.echo(text, nl=False)
        click.echo()
    elif form == "human":
        for line in human:
            click.echo(printable(line))


def printable(text: str) -> str:
    """Escape what a terminal would obey instead of showing: it comes from names, prompts and others' messages.

    Line feeds stay; where a name has one, whoever names it in a sentence escapes it.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _Plain(value)
    return str(value) if isinstance(value, Path) else value


class _Plain(list[object]):
    """What stands in a sequence, each made plain when it is written; what writes JSON asks for a list."""

    def __init__(self, values: Sequence[object]) -> None:
        super().__init__()
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[object]:
        return map(_plain, self._values)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lay out a table in columns; numbers stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [all(_is_number(text) for text in column) for column in zip(*cells, strict=True)] or [
        False
    ] * len(header)
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for line in [list(header), *cells]:
        padded = [
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ]
        yield "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value if value is not None else "-")
    return text if text.isprintable() else ascii(text)[1:-1]


def _is_number(text: str) -> bool:
    return text.replace(",", "").isdigit()


def size_text(size_bytes: int) -> str:
    """Say a number of bytes for people, in powers of 1000."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def counted(number: int, noun: str) -> str:
    """Say how many of something there are."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def rows_text(builder: str, number: int) -> str:
    """Say how many rows of a builder there are."""
    from vmeval_builders.layouts.registry import layout_named

    return counted(number, layout_named(builder).noun)


def say_layout(name: str, found: bool, form: str) -> None:
    """Say which builder was found out, where the person did not name one."""
    if found and form == "human":
        say(f"Detected: {name}; override with --builder.")


def say_left_out(left_out: Sequence[str], top_folder: str, form: str) -> None:
    """Say what of a folder was left out, and which top folder of an archive is no part of paths, in a line each."""
    if top_folder and form == "human":
        shown = top_folder if top_folder.isprintable() else ascii(top_folder)[1:-1]
        say(f"Looked through the archive's one top folder, {shown}/ (--keep-top-folder keeps it).")
    if left_out and form == "human":
        from vmeval_builders.choice import left_out_sentence

        say(left_out_sentence(left_out))


def say_decoded(decoded: bool, form: str) -> None:
    """Say so where frames were not decoded."""
    if not decoded and form == "human":
        say("Frames were not decoded (--no-decode): damage behind their headers was not looked for.")


@contextmanager
def refused_folder(form: str) -> Iterator[Callable[[Sequence[Problem]], None]]:
    """Tell a person the problems where a folder is refused.

    Yields:
        What to call with the problems of a folder that was taken, to say how many there are.
    """
    from vmeval_builders.problem_list import errors_of
    from vmeval_hfds.cli.problems import problem_count, problem_lines
    from vmeval_hfds.errors import FolderError

    def say_warnings(problems: Sequence[Problem]) -> None:
        if problems and form == "human":
            say(f"{problem_count(problems)}; vmeval-hfds check lists them.")
            if kept := Counter(one.code for one in errors_of(problems)):
                say(f"Let through: {', '.join(f'{count:,} {code}' for code, count in kept.most_common())}.")

    try:
        yield say_warnings
    except FolderError as error:
        for line in problem_lines(error.problems):
            say(line)
        raise


@contextmanager
def progress(label: str, form: str = "human") -> Iterator[Progress | None]:
    """Show a bar on stderr while work goes on, where stderr is a terminal.

    Yields:
        What to call with the work done and the work in all; None where nothing is to be shown.
    """
    stream = sys.stderr
    if not stream.isatty() or form == "quiet":
        yield None
        return
    with click.progressbar(length=1, label=label, file=stream) as bar:

        def update(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield update


def returns_exit_code(function: Callable[Arguments, bool]) -> Callable[Arguments, int]:
    """Make a command of a function that says whether all is well."""

    @wraps(function)
    def command(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        return 0 if function(*args, **kwargs) else 1

    return command
