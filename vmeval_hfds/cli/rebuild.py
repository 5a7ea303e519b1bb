"""The commands that bring the folder back, and compare: export, verify, diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmeval_hfds.cli.options import (
    builder_option,
    column_option,
    dask_option,
    exclude_option,
    include_option,
    keep_top_folder_option,
    no_wait_option,
    num_proc_option,
    revision_option,
    rows_options,
    template_option,
    token_env_option,
)
from vmeval_hfds.cli.output import (
    counted,
    format_option,
    progress,
    returns_exit_code,
    rows_text,
    say,
    say_left_out,
    show,
    size_text,
)
from vmeval_hfds.cli.places import (
    dataset_place,
    folder_place,
    open_any,
    open_dataset,
    target_place,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from vmeval_hfds.api.diff import DiffResult
    from vmeval_hfds.api.exported import ExportPlan
    from vmeval_hfds.api.verify import VerifyResult
    from vmeval_hfds.table.wanted import Chosen

_SHOWN_PATHS = 20


@click.command()
@dataset_place()
@target_place("The folder to write; it may exist. Or its URL.", or_url=True)
@revision_option
@builder_option
@column_option
@template_option
@rows_options
@click.option("--force", is_flag=True, help="Replace files that have other bytes.")
@click.option("--strict", is_flag=True, help="Refuse rows that are not what the list of files says.")
@click.option(
    "--update", is_flag=True, help="Replace files that an earlier export wrote and nobody changed since."
)
@click.option("--prune", is_flag=True, help="Remove such files where the dataset no longer has them.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@num_proc_option
@dask_option
@no_wait_option
@token_env_option
@format_option
def export(
    source: str | Path,
    target: Path | str,
    revision: str | None,
    builder: str | None,
    columns: dict[str, str],
    template: str,
    rows: Chosen,
    force: bool,
    strict: bool,
    update: bool,
    prune: bool,
    dry_run: bool,
    num_proc: int | None,
    executor: Executor | None,
    wait: bool,
    token_env: str,
    form: str,
) -> None:
    """Write a dataset's rows as the folder that they came from."""
    from vmeval_hfds.api.export import export, plan_export

    dataset = open_dataset(source, revision, token_env, wait)
    wanted: dict[str, Any] = {
        "builder": builder,
        "columns": columns,
        "template": template,
        **rows,
        "force": force,
        "strict": strict,
        "update": update,
        "prune": prune,
        "num_proc": num_proc,
        "executor": executor,
    }
    if dry_run:
        plan = plan_export(dataset, target, **wanted)
        show(form, plan, _plan_lines(plan))
        return
    with progress("Exporting", form) as callback:
        result = export(dataset, target, **wanted, progress=callback)
    _say_paths("changed since the list of files was made, and exported as the rows have them", result.changed)
    _say_paths("of rows that were added since, exported too", result.added)
    _say_paths("listed, but held by no row, so not exported", result.missing)
    if not result.listed:
        say("This table lists no files: a manifest, further files and empty folders cannot come back.")
    if result.unused_columns:
        say(f"Columns that are no files, so not exported: {', '.join(result.unused_columns)}")
    _say_paths("that the dataset no longer has, removed", result.pruned)
    if result.not_kept:
        say(f"Not there, for a store keeps no empty folders: {counted(len(result.not_kept), 'folder')}.")
    show(
        form,
        result,
        [
            f"Exported {rows_text(result.builder, result.rows)} to {result.target}: "
            f"{counted(result.written, 'file')} written, {result.kept:,} there already."
        ],
    )


def _plan_lines(plan: ExportPlan) -> Iterator[str]:
    from vmeval_hfds.mirror.plan import printable

    yield from (f"replace: {printable(path)}" for path in plan.replace[:_SHOWN_PATHS])
    yield from (f"remove: {printable(path)}" for path in plan.prune[:_SHOWN_PATHS])
    yield (
        f"Would write {counted(len(plan.write), 'file')} of {rows_text(plan.builder, plan.rows)}, "
        f"{len(plan.replace):,} of them in place of others, and remove {len(plan.prune):,}; {plan.kept:,} are there "
        f"already. About {size_text(plan.read_bytes)} would be read."
    )


def _say_paths(what: str, paths: Sequence[str]) -> None:
    if paths:
        say(f"{counted(len(paths), 'file')} {what}: {', '.join(paths[:3])}{', …' if len(paths) > 3 else ''}")


@click.command()
@folder_place()
@dataset_place()
@builder_option
@revision_option
@rows_options
@include_option
@exclude_option
@keep_top_folder_option
@num_proc_option
@dask_option
@token_env_option
@format_option
@returns_exit_code
def verify(
    folder: Path,
    source: str | Path,
    builder: str | None,
    revision: str | None,
    rows: Chosen,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    keep_top_folder: bool,
    num_proc: int | None,
    executor: Executor | None,
    token_env: str,
    form: str,
) -> bool:
    """Say which files of a folder are not what a dataset lists; exit 1 when one is not."""
    from vmeval_hfds.api.verify import verify

    dataset = open_dataset(source, revision, token_env)
    with progress("Verifying", form) as callback:
        result = verify(
            folder,
            dataset,
            builder=builder,
            include=include,
            exclude=exclude,
            keep_top_folder=keep_top_folder,
            num_proc=num_proc,
            executor=executor,
            progress=callback,
            **rows,
        )
    say_left_out(result.left_out, result.top_folder, form)
    show(form, result, _verify_lines(result))
    return result.same


def _verify_lines(result: VerifyResult) -> Iterator[str]:
    for kind in ("missing", "extra", "different", "other_times"):
        for path in getattr(result, kind):
            yield f"{kind.replace('_', ' ')}: {path if path.isprintable() else ascii(path)[1:-1]}"
    times = f", {len(result.other_times):,} of another time" if result.other_times else ""
    yield (
        f"{counted(result.files, 'file')} listed: {len(result.missing):,} missing, {len(result.extra):,} extra, "
        f"{len(result.different):,} different{times}."
    )


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@builder_option
@rows_options
@num_proc_option
@dask_option
@token_env_option
@format_option
@returns_exit_code
def diff(
    old: str,
    new: str,
    builder: str | None,
    rows: Chosen,
    num_proc: int | None,
    executor: Executor | None,
    token_env: str,
    form: str,
) -> bool:
    """Say which rows differ between two versions; exit 1 when one does.

    OLD and NEW are each a folder, an archive, a dataset directory, USER/NAME, USER/NAME@REVISION or a repository's
    address. No picture is fetched.
    """
    from vmeval_hfds.api.diff import diff_datasets

    sides = [open_any(source, builder, None, token_env)[0] for source in (old, new)]
    with progress("Comparing", form) as callback:
        result = diff_datasets(
            *sides, builder=builder, num_proc=num_proc, executor=executor, progress=callback, **rows
        )
    if result.replaced:
        say(
            f"{counted(len(result.replaced), 'shard')} somebody replaced since the list of files was made, so what "
            f"their rows hold was not compared: {', '.join(result.replaced[:3])}"
        )
    show(form, result, _diff_lines(result))
    return result.same


def _diff_lines(result: DiffResult) -> Iterator[str]:
    from vmeval_hfds.mirror.plan import printable

    for row in result.removed:
        yield f"removed: {printable(row.path)}"
    for row in result.added:
        yield f"added: {printable(row.path)}"
    for changed in result.changed:
        parts = [
            *(f"+{name}" for name in changed.added),
            *(f"-{name}" for name in changed.removed),
            *changed.changed,
        ]
        keys = f" ({', '.join(map(printable, changed.keys))})" if changed.keys else ""
        yield f"changed: {printable(changed.path)}: {', '.join(map(printable, parts))}{keys}"
    for kind in ("other_removed", "other_added", "other_changed"):
        for path in getattr(result, kind):
            yield f"{kind.removeprefix('other_')}, outside of rows: {printable(path)}"
    for path in result.other_times:
        yield f"other time: {printable(path)}"
    for config, counts in result.configs.items():
        yield f"{printable(config)}: {', '.join(f'{count:,} {kind}' for kind, count in counts.items() if count)}"
    others = len(result.other_added) + len(result.other_removed) + len(result.other_changed)
    yield (
        f"{counted(len(result.added), 'row')} added, {len(result.removed):,} removed, {len(result.changed):,} changed; "
        f"{counted(others, 'file')} outside of rows."
    )


COMMANDS = (export, verify, diff)
