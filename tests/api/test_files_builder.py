"""A folder that no layout knows becomes a table of files, and comes back; what it has and what it lacks is said."""

import hashlib
import shutil

import pytest

from tests.factories import MP4, png, shards, tree, write, write_folder
from tests.layout_samples import REPO, comes_back, unpacked
from vmeval_hfds import (
    build,
    check_folder,
    export,
    info,
    open_repo,
    push_to_hub,
    to_dataset,
    verify,
    write_gallery,
)
from vmeval_hfds.errors import DatasetError, FolderError


@pytest.fixture
def unknown(tmp_path):
    folder = tmp_path / "unknown"
    write(folder / "clips/one.bin", bytes(range(256)))
    write(folder / "clips/deep/er/two.txt", "two")
    write(folder / "empty.txt")
    write(folder / "notes.YAML", "a: 1\n")
    (folder / "nothing/in/it").mkdir(parents=True)
    return folder


def test_any_folder_comes_back_from_a_dataset_an_archive_and_the_hub(hub, tmp_path, unknown):
    comes_back(unknown, tmp_path, "files", builder="files")


def test_a_folder_that_a_layout_knows_can_be_a_table_of_files_too(hub, tmp_path):
    comes_back(write_folder(tmp_path / "questions"), tmp_path, "files", builder="files")


def test_the_table_has_path_size_hash_and_content(hub, unknown):
    from datasets import load_dataset

    push_to_hub(unknown, REPO, builder="files")
    rows = {row["path"]: row for row in load_dataset(REPO, "files", split="test")}
    names = ("clips/deep/er/two.txt", "clips/one.bin", "empty.txt", "notes.YAML", "nothing/in/it/")
    assert sorted(rows) == [*names]
    content = bytes(range(256))
    one = rows["clips/one.bin"]
    assert (one["size"], one["sha256"], one["content"]) == (256, hashlib.sha256(content).hexdigest(), content)
    assert len(load_dataset(REPO, split="test")) == 5


def test_a_second_push_sends_what_changed(hub, tmp_path, unknown):
    push_to_hub(unknown, REPO, builder="files")
    write(unknown / "clips/one.bin", "changed")
    (unknown / "empty.txt").unlink()
    push_to_hub(unknown, REPO, builder="files")
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(unknown)


def test_info_and_gallery_know_that_there_are_no_rows(tmp_path, unknown):
    dataset = build(unknown, tmp_path / "dataset", builder="files").target
    for result in (info(dataset), info(unknown, builder="files")):
        assert (result.layout.name, result.rows, result.files, result.size_bytes) == ("files", [], 4, 264)
    assert write_gallery(dataset, tmp_path / "gallery.html").rows == 0


def test_other_files_of_others_can_be_added(hub, tmp_path, unknown):
    push_to_hub(unknown, REPO, builder="files")
    write(tmp_path / "more/more.bin", "more")
    push_to_hub(tmp_path / "more", REPO, builder="files", add=True)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == {**tree(unknown), "more.bin": b"more"}


def test_rows_of_it_are_refused_with_what_to_do(unknown):
    with pytest.raises(ValueError, match="build or push makes that"):
        to_dataset(unknown, builder="files")


def test_what_differs_is_told(tmp_path, unknown):
    dataset = build(unknown, tmp_path / "dataset", builder="files").target
    write(unknown / "clips/one.bin", b"\0" * 256)
    write(unknown / "more.txt", "more")
    found = verify(unknown, dataset)
    assert (found.different, found.extra, found.missing) == (["clips/one.bin"], ["more.txt"], [])


def test_a_token_in_a_file_refuses_it(tmp_path, unknown):
    write(unknown / "clips/log.txt", "hf_" + "a" * 34)
    with pytest.raises(FolderError):
        build(unknown, tmp_path / "dataset", builder="files")
    assert not (tmp_path / "dataset").exists()


def test_a_dataset_that_lost_its_rows_is_no_table_of_files(tmp_path):
    dataset = build(write_folder(tmp_path / "questions"), tmp_path / "dataset").target
    assert shards(dataset)
    shutil.rmtree(dataset / "data")
    with pytest.raises(DatasetError, match="expected shards of rows"):
        export(dataset, tmp_path / "rebuilt")
    assert not (tmp_path / "rebuilt").exists()


# What is said of a folder that no layout knows


def message_of(folder):
    [message] = [one.message for one in check_folder(folder) if one.code == "no-tasks"]
    return message


def test_what_is_there_is_counted_with_examples(unknown):
    message = message_of(unknown)
    assert (
        "It holds 2 .txt (such as 'clips/deep/er/two.txt'), 1 .bin (such as 'clips/one.bin'), 1 .yaml"
        in message
    )
    assert "No layout comes near." in message
    assert "--builder files" in message


def test_layouts_that_come_near_are_named_with_what_differs(tmp_path):
    write(tmp_path / "unknown/prompt.txt", "Go.")
    write(tmp_path / "unknown/a/b/01.jpg", png())
    message = message_of(tmp_path / "unknown")
    assert "questions (2 of the files are called so, such as 'a/b/01.jpg'" in message
    assert "has no final_frame.png or first_frame.png" in message


def test_what_tells_of_rows_and_is_not_there_is_named(tmp_path):
    write(tmp_path / "unknown/3D_geometry/1.jpg", png())
    assert "has no data.json" in message_of(tmp_path / "unknown")


def test_an_empty_folder_is_said_to_be_one(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "It holds no file. No layout comes near." in message_of(tmp_path / "empty")


def test_a_build_of_it_says_the_same(tmp_path, unknown, run):
    code, _, said = run("build", unknown, tmp_path / "dataset")
    assert code == 1
    assert "2 .txt" in said
    assert "--builder files" in said
    code, _, said = run("build", unknown, tmp_path / "dataset", "--builder", "files")
    assert code == 0


def test_names_from_data_cannot_break_the_message(tmp_path):
    write(tmp_path / "unknown" / "odd\nname.x", MP4)
    assert "\n" not in message_of(tmp_path / "unknown")


def test_a_real_folder_of_archives_with_an_index_comes_back(hub, tmp_path):
    sample = unpacked("layouts/hub_repos_of_tars_with_metadata_parquet.tar", tmp_path / "sample")
    comes_back(sample / "vbvr_dataset_hub_repo", tmp_path, "files", builder="files")
