"""The command that shows rows to people's eyes: gallery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vmeval_hfds.cli.options import (
    PATH,
    builder_option,
    dataset_option,
    one_of,
    open_dataset,
    repo_id_option,
    revision_option,
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

if TYPE_CHECKING:
    from vmeval_builders.scan import Scan

_SHOWN_FRAMES = 20


@click.command()
@click.option("--path", "folder", type=PATH, help="A folder.")
@builder_option
@dataset_option
@repo_id_option
@revision_option
@click.option("--target", required=True, type=PATH, help="The HTML file to write; a gallery is replaced.")
@click.option("--domain", "domains", multiple=True, help="Only this domain. Can be given several times.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Show so many rows at most, as evenly from all domains as they go.",
)
@token_env_option
@format_option
def gallery(
    folder: Path | None,
    builder: str | None,
    dataset: Path | None,
    repo_id: str | None,
    revision: str | None,
    target: Path,
    domains: tuple[str, ...],
    limit: int | None,
    token_env: str,
    form: str,
) -> None:
    """Show rows on one HTML page, which can be opened from disk and mailed."""
    from vmeval_hfds.gallery.cards import write_gallery

    one_of(path=folder, dataset=dataset, repo_id=repo_id)
    source = _scan(folder, builder, form) if folder else open_dataset(dataset, repo_id, revision, token_env)
    with progress("Drawing", form) as callback:
        result = write_gallery(
            source, target, builder=builder, domains=domains, limit=limit, progress=callback
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


def _scan(folder: Path, builder: str | None, form: str) -> Scan:
    from vmeval_builders.scan import scan_rows

    scan = scan_rows(folder, builder)
    say_layout(scan.layout.name, scan.layout_found, form)
    return scan


COMMANDS = (gallery,)
