"""Results, runs and questions as frames of the same columns, whatever layout they are of and whatever holds them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from vmeval_builders.errors import AmbiguousFolderError
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import layout_named, layouts
from vmeval_builders.scan import Scan
from vmeval_hfds.errors import DatasetError, UnknownNameError
from vmeval_hfds.rows.open import Source, open_rows, open_source
from vmeval_hfds.table.wanted import Wanted, check_known, near, text_of

if TYPE_CHECKING:
    import pandas as pd

    from vmeval_hfds.rows.rows import Rows

#: What holds rows, or a frame that `metadata_frame` gave.
Table: TypeAlias = "Source | pd.DataFrame"

#: What a task is known by, beside its id; a split is the benchmark's (``In_Domain``), no part of a dataset.
PLACES = ("domain", "split", "generator")
_RESULTS = (
    "experiment",
    "evaluator",
    "kind",
    "annotator",
    "model",
    "checkpoint",
    "category",
    "score",
    "status",
)
_RUNS = ("experiment", "model", "checkpoint", "status")


def read_results(source: Table) -> pd.DataFrame:
    """Read results: who evaluated which model on which task, and how it came out.

    Raises:
        DatasetError: The source holds no results.
        VmevalError: It cannot be opened.
    """
    return _read(source, ("evaluations", "results"), _RESULTS, needed=("model", "score"))


def read_runs(source: Table, results: pd.DataFrame) -> pd.DataFrame:
    """Read runs, with their tasks named as the results name them.

    Raises:
        DatasetError: The source holds no runs.
        VmevalError: It cannot be opened.
    """
    runs = _as_named(_read(source, ("outputs",), _RUNS, needed=("model",)), results)
    # VBVR-Bench calls a checkpoint of a model a model, {model}_{checkpoint}.
    both = runs["model"].str.cat(runs["checkpoint"], sep="_")
    is_model = both.isin(results["model"].dropna()) & both.notna()
    return runs.assign(model=runs["model"].mask(is_model, both), checkpoint=runs["checkpoint"].mask(is_model))


def read_questions(source: Table, results: pd.DataFrame) -> pd.DataFrame:
    """Read questions, with their tasks named as the results name them.

    Raises:
        DatasetError: The source holds no questions.
        VmevalError: It cannot be opened.
    """
    return _as_named(_read(source, ("questions",), ("path",), needed=("path",)), results)


def chosen_frames(
    wanted: Wanted, results: pd.DataFrame, runs: pd.DataFrame | None, questions: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame | None]:
    """Keep what is wanted of results, runs and questions; the latter are not asked for what they have no column for.

    Raises:
        UnknownNameError: No row has what is asked for, or results have no such column.
    """
    frames = [results, runs, questions]
    conditions = wanted.conditions("domain")
    if wanted.ids:
        conditions.append(("id", "task_id", frozenset(wanted.ids)))
    for word, column, values in conditions:
        if column not in results.columns:
            raise UnknownNameError(
                f"results have no column {column!r} to choose by; {near(column, results.columns)}"
            )
        texts = [
            None if one is None or column not in one.columns else list(map(text_of, _objects(one[column])))
            for one in frames
        ]
        check_known(
            word, values - {""}, {value for of_frame in texts if of_frame is not None for value in of_frame}
        )
        frames = [
            one if one is None or of_frame is None else one[[text in values for text in of_frame]]
            for one, of_frame in zip(frames, texts, strict=True)
        ]
    kept = [one if one is None else one.reset_index(drop=True) for one in frames]
    if kept[0] is None or (wanted and not len(kept[0])):
        raise UnknownNameError(
            f"no result has all that is asked for ({', '.join(word for word, _, _ in conditions)})"
        )
    return kept[0], kept[1], kept[2]


def _read(source: Table, names: Sequence[str], wanted: Sequence[str], needed: Sequence[str]) -> pd.DataFrame:
    """Read some columns, and what a task is known by; a column that the layout has not got is missing everywhere."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        frame, layout = source, _layout_of_frame(source, names)
    else:
        rows = _open(source, names)
        layout = rows.about.layout
        own = {*wanted, *PLACES, layout.id_column, layout.domain_column} & set(rows.about.text_columns)
        columns = [name for name in rows.about.text_columns if name in own]
        frame = pd.DataFrame([row.texts for row in rows.texts(columns)], columns=columns, dtype="object")
    for name in (*needed, layout.id_column, layout.domain_column):
        if name not in frame.columns:
            raise DatasetError(
                f"expected {' or '.join(names)} with the columns {', '.join(needed)}, {layout.id_column}, "
                f"{layout.domain_column}; there is no {name}"
            )
    found = {name: frame[name] for name in (*wanted, *PLACES) if name in frame.columns}
    found |= {"task_id": frame[layout.id_column], "domain": frame[layout.domain_column]}
    texts = [name for name in (*wanted, *PLACES, "task_id") if name != "score"]
    empty = pd.Series(pd.NA, index=frame.index, dtype="string")
    whole = pd.DataFrame({name: found.get(name, empty) for name in [*wanted, *PLACES, "task_id"]})
    return whole.astype(dict.fromkeys(texts, "string")).reset_index(drop=True)


def _open(source: Source, names: Sequence[str]) -> Rows:
    """Open what holds rows; of several kinds in one folder, those that are meant."""
    try:
        opened = open_source(source)
    except AmbiguousFolderError:
        found = [open_source(source, name) for name in names]
        fitting = [one for one in found if not isinstance(one, Scan) or one.units]
        if len(fitting) != 1:
            raise
        return open_rows(fitting[0])
    if isinstance(opened, Scan) and not opened.units:
        opened = open_source(source, names[0])
    return open_rows(opened)


def _layout_of_frame(frame: pd.DataFrame, names: Sequence[str]) -> Layout:
    """Tell by its columns which layout a frame is of."""
    fitting = [one for one in layouts() if {*one.text_columns} <= {*frame.columns}]
    fitting += [one for one in map(layout_named, names) if one.domain_column in frame.columns]
    return max(fitting, key=lambda one: len(one.columns)) if fitting else layout_named(names[0])


def _as_named(frame: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Name tasks as the results do: their domains may be generators, their splits may be written otherwise."""
    by_generator = results["domain"].eq(results["generator"])
    if len(results) and bool(by_generator.fillna(value=False).all()):
        frame = frame.assign(domain=frame["generator"].fillna(frame["domain"]))
    else:
        frame = frame.assign(domain=frame["domain"].fillna(frame["generator"]))
    written = {_folded(split): split for split in results["split"].dropna().unique()}
    splits = [
        value if value is None else written.get(_folded(value), value) for value in _objects(frame["split"])
    ]
    return frame.assign(split=_texts(splits, frame))


def with_attributes(frame: pd.DataFrame, others: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Fill in what only other rows say of tasks, such as their category: of the same task, else of its domain."""
    for name in names:
        known = others.dropna(subset=[name])
        of_task = dict(zip(zip(known["domain"], known["task_id"], strict=True), known[name], strict=True))
        values_of = known.drop_duplicates(["domain", name]).groupby("domain")[name].agg(["first", "size"])
        alone = values_of[values_of["size"] == 1]["first"]
        of_domain: dict[str | None, str] = dict(zip(alone.index, alone, strict=True))
        own = _objects(frame[name]) if name in frame.columns else [None] * len(frame)
        tasks = zip(own, _objects(frame["domain"]), _objects(frame["task_id"]), strict=True)
        filled = [
            value if value is not None else of_task.get((domain, task), of_domain.get(domain))
            for value, domain, task in tasks
        ]
        frame = frame.assign(**{name: _texts(filled, frame)})
    return frame


def _objects(values: pd.Series[str]) -> list[str | None]:
    found: list[str | None] = values.astype(object).where(values.notna(), None).tolist()
    return found


def _texts(values: list[str | None], frame: pd.DataFrame) -> pd.Series[str]:
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype="string")


def _folded(split: str) -> str:
    """Spell a split so that ``In-Domain_50`` and ``In_Domain`` are one."""
    return re.sub(r"[^0-9a-z]+", "_", re.sub(r"[-_ ]\d+$", "", split.lower()))
