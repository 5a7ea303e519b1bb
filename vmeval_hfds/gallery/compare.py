"""Models side by side: outputs joined with questions and evaluations, a task a row, on one HTML page."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import DatasetError, TargetExistsError
from vmeval_hfds.gallery.cards import (
    PAGE_VIDEO_BYTES,
    check_target,
    clip_of,
    even_shares,
    page_file,
    within,
)
from vmeval_hfds.gallery.comparison import Cell, TaskRow, page_around, row_html
from vmeval_hfds.gallery.draw import Draw, drawing
from vmeval_hfds.gallery.page import VIDEO_KINDS, Clip, Picture
from vmeval_hfds.rows.chosen import check_chosen
from vmeval_hfds.rows.open import Source, open_rows
from vmeval_hfds.rows.rows import Rows
from vmeval_hfds.table.wanted import Chooser, Chosen, Wanted

if TYPE_CHECKING:
    from concurrent.futures import Executor

#: A task's domain and id.
Task = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """What a comparison shows.

    Attributes:
        target: The HTML file.
        rows: How many tasks it shows.
        models: The models, in the order of the columns.
        videos: How many videos can be played.
        left_out_videos: How many are named only, since they are too large for the page.
        size_bytes: The file's size.
        url: The address of the Space that shows it, where it was published.
    """

    target: Path
    rows: int
    models: list[str]
    videos: int
    left_out_videos: int
    size_bytes: int
    url: str = ""


@dataclass(slots=True)
class _Run:
    """The run that a model's cell shows."""

    number: int
    texts: Mapping[str, str | None]
    clip: Clip | None = None
    address: str = ""
    first: Picture = field(default_factory=Picture)
    final: Picture = field(default_factory=Picture)


@dataclass(frozen=True, slots=True)
class _Question:
    prompt: str | None
    split: str
    first: Picture
    final: Picture
    truth: Clip | None


def write_page(
    outputs: Source,
    target: str | os.PathLike[str],
    *,
    evaluations: Source | None = None,
    questions: Source | None = None,
    board: str = "",
    limit: int | None = None,
    title: str | None = None,
    assets: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **rows: Unpack[Chosen],
) -> ComparisonResult:
    """Write the page; see `vmeval_hfds.api.compare.write_comparison`, which adds the leaderboard.

    Args:
        outputs: The runs.
        target: The HTML file.
        evaluations: Their results.
        questions: The questions; without them, what the runs keep of them is shown.
        board: The leaderboard, as HTML.
        limit: Show so many tasks at most.
        title: The page's title; None is the name of the outputs.
        assets: A folder beside the page for the videos, instead of the page itself.
        executor: Draws in place of this process.
        progress: Called with runs done and runs in all.
        **rows: Which runs.

    Raises:
        DatasetError: The outputs are something else.
        TargetExistsError: Something that is no gallery is at the target, or in the folder of videos.
        UnknownNameError: No run has what is asked for, or outputs have no such column.
    """
    target = Path(os.path.abspath(target))
    runs = _open(outputs, "outputs", "model")
    check_target(target, runs.about.root)
    chosen = _chosen(runs, Wanted(**rows), limit)
    models = sorted({model for of_task in chosen.values() for model in of_task}, key=str.casefold)
    place = _assets_folder(target, assets)
    shown = [run for of_task in chosen.values() for run in of_task.values()]
    with drawing(executor) as draw:
        _read_runs(runs, shown, place, draw, progress)
        asked = _questions(questions, chosen, draw) if questions is not None else {}
    scores = _scores(evaluations) if evaluations is not None else {}
    made = [
        _task_row(task, of_task, models, asked.get(task), scores, number)
        for number, (task, of_task) in enumerate(chosen.items())
    ]
    size_bytes = _write(target, title or runs.about.title, models, made, board, addresses=place is not None)
    clips = [cell for row in made for cell in row.cells if cell.clip and cell.clip.name]
    played = sum(bool(cell.address or (cell.clip and cell.clip.content)) for cell in clips)
    return ComparisonResult(target, len(made), models, played, len(clips) - played, size_bytes)


def _open(source: Source, noun: str, needed: str) -> Rows:
    rows = open_rows(source)
    if needed not in rows.about.layout.columns:
        raise DatasetError(
            f"{rows.about.name}: expected {noun}, found {rows.about.layout.name}, which have no column {needed}"
        )
    return rows


def _chosen(runs: Rows, wanted: Wanted, limit: int | None) -> dict[Task, dict[str, _Run]]:
    """Take the last run of every model on every task, as VMEvalKit's dashboard does."""
    layout = runs.about.layout
    stated = ("model", "checkpoint", "generator", "split", "status", "error", "started_at", "prompt", "path")
    chooser = Chooser(wanted, layout, runs.about.name)
    names = dict.fromkeys([layout.id_column, layout.domain_column, *stated, *chooser.needed])
    read = [name for name in names if name in runs.about.text_columns]
    found: dict[Task, dict[str, _Run]] = defaultdict(dict)
    for number, row in enumerate(runs.texts(read)):
        texts = row.texts
        if not chooser.fits(texts):
            continue
        domain = texts.get(layout.domain_column) or texts.get("generator") or ""
        task = (domain, texts.get(layout.id_column) or row.path)
        model = " ".join(filter(None, (texts.get("model"), texts.get("checkpoint")))) or "no model"
        run, last = _Run(number, texts), found[task].get(model)
        if last is None or _age(last) <= _age(run):
            found[task][model] = run
    check_chosen(chooser, found)
    left = even_shares(Counter(domain for domain, _ in sorted(found)), limit)
    chosen = {}
    for task in sorted(found):
        if left.get(task[0], 0):
            left[task[0]] -= 1
            chosen[task] = found[task]
    return chosen


def _age(run: _Run) -> tuple[str, str]:
    return run.texts.get("started_at") or "", run.texts.get("path") or ""


def _assets_folder(target: Path, assets: str | os.PathLike[str] | None) -> Path | None:
    if assets is None:
        return None
    folder = Path(os.path.abspath(assets))
    if not folder.is_relative_to(target.parent):
        raise TargetExistsError(
            f"{folder}: the folder of videos must lie beside the page, below {target.parent}"
        )
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise TargetExistsError(f"{folder}: expected a folder for the videos, found something else")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_runs(
    rows: Rows, runs: Sequence[_Run], assets: Path | None, draw: Draw, progress: Progress | None
) -> None:
    """Read videos and frames of the runs that are shown, as many at a time as memory should hold."""
    layout = rows.about.layout
    columns = [*layout.gallery_frames, *filter(None, [layout.gallery_video])]
    in_order = sorted(runs, key=lambda run: run.number)
    room_bytes, waiting = PAGE_VIDEO_BYTES, iter(in_order)
    done = 0
    for batch in rows.media([run.number for run in in_order], columns):
        frames = ([row.media.get(name) for name in layout.gallery_frames] for row in batch)
        for row, pictures in zip(batch, draw(frames), strict=True):
            run = next(waiting)
            clip = clip_of(row.media.get(layout.gallery_video))
            if assets is not None and clip.content is not None and _ending(clip.name) in VIDEO_KINDS:
                run.address = _beside(assets, clip)
                clip = replace(clip, content=None)
            [run.clip], room_bytes = within([clip], room_bytes)
            run.first, run.final = (*pictures, Picture(), Picture())[:2]
        done += len(batch)
        if progress:
            progress(done, len(in_order))


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _beside(assets: Path, clip: Clip) -> str:
    """Write a video beside the page, called by its hash, and give its address there."""
    assert clip.content is not None
    name = f"{hashlib.sha256(clip.content).hexdigest()[:32]}.{_ending(clip.name)}"
    place = assets / name
    if not place.exists():
        unfinished = assets / f".{name}.{secrets.token_hex(4)}"
        unfinished.write_bytes(clip.content)
        unfinished.replace(place)
    return f"{assets.name}/{name}"


def _questions(source: Source, tasks: Iterable[Task], draw: Draw) -> dict[Task, _Question]:
    """Read the questions of some tasks; a run may call one by its id or its folder's name."""
    rows = _open(source, "questions", "first_frame")
    layout, wanted = rows.about.layout, set(tasks)
    numbers: dict[int, Task] = {}
    names = [layout.id_column, layout.domain_column, "path"]
    for number, row in enumerate(rows.texts(names)):
        domain = row.texts[layout.domain_column] or ""
        for task_id in (row.texts[layout.id_column], row.path.rpartition("/")[2]):
            if (task := (domain, task_id or "")) in wanted:
                numbers[number] = task
    found = {}
    in_order = iter(sorted(numbers))
    frames = ("first_frame", "final_frame")
    present = [name for name in (*frames, "ground_truth") if name in layout.columns]
    for batch in rows.media(sorted(numbers), present):
        of_batch = ([row.media.get(name) for name in frames] for row in batch)
        for row, (first, final) in zip(batch, draw(of_batch), strict=True):
            [truth], _ = within([clip_of(row.media.get("ground_truth"))], PAGE_VIDEO_BYTES)
            found[numbers[next(in_order)]] = _Question(
                row.texts.get("prompt"), row.texts.get("split") or "", first, final, truth
            )
    return found


Scores = Mapping[tuple[str, str], Sequence[tuple[str, str, float | None]]]


def _scores(source: Source) -> Scores:
    """Read scores, by model and task; results name no run."""
    rows = _open(source, "evaluations", "score")
    layout = rows.about.layout
    names = ("model", layout.id_column, "evaluator", "score", "score_text", "status")
    wanted = [name for name in names if name in rows.about.text_columns]
    found: dict[tuple[str, str], list[tuple[str, str, float | None]]] = defaultdict(list)
    for row in rows.texts(wanted):
        texts = row.texts
        score = texts.get("score")
        text = texts.get("score_text") or ("" if score is None else f"{score:g}") or texts.get("status") or ""
        key = (texts.get("model") or "", texts.get(layout.id_column) or "")
        found[key].append((texts.get("evaluator") or "", text, score))
    return found


def _task_row(
    task: Task,
    runs: Mapping[str, _Run],
    models: Sequence[str],
    question: _Question | None,
    scores: Scores,
    number: int,
) -> TaskRow:
    domain, task_id = task
    some = next(iter(runs.values()))
    if question is None:
        stated = next((run for run in runs.values() if run.first.thumbnail), some)
        prompt = next((text for run in runs.values() if (text := run.texts.get("prompt"))), None)
        question = _Question(prompt, some.texts.get("split") or "", stated.first, stated.final, None)
    cells = [
        _cell(model, runs.get(model), scores.get((model, task_id), ()), question.first) for model in models
    ]
    return TaskRow(
        anchor=f"row-{number}",
        task_id=task_id,
        domain=domain,
        split=question.split or some.texts.get("split") or "",
        prompt=question.prompt,
        first=question.first,
        final=question.final,
        truth=question.truth,
        cells=cells,
    )


def _cell(
    model: str, run: _Run | None, scores: Sequence[tuple[str, str, float | None]], poster: Picture
) -> Cell:
    if run is None:
        return Cell(model, None, scores=scores)
    return Cell(
        model=model,
        clip=run.clip,
        address=run.address,
        status=run.texts.get("status") or "",
        error=run.texts.get("error") or "",
        scores=scores,
        poster=run.first if run.first.thumbnail else poster,
    )


def _write(
    target: Path, title: str, models: Sequence[str], rows: Sequence[TaskRow], board: str, *, addresses: bool
) -> int:
    """Write the page, which appears whole or not at all; give its size."""
    tasks = f"{len(rows):,} {'task' if len(rows) == 1 else 'tasks'}"
    of_models = f"{len(models):,} {'model' if len(models) == 1 else 'models'}"
    before, after = page_around(title, f"{tasks}, {of_models}.", board, addresses)
    with page_file(target) as page:
        page.write(before)
        for row in rows:
            page.write(row_html(row))
        page.write(after)
    return target.stat().st_size
