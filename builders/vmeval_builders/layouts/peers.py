"""Questions of other benchmarks, whose rows are pictures; what models made of them is read as outputs."""

from __future__ import annotations

from typing import Any

from vmeval_builders import paths
from vmeval_builders.entries import Contents
from vmeval_builders.layouts.beside import FilesBeside
from vmeval_builders.layouts.columns import Computed, Image, Json, Part, Videos
from vmeval_builders.layouts.run_paths import IMAGE_ENDINGS, VIDEO_ENDINGS


class MmeCof(FilesBeside):
    """MME-CoF: ``{category}/1.jpg``, with its videos in ``1_videos/`` and its prompt in ``data.json``."""

    name = "mme-cof"
    noun = "question"
    title = "MME-CoF"
    rows = tuple(f"**/{{category}}/{{id}}{ending}" for ending in IMAGE_ENDINGS)
    never_beside = paths.QUESTION_FILES
    told_by = "../../data.json"
    told_of = "image"
    id_column = "id"
    one_task_an_id = True
    group_column = "category"
    shown = ("category",)
    gallery_text = "prompt"
    # Outputs alone would know the videos, and neither the questions nor the prompts.
    rank = 1
    keeps_times = True

    id = Part("[0-9]+")
    category = Part()
    question = Json("question")
    prompt = Json("reasoning_prompt", "prompt")
    idx = Json("idx")
    first_frame = Image("")
    videos = Videos(*(f"../{{id}}_videos/*{ending}" for ending in VIDEO_ENDINGS))


class TiViBench(FilesBeside):
    """TiViBench: ``images/{dimension}/{difficulty}_{category}_001.png``, and end frames in ``eval_cache``."""

    name = "tivibench"
    noun = "question"
    title = "TiViBench"
    rows = tuple(
        f"**/{{dimension}}/{{difficulty}}_{{category}}_{{number}}{ending}" for ending in IMAGE_ENDINGS
    )
    never_beside = paths.QUESTION_FILES
    id_column = "id"
    one_task_an_id = True
    group_column = "dimension"
    shown = ("dimension", "difficulty")
    gallery_filter = "difficulty"
    rank = -1

    id = Computed()
    dimension = Part("AT|SL|SS|SV")
    difficulty = Part("easy|medium|hard")
    category = Part("[^/]+?")
    number = Part("[0-9]+")
    first_frame = Image("")
    final_frame = Image(
        "../../../eval_cache/{dimension}/{difficulty}_{category}_{number}/end.png",
    )

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Set the id as its videos are called: ``SV_easy_graph_001``."""
        row["id"] = "_".join(row[name] for name in ("dimension", "difficulty", "category", "number"))


class VReasonBench(FilesBeside):
    """V-ReasonBench: ``{task}/inputs/01.png``, and the end to reach in ``{task}/GT/01.png``."""

    name = "v-reasonbench"
    noun = "question"
    title = "V-ReasonBench"
    rows = tuple(f"**/{{task}}/inputs/{{id}}{ending}" for ending in IMAGE_ENDINGS)
    never_beside = paths.QUESTION_FILES
    id_column = "id"
    one_task_an_id = True
    group_column = "task"
    rank = -1

    id = Part()
    task = Part()
    first_frame = Image("")
    final_frame = Image(*(f"../../GT/{{id}}{ending}" for ending in IMAGE_ENDINGS))
