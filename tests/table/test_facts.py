"""What the shards of `files` say of the shards of rows."""

import hashlib

import pyarrow.parquet as pq
import pytest

from tests.factories import MP4, shards, write, write_question
from vmeval_builders.arrow.listing import listed_files
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.table.facts import METADATA_KEY, ListingFacts, ShardFacts, parse_facts

FACTS = ListingFacts(
    "questions",
    {"maze": "maze", "a-b-12345678": "a b"},
    {"data/maze/test-00000-of-00001.parquet": ShardFacts("ab" * 32, 10, 2, 30, 40)},
)


def write_files(folder):
    write_question(folder, "maze", "maze_0000", ground_truth=MP4)
    write_question(folder, "maze", "maze_0001")
    write_question(folder, "chess pieces", "c_0000")
    write(folder / "maze_task/maze_0000/deep/goal.bin", b"goal")
    write(folder / "notes.md", b"notes")
    return folder


pytestmark = pytest.mark.folder("folder", write_files)


def listing(dataset):
    [shard] = dataset.glob("files/*.parquet")
    return pq.read_table(shard), pq.read_metadata(shard).metadata


def test_every_file_says_which_row_of_which_shard_has_its_bytes(dataset):
    for listed in listed_files(listing(dataset)[0]):
        if listed.shard is None:
            assert listed.content is not None
            assert listed.row is None
        else:
            row = pq.read_table(dataset / listed.shard).slice(listed.row, 1).to_pylist()[0]
            assert listed.path.startswith(f"{row['path']}/")
            assert (listed.id, listed.content) == (row["id"], None)
            assert listed.shard.startswith(f"data/{listed.config}/")


def test_a_file_belongs_to_the_nearest_row_above_it(dataset):
    found = {listed.path: (listed.config, listed.id) for listed in listed_files(listing(dataset)[0])}
    assert found["maze_task/maze_0000/deep/goal.bin"] == ("maze", "maze_0000")
    assert found["notes.md"] == (None, None)


def test_the_metadata_says_the_hash_of_every_shard_and_the_value_of_every_config(dataset):
    facts = parse_facts(listing(dataset)[1], "files")
    assert facts.builder == "questions"
    assert sorted(facts.groups.values()) == ["chess pieces", "maze"]
    assert list(facts.shards) == [path.relative_to(dataset).as_posix() for path in shards(dataset)]
    for name, shard in facts.shards.items():
        content = (dataset / name).read_bytes()
        assert shard.sha256 == hashlib.sha256(content).hexdigest()
        assert (shard.size_bytes, shard.rows) == (len(content), pq.read_metadata(dataset / name).num_rows)


def test_facts_to_metadata_and_back():
    assert parse_facts({METADATA_KEY.encode(): FACTS.to_json().encode()}, "files") == FACTS


@pytest.mark.parametrize("metadata", [None, {}, {METADATA_KEY.encode(): b'{"version": 1}'}])
def test_a_file_without_facts_or_of_another_version_has_none(metadata):
    assert parse_facts(metadata, "files") is None


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b'{"version": 2}', b'{"version": 2, "groups": [], "shards": {}}']
)
def test_damaged_facts_are_an_error_that_names_the_file(text):
    with pytest.raises(DatasetError, match=r"files/test\.parquet: its metadata"):
        parse_facts({METADATA_KEY.encode(): text}, "files/test.parquet")
