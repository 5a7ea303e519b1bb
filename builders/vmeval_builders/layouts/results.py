"""Results in one file: one row per sample of a model's results, as VBVR-Bench's evaluators write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vmeval_builders.entries import Contents
from vmeval_builders.json_values import json_text, scalar_text
from vmeval_builders.layouts.columns import Computed, Item, Json, JsonFile, Part
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.problems import Problem

#: What the evaluators put into a file's name, for the time at which they ran.
_TIME = (
    r"[0-9]{8}[_T-]?[0-9]{4,6}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[_T-][0-9]{2}-[0-9]{2}(?:-[0-9]{2})?"
)


class Results(Layout):
    """``{model}_vbvr_results.json`` and ``{model}_{time}_eval_results.json``, with a list of samples in them."""

    name = "results"
    noun = "result"
    title = "Results of video models"
    rows = "**/{model}[_{created_at}]_{kind}.json"
    items = ("samples", "detailed")
    # MME-CoF's results lie beside its questions and hold other things.
    never_beside = frozenset({"data.json"})
    id_column = "task_id"
    group_column = "model"
    domain_column = "generator"
    shown = ("model", "kind", "split", "category", "status")
    gallery_filter = "split"
    gallery_text = "error"

    model = Part("[^/]+?")
    split = Item("split", "folder")
    category = Item("category")
    generator = Item("task_name", "generator", "generator_dir")
    task_id = Computed()
    evaluator = Json("evaluator", "metadata.evaluator")
    kind = Part("(?:vbvr|eval)_results")
    score = Item("score", kind="float64")
    first_frame_consistency = Item("dimensions.first_frame_consistency", kind="float64")
    final_frame_accuracy = Item("dimensions.final_frame_accuracy", kind="float64")
    temporal_smoothness = Item("dimensions.temporal_smoothness", kind="float64")
    visual_quality = Item("dimensions.visual_quality", kind="float64")
    task_specific = Item("dimensions.task_specific", kind="float64")
    dimensions = Computed()
    error = Computed()
    status = Item("status")
    created_at = Part(_TIME)
    result = Item()
    file = JsonFile("")

    def needs_row(self, parts: object, has_json: bool) -> bool:
        """Read the file, which may state another model than its name does."""
        return True

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Name the sample, and take model and time from the file where it states them."""
        stated, item = contents.value or {}, contents.item or {}
        row["model"] = scalar_text(stated.get("model_name")) or row["model"]
        row["created_at"] = scalar_text(stated.get("timestamp")) or row["created_at"]
        row["evaluator"] = row["evaluator"] or "VBVR-Bench"
        row["task_id"] = _task_id(item)
        row["dimensions"] = json_text(item.get("dimensions"))
        row["error"] = json_text(item.get("error") or None)
        if row["status"] is None and row["error"] is not None:
            row["status"] = "failed"

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """Tell of a file that holds no samples, and of one that names another model; its bytes are kept."""
        path = contents.unit.path
        if contents.fault:
            message = f"It {contents.fault}; its bytes are kept, and its row stays empty."
            yield Problem("bad-result", "warning", path, message)
        stated = scalar_text((contents.value or {}).get("model_name"))
        if stated and stated != contents.unit.parts["model"]:
            message = f"Its name says another model than {stated[:200]!a}, which is stated in it and counts."
            yield Problem("other-model", "warning", path, message)


def _task_id(item: Mapping[str, Any]) -> str | None:
    """Name the task as its folder is called: by the video's name, else by the number that is stated."""
    for key in ("video_file", "video_path"):
        if isinstance(name := item.get(key), str) and name:
            return scalar_text(name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name)
    found = (scalar_text(item.get(key)) for key in ("video_idx", "sample_id", "task_id", "id"))
    return next((one for one in found if one is not None), None)
