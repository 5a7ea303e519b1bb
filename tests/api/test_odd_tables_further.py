"""Tables whose columns are of any type, by what reads them beside export: diff, tasks, gallery --outputs, push --add."""

from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.api.test_odd_tables import LISTING, TYPES, odd, sound_table, write_tables
from tests.factories import file_row, write_question
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_hfds import push_to_hub, tasks
from vmeval_hfds.errors import VmevalError

REPO = "user/questions"
FURTHER = TYPES | {
    "list of views": pa.array([[b"x"], []], pa.list_(pa.binary_view())),
    "list of structs of views": pa.array(
        [[{"bytes": b"x", "path": "a"}], []],
        pa.list_(pa.struct([("bytes", pa.binary_view()), ("path", pa.string_view())])),
    ),
    "large list of views": pa.array([["x"], []], pa.large_list(pa.string_view())),
    "fixed list of views": pa.array([["x"], ["y"]], pa.list_(pa.string_view(), 1)),
}


def said(run, *words):
    """Run a command; what it refuses, it refuses in one line."""
    code, _, errors = run(*words)
    assert code in (0, 1)
    assert errors.count("Error: ") <= 1
    assert "Traceback" not in errors
    return errors


@pytest.mark.parametrize("kind", FURTHER)
@pytest.mark.parametrize("column", ["id", "path", "question_metadata", "first_frame"])
def test_odd_questions_are_compared_and_handed_to_runners_or_refused(
    column, kind, run, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    files = pa.Table.from_pylist([file_row("a.txt")], schema=arrow_schema(FILE_COLUMNS))
    table = odd(sound_table("questions"), column, "int")
    table = table.set_column(table.column_names.index(column), column, FURTHER[kind])
    try:
        dataset = write_tables(tmp_path / "dataset", table, files)
    except pa.ArrowNotImplementedError:
        pytest.skip("Parquet has no such type")
    said(run, "diff", dataset, tmp_path / "dataset/data")
    said(run, "info", dataset)
    with suppress(VmevalError):
        tasks(dataset)


@pytest.mark.parametrize("kind", FURTHER)
@pytest.mark.parametrize("column", ["path", "model", "video", "frames"])
def test_odd_outputs_are_shown_or_refused(column, kind, run, tmp_path):
    table = sound_table("outputs")
    if column in table.column_names:
        table = table.drop_columns([column])
    try:
        dataset = write_tables(tmp_path / "dataset", table.append_column(column, FURTHER[kind]))
    except pa.ArrowNotImplementedError:
        pytest.skip("Parquet has no such type")
    said(run, "gallery", "--outputs", dataset, "--target", tmp_path / "page.html")
    said(run, "leaderboard", dataset)


@pytest.mark.parametrize("kind", ["int", "struct", "string_view", "text that is not UTF-8", "large_string"])
@pytest.mark.parametrize("column", ["path", "sha256", "content"])
def test_an_odd_list_is_added_to_or_refused(column, kind, hub, tmp_path):
    write_question(tmp_path / "one", "maze", "maze_0000")
    write_question(tmp_path / "two", "chess", "chess_0000")
    push_to_hub(tmp_path / "one", REPO)
    shard = tmp_path / "files.parquet"
    shard.write_bytes(hub.files(REPO)[LISTING])
    table = pq.read_table(shard)[:2]
    pq.write_table(odd(table, column, kind), shard)
    hub.commit(REPO, {LISTING: shard.read_bytes()})
    with suppress(VmevalError):
        push_to_hub(tmp_path / "two", REPO, add=True)
