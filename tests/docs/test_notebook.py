"""The notebook: runs from top to bottom in a fresh kernel, and is committed as it ran, without traces of a machine."""

import json
import re

import pytest

from tests.factories import ROOT, real_data, write_question
from vmeval_hfds import build

NOTEBOOK = ROOT / "notebooks/explore_metadata.ipynb"
LIMIT_BYTES = 1_500_000


@pytest.fixture
def notebook():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def three_questions(folder):
    for number, level in enumerate(("easy", None, "2_lights")):
        stated = {"id": f"maze_000{number}", "domain": "maze", "difficulty": level, "size": number}
        write_question(folder, "maze", f"maze_000{number}", metadata=json.dumps(stated))
    return folder


def real_questions(folder):
    return real_data("questions", folder)


SOURCES = {"sample": None, "three questions": three_questions, "real questions": real_questions}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_it_runs_in_a_fresh_kernel(tmp_path, monkeypatch, make):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    for name in ("ipykernel", "matplotlib"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "work").mkdir()
    ran = nbformat.read(NOTEBOOK, as_version=4)
    if make is not None:
        dataset = build(make(tmp_path / "questions"), tmp_path / "dataset").target
        code_cells(ran)[0]["source"] = f"SOURCE = {str(dataset)!r}"
    resources = {"metadata": {"path": str(tmp_path / "work")}}
    # A cell that raises ends this with its traceback.
    nbclient.NotebookClient(ran, timeout=120, kernel_name="python3", resources=resources).execute()
    assert all(cell["execution_count"] for cell in code_cells(ran))
    assert [*(tmp_path / "work").iterdir()] == []
    outputs = [output for cell in code_cells(ran) for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 4


def test_it_is_committed_as_it_ran(notebook):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    assert len(outputs) > 10
    assert not [one for one in outputs if one["output_type"] == "error" or one.get("name") == "stderr"]
    assert NOTEBOOK.stat().st_size < LIMIT_BYTES


def test_its_outputs_tell_nothing_of_a_machine(notebook):
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            data = output.get("data", {})
            texts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
            text = "".join("".join(part) for part in texts)
            assert not re.search(
                r"(?<![\w.])/(home|root|tmp|usr|work|Users|var|opt)/|[A-Z]:\\|site-packages", text
            ), text


def test_cells_are_short_and_explained(notebook):
    cells = notebook["cells"]
    assert max(len("".join(cell["source"]).splitlines()) for cell in code_cells(notebook)) <= 12
    assert sum(cell["cell_type"] == "markdown" for cell in cells) * 2 >= len(code_cells(notebook))
    kinds = "".join(cell["cell_type"][0] for cell in cells)
    assert "cccc" not in kinds  # prose between
