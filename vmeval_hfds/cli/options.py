"""Options that several commands share, and where a dataset is that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from vmeval_hfds.store.directory import DatasetFiles

PATH = click.Path(path_type=Path)

path_option = click.option(
    "--path",
    "folder",
    required=True,
    type=PATH,
    help="The folder, or a .tar or .tar.gz of it.",
)
builder_option = click.option(
    "--builder",
    metavar="NAME",
    help="What the folder holds: questions, outputs, evaluations or another builder; found out when left out.",
)
num_proc_option = click.option(
    "--num-proc",
    type=click.IntRange(min=1),
    help="How many processes; by default as many as the work is worth.",
)
split_option = click.option(
    "--split", default="test", show_default=True, help="The split that the rows go to."
)
keep_incomplete_option = click.option(
    "--keep-incomplete", is_flag=True, help="Take in questions without first frame or prompt, as nulls."
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
dataset_option = click.option("--dataset", type=PATH, help="A dataset directory.")
repo_id_option = click.option("--repo-id", metavar="USER/NAME", help="A repository on the Hub.")
revision_option = click.option(
    "--revision", help="A branch, tag or commit of it; by default its main branch."
)
token_env_option = click.option(
    "--token-env",
    default="HF_TOKEN",
    show_default=True,
    help="The environment variable that holds the token; without HF_TOKEN, it is the one that hf auth login keeps.",
)


def one_of(**given: object) -> None:
    """Make sure that just one of some options was given.

    Raises:
        click.UsageError: None was, or several were.
    """
    if sum(value is not None for value in given.values()) != 1:
        names = ["--" + name.replace("_", "-") for name in given]
        raise click.UsageError(f"Give {', '.join(names[:-1])} or {names[-1]}, and just one of them.")


def open_dataset(
    dataset: Path | None, repo_id: str | None, revision: str | None, token_env: str
) -> DatasetFiles:
    """Open the dataset that the options name, a repository at the commit that it is at now."""
    if dataset is not None:
        from vmeval_hfds.store.directory import open_dataset_dir

        return open_dataset_dir(dataset)
    from vmeval_hfds.store.repository import open_repo

    return open_repo(str(repo_id), revision, token_env)
