"""Tables whose columns are of any type: each command reads them, or refuses them in one sentence and writes nothing."""

import time
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from tests.factories import MP4, file_row, png, shards, tree, write_folder
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.layouts.registry import EVALUATIONS, OUTPUTS, QUESTIONS
from vmeval_hfds import build, export, info, leaderboard, metadata_frame, to_dataset
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import VmevalError

SHARD = "data/all/test-00000-of-00001.parquet"
LISTING = "files/test-00000-of-00001.parquet"
FRAME, VIDEO = {"bytes": png(), "path": "first_frame.png"}, {"bytes": MP4, "path": "clip.mp4"}
#: A sound table of each layout: two rows.
SOUND = {
    "questions": (
        QUESTIONS,
        {
            "id": "maze_0000",
            "domain": "maze",
            "prompt": "Go.",
            "first_frame": FRAME,
            "ground_truth": VIDEO,
            "question_metadata": "{}",
            "path": "maze_task/maze_0000",
        },
    ),
    "outputs": (
        OUTPUTS,
        {
            "model": "wan",
            "domain": "maze",
            "task_id": "maze_0000",
            "run_id": "run_0",
            "prompt": "Go.",
            "video": VIDEO,
            "metadata": "{}",
            "path": "wan/maze_task/maze_0000/run_0",
        },
    ),
    "evaluations": (
        EVALUATIONS,
        {
            "model": "wan",
            "domain": "maze",
            "task_id": "maze_0000",
            "evaluator": "Human",
            "score": 4.0,
            "result": "{}",
            "path": "wan/maze_task/maze_0000/Human.json",
        },
    ),
}
BAD_TEXT = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
)
TYPES = {
    "null": pa.nulls(2),
    "int": pa.array([7, 8]),
    "float": pa.array([1.5, float("nan")]),
    "bool": pa.array([True, False]),
    "list": pa.array([["x"], ["y"]]),
    "list of int": pa.array([[1], [2]], pa.large_list(pa.int64())),
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    "struct": pa.array([{"a": 1}, {"a": 2}]),
    "empty list": pa.array([[], []]),
    "dictionary": pa.array(["x", "y"]).dictionary_encode(),
    "dictionary of int": pa.array([7, 8]).dictionary_encode(),
    "large_string": pa.array(["x", "y"], pa.large_string()),
    "string_view": pa.array(["x", "y"], pa.string_view()),
    "binary": pa.array([b"x", b"y"]),
    "large_binary": pa.array([b"x", b"y"], pa.large_binary()),
    "binary_view": pa.array([b"x", b"y"], pa.binary_view()),
    "fixed_size_binary": pa.array([b"x", b"y"], pa.binary(1)),
    "binary that is not UTF-8": pa.array([b"\xff", b"\xfe"]),
    "text that is not UTF-8": BAD_TEXT,
    "timestamp": pa.array([1, 2], pa.timestamp("ns", tz="No/Where")),
    "decimal": pa.array([1, 2], pa.decimal128(5, 2)),
    "long": pa.array(["/".join("a" * 2_100), "x"]),
    "outside": pa.array(["../x", "x"]),
    "1 MB": pa.array(["/".join("a" * 500_000), "x"]),
    "struct without path": pa.array([{"bytes": MP4}, {"bytes": None}]),
    "struct without bytes": pa.array([{"path": "a.mp4"}, {"path": "b.mp4"}]),
    "struct with int path": pa.array([{"bytes": MP4, "path": 1}] * 2),
    "struct with list path": pa.array([{"bytes": MP4, "path": ["a"]}] * 2),
    "struct with text bytes": pa.array([{"bytes": "x", "path": "a.mp4"}] * 2),
    "struct with null bytes": pa.StructArray.from_arrays([pa.nulls(2), pa.array(["a", "b"])], ["bytes", "path"]),
    "struct with path that is not UTF-8": pa.StructArray.from_arrays(
        [pa.array([MP4, MP4]), BAD_TEXT], ["bytes", "path"]
    ),
    "struct with two paths": pa.StructArray.from_arrays(
        [pa.array([MP4, MP4]), pa.array(["a", "b"]), pa.array(["c", "d"])], ["bytes", "path", "path"]
    ),
    "large struct": pa.StructArray.from_arrays(
        [pa.array([MP4, None], pa.large_binary()), pa.array(["a.mp4", None], pa.large_string())], ["bytes", "path"]
    ),
}  # fmt: skip
REPEATED = "repeated name"
CASES = [
    (layout, column, kind)
    for layout, (described, row) in SOUND.items()
    for column in {*row, described.id_column, "difficulty", "score"} & {*described.columns}
    for kind in [*TYPES, REPEATED]
]
#: What `files` may have odd: then only what lists files can tell.
LISTED_CASES = [(column, kind) for column in FILE_COLUMNS for kind in [*TYPES, REPEATED]]


def sound_table(layout):
    described, row = SOUND[layout]
    first = {name: row.get(name) for name in described.columns}
    second = first | {"path": first["path"].replace("0000", "0001"), described.id_column: "maze_0001"}
    return pa.Table.from_pylist([first, second], schema=arrow_schema(described.columns))


def odd(table, column, kind):
    """Put another column in the place of one, or beside it."""
    if kind == REPEATED:
        return table.append_column(column, table[column])
    return table.set_column(table.column_names.index(column), column, TYPES[kind])


def write_tables(target, rows, files=None):
    for name, table in ((SHARD, rows), (LISTING, files)):
        if table is not None:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, target / name)
    return target


@pytest.fixture
def run(tmp_path, capsys):
    """Run a command; give its exit code and what it said, and hold it to what is promised of all of them."""

    def run(*words):
        began = time.perf_counter()
        code = main([*map(str, words)])
        seconds = time.perf_counter() - began
        said = capsys.readouterr()
        assert code in (0, 1)
        if code and words[0] != "verify":
            assert said.err.count("\n") == 1
            assert said.err.startswith("Error: ")
            assert len(said.err) < 1000
            assert said.err.removesuffix("\n").isprintable()
        assert "Traceback" not in said.err
        assert seconds < 5  # A second, on a machine that does nothing else.
        return code, said.err

    return run


def frames_of(dataset, layout):
    """Call what has no command of its own, and say what it refuses."""
    found = []
    for function in (metadata_frame, *([leaderboard] if layout == "evaluations" else [])):
        try:
            function(dataset)
            found.append(None)
        except VmevalError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("layout", SOUND)
def test_sound_tables_are_read_by_all(layout, run, tmp_path):
    dataset = write_tables(tmp_path / "dataset", sound_table(layout))
    assert run("info", dataset)[0] == 0
    assert run("gallery", dataset, tmp_path / "page.html")[0] == 0
    assert run("export", dataset, tmp_path / "out")[0] == 0
    assert not any(frames_of(dataset, layout))


@pytest.mark.parametrize(("layout", "column", "kind"), sorted(CASES))
def test_an_odd_column_is_read_or_refused_in_a_sentence(layout, column, kind, run, tmp_path):
    dataset = write_tables(tmp_path / "dataset", odd(sound_table(layout), column, kind))
    target = tmp_path / "out"
    exported, said = run("export", dataset, target)
    results = [(exported, said), run("info", dataset, "--builder", layout)]
    run("verify", tmp_path / "dataset/data", dataset)
    # What these read is the same for all layouts.
    if layout == "questions":
        results += [
            run("gallery", dataset, tmp_path / "page.html"),
            run("export", dataset, target, "--domain", "maze", "--num-proc", 1),
        ]
    for message in [*(said for code, said in results if code), *filter(None, frames_of(dataset, layout))]:
        assert any(part in message for part in (column, "there is no domain", "has no path", "leads upwards"))
    if exported:
        assert not target.exists()


@pytest.mark.parametrize(("column", "kind"), LISTED_CASES)
def test_an_odd_list_of_files_is_read_or_refused_in_a_sentence(column, kind, run, tmp_path):
    files = pa.Table.from_pylist([file_row("a.txt"), file_row("b.txt")], schema=arrow_schema(FILE_COLUMNS))
    dataset = write_tables(tmp_path / "dataset", sound_table("questions"), odd(files, column, kind))
    target = tmp_path / "out"
    run("info", dataset)
    run("verify", tmp_path / "dataset/data", dataset)
    run("verify", tmp_path / "dataset/data", dataset, "--domain", "maze")
    code, message = run("export", dataset, target)
    if code:
        assert "files" in message
        assert not target.exists() or "SHA-256 beside it" in message


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {"struct with two paths", "map"}))
@pytest.mark.parametrize("column", ["id", "path", "prompt", "first_frame", "ground_truth"])
def test_a_dataset_in_memory_is_read_or_refused_too(column, kind, tmp_path):
    dataset = Dataset(odd(sound_table("questions"), column, kind).replace_schema_metadata())
    for work in (info, metadata_frame):
        with suppress(VmevalError):
            work(dataset)
    try:
        export(dataset, tmp_path / "out")
    except VmevalError:
        assert not (tmp_path / "out").exists()


def test_a_folder_is_wanted_where_a_table_is_given(run, tmp_path):
    dataset = write_tables(tmp_path / "dataset", odd(sound_table("questions"), "path", "null"))
    with pytest.raises(VmevalError):
        to_dataset(dataset, cache_dir=tmp_path / "cache")


SECOND_SHARDS = {
    "another schema": (lambda table: table.drop_columns(["id"]), "expected the columns of questions"),
    "another layout": (lambda _: sound_table("outputs"), "expected the columns of questions, as in other shards"),
    "another type": (lambda table: odd(table, "prompt", "int"), "column prompt: expected text, found int64"),
    "an image without bytes": (
        lambda table: odd(table, "first_frame", "struct with null bytes"),
        "column first_frame: expected bytes, or the path of a file in the dataset, found rows with a path and no bytes",
    ),
    "a path that no system takes": (
        lambda table: odd(table, "path", "long"), "column path: expected paths of at most 4,096 bytes, found one of 4,199"
    ),
    "a path that leads outside": (lambda table: odd(table, "path", "outside"), "leads upwards"),
    "no path": (lambda table: odd(table, "path", "null"), "row 0 (id 'maze_0000') has no path"),
}  # fmt: skip


@pytest.mark.parametrize("wanted", [(), ("--domain", "maze")], ids=["all", "a domain"])
@pytest.mark.parametrize(("edit", "message"), SECOND_SHARDS.values(), ids=SECOND_SHARDS)
def test_every_shard_is_looked_at_before_the_first_file_is_written(edit, message, wanted, run, tmp_path):
    dataset = write_tables(tmp_path / "dataset", sound_table("questions"))
    second = "data/other/test-00000-of-00001.parquet"
    (dataset / second).parent.mkdir()
    pq.write_table(edit(sound_table("questions")), dataset / second)
    code, said = run("export", dataset, tmp_path / "out", *wanted)
    assert code == 1
    assert message in said
    assert second in said
    assert not (tmp_path / "out").exists()


def test_what_was_built_and_then_replaced_is_refused_before_the_first_file_is_written(run, tmp_path):
    write_folder(tmp_path / "questions")
    build(tmp_path / "questions", tmp_path / "dataset")
    last = shards(tmp_path / "dataset")[-1]
    pq.write_table(odd(pq.read_table(last).slice(0, 2), "first_frame", "struct with null bytes"), last)
    code, said = run("export", tmp_path / "dataset", tmp_path / "out")
    assert code == 1
    assert "path and no bytes" in said
    assert not (tmp_path / "out").exists()


def test_a_target_whose_own_path_leaves_no_room_is_refused(run, tmp_path):
    path = "/".join(["p" * 200] * 20)
    table = sound_table("questions").set_column(
        sound_table("questions").column_names.index("path"), "path", pa.array([path, "x"])
    )
    dataset = write_tables(tmp_path / "dataset", table)
    code, said = run("export", dataset, tmp_path / ("d" * 100))
    assert code == 1
    assert "too long to be written" in said
    assert not (tmp_path / ("d" * 100)).exists()


def test_types_that_hold_the_same_come_back_the_same(run, tmp_path):
    table = sound_table("questions")
    others = {
        "id": pa.array(["maze_0000", "maze_0001"], pa.large_string()),
        "domain": pa.array(["maze", "maze"]).dictionary_encode(),
        "prompt": pa.array(["Go.", "Go."], pa.string_view()),
        "question_metadata": pa.array([b"{}", b"{}"]),
        "first_frame": pa.array([png(), png()], pa.large_binary()),
        "ground_truth": pa.array([{"bytes": MP4}] * 2),
    }
    for number, name in enumerate(table.column_names):
        if name in others:
            table = table.set_column(number, name, others[name])
    for name, rows in (("plain", sound_table("questions")), ("odd", table)):
        assert run("export", write_tables(tmp_path / name, rows), tmp_path / f"{name}-out")[0] == 0
    assert tree(tmp_path / "odd-out") == tree(tmp_path / "plain-out")


def test_statistics_that_are_not_utf8_say_nothing_and_rows_are_read_instead(run, tmp_path):
    dataset = write_tables(
        tmp_path / "dataset", odd(sound_table("questions"), "domain", "text that is not UTF-8")
    )
    code, said = run("export", dataset, tmp_path / "out", "--domain", "maze")
    assert code == 1
    assert f"{SHARD}: column domain: expected text or whole numbers, found values that are not" in said
