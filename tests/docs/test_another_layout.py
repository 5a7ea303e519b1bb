"""The docs' layout for another layout works as it stands there, registered as a package would do it."""

import json
import os
import re
import sys

import pytest

from tests.factories import MP4, ROOT, run_command, tree, write

TEXT = (ROOT / "docs/another-layout.md").read_text(encoding="utf-8")


def block(language):
    """The page's first code block of a language."""
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[1]


@pytest.fixture
def command(tmp_path):
    """Run the command line where the example is installed."""
    site = tmp_path / "site"
    write(site / "captioned_clips.py", block("python"))
    points = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", block("toml")).replace('"', "")
    write(site / "captioned_clips-1.dist-info/entry_points.txt", points)
    write(
        site / "captioned_clips-1.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: captioned-clips\nVersion: 1\n",
    )
    path = os.pathsep.join([str(site), *filter(None, sys.path)])

    def run(*arguments):
        done = run_command(*arguments, cwd=tmp_path, PYTHONPATH=path)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    for number, verdict in enumerate(("true", "false")):
        clip = folder / f"gravity/clip_{number}"
        write(clip / "caption.txt", f"A ball falls, number {number}.")
        write(clip / "any name.mp4", MP4 + bytes([number]))
        write(clip / "review.json", json.dumps({"result": {"verdict": verdict}, "clip": {"seconds": 2.5}}))
    write(folder / "mirrors/clip_9/caption.txt", "A cat looks.")
    write(folder / "mirrors/clip_9/notes.txt", "in no column")
    write(folder / "LICENSE", "text")
    return folder


@pytest.mark.parametrize("named", [("--builder", "clips"), ()])
def test_the_example_goes_all_the_way(command, clips, tmp_path, named):
    assert "0 errors" in command("check", "--path", clips, *named).stdout
    built = command("build", "--path", clips, "--target", "dataset", *named)
    assert "3 clips in 2 configs" in built.stdout
    assert ("Detected: clips" in built.stderr) is not bool(named)
    assert "3 clips" in command("info", "--dataset", "dataset", *named).stdout
    command("export", "--dataset", "dataset", "--target", "rebuilt", *named)
    assert tree(tmp_path / "rebuilt") == tree(clips)
    command("verify", "--path", "rebuilt", "--dataset", "dataset", *named)
    command("gallery", "--dataset", "dataset", "--target", "clips.html", *named)


@pytest.mark.parametrize("named", [("--builder", "clips"), ()])
def test_its_rows_are_chosen_by_its_group_and_id(command, clips, tmp_path, named):
    command("build", "--path", clips, "--target", "dataset", *named)
    chosen = ("--domain", "gravity", "--id", "clip_1", *named)
    assert "1 clip" in command("export", "--dataset", "dataset", "--target", "one", *chosen).stdout
    assert [path for path in tree(tmp_path / "one") if path.endswith(".txt")] == [
        "gravity/clip_1/caption.txt"
    ]
    command("gallery", "--dataset", "dataset", "--target", "some.html", "--domain", "mirrors", *named)
    assert "A cat looks." in (tmp_path / "some.html").read_text(encoding="utf-8")
    assert "A ball falls" not in (tmp_path / "some.html").read_text(encoding="utf-8")
    counted = command("info", "--dataset", "dataset", "--by", "subject", *named).stdout
    assert "gravity" in counted


def test_its_columns_are_what_it_says(command, clips, tmp_path):
    from datasets import load_dataset

    command("build", "--path", clips, "--target", "dataset")
    rows = load_dataset(str(tmp_path / "dataset"), "gravity", split="test", cache_dir=str(tmp_path / "cache"))
    row = rows[1]
    assert (row["subject"], row["clip_id"], row["verdict"], row["seconds"]) == (
        "gravity",
        "clip_1",
        "false",
        2.5,
    )
    assert row["clip"] == {"bytes": MP4 + b"\1", "path": "any name.mp4"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "dataset", "rebuilt"),
        ("verify", "clips", "dataset", "--id", "clip_1"),
        ("diff", "dataset", "dataset"),
        ("info", "dataset"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_where_it_is_not_installed_its_datasets_are_refused(command, clips, tmp_path, arguments):
    command("build", "--path", clips, "--target", "dataset")
    done = run_command(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    if arguments[0] != "info":
        assert "the layout 'clips', which is not installed here" in done.stderr
    assert not (tmp_path / "rebuilt").exists()


def test_the_files_can_be_verified_where_it_is_not_installed(command, clips, tmp_path):
    command("build", "--path", clips, "--target", "dataset")
    assert run_command("verify", "clips", "dataset", cwd=tmp_path).returncode == 0
