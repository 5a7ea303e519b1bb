"""Parquet that is small and would unpack to gigabytes, or whose footer lies: refused in one sentence before it is unpacked."""

import io
import os
import random
import subprocess
import sys
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories import file_row, png
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_hfds import metadata_frame, tasks
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import DatasetError, VmevalError
from vmeval_hfds.table import pages
from vmeval_hfds.table.reader import open_shard

SHARD = "data/all/test-00000-of-00001.parquet"
LISTING = "files/test-00000-of-00001.parquet"
ROW = {
    "id": "maze_0000",
    "domain": "maze",
    "prompt": "Go.",
    "first_frame": {"bytes": png(), "path": "first_frame.png"},
    "question_metadata": "{}",
    "path": "maze_task/maze_0000",
}
MEASURED = """
import resource, sys
from vmeval_hfds.cli.main import main
from vmeval_hfds.table import pages
pages.UNPACKED_LIMIT_BYTES = 2**25
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
code = main(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
sys.exit(code)
"""


def questions(rows=1, **values):
    """Make a table of questions with other values in some columns, such as a prompt of zeros."""
    whole = {name: ROW.get(name) for name in QUESTIONS.columns} | values
    table = pa.Table.from_pylist([whole], schema=arrow_schema(QUESTIONS.columns))
    return pa.concat_tables([table] * rows).combine_chunks()


def listing(content=b"x"):
    return pa.Table.from_pylist([file_row("a.txt", content, held=True)], schema=arrow_schema(FILE_COLUMNS))


def write_dataset(target, rows, files=None, **options):
    for name, table in ((SHARD, rows), (LISTING, files)):
        if table is not None:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                table, target / name, **{"compression": "zstd", "use_dictionary": False, **options}
            )
    return target


def write_bomb(target, length):
    """Write a dataset with a prompt and a content of zeros."""
    zeros = bytes(length)
    rows, files = questions(), listing()
    rows = rows.set_column(rows.column_names.index("prompt"), "prompt", pa.array([zeros.decode()]))
    files = files.set_column(files.column_names.index("content"), "content", pa.array([zeros]))
    return write_dataset(target, rows, files, write_statistics=False)


def test_zeros_are_refused_before_they_are_unpacked(tmp_path):
    dataset = write_bomb(tmp_path / "dataset", 2**26)
    assert sum((dataset / name).stat().st_size for name in (SHARD, LISTING)) < 2**15
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "export", dataset, tmp_path / "out"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "would unpack from" in done.stderr
    assert int(done.stdout.split()[-1]) < 48 * 2**10  # Kibibytes; unpacked, it is 64 MiB, twice.
    assert not (tmp_path / "out").exists()


READERS = {
    "export": lambda dataset, tmp_path: main(["export", f"{dataset}", f"{tmp_path}/out"]),
    "export of a domain": lambda dataset, tmp_path: main(
        ["export", f"{dataset}", f"{tmp_path}/out", "--domain", "maze"]
    ),
    "info": lambda dataset, _: main(["info", f"{dataset}"]),
    "gallery": lambda dataset, tmp_path: main(["gallery", f"{dataset}", f"{tmp_path}/page.html"]),
    "verify": lambda dataset, _: main(["verify", f"{dataset}/data", f"{dataset}"]),
    "diff": lambda dataset, _: main(["diff", f"{dataset}", f"{dataset}/data"]),
    "metadata_frame": lambda dataset, _: metadata_frame(dataset),
    "tasks": lambda dataset, _: tasks(dataset),
}


@pytest.fixture(scope="module")
def small_bomb(tmp_path_factory):
    return write_bomb(tmp_path_factory.mktemp("bomb") / "dataset", 2**24)


@pytest.mark.parametrize("name", READERS)
def test_every_command_reads_little_of_a_bomb_or_refuses_it(small_bomb, name, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(pages, "UNPACKED_LIMIT_BYTES", 2**22)
    usual, counted = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(counted)
    try:
        with suppress(VmevalError):
            READERS[name](small_bomb, tmp_path)
    finally:
        pa.set_memory_pool(usual)
    assert counted.max_memory() < 2**23
    assert "Traceback" not in capsys.readouterr().err


def read_all(path, columns=None):
    with open_shard(path, "shard") as shard:
        return [group.read(columns) for group in shard.row_groups()]


def test_what_is_large_and_not_packed_is_no_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "UNPACKED_LIMIT_BYTES", 2**16)
    noise = random.Random(0).randbytes(2**18)
    path = write_dataset(tmp_path, questions(first_frame={"bytes": noise, "path": "a"})) / SHARD
    assert read_all(path)[0]["first_frame"][0].as_py()["bytes"] == noise


@pytest.mark.parametrize("options", [{}, {"data_page_version": "2.0"}, {"data_page_size": 2**14}], ids=str)
@pytest.mark.parametrize("codec", ["zstd", "gzip", "snappy", "brotli", "lz4"])
def test_every_codec_and_kind_of_page_is_counted(codec, options, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "UNPACKED_LIMIT_BYTES", 2**20)
    monkeypatch.setattr(pages, "UNPACKED_FACTOR", 15)  # snappy reaches 21, zstd 30,000.
    table = questions(64, prompt="a" * 2**16)
    path = write_dataset(tmp_path, table, compression=codec, **options) / SHARD
    with pytest.raises(DatasetError, match=r"row group 0: column prompt: would unpack from [\d,]+ bytes to"):
        read_all(path, ["prompt"])
    assert read_all(path, ["id"])[0].num_rows == 64  # What is not asked for is not refused.


def test_a_value_that_rows_repeat_by_number_is_counted_for_each(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "REPEATED_LIMIT_BYTES", 2**20)
    path = write_dataset(tmp_path, questions(2_000, prompt="a" * 2**12), use_dictionary=True) / SHARD
    assert path.stat().st_size < 2**15
    with pytest.raises(DatasetError, match=r"column prompt: would unpack from [\d,]+ bytes to 8,192,000"):
        read_all(path, ["prompt"])
    short = write_dataset(tmp_path / "short", questions(2_000, prompt="a" * 100), use_dictionary=True) / SHARD
    assert read_all(short, ["prompt"])[0].num_rows == 2_000


def test_a_page_that_is_longer_than_the_footer_says_is_counted(tmp_path, monkeypatch):
    """The footer is somebody's word; what is unpacked is what the page says of itself."""
    monkeypatch.setattr(pages, "UNPACKED_LIMIT_BYTES", 2**20)
    table = pa.table({"prompt": ["a" * 2**21]})
    pq.write_table(
        table, tmp_path / "a.parquet", compression="zstd", use_dictionary=False, write_statistics=False
    )
    content = (tmp_path / "a.parquet").read_bytes()
    stated = pq.read_metadata(tmp_path / "a.parquet").row_group(0).column(0).total_uncompressed_size
    said, lie = varint(2 * stated), varint(2 * (stated - 2**21 + 2**14))
    start = content.index(said, len(content) - 8 - int.from_bytes(content[-8:-4], "little"))
    edited = content[:start] + lie + content[start + len(said) :]
    length = int.from_bytes(content[-8:-4], "little") - len(said) + len(lie)
    (tmp_path / "b.parquet").write_bytes(edited[:-8] + length.to_bytes(4, "little") + b"PAR1")
    with open_shard(tmp_path / "b.parquet", "b") as shard:
        assert shard.footer.row_group(0).column(0).total_uncompressed_size < 2**15
        with pytest.raises(DatasetError, match="would unpack"):
            next(shard.row_groups()).read()


def varint(number):
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def test_rows_that_take_no_room_are_counted(tmp_path):
    """A billion nulls are as long as one."""
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"path": pa.nulls(pages.ROWS_LIMIT + 1, pa.string())}), path, row_group_size=2**24
    )
    assert path.stat().st_size < 2**14
    with pytest.raises(DatasetError, match="has 8,388,609 rows; expected 8,388,608 at most in one shard"):
        read_all(path)


def test_elements_of_lists_that_take_no_room_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROWS_LIMIT", 2**10)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"images": pa.array([[None] * 2**12], pa.list_(pa.string()))}), path)
    with pytest.raises(DatasetError, match="has 4,096 values; expected 1,024 at most in a row group"):
        read_all(path)


def test_what_is_held_at_once_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "READ_LIMIT_BYTES", 2**12)
    path = write_dataset(tmp_path, questions(100, prompt="ab" * 20)) / SHARD
    with pytest.raises(DatasetError, match=r"row group 0: has .* expected 4,096 at most"):
        read_all(path)


def footers(seed, tries):
    """Give a shard over and over, each time with other bytes in its footer."""
    written = io.BytesIO()
    pq.write_table(questions(2), written, compression="zstd")
    content = written.getvalue()
    length = int.from_bytes(content[-8:-4], "little")
    chosen = random.Random(seed)
    for _ in range(tries):
        flipped = bytearray(content)
        for _ in range(chosen.choice([1, 1, 2, 4])):
            flipped[len(content) - 8 - length + chosen.randrange(length)] = chosen.randrange(256)
        yield bytes(flipped)


def test_no_footer_ends_the_process(tmp_path):
    """Arrow ends it (SIGABRT) where it is asked for the facts of a column that the footer does not describe."""
    pid = os.fork()
    if not pid:
        code = 2
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            for content in footers(4, 1_000):
                (tmp_path / "a.parquet").write_bytes(content)
                with suppress(DatasetError), open_shard(tmp_path / "a.parquet", "a") as shard:
                    for group in shard.row_groups():
                        group.only_value("domain")
                        group.bytes_of()
                        group.nulls("first_frame.bytes")
                        group.read(["path"])
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
