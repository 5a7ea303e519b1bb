"""What a command works on, given in its place (``check FOLDER``) or by its option (``check --path FOLDER``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vmeval_hfds.cli.options import FOLDER, TARGET

if TYPE_CHECKING:
    from vmeval_builders.scan import Scan
    from vmeval_hfds.rows.open import Opened
    from vmeval_hfds.store.directory import DatasetFiles

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]


def place(name: str, metavar: str, option: str, help: str, kind: click.ParamType[Any]) -> Decorator[Any]:
    """Let one thing be given in its place or by its option.

    Args:
        name: The command's parameter that gets it.
        metavar: What the usage line calls it.
        option: The option, such as ``--path``.
        help: What `--help` says of the option.
        kind: What it is.
    """
    return _places(name, metavar, kind, {option: (kind, help)})


def folder_place(help: str = "The folder, or its URL, or a .tar or .tar.gz of it.") -> Decorator[Any]:
    """Let a folder be given."""
    return place("folder", "FOLDER", "--path", help, FOLDER)


def target_place(help: str, *, or_url: bool = False) -> Decorator[Any]:
    """Let the place of the result be given: a path, and where it is said so a URL too."""
    return place("target", "TARGET", "--target", help, FOLDER if or_url else TARGET)


def repo_place(help: str) -> Decorator[Any]:
    """Let a repository be given."""
    return place("repo_id", "REPO", "--repo-id", help, click.STRING)


def dataset_place() -> Decorator[Any]:
    """Let a repository or a dataset directory be given, as `source`."""
    return _places("source", "REPO_OR_DATASET", click.STRING, _DATASETS)


def rows_place(instead: str = "") -> Decorator[Any]:
    """Let anything be given that holds rows, as `source`.

    Args:
        instead: A parameter that may be given in its place; then `source` is None.
    """
    folder = {"--path": (FOLDER, "A folder, or its URL, or a .tar or .tar.gz of it.")}
    return _places("source", "SOURCE", click.STRING, {**folder, **_DATASETS}, instead)


class _RepoId(click.ParamType[str]):
    """A repository's name, which is never a path here, as an address that says so."""

    name = "repository"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if "://" in value:
            return value
        repo_id, marked, revision = value.partition("@")
        return f"hf://datasets/{repo_id}{marked}{revision.replace('/', '%2F')}"


_DATASETS: dict[str, tuple[click.ParamType[Any], str]] = {
    "--dataset": (FOLDER, "A dataset directory, or its URL."),
    "--repo-id": (_RepoId(), "A repository on the Hub: USER/NAME, USER/NAME@REVISION or its address."),
}


def _places(
    name: str,
    metavar: str,
    kind: click.ParamType[Any],
    options: dict[str, tuple[click.ParamType[Any], str]],
    instead: str = "",
) -> Decorator[Any]:
    keys = {option: f"{name}_{option.strip('-').replace('-', '_')}" for option in options}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(**kwargs: object) -> object:
            given = {metavar: kwargs.pop(f"{name}_in_its_place")}
            given |= {option: kwargs.pop(key) for option, key in keys.items()}
            if instead and kwargs[instead] is not None and not any(given.values()):
                return function(**kwargs, **{name: None})
            return function(**kwargs, **{name: _only(given)})

        for option, key in reversed(keys.items()):
            option_kind, text = options[option]
            command = click.option(option, key, type=option_kind, help=text)(command)
        return click.argument(f"{name}_in_its_place", metavar=f"[{metavar}]", required=False, type=kind)(
            command
        )

    return decorate


def _only(given: dict[str, Any]) -> Any:  # noqa: ANN401 (whatever click made of it)
    """Take the one thing that was given.

    Raises:
        click.UsageError: Nothing was, or several things were.
    """
    found = {name: value for name, value in given.items() if value is not None}
    if len(found) == 1:
        return next(iter(found.values()))
    place_name, *options = given
    if not found:
        raise click.UsageError(f"Missing {place_name}: give it in its place, or with {' or '.join(options)}.")
    raise click.UsageError(f"{' and '.join(found)} are both given, and only one of them can be meant.")


def open_dataset(source: str | Path, revision: str | None, token_env: str, wait: bool = True) -> DatasetFiles:
    """Open the dataset that is meant, a repository at the commit that it is at now."""
    from vmeval_hfds.rows.open import open_files

    return open_files(source, revision=revision, token_env=token_env, wait=wait)


def open_any(
    source: str | Path, builder: str | None, revision: str | None, token_env: str, is_table: bool = False
) -> tuple[Opened, Scan | None]:
    """Open whatever is meant; give it, and the same where it is a folder."""
    from vmeval_builders.scan import Scan
    from vmeval_hfds.rows.open import open_source

    opened = open_source(source, builder, revision=revision, token_env=token_env, is_table=is_table)
    return opened, opened if isinstance(opened, Scan) else None
