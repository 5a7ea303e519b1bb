"""Scores by model and domain, and how many tasks were scored, skipped and failed: a skipped task is not a zero."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

from vmeval_hfds.errors import DatasetError, UnknownNameError
from vmeval_hfds.rows.open import Source, open_rows

if TYPE_CHECKING:
    import pandas as pd

#: What holds rows, or a frame that `metadata_frame` gave.
Table: TypeAlias = "Source | pd.DataFrame"

KEYS = ("evaluator", "model", "domain")
_POSSIBLE_KEYS = ("experiment", "evaluator", "annotator", "model", "domain")
_STATES = ("scored", "skipped", "failed", "unscored")
_FAILED = ("failed", "error")


def leaderboard(
    evaluations: Table,
    outputs: Table | None = None,
    questions: Table | None = None,
    *,
    by: Sequence[str] = KEYS,
) -> pd.DataFrame:
    """Give the mean score of every evaluator, model and domain, and what became of the tasks.

    A task counts once: with several scores (several annotators, or experiments that are not told apart by `by`)
    its score is their mean. It is ``scored`` where it has a number, else ``skipped`` where a result says so, else
    ``failed`` where one says so, else ``unscored``: evaluated, but the score is no number. Text of digits is no
    number, nor is what stands for one in a result that says that it was skipped or failed.

    ``leaderboard(…).pivot(index=["evaluator", "model"], columns="domain", values="score")`` makes a table of it.

    Args:
        evaluations: A folder, dataset directory, repository, `datasets.Dataset` or DataFrame of evaluations.
        outputs: The same of outputs: adds ``runs``, ``failed_runs`` and ``not_evaluated`` (tasks with a run that
            did not fail, and without a result), and rows for what was run and never evaluated.
        questions: The same of questions: adds ``tasks``, how many the domain has, and ``without_result``, for how
            many of them there is no result (none has the question's id or its folder's name as its task), and
            rows for the domains of which an evaluator and model have no result at all.
        by: What a row is of: any of experiment, evaluator, annotator, model and domain.

    Returns:
        One row for each combination that there is, sorted: the columns of `by`, ``score`` (mean over the scored
        tasks, missing where there are none), ``scored``, ``skipped``, ``failed``, ``unscored`` (numbers of tasks).

    Raises:
        UnknownNameError: `by` names something else, or nothing.
        DatasetError: A source is not what it should be.
        MissingPathError: There is no such source.
    """
    _check_keys(by)
    keys = list(by)
    results = _read(evaluations, "evaluations", [*_POSSIBLE_KEYS, "task_id", "score", "status"])
    runs = None if outputs is None else _read(outputs, "outputs", _RUN_COLUMNS)
    asked = None if questions is None else _read(questions, "questions", ["domain", "id", "path"])
    board = _scores(results, keys)
    if runs is not None:
        board = _with_runs(board, results, runs, keys)
    if asked is not None:
        board = _with_tasks(board, results, asked, keys)
    return board.sort_values(keys, na_position="last", ignore_index=True)


_RUN_COLUMNS = ["experiment", "model", "domain", "task_id", "status"]


def _check_keys(by: Sequence[str]) -> None:
    unknown = [name for name in by if name not in _POSSIBLE_KEYS]
    if unknown or not by or isinstance(by, str) or len(set(by)) < len(by):
        raise UnknownNameError(f"by is {by!r}; expected some of {', '.join(_POSSIBLE_KEYS)}, each once")


def _read(source: Table, builder: str, columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        frame = source
    else:
        found = [row.texts for row in open_rows(source, builder).texts(columns)]
        frame = pd.DataFrame(found, columns=list(columns), dtype="object")
    if missing := [name for name in columns if name not in frame.columns]:
        raise DatasetError(
            f"expected {builder} with the columns {', '.join(columns)}; there is no {missing[0]}"
        )
    return frame[list(columns)].assign(
        **{name: frame[name].astype("string") for name in columns if name != "score"}
    )


def _number(value: object) -> float | None:
    """Give a finite number, numpy's too; None for all else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return float(value) if math.isfinite(value) else None


def _scores(results: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Take every task once, then count tasks and average their scores."""
    import pandas as pd

    status = results["status"].str.lower()
    skip, fail = status.eq("skipped").fillna(value=False), status.isin(_FAILED)
    score = pd.Series([_number(value) for value in results["score"]], index=results.index, dtype="Float64")
    told = results.assign(score=score.mask(skip | fail), skip=skip, fail=fail)
    # A task's id may repeat across domains, whatever `by` is.
    task = list(dict.fromkeys([*keys, "model", "domain", "task_id"]))
    tasks = (
        told.groupby(task, dropna=False, sort=False)
        .agg(score=("score", "mean"), skip=("skip", "any"), fail=("fail", "any"))
        .reset_index()
    )
    scored = tasks["score"].notna()
    skipped = ~scored & tasks["skip"].astype(bool)
    failed = ~scored & ~skipped & tasks["fail"].astype(bool)
    states = dict(zip(_STATES, (scored, skipped, failed, ~scored & ~skipped & ~failed), strict=True))
    counted = tasks.assign(**{name: state.astype("Int64") for name, state in states.items()})
    sums: dict[str, Any] = {name: (name, "sum") for name in _STATES}
    board: pd.DataFrame = counted.groupby(keys, dropna=False, sort=False).agg(score=("score", "mean"), **sums)
    return board.reset_index().astype({"score": "Float64", **dict.fromkeys(_STATES, "Int64")})


def _with_runs(
    board: pd.DataFrame, results: pd.DataFrame, runs: pd.DataFrame, keys: list[str]
) -> pd.DataFrame:
    """Add what was run, also where nothing was evaluated."""
    shared = [key for key in keys if key in _RUN_COLUMNS]
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
    return board[[*keys, "score", *numbers]]


def _with_tasks(
    board: pd.DataFrame, results: pd.DataFrame, questions: pd.DataFrame, keys: list[str]
) -> pd.DataFrame:
    """Add how many questions there are, and for how many there is no result."""
    asked = questions.assign(question=range(len(questions)), tasks=1)
    if "domain" in keys:
        domains = _grouped(asked, ["domain"], {"tasks": ("tasks", "sum")})
        board = _with_domains(board, domains[["domain"]], keys).merge(domains, on="domain", how="left")
    else:
        board = board.assign(tasks=len(asked))
    place = list(dict.fromkeys([*keys, "domain", "task_id"]))
    known = results[place].drop_duplicates().merge(_names(asked), on=["domain", "task_id"])
    found = known[[*keys, "question"]].drop_duplicates().assign(found=1)
    board = board.merge(_grouped(found, keys, {"found": ("found", "sum")}), on=keys, how="left")
    board["tasks"] = board["tasks"].astype("Int64").fillna(0)
    without = board["tasks"] - board.pop("found").astype("Int64").fillna(0)
    return board.assign(without_result=without)


def _with_domains(board: pd.DataFrame, domains: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Add rows for domains in which others have none, so that what was left out cannot be overlooked."""
    others = [key for key in keys if key != "domain"]
    places = board[others].drop_duplicates().merge(domains, how="cross") if others else domains
    numbers = [name for name in board.columns if name not in (*keys, "score")]
    board = board.merge(places, on=keys, how="outer")
    return board.assign(**{name: board[name].fillna(0) for name in numbers})


def _names(questions: pd.DataFrame) -> pd.DataFrame:
    """Name each question as a result may: VMEvalKit takes the folder's name for the id, whatever the metadata says."""
    import pandas as pd

    folders = questions["path"].str.rpartition("/")[2]
    by_id, by_folder = questions.assign(task_id=questions["id"]), questions.assign(task_id=folders)
    return pd.concat([by_id, by_folder])[["domain", "task_id", "question"]].drop_duplicates()


def _grouped(frame: pd.DataFrame, keys: Iterable[str], made: dict[str, Any]) -> pd.DataFrame:
    """Aggregate by some columns; without one, all rows are one group."""
    wanted = list(keys)
    if wanted:
        made_of: pd.DataFrame = frame.groupby(wanted, dropna=False, sort=False).agg(**made)
        return made_of.reset_index()
    whole: pd.DataFrame = frame.assign(everything=1).groupby("everything").agg(**made)
    return whole.reset_index(drop=True)
