"""Results of many samples in one file, as VBVR-Bench's two evaluators write them, and their summary."""

from tests.factories import as_json, write

GENERATORS = ("O-47_sliding_puzzle_data-generator", "G-12_maze_data-generator")
SPLITS = {"In_Domain": "In-Domain_50", "Out_of_Domain": "Out-of-Domain_50"}


def sample(task="00000", score=0.5, generator=GENERATORS[0], split="In_Domain", error=None, **dimensions):
    """One sample as ``*_vbvr_results.json`` has it."""
    folder = SPLITS[split]
    return {
        "video_path": None if error else f"/runs/{folder}/{generator}/{task}.mp4",
        "video_file": f"{task}.mp4",
        "task_name": generator,
        "split": split,
        "category": "Navigation" if "maze" in generator else "Abstraction",
        "folder": folder,
        "score": score,
        "dimensions": dimensions or {"task_specific": score},
        "error": error,
    }


def detail(task="00000", score=0.5, generator=GENERATORS[0], split="In_Domain", **dimensions):
    """One sample as ``*_eval_results.json`` has it."""
    return {
        "score": score,
        "dimensions": dimensions,
        "details": {"frames": 8, "moves": [1, 2]},
        "video_path": f"/runs/{SPLITS[split]}/{generator}/{task}.mp4",
        "task_name": generator,
        "split": split,
        "video_idx": task,
    }


def write_samples(folder, model, samples, **stated):
    """Write what VBVR-Bench's runner writes of a model, and give its path."""
    value = {"model_name": model, "timestamp": "2026-04-01T12:00:00", "samples": samples, **stated}
    return write(folder / f"{model}_vbvr_results.json", as_json(value))


def write_details(folder, model, details, time="20260401_120000"):
    """Write what VBVR-Bench's own evaluation writes of a model, whose name is in the file's alone."""
    path = folder / f"{model}_{time}_eval_results.json"
    return write(path, as_json({"overall": {"mean_score": 0.5}, "detailed": details}))


def summary(samples):
    """Sum up a model's samples as VBVR-Bench does."""

    def mean(**wanted):
        scores = [one["score"] for one in samples if all(one[key] == value for key, value in wanted.items())]
        return sum(scores) / len(scores) if scores else 0.0

    return {
        **{split: mean(split=split) for split in SPLITS},
        "overall": mean(),
        "by_category": {
            category: mean(category=category) for category in {one["category"] for one in samples}
        },
    }


def some_samples(model="a", tasks=3):
    """Samples of both splits and categories, with scores that only one order of adding gives exactly."""
    return [
        sample(f"{number:05d}", (len(model) + number) / 7 / (place + 1), generator, split)
        for place, (split, generator) in enumerate(
            (split, generator) for split in SPLITS for generator in GENERATORS
        )
        for number in range(tasks)
    ]


def write_result_files(folder):
    """Write results of two models, one of them in both forms, and the summary of all."""
    found = {model: some_samples(model, tasks) for model, tasks in (("wan-2.2_14b", 3), ("sora", 2))}
    for model, samples in found.items():
        write_samples(folder, model, samples)
    write_details(folder, "sora", [detail("00000", 0.25, visual_quality=0.75), detail("00001", 0.5)])
    write(folder / "all_models_summary.json", as_json({name: summary(of) for name, of in found.items()}))
    return folder
