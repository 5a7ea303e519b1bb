"""How long commands take that have next to nothing to do: mostly what Python imports."""

import os
import sys
from pathlib import Path

from tests.benchmarks.ledger import Ledger
from tests.benchmarks.measure import run_command, yes_no

#: The most seconds that each may take on a small folder or dataset, its start included.
START_SECONDS = {"--help": 0.1, "info": 0.35, "check": 0.25}
_RUNS = 9


def start_rows(work: Path) -> list[list[str]]:
    """Time them by the script beside this interpreter, and make rows of the table."""
    script = Path(sys.executable).parent / "vmeval-hfds"
    command = [script] if script.exists() else [sys.executable, "-m", "vmeval_hfds"]
    # As pip installs it: compiled. The first commands compile what an editable installation has not.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    sample, dataset = work / "sample", work / "sample-dataset"
    run_command([*command, "sample", sample], environment)
    run_command([*command, "build", sample, dataset], environment)
    given: dict[str, list[object]] = {
        "--help": ["--help"],
        "info": ["info", "--dataset", dataset],
        "check": ["check", sample, "--format", "quiet"],
    }
    ledger, rows = Ledger(), []
    for name, limit in START_SECONDS.items():
        run_command([*command, *given[name]], environment)
        for _ in range(_RUNS):
            ledger.command(name, [*command, *given[name]], environment)
        row = ledger.row(name)
        of = "" if name == "--help" else " of the sample"
        reached = yes_no(ledger.seconds(name) <= limit)
        rows.append([f"vmeval-hfds {name}{of}", *row[1:-2], f"≤ {limit} s", reached])
    return rows
