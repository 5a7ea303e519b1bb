"""`export`: the folder comes back byte for byte, and nothing else is ever touched."""

import shutil
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from tests.factories import (
    MP4,
    as_json,
    damage,
    edit_rows,
    file_row,
    files_below,
    flip,
    png,
    question_row,
    refuses_export,
    shards,
    tree,
    write,
    write_dataset,
    write_folder,
    write_question,
    write_rich_folder,
)
from vmeval_hfds import build, export, to_dataset, verify
from vmeval_hfds.errors import (
    AmbiguousNameError,
    ChangedRowsError,
    DatasetError,
    UnknownNameError,
    VmevalError,
)
from vmeval_hfds.store.directory import open_dataset_dir
from vmeval_hfds.table import listing_shards, parquet, plan

pytestmark = pytest.mark.folder("questions", write_rich_folder)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "rebuilt"


# The whole folder


@pytest.mark.parametrize("num_proc", [None, 1, 2])
def test_the_folder_comes_back_exactly(dataset, folder, target, num_proc):
    result = export(dataset, target, num_proc=num_proc)
    assert tree(target) == tree(folder)
    files = files_below(folder)
    assert (result.target, result.rows, result.written, result.kept) == (target, 7, len(files), 0)
    assert result.written_bytes == sum(map(len, files.values()))
    assert result.changed == result.missing == result.unused_columns == []
    assert verify(target, dataset).same


def test_into_an_empty_folder_that_is_there(dataset, folder, target):
    target.mkdir()
    export(dataset, target)
    assert tree(target) == tree(folder)


def test_into_a_folder_by_way_of_a_link_of_the_users_own(dataset, folder, target, tmp_path):
    (tmp_path / "real").mkdir()
    target.symlink_to("real")
    export(dataset, target)
    assert tree(tmp_path / "real") == tree(folder)


def test_into_folders_to_be_made_and_relative(dataset, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export("dataset", "new/deep").target == tmp_path / "new/deep"
    assert tree(tmp_path / "new/deep") == tree(folder)


def test_links_inside_come_back_as_copies(tmp_path, target):
    folder = tmp_path / "questions"
    write_question(folder)
    (folder / "maze_task/maze_0001").symlink_to("maze_0000")
    (folder / "again.txt").symlink_to("maze_task/maze_0000/prompt.txt")
    build(folder, tmp_path / "dataset")
    export(tmp_path / "dataset", target)
    task = files_below(folder / "maze_task/maze_0000")
    assert files_below(target / "maze_task/maze_0001") == task
    assert (target / "again.txt").read_bytes() == task["prompt.txt"]
    assert not any(str(content).startswith("link to") for content in tree(target).values())


def test_frames_are_never_decoded(tmp_path, target):
    # Bytes that no decoder takes; a dataset by hand may hold them.
    frame = {"bytes": b"\x89PNG cut", "path": "first_frame.png"}
    write_dataset(tmp_path / "dataset", [question_row("maze_task/m", first_frame=frame)])
    export(tmp_path / "dataset", target)
    assert (target / "maze_task/m/first_frame.png").read_bytes() == b"\x89PNG cut"


@pytest.mark.parametrize("num_proc", [1, 2])
def test_progress_counts_the_questions(dataset, target, num_proc):
    seen = []
    export(dataset, target, num_proc=num_proc, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (7, 7)
    assert seen == sorted(seen)


# From a datasets.Dataset


def questions_of(folder):
    """What of a folder the question table holds."""
    texts = ("prompt.txt", "goal.txt", "question_metadata.json")
    names = ("first_frame.png", "final_frame.png", "ground_truth.mp4", *texts)
    return {
        path: content
        for path, content in files_below(folder).items()
        if path.endswith(names) and content != b"\xff\xfe not UTF-8"
    }


def test_from_a_loaded_dataset(dataset, folder, target, tmp_path):
    from datasets import load_dataset

    export(load_dataset(str(dataset), split="test"), target)
    assert files_below(target) == questions_of(folder)
    export(load_dataset(str(dataset), "maze", split="test"), tmp_path / "maze")
    assert files_below(tmp_path / "maze") == {
        path: content for path, content in questions_of(folder).items() if path.startswith("maze_task/")
    }


def test_from_to_dataset_with_rows_chosen_and_put_in_another_order(folder, target, tmp_path):
    rows = to_dataset(folder, cache_dir=tmp_path / "cache")
    chosen = rows.filter(lambda domain: domain == "maze", input_columns="domain").select([1, 0])
    export(chosen, target)
    assert files_below(target) == {
        path: content for path, content in questions_of(folder).items() if path.startswith("maze_task/")
    }


# Parts


def test_one_domain(dataset, folder, target):
    result = export(dataset, target, domains=["maze"])
    assert files_below(target) == files_below(folder, "maze_task/maze_")
    assert (result.rows, result.missing) == (2, [])


def test_domains_and_ids(dataset, folder, target, tmp_path):
    export(dataset, target, domains=["chess", "rotation"])
    assert files_below(target) == files_below(folder, "chess_task/") | files_below(folder, "rotation_task/")
    assert (target / "chess_task/chess_0000/video").is_dir()
    assert not (target / "not_yet").exists()
    export(dataset, tmp_path / "one", ids=["maze_0000"])
    assert files_below(tmp_path / "one") == files_below(folder, "maze_task/maze_0000/")
    export(dataset, tmp_path / "both", domains=["maze"], ids=["maze_0001"])
    assert files_below(tmp_path / "both") == files_below(folder, "maze_task/maze_0001/")


def test_an_id_that_several_domains_have(tmp_path, target):
    folder = tmp_path / "questions"
    for domain in ("a", "b", "c"):
        write_question(folder, domain, "0000")
    build(folder, tmp_path / "dataset")
    with pytest.raises(
        AmbiguousNameError, match=r"3 tasks have the id '0000'.*a_task/0000, b_task/0000, c_task/0000"
    ):
        export(tmp_path / "dataset", target, ids=["0000"])
    assert export(tmp_path / "dataset", tmp_path / "b", domains=["b"], ids=["0000"]).rows == 1
    assert files_below(tmp_path / "b") == files_below(folder, "b_task/")


def test_parts_add_up_to_the_tasks(dataset, folder, target):
    for domain in ("maze", "chess", "rotation", "hand_made"):
        export(dataset, target, domains=[domain])
    missing = set(files_below(folder)) - set(files_below(target))
    assert missing == {"vmeval_dataset.json", "notes.md", "maze_task/README"}
    assert export(dataset, target).written == 3
    assert tree(target) == tree(folder)


def test_a_task_inside_a_task_is_a_task_of_its_own(tmp_path, target):
    folder = tmp_path / "questions"
    write_question(folder, path="maze_task/outer", id="outer")
    write_question(folder, path="maze_task/outer/inner", id="inner")
    write(folder / "maze_task/outer/inner/goal.txt", "flag")
    build(folder, tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "whole")
    assert tree(tmp_path / "whole") == tree(folder)
    result = export(tmp_path / "dataset", target, ids=["outer"])
    assert result.missing == []
    assert (target / "maze_task/outer/first_frame.png").exists()
    assert not (target / "maze_task/outer/inner/first_frame.png").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"domains": ["mase"]}, "no domain 'mase'; near ones: maze"),
        ({"domains": ["Maze"]}, "no domain 'Maze'; near ones: maze"),
        ({"domains": ["zzz"]}, "no domain 'zzz'; near ones: chess, hand_made, maze"),
        ({"domains": ["maze", "mase"]}, "no domain 'mase'"),
        ({"ids": ["maze_000"]}, "no id 'maze_000'; near ones: .*maze_000"),
        ({"ids": [""]}, "no id ''"),
        ({"domains": ["maze"], "ids": ["nothing like it"]}, "no id 'nothing like it'"),
        ({"domains": ["maze"], "ids": ["chess_0000"]}, "chess_0000|no row has all"),
        ({"domains": ["*"]}, "no domain '\\*'"),
    ],
)
def test_unknown_names_are_an_error_that_lists_near_ones(dataset, target, options, says):
    refuses_export(UnknownNameError, dataset, target, says, **options)
    assert not target.exists()


@pytest.fixture
def many(tmp_path, monkeypatch):
    """A folder of two domains, several shards each, several row groups each; and its dataset."""
    for module in (plan, listing_shards):
        monkeypatch.setattr(module, "SHARD_BYTES", 8_000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 3_000)
    folder = tmp_path / "questions"
    for domain in ("chess", "maze"):
        for number in range(12):
            frame = png(f"{domain}{number}", (20, 20))
            write_question(folder, domain, f"{domain}_{number}", first_frame=frame, final_frame=frame)
    dataset = build(folder, tmp_path / "dataset").target
    assert len(shards(dataset, "maze")) > 1
    assert max(pq.read_metadata(shard).num_row_groups for shard in shards(dataset)) > 1
    return folder, dataset


def test_a_domain_needs_only_its_own_shards(many, target):
    folder, dataset = many
    for shard in shards(dataset, "chess"):
        for group in range(pq.read_metadata(shard).num_row_groups):
            for column in ("first_frame.bytes", "final_frame.bytes", "prompt", "id", "path"):
                damage(shard, group, column)
    export(dataset, target, domains=["maze"])
    assert files_below(target) == files_below(folder, "maze_task/")
    refuses_export(DatasetError, dataset, target, "damaged")


def test_a_domain_is_there_without_the_shards_of_the_others(many, target):
    folder, dataset = many
    shutil.rmtree(dataset / "data/chess")
    export(dataset, target, domains=["maze"])
    assert files_below(target) == files_below(folder, "maze_task/")


@pytest.mark.parametrize("occupied", [False, True], ids=["new", "occupied"])
def test_a_part_fetches_only_the_shards_that_it_needs(many, target, occupied):
    folder, dataset = many
    local, fetched = open_dataset_dir(dataset), []

    def fetch(name):
        fetched.append(name)
        return local.fetch(name)

    if occupied:
        write(target / "mine.txt", "mine")
    export(replace(local, fetch=fetch), target, domains=["maze"])
    assert files_below(target, "maze_task/") == files_below(folder, "maze_task/")
    assert [name for name in fetched if name.startswith("data/chess/")] == []


def test_an_id_needs_only_its_own_row_group(many, target):
    folder, dataset = many
    [place] = [
        (shard, group)
        for shard in shards(dataset, "maze")
        for group in range(pq.read_metadata(shard).num_row_groups)
        if "maze_5" in pq.ParquetFile(shard).read_row_group(group, ["id"])["id"].to_pylist()
    ]
    for shard in shards(dataset):
        for group in range(pq.read_metadata(shard).num_row_groups):
            if (shard, group) != place:
                damage(shard, group, "first_frame.bytes")
    export(dataset, target, ids=["maze_5"])
    assert files_below(target) == files_below(folder, "maze_task/maze_5/")


# Damaged and changed data


COLUMNS = ("first_frame.bytes", "prompt", "question_metadata", "id", "path", "ground_truth.bytes")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_damaged_byte_is_an_error_that_names_the_shard(tmp_path, target, column):
    write_question(tmp_path / "questions", ground_truth=MP4)
    dataset = build(tmp_path / "questions", tmp_path / "dataset").target
    damage(shards(dataset)[0], 0, column)
    with pytest.raises(DatasetError) as caught:
        export(dataset, target)
    assert "test-00000-of-00001.parquet" in str(caught.value)
    assert files_below(target) == {}


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "id"])  # no file is in it
def test_so_it_is_of_a_shard_that_is_too_large_to_be_hashed_first(tmp_path, target, column):
    """Its pages are read without their checksums: the files' hashes tell, and then it is read with them."""
    write_question(tmp_path / "questions", ground_truth=MP4 + bytes(2**21))
    dataset = build(tmp_path / "questions", tmp_path / "dataset", decode=False).target
    damage(shards(dataset)[0], 0, column)
    with pytest.raises(DatasetError, match=r"test-00000-of-00001\.parquet: row group 0 is damaged"):
        export(dataset, target)
    assert files_below(target) == {}


@pytest.mark.parametrize("column", ["path", "sha256", "content"])
def test_a_damaged_list_of_files_is_an_error(dataset, target, column):
    damage(dataset / "files/test-00000-of-00001.parquet", 0, column)
    with pytest.raises(DatasetError, match="damaged"):
        export(dataset, target)


def test_no_flipped_byte_gives_other_bytes_in_silence(tmp_path, target):
    write_question(tmp_path / "questions", ground_truth=MP4)
    dataset = build(tmp_path / "questions", tmp_path / "dataset").target
    [shard] = shards(dataset)
    whole = shard.read_bytes()
    expected = tree(tmp_path / "questions")
    for position in range(0, len(whole), 41):
        shutil.rmtree(target, ignore_errors=True)
        flip(shard, position)
        try:
            result = export(dataset, target)
        except (VmevalError, OSError):
            pass
        else:
            assert tree(target) == expected or result.changed or result.missing, position
        shard.write_bytes(whole)


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -8])
def test_a_shard_that_is_cut_short_is_an_error(dataset, target, keep):
    shard = shards(dataset)[0]
    shard.write_bytes(shard.read_bytes()[:keep])
    message = refuses_export(DatasetError, dataset, target)
    assert shard.name in message


def test_changed_rows_are_counted_and_exported_as_they_are(dataset, folder, target):
    [shard] = shards(dataset, "maze")
    edit_rows(shard, lambda rows: [{**rows[0], "prompt": "Go left."}, *rows[1:]])
    refuses_export(ChangedRowsError, dataset, target, "prompt.txt", strict=True)
    assert not target.exists()
    result = export(dataset, target)
    assert result.changed == ["maze_task/maze_0000/prompt.txt"]
    expected = tree(folder) | {"maze_task/maze_0000/prompt.txt": b"Go left."}
    assert tree(target) == expected


def test_removed_rows_are_reported_missing(dataset, folder, target):
    [shard] = shards(dataset, "chess")
    edit_rows(shard, lambda rows: rows[1:])
    refuses_export(ChangedRowsError, dataset, target, "chess_0000", strict=True)
    result = export(dataset, target)
    assert result.missing == sorted(files_below(folder, "chess_task/chess_0000/"))
    assert result.rows == 6


def test_a_cell_set_to_null_is_reported_missing(dataset, folder, target):
    [shard] = shards(dataset, "chess")
    edit_rows(shard, lambda rows: [{**rows[0], "final_frame": None}, *rows[1:]])
    assert export(dataset, target).missing == ["chess_task/chess_0000/final_frame.png"]


def test_added_rows_are_exported_and_strict_refuses_them(dataset, folder, target):
    [shard] = shards(dataset, "chess")
    edit_rows(shard, lambda rows: [*rows, {**rows[0], "id": "new", "path": "chess_task/new"}])
    refuses_export(ChangedRowsError, dataset, target, "chess_task/new", strict=True)
    assert export(dataset, target).rows == 8
    assert files_below(target, "chess_task/new/")


def test_strict_takes_a_dataset_that_nobody_changed(dataset, folder, target):
    export(dataset, target, strict=True)
    assert tree(target) == tree(folder)


def test_listed_bytes_must_have_the_hash_beside_them(tmp_path, target):
    row = {**file_row("notes.md", b"real"), "content": b"fake"}
    write_dataset(tmp_path / "dataset", [question_row("maze_task/m")], [row])
    with pytest.raises(VmevalError, match=r"notes\.md"):
        export(tmp_path / "dataset", target)
    assert "notes.md" not in files_below(target)


def test_without_a_list_of_files_the_columns_come_back(dataset, folder, target):
    shutil.rmtree(dataset / "files")
    result = export(dataset, target)
    assert files_below(target) == questions_of(folder)
    assert not result.listed


def test_columns_that_a_person_added_do_not_disturb(dataset, folder, target):
    for shard in shards(dataset):
        table = pq.read_table(shard)
        pq.write_table(table.append_column("score", [[0.5] * table.num_rows]), shard)
    assert export(dataset, target).unused_columns == ["score"]
    assert tree(target) == tree(folder)


# What is no dataset


@pytest.mark.parametrize(
    ("place", "error", "message"),
    [
        ("nowhere", FileNotFoundError, "nowhere: no such dataset directory"),
        ("file", DatasetError, "file: expected a dataset directory, found a file"),
    ],
)
def test_no_dataset_is_said_plainly(tmp_path, target, place, error, message):
    write(tmp_path / "file")
    with pytest.raises(error, match=message):
        export(tmp_path / place, target)
    assert not target.exists()


def test_a_question_folder_is_no_dataset(tmp_path, target):
    write_folder(tmp_path / "questions")
    message = refuses_export(DatasetError, tmp_path / "questions", target)
    assert "a question folder" in message
    assert "vmeval-hfds build" in message


def test_an_empty_folder_is_no_dataset(tmp_path, target):
    (tmp_path / "empty").mkdir()
    refuses_export(DatasetError, tmp_path / "empty", target, "expected shards")


def test_other_tables_are_no_questions(tmp_path, target):
    import pyarrow as pa

    write(tmp_path / "dataset/data/x/train-00000-of-00001.parquet")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "dataset/data/x/train-00000-of-00001.parquet")
    refuses_export(DatasetError, tmp_path / "dataset", target, "found text")


def test_the_manifest_alone_does_not_make_a_difference(tmp_path, target):
    folder = tmp_path / "questions"
    write_question(folder, metadata=as_json({"id": "renamed"}))
    build(folder, tmp_path / "dataset")
    assert export(tmp_path / "dataset", target, ids=["renamed"]).rows == 1
    assert tree(target) == tree(folder)
