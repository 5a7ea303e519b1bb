"""The commands that make a dataset and look at it: sample, check, build, info, demo."""

from __future__ import annotations

import shutil
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vmeval_hfds.cli.options import (
    PATH,
    allow_secrets_option,
    builder_option,
    column_option,
    dask_option,
    exclude_option,
    include_option,
    keep_incomplete_option,
    keep_top_folder_option,
    no_decode_option,
    num_proc_option,
    revision_option,
    rows_options,
    split_option,
    template_option,
    token_env_option,
)
from vmeval_hfds.cli.output import (
    counted,
    format_option,
    progress,
    refused_folder,
    returns_exit_code,
    rows_text,
    say,
    say_decoded,
    say_layout,
    say_left_out,
    show,
    size_text,
    table,
)
from vmeval_hfds.cli.places import (
    folder_place,
    open_any,
    rows_place,
    target_place,
)
from vmeval_hfds.cli.problems import problem_count, problem_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from vmeval_hfds.api.demo import Step
    from vmeval_hfds.api.info import InfoResult
    from vmeval_hfds.table.wanted import Chosen

_SHOWN_PATHS = 20


@click.command()
@target_place("The folder to write; it must not exist or be empty.")
@click.option(
    "--per-domain", default=3, show_default=True, type=click.IntRange(min=1), help="Questions a domain."
)
@click.option("--seed", default=42, show_default=True, help="The same seed gives the same bytes.")
@click.option("--num-proc", type=click.IntRange(min=1), help="How many processes.")
@format_option
def sample(target: Path, per_domain: int, seed: int, num_proc: int | None, form: str) -> None:
    """Write a small folder of real, solvable puzzles."""
    from vmeval_hfds.sample import write_sample

    folder = write_sample(target, per_domain, seed, num_proc)
    show(form, {"target": folder}, [f"Wrote a sample to {folder}."])


@click.command()
@folder_place()
@builder_option
@include_option
@exclude_option
@keep_top_folder_option
@click.option("--quick", is_flag=True, help="Read the frames' headers only, instead of decoding them.")
@click.option(
    "--all", "shows_all", is_flag=True, help="Show all problems, instead of the first few of each code."
)
@num_proc_option
@dask_option
@format_option
@returns_exit_code
def check(
    folder: Path,
    builder: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    keep_top_folder: bool,
    quick: bool,
    shows_all: bool,
    num_proc: int | None,
    executor: Executor | None,
    form: str,
) -> bool:
    """List every problem of a folder; exit 1 when one is an error."""
    from vmeval_builders.choice import Choice
    from vmeval_builders.scan import scan_rows
    from vmeval_hfds.api.check import check_walked
    from vmeval_hfds.engine.pool import Engine

    choice = Choice(include, exclude, keeps_top_folder=keep_top_folder)
    with Engine(num_proc, executor).keeping_workers() as engine:
        scan = scan_rows(folder, builder, choice, engine.seeing(folder))
        say_layout(scan.layout.name, scan.layout_found and bool(scan.units), form)
        say_left_out(scan.left_out, scan.top_folder, form)
        with progress("Checking", form) as callback:
            problems = check_walked(scan, quick, engine, callback)
    show(form, problems, chain(problem_lines(problems, shows_all), [f"{problem_count(problems)}."]))
    return not (problems and problems[0].severity == "error")


@click.command()
@folder_place()
@target_place("The dataset directory to write, or its URL.", or_url=True)
@builder_option
@split_option
@num_proc_option
@dask_option
@keep_incomplete_option
@include_option
@exclude_option
@keep_top_folder_option
@allow_secrets_option
@no_decode_option
@click.option("--force", is_flag=True, help="Replace a dataset that is there.")
@format_option
def build(
    folder: Path,
    target: Path | str,
    builder: str | None,
    split: str,
    num_proc: int | None,
    executor: Executor | None,
    keep_incomplete: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    keep_top_folder: bool,
    allow_secrets: bool,
    decode: bool,
    force: bool,
    form: str,
) -> None:
    """Turn a folder into a dataset directory that load_dataset reads."""
    from vmeval_hfds.api.build import build

    with refused_folder(form) as say_warnings:
        with progress("Building", form) as callback:
            result = build(
                folder,
                target,
                builder=builder,
                split=split,
                num_proc=num_proc,
                executor=executor,
                keep_incomplete=keep_incomplete,
                include=include,
                exclude=exclude,
                keep_top_folder=keep_top_folder,
                allow_secrets=allow_secrets,
                decode=decode,
                force=force,
                progress=callback,
            )
        say_layout(result.builder, result.builder_found, form)
        say_left_out(result.left_out, result.top_folder, form)
        say_decoded(result.decoded, form)
        say_warnings(result.problems)
    show(
        form,
        result,
        [
            f"Built {result.target}: {rows_text(result.builder, result.rows)} in "
            f"{counted(len(result.configs), 'config')}, {counted(result.files, 'file')}, "
            f"{size_text(result.source_bytes)}."
        ],
    )


@click.command()
@rows_place()
@builder_option
@column_option
@template_option
@revision_option
@rows_options
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="Count by this column, such as domain; by one, with bars. Can be given several times.",
)
@token_env_option
@format_option
def info(
    source: str | Path,
    builder: str | None,
    columns: dict[str, str],
    template: str,
    revision: str | None,
    rows: Chosen,
    by: tuple[str, ...],
    token_env: str,
    form: str,
) -> None:
    """Tell what is in a folder or a dataset, by domain and difficulty, or by model and status."""
    from vmeval_hfds.api.info import info

    opened, scan = open_any(source, builder, revision, token_env, bool(columns or template))
    result = info(opened, builder=builder, columns=columns, template=template, **rows)
    if scan:
        say_layout(result.layout.name, result.layout_found, form)
    names = tuple(dict.fromkeys(by)) or result.layout.shown
    lines = _bar_lines(result, *names) if len(names) == 1 and by else _info_lines(result, names, bool(rows))
    show(form, _info_object(result, names), lines)


def _bar_lines(result: InfoResult, by: str) -> Iterator[str]:
    from vmeval_hfds.cli.bars import bar_lines

    columns = shutil.get_terminal_size().columns
    yield from bar_lines([(group.names[0] or "-", group.rows) for group in result.groups(by)], columns)


def _info_object(result: InfoResult, names: tuple[str, ...]) -> dict[str, object]:
    groups = [
        {**dict(zip(names, group.names, strict=True)), **_counts(group)} for group in result.groups(*names)
    ]
    return {
        "name": result.name,
        "builder": result.layout.name,
        "rows": len(result.rows),
        "files": result.files,
        "size_bytes": result.size_bytes,
        "groups": groups,
        "manifest": None if result.manifest is None else list(result.manifest),
    }


def _counts(group: object) -> dict[str, object]:
    return {name: getattr(group, name) for name in ("rows", "frames", "videos", "size_bytes")}


def _info_lines(result: InfoResult, names: tuple[str, ...], is_part: bool) -> Iterator[str]:
    header = (*names, result.layout.name, "frames", "videos", "bytes")
    groups = result.groups(*names)
    rows = [
        (*group.names, group.rows, *map(_known, (group.frames, group.videos, group.size_bytes)))
        for group in groups
    ]
    yield from table(header, rows)
    if is_part:
        yield f"{counted(len(result.rows), result.layout.noun)} of those that there are."
        return
    yield f"{counted(len(result.rows), result.layout.noun)}, {_files_text(result)}."
    if result.manifest is None:
        if result.layout.manifest:
            yield "There is no manifest."
    elif not result.manifest:
        yield "The manifest agrees."
    else:
        yield from map(str, result.manifest[:_SHOWN_PATHS])
        yield f"The manifest disagrees in {counted(len(result.manifest), 'place')}."


def _known(number: int | None) -> int | str:
    return "unknown" if number is None else number


def _files_text(result: InfoResult) -> str:
    if result.files is None or result.size_bytes is None:
        return "files unknown: nothing lists them"
    return f"{counted(result.files, 'file')}, {size_text(result.size_bytes)}"


@click.command()
@click.option("--target", type=PATH, help="Where to keep what it makes; by default a temporary folder.")
@format_option
def demo(target: Path | None, form: str) -> None:
    """Take a sample from folder to dataset and back, and show every step."""
    from vmeval_hfds.api.demo import run_demo

    if target is None:
        from vmeval_hfds.scratch import scratch_folder

        with scratch_folder("vmeval-hfds-demo-") as folder:
            _show_demo(run_demo(folder / "demo"), form)
    else:
        _show_demo(run_demo(target), form)


def _show_demo(steps: Iterator[Step], form: str) -> None:
    done = []
    for step in steps:
        done.append(step)
        show(
            form if form == "human" else "quiet",
            None,
            [f"{step.name:<13} {step.seconds:6.2f} s  {step.result}"],
        )
    show("quiet" if form == "human" else form, done, [])
    if form == "human":
        say("The rebuilt folder is the sample, byte for byte. With your own questions:")
        say("  vmeval-hfds check data/questions")
        say("  vmeval-hfds build data/questions dataset")
        say("  vmeval-hfds export dataset rebuilt")


COMMANDS = (sample, check, build, info, demo)
