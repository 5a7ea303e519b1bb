"""What the folders above a row stand for: experiment, model, checkpoint, split, generator and domain, in any order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vmeval_builders.paths import TASK_SUFFIX

#: The parts that `read_levels` finds.
LEVELS = ("experiment", "model", "checkpoint", "split", "generator", "domain")

# VBVR-Bench: In-Domain_50 and Out-of-Domain_50; its results say In_Domain and Out_of_Domain.
_SPLIT = re.compile(r"(?:in|out)[-_ ]?(?:of[-_ ]?)?(?:domain|distribution)(?:[-_ ]?\w+)?", re.IGNORECASE)
# VBVR's generators are repositories: G-37_symmetry_random_data-generator, Multi-01_maze_chain.
_GENERATOR = re.compile(r"[A-Za-z]+-\d+_.+|.+[-_]generator")
_CHECKPOINT = re.compile(r"(?:checkpoint|ckpt|epoch|(?:global[-_]?)?step)[-_]?\d+", re.IGNORECASE)
#: Folders that hold outputs as such, and say nothing of them.
_CONTAINER = re.compile(r"(?:.*[-_])?outputs(?:[-_].*)?|(?:generated[-_])?videos", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Levels:
    """The folders above a row, by what they stand for; None where there is no such folder."""

    experiment: str | None = None
    model: str | None = None
    checkpoint: str | None = None
    split: str | None = None
    generator: str | None = None
    domain: str | None = None

    def as_parts(self) -> dict[str, str | None]:
        """Give them by name."""
        return {name: getattr(self, name) for name in LEVELS}


def is_split(name: str) -> bool:
    """Whether a folder is called as a split is."""
    return _SPLIT.fullmatch(name) is not None


def is_generator(name: str) -> bool:
    """Whether a folder is called as a generator of questions is."""
    return _GENERATOR.fullmatch(name) is not None


def task_domain(name: str) -> str | None:
    """Give the domain of a folder ``{domain}_task``; None for another folder."""
    return name.removesuffix(TASK_SUFFIX) if name.endswith(TASK_SUFFIX) and name != TASK_SUFFIX else None


def read_levels(folders: Sequence[str]) -> Levels:
    """Say what the folders above a row stand for.

    Splits, generators, checkpoints and ``{domain}_task`` are known by their names, wherever they stand. Of the
    others, the deepest is the model and the one above it the experiment; what lies above a folder that is only
    called ``outputs`` or the like says nothing.

    Args:
        folders: The folders above the row's own, from the root down.
    """
    found: dict[str, str | None] = {}
    others: list[str] = []
    for name in folders:
        if (domain := task_domain(name)) is not None:
            found["domain"] = domain
        elif is_split(name):
            found["split"] = name
        elif is_generator(name):
            found["generator"] = name
        elif _CHECKPOINT.fullmatch(name):
            found["checkpoint"] = name
        elif _CONTAINER.fullmatch(name):
            others.clear()
        else:
            others.append(name)
    if others:
        found["model"] = others[-1]
    if len(others) > 1:
        found["experiment"] = others[-2]
    # Where a generator stands alone, its questions have no folder of a domain: it is what they have in common.
    found.setdefault("domain", found.get("generator"))
    return Levels(**found)
