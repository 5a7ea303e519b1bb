"""Columns, and files to rows and back."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MP4, as_json, files_below, png, write, write_question
from vmeval_builders.arrow import schema
from vmeval_builders.arrow.listing import ListedFile, listed_files, listing_table
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.json_values import parse_object
from vmeval_builders.layouts.registry import EVALUATIONS, OUTPUTS, QUESTIONS
from vmeval_builders.rows import files_of, read_unit, row_of, table_of
from vmeval_builders.scan import scan_rows

TABLES = {one.name: one.columns for one in (QUESTIONS, OUTPUTS, EVALUATIONS)} | {"files": schema.FILE_COLUMNS}


@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
def test_the_arrow_schema_is_what_datasets_itself_would_write(columns):
    from datasets import Features

    theirs = schema.features(columns).arrow_schema
    ours = schema.arrow_schema(columns)
    assert ours.equals(theirs)
    described, expected = (
        json.loads(one.metadata[b"huggingface"])["info"]["features"] for one in (ours, theirs)
    )
    # A list is called Sequence, as releases before datasets 4 know it; later ones read that as their List.
    assert Features.from_dict(described) == Features.from_dict(expected)
    lists = [name for name, kind in columns.items() if kind == "images"]
    assert {**described, **dict.fromkeys(lists)} == {**expected, **dict.fromkeys(lists)}


@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
def test_datasets_reads_its_features_back_from_the_schema(columns):
    from datasets import Features

    assert Features.from_arrow_schema(schema.arrow_schema(columns)) == schema.features(columns)


def test_the_columns_of_version_1():
    assert schema.SCHEMA_VERSION == 2
    assert ",".join(QUESTIONS.columns) == (
        "id,domain,split,generator,prompt,goal,first_frame,final_frame,frames,first_video,ground_truth,"
        "difficulty,task_category,created_at,question_metadata,path"
    )
    assert ",".join(schema.FILE_COLUMNS) == "path,size,sha256,modified,config,id,shard,row,content"
    assert schema.media_columns(QUESTIONS.columns) == [
        *("first_frame", "final_frame", "frames", "first_video", "ground_truth")
    ]


def contents_of(folder):
    scan = scan_rows(folder, "questions")
    return [read_unit(scan.source, QUESTIONS, unit) for unit in scan.units]


def rows_of(folder):
    return [row_of(QUESTIONS, contents) for contents in contents_of(folder)]


def written_back(table):
    return {
        QUESTIONS.places_of(file.column, file.path, file.name)[0]: bytes(file.content)
        for file in files_of(QUESTIONS, table)
    }


CASES = {
    "usual": {},
    "with-video": {"ground_truth": MP4},
    "odd-prompt": {"prompt": "\r\n 90° — \0\u2028 \ufeff"},
    "bom": {"prompt": b"\xef\xbb\xbfhello"},
    "empty-prompt": {"prompt": ""},
    "no-prompt": {"prompt": None},
    "no-frames": {"first_frame": None, "final_frame": None},
    "no-metadata": {"metadata": None},
    "broken-metadata": {"metadata": b"{"},
    "metadata-with-bom": {"metadata": b'\xef\xbb\xbf{"id": "x"}'},
    "frames-that-are-no-images": {"first_frame": b"", "final_frame": b"\0"},
    "empty-video": {"ground_truth": b""},
}


@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES)
def test_files_to_rows_and_back(tmp_path, overrides):
    write_question(tmp_path, "chess", "chess_0000")
    write_question(tmp_path, **overrides)
    table = table_of(QUESTIONS, rows_of(tmp_path))
    assert written_back(table) == files_below(tmp_path)


@pytest.mark.parametrize("name", ["prompt.txt", "question_metadata.json"])
def test_text_that_is_not_utf8_stays_out_of_the_row(tmp_path, name):
    task = write_question(tmp_path)
    write(task / name, b"\xff{}")
    assert f"maze_task/maze_0000/{name}" not in written_back(table_of(QUESTIONS, rows_of(tmp_path)))


def test_a_table_of_several_chunks_is_read_like_one(tmp_path):
    for number in range(4):
        write_question(tmp_path, id=f"maze_{number:04d}", ground_truth=MP4)
    table = pa.concat_tables([table_of(QUESTIONS, [row]) for row in rows_of(tmp_path)])
    assert table["prompt"].num_chunks == 4
    assert written_back(table) == files_below(tmp_path)
    assert written_back(table.slice(1, 2)) == {
        path: content for path, content in files_below(tmp_path).items() if "_0001" in path or "_0002" in path
    }


def test_a_path_without_bytes_is_no_file(tmp_path):
    write_question(tmp_path)
    row = rows_of(tmp_path)[0]
    row["first_frame"] = {"bytes": None, "path": "first_frame.png"}
    table = pa.Table.from_pylist([row], schema=schema.arrow_schema(QUESTIONS.columns))
    assert "maze_task/maze_0000/first_frame.png" not in written_back(table)


def test_media_columns_hold_the_bytes_and_the_name(tmp_path):
    write_question(tmp_path, first_frame=png("a"), ground_truth=MP4)
    row = rows_of(tmp_path)[0]
    assert row["first_frame"] == {"bytes": png("a"), "path": "first_frame.png"}
    assert row["ground_truth"] == {"bytes": MP4, "path": "ground_truth.mp4"}


HUGE = "9" * 5000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("easy", "easy"),
        ("", ""),
        ("007", "007"),
        (7, "7"),
        (True, "true"),
        (0.5, "0.5"),
        (None, None),
        (["easy"], None),
        ({"level": 1}, None),
        ("\ud800", None),
    ],
    ids=repr,
)
def test_top_level_keys_become_text_whatever_their_type(tmp_path, value, text):
    metadata = {"difficulty": value, "task_category": value, "created_at": value}
    write_question(tmp_path, metadata=as_json(metadata))
    row = rows_of(tmp_path)[0]
    assert [row[name] for name in metadata] == [text] * 3


@pytest.mark.parametrize(
    ("path", "metadata", "id", "domain"),
    [
        ("maze_task/m1", {}, "m1", "maze"),
        ("maze_task/m1", {"id": "other", "domain": "chess"}, "other", "maze"),
        ("maze_task/m1", {"id": 7}, "7", "maze"),
        ("maze_task/m1", {"id": ""}, "m1", "maze"),
        ("maze_task/m1", {"id": ["x"]}, "m1", "maze"),
        ("m1", {"domain": "chess"}, "m1", "chess"),
        ("m1", {"domain": 5}, "m1", "5"),
        ("m1", {"domain": None}, "m1", "m"),
    ],
)
def test_id_and_domain_of_a_row(tmp_path, path, metadata, id, domain):
    write_question(tmp_path, path=path, metadata=as_json(metadata))
    row = rows_of(tmp_path)[0]
    assert (row["id"], row["domain"], row["path"]) == (id, domain, path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ("\ufeff{}", {}),
        (' {"a": [1]} \n', {"a": [1]}),
        (f'{{"a": {HUGE}}}', {"a": HUGE}),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
    ids=["empty", "bom", "spaces", "number-of-5000-digits", "key-twice"],
)
def test_json_objects_are_read(text, value):
    assert parse_object(text) == (value, None)


@pytest.mark.parametrize(
    "text", [None, "", "[]", "1", "null", "{", "{}{}", "[" * 100_000, HUGE], ids=lambda text: repr(text)[:12]
)
def test_anything_else_has_a_fault_that_ends_a_sentence(text):
    value, fault = parse_object(text)
    assert value is None
    assert fault
    assert fault.startswith(("is ", "holds "))


def test_keys_that_are_not_to_be_kept_are_dropped_at_every_depth():
    text = '{"a": {"b": 1, "c": {"a": 2}}, "b": [{"b": 3, "x": 4}], "x": 5}'
    assert parse_object(text, keep=("a", "b")) == ({"a": {"b": 1}, "b": [{"b": 3}]}, None)


@given(st.text())
def test_no_text_makes_the_parser_fail(text):
    value, fault = parse_object(text)
    assert (value is None) == (fault is not None)


@pytest.mark.parametrize("content", [b"longer than before, by far", b""], ids=["longer", "shorter"])
def test_a_file_that_changes_between_walk_and_read_is_an_error(tmp_path, content):
    task = write_question(tmp_path, prompt="before")
    scan = scan_rows(tmp_path)
    write(task / "prompt.txt", content)
    with pytest.raises(FolderChangedError, match=r"prompt\.txt: had 6 bytes"):
        read_unit(scan.source, QUESTIONS, scan.units[0])


TIMES = st.none() | st.integers(-(2**63), 2**63 - 1)
LISTED = st.one_of(
    st.builds(
        ListedFile,
        st.text(max_size=9),
        st.integers(0, 2**62),
        st.text(),
        TIMES,
        st.none() | st.text(),
        st.none() | st.text(),
        st.none() | st.text(),
        TIMES,
        st.none() | st.binary(),
    ),
    st.builds(
        ListedFile, st.text(max_size=9).map("{}/".format), st.none(), st.none(), TIMES, *[st.none()] * 5
    ),
)


@given(st.lists(LISTED, max_size=5))
def test_a_listing_to_a_table_and_back(files):
    assert list(listed_files(listing_table(files))) == files
