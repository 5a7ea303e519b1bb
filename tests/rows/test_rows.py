"""A folder, its shards and its `datasets.Dataset` tell the same of every row."""

import pyarrow.parquet as pq
import pytest

from tests.factories import MP4, png, shards, write_question, write_rich_folder
from tests.run_factories import write_run
from vmeval_hfds import build, info, to_dataset
from vmeval_hfds.rows import of_arrow, of_shards
from vmeval_hfds.rows.open import open_rows
from vmeval_hfds.rows.rows import Media

KINDS = ("folder", "shards", "Arrow")


pytestmark = pytest.mark.folder("questions", write_rich_folder)


@pytest.fixture
def rows(folder, tmp_path):
    """The rows of one folder, by what holds them."""
    build(folder, tmp_path / "dataset")
    held = (folder, tmp_path / "dataset", to_dataset(folder, cache_dir=tmp_path / "cache"))
    return dict(zip(KINDS, map(open_rows, held), strict=True))


def by_path(rows):
    return sorted(rows, key=lambda row: row.path)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_texts_and_sizes_are_the_same(rows, kind):
    assert by_path(rows[kind].texts()) == by_path(rows["folder"].texts())
    for found, expected in zip(
        by_path(rows[kind].sizes(pixels=True)), by_path(rows["folder"].sizes(pixels=True)), strict=True
    ):
        assert (found.texts, found.pixels) == (expected.texts, expected.pixels)
        # A prompt that is not UTF-8 is in no column, so that a Dataset alone does not know of it.
        unknown = {"prompt"} if kind == "Arrow" and found.texts["prompt"] is None else set()
        known = {name: size for name, size in expected.sizes_bytes.items() if name not in unknown}
        assert found.sizes_bytes == known
    assert rows[kind].about.text_columns == rows["folder"].about.text_columns


@pytest.mark.parametrize("kind", KINDS)
def test_some_columns_are_read_alone(rows, kind):
    assert {tuple(row.texts) for row in rows[kind].texts(["domain"])} == {("domain",)}
    [*found] = rows[kind].texts(["domain"])
    assert sorted(row.texts["domain"] for row in found) == sorted(
        row.texts["domain"] for row in rows["folder"].texts()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_media_are_of_the_rows_that_were_asked_for_and_in_their_order(rows, kind, monkeypatch):
    monkeypatch.setattr(of_shards, "BATCH_ROWS", 2)
    monkeypatch.setattr(of_arrow, "BATCH_ROWS", 2)
    texts = [row.texts for row in rows[kind].texts()]
    every = [row for batch in rows[kind].media(range(len(texts)), ["first_frame"]) for row in batch]
    assert [row.texts for row in every] == texts
    for numbers in ([0, 1, 2, 3], [1, 4, 6], [len(texts) - 1], []):
        found = [row for batch in rows[kind].media(numbers, ["first_frame"]) for row in batch]
        assert found == [every[number] for number in numbers]
        assert all(set(row.media) <= {"first_frame"} for row in found)


@pytest.mark.parametrize("kind", KINDS)
def test_media_are_the_files_bytes(rows, folder, kind):
    [*batches] = rows[kind].media(range(7), ["first_frame", "final_frame", "ground_truth"])
    for row in (row for batch in batches for row in batch):
        there = {
            place.stem: Media(place.name, place.read_bytes())
            for place in (folder / row.path).iterdir()
            if place.stem in ("first_frame", "final_frame", "ground_truth")
        }
        assert row.media == there


def test_totals_are_of_all_files_and_unknown_where_nothing_lists_them(rows):
    assert rows["folder"].totals() == rows["shards"].totals()
    assert (rows["Arrow"].totals().files, rows["Arrow"].totals().size_bytes) == (None, None)


def test_a_table_without_a_list_of_files_does_not_tell_sizes(folder, tmp_path):
    build(folder, tmp_path / "dataset")
    (tmp_path / "others").mkdir()
    for number, shard in enumerate(shards(tmp_path / "dataset")):
        pq.write_table(pq.read_table(shard), tmp_path / f"others/{number}.parquet")
    found = open_rows(tmp_path / "others")
    assert {row.sizes_bytes for row in found.sizes()} == {None}
    assert {size for row in found.sizes(pixels=True) for size in row.pixels.values()} == {(4, 3)}
    result = info(tmp_path / "others")
    [everything] = result.groups()
    assert (result.files, result.size_bytes, everything.frames, everything.size_bytes) == (None,) * 4
    assert everything.rows == 7


def test_a_run_without_a_video_has_no_media(tmp_path):
    write_run(tmp_path / "outputs")
    [[row]] = open_rows(tmp_path / "outputs").media([0], ["video", "first_frame"])
    assert set(row.media) <= {"video", "first_frame"}
    assert row.sizes_bytes is None


def test_pixels_are_looked_at_whatever_a_frames_name_says(tmp_path):
    write_question(tmp_path / "questions", first_frame=png(0, (9, 7)), final_frame=MP4, ground_truth=MP4)
    [row] = open_rows(tmp_path / "questions").sizes(pixels=True)
    assert row.pixels == {"first_frame": (9, 7)}
    assert row.sizes_bytes["final_frame"] == len(MP4)
