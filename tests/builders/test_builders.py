"""Builders: which one a folder or a table is for, how their patterns match, and those that third parties register."""

import time

import pytest

from tests.factories import tree, write, write_folder, write_question
from tests.run_factories import (
    LAYOUTS,
    RESULT,
    RUN,
    result,
    rows,
    stored_rows,
    write_failed_run,
    write_results,
    write_run,
    write_runs,
    write_vbvr,
)
from vmeval_builders.errors import AmbiguousFolderError, LayoutNameError
from vmeval_builders.layouts.match import compile_pattern
from vmeval_builders.layouts.registry import (
    EVALUATIONS,
    OUTPUTS,
    QUESTIONS,
    layout_of_columns,
)
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, info, open_repo, push_to_hub, verify
from vmeval_hfds.cli.main import cli, main
from vmeval_hfds.errors import FolderError, TargetExistsError

# Patterns


def taken_apart(pattern, path):
    match = compile_pattern(pattern, {}).fullmatch(path)
    return match and match.groupdict()


@pytest.mark.parametrize(
    ("pattern", "path", "parts"),
    [
        ("{a}", "x", {"a": "x"}),
        ("{a}", "x/y", None),
        ("{a}", "", None),
        ("{a}/{b}", "x/y", {"a": "x", "b": "y"}),
        ("{a}/{b}", "x", None),
        ("{a}/{b}", "x/y/z", None),
        ("[{a}/]{b}", "y", {"a": None, "b": "y"}),
        ("[{a}/]{b}", "x/y", {"a": "x", "b": "y"}),
        ("[[{a}/]{b}/]{c}", "z", {"a": None, "b": None, "c": "z"}),
        ("[[{a}/]{b}/]{c}", "y/z", {"a": None, "b": "y", "c": "z"}),
        ("[[{a}/]{b}/]{c}", "x/y/z", {"a": "x", "b": "y", "c": "z"}),
        ("{a}[/{b}]", "x", {"a": "x", "b": None}),
        ("{a}[/{b}]", "x/y", {"a": "x", "b": "y"}),
        ("**/{a}", "x", {"a": "x"}),
        ("**/{a}", "1/2/3/x", {"a": "x"}),
        ("**/{a}/{b}", "x/y", {"a": "x", "b": "y"}),
        ("**/{a}/{b}", "1/2/x/y", {"a": "x", "b": "y"}),
        ("top/{a}", "top/x", {"a": "x"}),
        ("top/{a}", "other/x", None),
        ("top/**/{a}", "top/1/2/x", {"a": "x"}),
        ("{a}_task/{b}", "maze_task/x", {"a": "maze", "b": "x"}),
        ("{a}_task/{b}", "a_task_b_task/x", {"a": "a_task_b", "b": "x"}),
        ("{a}_task/{b}", "_task/x", None),
        ("{a}_task/{b}", "maze_tasks/x", None),
        ("{a}.json", "x.json", {"a": "x"}),
        ("{a}.json", "x.y.json", {"a": "x.y"}),
        ("{a}.json", "xjson", None),
        ("{a}.json", ".json", None),
        ("{a}.json", "x.json.part", None),
        ("{a} (1)+/{b}", "x (1)+/y", {"a": "x", "b": "y"}),
        ("{a} (1)+/{b}", "x 1/y", None),
        ("v|w/{a}", "v|w/x", {"a": "x"}),
        ("v|w/{a}", "v", None),
        ("{a}/{b}", "ü 1/迷\n路", {"a": "ü 1", "b": "迷\n路"}),
    ],
)
def test_a_pattern_takes_a_path_apart(pattern, path, parts):
    assert taken_apart(pattern, path) == parts


@pytest.mark.parametrize(
    ("layout", "path", "parts"),
    [
        (QUESTIONS, "maze_task/m0", {"id": "m0", "domain": "maze"}),
        (QUESTIONS, "q/maze_task/deeper/m0", {"id": "m0", "domain": "maze"}),
        (QUESTIONS, "hand_made/first", {"id": "first", "domain": "hand_made"}),
        (QUESTIONS, "mme_cof_0000", {"id": "mme_cof_0000", "domain": None}),
        (QUESTIONS, "maze_task", {"id": "maze_task", "domain": "maze"}),
        (OUTPUTS, "maze_task", None),
        (OUTPUTS, "maze_task/m0/r/video", None),
        (EVALUATIONS, "maze_task/m0", None),
        (EVALUATIONS, "pilot/summary.json", None),
        (EVALUATIONS, "maze_task/m0/deeper/x.json", None),
    ],
)
def test_the_layouts_take_paths_apart(layout, path, parts):
    found = layout.parts(path)
    assert (found and {name: found[name] for name in parts or ()}) == parts


@pytest.mark.parametrize("layout", [OUTPUTS, EVALUATIONS], ids=lambda layout: layout.name)
@pytest.mark.parametrize("level", ["a", "a_task"])
def test_a_path_of_many_levels_is_taken_apart_at_once(layout, level):
    deep = "/".join([level] * 2000)
    started = time.perf_counter()
    assert layout.parts(f"{deep}/maze_task/m0/x/y/z.json") is None
    layout.parts(f"{deep}/x/maze/m0.json")
    assert layout.parts(f"{deep}/pilot/wan/maze_task/m0/x.json")["model"] == "wan"
    assert time.perf_counter() - started < 2


# Which builder a folder is for


def outputs_beside(*paths):
    """Outputs, and further files beside."""

    def make(folder):
        write_run(folder)
        for path in paths:
            write(folder / path, "{}")

    return make


def questions_beside(*paths):
    def make(folder):
        write_folder(folder)
        for path in paths:
            write(folder / path, "{}")

    return make


def run_without(**left_out):
    return lambda folder: write_run(folder, "maze_task/maze_0000", **left_out)


FOUND = {
    "questions": (write_folder, "questions"),
    "one-question": (write_question, "questions"),
    "vbvr": (write_vbvr, "questions"),
    "question-with-a-video-folder": (questions_beside("maze_task/maze_0000/video/v.mp4"), "questions"),
    "question-with-attempts": (questions_beside("maze_task/maze_0000/attempts/v.mp4"), "questions"),
    "question-with-further-json": (questions_beside("maze_task/maze_0000/notes.json"), "questions"),
    "question-with-results-inside": (questions_beside("maze_task/maze_0000/a_task/b/x.json"), "questions"),
    "domain-with-json": (questions_beside("maze_task/notes.json", "notes.json"), "questions"),
    "outputs": (write_runs, "outputs"),
    "one-run": (write_run, "outputs"),
    "a-run-whose-question-is-all": (run_without(videos=None, metadata=None), "outputs"),
    "a-run-whose-video-is-all": (run_without(question=False, metadata=None), "outputs"),
    "a-failed-run": (lambda folder: write_failed_run(folder, RUN), "outputs"),
    "outputs-with-summaries": (outputs_beside("pilot/summary.json", f"{RUN}/eval.json"), "outputs"),
    "a-ground-truth-in-a-runs-question": (outputs_beside(f"{RUN}/question/ground_truth.mp4"), "outputs"),
    "evaluations": (write_results, "evaluations"),
    "one-result": (lambda folder: write(folder / RESULT, result()), "evaluations"),
    "a-result-of-a-task-at-the-root": (
        lambda folder: write(folder / "maze_task/m/x.json", "{}"),
        "evaluations",
    ),
}


@pytest.mark.parametrize(("make", "name"), FOUND.values(), ids=FOUND)
def test_a_folders_builder_is_found_out(tmp_path, make, name):
    make(tmp_path / "folder")
    scan = scan_rows(tmp_path / "folder")
    assert (scan.layout.name, scan.layout_found) == (name, True)
    assert scan.units == scan_rows(tmp_path / "folder", name).units != []
    assert not scan_rows(tmp_path / "folder", name).layout_found
    made = build(tmp_path / "folder", tmp_path / "dataset")
    assert (made.builder, made.builder_found) == (name, True)
    assert info(tmp_path / "dataset").layout.name == name
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "folder")


def test_a_question_in_a_runs_folder_is_no_question(tmp_path):
    write_run(tmp_path / "outputs")
    assert [row["path"] for row in rows(tmp_path / "outputs")] == [RUN]
    assert [row["path"] for row in rows(tmp_path / "outputs", "questions")] == [f"{RUN}/question"]


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder.mkdir(),
        lambda folder: write(folder / "notes.md", "x"),
        lambda folder: (folder / "pilot/wan/maze_task/maze_0000").mkdir(parents=True),
    ],
)
def test_where_no_builder_finds_rows_it_is_said(tmp_path, make):
    make(tmp_path / "folder")
    problems = check_folder(tmp_path / "folder")
    assert "no-tasks" in [problem.code for problem in problems]
    with pytest.raises(FolderError):
        build(tmp_path / "folder", tmp_path / "dataset")


SIDE_BY_SIDE = {
    "questions-and-outputs": (
        {"questions": write_folder, "outputs": write_runs},
        ("questions (4 questions)", "outputs (7 runs)"),
    ),
    "outputs-and-evaluations": (
        {"outputs": write_run, "evaluations": write_results},
        ("outputs (1 run", "evaluations (11 results)"),
    ),
    "all": (
        {"questions": write_folder, "outputs": write_run, "evaluations": write_results},
        ("questions", "outputs", "evaluations"),
    ),
}


@pytest.fixture(params=SIDE_BY_SIDE.values(), ids=SIDE_BY_SIDE)
def several(request, tmp_path):
    """A folder of several layouts, and what a message must list."""
    parts, listed = request.param
    for name, make in parts.items():
        make(tmp_path / "data" / name)
    return tmp_path / "data", listed


def test_a_folder_of_several_layouts_is_ambiguous(tmp_path, several):
    folder, listed = several
    actions = (scan_rows, check_folder, info, lambda folder: build(folder, tmp_path / "dataset"))
    for action in actions:
        with pytest.raises(AmbiguousFolderError, match="--builder") as caught:
            action(folder)
        for text in listed:
            assert text in str(caught.value)
    assert not (tmp_path / "dataset").exists()


def test_naming_a_builder_decides(tmp_path, several):
    folder, listed = several
    for name in [text.partition(" ")[0] for text in listed]:
        made = build(folder, tmp_path / name, builder=name)
        assert (made.builder, made.builder_found) == (name, False)
        assert info(folder, builder=name).rows == info(tmp_path / name).rows
        export(tmp_path / name, tmp_path / f"{name}-rebuilt")
        assert tree(tmp_path / f"{name}-rebuilt") == tree(folder)
        assert verify(folder, tmp_path / name).missing == []


def test_a_name_that_there_is_not_is_a_plain_error(tmp_path, capsys):
    write_folder(tmp_path / "questions")
    with pytest.raises(LayoutNameError, match="questions, outputs, evaluations"):
        scan_rows(tmp_path / "questions", "puzzles")
    assert main(["check", "--path", str(tmp_path / "questions"), "--builder", "puzzles"]) == 2
    assert capsys.readouterr().err.startswith("Error: there is no builder 'puzzles'")


# Fails for gallery, which does not take it yet.
@pytest.mark.parametrize("name", ["check", "build", "push", "export", "verify", "info", "gallery"])
def test_every_command_takes_a_builders_name(name):
    assert "--builder" in [option for one in cli.commands[name].params for option in one.opts]


def test_what_was_found_out_is_said_on_stderr(tmp_path, capsys):
    write_run(tmp_path / "outputs")
    path = ["--path", str(tmp_path / "outputs")]
    for command in (
        ["check", *path],
        ["info", *path],
        ["build", *path, "--target", str(tmp_path / "dataset")],
    ):
        assert main(command) == 0
        assert "outputs" in capsys.readouterr().err
        rest = ["--target", str(tmp_path / "dataset-2")] if command[0] == "build" else []
        assert main([command[0], *path, *rest, "--builder", "outputs"]) == 0
        assert "--builder" not in capsys.readouterr().err


def test_ambiguity_is_an_error_of_the_command_line(tmp_path, capsys):
    write_run(tmp_path / "data/outputs")
    write_folder(tmp_path / "data/questions")
    assert main(["info", "--path", str(tmp_path / "data")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(
        "Error: several builders know this layout: questions (4 questions), outputs (1 run"
    )


OTHERS = [(old, new) for old in LAYOUTS for new in LAYOUTS if old != new]


@pytest.mark.parametrize(("old", "new"), OTHERS)
def test_a_dataset_directory_of_another_builder_is_not_replaced(tmp_path, old, new):
    LAYOUTS[old](tmp_path / old)
    LAYOUTS[new](tmp_path / new)
    build(tmp_path / old, tmp_path / "dataset")
    before = tree(tmp_path / "dataset")
    for options in ({}, {"force": True}):
        with pytest.raises(TargetExistsError) as caught:
            build(tmp_path / new, tmp_path / "dataset", **options)
    assert f"{old}, not {new}" in str(caught.value)
    assert tree(tmp_path / "dataset") == before


@pytest.mark.parametrize(("old", "new"), OTHERS)
def test_a_repository_of_another_builder_is_replaced_only_when_told_to(hub, tmp_path, old, new):
    from datasets import get_dataset_config_names, load_dataset

    LAYOUTS[old](tmp_path / old)
    LAYOUTS[new](tmp_path / new)
    commit = push_to_hub(tmp_path / old, "user/folder").commit
    with pytest.raises(TargetExistsError, match=f"{old}, not {new}"):
        push_to_hub(tmp_path / new, "user/folder")
    assert push_to_hub(tmp_path / old, "user/folder").commit == commit
    push_to_hub(tmp_path / new, "user/folder", force=True)
    export(open_repo("user/folder"), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / new)
    assert len(load_dataset("user/folder", split="test")) == len(rows(tmp_path / new))
    build(tmp_path / new, tmp_path / "dataset")
    assert set(get_dataset_config_names("user/folder")) == set(
        get_dataset_config_names(str(tmp_path / "dataset"))
    )


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tables_builder_is_found_by_its_columns(tmp_path, name):
    LAYOUTS[name](tmp_path / "folder")
    dataset = build(tmp_path / "folder", tmp_path / "dataset").target
    (row, *_) = stored_rows(dataset).values()
    assert layout_of_columns(list(row)).name == name
    assert layout_of_columns([*row, "more"]).name == name
    (dataset / "README.md").unlink()
    assert export(dataset, tmp_path / "rebuilt").builder == name
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "folder")


def test_a_table_of_another_builder_than_was_named_is_a_plain_error(tmp_path):
    write_run(tmp_path / "outputs")
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    with pytest.raises(ValueError, match="expected the columns of evaluations"):
        export(dataset, tmp_path / "rebuilt", builder="evaluations")
    assert not (tmp_path / "rebuilt").exists()
