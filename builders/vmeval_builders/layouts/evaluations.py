"""Evaluations: one row per result of an evaluator for a model on a task, as VMEvalKit's scorers write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from vmeval_builders import paths
from vmeval_builders.entries import Contents, FileEntry, FolderEntry, Unit
from vmeval_builders.file_list import FileList
from vmeval_builders.json_values import json_text, number, scalar_text, value_at
from vmeval_builders.layouts.columns import Computed, Json, JsonFile, Part
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.levels import Levels, is_generator, read_levels, same_name, task_domain
from vmeval_builders.problems import Problem
from vmeval_builders.unit_list import UnitList

_SCORES = ("result.solution_correctness_score", "result.goal_achieved_score", "result.score")
#: What a folder above the experiments may be called after.
_SORTED_BY = ("metadata.evaluator", "metadata.evaluation_type", "result.evaluation_type")
_MODEL = "metadata.model_name"
#: What a scorer calls its summary of all results, which says the split and the category of each task.
_SUMMARY = "_summary.json"


class Evaluations(Layout):
    """``{experiment}/{model}/[{generator}/]{domain}_task/{task_id}/{Evaluator}.json``."""

    name = "evaluations"
    noun = "result"
    title = "Evaluations of video models"
    rows = "**/{domain}_task/{task_id}/{file}.json"
    never_beside = paths.QUESTION_FILES | {paths.VBVR_METADATA}
    id_column = "task_id"
    group_column = "evaluator"
    domain_column = "domain"
    shown = ("evaluator", "model", "domain", "status")
    gallery_filter = "evaluator"
    gallery_text = "explanation"

    experiment = Computed()
    model = Computed()
    checkpoint = Computed()
    split = Computed()
    generator = Computed()
    domain = Part()
    task_id = Part()
    evaluator = Json("metadata.evaluator")
    # What an evaluator looked at: "final_frame_comparison", "rubrics", …
    kind = Json("result.evaluation_type", "metadata.evaluation_type")
    annotator = Json("metadata.annotator")
    score = Computed("float64")
    score_text = Computed()
    dimensions = Computed()
    category = Json("result.category", "metadata.category")
    status = Json("result.status")
    explanation = Json("result.explanation", "result.comments", "result.error")
    error = Json("result.error")
    created_at = Json("metadata.timestamp")
    result = JsonFile("")

    def parts(self, path: str) -> dict[str, str | None] | None:
        """Take a result's path apart, the levels above the domain in any order."""
        found = super().parts(path)
        return found and {**found, **_levels(path).as_parts()}

    def units(self, files: Iterable[FileEntry], folders: Mapping[str, FolderEntry]) -> UnitList:
        """Find the results, and the summary above each that its evaluator wrote."""
        files = FileList.of(files)
        found = super().units(files, folders)
        named = files.folder_index.named(lambda name: name.endswith(_SUMMARY))
        summaries = {(entry := files[number]).path: entry for _, _, number in named}
        if not summaries:
            return found
        return found.with_beside(_summary_of(path, summaries) for path in found.paths)

    def index_beside(self, value: object) -> Mapping[str, Any]:
        """Sort what a summary says of tasks by their names, ``{generator}/{domain}_task``."""
        found: dict[str, Any] = {}
        models = value_at(value, "models")
        for model in models.values() if isinstance(models, dict) else ():
            tasks = value_at(model, "tasks")
            for name, stated in tasks.items() if isinstance(tasks, dict) else ():
                found.setdefault(name, {key: value_at(stated, key) for key in ("split", "category")})
        return found

    def stated_beside(self, unit: Unit, index: Mapping[str, Any]) -> dict[str, Any] | None:
        """Pick what the summary says of a result's task."""
        generator, domain = unit.parts["generator"], f"{unit.parts['domain']}{paths.TASK_SUFFIX}"
        return index.get(f"{generator}/{domain}") or index.get(domain)

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Set score and evaluator, and take from the result what it states: it goes before what the path suggests."""
        value, stem = contents.value, contents.unit.parts["file"]
        row["evaluator"] = row["evaluator"] or stem
        stated = next((found for key in _SCORES if (found := value_at(value, key)) is not None), None)
        row["score"], row["score_text"] = number(stated), json_text(stated)
        row["dimensions"] = json_text(value_at(value, "result.dimensions"))
        levels = _levels(row["path"]).of_model(scalar_text(value_at(value, _MODEL)))
        generator = _stated_generator(value)
        levels = replace(levels, generator=generator or levels.generator)
        row.update(levels.as_parts())
        for name, own in (("split", value_at(value, "result.split")), ("category", None)):
            row[name] = row[name] or scalar_text(own) or scalar_text(value_at(contents.beside, name))
        sorted_by = (stem, *(value_at(value, key) for key in _SORTED_BY))
        names = {same_name(name) for name in sorted_by if isinstance(name, str)}
        if row["experiment"] and same_name(row["experiment"]) in names:
            row["experiment"] = None

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """Tell of a result that cannot be read or contradicts its path; its bytes are kept."""
        path = contents.unit.path
        if contents.fault:
            message = f"The result {contents.fault}; its bytes are kept, and the columns stay empty."
            yield Problem("bad-result", "warning", path, message)
        levels, stated = _levels(path), scalar_text(value_at(contents.value, _MODEL))
        if stated and levels.model and same_name(stated) not in map(same_name, levels.unnamed):
            message = f"It states the model {stated[:200]!a}, and the path suggests {levels.model!a}; the column has what it states."
            yield Problem("other-model", "warning", path, message)


def _summary_of(result: str, summaries: Mapping[str, FileEntry]) -> FileEntry | None:
    """Give the nearest summary above a result that is called after its evaluator."""
    folder, _, name = result.rpartition("/")
    while folder:
        folder = folder.rpartition("/")[0]
        path = f"{folder}/" if folder else ""
        if found := summaries.get(f"{path}{name.removesuffix('.json')}{_SUMMARY}"):
            return found
    return None


def _levels(path: str) -> Levels:
    return read_levels(path.split("/")[:-2])


def _stated_generator(value: object) -> str | None:
    """Give the generator in a stated ``task_type``, ``{generator}/{domain}_task``."""
    stated = value_at(value, "metadata.task_type")
    names = stated.split("/") if isinstance(stated, str) else []
    found = [name for name in names if task_domain(name) is None]
    return found[-1] if len(names) > 1 and found and is_generator(found[-1]) else None
