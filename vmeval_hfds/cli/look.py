"""The command that shows rows to people's eyes: gallery."""

from __future__ import annotations

from pathlib import Path

import click

from vmeval_hfds.cli.options import builder_option, revision_option, token_env_option
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
@rows_place()
@target_place("The HTML file to write; a gallery is replaced.")
@builder_option
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
    source: str | Path,
    target: Path,
    builder: str | None,
    revision: str | None,
    domains: tuple[str, ...],
    limit: int | None,
    token_env: str,
    form: str,
) -> None:
    """Show rows on one HTML page, which can be opened from disk and mailed."""
    from vmeval_hfds.gallery.cards import write_gallery

    opened, scan = open_any(source, builder, revision, token_env)
    if scan:
        say_layout(scan.layout.name, scan.layout_found, form)
    with progress("Drawing", form) as callback:
        result = write_gallery(
            opened, target, builder=builder, domains=domains, limit=limit, progress=callback
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


COMMANDS = (gallery,)
