"""A folder of archives is what the same folder is with each archive unpacked in its place."""

import shutil
import subprocess

import pytest

from tests.factories import tree, write, write_question, write_rich_folder
from tests.run_factories import times, write_runs
from tests.tar_factories import pack_members as pack
from vmeval_builders.errors import ArchiveError
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, diff_datasets, export, info, push_to_hub, verify


@pytest.fixture(params=["tar", "tar.gz", "both"])
def packed(request, folder, tmp_path):
    """Give a copy of the folder with an archive for each domain, and the rest as it is."""
    copy = shutil.copytree(folder, tmp_path / "packed")
    for number, domain in enumerate(sorted(path.name for path in copy.iterdir() if path.is_dir())):
        ending = {"both": ("tar", "tar.gz")[number % 2]}.get(request.param, request.param)
        pack(copy, copy / f"part-{number:04d}.{ending}", domain)
    return copy


pytestmark = pytest.mark.folder("questions", write_rich_folder)


@pytest.mark.parametrize("num_proc", [1, 2])
def test_its_dataset_is_the_unpacked_folders(folder, packed, tmp_path, num_proc):
    build(folder, tmp_path / "of-the-folder")
    build(packed, tmp_path / "of-the-archives", num_proc=num_proc)
    assert tree(tmp_path / "of-the-archives") == tree(tmp_path / "of-the-folder")
    assert info(packed).rows == info(folder).rows


def test_it_comes_back_unpacked_and_verify_and_diff_compare_it_with_that(folder, packed, tmp_path):
    dataset = build(packed, tmp_path / "dataset").target
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    for one in (folder, packed):
        assert verify(one, dataset).same
        assert diff_datasets(one, dataset).same
    assert diff_datasets(packed, folder).same


def test_it_is_pushed_like_any_folder(hub, folder, packed, tmp_path):
    push_to_hub(packed, "user/packed")
    export("user/packed", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


def test_each_archive_is_named_as_one_that_does_not_come_back(packed, folder):
    found = check_folder(packed)
    archives = sorted(path.name for path in packed.iterdir() if ".tar" in path.name)
    assert [one.path for one in found if one.code == "archive"] == archives
    assert [one for one in found if one.code != "archive"] == check_folder(folder)


def test_archives_in_folders_are_unpacked_there(tmp_path):
    write_question(tmp_path / "q", "maze", "maze_0000")
    pack(tmp_path / "q", tmp_path / "repo/tars/O-1_maze_data-generator.tar", "maze_task")
    write(tmp_path / "repo/README.md", "About.")
    scan = scan_rows(tmp_path / "repo")
    assert [unit.path for unit in scan.units] == ["tars/maze_task/maze_0000"]
    dataset = build(tmp_path / "repo", tmp_path / "dataset").target
    export(dataset, tmp_path / "rebuilt")
    assert (tmp_path / "rebuilt/tars/maze_task/maze_0000/prompt.txt").exists()
    assert (tmp_path / "rebuilt/README.md").read_text() == "About."


def test_times_of_outputs_come_from_the_archives(tmp_path):
    folder = write_runs(tmp_path / "outputs")
    copy = tmp_path / "packed"
    copy.mkdir()
    for part in sorted(path.name for path in folder.iterdir()):
        pack(folder, copy / f"{part}.tar", part, remove=False)
    dataset = build(copy, tmp_path / "dataset").target
    export(dataset, tmp_path / "rebuilt")
    rebuilt, expected = times(tmp_path / "rebuilt"), times(folder)
    assert {path: rebuilt[path] for path in rebuilt if path not in ("", ".")} == {
        path: expected[path] for path in expected if path not in ("", ".")
    }


def test_an_archive_beside_tasks_is_a_file_like_others(folder, tmp_path):
    write(tmp_path / "extra/a.txt", "a")
    pack(tmp_path / "extra", folder / "extra.tar", "a.txt", remove=False)
    build(folder, tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert verify(folder, tmp_path / "dataset").same


def test_a_file_that_two_archives_have_is_refused(tmp_path):
    for number in range(2):
        write_question(tmp_path / "q", "maze", "maze_0000")
        pack(tmp_path / "q", tmp_path / f"packed/{number}.tar", "maze_task")
    found = [one for one in check_folder(tmp_path / "packed") if one.severity == "error"]
    assert "bad-name" in {one.code for one in found}


def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path):
    write_question(tmp_path / "q/a", "maze", "maze_0000")
    (tmp_path / "packed").mkdir()
    subprocess.run(["tar", "-Pcf", tmp_path / "packed/a.tar", "../q/a"], cwd=tmp_path / "packed", check=True)
    assert "bad-name" in {one.code for one in check_folder(tmp_path / "packed") if one.severity == "error"}


def test_a_damaged_archive_is_named(packed, tmp_path):
    archive = min(path for path in packed.iterdir() if ".tar" in path.name)
    archive.write_bytes(archive.read_bytes()[:700])
    with pytest.raises(ArchiveError, match=archive.name):
        build(packed, tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_globs_are_about_what_is_in_archives_and_an_excluded_archive_stays_closed(folder, packed, tmp_path):
    of_folder = build(folder, tmp_path / "of-the-folder", include=["maze_task/*"]).target
    of_archives = build(packed, tmp_path / "of-the-archives", include=["maze_task/*"]).target
    assert tree(of_archives) == tree(of_folder)
    maze = next(
        path for path in sorted(packed.iterdir()) if ".tar" in path.name and "maze_task" in listed(path)
    )
    without = build(packed, tmp_path / "without", exclude=[maze.name], keep_incomplete=True)
    assert without.configs == {
        name: rows for name, rows in build(folder, tmp_path / "all").configs.items() if name != "maze"
    }
    assert without.left_out == [maze.name]


def listed(archive):
    return subprocess.run(["tar", "tf", archive], check=True, capture_output=True, text=True).stdout


def test_what_tools_leave_behind_is_named_though_the_folder_is_walked_once(packed, tmp_path):
    write(packed / ".git/config", "[core]")
    made = build(packed, tmp_path / "dataset")
    assert made.left_out == [".git/config"]


def test_a_tgz_with_one_folder_on_top_comes_back_under_that(tmp_path):
    write_question(tmp_path / "q/O-1_maze_data-generator", "maze", "maze_00000000")
    (tmp_path / "packed/questions").mkdir(parents=True)
    pack(tmp_path / "q", tmp_path / "packed/questions/O-1.tgz", "O-1_maze_data-generator", remove=False)
    dataset = build(tmp_path / "packed", tmp_path / "dataset").target
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt/questions") == tree(tmp_path / "q")


def as_vbvr_ships(place):
    """A table of what there is, and an archive for each generator, with the generator's folder on top."""
    questions = place / "unpacked/tars"
    for number, name in enumerate(("maze", "chess")):
        generator = f"O-{number}_{name}_data-generator"
        for task in range(2):
            task_id = f"{name}_{task:08d}"
            path = write_question(questions, path=f"{generator}/{name}_task/{task_id}", metadata=None)
            write(path / "metadata.json", f'{{"task_id": "{task_id}"}}')
        pack(questions, place / f"repo/tars/{generator}.tar", generator, remove=False)
    for folder in (place / "repo", place / "unpacked"):
        write(folder / "README.md", "# VBVR")
        write(folder / "data/metadata.parquet", b"PAR1 of theirs")
    return place / "repo", place / "unpacked"


def test_a_repository_as_vbvr_ships_it_is_what_it_unpacks_to(tmp_path):
    repo, unpacked = as_vbvr_ships(tmp_path)
    of_archives = build(repo, tmp_path / "of-the-archives")
    build(unpacked, tmp_path / "of-the-folder")
    assert of_archives.rows == 4
    assert tree(tmp_path / "of-the-archives") == tree(tmp_path / "of-the-folder")
    assert info(repo).rows == info(unpacked).rows
    assert diff_datasets(repo, unpacked).same


@pytest.mark.parametrize("outer", ["outer.tar", "outer.tar.gz", "folder/outer.tar"])
@pytest.mark.parametrize("limit_bytes", [2**31, 100], ids=["small", "large"])
def test_of_archives_in_an_archive_is_said_that_they_are_not_looked_into(
    tmp_path, monkeypatch, outer, limit_bytes
):
    repo, _ = as_vbvr_ships(tmp_path)
    pack(repo, tmp_path / "given" / outer, "tars", remove=False)
    monkeypatch.setattr("vmeval_builders.sources.archive.FILE_LIMIT_BYTES", limit_bytes)
    given = tmp_path / "given" / (outer if "/" not in outer else "")
    [said] = [one.message for one in check_folder(given) if one.code == "no-tasks"]
    assert "O-0_maze_data-generator.tar, and only the outer one is looked into; unpack that" in said
