"""Evaluations: one row per result of an evaluator for a model on a task, as VMEvalKit's scorers write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmeval_builders import paths
from vmeval_builders.entries import Contents
from vmeval_builders.json_values import json_text, number, value_at
from vmeval_builders.layouts.columns import Computed, Json, JsonFile, Part
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.problems import Problem

_SCORES = ("result.solution_correctness_score", "result.goal_achieved_score", "result.score")


class Evaluations(Layout):
    """``{experiment}/{model}/{domain}_task/{task_id}/{Evaluator}.json``."""

    name = "evaluations"
    noun = "result"
    title = "Evaluations of video models"
    rows = "[[**/{experiment}/]{model}/]{domain}_task/{task_id}/{file}.json"
    never_beside = paths.QUESTION_FILES | {paths.VBVR_METADATA}
    id_column = "task_id"
    group_column = "evaluator"
    domain_column = "domain"
    shown = ("evaluator", "model", "domain", "status")
    gallery_filter = "evaluator"
    gallery_text = "explanation"

    experiment = Part()
    model = Part()
    domain = Part()
    task_id = Part()
    evaluator = Json("metadata.evaluator")
    annotator = Json("metadata.annotator")
    score = Computed("float64")
    score_text = Computed()
    status = Json("result.status")
    explanation = Json("result.explanation", "result.comments", "result.error")
    created_at = Json("metadata.timestamp")
    result = JsonFile("")

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Set the score and the evaluator, and tell experiment, model and evaluator folders apart."""
        stem = contents.unit.parts["file"]
        row["evaluator"] = row["evaluator"] or stem
        stated = next(
            (value for key in _SCORES if (value := value_at(contents.value, key)) is not None), None
        )
        row["score"], row["score_text"] = number(stated), json_text(stated)
        if row["experiment"] in (row["evaluator"], stem):
            row["experiment"] = None
        model = value_at(contents.value, "metadata.model_name")
        if row["experiment"] is None and isinstance(model, str) and model != row["model"]:
            row["experiment"], row["model"] = row["model"], None

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """Tell of a result that cannot be read; its bytes are kept."""
        if contents.fault:
            message = f"The result {contents.fault}; its bytes are kept, and the columns stay empty."
            yield Problem("bad-result", "warning", contents.unit.path, message)
