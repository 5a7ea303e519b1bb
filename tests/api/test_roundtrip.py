"""Whatever is in a folder comes back: generated folders, byte for byte."""

import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MP4, deep_folders, png, shards, tree, write, write_question
from tests.hostile import LEGAL_PATHS
from vmeval_builders.errors import AmbiguousFolderError
from vmeval_builders.paths import MANIFEST, QUESTION_FILES, path_problem, path_problems
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, info, verify

# Names that live everywhere, odd as they are.
CHARACTERS = st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs"))
NAMES = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=12),
    st.sampled_from([name for name in LEGAL_PATHS if "/" not in name]),
    st.sampled_from(["maze_0000", "0", "video", "question", "a_task"]),
).filter(lambda name: path_problem(name) is None)
FOLDERS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TEXTS = st.one_of(st.binary(max_size=200), st.text(max_size=60).map(str.encode))
FRAMES = st.builds(
    png,
    st.integers(0, 3),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from(["RGB", "RGBA", "L"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
KNOWN_KEYS = st.sampled_from(
    ["id", "domain", "prompt", "difficulty", "task_category", "created_at", "first_image_path"]
)
OBJECTS = st.builds(
    lambda value, indent, ascii_only, bom: (
        (b"\xef\xbb\xbf" if bom else b"")
        + json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    ),
    st.dictionaries(st.text(max_size=9) | KNOWN_KEYS, JSON, max_size=5),
    st.sampled_from([None, 2]),
    st.booleans(),
    st.booleans(),
)
VIDEOS = st.binary(max_size=300) | st.just(MP4)


def tasks(complete):
    whole = {"first_frame.png": FRAMES, "prompt.txt": TEXTS}
    optional = {"final_frame.png": FRAMES, "question_metadata.json": OBJECTS, "ground_truth.mp4": VIDEOS}
    if complete:
        return st.fixed_dictionaries(whole, optional=optional)
    return st.fixed_dictionaries({}, optional=whole | optional).filter(bool)


def folders(complete=True):
    """Generate a folder as paths to bytes; None is an empty folder."""
    placed = st.dictionaries(FOLDERS, tasks(complete), min_size=1, max_size=4)
    extras = st.dictionaries(FOLDERS, st.none() | st.just(b"") | st.binary(max_size=400), max_size=6)
    return st.builds(_laid_out, placed, extras)


def _laid_out(placed, extras):
    files = {f"{task}/{name}": content for task, names in placed.items() for name, content in names.items()}
    for path, content in extras.items():
        if path.rpartition("/")[2] in QUESTION_FILES or path == MANIFEST:
            continue
        others = {**files, path: content}
        found = [one for one, held in others.items() if held is not None]
        empty = [one for one, held in others.items() if held is None]
        inside = any(
            one != path and (one.startswith(f"{path}/") or path.startswith(f"{one}/")) for one in others
        )
        if not inside and not list(path_problems(found, empty)):
            files = others
    return files


def sound(files):
    return not list(path_problems([one for one, held in files.items() if held is not None]))


def lay_out(folder, files):
    for path, content in files.items():
        if content is None:
            (folder / path).mkdir(parents=True)
        else:
            write(folder / path, content)
    return folder


@given(folders().filter(sound))
def test_any_folder_comes_back(files):
    round_trip(files)


@given(folders(complete=False).filter(sound))
def test_any_incomplete_folder_comes_back_when_it_is_taken_in(files):
    round_trip(files, keep_incomplete=True)


@given(folders().filter(sound), st.integers(1, 3))
def test_any_part_comes_back(files, seed):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder = lay_out(root / "questions", files)
        build(folder, root / "dataset", builder="questions", num_proc=1)
        tasks = info(folder, builder="questions").rows
        task = random.Random(seed).choice(tasks)
        is_alone = sum(one.texts["id"] == task.texts["id"] for one in tasks) == 1
        export(root / "dataset", root / "part", ids=[task.texts["id"] if is_alone else task.path], num_proc=1)
        part, whole = tree(root / "part"), tree(folder)
        assert part.items() <= whole.items()
        for name in QUESTION_FILES:
            assert part.get(f"{task.path}/{name}") == whole.get(f"{task.path}/{name}")


def round_trip(files, **options):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder = lay_out(root / "questions", files)
        builder = named_where_it_must_be(folder)
        build(folder, root / "dataset", builder=builder, num_proc=1, **options)
        result = export(root / "dataset", root / "rebuilt", num_proc=1)
        assert tree(root / "rebuilt") == tree(folder)
        assert verify(root / "rebuilt", root / "dataset", num_proc=1).same
        assert result.missing == result.changed == []
        assert info(root / "rebuilt", builder=builder).rows == info(root / "dataset").rows


def named_where_it_must_be(folder):
    """Leave the builder to be found out, but for folders with a question beside `a_task/0/question`: also a run."""
    try:
        scan_rows(folder)
    except AmbiguousFolderError:
        return "questions"
    return None


# Sizes


@pytest.fixture
def round_trips(tmp_path):
    def round_trips(folder, **options):
        dataset = build(folder, tmp_path / "dataset", **options).target
        export(dataset, tmp_path / "rebuilt", num_proc=options.get("num_proc"))
        assert tree(tmp_path / "rebuilt") == tree(folder)
        assert verify(tmp_path / "rebuilt", dataset).same
        return dataset

    return round_trips


@pytest.mark.parametrize(
    "where", ["notes.bin", "maze_task/maze_0000/ground_truth.mp4", "maze_task/maze_0000/prompt.txt"]
)
def test_a_file_of_many_megabytes(tmp_path, round_trips, where):
    write_question(tmp_path / "questions", metadata=b"{}")
    write(tmp_path / "questions" / where, random.Random(1).randbytes(20_000_000))
    round_trips(tmp_path / "questions")


@pytest.mark.parametrize("num_proc", [1, 2])
def test_more_than_one_shard(tmp_path, round_trips, num_proc):
    for number in range(5):
        video = random.Random(number).randbytes(30_000_000 // (number + 1))
        write_question(tmp_path / "questions", id=f"m{number}", ground_truth=video)
    dataset = round_trips(tmp_path / "questions", num_proc=num_proc)
    assert len(shards(dataset)) > 1


@pytest.mark.parametrize("num_proc", [1, 2])
def test_thousands_of_tiny_tasks(tmp_path, round_trips, num_proc):
    folder = tmp_path / "questions"
    frame = png("tiny", (1, 1))
    for number in range(2500):
        task = folder / f"d{number % 7}_task/{number:05d}"
        task.mkdir(parents=True)
        (task / "first_frame.png").write_bytes(frame)
        (task / "prompt.txt").write_bytes(b"%d" % number)
    round_trips(folder, num_proc=num_proc)


@pytest.mark.parametrize("levels", [50, 800])
def test_deep_nesting(tmp_path, levels):
    folder = tmp_path / "questions"
    write_question(folder)
    build_here, rebuilt = tmp_path / "dataset", tmp_path / "rebuilt"
    with deep_folders(folder, levels, content=b"deep") as path:
        build(folder, build_here)
        from tests.factories import remove_chain

        try:
            export(build_here, rebuilt)
            assert (rebuilt / path / "file").read_bytes() == b"deep"
            assert verify(rebuilt, build_here).same
        finally:
            remove_chain(rebuilt)


def test_a_domain_of_many_empty_folders(tmp_path, round_trips):
    folder = tmp_path / "questions"
    write_question(folder)
    for number in range(500):
        (folder / f"outputs/model/maze_task/{number:04d}/run").mkdir(parents=True)
    round_trips(folder)


def test_every_odd_name_at_once(tmp_path, round_trips):
    folder = tmp_path / "questions"
    for number, name in enumerate(LEGAL_PATHS):
        write_question(folder, path=f"{name}/{number}", metadata=None)
        write(folder / f"odd/{name}", name)
        (folder / "empty" / name).mkdir(parents=True)
    round_trips(folder)


TEXT = {
    "no-final-newline": b"Go.",
    "final-newline": b"Go.\n",
    "crlf": b"Go.\r\nStop.\r\n",
    "cr": b"Go.\rStop.\r",
    "bom": b"\xef\xbb\xbfGo.",
    "utf16": "Go.".encode("utf-16"),
    "nul": b"a\0b",
    "only-nul": b"\0",
    "spaces": b" \t ",
    "degrees": "90° — ﬁ e\u0301 \u2028".encode(),
    "not-utf8": b"\xff",
    "surrogate": b"\xed\xa0\x80",
    "overlong": b"\xc0\x80",
    "cut": "é".encode()[:1],
    "empty": b"",
}


def test_every_prompt_at_once(tmp_path, round_trips):
    for name, content in TEXT.items():
        write_question(tmp_path / "questions", id=f"prompt-{name}", prompt=content, metadata=None)
    round_trips(tmp_path / "questions")


def test_a_sample_comes_back(tmp_path, round_trips):
    from vmeval_hfds import write_sample

    write_sample(tmp_path / "questions", per_domain=3)
    assert check_folder(tmp_path / "questions") == []
    round_trips(tmp_path / "questions")


def test_rights_and_times_of_files_do_not_travel_but_bytes_do(tmp_path, round_trips):
    task = write_question(tmp_path / "questions")
    (task / "prompt.txt").chmod(0o600)
    os.utime(task / "prompt.txt", (0, 0))
    round_trips(tmp_path / "questions")
