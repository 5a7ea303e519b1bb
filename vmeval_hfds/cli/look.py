"""The command that shows rows to people's eyes: gallery."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmeval_hfds.cli.options import (
    TARGET,
    builder_option,
    column_option,
    dask_option,
    revision_option,
    rows_options,
    template_option,
    token_env_option,
)
from vmeval_hfds.cli.output import (
    counted,
    format_option,
    progress,
    rows_text,
    say,
    say_layout,
    show,
    size_text,
)
from vmeval_hfds.cli.places import open_any, rows_place, target_place

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from vmeval_hfds.gallery.cards import GalleryResult
    from vmeval_hfds.gallery.compare import ComparisonResult
    from vmeval_hfds.rows.open import Opened
    from vmeval_hfds.table.wanted import Chosen

_SHOWN_FRAMES = 20


@click.command()
@rows_place(instead="outputs")
@target_place("The HTML file to write; a gallery is replaced.")
@click.option(
    "--outputs",
    help="Compare models: their runs side by side. A folder, archive, dataset directory or repository.",
)
@click.option("--evaluations", help="With --outputs: their results, for scores and a leaderboard.")
@click.option("--questions", help="With --outputs: the questions, for frames, prompts and ground truth.")
@click.option(
    "--assets",
    type=TARGET,
    help="With --outputs: a folder below the page's own for the videos, instead of the page.",
)
@builder_option
@column_option
@template_option
@revision_option
@rows_options
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Show so many rows at most, as evenly from all domains as they go.",
)
@click.option(
    "--publish", "space", metavar="SPACE", help="Make or update this static Space, USER/NAME, with the page."
)
@click.option("--private", is_flag=True, help="With --publish: a private Space.")
@dask_option
@token_env_option
@format_option
def gallery(
    source: str | Path | None,
    target: Path,
    outputs: str | None,
    evaluations: str | None,
    questions: str | None,
    assets: Path | None,
    builder: str | None,
    columns: dict[str, str],
    template: str,
    revision: str | None,
    rows: Chosen,
    limit: int | None,
    space: str | None,
    private: bool,
    executor: Executor | None,
    token_env: str,
    form: str,
) -> None:
    """Show rows on one HTML page, which can be opened from disk and mailed."""
    if outputs is None:
        if evaluations or questions or assets:
            raise click.UsageError("--evaluations, --questions and --assets go with --outputs.")
        assert source is not None
        opened, scan = open_any(source, builder, revision, token_env, bool(columns or template))
        if scan:
            say_layout(scan.layout.name, scan.layout_found, form)
        shown: GalleryResult | ComparisonResult
        options = {"builder": builder, "columns": columns, "template": template, "executor": executor}
        shown, told = _gallery(opened, target, form, **options, **rows, limit=limit)
    elif source is not None:
        raise click.UsageError("SOURCE and --outputs are both given, and only one of them can be meant.")
    else:
        sources = {"evaluations": evaluations, "questions": questions, "executor": executor}
        shown, told = _compare(outputs, target, form, **sources, assets=assets, **rows, limit=limit)
    if space is not None:
        from vmeval_hfds.api.publish_page import publish_page

        url = publish_page(target, space, assets=assets, private=private, token_env=token_env)
        shown, told = replace(shown, url=url), f"{told}\n{url}"
    show(form, shown, told.splitlines())


def _gallery(source: Opened, target: Path, form: str, **options: Any) -> tuple[GalleryResult, str]:  # noqa: ANN401
    """Write a row a card; give the result and what to say of it."""
    from vmeval_hfds.gallery.cards import write_gallery

    with progress("Drawing", form) as callback:
        result = write_gallery(source, target, **options, progress=callback)
    if result.broken and form == "human":
        say(f"{counted(len(result.broken), 'frame')} cannot be shown:")
        for line in result.broken[:_SHOWN_FRAMES]:
            say(f"  {line if line.isprintable() else ascii(line)[1:-1]}")
    return result, (
        f"Wrote {result.target}: {rows_text(result.builder, result.rows)} in "
        f"{counted(len(result.domains), 'domain')}, {size_text(result.size_bytes)}."
    )


def _compare(outputs: str, target: Path, form: str, **options: Any) -> tuple[ComparisonResult, str]:  # noqa: ANN401
    """Write models side by side; give the result and what to say of it."""
    from vmeval_hfds.api.compare import write_comparison

    with progress("Drawing", form) as callback:
        result = write_comparison(outputs, target, **options, progress=callback)
    if result.left_out_videos:
        say(
            f"{counted(result.left_out_videos, 'video')} are named only: the page holds those up to 4 MB, 100 MB in all; "
            "--assets puts them beside it."
        )
    return result, (
        f"Wrote {result.target}: {counted(result.rows, 'task')}, {counted(len(result.models), 'model')}, "
        f"{size_text(result.size_bytes)}."
    )


COMMANDS = (gallery,)
