"""VMEvalKit's own way from a folder to Parquet and back, and how much of the folder it brings back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import count_files

Prepared = Callable[[], Any]


def images_to_parquet(source: str, target: str) -> Prepared:
    """VMEvalKit's own way: paths and texts to Parquet with the Image feature."""
    from datasets import Dataset, Image

    def call() -> int:
        rows = list(_rows(Path(source)))
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        dataset = Dataset.from_dict(columns)
        for name in ("first_frame", "final_frame"):
            dataset = dataset.cast_column(name, Image())
        return int(dataset.to_parquet(target))

    return call


def images_from_parquet(source: str, target: str) -> Prepared:
    """VMEvalKit's own way back: decode each image and save it."""
    from datasets import Dataset

    def call() -> int:
        for row in Dataset.from_parquet(source):
            folder = Path(target) / f"{row['domain']}_task" / row["task_id"]
            folder.mkdir(parents=True)
            for name in ("first_frame", "final_frame"):
                if row[name] is not None:
                    row[name].save(folder / f"{name}.png")
            (folder / "prompt.txt").write_text(row["prompt"], encoding="utf-8", newline="")
            metadata = json.dumps(json.loads(row["metadata"]), indent=2)
            (folder / "question_metadata.json").write_text(metadata, encoding="utf-8", newline="")
        return count_files(Path(target))

    return call


def compare(source: str, other: str) -> Prepared:
    """How much of a folder another one has: files, same bytes, frames, and frames as they were drawn."""
    from tests.benchmarks.folder import FRAMES, without_mark

    def call() -> dict[str, int]:
        counts = dict.fromkeys(("files", "same", "frames", "same_frames", "same_without_text"), 0)
        for file in filter(Path.is_file, Path(source).rglob("*")):
            there = Path(other) / file.relative_to(source)
            content, found = file.read_bytes(), there.read_bytes() if there.is_file() else None
            counts["files"] += 1
            counts["same"] += content == found
            if file.name in FRAMES:
                counts["frames"] += 1
                counts["same_frames"] += content == found
                counts["same_without_text"] += without_mark(content) == found
        return counts

    return call


def _rows(source: Path) -> Iterator[dict[str, str | None]]:
    for prompt in sorted(source.glob("*_task/*/prompt.txt")):
        task = prompt.parent
        row: dict[str, str | None] = {
            "task_id": task.name,
            "domain": task.parent.name.removesuffix("_task"),
            "prompt": prompt.read_bytes().decode(),
            "metadata": json.dumps(json.loads((task / "question_metadata.json").read_bytes())),
        }
        for name in ("first_frame", "final_frame"):
            frame = task / f"{name}.png"
            row[name] = str(frame) if frame.exists() else None
        yield row
