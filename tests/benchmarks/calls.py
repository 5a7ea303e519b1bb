"""What is measured, each run by `measure.run_call` in a process that has imported all it needs before it starts.

``python -m tests.benchmarks.calls NAME ARGUMENT…`` prints the seconds and the result as one line of JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import other_way
from tests.benchmarks.measure import count_files

Prepared = Callable[[], Any]


def folder(target: str, questions: str, prefix: str = "", frame_bytes: str = "") -> Prepared:
    """Write a folder of questions; with a prefix, in domains that no other has; or with frames of so many bytes."""
    from tests.benchmarks.folder import write_questions

    def call() -> int:
        written = write_questions(Path(target), int(questions), frame_bytes=_number(frame_bytes))
        if prefix:
            (written / "vmeval_dataset.json").unlink()
            for domain in list(written.iterdir()):
                domain.rename(written / f"{prefix}_{domain.name}")
        return count_files(written)

    return call


def outputs(target: str, runs: str, video_bytes: str) -> Prepared:
    """Write a folder of outputs."""
    from tests.benchmarks.output_folder import Size, write_outputs

    return lambda: count_files(write_outputs(Path(target), Size(int(runs), int(video_bytes))))


def change(target: str, domain: str, count: str) -> Prepared:
    """Change some questions of a domain."""
    from tests.benchmarks.folder import change_questions

    return lambda: change_questions(Path(target), domain, int(count))


def archives(target: str, questions: str, count: str) -> Prepared:
    """Write a folder of archives of questions."""
    from tests.benchmarks.archives import write_archives

    return lambda: write_archives(Path(target), int(questions), int(count))


def change_archive(folder: str) -> Prepared:
    """Change a question in the first archive, take one out of it and put another one in."""
    from tests.benchmarks.archives import change_first

    return lambda: change_first(Path(folder))


def build(source: str, target: str, num_proc: str = "", scheduler: str = "") -> Prepared:
    """Folder to dataset directory, frames not decoded: that takes as long as Pillow takes."""
    from vmeval_hfds.api.build import build as call

    return _on(
        scheduler,
        lambda executor: (
            call(source, target, num_proc=_number(num_proc), executor=executor, decode=False).rows
        ),
    )


def export(dataset: str, target: str, num_proc: str = "") -> Prepared:
    """Dataset directory to folder."""
    from vmeval_hfds.api.export import export as call

    return lambda: call(dataset, target, num_proc=_number(num_proc)).written


def verify(source: str, dataset: str, num_proc: str = "") -> Prepared:
    """Folder against dataset directory."""
    from vmeval_hfds.api.verify import verify as call

    return lambda: call(source, dataset, num_proc=_number(num_proc)).same


def check(source: str) -> Prepared:
    """Errors of a folder, frames not decoded."""
    from vmeval_hfds.api.check import check_folder

    return lambda: sum(problem.severity == "error" for problem in check_folder(source, quick=True))


def listed(target: str, questions: str, changed: str) -> Prepared:
    """Write a dataset directory with many files and little in them."""
    from tests.benchmarks.listing import write_listed

    return lambda: write_listed(Path(target), int(questions), bool(changed))


def export_id(dataset: str, target: str, task: str) -> Prepared:
    """One task of a dataset directory to folder."""
    from vmeval_hfds.api.export import export as call

    return lambda: call(dataset, target, ids=[task]).written


def diff(old: str, new: str) -> Prepared:
    """Dataset directory against dataset directory."""
    from vmeval_hfds.api.diff import diff_datasets

    def call() -> dict[str, int]:
        found = diff_datasets(old, new)
        return {kind: len(getattr(found, kind)) for kind in ("added", "removed", "changed")}

    return call


def push(source: str, repo_id: str) -> Prepared:
    """Folder to repository."""
    from vmeval_hfds.api.push import push_to_hub as call

    return lambda: call(source, repo_id).commit


def push_undecoded(source: str, repo_id: str, num_proc: str, scheduler: str = "") -> Prepared:
    """Folder to repository, frames not decoded, in so many processes or on a Dask cluster."""
    from vmeval_hfds.api.push import push_to_hub as call

    return _on(
        scheduler,
        lambda executor: (
            call(source, repo_id, num_proc=_number(num_proc), executor=executor, decode=False).commit
        ),
    )


def add(source: str, repo_id: str) -> Prepared:
    """Folder into a repository that others fill too."""
    from vmeval_hfds.api.push import push_to_hub as call

    return lambda: call(source, repo_id, add=True).commit


def push_plainly(source: str, repo_id: str) -> Prepared:
    """Folder to repository as `datasets` does it."""
    from vmeval_hfds.api.to_dataset import to_dataset

    return lambda: str(to_dataset(source).push_to_hub(repo_id, split="test").oid)


def upload_folder(source: str, repo_id: str) -> Prepared:
    """Folder to a raw mirror, with huggingface_hub alone."""
    from huggingface_hub import HfApi

    def call() -> str:
        HfApi().create_repo(repo_id, repo_type="dataset")
        return str(HfApi().upload_folder(repo_id=repo_id, folder_path=source, repo_type="dataset").oid)

    return call


def export_repo(repo_id: str, target: str) -> Prepared:
    """Repository to folder."""
    from vmeval_hfds.api.export import export as call
    from vmeval_hfds.store.repository import open_repo

    return lambda: call(open_repo(repo_id), target).written


def verify_repo(source: str, repo_id: str) -> Prepared:
    """Folder against repository."""
    from vmeval_hfds.api.verify import verify as call
    from vmeval_hfds.store.repository import open_repo

    return lambda: call(source, open_repo(repo_id)).same


def load(repo_id: str) -> Prepared:
    """All questions of a repository, as its readers load them."""
    from datasets import load_dataset

    return lambda: load_dataset(repo_id, split="test").num_rows


def snapshot(repo_id: str, target: str) -> Prepared:
    """A raw mirror to a folder, with huggingface_hub alone."""
    from huggingface_hub import snapshot_download

    return lambda: snapshot_download(repo_id, repo_type="dataset", local_dir=target)


def profile(name: str, *arguments: str) -> Prepared:
    """Tell where a call of one process spends its time."""
    from tests.benchmarks.sampling import sampled

    call = CALLS[name](*arguments, "1")
    return lambda: sampled(call)


CALLS: dict[str, Callable[..., Prepared]] = {
    call.__name__: call
    for call in (
        folder,
        outputs,
        archives,
        change_archive,
        change,
        build,
        export,
        verify,
        check,
        listed,
        export_id,
        diff,
        push,
        push_undecoded,
        add,
        push_plainly,
        upload_folder,
        export_repo,
        verify_repo,
        load,
        snapshot,
        other_way.images_to_parquet,
        other_way.images_from_parquet,
        other_way.compare,
        profile,
    )
}


def _on(scheduler: str, call: Callable[[Any], Any]) -> Prepared:
    """Call with the executor of a Dask cluster, or None where none is named; to connect is part of the call."""
    if not scheduler:
        return lambda: call(None)
    from vmeval_hfds.engine.dask import dask_executor

    def there() -> Any:
        with dask_executor(scheduler) as executor:
            return call(executor)

    return there


def _number(text: str) -> int | None:
    return int(text) if text else None


def main() -> None:
    """Prepare a call, make it, and tell how long it took."""
    call = CALLS[sys.argv[1]](*sys.argv[2:])
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "result": result}))


if __name__ == "__main__":
    main()
