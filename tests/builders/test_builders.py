"""Builders: which one a folder or a table is for, how their patterns match, and those that third parties register."""

import json
import os
import re
import sys
import time

import pytest

from tests.factories import png, run_command, shards, tree, write, write_folder, write_question
from tests.run_factories import (
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
from vmeval_builders.layouts import registry
from vmeval_builders.layouts.match import compile_pattern
from vmeval_builders.layouts.registry import (
    EVALUATIONS,
    OUTPUTS,
    QUESTIONS,
    layout_named,
    layout_of_columns,
)
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, info, open_repo, push_to_hub, verify
from vmeval_hfds.cli.main import cli, main
from vmeval_hfds.errors import FolderError, TargetExistsError

REPO = "user/folder"

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
        (OUTPUTS, "maze/m0/r", None),
        (OUTPUTS, "maze_task/m0/r/video", None),
        (EVALUATIONS, "maze_task/m0", None),
        (EVALUATIONS, "pilot/summary.json", None),
        (EVALUATIONS, "maze_task/m0/deeper/x.json", None),
    ],
)
def test_the_layouts_take_paths_apart(layout, path, parts):
    assert layout.parts(path) == parts


@pytest.mark.parametrize("layout", [OUTPUTS, EVALUATIONS], ids=lambda layout: layout.name)
@pytest.mark.parametrize("level", ["a", "a_task"])
def test_a_path_of_many_levels_is_taken_apart_at_once(layout, level):
    deep = "/".join([level] * 2000)
    started = time.perf_counter()
    assert layout.parts(f"{deep}/maze_task/m0/x/y/z.json") is None
    assert layout.parts(f"{deep}/x/maze/m0.json") is None
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


# What is there already


LAYOUTS = {"questions": write_folder, "outputs": write_run, "evaluations": write_results}
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
    commit = push_to_hub(tmp_path / old, REPO).commit
    with pytest.raises(TargetExistsError, match=f"{old}, not {new}"):
        push_to_hub(tmp_path / new, REPO)
    assert push_to_hub(tmp_path / old, REPO).commit == commit
    push_to_hub(tmp_path / new, REPO, force=True)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / new)
    assert len(load_dataset(REPO, split="test")) == len(rows(tmp_path / new))
    build(tmp_path / new, tmp_path / "dataset")
    assert set(get_dataset_config_names(REPO)) == set(get_dataset_config_names(str(tmp_path / "dataset")))


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


# Third parties'

CODE = '''
from vmeval_builders.layouts.columns import Image, Json, JsonFile, Part
from vmeval_builders.layouts.layout import Layout


class Depths(Layout):
    """``{scene}/depth.png`` with a note, whose times matter."""

    name = "depths"
    noun = "depth map"
    title = "Depth maps"
    rows = "**/{scene}"
    marks = frozenset({"depth.png"})
    id_column = "scene"
    group_column = "sensor"
    keeps_times = True

    scene = Part()
    depth = Image("depth.png")
    sensor = Json("sensor.name", "sensor")
    near = Json("range.near", kind="float64")
    note = JsonFile("notes/note.json", "note.json")

    def complete(self, row, contents):
        row["sensor"] = row["sensor"] or "unknown"
'''


def install(site, code=CODE, points="depths = depths_layout:Depths", package="depths-layout"):
    """Lay a package out as an installer does, with its entry points."""
    module = package.replace("-", "_")
    write(site / f"{module}.py", code)
    write(site / f"{module}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    write(site / f"{module}-1.dist-info/entry_points.txt", f"[vmeval_hfds.builders]\n{points}\n")
    return site


def write_depths(folder):
    for number, note in enumerate((b'{"sensor": {"name": "lidar"}, "range": {"near": 0.5}}', b"{cut", None)):
        write(folder / f"indoors/scene_{number}/depth.png", b"depth %d" % number)
        if note is not None:
            write(folder / f"indoors/scene_{number}/{'notes/' if number else ''}note.json", note)
    write(folder / "notes.md", "# Notes\n")
    (folder / "indoors/later").mkdir()
    return folder


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install packages for this process, and forget them afterwards."""

    def installed(*arguments, **options):
        monkeypatch.syspath_prepend(install(tmp_path / "site", *arguments, **options))
        forget()

    def forget():
        registry._registered.cache_clear()
        registry._load.cache_clear()
        for name in [name for name in sys.modules if name.endswith("_layout")]:
            del sys.modules[name]

    yield installed
    forget()


def test_a_builder_of_a_third_party_is_found_and_does_all(installed, tmp_path):
    installed()
    folder = write_depths(tmp_path / "depths")
    assert layout_named("depths").noun == "depth map"
    assert [row["sensor"] for row in rows(folder)] == ["lidar", "unknown", "unknown"]
    assert [row["near"] for row in rows(folder)] == [0.5, None, None]
    made = build(folder, tmp_path / "dataset", num_proc=2)
    assert (made.builder, made.builder_found, made.configs) == ("depths", True, {"lidar": 1, "unknown": 2})
    export(tmp_path / "dataset", tmp_path / "rebuilt", num_proc=2)
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert verify(tmp_path / "rebuilt", tmp_path / "dataset").same
    assert info(tmp_path / "dataset").layout.name == "depths"


def test_a_third_partys_tables_are_pushed_and_loaded(installed, hub, tmp_path):
    from datasets import load_dataset

    installed()
    folder = write_depths(tmp_path / "depths")
    push_to_hub(folder, REPO)
    assert load_dataset(REPO, "lidar", split="test")["near"] == [0.5]
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    write_folder(tmp_path / "questions")
    with pytest.raises(TargetExistsError, match="depths, not questions"):
        push_to_hub(tmp_path / "questions", REPO)


def test_a_third_partys_builder_that_knows_the_layout_too_is_listed(installed, tmp_path):
    installed(CODE.replace("depth.png", "first_frame.png"))
    write_folder(tmp_path / "folder")
    with pytest.raises(AmbiguousFolderError, match=r"questions \(4 questions\), depths \(4 depth maps\)"):
        scan_rows(tmp_path / "folder")
    for name in ("questions", "depths"):
        assert build(tmp_path / "folder", tmp_path / name, builder=name).rows == 4


def test_a_builder_whose_rows_are_pictures(installed, tmp_path):
    code = """
from vmeval_builders.layouts.columns import Image, Part
from vmeval_builders.layouts.layout import Layout


class Labelled(Layout):
    name, noun, title = "labelled", "picture", "Labelled pictures"
    rows = "{label}/{file}.png"
    id_column = group_column = "label"
    label = Part()
    picture = Image("")
"""
    installed(code, "labelled = depths_layout:Labelled")
    for path in ("cat/1.png", "cat/ü 2.png", "dog/1.png"):
        write(tmp_path / "pictures" / path, png(path))
    write(tmp_path / "pictures/dog/1.txt", "a caption")
    write(tmp_path / "pictures/dog/deeper/1.png", png("deeper"))
    found = rows(tmp_path / "pictures")
    assert [(row["label"], row["path"]) for row in found] == [
        ("cat", "cat/1.png"),
        ("cat", "cat/ü 2.png"),
        ("dog", "dog/1.png"),
    ]
    assert found[1]["picture"] == {"bytes": png("cat/ü 2.png"), "path": "ü 2.png"}
    build(tmp_path / "pictures", tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "pictures")
    export(tmp_path / "dataset", tmp_path / "named", builder="labelled")
    assert tree(tmp_path / "named") == tree(tmp_path / "pictures")


def test_our_own_builders_work_beside_a_third_partys(installed, tmp_path):
    installed()
    for name, make in LAYOUTS.items():
        make(tmp_path / name)
        assert scan_rows(tmp_path / name).layout.name == name


def test_a_package_that_is_on_the_path_twice_is_one(installed, tmp_path, monkeypatch):
    installed()
    monkeypatch.syspath_prepend(str(install(tmp_path / "again")))
    registry._registered.cache_clear()
    assert layout_named("depths").name == "depths"


BROKEN = {
    "no-module": ("", "depths = no_such_module:Depths"),
    "no-class": ("", "depths = depths_layout:Depths"),
    "no-class-named": (CODE, "depths = depths_layout"),
    "raises-when-imported": ("raise RuntimeError('cannot go on')", "depths = depths_layout:Depths"),
    "does-not-compile": ("class Depths(", "depths = depths_layout:Depths"),
    "raises-when-made": (
        "class Depths:\n    def __init__(self):\n        raise OSError('no')",
        "depths = depths_layout:Depths",
    ),
    "no-layout": ("class Depths:\n    name = 'depths'", "depths = depths_layout:Depths"),
    "a-function": ("def Depths():\n    return None", "depths = depths_layout:Depths"),
    "another-name": (CODE, "other = depths_layout:Depths"),
    "no-rows": (CODE.replace("    rows =", "    other ="), "depths = depths_layout:Depths"),
    "contradiction": (
        CODE.replace('group_column = "sensor"', 'group_column = "maker"'),
        "depths = depths_layout:Depths",
    ),
}


@pytest.mark.parametrize(("code", "points"), BROKEN.values(), ids=BROKEN)
def test_a_broken_entry_point_is_a_plain_error_that_names_it(installed, tmp_path, capsys, code, points):
    installed(code, points)
    name, _, value = points.partition(" = ")
    folder = write_folder(tmp_path / "questions")
    for arguments in ([], ["--builder", name]):
        assert main(["check", "--path", str(folder), *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("Error: ")
        assert f"{name!r}" in captured.err
        assert value in captured.err
    assert main(["check", "--path", str(folder), "--builder", "questions"]) == 0


def test_a_broken_entry_point_does_not_stand_between_us_and_our_own_datasets(installed, tmp_path):
    write_run(tmp_path / "outputs")
    build(tmp_path / "outputs", tmp_path / "dataset")
    installed("import no_such_dependency")
    assert info(tmp_path / "dataset").layout.name == "outputs"
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "outputs")


@pytest.mark.parametrize(
    "place",
    [
        "deep/er/note.json",
        "*.json",
        "notes/*.json",
        "*_note.json",
        "note_*.json",
        "*.note.json",
        "*/note.json",
    ],
)
def test_a_place_of_any_form_is_found_or_refused(installed, tmp_path, place):
    installed(CODE.replace('"notes/note.json", "note.json"', f'"{place}"'))
    row = tmp_path / "depths/scene"
    write(row / "depth.png", b"depth")
    write(row / place.replace("*", "any"), '{"sensor": "lidar"}')
    try:
        (found,) = rows(tmp_path / "depths")
    except LayoutNameError:
        with pytest.raises(LayoutNameError, match=re.escape(place)):
            layout_named("depths")
        return
    assert found["note"] == '{"sensor": "lidar"}'
    build(tmp_path / "depths", tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "depths")


@pytest.mark.parametrize("name", ["questions", "outputs", "evaluations"])
def test_a_name_that_is_ours_is_taken(installed, tmp_path, name):
    installed(CODE.replace('"depths"', f'"{name}"'), f"{name} = depths_layout:Depths")
    write_folder(tmp_path / "questions")
    with pytest.raises(LayoutNameError, match=f"{name!r} \\(depths_layout:Depths\\)"):
        scan_rows(tmp_path / "questions")
    assert type(layout_named(name)).__module__ == f"vmeval_builders.layouts.{name}"


def test_a_name_that_two_packages_take_is_a_plain_error(installed, tmp_path):
    installed()
    installed(CODE, "depths = other_layout:Depths", package="other-layout")
    with pytest.raises(LayoutNameError, match="two packages register a builder 'depths'"):
        layout_named("depths")
    with pytest.raises(LayoutNameError, match="uninstall one of them"):
        scan_rows(write_depths(tmp_path / "depths"))
    assert scan_rows(write_folder(tmp_path / "questions"), "questions").units


# On the command line, where the package is installed


@pytest.fixture
def command(tmp_path):
    """Run the command line in a process that finds the packages of ``site``."""
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)])

    def command(*arguments, code=0):
        done = run_command(*arguments, cwd=tmp_path, PYTHONPATH=path)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return command


@pytest.mark.parametrize("named", [("--builder", "depths"), ()], ids=["named", "found-out"])
def test_the_commands_take_a_third_partys_builder(command, tmp_path, named):
    install(tmp_path / "site")
    folder = write_depths(tmp_path / "depths")
    said = ("Detected: depths" in command("check", "--path", folder, *named).stderr) is not bool(named)
    assert said
    built = command(
        "build", "--path", folder, "--target", "dataset", "--num-proc", "2", *named, "--format", "json"
    )
    assert json.loads(built.stdout)["builder"] == "depths"
    assert len(shards(tmp_path / "dataset")) == 2
    exported = command("export", "--dataset", "dataset", "--target", "rebuilt", "--num-proc", "2", *named)
    assert "3 depth maps" in exported.stdout
    assert tree(tmp_path / "rebuilt") == tree(folder)
    command("verify", "--path", "rebuilt", "--dataset", "dataset")
    for what in (("--path", folder), ("--dataset", "dataset")):
        found = json.loads(command("info", *what, *named, "--format", "json").stdout)
        assert (found["builder"], found["rows"]) == ("depths", 3)
        assert [group["sensor"] for group in found["groups"]] == ["lidar", "unknown"]


def test_a_dataset_of_a_builder_that_is_not_installed_is_a_plain_error(command, tmp_path):
    install(tmp_path / "site")
    command("build", "--path", write_depths(tmp_path / "depths"), "--target", "dataset")
    (tmp_path / "site/depths_layout-1.dist-info/entry_points.txt").unlink()
    # The list of files names a layout that nobody has here; `info` looks at the columns alone.
    for code, arguments in ((1, ("info",)), (2, ("export", "--target", "rebuilt"))):
        done = command(*arguments, "--dataset", "dataset", code=code)
        assert done.stderr.startswith("Error: ")
    assert not (tmp_path / "rebuilt").exists()


def test_a_broken_entry_point_is_named_on_the_command_line(command, tmp_path):
    install(tmp_path / "site", code="import no_such_dependency")
    folder = write_folder(tmp_path / "questions")
    done = command("check", "--path", folder, code=2)
    assert "'depths' (depths_layout:Depths)" in done.stderr
    assert "no_such_dependency" in done.stderr
    command("check", "--path", folder, "--builder", "questions")
