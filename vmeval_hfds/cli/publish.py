"""The command that publishes a folder on the Hub: push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmeval_hfds.cli.options import (
    allow_secrets_option,
    builder_option,
    exclude_option,
    include_option,
    keep_incomplete_option,
    num_proc_option,
    path_option,
    split_option,
    token_env_option,
)
from vmeval_hfds.cli.output import (
    counted,
    format_option,
    progress,
    refused_folder,
    rows_text,
    say_layout,
    say_left_out,
    show,
    size_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vmeval_hfds.api.push import PushPlan


@click.command()
@path_option
@click.option(
    "--repo-id", required=True, metavar="USER/NAME", help="The repository; made where it is missing."
)
@builder_option
@click.option("--private", is_flag=True, help="Make it private; refused where it exists and is public.")
@click.option("--commit-message", help="The commit's title.")
@click.option("--revision", default="main", show_default=True, help="The branch; made where it is missing.")
@click.option("--tag", help="A tag for the new commit.")
@split_option
@num_proc_option
@keep_incomplete_option
@include_option
@exclude_option
@allow_secrets_option
@click.option("--license", "license_name", help="The card's licence, such as mit or cc-by-4.0.")
@click.option("--pretty-name", help="The card's title in the Hub's lists.")
@click.option("--force", is_flag=True, help="Go on where the repository holds something else.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
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
    keep_incomplete: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    allow_secrets: bool,
    license_name: str | None,
    pretty_name: str | None,
    force: bool,
    dry_run: bool,
    token_env: str,
    form: str,
) -> None:
    """Publish a folder as a dataset that load_dataset reads."""
    from vmeval_hfds.api.push import plan_push, push

    planned: dict[str, Any] = {
        "builder": builder,
        "revision": revision,
        "tag": tag,
        "split": split,
        "num_proc": num_proc,
        "keep_incomplete": keep_incomplete,
        "include": include,
        "exclude": exclude,
        "allow_secrets": allow_secrets,
        "force": force,
        "token_env": token_env,
    }
    with refused_folder(form) as say_warnings:
        if dry_run:
            plan = plan_push(folder, repo_id, **planned)
            say_layout(plan.builder, plan.builder_found, form)
            say_left_out(plan.left_out, form)
            show(form, plan, _plan_lines(plan))
            return
        with progress("Reading", form) as callback:
            result = push(
                folder,
                repo_id,
                private=private,
                commit_message=commit_message,
                license_name=license_name,
                pretty_name=pretty_name,
                progress=callback,
                **planned,
            )
        say_layout(result.builder, result.builder_found, form)
        say_left_out(result.left_out, form)
        say_warnings(result.problems)
    did = "Published" if result.changed else "Nothing changed:"
    show(
        form,
        result,
        [
            f"{did} {rows_text(result.builder, result.rows)} in {counted(len(result.configs), 'config')}: "
            f"{result.repo_id}, {result.revision} is at {result.commit}."
        ],
    )


def _plan_lines(plan: PushPlan) -> Iterator[str]:
    yield f"repository  {plan.repo_id}{' (would be made)' if plan.creates_repo else ''}"
    yield f"{plan.builder:<11} {plan.rows:,} in {counted(len(plan.configs), 'config')}"
    yield f"files       {plan.files:,}, {size_text(plan.source_bytes)}; shards that are there already are not sent"
    yield f"shards      {plan.shards:,}"
    yield f"commits     {plan.commits:,} on the branch"
    yield f"requests    about {plan.requests:,}"


COMMANDS = (push,)
