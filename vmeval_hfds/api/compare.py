"""Show models side by side on one page, with the leaderboard on top."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Unpack

from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.gallery.compare import ComparisonResult, write_page
from vmeval_hfds.gallery.comparison import board_table
from vmeval_hfds.rows.open import Source
from vmeval_hfds.table.wanted import Chosen

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd


def write_comparison(
    outputs: Source,
    target: str | os.PathLike[str],
    *,
    evaluations: Source | None = None,
    questions: Source | None = None,
    limit: int | None = None,
    title: str | None = None,
    assets: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **rows: Unpack[Chosen],
) -> ComparisonResult:
    """Write runs of several models on one HTML page: a task a row, a model a column.

    The page loads nothing and runs nothing but its own script. Each may be a folder, an archive, a dataset directory or a
    repository; what is shown is read by projection, a row group at a time.

    Args:
        outputs: The runs; of several by a model on a task, the last one is shown.
        target: The HTML file. A gallery or comparison that is there is replaced.
        evaluations: Their results: scores beside the videos, and the leaderboard on top.
        questions: The questions, with frames, prompt and ground truth; without them, what the runs keep of them.
        limit: Show so many tasks at most, as evenly from all domains as they go.
        title: The page's title; None is the name of the outputs.
        assets: A folder below the page's own for the videos. Without it those up to 4 MB, 100 MB in all, are in the
            page, and others are named.
        executor: Draws in place of this process: any `concurrent.futures.Executor`, such as Dask's. The frames are
            sent to its workers, which need not see the source.
        progress: Called with runs done and runs in all.
        **rows: Which runs, as `export` takes them: `domains`, `ids`, `models`, `experiments`, `where`. The leaderboard
            on top is of all.

    Raises:
        DatasetError: One of them is something else, or damaged.
        TargetExistsError: Something that is no gallery is at the target.
        UnknownNameError: No run has what is asked for, or outputs have no such column.
    """
    board = "" if evaluations is None else _board(evaluations, outputs)
    return write_page(
        outputs,
        target,
        evaluations=evaluations,
        questions=questions,
        board=board,
        limit=limit,
        title=title,
        assets=assets,
        executor=executor,
        progress=progress,
        **rows,
    )


def _board(evaluations: Source, outputs: Source) -> str:
    from vmeval_hfds.api.leaderboard import leaderboard

    board: pd.DataFrame = leaderboard(evaluations, outputs=outputs, by=("evaluator", "model"))
    board = board.sort_values("score", ascending=False, na_position="last")
    columns = [str(name) for name in board.columns]
    rows = (
        [None if value is None or value != value else value for value in row]
        for row in board.astype(object).where(board.notna(), None).itertuples(index=False, name=None)
    )
    return board_table(columns, rows)
