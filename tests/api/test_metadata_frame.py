"""Questions as a DataFrame: from every source alike, types kept, nothing lost, nothing decoded."""

import io
import json
import math

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.factories import MP4, png, write_question, write_rich_folder
from vmeval_hfds import build, to_dataset
from vmeval_hfds.api.metadata_frame import metadata_frame
from vmeval_hfds.api.push import push_to_hub
from vmeval_hfds.errors import DatasetError, VmevalError
from vmeval_hfds.rows import of_shards
from vmeval_hfds.rows.flatten import column, column_name, leaves
from vmeval_hfds.store.directory import DatasetFiles, open_dataset_dir


def question(folder, id, **stated):
    write_question(folder, "maze", id, metadata=json.dumps({"id": id, **stated}).encode())


def test_a_folder_its_dataset_and_the_dataset_of_it_give_the_same(tmp_path):
    folder = write_rich_folder(tmp_path / "questions")
    build(folder, tmp_path / "dataset")
    expected = metadata_frame(folder)
    pd.testing.assert_frame_equal(metadata_frame(tmp_path / "dataset"), expected)
    pd.testing.assert_frame_equal(metadata_frame(open_dataset_dir(tmp_path / "dataset")), expected)
    from_dataset = metadata_frame(to_dataset(folder, cache_dir=tmp_path / "cache"))
    # A prompt that is not UTF-8 is in no column, so its bytes cannot be counted here.
    odd = expected["path"] == "rotation_task/rotation_0001"
    pd.testing.assert_frame_equal(from_dataset[~odd], expected[~odd])


def test_sizes_are_those_of_the_files(tmp_path):
    frame = png("frame", (31, 17))
    write_question(tmp_path, first_frame=frame, final_frame=None, ground_truth=MP4, prompt="né")
    row = metadata_frame(tmp_path).iloc[0]
    assert (row["first_frame_width"], row["first_frame_height"]) == (31, 17)
    assert row["first_frame_bytes"] == len(frame)
    assert row["ground_truth_bytes"] == len(MP4)
    assert pd.isna(row["final_frame_width"])
    assert pd.isna(row["final_frame_bytes"])
    assert row["size_bytes"] == sum(path.stat().st_size for path in tmp_path.glob("*/*/*"))


def test_a_frame_that_is_no_png_or_no_picture(tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (12, 34)).save(stream, "JPEG")
    write_question(tmp_path, first_frame=stream.getvalue(), final_frame=b"no picture")
    row = metadata_frame(tmp_path).iloc[0]
    assert (row["first_frame_width"], row["first_frame_height"]) == (12, 34)
    assert pd.isna(row["final_frame_width"])
    assert row["final_frame_bytes"] == 10


def test_types_are_kept(tmp_path):
    question(tmp_path, "a", digits="007", count=3, share=0.5, flag=True, items=[1, "2", [3]], big=2**53 + 1)
    question(tmp_path, "b", digits="08", count=-1, share=2.0, flag=False, items=[], big=1)
    frame = metadata_frame(tmp_path)
    dtypes = {name: str(frame[name].dtype) for name in ("digits", "count", "share", "flag", "items", "big")}
    assert dtypes == {
        "digits": "string",
        "count": "Int64",
        "share": "Float64",
        "flag": "boolean",
        "items": "object",
        "big": "Int64",
    }
    assert frame["digits"].tolist() == ["007", "08"]
    assert frame["items"].tolist() == [[1, "2", [3]], []]
    assert frame["big"].tolist() == [2**53 + 1, 1]


def test_values_of_several_types_in_one_column_are_all_kept(tmp_path):
    values = ["text", 7, 7.5, True, [1], {"deep": {"er": 1}}, None, 2**70, {}, "0"]
    for number, value in enumerate(values):
        question(tmp_path, f"q{number}", key=value)
    frame = metadata_frame(tmp_path)
    expected = [None if value == {"deep": {"er": 1}} else value for value in values]
    assert [(type(value), value) for value in frame["key"]] == [(type(value), value) for value in expected]
    assert frame["key.deep.er"].dropna().to_dict() == {5: 1}


def test_a_key_that_is_a_column_already_keeps_both(tmp_path):
    metadata = {"prompt": "other", "path": 5, "size_bytes": "many", "question_metadata": {"id": 1}, "id": "x"}
    write_question(tmp_path, prompt="mine", metadata=json.dumps(metadata).encode())
    row = metadata_frame(tmp_path).iloc[0]
    assert row["prompt"] == "mine"
    assert row["question_metadata.prompt"] == "other"
    assert row["path"] == "maze_task/maze_0000"
    assert row["question_metadata.path"] == 5
    assert row["question_metadata.size_bytes"] == "many"
    assert row["question_metadata.question_metadata.id"] == 1
    assert row["question_metadata.id"] == row["id"] == "x"
    assert row["question_metadata"] == json.dumps(metadata)


def test_keys_with_dots_do_not_meet_nested_ones(tmp_path):
    write_question(tmp_path, metadata=json.dumps({"a.b": 1, "a": {"b": 2, "": 3}, '"': 4}).encode())
    row = metadata_frame(tmp_path).iloc[0]
    assert (row['"a.b"'], row["a.b"], row['a.""'], row['"\\""']) == (1, 2, 3, 4)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=3), json_values, max_size=4)


def rebuilt(found):
    """Put leaves together again."""
    result = {}
    for keys, value in found:
        place = result
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return result


@given(objects)
def test_nothing_of_an_object_is_lost(value):
    found = list(leaves(value))
    assert rebuilt(found) == value
    taken = {"id", "prompt", "question_metadata"}
    names = [column_name(keys, taken, "question_metadata") for keys, _ in found]
    assert len({*names}) == len(names)
    assert not taken.intersection(names)


@given(st.lists(json_values, min_size=1, max_size=6))
def test_a_column_holds_what_went_in(values):
    came_out = column(values).tolist()
    for before, after in zip(values, came_out, strict=True):
        if before is None:
            assert after is None or after is pd.NA
        elif isinstance(before, float):
            assert math.isclose(before, after, rel_tol=0) or before == after
        else:
            assert after == before
            assert isinstance(after, bool) == isinstance(before, bool)


def test_metadata_that_is_no_object_leaves_the_row(tmp_path):
    for number, metadata in enumerate([None, b"[1]", b"{", b"\xff", b"null", b'{"half": "\\ud800"}']):
        write_question(tmp_path, id=f"maze_{number:04d}", metadata=metadata)
    frame = metadata_frame(tmp_path)
    assert len(frame) == 6
    assert frame["half"].tolist()[-1] == "\ud800"
    assert frame["question_metadata"].tolist()[1] == "[1]"
    assert pd.isna(frame["question_metadata"][0])


def test_deep_metadata_is_no_trouble(tmp_path):
    write_question(tmp_path, metadata=('{"a":' * 900 + "1" + "}" * 900).encode())
    assert metadata_frame(tmp_path)[".".join("a" * 900)].tolist() == [1]


def test_no_task_gives_an_empty_frame_with_its_columns(tmp_path):
    frame = metadata_frame(tmp_path)
    assert len(frame) == 0
    assert {"id", "prompt", "first_frame_width", "size_bytes"} <= set(frame.columns)


def test_from_afar_no_image_column_is_read(tmp_path):
    """The Hub gives streams where a directory gives paths; only text and the list of files may be read of them."""
    folder = write_rich_folder(tmp_path / "questions")
    write_question(folder, "large", "large_0000", first_frame=png("large", (700, 700)))
    build(folder, tmp_path / "dataset")
    local = open_dataset_dir(tmp_path / "dataset")
    streams = []

    class Counting(io.FileIO):
        count = 0

        def read(self, size=-1):
            content = super().read(size)
            self.count += len(content)
            return content

        def readinto(self, buffer):
            read = super().readinto(buffer)
            self.count += read or 0
            return read

    def peek(name):
        streams.append(Counting(tmp_path / "dataset" / name))
        return streams[-1]

    def fetch(name):
        raise AssertionError("fetches a whole shard")

    far = DatasetFiles("far", local.row_shards, local.listing_shards, fetch, peek)
    frame, near = metadata_frame(far), metadata_frame(local)
    assert sum(stream.count for stream in streams) < 700_000 < near["first_frame_bytes"].max()
    sizes = [name for name in near if name.endswith(("_width", "_height"))]
    assert frame[sizes].isna().all(axis=None)
    pd.testing.assert_frame_equal(frame.drop(columns=sizes), near.drop(columns=sizes))


def test_a_dataset_with_fewer_and_further_columns(tmp_path):
    folder = write_rich_folder(tmp_path / "questions")
    dataset = to_dataset(folder, cache_dir=tmp_path / "cache").remove_columns(["final_frame", "path"])
    dataset = dataset.add_column("note", ["x"] * len(dataset)).select([3, 1])
    frame = metadata_frame(dataset)
    assert frame["id"].tolist() == [dataset[0]["id"], dataset[1]["id"]]
    assert frame["note"].tolist() == ["x", "x"]
    assert frame["final_frame_width"].isna().all()
    assert (frame["first_frame_width"] == 4).all()


def test_what_is_no_dataset_of_questions_is_refused(tmp_path):
    datasets = pytest.importorskip("datasets")
    with pytest.raises(TypeError, match="found a DatasetDict"):
        metadata_frame(datasets.DatasetDict())
    questions = datasets.Dataset.from_dict({"id": ["a"]})
    with pytest.raises(VmevalError, match=r"give one of its splits \(test, train\)"):
        metadata_frame(datasets.DatasetDict(test=questions, train=questions))
    with pytest.raises(DatasetError, match="numbers"):
        metadata_frame(datasets.Dataset.from_dict({"numbers": [1]}))
    with pytest.raises(FileNotFoundError, match="no such folder"):
        metadata_frame(tmp_path / "missing")
    with pytest.raises(NotADirectoryError):
        metadata_frame(__file__)


def test_a_folder_of_parquet_files_that_others_made_is_a_dataset(tmp_path):
    folder = write_rich_folder(tmp_path / "questions")
    build(folder, tmp_path / "dataset")
    table = pq.read_table(next((tmp_path / "dataset/data/maze").iterdir()))
    (tmp_path / "other").mkdir()
    pq.write_table(
        table.rename_columns({"id": "task_id", "question_metadata": "metadata"}), tmp_path / "other/a.parquet"
    )
    frame = metadata_frame(tmp_path / "other")
    assert frame["id"].tolist() == table["id"].to_pylist()
    assert (frame["first_frame_width"] == 4).all()


def test_pictures_are_looked_at_in_small_batches(tmp_path, monkeypatch):
    for number in range(7):
        write_question(
            tmp_path / "questions", id=f"maze_{number:04d}", first_frame=png(number, (9, number + 1))
        )
    build(tmp_path / "questions", tmp_path / "dataset")
    monkeypatch.setattr(of_shards, "BATCH_ROWS", 2)
    assert metadata_frame(tmp_path / "dataset")["first_frame_height"].tolist() == list(range(1, 8))


def test_from_the_hub_no_image_crosses_the_network(hub, tmp_path):
    folder = tmp_path / "questions"
    for number in range(6):
        write_question(folder, id=f"maze_{number:04d}", first_frame=png(number, (400, 300)), ground_truth=MP4)
    push_to_hub(folder, "user/questions")
    hub.clear_log()
    frame = metadata_frame("user/questions")
    received = sum(request.response_bytes for request in hub.requests if request.method == "GET")
    assert received < 100_000 < 300_000 < frame["first_frame_bytes"].min()
    near = metadata_frame(folder)
    sizes = [name for name in near if name.endswith(("_width", "_height"))]
    pd.testing.assert_frame_equal(frame.drop(columns=sizes), near.drop(columns=sizes))
    assert frame[sizes].isna().all(axis=None)
