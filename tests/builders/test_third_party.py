"""Layouts of third parties, by entry points: found and complete, or a plain error that names them."""

import json
import os
import re
import sys

import pytest

from tests.factories import png, run_command, shards, tree, write, write_folder
from tests.run_factories import (
    LAYOUTS,
    rows,
    write_run,
)
from vmeval_builders.errors import AmbiguousFolderError, LayoutNameError
from vmeval_builders.layouts import registry
from vmeval_builders.layouts.registry import (
    layout_named,
)
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, export, info, open_repo, push_to_hub, verify
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import TargetExistsError

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
    push_to_hub(folder, "user/folder")
    assert load_dataset("user/folder", "lidar", split="test")["near"] == [0.5]
    export(open_repo("user/folder"), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    write_folder(tmp_path / "questions")
    with pytest.raises(TargetExistsError, match="depths, not questions"):
        push_to_hub(tmp_path / "questions", "user/folder")


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
    for arguments in (("info",), ("export", "--target", "rebuilt")):
        done = command(*arguments, "--dataset", "dataset", code=1)
        assert done.stderr.startswith("Error: ")
    assert not (tmp_path / "rebuilt").exists()


def test_a_broken_entry_point_is_named_on_the_command_line(command, tmp_path):
    install(tmp_path / "site", code="import no_such_dependency")
    folder = write_folder(tmp_path / "questions")
    done = command("check", "--path", folder, code=2)
    assert "'depths' (depths_layout:Depths)" in done.stderr
    assert "no_such_dependency" in done.stderr
    command("check", "--path", folder, "--builder", "questions")
