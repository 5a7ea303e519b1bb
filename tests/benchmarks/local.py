"""Every verb beside ``cp -r``, ``tar`` and ``sha256sum``, in one table: ``python -m tests.benchmarks.local``.

Many questions need little room with ``--frame-bytes``: 250,000 with 1,000 bytes a frame take 15 GB for a while.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import outputs, questions
from tests.benchmarks.ledger import HEADER, NOTES
from tests.benchmarks.measure import print_table, remove, say
from tests.benchmarks.output_folder import Size as OutputsSize
from tests.benchmarks.starts import start_rows

#: Time is compared with what so many questions take, where there are more.
LINEAR_FROM = 10_000


def measure(work: Path, options: argparse.Namespace) -> None:
    """Measure everything and print the table."""
    size = questions.Size(options.questions, options.frame_bytes)
    fewer = None
    if size.questions > LINEAR_FROM:
        fewer = questions.measured(
            _new(work / "fewer"), replace(size, questions=LINEAR_FROM), options.repeats
        )
        remove(work / "fewer")
    all_of_them = questions.measured(_new(work / "all"), size, options.repeats)
    rows = all_of_them.rows()
    if fewer is not None:
        rows += all_of_them.linear_rows(fewer)
    if not options.skip_other_way:
        say("VMEvalKit's own way, once")
        rows += all_of_them.other_way()
    all_of_them.print_profiles()
    remove(work / "all")
    if options.runs:
        runs = outputs.measured(
            _new(work / "runs"), OutputsSize(options.runs, options.video_bytes), options.repeats
        )
        rows += runs.rows()
        runs.print_profiles()
        remove(work / "runs")
    rows += start_rows(_new(work / "starts"))
    print()
    print_table(HEADER, rows)
    print(f"\n{NOTES}")


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.local", description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument(
        "--frame-bytes", type=int, help="the size of each frame; 74 kB a question where not stated"
    )
    outputs.add_options(parser)
    parser.add_argument("--skip-other-way", action="store_true", help="leave VMEvalKit's own way out")
    options = parser.parse_args(arguments)
    # As where the package is installed: its modules are compiled once, not at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as work:
        measure(Path(work), options)


if __name__ == "__main__":
    main()
