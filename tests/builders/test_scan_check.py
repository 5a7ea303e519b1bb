"""`check`: every problem of a folder by its code, and nothing changed."""

import json
import os
import socket
import struct
import tracemalloc
import zlib
from dataclasses import dataclass

import pytest

from tests.factories import (
    MP4,
    as_json,
    deep_folders,
    files_below,
    png,
    tree,
    write,
    write_folder,
    write_manifest,
    write_question,
)
from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS, LEGAL_PATHS
from vmeval_builders import checks, scan
from vmeval_builders.manifest import compare_manifests, read_manifests
from vmeval_builders.problems import Problem
from vmeval_hfds import check_folder


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width, height):
    """A PNG of under a hundred bytes that says it has many pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 10)) + chunk(b"IEND", b"")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
WHOLE = png("whole", size=(64, 64))
TASK = "maze_task/maze_0000"


@dataclass
class Case:
    """What makes a healthy folder ill, and what is then said, as (code, path)."""

    name: str
    spoil: object
    expected: set
    quick: object = "the same"


def question(**overrides):
    return lambda folder: write_question(folder, **overrides)


def extra(path, content=b"x"):
    return lambda folder: write(folder / path, content)


def folder_of(path):
    return lambda folder: (folder / path).mkdir(parents=True)


def link(path, to):
    def spoil(folder):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(to)

    return spoil


def manifest(*keys):
    return lambda folder: write_manifest(folder, *keys)


def pipe(folder):
    os.mkfifo(folder / "pipe")


def unix_socket(folder):
    here = os.open(folder, os.O_RDONLY)
    try:  # by way of the descriptor, as a socket's path may have 107 bytes only
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{here}/socket")
    finally:
        os.close(here)


MAZE = ("maze", "maze_0000")
ERRORS = (
    Case("no-first-frame", question(first_frame=None), {("no-first-frame", TASK)}),
    Case("no-prompt", question(prompt=None), {("no-prompt", TASK)}),
    Case(
        "no-frames-at-all",
        question(first_frame=None, final_frame=None),
        {("no-first-frame", TASK)},
    ),
    Case("text-as-frame", question(first_frame=b"not an image"), {("bad-frame", f"{TASK}/first_frame.png")}),
    Case("text-as-final-frame", question(final_frame=b"no"), {("bad-frame", f"{TASK}/final_frame.png")}),
    Case("empty-frame", question(first_frame=b""), {("bad-frame", f"{TASK}/first_frame.png")}),
    Case("cut-header", question(first_frame=WHOLE[:20]), {("bad-frame", f"{TASK}/first_frame.png")}),
    Case("eps-as-frame", question(first_frame=EPS), {("bad-frame", f"{TASK}/first_frame.png")}),
    Case("svg-as-frame", question(first_frame=b"<svg/>"), {("bad-frame", f"{TASK}/first_frame.png")}),
    Case(
        "cut-frame",
        question(first_frame=WHOLE[: len(WHOLE) // 2], final_frame=WHOLE),
        {("bad-frame", f"{TASK}/first_frame.png")},
        quick=set(),
    ),
    Case(
        "damaged-frame",
        question(first_frame=WHOLE[:2000] + b"\0\0\0\0" + WHOLE[2004:], final_frame=WHOLE),
        {("bad-frame", f"{TASK}/first_frame.png")},
        quick=set(),
    ),
    Case(
        "decompression-bomb",
        question(first_frame=bomb(60_000, 60_000), final_frame=None),
        {("bad-frame", f"{TASK}/first_frame.png")},
    ),
    Case(
        "one-pixel-too-many",
        question(first_frame=bomb(100_000_001, 1), final_frame=None),
        {("bad-frame", f"{TASK}/first_frame.png")},
    ),
    Case(
        "most-pixels-a-png-can-name",
        question(first_frame=bomb(2**31 - 1, 2**31 - 1), final_frame=None),
        {("bad-frame", f"{TASK}/first_frame.png")},
    ),
    *(
        Case(
            f"metadata-{name}",
            question(metadata=content),
            {("bad-metadata", f"{TASK}/question_metadata.json")},
        )
        for name, content in {
            "list": b"[1]",
            "string": b'"x"',
            "number": b"1",
            "null": b"null",
            "true": b"true",
            "cut": b'{"id": ',
            "not-utf8": b'{"id": "\xff"}',
            "deep": b"[" * 200_000,
            "nul-bytes": b"\0\0",
        }.items()
    ),
    Case(
        "metadata-empty",
        question(metadata=b""),
        {
            ("bad-metadata", f"{TASK}/question_metadata.json"),
            ("empty-file", f"{TASK}/question_metadata.json"),
        },
    ),
    Case("link-outside", link("maze_task/out", "/"), {("link-outside", "maze_task/out")}),
    Case("link-to-a-file-outside", link("out.txt", "../outside.txt"), {("link-outside", "out.txt")}),
    Case("link-to-nothing-outside", link("out.txt", "/no/such/file"), {("link-outside", "out.txt")}),
    Case("link-to-nothing", link("gone", "nowhere"), {("link", "gone"), ("unreadable", "gone")}),
    Case("link-to-itself", link("self", "self"), {("link", "self"), ("unreadable", "self")}),
    Case("link-to-the-folder", link("again", "."), {("link", "again"), ("link-loop", "again")}),
    Case(
        "link-upwards", link("maze_task/up", ".."), {("link", "maze_task/up"), ("link-loop", "maze_task/up")}
    ),
    Case("pipe", pipe, {("not-a-file", "pipe")}),
    Case("socket", unix_socket, {("not-a-file", "socket")}),
    Case(
        "manifest-entry-without-folder",
        manifest(MAZE, ("maze", "maze_0009")),
        {("manifest-without-folder", "vmeval_dataset.json")},
    ),
    Case(
        "manifest-entry-of-another-domain",
        manifest(MAZE, ("chess", "maze_0000")),
        {("manifest-without-folder", "vmeval_dataset.json")},
    ),
    Case("two-tasks-with-one-path", manifest(MAZE, MAZE), {("duplicate-task", "vmeval_dataset.json")}),
    Case("manifest-list", extra("vmeval_dataset.json", b"[]"), {("bad-manifest", "vmeval_dataset.json")}),
    Case(
        "manifest-cut", extra("vmeval_dataset.json", b'{"pairs"'), {("bad-manifest", "vmeval_dataset.json")}
    ),
    Case(
        "manifest-not-utf8", extra("vmeval_dataset.json", b"\xff"), {("bad-manifest", "vmeval_dataset.json")}
    ),
    Case(
        "manifest-pairs-object",
        extra("vmeval_dataset.json", b'{"pairs": {}}'),
        {("bad-manifest", "vmeval_dataset.json")},
    ),
)


WARNINGS = (
    Case("no-metadata", question(metadata=None), {("no-metadata", TASK)}),
    Case(
        "prompt-not-utf8",
        question(prompt=b"\xff", metadata=b"{}"),
        {("prompt-not-utf8", f"{TASK}/prompt.txt")},
    ),
    Case(
        "prompt-differs",
        question(prompt="Left.", metadata=b'{"prompt": "Right."}'),
        {("prompt-differs", f"{TASK}/prompt.txt")},
    ),
    Case("frames-of-two-sizes", question(final_frame=png("wide", (9, 3))), {("frame-sizes", TASK)}),
    Case(
        "not-in-the-manifest",
        lambda folder: (write_question(folder, id="maze_0001"), write_manifest(folder, MAZE)),
        {("not-in-manifest", "maze_task/maze_0001")},
    ),
    Case(
        "dead-path",
        question(first_image_path="elsewhere/first.png", final_image_path="/data/final_frame.png"),
        {("dead-path", f"{TASK}/question_metadata.json")},
    ),
    Case("empty-file", extra("notes.md", b""), {("empty-file", "notes.md")}),
    Case("empty-prompt", question(prompt="", metadata=b"{}"), {("empty-file", f"{TASK}/prompt.txt")}),
    Case("empty-folder", folder_of("not_yet/run"), {("empty-folder", "not_yet/run")}),
    Case("empty-folder-in-a-task", folder_of(f"{TASK}/video"), {("empty-folder", f"{TASK}/video")}),
    Case("gitignore", extra(".gitignore", "*.mp4\n"), {("gitignore", ".gitignore")}),
    Case("gitignore-deep", extra("maze_task/.gitignore", "*\n"), {("gitignore", "maze_task/.gitignore")}),
    Case("cache-folder", extra(".cache/x"), {("cache-folder", ".cache/x")}),
    Case("link-to-a-file-inside", link("copy.txt", f"{TASK}/prompt.txt"), {("link", "copy.txt")}),
    Case(
        "link-to-a-task-inside",
        link("maze_task/maze_0001", "maze_0000"),
        {("link", "maze_task/maze_0001"), ("duplicate-id", "maze_task/maze_0001")},
    ),
)


def said(folder, quick=False):
    return {(problem.code, problem.path) for problem in check_folder(folder, quick)}


def write_one(folder):
    write_question(folder)
    return folder


pytestmark = pytest.mark.folder("questions", write_one)


def test_a_healthy_folder_has_no_problem(folder):
    write_folder(folder, ("maze", "chess"))
    assert check_folder(folder) == check_folder(folder, quick=True) == []


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("case", ERRORS + WARNINGS, ids=lambda case: case.name)
def test_every_problem_has_its_code_and_path(folder, case, quick):
    case.spoil(folder)
    before = tree(folder)
    expected = case.quick if quick and case.quick != "the same" else case.expected
    problems = check_folder(folder, quick)
    assert {(problem.code, problem.path) for problem in problems} == expected
    assert tree(folder) == before
    if case in WARNINGS:
        assert {problem.severity for problem in problems} == {"warning"}
    elif expected:
        assert problems[0].severity == "error"


@pytest.mark.parametrize("case", ERRORS + WARNINGS, ids=lambda case: case.name)
def test_every_problem_is_one_line_with_one_sentence(folder, case):
    case.spoil(folder)
    for problem in check_folder(folder):
        assert problem.message.endswith(".")
        assert "\n" not in str(problem)
        assert problem.code in str(problem)


@pytest.mark.parametrize(
    ("limit", "code", "path"),
    [("HUB_FOLDER_ENTRIES", "hub-folder-limit", TASK), ("HUB_FILES", "hub-file-limit", "")],
)
def test_what_the_hub_limits_is_a_warning(folder, monkeypatch, limit, code, path):
    monkeypatch.setattr(checks, limit, 4)
    assert said(folder) == set()
    write(folder / TASK / "fifth.txt", "x")
    assert said(folder) == {(code, path)}


def test_a_file_that_no_table_can_hold_is_an_error(folder, monkeypatch):
    with write(folder / "big.bin").open("wb") as stream:
        stream.truncate(2**31)  # takes no room on a disk
    assert said(folder) == {("too-large", "big.bin")}
    with (folder / "big.bin").open("wb") as stream:
        stream.truncate(1000)
    monkeypatch.setattr("vmeval_builders.sources.walk.FILE_LIMIT_BYTES", 1000)
    assert said(folder) == set()


def test_a_folder_without_tasks_is_an_error(tmp_path):
    write(tmp_path / "notes.md", "x")
    assert said(tmp_path) == {("no-tasks", "")}


def test_archives_in_a_folder_are_named_where_they_hold_nothing(tmp_path):
    write(tmp_path / "maze_task.tar", bytes(1024))
    [problem, _] = check_folder(tmp_path)
    assert (problem.code, problem.path) == ("no-tasks", "")
    assert problem.message == "No question in it, nor in its archives, such as maze_task.tar."


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
def test_no_folder_is_an_error_of_its_own(tmp_path, quick):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        check_folder(tmp_path / "nowhere", quick)
    with pytest.raises(NotADirectoryError, match="file: is a file"):
        check_folder(write(tmp_path / "file"), quick)


@pytest.mark.parametrize(
    "name",
    [row.path for row in HOSTILE_PATHS if row.on_disk],
    ids=[r.name for r in HOSTILE_PATHS if r.on_disk],
)
def test_a_hostile_name_on_disk_is_an_error(folder, name):
    write(folder / name, "x")
    assert ("bad-name", name) in said(folder, quick=True)
    assert ("bad-name", name) in said(folder)


@pytest.mark.parametrize("row", [row for row in HOSTILE_FILES if row.on_disk], ids=lambda row: row.name)
def test_names_that_meet_on_another_system_are_an_error(folder, row):
    for path in row.files:
        (folder / path).mkdir(parents=True) if path.endswith("/") else write(folder / path, "x")
    if len(files_below(folder)) + sum(path.endswith("/") for path in row.files) < len(row.files) + 4:
        pytest.skip("this file system does not tell these names apart")
    problems = [problem for problem in check_folder(folder, quick=True) if problem.code == "bad-name"]
    assert problems
    assert any(row.reason in problem.message for problem in problems)


def test_odd_names_that_live_everywhere_are_no_problem(folder):
    for path in LEGAL_PATHS:
        if path not in (".gitignore",):
            write(folder / "odd" / path / "file.txt", "x")
    assert said(folder) == set()


def test_a_folder_whose_path_the_system_refuses_is_unreadable(folder):
    # Holds for root too: the path is longer than PATH_MAX, though each folder alone is sound.
    here = os.open(folder, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=here)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    [problem] = check_folder(folder)
    assert problem.code == "unreadable"
    assert "cannot be read" in problem.message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("path", [f"{TASK}/prompt.txt", "notes.md", "vmeval_dataset.json", "locked"])
def test_what_may_not_be_read_is_an_error(folder, path):
    (folder / "locked").mkdir()
    for name in ("notes.md", "vmeval_dataset.json"):
        write(folder / name, "{}")
    (folder / path).chmod(0)
    try:
        assert any(code == "unreadable" and found.startswith(path[:9]) for code, found in said(folder))
    finally:
        (folder / path).chmod(0o700)


@pytest.mark.parametrize("levels", [300, 1500])
def test_deep_folders_are_walked(folder, levels):
    with deep_folders(folder, levels):
        assert said(folder) == {("empty-folder", "/".join("d" * levels))}


def test_links_inside_are_read_as_what_they_lead_to(folder):
    (folder / "maze_task/maze_0001").symlink_to("maze_0000")
    (folder / "again.txt").symlink_to(f"{TASK}/prompt.txt")
    walked = scan.scan_rows(folder)
    assert [unit.path for unit in walked.units] == [TASK, "maze_task/maze_0001"]
    assert walked.by_path["again.txt"].size_bytes == (folder / TASK / "prompt.txt").stat().st_size


def test_a_folder_given_by_a_link_is_the_folder(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert check_folder(tmp_path / "link") == []


@pytest.mark.parametrize(
    ("metadata", "dead"),
    [
        ({"first_image_path": f"{TASK}/first_frame.png"}, False),
        ({"first_image_path": "first_frame.png"}, False),
        ({"first_image_path": f"data/questions/{TASK}/first_frame.png"}, False),
        ({"first_image_path": f"/somewhere/{TASK}/first_frame.png"}, False),
        ({"first_image_path": TASK.replace("/", "\\") + "\\first_frame.png"}, False),
        ({"first_image_path": ""}, False),
        ({"first_image_path": None}, False),
        ({"first_image_path": 7}, False),
        ({"path": "nowhere"}, False),
        ({"first_image_path": "/etc/passwd"}, True),
        ({"first_image_path": "../questions/maze_task/maze_0000/first_frame.png/.."}, True),
        ({"video_path": f"{TASK}/ground_truth.mp4"}, True),
        ({"video_path": "a\0b"}, True),
        ({"video_path": "\ud800"}, True),
    ],
)
def test_path_fields_are_dead_unless_they_lead_to_a_file_here(folder, metadata, dead):
    write_question(folder, metadata=json.dumps(metadata).encode())
    assert said(folder) == ({("dead-path", f"{TASK}/question_metadata.json")} if dead else set())


@pytest.mark.parametrize(
    "content",
    [
        {"pairs": [{"id": "maze_0000", "domain": "maze"}]},
        {"questions": [{"id": "maze_0000", "domain": "maze"}]},
        {"pairs": [{"id": "renamed", "first_image_path": f"data/questions/{TASK}/first_frame.png"}]},
        {"pairs": [{"first_frame": f"{TASK}/first_frame.png"}]},
        {"pairs": [{"id": "by metadata", "domain": "maze"}]},
    ],
)
def test_a_manifest_may_name_tasks_in_every_known_way(folder, content):
    if content["pairs" if "pairs" in content else "questions"][0].get("id") == "by metadata":
        write_question(folder, metadata=json.dumps({"id": "by metadata"}).encode())
    write(folder / "vmeval_dataset.json", json.dumps(content))
    assert said(folder) == set()


def test_a_manifest_s_metadata_is_not_held_while_it_is_read():
    cells = [[number, {"x": number * 0.5}] for number in range(40)]
    pairs = [{"id": f"maze_{number}", "domain": "maze", "cells": cells} for number in range(500)]
    content = as_json({"pairs": pairs})
    tracemalloc.start()
    try:
        problems = compare_manifests(read_manifests({"vmeval_dataset.json": content}), [])
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(problems) == 500
    assert peak_bytes < 3 * len(content)  # 17 times as much, were all of it parsed and held


@pytest.mark.parametrize(
    "entry", [7, None, "maze_0000", [], {}, {"id": "\ud800"}, {"id": {"a": 1}}], ids=repr
)
def test_a_manifest_entry_that_names_nothing_is_an_error(folder, entry):
    write(
        folder / "vmeval_dataset.json", json.dumps({"pairs": [{"id": "maze_0000", "domain": "maze"}, entry]})
    )
    assert said(folder) == {("manifest-without-folder", "vmeval_dataset.json")}


def test_a_ground_truth_is_never_opened(folder):
    write_question(folder, ground_truth=MP4 + b"whatever")
    assert said(folder) == set()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_frame_may_be_another_format_under_the_same_name(folder, kind):
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (4, 3)).save(stream, kind)
    write_question(folder, first_frame=stream.getvalue())
    assert check_folder(folder) == check_folder(folder, quick=True) == []


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_frames_of_every_mode_and_the_same_frame_twice_are_sound(folder, mode):
    frame = png("same", (5, 5), mode)
    write_question(folder, first_frame=frame, final_frame=frame)
    assert said(folder) == set()


def test_problems_come_errors_first_then_by_path(folder):
    write_question(folder, id="maze_0002", metadata=None)
    write_question(folder, id="maze_0001", first_frame=b"")
    write_question(folder, id="maze_0003", prompt=None, metadata=None)
    found = [(problem.severity, problem.path) for problem in check_folder(folder)]
    assert found == sorted(found)
    assert [severity for severity, _ in found] == ["error", "error", "warning", "warning"]


@pytest.mark.parametrize("path", ["a\nb", "\x1b[2J", "\udcff", "\u202e"])
def test_a_problem_shows_as_one_printable_line(path):
    shown = str(Problem("code", "error", path, "Something."))
    assert shown.isprintable()
    assert shown.startswith("error: ")
