"""What `push_to_hub` makes is read by the field's other readers too, by the patterns that the docs show."""

import pytest
from huggingface_hub import HfFileSystem

from tests.factories import write_rich_folder
from vmeval_hfds import push_to_hub

REPO = "user/questions"
SHARDS = f"hf://datasets/{REPO}/data/*/*.parquet"

pytestmark = pytest.mark.folder("questions", write_rich_folder)


@pytest.fixture
def ids(hub, folder):
    """Push the folder, and give the ids of its rows as `datasets` has them."""
    from datasets import load_dataset

    push_to_hub(folder, REPO)
    HfFileSystem.clear_instance_cache()
    return sorted(load_dataset(REPO, split="test")["id"])


def test_datasets_streams_all_rows_and_each_node_its_part(ids):
    from datasets import load_dataset
    from datasets.distributed import split_dataset_by_node

    streamed = load_dataset(REPO, split="test", streaming=True)
    assert sorted(row["id"] for row in streamed) == ids
    parts = [
        row["id"] for rank in range(2) for row in split_dataset_by_node(streamed, rank=rank, world_size=2)
    ]
    assert sorted(parts) == ids


def test_a_data_loader_of_two_workers_gives_each_row_once(ids):
    data = pytest.importorskip("torch.utils.data", reason="PyTorch is large, and so not among the dev extra")
    from datasets import load_dataset

    streamed = load_dataset(REPO, split="test", streaming=True)
    loader = data.DataLoader(streamed, batch_size=2, num_workers=2, collate_fn=list)
    rows = [row for batch in loader for row in batch]
    assert sorted(row["id"] for row in rows) == ids
    assert any(row["first_frame"].size for row in rows)


def test_pandas_reads_a_shard_and_its_pictures_are_bytes(ids):
    import pandas as pd

    shard = HfFileSystem().glob(SHARDS)[0]
    frame = pd.read_parquet(f"hf://{shard}")
    assert set(frame["id"]) <= set(ids)
    assert frame["first_frame"].dropna().map(lambda cell: isinstance(cell["bytes"], bytes)).all()


def test_polars_reads_shards_by_way_of_fsspec(ids):
    polars = pytest.importorskip("polars")
    system = HfFileSystem()
    frames = [
        polars.read_parquet(system.open(shard), columns=["id", "prompt"]) for shard in system.glob(SHARDS)
    ]
    assert sorted(polars.concat(frames)["id"].to_list()) == ids


def test_duckdb_queries_shards_by_way_of_fsspec(ids):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.register_filesystem(HfFileSystem())
    query = f"SELECT id FROM read_parquet('{SHARDS}') ORDER BY id"
    assert sorted(row[0] for row in connection.execute(query).fetchall()) == ids


def test_dask_reads_shards_lazily(ids):
    frames = pytest.importorskip("dask.dataframe")
    shards = [f"hf://{shard}" for shard in HfFileSystem().glob(SHARDS)]
    frame = frames.read_parquet(shards, columns=["id", "domain"])
    assert sorted(frame.compute(scheduler="synchronous")["id"]) == ids


def test_pyarrow_reads_a_dataset_of_shards(ids):
    import pyarrow.dataset

    system = HfFileSystem()
    table = pyarrow.dataset.dataset(system.glob(SHARDS), filesystem=system).to_table(columns=["id"])
    assert sorted(table["id"].to_pylist()) == ids
