"""README and docs: every code block runs as pasted, and the pages made from the code are what it makes."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import ROOT
from tests.run_factories import write_results, write_run

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
#: Run elsewhere: README's two commands by CI itself, the layout's page and the first steps by tests of their own.
ELSEWHERE = re.compile(r"^python3 -m venv", re.MULTILINE)
RUN_BY_ITS_OWN_TEST = {"another-layout.md", "first-steps.md"}


def blocks(page):
    """Give language and text of each code block that is to be run."""
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        if language in ("bash", "console", "python") and not ELSEWHERE.search(text):
            yield language, text


def as_script(language, text):
    """Give what a block runs: of a console, what stands behind the prompts."""
    if language == "console":
        return "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
    return text


@pytest.fixture
def place(hub, tmp_path):
    """Give a folder as the docs' reader has it: a sample, outputs and evaluations below ``data``."""
    from vmeval_hfds import write_sample

    write_sample(tmp_path / "data/questions", per_domain=2)
    for model in ("wan", "sora"):
        write_run(tmp_path / "data/outputs", f"pilot/{model}/maze_task/maze_0000/run_1")
    write_results(tmp_path / "data/evaluations")
    return tmp_path


def run(place, language, text):
    """Run a block in a process of its own, where `vmeval-hfds` is the one that is tested."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HF_HOME": str(place / "hf-home"),
        "HF_HUB_DISABLE_XET": "1",
    }
    command = [sys.executable, "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
    return subprocess.run(
        [*command, as_script(language, text)], cwd=place, env=environment, capture_output=True, text=True
    )


WITH_BLOCKS = [page for page in PAGES if page.name not in RUN_BY_ITS_OWN_TEST and [*blocks(page)]]


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=[page.name for page in WITH_BLOCKS])
def test_every_block_of_a_page_runs_as_pasted(place, page):
    if "vmeval-hfds sample" in page.read_text(encoding="utf-8"):
        subprocess.run(["rm", "-rf", "data/questions"], cwd=place, check=True)
    for language, text in blocks(page):
        done = run(place, language, text)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def test_the_pages_that_are_made_from_the_code_are_what_it_makes():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    for name, page in reference.PAGES.items():
        stated = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert stated == page(), f"docs/{name} is not what the code says; run python docs/reference.py"


def test_the_readme_is_short_and_every_page_is_linked_from_it():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 130
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {name for name in pages if f"(docs/{name})" not in readme} == set()
    assert {name for name in pages if name not in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")} == set()
