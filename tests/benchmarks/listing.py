"""Export of one id, and diff, where a million files are listed: ``python -m tests.benchmarks.listing``.

The files have next to no content: what is measured is the list.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measure import Run, megabytes, print_table, remove, run_call, say, yes_no

FILES = ("final_frame.png", "first_frame.png", "goal.txt", "prompt.txt", "question_metadata.json")
DOMAINS = 20
#: One question in so many has another prompt, and another difficulty, in the second dataset.
CHANGED_ONE_IN = 1000

EXPORT_SECONDS, EXPORT_BYTES = 1.5, 250e6
DIFF_SECONDS, DIFF_BYTES = 5.0, 500e6


def write_listed(target: Path, questions: int, changed: bool) -> int:
    """Write a dataset directory that lists five files of each question, and give how many files these are.

    Args:
        target: The directory; it must not exist.
        questions: How many questions.
        changed: Whether it is the second version, in which some are changed, one is new and one is gone.
    """
    import pyarrow as pa

    from vmeval_builders.arrow.arrays import integer_array, text_array
    from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
    from vmeval_hfds.store.names import shard_name
    from vmeval_hfds.table.facts import METADATA_KEY, ListingFacts, ShardFacts
    from vmeval_hfds.table.listing_shards import LISTING_GROUP_ROWS
    from vmeval_hfds.table.parquet import open_writer

    (target / "files").mkdir(parents=True)
    schema = arrow_schema(FILE_COLUMNS)
    shards: dict[str, ShardFacts] = {}
    tables = []
    for domain in range(DOMAINS):
        name = f"data/domain{domain:02d}/{shard_name('test', 0, 1)}"
        rows = [
            _question(domain, number, changed) for number in _numbers(domain, questions // DOMAINS, changed)
        ]
        shards[name] = _write_rows(target / name, rows)
        paths: list[str] = []
        ids: list[str] = []
        sizes, digests = [], []
        for row, contents in rows:
            for file, content in contents.items():
                paths.append(f"{row['path']}/{file}")
                sizes.append(len(content))
                digests.append(hashlib.sha256(content).hexdigest())
                ids.append(str(row["id"]))
        count = len(paths)
        tables.append(
            pa.Table.from_arrays(
                [
                    text_array(paths),
                    integer_array(sizes),
                    text_array(digests),
                    integer_array([None] * count),
                    text_array([f"domain{domain:02d}"] * count),
                    text_array(ids),
                    text_array([name] * count),
                    integer_array([number // len(FILES) for number in range(count)]),
                    pa.nulls(count, pa.binary()),
                ],
                schema=schema,
            )
        )
    groups = {f"domain{domain:02d}": f"domain{domain:02d}" for domain in range(DOMAINS)}
    listed = pa.concat_tables(tables).combine_chunks()
    with open_writer(target / "files" / shard_name("test", 0, 1), schema, ("config", "shard")) as writer:
        for start in range(0, listed.num_rows, LISTING_GROUP_ROWS):
            writer.write_table(listed.slice(start, LISTING_GROUP_ROWS))
        writer.add_key_value_metadata({METADATA_KEY: ListingFacts("questions", groups, shards).to_json()})
    return int(listed.num_rows)


def _numbers(domain: int, questions: int, changed: bool) -> range:
    """Number a domain's questions; in the second version, the first domain's begin and the last one's end earlier."""
    if not changed:
        return range(1, questions + 1)
    return range(domain != 0 or 0, questions + (domain != DOMAINS - 1))


def _question(domain: int, number: int, changed: bool) -> tuple[dict[str, object], dict[str, bytes]]:
    name = f"domain{domain:02d}"
    task = f"{name}_{number:06d}"
    other = changed and number % CHANGED_ONE_IN == 0
    prompt, difficulty = f"{task}{'!' if other else ''}", "hard" if other else "easy"
    metadata = f'{{"id": "{task}", "difficulty": "{difficulty}"}}'
    row: dict[str, object] = {
        "id": task,
        "domain": name,
        "prompt": prompt,
        "goal": "g",
        "first_frame": {"bytes": b"1", "path": "first_frame.png"},
        "final_frame": {"bytes": b"2", "path": "final_frame.png"},
        "difficulty": difficulty,
        "question_metadata": metadata,
        "path": f"{name}_task/{task}",
    }
    contents = (b"2", b"1", b"g", prompt.encode(), metadata.encode())
    return row, dict(zip(FILES, contents, strict=True))


def _write_rows(target: Path, rows: Sequence[tuple[dict[str, object], object]]):  # type: ignore[no-untyped-def]
    from vmeval_builders.arrow.schema import arrow_schema
    from vmeval_builders.layouts.registry import QUESTIONS
    from vmeval_builders.rows import table_of
    from vmeval_hfds.table.facts import ShardFacts
    from vmeval_hfds.table.parquet import ROW_GROUP_ROWS, open_writer

    target.parent.mkdir(parents=True)
    empty = dict.fromkeys(QUESTIONS.columns)
    with open_writer(target, arrow_schema(QUESTIONS.columns), QUESTIONS.repeating) as writer:
        for start in range(0, len(rows), ROW_GROUP_ROWS):
            chosen = [{**empty, **row} for row, _ in rows[start : start + ROW_GROUP_ROWS]]
            writer.write_table(table_of(QUESTIONS, chosen))
    with target.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return ShardFacts(digest, target.stat().st_size, len(rows), 0, 0)


def measure(work: Path, files: int, repeats: int) -> None:
    """Measure and print a table."""
    old, new, target = work / "old", work / "new", work / "exported"
    for dataset, changed in ((old, ""), (new, "changed")):
        made = run_call("listed", dataset, files // len(FILES), changed)
        say(f"{made.result:,} files listed, made in {made.seconds:.1f} s")
    exports, diffs = [], []
    for _ in range(repeats):
        remove(target)
        exports.append(run_call("export_id", old, target, "domain07_004321"))
        diffs.append(run_call("diff", old, new))
    wanted = {"changed": max(1, files // len(FILES) // CHANGED_ONE_IN), "added": 1, "removed": 1}
    if exports[0].result != len(FILES) or abs(diffs[0].result["changed"] - wanted["changed"]) > DOMAINS:
        raise SystemExit(f"exported {exports[0].result} files, found {diffs[0].result}, expected {wanted}")
    say(f"diff found {diffs[0].result}")
    rows = [
        _row("export of one id", exports, EXPORT_SECONDS, EXPORT_BYTES),
        _row("diff of two datasets", diffs, DIFF_SECONDS, DIFF_BYTES),
    ]
    print_table(["what", "seconds", "wanted", "peak MB", "wanted", "reached"], rows)


def _row(title: str, runs: Sequence[Run], seconds: float, size_bytes: float) -> list[str]:
    """Tell the median of the whole process, its start and imports too, and the largest peak."""
    median = sorted(run.wall_seconds for run in runs)[(len(runs) - 1) // 2]
    peak = max(run.max_rss for run in runs)
    reached = yes_no(median <= seconds and peak <= size_bytes)
    return [title, f"{median:.2f}", f"≤ {seconds}", megabytes(peak), f"≤ {megabytes(size_bytes)}", reached]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.listing", description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to work; a tmpfs")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as name:
        measure(Path(name), options.files, options.repeats)


if __name__ == "__main__":
    main()
