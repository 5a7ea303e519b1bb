"""The commands that mirror raw folders: upload, download, ls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmeval_hfds.cli.options import (
    allow_secrets_option,
    exclude_option,
    include_option,
    no_wait_option,
    token_env_option,
)
from vmeval_hfds.cli.output import (
    counted,
    format_option,
    progress,
    refused_folder,
    say,
    show,
    size_text,
    table,
)
from vmeval_hfds.cli.places import folder_place, repo_place, target_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vmeval_hfds.api.mirror import DownloadPlan, UploadPlan
    from vmeval_hfds.hub.repo import RemoteFile

_SHOWN_PATHS = 20

_repo_type_option = click.option(
    "--repo-type",
    type=click.Choice(["dataset", "model", "space"]),
    default="dataset",
    show_default=True,
    help="The kind of repository.",
)
_revision_option = click.option(
    "--revision", default="main", show_default=True, help="A branch, tag or commit."
)
_repo_place = repo_place("The repository, USER/NAME or its address.")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.command()
@folder_place("The folder to mirror.")
@repo_place("The repository, USER/NAME or its address; made where it is missing.")
@_repo_type_option
@click.option("--path-in-repo", default="", help="The folder of the repository to send to.")
@click.option("--private", is_flag=True, help="Make it private; refused where it exists and is public.")
@click.option("--commit-message", help="The commit's title.")
@click.option("--revision", default="main", show_default=True, help="The branch; made where it is missing.")
@include_option
@exclude_option
@click.option(
    "--delete",
    is_flag=True,
    help="Remove files of the repository that are not in the folder; never those of a dataset.",
)
@click.option("--force", is_flag=True, help="Go on where the repository holds a dataset.")
@allow_secrets_option
@click.option(
    "--skip-empty-folders", is_flag=True, help="Leave out empty folders, which the Hub cannot keep."
)
@_dry_run_option
@no_wait_option
@token_env_option
@format_option
def upload(
    folder: Path,
    repo_id: str,
    repo_type: str,
    path_in_repo: str,
    private: bool,
    commit_message: str | None,
    revision: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    delete: bool,
    force: bool,
    allow_secrets: bool,
    skip_empty_folders: bool,
    dry_run: bool,
    wait: bool,
    token_env: str,
    form: str,
) -> None:
    """Mirror a folder to the Hub as it is, in one commit."""
    from vmeval_hfds.api.mirror import hf_upload, plan_upload

    planned: dict[str, Any] = {
        "repo_type": repo_type,
        "path_in_repo": path_in_repo,
        "private": private,
        "revision": revision,
        "token_env": token_env,
        "wait": wait,
        "include": include,
        "exclude": exclude,
        "delete": delete,
        "force": force,
        "allow_secrets": allow_secrets,
        "skip_empty_folders": skip_empty_folders,
    }
    with refused_folder(form), progress("Uploading", form) as callback:
        if dry_run:
            plan = plan_upload(folder, repo_id, progress=callback, **planned)
        else:
            result = hf_upload(folder, repo_id, commit_message=commit_message, progress=callback, **planned)
    if dry_run:
        show(form, plan, _upload_lines(plan))
        return
    if form == "human":
        for line in _left_out_lines(result.left_out):
            say(line)
        _say_paths("sent as a copy of what the link leads to", result.links)
    show(
        form,
        result,
        [
            f"Uploaded {counted(result.uploaded, 'file')} to {result.repo_id}, {result.unchanged:,} there already, "
            f"{result.deleted:,} removed; commit {result.commit}."
        ],
    )


def _say_paths(what: str, paths: Sequence[str]) -> None:
    for line in _listed(what, paths):
        say(line)


def _listed(what: str, paths: Sequence[str]) -> Iterator[str]:
    from vmeval_hfds.mirror.plan import printable

    for path in paths[:_SHOWN_PATHS]:
        yield f"{what}: {printable(path)}"
    if len(paths) > _SHOWN_PATHS:
        yield f"{what}: {len(paths) - _SHOWN_PATHS:,} more; --format json lists all"


def _left_out_lines(left_out: Sequence[str]) -> Iterator[str]:
    """List what was left out; what tools left behind, in one line."""
    from vmeval_builders.choice import left_out_sentence, tool_name

    yield from _listed("left out", [path for path in left_out if not tool_name(path)])
    if of_tools := [path for path in left_out if tool_name(path)]:
        yield left_out_sentence(of_tools)


def _upload_lines(plan: UploadPlan) -> Iterator[str]:
    yield from _listed("send", plan.send)
    yield from _listed("remove", plan.delete)
    yield from _left_out_lines(plan.left_out)
    yield from _listed("sent as a copy of what the link leads to", plan.links)
    if plan.creates_repo:
        yield f"The {plan.repo_type} repository {plan.repo_id} would be made."
    if plan.creates_branch:
        yield f"The branch {plan.revision} would be made."
    yield (
        f"Would send {counted(len(plan.send), 'file')} ({size_text(plan.send_bytes)}) and remove "
        f"{len(plan.delete):,}; {plan.unchanged:,} are there already. {counted(plan.commits, 'commit')}, "
        f"about {counted(plan.requests, 'request')}."
    )
    if plan.push_requests is not None:
        yield (
            f"As a dataset it would take about {counted(plan.push_requests, 'request')}, and others could load it and "
            "rebuild the folder with a handful: see vmeval-hfds push and export."
        )


@click.command()
@_repo_place
@target_place("The folder to write; it may exist.")
@_repo_type_option
@_revision_option
@include_option
@click.option("--exclude", multiple=True, metavar="GLOB", help="Not what matches, in the same way.")
@click.option(
    "--prune",
    is_flag=True,
    help="Remove files that an earlier download brought and the repository no longer has.",
)
@click.option("--force", is_flag=True, help="Replace files that have other bytes.")
@_dry_run_option
@no_wait_option
@token_env_option
@format_option
def download(
    repo_id: str,
    target: Path,
    repo_type: str,
    revision: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    prune: bool,
    force: bool,
    dry_run: bool,
    wait: bool,
    token_env: str,
    form: str,
) -> None:
    """Bring a mirrored folder back, each file checked against the Hub's hash."""
    from vmeval_hfds.api.mirror import download, plan_download

    if dry_run:
        plan = plan_download(
            repo_id,
            target,
            repo_type,
            revision,
            token_env,
            include=include,
            exclude=exclude,
            prune=prune,
            force=force,
            wait=wait,
        )
        show(form, plan, _download_lines(plan))
        return
    with progress("Downloading", form) as callback:
        result = download(
            repo_id,
            target,
            repo_type,
            revision,
            token_env,
            include=include,
            exclude=exclude,
            prune=prune,
            force=force,
            wait=wait,
            progress=callback,
        )
    if form == "human":
        _say_paths("removed", result.pruned)
    show(
        form,
        result,
        [
            f"Downloaded {counted(result.written, 'file')} to {result.target}, {result.unchanged:,} there already; "
            f"commit {result.commit}."
        ],
    )


def _download_lines(plan: DownloadPlan) -> Iterator[str]:
    yield from _listed("write", plan.write)
    yield from _listed("remove", plan.prune)
    yield (
        f"Would bring {counted(len(plan.write), 'file')} ({size_text(plan.write_bytes)}) and remove "
        f"{len(plan.prune):,}; {plan.unchanged:,} are there already. About {counted(plan.requests, 'request')}."
    )
    if plan.export_requests is not None:
        yield (
            f"From a dataset (vmeval-hfds push), vmeval-hfds export would rebuild the same files with about "
            f"{counted(plan.export_requests, 'request')}."
        )


@click.command(name="ls")
@_repo_place
@_repo_type_option
@_revision_option
@click.option("--long", "is_long", is_flag=True, help="Show sizes and hashes too.")
@token_env_option
@format_option
def ls(repo_id: str, repo_type: str, revision: str, is_long: bool, token_env: str, form: str) -> None:
    """List the files of a repository, one path a line."""
    from vmeval_hfds.api.mirror import list_remote_files
    from vmeval_hfds.mirror.plan import printable

    files = list_remote_files(repo_id, repo_type, revision, token_env)
    result: object = files if is_long else [one.path for one in files]
    show(form, result, _long_lines(files) if is_long else [printable(one.path) for one in files])


def _long_lines(files: Sequence[RemoteFile]) -> Iterator[str]:
    rows = [(one.size_bytes, one.sha256 or one.git_sha1, one.path) for one in files]
    yield from table(("bytes", "hash", "path"), rows)


COMMANDS = (upload, download, ls)
