"""Scores by model and domain, and how many tasks were scored, skipped and failed: a skipped task is not a zero."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Unpack

from vmeval_hfds.errors import UnknownNameError
from vmeval_hfds.rows.score_frames import (
    PLACES,
    Table,
    chosen_frames,
    read_questions,
    read_results,
    read_runs,
    with_attributes,
)
from vmeval_hfds.table.wanted import Chosen, Wanted

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("evaluator", "model", "domain")
POSSIBLE_KEYS = (
    *("experiment", "evaluator", "annotator", "model", "domain"),
    *("kind", "checkpoint", "split", "category", "generator"),
)
#: The keys that say something of a task, whoever evaluated which model on it.
_OF_TASKS = (*PLACES, "category")
_STATES = ("scored", "skipped", "failed", "unscored")
_FAILED = ("failed", "error")
_TASK = ("model", "checkpoint", *PLACES, "task_id")

Missing = Literal["skip", "zero"]


def leaderboard(
    evaluations: Table,
    outputs: Table | None = None,
    questions: Table | None = None,
    *,
    by: Sequence[str] = KEYS,
    missing: Missing = "skip",
    **rows: Unpack[Chosen],
) -> pd.DataFrame:
    """Give the mean score of every evaluator, model and domain, and what became of the tasks.

    A task counts once: with several scores (several annotators, or experiments that are not told apart by `by`)
    its score is their mean. It is ``scored`` where it has a number, else ``skipped`` where a result says so, else
    ``failed`` where one says so, else ``unscored``: evaluated, but the score is no number. Text of digits is no
    number, nor is what stands for one in a result that says that it was skipped or failed.

    Results of different kinds (by the last frame, by several frames) are never averaged: where an evaluator has
    several, ``kind`` is one more column of what a row is of. So is ``checkpoint`` where rows are of models, and a
    model has several.

    ``leaderboard(…).pivot(index=["evaluator", "model"], columns="domain", values="score")`` makes a table of it.
    ``by=("model", "split")`` and ``by=("model", "category")`` are the tables of VBVR-Bench's summary.

    Args:
        evaluations: A folder, dataset directory, repository, `datasets.Dataset` or DataFrame of evaluations, or of
            results in one file.
        outputs: The same of outputs: adds ``runs``, ``failed_runs`` and ``not_evaluated`` (tasks with a run that
            did not fail, and without a result), and rows for what was run and never evaluated.
        questions: The same of questions: adds ``tasks``, how many the domain has, and ``without_result``, for how
            many of them there is no result (none has the question's id or its folder's name as its task), and
            rows for the domains of which an evaluator and model have no result at all.
        by: What a row is of: any of experiment, evaluator, annotator, model, domain, kind, checkpoint, split,
            category and generator.
        missing: ``"zero"`` counts 0 for every task that has no score, and adds ``missing``, how many of these have
            no result either: of all questions where they are given, else of all tasks that the same evaluator has
            for any model. ``"skip"`` leaves them out of the mean.
        **rows: Which results, runs and questions, as `export` takes rows: `domains`, `ids`, `models`, `evaluators`,
            `experiments`, and `where` with any column that `by` knows, or ``status``. Of runs and questions, what
            they have no column for is not asked.

    Returns:
        One row for each combination that there is, sorted: the columns of `by`, ``score`` (mean over the scored
        tasks, missing where there are none), ``scored``, ``skipped``, ``failed``, ``unscored`` (numbers of tasks).

    Raises:
        UnknownNameError: `by` names something else, or nothing; or `missing` is something else; or no result has what
            `rows` asks for.
        DatasetError: A source is not what it should be.
        MissingPathError: There is no such source.
    """
    check_keys(by)
    if missing not in ("skip", "zero"):
        raise UnknownNameError(f"missing is {missing!r}; expected 'skip' or 'zero'")
    results = read_results(evaluations)
    runs = None if outputs is None else read_runs(outputs, results)
    asked = None if questions is None else read_questions(questions, results)
    results, runs, asked = chosen_frames(Wanted(**rows), results, runs, asked)
    results, keys = _kinds_apart(results, list(by))
    keys = _checkpoints_apart([results] if runs is None else [results, runs], keys)
    of_tasks = [key for key in keys if key in _OF_TASKS]
    results = with_attributes(results, results, of_tasks)
    if asked is not None:
        results = with_attributes(results, asked, [key for key in of_tasks if key in PLACES])
    tasks = _tasks(results, keys)
    board = _scores(tasks, keys)
    if runs is not None:
        board = _with_runs(board, results, with_attributes(runs, results, of_tasks), keys)
    if asked is not None:
        asked = with_attributes(asked, results, of_tasks)
        board = _with_tasks(board, results, asked, keys)
    if missing == "zero":
        board = _with_missing(board, tasks, keys, counted=asked is not None)
    return _averaged(board, keys).sort_values(keys, na_position="last", ignore_index=True)


def check_keys(by: Sequence[str]) -> None:
    """Refuse what a row of a leaderboard cannot be of.

    Raises:
        UnknownNameError: It names something else, or nothing, or something twice.
    """
    unknown = [name for name in by if name not in POSSIBLE_KEYS]
    if unknown or not by or isinstance(by, str) or len(set(by)) < len(by):
        raise UnknownNameError(f"by is {by!r}; expected some of {', '.join(POSSIBLE_KEYS)}, each once")


def _kinds_apart(results: pd.DataFrame, keys: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Keep kinds apart where an evaluator gave numbers of several; what it skipped is of its only kind."""
    numbers = results[results["score"].map(lambda value: _number(value) is not None).astype(bool)]
    of_evaluator = numbers.groupby("evaluator", dropna=False)["kind"]
    several = bool((of_evaluator.nunique(dropna=False) > 1).any())
    if several and "kind" not in keys:
        place = keys.index("evaluator") + 1 if "evaluator" in keys else 0
        keys = [*keys[:place], "kind", *keys[place:]]
    only = {name: kinds.iloc[0] for name, kinds in of_evaluator if kinds.nunique(dropna=False) == 1}
    return results.assign(kind=results["kind"].fillna(results["evaluator"].map(only).astype("string"))), keys


def _checkpoints_apart(frames: Sequence[pd.DataFrame], keys: list[str]) -> list[str]:
    """Keep checkpoints apart where rows are of models, and a model has several."""
    several = (frame.groupby("model")["checkpoint"].nunique().gt(1).any() for frame in frames)
    if "model" not in keys or "checkpoint" in keys or not any(map(bool, several)):
        return keys
    place = keys.index("model") + 1
    return [*keys[:place], "checkpoint", *keys[place:]]


def _number(value: object) -> float | None:
    """Give a finite number, numpy's too; None for all else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return float(value) if math.isfinite(value) else None


def _tasks(results: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Take every task once: its score, and what became of it."""
    import pandas as pd

    status = results["status"].str.lower()
    skip, fail = status.eq("skipped").fillna(value=False), status.isin(_FAILED)
    score = pd.Series([_number(value) for value in results["score"]], index=results.index, dtype="Float64")
    told = results.assign(score=score.mask(skip | fail), skip=skip, fail=fail)
    # A file that could not be read is a row that is of no task.
    told = told[told["task_id"].notna()]
    # A task's id may repeat across domains, whatever `by` is.
    task = list(dict.fromkeys([*keys, *_TASK]))
    tasks = (
        told.groupby(task, dropna=False, sort=False)
        .agg(score=("score", "mean"), skip=("skip", "any"), fail=("fail", "any"))
        .reset_index()
    )
    scored = tasks["score"].notna()
    skipped = ~scored & tasks["skip"].astype(bool)
    failed = ~scored & ~skipped & tasks["fail"].astype(bool)
    states = dict(zip(_STATES, (scored, skipped, failed, ~scored & ~skipped & ~failed), strict=True))
    counted: pd.DataFrame = tasks.assign(**{name: state.astype("Int64") for name, state in states.items()})
    return counted


def _scores(tasks: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Count tasks and add their scores up."""
    sums: dict[str, Any] = {name: (name, "sum") for name in _STATES}
    board: pd.DataFrame = tasks.groupby(keys, dropna=False, sort=False).agg(total=("score", _sum), **sums)
    return board.reset_index().astype({"total": "Float64", **dict.fromkeys(_STATES, "Int64")})


def _sum(scores: pd.Series[float]) -> float:
    """Add up as benchmarks do, one score after the other, so that their own tables come out to the last digit."""
    return float(sum(scores.dropna().tolist()))


def _averaged(board: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Divide the sums of scores by the numbers of the tasks that count."""
    counting = [*_STATES, "missing"] if "missing" in board.columns else ["scored"]
    number = board[counting].sum(axis=1).astype("Int64")
    score = board.pop("total").fillna(0) / number.where(number > 0)
    board.insert(len(keys), "score", score.astype("Float64"))
    return board


def _with_missing(board: pd.DataFrame, tasks: pd.DataFrame, keys: list[str], counted: bool) -> pd.DataFrame:
    """Add how many tasks have no result, each of which counts 0.

    Args:
        board: The scores.
        tasks: Every task that was evaluated.
        keys: What a row is of.
        counted: Whether the board says already how many questions have no result.
    """
    if counted:
        return board.assign(missing=board["without_result"])
    board = board.merge(_left_out(tasks, keys), on=keys, how="outer")
    numbers = [name for name in board.columns if name not in keys]
    return board.assign(**{name: board[name].fillna(0) for name in numbers})


def _left_out(tasks: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Count the tasks of which a model has no result, and another has one of the same evaluator and kind."""
    scope = [key for key in ("evaluator", "kind") if key in keys]
    place = [*PLACES, "task_id"]
    subject = list(dict.fromkeys([*(key for key in keys if key not in _OF_TASKS), "model"]))
    own = list(dict.fromkeys([*scope, *place, *(key for key in keys if key in _OF_TASKS)]))
    every = tasks[own].drop_duplicates([*scope, *place])
    subjects = tasks[subject].drop_duplicates()
    expected = subjects.merge(every, on=scope) if scope else subjects.merge(every, how="cross")
    known = tasks[[*subject, *place]].drop_duplicates().assign(known=1)
    left = expected.merge(known, on=[*subject, *place], how="left")
    left = left.assign(missing=left["known"].isna().astype("Int64"))
    return _grouped(left, keys, {"missing": ("missing", "sum")})


def _with_runs(
    board: pd.DataFrame, results: pd.DataFrame, runs: pd.DataFrame, keys: list[str]
) -> pd.DataFrame:
    """Add what was run, also where nothing was evaluated."""
    shared = [key for key in keys if key in runs.columns]
    others = [key for key in keys if key not in shared]
    failed = runs["status"].str.lower().isin(_FAILED).fillna(value=False)
    told = runs.assign(failed_runs=failed.astype("Int64"), runs=1)
    counts = _grouped(told, shared, {"runs": ("runs", "sum"), "failed_runs": ("failed_runs", "sum")})
    # Every evaluator that there is might have evaluated each run.
    evaluators = results[others].drop_duplicates() if others else None
    place = counts if evaluators is None else counts.merge(evaluators, how="cross")
    board = place.merge(board, on=keys, how="outer") if keys else board
    run_tasks = list(dict.fromkeys([*shared, "model", "domain", "task_id"]))
    done = runs[~failed][run_tasks].drop_duplicates()
    expected = done if evaluators is None else done.merge(evaluators, how="cross")
    known = results[[*others, *run_tasks]].drop_duplicates().assign(known=1)
    left = expected.merge(known, on=[*others, *run_tasks], how="left")
    left = left.assign(not_evaluated=left["known"].isna().astype("Int64"))
    missing = _grouped(left, keys, {"not_evaluated": ("not_evaluated", "sum")})
    board = board.merge(missing, on=keys, how="left")
    numbers = [*_STATES, "runs", "failed_runs", "not_evaluated"]
    board[numbers] = board[numbers].astype("Int64").fillna(0)
    return board[[*keys, "total", *numbers]]


def _with_tasks(
    board: pd.DataFrame, results: pd.DataFrame, questions: pd.DataFrame, keys: list[str]
) -> pd.DataFrame:
    """Add how many questions there are, and for how many there is no result."""
    asked = questions.assign(question=range(len(questions)), tasks=1)
    of_tasks = [key for key in keys if key in _OF_TASKS]
    if of_tasks:
        places = _grouped(asked, of_tasks, {"tasks": ("tasks", "sum")})
        board = _with_places(board, places[of_tasks], keys).merge(places, on=of_tasks, how="left")
    else:
        board = board.assign(tasks=len(asked))
    known = results[list(dict.fromkeys([*keys, *PLACES, "task_id"]))].drop_duplicates()
    known = known.merge(_names(asked), on=["domain", "task_id"], suffixes=("", "_asked"))
    for name in ("split", "generator"):
        # An id may repeat between splits, and between generators.
        ours, theirs = known[name], known[f"{name}_asked"]
        known = known[~(ours.ne(theirs).fillna(value=False))]
    found = known[[*keys, "question"]].drop_duplicates().assign(found=1)
    board = board.merge(_grouped(found, keys, {"found": ("found", "sum")}), on=keys, how="left")
    board["tasks"] = board["tasks"].astype("Int64").fillna(0)
    without = board["tasks"] - board.pop("found").astype("Int64").fillna(0)
    return board.assign(without_result=without)


def _with_places(board: pd.DataFrame, places: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Add rows for domains in which others have none, so that what was left out cannot be overlooked."""
    others = [key for key in keys if key not in places.columns]
    every = board[others].drop_duplicates().merge(places, how="cross") if others else places
    numbers = [name for name in board.columns if name not in keys]
    board = board.merge(every, on=keys, how="outer")
    return board.assign(**{name: board[name].fillna(0) for name in numbers})


def _names(questions: pd.DataFrame) -> pd.DataFrame:
    """Name each question as a result may: VMEvalKit takes the folder's name for the id, whatever the metadata says."""
    import pandas as pd

    folders = questions["path"].str.rpartition("/")[2]
    both = pd.concat([questions, questions.assign(task_id=folders)])
    return both[[*PLACES, "task_id", "question"]].drop_duplicates()


def _grouped(frame: pd.DataFrame, keys: Iterable[str], made: dict[str, Any]) -> pd.DataFrame:
    """Aggregate by some columns; without one, all rows are one group."""
    wanted = list(keys)
    if wanted:
        made_of: pd.DataFrame = frame.groupby(wanted, dropna=False, sort=False).agg(**made)
        return made_of.reset_index()
    whole: pd.DataFrame = frame.assign(everything=1).groupby("everything").agg(**made)
    return whole.reset_index(drop=True)
