"""The comparison's HTML: a task a row, a model a column, with videos, scores and the leaderboard on top."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from statistics import fmean

from vmeval_hfds.gallery.page import VIDEO_KINDS, Clip, Picture, fill, hash_of, picture_url, text_of


@dataclass(frozen=True, slots=True)
class Cell:
    """What a model made of a task.

    Attributes:
        model: The model.
        clip: Its video; None where there is none.
        address: Where the video lies beside the page, or on the Hub; empty where it is in the page, or nowhere.
        status: How the run ended, as its metadata says.
        error: What went wrong.
        scores: Evaluator to the score, as text, and as a number where it is one.
        poster: A picture to show until it plays, such as the first frame.
    """

    model: str
    clip: Clip | None
    address: str = ""
    status: str = ""
    error: str = ""
    scores: Sequence[tuple[str, str, float | None]] = ()
    poster: Picture = field(default_factory=Picture)

    @property
    def mean(self) -> float | None:
        """The mean of its scores that are numbers."""
        numbers = [number for _, _, number in self.scores if number is not None]
        return fmean(numbers) if numbers else None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task, and what every model made of it.

    Attributes:
        anchor: What a link to the row ends in.
        task_id: The task's id.
        domain: Its domain.
        split: Its split; empty where there is none.
        prompt: What was asked.
        first: The first frame.
        final: The final frame.
        truth: The ground-truth video.
        cells: The models' runs, in the order of the columns.
    """

    anchor: str
    task_id: str
    domain: str
    split: str
    prompt: str | None
    first: Picture
    final: Picture
    truth: Clip | None
    cells: Sequence[Cell]


def page_around(title: str, summary: str, board: str, addresses: bool) -> tuple[str, str]:
    """Give what stands before and after the rows; nothing runs but the page's own script.

    Args:
        title: The page's title.
        summary: A sentence on what is shown.
        board: The leaderboard, as `board_table` makes it.
        addresses: Whether videos lie beside the page or on the Hub, and so must be loaded.
    """
    template = files("vmeval_hfds.gallery").joinpath("comparison.html").read_text(encoding="utf-8")
    media = "data: 'self' file: https:" if addresses else "data:"
    policy = (
        f"default-src 'none'; img-src data:; media-src {media}; style-src {hash_of('style', template)}; "
        f"script-src {hash_of('script', template)}; base-uri 'none'; form-action 'none'"
    )
    before, _, after = template.replace("@policy@", policy).partition("@cards@\n")
    filled = {"@board@": board, "@summary@": text_of(summary), "@title@": text_of(title)}
    return fill(before, filled), after


def board_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a leaderboard as a table; numbers stand to the right."""
    head = "".join(f"<th>{text_of(name.replace('_', ' '))}</th>" for name in columns)
    lines = []
    for row in rows:
        cells = "".join(
            f'<td class="number">{text_of(_number(value))}</td>'
            if isinstance(value, int | float)
            else f"<td>{text_of('' if value is None else str(value))}</td>"
            for value in row
        )
        lines.append(f"<tr>{cells}</tr>\n")
    if not lines:
        return ""
    return (
        f'<section class="board" aria-label="Leaderboard"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody></table></section>\n"
    )


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")


def row_html(row: TaskRow) -> str:
    """Write one row: the question, then each model's run."""
    means = [mean for cell in row.cells if (mean := cell.mean) is not None]
    spread = max(means) - min(means) if len(means) > 1 else None
    failed = sum(_has_failed(cell) for cell in row.cells)
    facts: Mapping[str, object] = {
        "domain": row.domain,
        "split": row.split,
        "spread": "" if spread is None else f"{spread:.6g}",
        "mean": f"{fmean(means):.6g}" if means else "",
        "failed": failed,
    }
    stated = " ".join(f'data-{name}="{text_of(str(value))}"' for name, value in facts.items())
    tags = f'<span class="tag">{text_of(row.domain)}</span>'
    tags += f'<span class="tag">{text_of(row.split)}</span>' if row.split else ""
    tags += f'<span class="tag">spread {text_of(_number(spread))}</span>' if spread is not None else ""
    cells = "".join(_cell(cell, row.task_id) for cell in row.cells)
    return (
        f'<article class="row" id="{text_of(row.anchor)}" {stated}>\n'
        f'<div class="head"><a href="#{text_of(row.anchor)}">{text_of(row.task_id)}</a>{tags}'
        '<button type="button" class="play">Play all</button></div>\n'
        f'<div class="cells">{_question(row)}{cells}</div>\n</article>\n'
    )


def _question(row: TaskRow) -> str:
    shown = _image(row.first, f"first frame of {row.task_id}")
    if row.truth is not None and row.truth.content is not None:
        shown += _video(row.truth, "", row.final, f"ground truth of {row.task_id}")
    else:
        shown += _image(row.final, f"final frame of {row.task_id}")
    prompt = (
        f'<p class="prompt" dir="auto">{text_of(row.prompt)}</p>' if row.prompt else '<p class="prompt"></p>'
    )
    return f'<div class="cell"><h2>Question</h2>{shown}{prompt}</div>\n'


def _cell(cell: Cell, task_id: str) -> str:
    state = " failed" if _has_failed(cell) else ""
    if cell.clip is None or not cell.clip.name:
        shown = f'<div class="missing">{text_of(cell.error or cell.status or "no video")}</div>'
    else:
        shown = _video(cell.clip, cell.address, cell.poster, f"{cell.model} on {task_id}")
    scores = "".join(
        f'<p class="scores"><bdi>{text_of(evaluator)}</bdi> <b>{text_of(score)}</b></p>'
        for evaluator, score, _ in cell.scores
    )
    status = (
        f'<span class="tag{" bad" if state else ""}">{text_of(cell.status)}</span>' if cell.status else ""
    )
    return (
        f'<div class="cell{state}" data-model="{text_of(cell.model)}"><h2 dir="auto">{text_of(cell.model)}</h2>'
        f"{shown}{scores}<div>{status}</div></div>\n"
    )


def _has_failed(cell: Cell) -> bool:
    return cell.status.lower() in ("failed", "error") or bool(cell.error)


def _video(clip: Clip, address: str, poster: Picture, name: str) -> str:
    kind = VIDEO_KINDS.get(clip.name.rpartition(".")[2].lower())
    source = address
    if not source and clip.content is not None and kind:
        source = f"data:{kind};base64,{base64.b64encode(clip.content).decode()}"
    if not source:
        size = f"{clip.size_bytes / 1e6:,.1f} MB"
        return f'<div class="missing"><bdi>{text_of(clip.name)}</bdi>, {size}, is not on this page</div>'
    # The page makes a video of it when somebody stops at the row; without scripts, it is a link to the video.
    still = (
        f'<img src="{picture_url(poster)}" loading="lazy" decoding="async" alt="">'
        if poster.thumbnail
        else ""
    )
    return f'<a class="still" href="{text_of(source)}" aria-label="video of {text_of(name)}">{still}</a>'


def _image(picture: Picture, name: str) -> str:
    if picture.thumbnail is None:
        return ""
    width, height = picture.thumbnail.shown_size
    return (
        f'<img src="{picture_url(picture)}" width="{width}" height="{height}" loading="lazy" decoding="async" '
        f'alt="{text_of(name)}">'
    )
