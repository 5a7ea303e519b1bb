"""What work on this machine loads: neither pandas nor, for a look at a folder, Arrow."""

from textwrap import dedent

import pytest

from tests.factories import run_python, write_rich_folder


@pytest.fixture
def questions(tmp_path):
    return write_rich_folder(tmp_path / "questions")


def loaded_after(code, *arguments):
    """The modules that a fresh process has loaded after some code."""
    run = run_python(f"import sys\n{dedent(code)}\nprint(*sorted(sys.modules))", *arguments)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.splitlines()[-1].split())


def test_a_folder_becomes_a_dataset_and_a_folder_again_without_pandas(questions, tmp_path):
    loaded = loaded_after(
        """
        from vmeval_hfds.api import build, export, info, verify
        source, dataset, target, one = sys.argv[1:]
        build.build(source, dataset)
        export.export(dataset, target)
        export.export(dataset, target, update=True)
        export.export(dataset, one, ids=["maze_0001"])
        assert verify.verify(target, dataset).same
        verify.verify(one, dataset, ids=["maze_0001"])
        info.info(dataset)
        """,
        questions,
        tmp_path / "dataset",
        tmp_path / "target",
        tmp_path / "one",
    )
    assert "pyarrow" in loaded
    assert not loaded & {"pandas", "datasets", "huggingface_hub"}


def test_a_look_at_a_folder_loads_no_arrow(questions):
    loaded = loaded_after(
        """
        from vmeval_hfds.api import check, info
        check.check_folder(sys.argv[1], num_proc=1)
        info.info(sys.argv[1])
        """,
        questions,
    )
    assert "PIL" in loaded
    assert not loaded & {"pyarrow", "numpy", "multiprocessing"}
