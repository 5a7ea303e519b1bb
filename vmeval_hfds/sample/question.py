"""What a generated puzzle is, and how it becomes the files of one task folder."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Generic, Literal, TypeVar

Difficulty = Literal["easy", "medium", "hard"]
DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")

SceneT = TypeVar("SceneT")


@dataclass(frozen=True)
class Puzzle(Generic[SceneT]):
    """One puzzle with its solution; a scene is all that drawing a frame needs.

    Attributes:
        prompt: What a model is asked to do; prompt.txt holds exactly this.
        first: The scene before the first move.
        final: The scene when the puzzle is solved.
        data: The `{domain}_data` of question_metadata.json.
        extra: Further top-level keys of question_metadata.json.
        goal: The text of goal.txt, or None for no such file.
    """

    prompt: str
    first: SceneT
    final: SceneT
    data: Mapping[str, object]
    extra: Mapping[str, object] = field(default_factory=dict)
    goal: str | None = None


@dataclass(frozen=True)
class Domain(Generic[SceneT]):
    """One kind of puzzle: how to invent it and how to draw it.

    Attributes:
        name: The domain, as in the folder `{name}_task`.
        id_stem: What its ids start with; as in VMEvalKit, not always the domain.
        task_category: The category in question_metadata.json.
        description: The domain's line in vmeval_dataset.json.
        generate: Invents a puzzle from nothing but the generator and the difficulty.
        draw: Draws a scene as a Pillow image.
    """

    name: str
    id_stem: str
    task_category: str
    description: str
    generate: Callable[[Random, Difficulty], Puzzle[SceneT]]
    draw: Callable[[SceneT], Any]


def question_metadata(
    domain: Domain[Any], puzzle: Puzzle[Any], question_id: str, difficulty: Difficulty, created_at: str
) -> dict[str, object]:
    """Put together what question_metadata.json holds, with VMEvalKit's keys."""
    folder = f"{domain.name}_task/{question_id}"
    return {
        "id": question_id,
        "prompt": puzzle.prompt,
        "first_image_path": f"{folder}/first_frame.png",
        "final_image_path": f"{folder}/final_frame.png",
        "task_category": domain.task_category,
        f"{domain.name}_data": dict(puzzle.data),
        "difficulty": difficulty,
        **puzzle.extra,
        "created_at": created_at,
        "domain": domain.name,
    }


def to_json(value: object) -> bytes:
    """Encode as VMEvalKit does: two spaces, ASCII escapes, no final newline."""
    return json.dumps(value, indent=2).encode("ascii")
