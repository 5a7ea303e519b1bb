"""A folder of outputs of any size: runs of two models, as VMEvalKit's runner lays them out."""

import json
import random
import shutil
import struct
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

from tests.benchmarks.folder import write_questions

MODELS = ("luma-ray-2", "veo-3.0-generate")
FAILED_EVERY = 25
NOT_RUN_EVERY = 20

_FTYP = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 512, b"isom", b"mp41")
_BEGIN = datetime(2026, 1, 1)


@dataclass(frozen=True)
class Size:
    """How many runs, and how large their videos are."""

    runs: int
    video_bytes: int

    def __str__(self) -> str:
        """Name the size as the table does."""
        return f"{self.runs:,} × {self.video_bytes / 1e6:g} MB"


def write_outputs(target: Path, size: Size, seed: int = 0) -> Path:
    """Write ``pilot/{model}/{domain}_task/{task_id}/{run_id}/`` as VMEvalKit's runner does.

    Two models run the questions of `write_questions`; some runs have failed, and some tasks were not run yet.
    """
    questions = -(-size.runs // len(MODELS))
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-questions-", dir=target.parent) as name:
        write_questions(Path(name), questions + 1 + questions // NOT_RUN_EVERY, seed)
        tasks = sorted(Path(name).glob("*_task/*"))
        random.Random(seed).shuffle(tasks)
        for number, (task, model) in enumerate(product(tasks, MODELS)):
            folder = target / "pilot" / model / task.parent.name / task.name
            folder.mkdir(parents=True)
            if number < size.runs:
                _write_run(folder, task, model, number, size.video_bytes)
    return target


def _write_run(folder: Path, task: Path, model: str, number: int, video_bytes: int) -> None:
    started = _BEGIN + timedelta(seconds=97 * number)
    run = folder / f"{model}_{task.name}_{started:%Y%m%d_%H%M%S}"
    video = run / "video" / f"{model}_{started:%Y%m%d_%H%M%S}_{number:06d}.mp4"
    video.parent.mkdir(parents=True)
    failed = number % FAILED_EVERY == FAILED_EVERY - 1
    if not failed:
        video.write_bytes(_video(video_bytes, random.Random(number)))
    (run / "question").mkdir()
    for file in sorted(task.iterdir()):
        shutil.copy2(file, run / "question")
    metadata = _metadata(run, task, model, started, None if failed else video)
    (run / "metadata.json").write_text(json.dumps(metadata, indent=2), encoding="utf-8")


def _video(size_bytes: int, generator: random.Random) -> bytes:
    """Give an MP4's header and a box of bytes that cannot be compressed."""
    body = max(8, size_bytes - len(_FTYP))
    return _FTYP + struct.pack(">I4s", body, b"mdat") + generator.randbytes(body - 8)


def _metadata(run: Path, task: Path, model: str, started: datetime, video: Path | None) -> dict[str, object]:
    """Give what VMEvalKit's runner states of a run; it leaves out what is null."""
    question = json.loads((task / "question_metadata.json").read_bytes())
    place = f"data/outputs/{run.parent.relative_to(run.parents[4])}/{run.name}"
    error = {} if video else {"error": "429 Too Many Requests — quota exceeded"}
    made = {"video_path": f"{place}/video/{video.name}"} if video else {}
    inference = {
        "run_id": run.name,
        "model": model,
        "timestamp": started.isoformat(),
        "status": "success" if video else "failed",
        "duration_seconds": 61.25,
    }
    return {
        "inference": inference | error,
        "input": {
            "prompt": question["prompt"],
            "image_path": f"data/questions/{task.parent.name}/{task.name}/first_frame.png",
            "question_id": task.name,
        },
        "output": {**made, "generation_id": "ba584a01bac4" if video else "unknown"},
        "paths": {
            "inference_dir": place,
            "video_dir": f"{place}/video",
            "question_dir": f"{place}/question",
        },
        "question_data": question,
    }
