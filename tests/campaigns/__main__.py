"""Run the campaigns: ``python -m tests.campaigns --seconds 60 --seed 7``; exit code 1 where one found something."""

import argparse
import importlib
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

MODULES = {"folders": "random_folders", "flips": "flipped_bytes", "tables": "odd_tables", "kills": "kills"}


def main() -> int:
    """Parse, run, count."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long each campaign runs (60)")
    parser.add_argument(
        "--seed", type=int, default=None, help="what the random numbers begin with (a new one)"
    )
    parser.add_argument("--only", choices=MODULES, action="append", help="this campaign; several times")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case, to try it again")
    parser.add_argument("--cases", type=int, default=None, help="so many cases, however long they take")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    chosen = options.only or list(MODULES)
    if len(chosen) == 1:
        return _run(chosen[0], seed, options)
    print(f"Seed {seed}.", flush=True)
    words = [sys.executable, "-m", "tests.campaigns", "--seconds", str(options.seconds), "--seed", str(seed)]
    words += ["--first", str(options.first)] + (
        [] if options.cases is None else ["--cases", str(options.cases)]
    )
    pairs = [chosen[at : at + 2] for at in range(0, len(chosen), 2)]  # Two at once: few machines have less.
    codes = []
    for pair in pairs:
        running = [subprocess.Popen([*words, "--only", name]) for name in pair]
        codes += [process.wait() for process in running]
    return max(codes)


def _run(name: str, seed: int, options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-campaign-") as place:
        os.environ.update(
            HF_HOME=f"{place}/home",
            HF_HUB_DISABLE_TELEMETRY="1",
            HF_HUB_DISABLE_PROGRESS_BARS="1",
            HF_DATASETS_DISABLE_PROGRESS_BARS="1",
            HF_HUB_DISABLE_XET="1",
        )
        from tests.benchmarks.hub_process import HubProcess

        with HubProcess(Path(place) / "hub", 0) as hub:
            # Read by the clients when they are imported, by what is imported next.
            os.environ.update(HF_ENDPOINT=hub.endpoint, HF_TOKEN=hub.token)
            return _count(name, seed, options, Path(place))


def _count(name: str, seed: int, options: argparse.Namespace, place: Path) -> int:
    from tests.campaigns.run import BAD, run

    campaign = importlib.import_module(f"tests.campaigns.{MODULES[name]}").CAMPAIGN
    report = run(campaign, place / "work", seed, options.seconds, options.first, options.cases)
    print(f"{report} (seed {seed})", flush=True)
    return int(any(report.counts[ending] for ending in BAD))


if __name__ == "__main__":
    sys.exit(main())
