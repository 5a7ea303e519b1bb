"""What is published can be read: a build and a push look at their own list of files as an export would."""

import pyarrow as pa
import pytest

from tests.factories import tree, write_folder
from vmeval_builders.arrow.listing import ListedFile, listing_table
from vmeval_hfds import build, push_to_hub
from vmeval_hfds.api import build as build_module
from vmeval_hfds.errors import UnsafePathError
from vmeval_hfds.table import next_version
from vmeval_hfds.table.listed_rows import TableRows

REPO = "user/questions"
UNREADABLE = {
    "the-folder-itself-without-a-time": ListedFile("./", None, None, None, None, None),
    "a-path-upwards": ListedFile("../x.txt", 1, "0" * 64, None, None, None),
    "a-file-that-is-a-folder-too": ListedFile("maze_task", 1, "0" * 64, None, None, None),
}


def with_row(listed_rows, row):
    """Make the list of files with one row more, as a defect would."""

    def made(*arguments, **options):
        rows = listed_rows(*arguments, **options)
        listed = pa.concat_tables([rows.table(), listing_table([row])]).sort_by("path")
        return TableRows(listed, rows.entries)

    return made


@pytest.mark.parametrize("row", UNREADABLE.values(), ids=UNREADABLE)
def test_a_build_never_leaves_what_no_export_would_read(tmp_path, monkeypatch, row):
    folder = write_folder(tmp_path / "questions")
    before = tree(tmp_path)
    monkeypatch.setattr(build_module, "listed_rows", with_row(build_module.listed_rows, row))
    with pytest.raises(UnsafePathError, match="nothing was written"):
        build(folder, tmp_path / "dataset")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("row", UNREADABLE.values(), ids=UNREADABLE)
def test_a_push_never_publishes_what_no_export_would_read(hub, tmp_path, monkeypatch, row):
    folder = write_folder(tmp_path / "questions")
    push_to_hub(folder, REPO)
    before = hub.head(REPO)
    (folder / "maze_task/maze_0000/goal.txt").write_text("another")
    monkeypatch.setattr(next_version, "listed_rows", with_row(next_version.listed_rows, row))
    with pytest.raises(UnsafePathError, match="nothing was written"):
        push_to_hub(folder, REPO)
    assert hub.head(REPO) == before
