"""Images and videos are read as they stand in a shard: the same that Arrow reads, or nothing where they stand otherwise."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vmeval_hfds.table.raw_values import RawColumns
from vmeval_hfds.table.reader import open_shard

MEDIA = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
ROWS = [
    {"bytes": b"one", "path": "a.png"},
    None,
    {"bytes": b"", "path": "b.png"},
    {"bytes": None, "path": "c"},
]
LISTS = [[ROWS[0], None], None, [], [ROWS[2], {"bytes": b"four", "path": None}]]
NAMES = {"image.bytes", "frames.list.element.bytes", "frames.list.item.bytes"}


def written(place, **options):
    table = pa.table({"image": pa.array(ROWS, MEDIA), "frames": pa.array(LISTS, pa.list_(MEDIA))})
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False, **options}
    pq.write_table(table, place, **options)
    return place


def values(place, groups=(0,)):
    with open_shard(place, "shard") as shard, RawColumns.of(shard, NAMES).read(groups) as found:
        return None if found is None else [bytes(one) for one in found]


def test_all_values_that_are_no_nulls_are_read(tmp_path):
    assert values(written(tmp_path / "shard")) == [b"one", b"", b"one", b"", b"four"]


def test_those_of_several_row_groups_too(tmp_path):
    place = written(tmp_path / "shard", row_group_size=2)
    assert values(place, [0, 1]) == [b"one", b"one", b"", b"", b"four"]
    assert values(place, [1]) == [b"", b"", b"four"]


def test_a_column_of_several_pages_is_read_whole(tmp_path):
    place = written(tmp_path / "shard", data_page_size=1, write_batch_size=1)
    assert values(place) == [b"one", b"", b"one", b"", b"four"]


@pytest.mark.parametrize(
    "options",
    [{"compression": "zstd"}, {"use_dictionary": True}, {"data_page_version": "2.0"}],
    ids=["packed", "a dictionary", "pages of the second version"],
)
def test_what_stands_there_otherwise_is_not(tmp_path, options):
    assert values(written(tmp_path / "shard", **options)) is None


def test_no_byte_of_the_pages_makes_it_fail(tmp_path):
    place = written(tmp_path / "shard")
    whole = place.read_bytes()
    with open_shard(place, "shard") as shard:
        raw = RawColumns.of(shard, NAMES)
    for position in range(4, len(whole) - 8):
        flipped = bytearray(whole)
        flipped[position] ^= 255
        place.write_bytes(flipped)
        with raw.read([0]) as found:
            assert found is None or all(isinstance(one, memoryview) for one in found)


def test_a_shard_that_is_cut_short_meanwhile_is_not_read(tmp_path):
    place = written(tmp_path / "shard")
    with open_shard(place, "shard") as shard:
        raw = RawColumns.of(shard, NAMES)
        place.write_bytes(place.read_bytes()[:50])
        with raw.read([0]) as found:
            assert found is None
