"""Tables that call their columns otherwise: somebody says which is which, and what the rows' folders are called."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from huggingface_hub import HfApi

from tests.factories import MP4, png, tree, write, write_folder
from vmeval_hfds import build, export, info, metadata_frame, open_repo, write_gallery
from vmeval_hfds.api.export import plan_export
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import ArgumentError, DatasetError, UnsafePathError

COLUMNS = {
    "id": "video_idx",
    "domain": "task_name",
    "prompt": "text",
    "first_frame": "start",
    "ground_truth": "ground_truth_video",
}
#: A video, in the three ways in which others keep one.
VIDEOS = {
    "struct": pa.array([{"bytes": MP4, "path": "clips/1.mp4"}, {"bytes": MP4 + b"2", "path": None}]),
    "bytes": pa.array([MP4, MP4 + b"2"]),
    "path": pa.array(["clips/one.mp4", "clips/two.mp4"]),
}
EXPECTED = {
    "maze_task/7/prompt.txt": b"Go.",
    "maze_task/7/first_frame.png": png("a"),
    "maze_task/7/ground_truth.mp4": MP4,
    "chess_task/8/prompt.txt": b"Move.",
    "chess_task/8/first_frame.png": png("b"),
    "chess_task/8/ground_truth.mp4": MP4 + b"2",
}


def table(kind="bytes", **others):
    columns = {
        "task_name": ["maze", "chess"],
        "video_idx": [7, 8],
        "text": ["Go.", "Move."],
        "start": [png("a"), png("b")],
        "ground_truth_video": VIDEOS[kind],
        "maker": ["g-1", "g-2"],
    }
    return pa.table(columns | others)


@pytest.fixture
def write_table(tmp_path):
    """Write a table as a directory of others has it, with the videos beside it."""

    def write_table(made):
        write(tmp_path / "theirs/clips/one.mp4", MP4)
        write(tmp_path / "theirs/clips/two.mp4", MP4 + b"2")
        pq.write_table(made, tmp_path / "theirs/rows.parquet")
        return tmp_path / "theirs"

    return write_table


def files(folder):
    return {path: content for path, content in tree(folder).items() if content is not None}


@pytest.mark.parametrize("kind", VIDEOS)
def test_columns_are_taken_for_ours_however_a_video_is_kept(kind, write_table, tmp_path):
    result = export(write_table(table(kind)), tmp_path / "out", columns=COLUMNS)
    assert files(tmp_path / "out") == EXPECTED
    assert (result.rows, result.builder, result.unused_columns) == (2, "questions", ["maker"])
    again = export(tmp_path / "theirs", tmp_path / "out", columns=COLUMNS)
    assert (again.written, again.kept) == (0, 6)


def test_a_template_names_the_folders_by_columns_of_either_name(write_table, tmp_path):
    dataset, template = write_table(table()), "{maker}/{domain}_task/{task_name}_{id}"
    result = export(dataset, tmp_path / "out", columns=COLUMNS, template=template)
    assert sorted({path.rpartition("/")[0] for path in files(tmp_path / "out")}) == [
        "g-1/maze_task/maze_7",
        "g-2/chess_task/chess_8",
    ]
    assert result.unused_columns == []
    planned = plan_export(dataset, tmp_path / "other", columns=COLUMNS, template=template)
    assert planned.rows == 2


@pytest.mark.parametrize("choice", [{"ids": ["7"]}, {"domains": ["maze"]}], ids=str)
def test_rows_are_chosen_by_the_columns_that_were_named(choice, write_table, tmp_path):
    export(write_table(table()), tmp_path / "out", columns=COLUMNS, **choice)
    assert set(files(tmp_path / "out")) == {path for path in EXPECTED if path.startswith("maze")}


def test_a_repository_of_others_and_its_files_are_read(hub, tmp_path):
    api = HfApi(endpoint=hub.endpoint, token=hub.token("user"))
    repo = api.create_repo("user/theirs", repo_type="dataset", private=True).repo_id
    pq.write_table(table("path"), tmp_path / "rows.parquet")
    for name, content in {
        "data/rows.parquet": str(tmp_path / "rows.parquet"),
        "clips/one.mp4": MP4,
        "clips/two.mp4": MP4 + b"2",
    }.items():
        api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo, repo_type="dataset")
    export(open_repo(repo), tmp_path / "out", columns=COLUMNS)
    assert files(tmp_path / "out") == EXPECTED


def test_a_dataset_in_memory_is_read(tmp_path):
    export(Dataset(table().replace_schema_metadata()), tmp_path / "out", columns=COLUMNS)
    assert files(tmp_path / "out") == EXPECTED


def test_a_table_of_runs_is_read_with_a_template(write_table, tmp_path):
    made = pa.table({"m": ["wan"], "task": ["maze"], "n": [1], "clip": [b"v"]})
    columns = {"model": "m", "domain": "task", "task_id": "n", "video": "clip"}
    template = "{model}/{domain}_task/{task_id}"
    dataset = write_table(made)
    export(dataset, tmp_path / "out", builder="outputs", columns=columns, template=template)
    assert files(tmp_path / "out") == {"wan/maze_task/1/video/video.mp4": b"v"}


def test_info_frames_and_gallery_take_the_same(write_table, tmp_path):
    dataset = write_table(table("path"))
    assert [group.names for group in info(dataset, columns=COLUMNS).groups("domain")] == [
        ("chess",),
        ("maze",),
    ]
    template = "{maker}/{id}"
    frame = metadata_frame(dataset, columns=COLUMNS, template=template)
    assert list(frame["path"]) == ["g-1/7", "g-2/8"]
    result = write_gallery(dataset, tmp_path / "page.html", columns=COLUMNS, domains=["maze"])
    assert (result.rows, result.broken) == (1, [])


def test_the_command_line_says_the_same(write_table, tmp_path, capsys):
    dataset = write_table(table())
    words = [word for ours, theirs in COLUMNS.items() for word in ("--column", f"{ours}={theirs}")]
    assert main(["export", str(dataset), str(tmp_path / "out"), *words]) == 0
    assert files(tmp_path / "out") == EXPECTED
    assert main(["info", str(dataset), *words, "--template", "{domain}/{id}"]) == 0
    assert main(["export", str(dataset), str(tmp_path / "b"), "--column", "id"]) == 2
    assert "expected OURS=THEIRS" in capsys.readouterr().err


WRONG = {
    "a column that the table has not": (
        {"columns": {**COLUMNS, "id": "index"}},
        DatasetError,
        r"rows\.parquet: expected a column 'index' for id, found task_name, video_idx, text, start, "
        "ground_truth_video, maker",
    ),
    "a column that questions have not": ({"columns": {"idx": "video_idx"}}, ArgumentError, "questions have no column 'idx'"),
    "nothing said": ({}, DatasetError, "expected the columns of questions .* found task_name, .* --column OURS=THEIRS"),
    "a column of another type": (
        {"columns": {**COLUMNS, "prompt": "video_idx"}},
        DatasetError,
        "column video_idx: expected text, found int64",
    ),
    "a template's column that is not there": (
        {"columns": COLUMNS, "template": "{level}/{id}"},
        DatasetError,
        "expected a column 'level' for the template, found task_name",
    ),
    "a template without a column": ({"columns": COLUMNS, "template": "x"}, ArgumentError, "the template is 'x'"),
    "a template with half a column": ({"columns": COLUMNS, "template": "{id}/{"}, ArgumentError, "the template is"),
    "a template that leads outside": (
        {"columns": COLUMNS, "template": "../{id}"},
        UnsafePathError,
        "leads upwards",
    ),
    "a template's column of another type": (
        {"columns": COLUMNS, "template": "{start}/{id}"},
        UnsafePathError,
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "error", "message"), WRONG.values(), ids=WRONG)
def test_what_is_missing_is_said_and_nothing_is_written(said, error, message, write_table, tmp_path):
    with pytest.raises((error, DatasetError), match=message):
        export(write_table(table()), tmp_path / "out", **said)
    assert not (tmp_path / "out").exists()


PATHS = [
    "../outside.mp4",
    "/etc/passwd",
    "clips/missing.mp4",
    "clips",
    "clips/link.mp4",
    "clips/../../outside.mp4",
    "",
]


@pytest.mark.parametrize("path", PATHS)
def test_only_a_file_of_the_dataset_itself_is_read_by_its_path(path, write_table, tmp_path):
    write(tmp_path / "outside.mp4", "secret")
    dataset = write_table(table("path", ground_truth_video=["clips/one.mp4", path]))
    (dataset / "clips/link.mp4").symlink_to(tmp_path / "outside.mp4")
    with pytest.raises(
        DatasetError, match="column ground_truth_video: expected bytes, or the path of a file"
    ):
        export(dataset, tmp_path / "out", columns=COLUMNS)
    assert not (tmp_path / "out").exists()
    result = write_gallery(dataset, tmp_path / "page.html", columns=COLUMNS)
    assert result.rows == 2


def test_a_column_can_be_left_out(write_table, tmp_path):
    dataset = write_table(table(goal=pa.array([[1], [2]])))
    with pytest.raises(DatasetError, match="column goal: expected text, found list"):
        export(dataset, tmp_path / "out", columns=COLUMNS)
    export(dataset, tmp_path / "out", columns={**COLUMNS, "goal": ""})
    assert files(tmp_path / "out") == EXPECTED


def test_a_dataset_that_lists_its_files_needs_no_telling(tmp_path):
    write_folder(tmp_path / "questions")
    build(tmp_path / "questions", tmp_path / "dataset")
    with pytest.raises(ArgumentError, match="lists its files, and where each belongs"):
        export(tmp_path / "dataset", tmp_path / "out", template="{id}")
    with pytest.raises(DatasetError, match="expected shards at"):
        info(tmp_path / "questions", columns={"id": "x"})
