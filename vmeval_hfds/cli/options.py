"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmeval_hfds.cli.values import complete_values, complete_where

if TYPE_CHECKING:
    from concurrent.futures import Executor

PATH = click.Path(path_type=Path)


class FolderType(click.Path):
    """A folder: a path, or the URL of one, which stays as it stands."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401
        """Make a path, but of a URL."""
        is_url = isinstance(value, str) and "://" in value
        return value if is_url else super().convert(value, parameter, context)


class TargetType(click.Path):
    """A place to write to: a path of this disk."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401
        """Make a path, and refuse a URL."""
        if isinstance(value, str) and "://" in value:
            self.fail(f"{value}: is a URL, and what is made is written to this disk; give a path")
        return super().convert(value, parameter, context)


FOLDER = FolderType(path_type=Path)
TARGET = TargetType(path_type=Path)


def _builders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    del context, parameter
    from vmeval_builders.layouts.registry import layouts

    return [one.name for one in layouts() if one.name.startswith(incomplete)]


builder_option = click.option(
    "--builder",
    metavar="NAME",
    shell_complete=_builders,
    help="What the folder holds: questions, outputs, evaluations, results or another builder; found out when left out.",
)
num_proc_option = click.option(
    "--num-proc",
    type=click.IntRange(min=1),
    help="How many processes; by default as many as the work is worth.",
)


def _open_dask(context: click.Context, option: click.Parameter, scheduler: str | None) -> Executor | None:
    del option
    if scheduler is None:
        return None
    from vmeval_hfds.engine.dask import dask_executor

    return context.with_resource(dask_executor(scheduler))


dask_option = click.option(
    "--dask",
    "executor",
    metavar="ADDRESS",
    callback=_open_dask,
    help="Work on the cluster of this Dask scheduler: its address, or its scheduler file.",
)
split_option = click.option(
    "--split", default="test", show_default=True, help="The split that the rows go to."
)
keep_incomplete_option = click.option(
    "--keep-incomplete",
    is_flag=True,
    help="Take in questions without first frame or prompt, as nulls, and a manifest that lists some that are not there.",
)
include_option = click.option(
    "--include",
    multiple=True,
    metavar="GLOB",
    help="Only what matches; * stands for / too, and a folder for all below it. Can be given several times.",
)
exclude_option = click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Not what matches, in the same way. What tools leave (.git, .DS_Store, …) never comes along.",
)
keep_top_folder_option = click.option(
    "--keep-top-folder", is_flag=True, help="Keep an archive's one top folder, instead of looking through it."
)
allow_secrets_option = click.option(
    "--allow-secrets", is_flag=True, help="Take .env files and files with a Hugging Face token in them too."
)
no_decode_option = click.option(
    "--no-decode",
    "decode",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Read the frames' headers only: faster, and damage behind them is not found.",
)
revision_option = click.option(
    "--revision", help="A branch, tag or commit of it; by default its main branch."
)
no_wait_option = click.option(
    "--no-wait",
    "wait",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Where the Hub's rate limit is reached, say at once how long to wait, and end.",
)
token_env_option = click.option(
    "--token-env",
    default="HF_TOKEN",
    show_default=True,
    help="The environment variable that holds the token; without HF_TOKEN, it is the one that hf auth login keeps.",
)


def _columns(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for text in given:
        ours, equals, theirs = text.partition("=")
        if not equals or not ours:
            raise click.BadParameter(f"{text!r}; expected OURS=THEIRS, such as id=video_idx")
        columns[ours] = theirs
    return columns


column_option = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    callback=_columns,
    help="What a table of others calls a column, such as id=video_idx; nothing after = leaves it out. Can be given "
    "several times.",
)
template_option = click.option(
    "--template",
    default="",
    help="What the folders of its rows are called, such as '{domain}_task/{id}', with columns of either name.",
)


def _where(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for text in given:
        column, equals, value = text.partition("=")
        if not equals or not column:
            raise click.BadParameter(f"{text!r}; expected COLUMN=VALUE, such as status=failed")
        values.setdefault(column, []).append(value)
    return values


_ROWS = {
    f"{word}s": click.option(
        f"--{word}",
        f"{word}s",
        multiple=True,
        shell_complete=complete_values,
        help=f"Only {what}. Can be given several times.",
    )
    for word, what in {
        "domain": "rows of this domain",
        "id": "the task with this id, or path",
        "model": "rows of this model",
        "evaluator": "rows of this evaluator",
        "experiment": "rows of this experiment",
    }.items()
}
_ROWS["where"] = click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    callback=_where,
    shell_complete=complete_where,
    help="Only rows with this value in a column of text or numbers; nothing after = for none. Can be given several "
    "times: of one column, any of the values will do.",
)


def rows_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which rows; the command gets what was said as `rows`."""

    @wraps(function)
    def command(**kwargs: Any) -> Any:  # noqa: ANN401 (whatever the command takes and gives)
        given = {name: kwargs.pop(name) for name in _ROWS}
        return function(**kwargs, rows={name: value for name, value in given.items() if value})

    for option in reversed(_ROWS.values()):
        command = option(command)
    return command
