"""A part of a folder that was exported by domain or id: it can be verified by itself."""

import shutil

import pytest

from tests.factories import files_below, png, tree, write, write_question, write_rich_folder
from tests.run_factories import write_runs
from vmeval_hfds import build, export, push_to_hub, verify
from vmeval_hfds.errors import UnknownNameError
from vmeval_hfds.store.repository import open_repo

REPO = "user/part"


@pytest.fixture
def folder(tmp_path):
    return write_rich_folder(tmp_path / "questions")


CHOICES = [
    {"domains": ["maze"]},
    {"ids": ["chess_0001"]},
    {"domains": ["maze", "chess"], "ids": ["maze_0001"]},
]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("made", [write_rich_folder, write_runs])
def test_a_part_that_was_exported_is_the_same(tmp_path, made, choice):
    if made is write_runs and "chess_0001" in choice.get("ids", ()):
        choice = {"ids": ["chess_0000"]}
    folder = made(tmp_path / "folder")
    dataset = build(folder, tmp_path / "dataset").target
    export(dataset, tmp_path / "part", **choice)
    found = verify(tmp_path / "part", dataset, **choice)
    assert (found.same, found.files) == (True, len(files_below(tmp_path / "part")))
    # What the dataset lists beside the part may be there.
    assert verify(folder, dataset, **choice).same
    assert not verify(tmp_path / "part", dataset).same


def test_what_differs_in_a_part_is_found(dataset, tmp_path):
    export(dataset, tmp_path / "part", domains=["maze"])
    write(tmp_path / "part/maze_task/maze_0000/prompt.txt", "other")
    (tmp_path / "part/maze_task/maze_0001/empty.txt").unlink()
    write(tmp_path / "part/maze_task/more.txt", "more")
    write(tmp_path / "part/chess_task/chess_0000/prompt.txt", "not looked at")
    (tmp_path / "part/new").mkdir()
    found = verify(tmp_path / "part", dataset, domains=["maze"])
    assert found.different == ["maze_task/maze_0000/prompt.txt"]
    assert found.missing == ["maze_task/maze_0001/empty.txt"]
    assert found.extra == ["maze_task/more.txt", "new/"]


def test_a_part_that_there_is_not_is_an_error(dataset, folder):
    with pytest.raises(UnknownNameError, match="no domain 'mace'; near ones: maze"):
        verify(folder, dataset, domains=["mace"])
    with pytest.raises(UnknownNameError, match="no id 'maze_0009'"):
        verify(folder, dataset, ids=["maze_0009"])


def test_the_command_verifies_a_part(run, dataset, folder, tmp_path):
    shutil.rmtree(folder / "maze_task/maze_0000")
    assert run("verify", folder, dataset, "--domain", "chess")[0] == 0
    assert run("verify", folder, dataset, "--id", "maze_0001")[0] == 0
    code, out, _ = run("verify", folder, dataset, "--domain", "maze")
    assert (code, "missing: maze_task/maze_0000/prompt.txt" in out) == (1, True)
    assert run("verify", folder, dataset, "--id", "nothing")[0] == 1


def test_a_part_of_a_repository_is_verified_by_its_list_alone(hub, tmp_path):
    folder = tmp_path / "questions"
    for number in range(8):
        write_question(folder, f"d{number}", f"q{number}", first_frame=png(f"{number}"))
    push_to_hub(folder, REPO)
    export(open_repo(REPO), tmp_path / "part", domains=["d3"])
    hub.clear_log()
    assert verify(tmp_path / "part", REPO, domains=["d3"]).same
    assert not [one.path for one in hub.requests if "/data/" in one.path]
    assert tree(tmp_path / "part").keys() >= {"d3_task/q3/prompt.txt"}
