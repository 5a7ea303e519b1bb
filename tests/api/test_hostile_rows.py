"""Datasets that were made to do harm: `export` refuses them, names the row, and writes nothing."""

import itertools
import shutil

import pytest

from tests.factories import file_row, question_row, tree, write, write_dataset
from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS, ids
from vmeval_hfds import export
from vmeval_hfds.errors import DatasetError, UnsafePathError, VmevalError

IN_ROWS = [row for row in HOSTILE_PATHS if row.in_row]
FRAME = question_row("x")["first_frame"]["bytes"]


@pytest.fixture
def refused(tmp_path):
    """Export must refuse such rows, and change nothing anywhere around."""
    write(tmp_path / "outside/theirs.txt", "theirs")
    target = tmp_path / "a/b/target"

    def refused(questions, files=None, error=UnsafePathError):
        dataset = write_dataset(tmp_path / "dataset", questions, files)
        shutil.rmtree(target, ignore_errors=True)
        for place in ("new", "empty", "occupied"):
            if place == "empty":
                target.mkdir(parents=True)
            elif place == "occupied":
                write(target / "mine.txt", "mine")
            before = tree(tmp_path)
            for options in ({}, {"force": True}, {"strict": True}, {"num_proc": 2}):
                with pytest.raises(error) as caught:
                    export(dataset, target, **options)
                assert tree(tmp_path) == before
        return str(caught.value)

    return refused


def sound(number):
    return question_row(f"maze_task/sound_{number}", id=f"sound_{number}")


@pytest.mark.parametrize("row", IN_ROWS, ids=ids(IN_ROWS))
@pytest.mark.parametrize("listed", [False, True], ids=["no-list", "with-list"])
def test_a_questions_path(refused, row, listed):
    questions = [sound(0), question_row(row.path, id="evil"), sound(1)]
    files = [file_row(f"maze_task/sound_{number}/first_frame.png", FRAME, held=True) for number in (0, 1)]
    message = refused(questions, files if listed else None)
    assert "row 1 of data/maze/test-00000-of-00001.parquet (id 'evil')" in message
    assert "nothing was written" in message
    assert row.reason in message or row.path == "/"


@pytest.mark.parametrize("row", IN_ROWS, ids=ids(IN_ROWS))
def test_a_questions_path_with_its_file_listed(refused, row):
    files = [file_row(f"{row.path}/first_frame.png", FRAME, held=True)]
    message = refused([sound(0), question_row(row.path, id="evil")], files)
    assert "(id 'evil')" in message or "row 0 of files" in message


@pytest.mark.parametrize("row", IN_ROWS, ids=ids(IN_ROWS))
def test_a_listed_files_path(refused, row):
    # "maze_task/comma" would be taken for "maze_task/com" by whoever compares beginnings only.
    if row.path.endswith("/"):
        pytest.skip("a listed path that ends in a slash is an empty folder, which has no bytes")
    files = [
        file_row("a.txt"),
        file_row(f"{row.path}and-more".replace("\0", "")),
        file_row(row.path, b"evil"),
    ]
    if row.path:
        files = [files[0], *(file_row(f"z/{number}") for number in range(2)), files[2]]
    message = refused([sound(0)], files)
    assert f"row {len(files) - 1} of files" in message
    assert "nothing was written" in message


@pytest.mark.parametrize("row", IN_ROWS, ids=ids(IN_ROWS))
def test_a_listed_empty_folder(refused, row):
    path = row.path if row.path.endswith("/") and row.path != "/" else f"{row.path}/"
    message = refused([sound(0)], [file_row("a.txt"), file_row(path, None)])
    assert "row 1 of files" in message


def test_the_row_is_named_even_where_another_path_begins_alike(refused):
    files = [file_row("maze_task/context.txt"), file_row("maze_task/con", b"evil")]
    assert "row 1 of files" in refused([sound(0)], files)


@pytest.mark.parametrize("row", HOSTILE_FILES, ids=ids(HOSTILE_FILES))
@pytest.mark.parametrize("order", [1, -1], ids=["as-listed", "reversed"])
def test_listed_files_that_meet_on_some_system(refused, row, order):
    files = [file_row(path, None if path.endswith("/") else path.encode()) for path in row.files][::order]
    message = refused([sound(0)], files)
    assert "of files" in message


@pytest.mark.parametrize(
    "paths",
    [
        ("maze_task/m", "maze_task/M"),
        ("maze_task/m", "Maze_task/m"),
        ("Maze_task/a", "maze_task/b"),
        ("caf\u00e9/m", "cafe\u0301/m"),
        ("a_task/m", "a_task/m/prompt.txt"),
        ("a_task/m", "a_task/m/First_Frame.png/x"),
    ],
    ids=ascii,
)
def test_questions_that_meet_on_some_system(refused, paths):
    for order in itertools.permutations(paths):
        message = refused([question_row(path, id=f"q{number}") for number, path in enumerate(order)])
        assert "of data/maze/test-00000-of-00001.parquet" in message


def test_two_questions_in_one_folder(refused):
    questions = [
        question_row("maze_task/m", id="one"),
        question_row("maze_task/m", id="two", prompt="Other."),
    ]
    for files in (None, [file_row("maze_task/m/first_frame.png", FRAME, held=True)]):
        message = refused(questions, files)
        assert "(id 'two')" in message
        assert "(id 'one')" in message


def test_the_same_question_twice_is_one_where_no_list_says_otherwise(tmp_path):
    # As in several splits of others' datasets.
    questions = [question_row("maze_task/m"), question_row("maze_task/m"), sound(0)]
    result = export(write_dataset(tmp_path / "dataset", questions), tmp_path / "target")
    assert result.rows == 2
    assert (tmp_path / "target/maze_task/m/first_frame.png").read_bytes() == FRAME


@pytest.mark.parametrize(
    "path",
    [
        "maze_task/M/goal.txt",
        "MAZE_task/notes.md",
        "maze_task/m/PROMPT.txt",
        "maze_task/m/first_frame.png/x",
        "maze_task/m/prompt.txt/x",
        "maze_task",
        "maze_task/m",
        "maze_task/m/Prompt.txt/",
        "maze_task/m/prompt.txt/",
    ],
)
@pytest.mark.parametrize("others", ["nothing-else-listed", "one-of-its-files-listed", "all-of-them-listed"])
def test_a_listed_file_that_meets_a_question(refused, path, others):
    held = {
        "nothing-else-listed": [],
        "one-of-its-files-listed": [file_row("maze_task/m/first_frame.png", FRAME, held=True)],
        "all-of-them-listed": [
            file_row("maze_task/m/first_frame.png", FRAME, held=True),
            file_row("maze_task/m/prompt.txt", b"Go.", held=True),
        ],
    }[others]
    refused([question_row("maze_task/m")], [*held, file_row(path, None if path.endswith("/") else b"evil")])


@pytest.mark.parametrize(
    "row",
    [
        {"path": None},
        {"path": "a.txt", "sha256": None},
        {"path": "a.txt", "sha256": "ab"},
        {"path": "a.txt", "sha256": "z" * 64},
        {"path": "a/", "sha256": "0" * 64},
    ],
    ids=repr,
)
def test_a_listed_row_that_makes_no_sense(refused, row):
    message = refused([sound(0)], [file_row("b.txt"), {**file_row("a.txt"), **row}], error=DatasetError)
    assert "row 1 of files" in message


def test_a_question_without_a_path(refused):
    assert "(id 'evil')" in refused([sound(0), question_row(None, id="evil")])


@pytest.mark.parametrize("value", ["\n\x1b[31m\u202e", "../x"], ids=ascii)
def test_what_a_message_quotes_is_printable(refused, value):
    message = refused([question_row(f"../{value}", id=value, domain=value)])
    assert message.isprintable()


@pytest.mark.parametrize("name", ["../../outside/theirs.txt", "/etc/passwd", "x\0y", "con"], ids=ascii)
def test_the_name_beside_an_images_bytes_is_never_a_place(tmp_path, name):
    row = question_row("maze_task/m", first_frame={"bytes": FRAME, "path": name})
    export(write_dataset(tmp_path / "dataset", [row]), tmp_path / "target")
    assert set(tree(tmp_path / "target")) == {
        *("maze_task/", "maze_task/m/", "maze_task/m/first_frame.png", "maze_task/m/prompt.txt"),
    }


def test_an_image_that_is_only_a_path_is_never_read_from_there(tmp_path):
    secret = write(tmp_path / "secret.png", FRAME)
    row = question_row("maze_task/m", first_frame={"bytes": None, "path": str(secret)})
    with pytest.raises(VmevalError, match="bytes"):
        export(write_dataset(tmp_path / "dataset", [row]), tmp_path / "target")
    assert not (tmp_path / "target/maze_task/m/first_frame.png").exists()
