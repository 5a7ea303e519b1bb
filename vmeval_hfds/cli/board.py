"""The command that compares models: leaderboard."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from vmeval_hfds.cli.options import rows_options, token_env_option
from vmeval_hfds.cli.output import show, table
from vmeval_hfds.cli.places import place

if TYPE_CHECKING:
    from vmeval_hfds.table.wanted import Chosen

_MARKDOWN = re.compile(r"[\\`*\[\]|~<>&$:@]|(?<![^\W_])_|_(?![^\W_])")
#: What begins a formula in some spreadsheet.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

Cell = str | int | float | None
_SOURCES = "a folder, an archive, a dataset directory or a repository (USER/NAME[@REVISION] or its address)"


@click.command()
@place("evaluations", "EVALUATIONS", "--evaluations", f"Scores: {_SOURCES}.", click.STRING)
@click.option(
    "--outputs", metavar="OUTPUTS", help="What was run, likewise: adds runs that were never evaluated."
)
@click.option(
    "--questions", metavar="QUESTIONS", help="What was asked, likewise: adds how many have no result."
)
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="What a line is of: evaluator, model, domain, split, category, generator, kind, checkpoint, experiment or annotator. "
    "Can be given several times, or with commas; by default evaluator, model and domain.",
)
@click.option(
    "--missing",
    type=click.Choice(["skip", "zero"]),
    default="skip",
    show_default=True,
    help="Leave tasks without a score out of the mean, or count 0 for each.",
)
@rows_options
@token_env_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "csv", "json", "markdown", "quiet"]),
    default="human",
    show_default=True,
    help="How to print the scores: for people, as CSV, as one JSON object, as a Markdown table, or not at all.",
)
def leaderboard(
    evaluations: str,
    outputs: str | None,
    questions: str | None,
    by: tuple[str, ...],
    missing: Literal["skip", "zero"],
    rows: Chosen,
    token_env: str,
    form: str,
) -> None:
    """Give the mean scores of models, and how many tasks were scored, skipped and failed."""
    from vmeval_hfds.api.leaderboard import leaderboard as make_board

    keys = _keys(by)
    given = (_opened(source, token_env) for source in (evaluations, outputs, questions))
    board = make_board(*given, by=keys, missing=missing, **rows)
    names = [str(name) for name in board.columns]
    lines: list[list[Cell]] = board.astype(object).where(board.notna(), None).to_numpy().tolist()
    if form in _TABLES:
        for line in _TABLES[form](names, lines):
            click.echo(line)
        return
    show(
        form,
        {"missing": missing, "rows": [dict(zip(names, row, strict=True)) for row in lines]},
        table(names, ([_readable(value) for value in row] for row in lines)),
    )


def _keys(by: Sequence[str]) -> Sequence[str]:
    """Take the columns apart that a line is of.

    Raises:
        click.UsageError: One is none of them, or comes twice.
    """
    from vmeval_hfds.api.leaderboard import KEYS, check_keys
    from vmeval_hfds.errors import UnknownNameError

    keys = [key.strip() for text in by for key in text.split(",")] or KEYS
    try:
        check_keys(keys)
    except UnknownNameError as error:
        raise click.UsageError(f"--by: {error}.") from error
    return keys


def _opened(source: str | None, token_env: str) -> Any:  # noqa: ANN401 (whatever the text names, or nothing)
    """Open a repository with the token that is meant; a path is left to whoever knows what it should hold."""
    if source is None:
        return None
    from vmeval_hfds.rows.open import is_repo, open_source

    return open_source(source, token_env=token_env) if is_repo(source) else source


def _readable(value: Cell) -> Cell:
    return f"{value:.4f}" if isinstance(value, float) else value


def _csv(names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    text = io.StringIO()
    inert = ([_inert(value) for value in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows([names, *inert])
    yield text.getvalue().removesuffix("\n")


def _inert(value: Cell) -> Cell:
    """Keep a spreadsheet from taking a name for a formula: https://owasp.org/www-community/attacks/CSV_Injection."""
    if not isinstance(value, str):
        return value
    text = _one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _one_line(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _markdown(names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    for cells in [names, ["---"] * len(names), *rows]:
        yield f"| {' | '.join(_cell(value) for value in cells)} |"


def _cell(value: Cell) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(_readable(value))
    # A backslash makes text of any punctuation; `_` inside a word is text already.
    return _MARKDOWN.sub(r"\\\g<0>", _one_line(" ".join(value.split())))


_TABLES: dict[str, Callable[[Sequence[str], Sequence[Sequence[Cell]]], Iterator[str]]] = {
    "csv": _csv,
    "markdown": _markdown,
}

COMMANDS = (leaderboard,)
