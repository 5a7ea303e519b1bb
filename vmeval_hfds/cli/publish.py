"""The command that publishes a folder on the Hub: push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmeval_hfds.cli.options import (
    allow_secrets_option,
    builder_option,
    dask_option,
    exclude_option,
    include_option,
    keep_incomplete_option,
    keep_top_folder_option,
    no_decode_option,
    no_wait_option,
    num_proc_option,
    split_option,
    token_env_option,
)
from vmeval_hfds.cli.output import (
    counted,
    format_option,
    progress,
    refused_folder,
    rows_text,
    say_decoded,
    say_layout,
    say_left_out,
    show,
    size_text,
)
from vmeval_hfds.cli.places import folder_place, repo_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from vmeval_hfds.api.publication import PushResult
    from vmeval_hfds.api.push import PushPlan
    from vmeval_hfds.table.merge import RowChanges

_SHOWN_CONFIGS = 10


@click.command()
@folder_place()
@repo_place("The repository, USER/NAME; made where it is missing.")
@builder_option
@click.option("--private", is_flag=True, help="Make it private; refused where it exists and is public.")
@click.option("--commit-message", help="The commit's title.")
@click.option("--revision", default="main", show_default=True, help="The branch; made where it is missing.")
@click.option("--tag", help="A tag for the new commit.")
@split_option
@num_proc_option
@dask_option
@keep_incomplete_option
@include_option
@exclude_option
@keep_top_folder_option
@allow_secrets_option
@no_decode_option
@click.option("--license", "license_name", help="The card's licence, such as mit or cc-by-4.0.")
@click.option("--pretty-name", help="The card's title in the Hub's lists.")
@click.option(
    "--add", is_flag=True, help="Keep the other rows; add the folder's, or replace those with its paths."
)
@click.option(
    "--remove",
    multiple=True,
    metavar="GLOB",
    help="Keep the other rows but those with such paths; * stands for / too. Can be given several times.",
)
@click.option(
    "--allow-removals", is_flag=True, help="Remove whole configs, or more than a tenth of the rows."
)
@click.option("--create-pr", is_flag=True, help="Open a pull request instead, for those who may not write.")
@click.option("--force", is_flag=True, help="Go on where the repository holds something else.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@no_wait_option
@token_env_option
@format_option
def push(
    folder: Path,
    repo_id: str,
    builder: str | None,
    private: bool,
    commit_message: str | None,
    revision: str,
    tag: str | None,
    split: str,
    num_proc: int | None,
    executor: Executor | None,
    keep_incomplete: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    keep_top_folder: bool,
    allow_secrets: bool,
    decode: bool,
    license_name: str | None,
    pretty_name: str | None,
    add: bool,
    remove: tuple[str, ...],
    allow_removals: bool,
    create_pr: bool,
    force: bool,
    dry_run: bool,
    wait: bool,
    token_env: str,
    form: str,
) -> None:
    """Publish a folder as a dataset that load_dataset reads."""
    from vmeval_hfds.api.push import plan_push, push_to_hub

    planned: dict[str, Any] = {
        "builder": builder,
        "revision": revision,
        "tag": tag,
        "split": split,
        "num_proc": num_proc,
        "executor": executor,
        "keep_incomplete": keep_incomplete,
        "include": include,
        "exclude": exclude,
        "keep_top_folder": keep_top_folder,
        "allow_secrets": allow_secrets,
        "add": add,
        "remove": remove,
        "allow_removals": allow_removals,
        "decode": decode,
        "force": force,
        "token_env": token_env,
        "wait": wait,
    }
    with refused_folder(form) as say_warnings:
        if dry_run:
            plan = plan_push(folder, repo_id, **planned)
            say_layout(plan.builder, plan.builder_found, form)
            say_left_out(plan.left_out, plan.top_folder, form)
            say_decoded(plan.decoded, form)
            say_warnings(plan.problems)
            show(form, plan, _plan_lines(plan))
            return
        with progress("Checking", form) as callback, progress("Sending", form) as sending:
            result = push_to_hub(
                folder,
                repo_id,
                private=private,
                commit_message=commit_message,
                license_name=license_name,
                pretty_name=pretty_name,
                create_pr=create_pr,
                progress=callback,
                sending=sending,
                **planned,
            )
        say_layout(result.builder, result.builder_found, form)
        say_left_out(result.left_out, result.top_folder, form)
        say_decoded(result.decoded, form)
        say_warnings(result.problems)
    show(form, result, _result_lines(result))


def _result_lines(result: PushResult) -> Iterator[str]:
    yield from _change_lines(result.changes, "")
    if result.pull_request:
        yield f"Opened a pull request with {rows_text(result.builder, result.rows)}: {result.pull_request}"
        return
    did = "Published" if result.changed else "Nothing changed:"
    configs = counted(len(result.configs), "config")
    yield (
        f"{did} {rows_text(result.builder, sum(result.configs.values()))} in {configs}: {result.repo_id}, "
        f"{result.revision} is at {result.commit}."
    )
    if result.tag:
        yield f"Tagged it {result.tag}."
    yield result.url


def _change_lines(changes: RowChanges, would: str) -> Iterator[str]:
    """Say what is added, changed and removed, by config; nothing where nothing is."""
    for what in ("added", "changed", "removed"):
        counts = getattr(changes, what)
        if sum(counts.values()):
            of_configs = [f"{config} {count:,}" for config, count in sorted(counts.items())]
            more = (
                f", and {len(of_configs) - _SHOWN_CONFIGS:,} more" if len(of_configs) > _SHOWN_CONFIGS else ""
            )
            yield f"{would}{what}: {sum(counts.values()):,} ({', '.join(of_configs[:_SHOWN_CONFIGS])}{more})"


def _plan_lines(plan: PushPlan) -> Iterator[str]:
    if plan.creates_repo:
        yield f"The repository {plan.repo_id} would be made."
    yield from _change_lines(plan.changes, "would be ")
    unchanged = sum(plan.changes.unchanged.values())
    yield (
        f"The folder has {rows_text(plan.builder, plan.rows)} in {counted(plan.files, 'file')}; {unchanged:,} are "
        "published as they are."
    )
    yield (
        f"{plan.new_shards:,} of {counted(plan.shards, 'shard')} would be sent, with files of "
        f"{size_text(plan.new_bytes)}, in {counted(plan.commits, 'commit')}."
    )


COMMANDS = (push,)
