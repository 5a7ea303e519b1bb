"""A short run of each campaign, always the same; `python -m tests.campaigns` runs them for as long as one likes."""

import subprocess
import sys

import pytest

#: As many cases as a few seconds have room for.
CASES = {"folders": 12, "flips": 10, "tables": 16, "kills": 6}


@pytest.mark.parametrize("name", CASES)
def test_a_campaign_of_a_fixed_seed_finds_nothing(name):
    words = ["--only", name, "--seed", "1", "--cases", str(CASES[name])]
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaigns", *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name}: {CASES[name]} cases: ")
    assert "0 WRONG, 0 traceback, 0 crash, 0 hang" in done.stdout
