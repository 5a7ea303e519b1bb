"""Reading Parquet shards: which rows, which columns, and what is said of a damaged one."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories import damage
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.reader import open_shard, open_shards, peek_shard

ROWS = [{"domain": "maze" if number < 4 else "pipes", "size": number} for number in range(7)]


@pytest.fixture
def place(tmp_path):
    """A shard of seven rows in row groups of three."""
    options = {"row_group_size": 3, "write_page_checksum": True, "use_dictionary": False}
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "one.parquet", **options)
    return tmp_path / "one.parquet"


def dataset_of(*places):
    by_name = {place.name: place for place in places}
    return DatasetFiles(
        "folder", list(by_name), [], by_name.__getitem__, lambda name: by_name[name].open("rb")
    )


def test_row_groups_come_in_order_and_know_where_they_begin(place):
    with open_shard(place, "one") as shard:
        assert (shard.rows, shard.schema.names) == (7, ["domain", "size"])
        groups = list(shard.row_groups())
        assert [(group.number, group.first_row, group.rows) for group in groups] == [
            (0, 0, 3),
            (1, 3, 3),
            (2, 6, 1),
        ]
        assert [row for group in groups for row in group.read().to_pylist()] == ROWS
        assert shard.row_group(2) == groups[2]


def test_only_the_columns_that_are_asked_for_are_read(place):
    with open_shard(place, "one") as shard:
        group = shard.row_group(0)
        assert group.read(["size"]).to_pydict() == {"size": [0, 1, 2]}
        assert [batch.to_pydict() for batch in group.batches(["size"], 2)] == [
            {"size": [0, 1]},
            {"size": [2]},
        ]


def test_statistics_tell_the_one_value_of_a_column(place):
    with open_shard(place, "one") as shard:
        assert [group.only_value("domain") for group in shard.row_groups()] == ["maze", None, "pipes"]
        assert [group.only_value("size") for group in shard.row_groups()] == [None, None, 6]
        assert shard.row_group(0).only_value("no such column") is None


def test_a_column_with_nulls_has_not_one_value(tmp_path):
    pq.write_table(pa.table({"domain": ["maze", None]}), tmp_path / "nulls.parquet")
    with open_shard(tmp_path / "nulls.parquet", "nulls") as shard:
        assert shard.row_group(0).only_value("domain") is None


def test_shards_are_open_one_at_a_time(tmp_path, place):
    pq.write_table(pa.table({"size": [7]}), tmp_path / "two.parquet")
    opened = []
    for shard in open_shards(dataset_of(place, tmp_path / "two.parquet"), ["one.parquet", "two.parquet"]):
        assert all(earlier.file.closed for earlier in opened)
        opened.append(shard)
    assert [shard.rows for shard in opened] == [7, 1]
    assert all(shard.file.closed for shard in opened)


def test_a_shard_is_fetched_only_where_it_is_wanted_whole(place):
    dataset = dataset_of(place)
    assert [shard.is_local for shard in open_shards(dataset, ["one.parquet"])] == [False]
    assert [shard.is_local for shard in open_shards(dataset, ["one.parquet"], whole=True)] == [True]
    with peek_shard(dataset, "one.parquet") as shard:
        assert shard.row_group(2).read(["size"]).to_pylist() == [{"size": 6}]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all, but longer than its magic number"])
def test_what_is_no_whole_parquet_file_is_named(tmp_path, content):
    (tmp_path / "cut.parquet").write_bytes(content)
    for found in (tmp_path / "cut.parquet", io.BytesIO(content)):
        with pytest.raises(DatasetError, match=r"^folder: cut\.parquet: is not a whole Parquet file"):
            open_shard(found, "folder: cut.parquet")


def test_a_damaged_page_is_named_with_its_shard_and_row_group(place):
    damage(place, 1, "domain")
    with open_shard(place, "folder: one.parquet") as shard:
        assert shard.row_group(0).read().num_rows == 3
        with pytest.raises(DatasetError, match=r"^folder: one\.parquet: row group 1 is damaged"):
            shard.row_group(1).read()
        with pytest.raises(DatasetError, match=r"^folder: one\.parquet: row group 1 is damaged"):
            list(shard.row_group(1).batches(["domain"], 1))


def test_a_file_that_is_not_there_is_pythons_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_shard(tmp_path / "none.parquet", "none")
