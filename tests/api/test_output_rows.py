"""Outputs whose rows somebody edited, or made hostile: what is exported, what is refused."""

import shutil

import pytest

from tests.factories import MP4, edit_rows, shards, tree, write
from tests.run_factories import (
    RUN,
    video,
    write_failed_run,
    write_run,
    write_runs,
)
from vmeval_hfds import (
    build,
    export,
)
from vmeval_hfds.errors import UnsafePathError

pytestmark = pytest.mark.folder("outputs", write_runs)


# Rows that others changed


def edit_video(dataset, path, value):
    def edit(rows):
        return [{**row, "video": value(row["video"])} if row["path"] == path else row for row in rows]

    for shard in shards(dataset):
        edit_rows(shard, edit)


@pytest.mark.parametrize("place", ["video/v.mp4", "v.mp4", "video/ü 1.webm"])
def test_a_video_that_was_replaced_in_its_row_comes_to_its_place_and_is_counted(tmp_path, place):
    run = write_run(tmp_path / "outputs", videos={})
    write(run / place, MP4)
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    edit_video(dataset, RUN, lambda video: {**video, "bytes": b"another"})
    result = export(dataset, tmp_path / "rebuilt")
    assert result.changed == [f"{RUN}/{place}"]
    assert result.missing == result.added == []
    expected = tree(tmp_path / "outputs") | {f"{RUN}/{place}": b"another"}
    assert tree(tmp_path / "rebuilt") == expected


def test_a_run_that_got_a_video_later_has_it_in_its_video_folder(tmp_path):
    write_failed_run(tmp_path / "outputs", RUN)
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    edit_video(dataset, RUN, lambda video: {"bytes": MP4, "path": "late.mp4"})
    result = export(dataset, tmp_path / "rebuilt")
    assert result.added == [f"{RUN}/video/late.mp4"]
    assert (tmp_path / "rebuilt" / RUN / "video/late.mp4").read_bytes() == MP4


def test_a_video_that_was_taken_out_of_its_row_is_missing(tmp_path, folder, dataset):
    name = "wan_20261123_200121_076138.mp4"
    edit_video(dataset, RUN, lambda video: None)
    result = export(dataset, tmp_path / "rebuilt")
    assert result.missing == [f"{RUN}/video/{name}"]
    assert tree(tmp_path / "rebuilt") == {
        path: content for path, content in tree(folder).items() if path != f"{RUN}/video/{name}"
    }


HOSTILE_NAMES = (
    *(
        "../../x.mp4",
        "../x.mp4",
        "..",
        "/abs.mp4",
        "C:\\x.mp4",
        "..\\x.mp4",
        "x\0.mp4",
        "con.mp4",
        ".",
        "./x.mp4",
    ),
    *("x.mp4 ", "x.mp4/", "a//b.mp4", ".git/x.mp4", "x" * 300 + ".mp4", "a\nb.mp4"),
)


def outside(folder, root):
    return {path: content for path, content in tree(root).items() if not path.startswith(folder)}


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
@pytest.mark.parametrize("listed", [True, False], ids=["with-list", "no-list"])
def test_a_videos_name_that_is_no_name_is_refused(tmp_path, name, listed):
    write_run(tmp_path / "outputs")
    write_run(tmp_path / "outputs", "pilot/wan/maze_task/maze_0001/r")
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    edit_video(dataset, RUN, lambda video: {**video, "path": name})
    if not listed:
        shutil.rmtree(dataset / "files")
    before = tree(tmp_path)
    for options in ({}, {"force": True}, {"num_proc": 2}):
        with pytest.raises(UnsafePathError, match="nothing was written"):
            export(dataset, tmp_path / "a/b/target", **options)
        assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "name",
    [None, "", "a/b.mp4", "metadata.json", "first_frame.png", "no-ending", "~", "$HOME.mp4"],
    ids=ascii,
)
@pytest.mark.parametrize("listed", [True, False], ids=["with-list", "no-list"])
def test_a_videos_odd_name_is_refused_or_stays_in_the_run(tmp_path, name, listed):
    run = write_run(tmp_path / "outputs")
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    edit_video(dataset, RUN, lambda video: {**video, "path": name})
    if not listed:
        shutil.rmtree(dataset / "files")
    before = tree(tmp_path)
    target = tmp_path / "target"
    try:
        export(dataset, target)
    except UnsafePathError:
        assert tree(tmp_path) == before
        return
    assert outside("target", tmp_path) == before
    found = tree(target)
    assert video(RUN) in found.values()
    kept = {path for path in tree(run) if not path.startswith("video")}
    kept -= set() if listed else {"question/question_metadata.json"}
    assert {path: found[f"{RUN}/{path}"] for path in kept} == {path: tree(run)[path] for path in kept}


@pytest.mark.parametrize(
    "path", ["../outside", "/outside", "a/../../b", "", None, "con", f"{RUN}/video"], ids=ascii
)
def test_a_runs_path_that_leads_elsewhere_is_refused(tmp_path, path):
    write_run(tmp_path / "outputs")
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    (shard,) = shards(dataset)
    edit_rows(shard, lambda rows: [{**row, "path": path} for row in rows])
    before = tree(tmp_path)
    try:
        export(dataset, tmp_path / "target")
    except UnsafePathError:
        assert tree(tmp_path) == before
    else:
        assert path == f"{RUN}/video"
        assert outside("target", tmp_path) == before


def test_a_listed_time_that_is_no_time_of_this_system_is_a_plain_error_or_kept(tmp_path, folder, dataset):
    (listing,) = (dataset / "files").glob("*.parquet")
    edit_rows(
        listing,
        lambda rows: [
            {**row, "modified": 2**63 - 1 if row["path"] == "notes.md" else row["modified"]} for row in rows
        ],
    )
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
