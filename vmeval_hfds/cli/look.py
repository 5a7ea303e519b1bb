"""The command that shows rows to people's eyes: gallery."""

from __future__ import annotations

from pathlib import Path

import click

from vmeval_hfds.cli.options import (
    TARGET,
    builder_option,
    column_option,
    revision_option,
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
@click.option("--domain", "domains", multiple=True, help="Only this domain. Can be given several times.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Show so many rows at most, as evenly from all domains as they go.",
)
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
    domains: tuple[str, ...],
    limit: int | None,
    token_env: str,
    form: str,
) -> None:
    """Show rows on one HTML page, which can be opened from disk and mailed."""
    if outputs is not None:
        _compare(outputs, target, evaluations, questions, assets, domains, limit, form, given=source)
        return
    if evaluations or questions or assets:
        raise click.UsageError("--evaluations, --questions and --assets go with --outputs.")
    from vmeval_hfds.gallery.cards import write_gallery

    assert source is not None
    opened, scan = open_any(source, builder, revision, token_env, bool(columns or template))
    if scan:
        say_layout(scan.layout.name, scan.layout_found, form)
    with progress("Drawing", form) as callback:
        result = write_gallery(
            opened,
            target,
            builder=builder,
            columns=columns,
            template=template,
            domains=domains,
            limit=limit,
            progress=callback,
        )
    if result.broken and form == "human":
        say(f"{counted(len(result.broken), 'frame')} cannot be shown:")
        for line in result.broken[:_SHOWN_FRAMES]:
            say(f"  {line if line.isprintable() else ascii(line)[1:-1]}")
    show(
        form,
        result,
        [
            f"Wrote {result.target}: {rows_text(result.builder, result.rows)} in "
            f"{counted(len(result.domains), 'domain')}, {size_text(result.size_bytes)}."
        ],
    )


def _compare(
    outputs: str,
    target: Path,
    evaluations: str | None,
    questions: str | None,
    assets: Path | None,
    domains: tuple[str, ...],
    limit: int | None,
    form: str,
    *,
    given: object,
) -> None:
    """Write models side by side."""
    if given is not None:
        raise click.UsageError("SOURCE and --outputs are both given, and only one of them can be meant.")
    from vmeval_hfds.api.compare import write_comparison

    with progress("Drawing", form) as callback:
        result = write_comparison(
            outputs,
            target,
            evaluations=evaluations,
            questions=questions,
            domains=domains,
            limit=limit,
            assets=assets,
            progress=callback,
        )
    if result.left_out_videos:
        say(
            f"{counted(result.left_out_videos, 'video')} are named only: the page holds those up to 4 MB, 100 MB in all; "
            "--assets puts them beside it."
        )
    show(
        form,
        result,
        [
            f"Wrote {result.target}: {counted(result.rows, 'task')}, {counted(len(result.models), 'model')}, "
            f"{size_text(result.size_bytes)}."
        ],
    )


COMMANDS = (gallery,)
