"""Small folders of outputs, of evaluations and of the question layout's relatives, and how to look at their rows."""

import base64
import os
import random
from pathlib import Path

import pyarrow.parquet as pq

from tests.factories import AS_IT_SHOULD_BE, MP4, as_json, png, shards, tree, write, write_folder
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, export, verify

RUN = "pilot/wan/maze_task/maze_0000/wan_maze_0000_20261123_200121"
RESULT = "pilot/wan/maze_task/maze_0000/GPT4OEvaluator.json"


def video(seed=0, size=400):
    """Bytes that begin as a video does, and differ by seed."""
    return MP4 + random.Random(f"video {seed}").randbytes(size)


#: A video that browsers play: four red frames of 16 × 16 pixels in 0.4 seconds, VP8 in WebM.
PLAYABLE_WEBM = base64.b64decode(
    "GkXfo59ChoEBQveBAULygQRC84EIQoKEd2VibUKHgQJChYECGFOAZwEAAAAAAAIbEU2bdLpNu4tTq4QVSalmU6yBoU27i1OrhBZU"
    "rmtTrIHYTbuMU6uEElTDZ1OsggEbTbuMU6uEHFO7a1OsggIF7AEAAAAAAABZAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAVSalmsirXsYMPQkBNgI1M"
    "YXZmNjIuMTIuMTAyV0GNTGF2ZjYyLjEyLjEwMkSJiEB5AAAAAAAAFlSua76uAQAAAAAAADXXgQFzxYhvAiM439STCZyBACK1nIN1"
    "bmSIgQCGhVZfVlA4g4EBI+ODhAX14QDghrCBELqBEBJUw2fYc3OgY8CAZ8iaRaOHRU5DT0RFUkSHjUxhdmY2Mi4xMi4xMDJzc7Jj"
    "wItjxYhvAiM439STCWfIoUWjiERVUkFUSU9ORIeTMDA6MDA6MDAuNDAwMDAwMDAwAB9DtnVAh+eBAKO9gQAAgPACAJ0BKhAAEAAA"
    "RwiFhYiFhIgCAgJ1qgP4A/oCDU0YAP79hBj/4rWHWcX/it//8PLYjh7J/+HEAKOVgQBkALEBAA8R/AAYABhYL/QACAAAo5WBAMgA"
    "sQEADxH8ABgAGFgv9AAIAACjlYEBLACxAQAPEfwAGAAYWC/0AAgAABxTu2uRu4+zgQC3iveBAfGCAXjwgQM="
)


# Outputs


def run_metadata(run_id="wan_maze_0000_20261123_200121", **inference):
    """The metadata.json of a run, as VMEvalKit's runner writes it; `inference` replaces or adds keys."""
    stated = {
        "run_id": run_id,
        "model": "org/wan-2.2",
        "timestamp": "2026-11-23T20:01:21.068030",
        "status": "success",
        "duration_seconds": 0.25,
    }
    return as_json(
        {
            "inference": stated | inference,
            "input": {"prompt": "Find the way out.", "image_path": "/home/a/first_frame.png"},
            "output": {"generation_id": "ba584a01bac4"},
            "question_data": {"id": "maze_0000", "domain": "maze"},
        }
    )


def write_run(
    folder,
    path=RUN,
    *,
    videos=AS_IT_SHOULD_BE,
    question=True,
    metadata=AS_IT_SHOULD_BE,
    prompt="Find the way out.",
):
    """Write a run with all that belongs to it.

    Args:
        folder: The outputs.
        path: The run's folder.
        videos: Name in ``video/`` to bytes; none makes an empty ``video/``, None leaves that out.
        question: Whether it has the folder ``question/``.
        metadata: The bytes of metadata.json; None leaves it out.
        prompt: What prompt.txt holds.
    """
    run = folder / path
    run.mkdir(parents=True, exist_ok=True)
    if metadata is AS_IT_SHOULD_BE:
        metadata = run_metadata(path.rpartition("/")[2])
    if videos is AS_IT_SHOULD_BE:
        videos = {"wan_20261123_200121_076138.mp4": video(path)}
    if question:
        write(run / "question/first_frame.png", png(f"{path}/first"))
        write(run / "question/final_frame.png", png(f"{path}/final"))
        write(run / "question/prompt.txt", prompt)
        write(run / "question/question_metadata.json", as_json({"id": "maze_0000", "domain": "maze"}))
    if videos is not None:
        (run / "video").mkdir(exist_ok=True)
        for name, content in videos.items():
            write(run / "video" / name, content)
    if metadata is not None:
        write(run / "metadata.json", metadata)
    return run


def write_failed_run(folder, path):
    """Write a run that failed: its ``video/`` is empty."""
    error = "Stub failure: 429 Too Many Requests — quota exceeded"
    stated = run_metadata(path.rpartition("/")[2], status="failed", error=error, duration_seconds=7e-06)
    return write_run(folder, path, videos={}, metadata=stated)


def write_runs(folder):
    """Write outputs with one of everything that a round trip must keep, every entry of a time of its own."""
    write_run(folder, RUN)
    write_run(folder, "pilot/wan/maze_task/maze_0000/wan_maze_0000_20261123_200123")
    write_run(folder, "pilot/wan/chess_task/chess_0000/warmup", prompt=b"\xff\xfe not UTF-8")
    write_failed_run(folder, "pilot/org--hold/maze_task/maze_0001/org--hold_maze_0001_20261123_200121")
    write_run(folder, "pilot/org--hold/chess_task/chess_0000/r1", videos={"a.mp4": b"a", "b.mp4": b"b"})
    write_run(folder, "pilot/org--hold/chess_task/chess_0000/r2", videos={"ü 1.webm": b"webm"}, metadata=None)
    write_run(folder, "goal/wan/maze_task/maze_0002/r", metadata=b"not JSON", question=False)
    write(folder / "pilot/wan/maze_task/maze_0000/beside.mp4", b"beside the run folders")
    write(folder / RUN / "log/stdout.txt", "100 %\n")
    write(folder / RUN / "empty.txt")
    write(folder / "pilot/summary.json", "{}")
    write(folder / "notes.md", "# Notes\n")
    for empty in ("pilot/wan/maze_task/maze_0002", "pilot/wan/raven_task/raven_0000", "pilot/sora"):
        (folder / empty).mkdir(parents=True)
    scatter_times(folder)
    return folder


def scatter_times(folder, seed=0):
    """Give every file and folder, and the root, a modification time of its own, down to the nanosecond."""
    dice = random.Random(seed)
    for above, folders, files in os.walk(folder, topdown=False):
        for name in sorted([*files, *folders]):
            _set_time(Path(above, name), dice)
    _set_time(folder, dice)
    return folder


def _set_time(path, dice):
    time_ns = dice.randrange(10**18, 2 * 10**18)
    os.utime(path, ns=(time_ns, time_ns), follow_symlinks=False)


def times(folder, under=""):
    """Map the path of every file and folder to its modification time in nanoseconds; ``""`` is the root."""
    found = {"": os.stat(folder).st_mtime_ns}
    for above, folders, files in os.walk(folder):
        for name in (*folders, *files):
            place = Path(above, name)
            found[place.relative_to(folder).as_posix()] = place.stat().st_mtime_ns
    return {path: time for path, time in found.items() if path.startswith(under)}


# Evaluations


def result(value=3, evaluator="GPT4OEvaluator", model="wan", **others):
    """A result as VMEvalKit's scorers write it; `others` go beside the score."""
    return as_json(
        {
            "metadata": {
                "evaluator": evaluator,
                "timestamp": "2026-11-23T20:05:18.745897",
                "model_name": model,
                "task_type": "maze_task",
                "task_id": "maze_0000",
            },
            "result": {
                "solution_correctness_score": value,
                "explanation": "Compared.\nSecond line.",
                "evaluation_type": "final_frame_comparison",
                "status": "completed",
                **others,
            },
        }
    )


def human_result(value=4, annotator="J. Dörfler", comments="path crosses a wall"):
    """A person's verdict: it has no status, and comments in place of an explanation."""
    metadata = {
        "evaluator": "human-eval",
        "annotator": annotator,
        "timestamp": "2026-11-23T20:05:18.703259",
        "model_name": "wan",
        "task_type": "maze_task",
        "task_id": "maze_0000",
    }
    return as_json(
        {"metadata": metadata, "result": {"solution_correctness_score": value, "comments": comments}}
    )


def write_results(folder):
    """Write evaluations with one of everything that a round trip must keep."""
    for domain in ("maze", "chess"):
        for model in ("wan", "hold"):
            place = folder / f"pilot/{model}/{domain}_task/{domain}_0000"
            write(place / "GPT4OEvaluator.json", result(5, model=model))
            write(place / "human-eval.json", human_result())
    failed = {"metadata": {"evaluator": "GPT4OEvaluator"}, "result": {"error": "500", "status": "failed"}}
    write(folder / "pilot/wan/maze_task/maze_0001/GPT4OEvaluator.json", as_json(failed))
    write(folder / "pilot/wan/maze_task/maze_0002/InternVLEvaluator.json", b"\xff\xfe not UTF-8")
    write(folder / "pilot/wan/maze_task/maze_0003/InternVLEvaluator.json", b"{cut")
    write(folder / "pilot/GPT4OEvaluator_all_models.json", as_json({"metadata": {}, "results": {}}))
    write(folder / "goal/human-eval_all_models.json", "[]")
    write(folder / "pilot/wan/maze_task/maze_0000/notes.txt", "odd")
    write(folder / "summary.csv", "a,b\n")
    (folder / "goal/wan/maze_task/maze_0000").mkdir(parents=True)
    return folder


# Rows


def rows(folder, builder=None):
    """The rows of a folder, in the order of their paths, as a build would write them."""
    scan = scan_rows(folder, builder)
    return [row_of(scan.layout, read_unit(scan.source, scan.layout, unit)) for unit in scan.units]


def stored_rows(dataset):
    """The rows of a dataset directory, by path."""
    found = [row for shard in shards(dataset) for row in pq.read_table(shard).to_pylist()]
    return {row["path"]: row for row in found}


# Relatives of the question layout

_BENCH_TASKS = {
    "In-Domain_50": "G-131_select_next_figure_increasing_size_sequence_data-generator",
    "Out-of-Domain_50": "O-34_dot_to_dot_task_data-generator",
}
_MULTI = "Multi-{}_data-generator"


def _write_pair(task, prompt, **files):
    write(task / "first_frame.png", png(f"{task.name}/first"))
    write(task / "final_frame.png", png(f"{task.name}/final"))
    write(task / "prompt.txt", prompt)
    for name, content in files.items():
        write(task / name.replace("__", "."), content)


def write_vbvr(folder):
    """VBVR as its factory writes it: ``questions/{generator}/{task}_task/{task}_{00000000}/``, stale ``task_id``."""
    for generator, name in (("O-47", "sliding_puzzle"), ("G-37", "symmetry_random")):
        for number in range(2):
            place = f"questions/{generator}_{name}_data-generator/{name}_task/{name}_{number:08d}"
            metadata = {
                "task_id": f"{name}_{number + 7:08d}",
                "generator": name,
                "timestamp": "2026-11-23T20:07:08.292734",
                "parameters": {"size": 3, "objects": [{"symbol": "tile_1", "initial_position": [0, 1]}]},
                "param_hash": "9c0e",
                "generation": {"seed": number, "git_version": None},
            }
            prompt = f"Slide {number}.\n\nRules: 90° at most — no more."
            _write_pair(
                folder / place, prompt, ground_truth__mp4=video(place), metadata__json=as_json(metadata)
            )
    return folder


def write_vbvr_bench(folder):
    """VBVR-Bench-Data: ``In-Domain_50/{generator}/00000/`` with four files; VBVR-Bench.json has all prompts too."""
    entries = []
    for split, name in _BENCH_TASKS.items():
        for number in range(2):
            place = f"{split}/{name}/{number:05d}"
            prompt = f"Choose figure {number}.\n"
            _write_pair(folder / place, prompt, ground_truth__mp4=video(place))
            first = base64.b64encode((folder / place / "first_frame.png").read_bytes()).decode()
            entries.append(
                {
                    "id": len(entries),
                    "prompt": prompt.strip(),
                    "first_image": f"data:image/png;base64,{first}",
                    "prompt_path": f"{place}/prompt.txt",
                    "first_frame_path": f"{place}/first_frame.png",
                    "final_frame_path": f"{place}/final_frame.png",
                    "ground_truth_video_path": f"{place}/ground_truth.mp4",
                }
            )
    write(folder / "VBVR-Bench.json", as_json(entries))
    write(folder / "README.md", "---\nlicense: apache-2.0\n---\n# VBVR-Bench\n")
    return folder


def write_multistep_bench(folder):
    """VBVR-MultiStep-Bench: ``{gen}/{gen}_task/{gen}_{id}/`` with five files, an index and a card at the root."""
    for name in ("01_maze_shortest_path", "07_sokoban_planning"):
        generator = _MULTI.format(name)
        for number in range(2):
            place = f"{generator}/{generator}_task/{generator}_{number:08d}"
            metadata = {"task_id": f"{generator}_{number:08d}", "seed": 42 + number, "version": "1.0"}
            prompt = "[Scenario] A grid.\n[Rules] Walls stay.\n[Task] Reach the flag.\n"
            files = {"ground_truth__mp4": video(place), "question_metadata__json": as_json(metadata)}
            _write_pair(folder / place, prompt, **files)
    write(folder / "metadata.parquet", b"PAR1 index PAR1")
    write(folder / "croissant.json", "{}")
    write(folder / "README.md", "# VBVR-MultiStep-Bench\n")
    return folder


def write_mme_cof(folder):
    """MME-CoF-VMEval: ``mme_cof_0000/`` at the root, the domain in the metadata, further files beside."""
    for number, category in enumerate(("2D_geometry_reasoning", "rotation_reasoning")):
        name = f"mme_cof_{number:04d}"
        prompt = "Animate the transformation step-by-step."
        metadata = {
            "id": name,
            "domain": "mme_cof",
            "category": category,
            "prompt": prompt,
            "first_image_path": f"{name}/first_frame.png",
            "final_image_path": f"{name}/final_frame.png",
            "created_at": "2025-01-02T03:04:05",
            "source": "ZiyuG/MME-CoF",
        }
        _write_pair(folder / name, prompt, question_metadata__json=as_json(metadata))
    write(folder / "dataset_summary.json", as_json({"total": 2}))
    write(folder / "MME_COF.md", "# MME-CoF\n")
    write(folder / "README.md", "# MME-CoF-VMEval\n")
    return folder


#: What writes a small folder of each of our own layouts.
LAYOUTS = {"questions": write_folder, "outputs": write_run, "evaluations": write_results}


# There and back


def assert_same(rebuilt, folder):
    assert tree(rebuilt) == tree(folder)
    assert times(rebuilt) == times(folder)


def round_trip(folder, place, **options):
    """Build and export a folder; all of it must come back."""
    dataset = build(folder, place / "dataset", **options).target
    result = export(dataset, place / "rebuilt")
    assert_same(place / "rebuilt", folder)
    assert verify(place / "rebuilt", dataset).same
    assert result.missing == result.changed == result.added == []
    return dataset
