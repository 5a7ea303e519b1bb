"""Small question folders and dataset directories for tests, and how to look at and damage them."""

import hashlib
import io
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.layouts.registry import QUESTIONS

ROOT = Path(__file__).parents[1]
MP4 = b"\0\0\0\x18ftypmp42" + bytes(range(256))
AS_IT_SHOULD_BE = object()


@cache
def png(seed=0, size=(4, 3), mode="RGB"):
    """Give the bytes of a PNG that differ by seed."""
    channels = len(mode)
    pixels = random.Random(seed).randbytes(size[0] * size[1] * channels)
    stream = io.BytesIO()
    Image.frombytes(mode, size, pixels).save(stream, "PNG")
    return stream.getvalue()


def write(path, content=b""):
    """Write bytes or text to a file, making its folders."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_json(value):
    return json.dumps(value, indent=2).encode()


def write_question(
    folder,
    domain="maze",
    id="maze_0000",
    *,
    path=None,
    first_frame=AS_IT_SHOULD_BE,
    final_frame=AS_IT_SHOULD_BE,
    prompt="Find the way out.",
    metadata=AS_IT_SHOULD_BE,
    ground_truth=None,
    **stated,
):
    """Write a task of which `check` has nothing to say; what is overridden with None is left out.

    `stated` goes into question_metadata.json, and further text into further files is up to the test.
    """
    task = folder / (path or f"{domain}_task/{id}")
    seed = f"{domain}/{id}"
    if metadata is AS_IT_SHOULD_BE:
        text = prompt if isinstance(prompt, str) else ""
        metadata = as_json({"id": id, "domain": domain, "prompt": text, "difficulty": "easy", **stated})
    files = {
        "first_frame.png": png(f"{seed}/first") if first_frame is AS_IT_SHOULD_BE else first_frame,
        "final_frame.png": png(f"{seed}/final") if final_frame is AS_IT_SHOULD_BE else final_frame,
        "prompt.txt": prompt,
        "question_metadata.json": metadata,
        "ground_truth.mp4": ground_truth,
    }
    task.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if content is not None:
            write(task / name, content)
        else:
            (task / name).unlink(missing_ok=True)
    return task


def write_manifest(folder, *keys):
    """Write a manifest that lists (domain, id) pairs."""
    pairs = [{"id": id, "domain": domain} for domain, id in keys]
    return write(folder / "vmeval_dataset.json", as_json({"name": "test", "pairs": pairs}))


def write_folder(folder, domains=("chess", "maze"), per_domain=2):
    """Write a healthy folder with a manifest."""
    keys = [(domain, f"{domain}_{number:04d}") for domain in domains for number in range(per_domain)]
    for domain, id in keys:
        write_question(folder, domain, id)
    write_manifest(folder, *keys)
    return folder


def write_rich_folder(folder):
    """Write a folder with one of everything that a round trip must keep."""
    write_folder(folder)
    write_question(folder, "rotation", "rotation_0000", ground_truth=MP4, prompt="Turn 90° — twice.\r\n\n")
    write_question(folder, "rotation", "rotation_0001", prompt=b"\xff\xfe not UTF-8", final_frame=None)
    write_question(folder, path="hand_made/first", metadata=None, prompt="")
    write(folder / "notes.md", "# Notes\n")
    write(folder / "maze_task/README", b"\0\1\2")
    write(folder / "maze_task/maze_0000/goal.txt", "the flag")
    write(folder / "maze_task/maze_0000/deep/er/extra.bin", bytes(range(256)))
    write(folder / "maze_task/maze_0001/empty.txt")
    (folder / "chess_task/chess_0000/video").mkdir()
    (folder / "not_yet/run/1").mkdir(parents=True)
    return folder


def real_data(name, target):
    """Copy or unpack what lies beside the project in ``../shared/data``; where it does not, the test is skipped."""
    source = ROOT.parent / "shared/data" / name
    if not source.exists():
        pytest.skip(f"needs ../shared/data/{name} beside the project, which is no part of it")
    if source.is_dir():
        return Path(shutil.copytree(source, target))
    with tarfile.open(source) as archive:
        archive.extractall(target, filter="data")
    return target


@contextmanager
def deep_folders(folder, levels, name="d", content=None):
    """Make a chain of folders, and take it away again: `shutil.rmtree` and so pytest cannot, at that depth.

    Yields:
        The chain's path; with `content`, there is a file called ``file`` in the deepest.
    """
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        deeper = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    path = "/".join([name] * levels)
    if content is not None:
        (folder / path / "file").write_bytes(content)
    try:
        yield path
    finally:
        remove_chain(folder, name)


def remove_chain(folder, name="d"):
    """Remove a chain of folders from its top, whatever its depth."""
    while (folder / name).exists():
        (folder / name / "file").unlink(missing_ok=True)
        if (folder / name / name).exists():
            (folder / name / name).rename(folder / "below")
        (folder / name).rmdir()
        if (folder / "below").exists():
            (folder / "below").rename(folder / name)


def tree(folder):
    """Map every path below a folder to its bytes: folders end in ``/``, links say where they lead."""
    found = {}
    for above, folders, files in os.walk(folder):
        relative = os.path.relpath(above, folder)
        prefix = "" if relative == "." else f"{relative}/"
        for name in (*folders, *files):
            place = f"{above}/{name}"
            mode = os.lstat(place).st_mode
            if stat.S_ISLNK(mode):
                found[f"{prefix}{name}"] = f"link to {os.readlink(place)}"
            elif stat.S_ISDIR(mode):
                found[f"{prefix}{name}/"] = None
            elif stat.S_ISREG(mode):
                found[f"{prefix}{name}"] = Path(place).read_bytes()
            else:
                found[f"{prefix}{name}"] = "neither file nor folder"
    return found


def files_below(folder, under=""):
    """The files of `tree` whose path starts with `under`."""
    return {
        path: content
        for path, content in tree(folder).items()
        if not path.endswith("/") and path.startswith(under)
    }


def question_row(path, **values):
    """Make a row of the question table by hand."""
    row = dict.fromkeys(QUESTIONS.columns)
    row.update(id="q", domain="maze", prompt="Go.", path=path)
    row["first_frame"] = {"bytes": png(), "path": "first_frame.png"}
    row.update(values)
    return row


def file_row(path, content=b"bytes", held=False):
    """Make a row of the `files` table by hand: `held` means that a question column has the bytes."""
    if content is None:
        return {"path": path, "size": None, "sha256": None, "modified": None, "content": None}
    return {
        "path": path,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "modified": None,
        "content": None if held else content,
    }


def write_dataset(target, questions, files=None):
    """Write a dataset directory by hand, with whatever rows."""
    _write_rows(target / "data/maze/test-00000-of-00001.parquet", questions, QUESTIONS.columns)
    if files is not None:
        _write_rows(target / "files/test-00000-of-00001.parquet", files, FILE_COLUMNS)
    return target


def _write_rows(path, rows, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(columns)), path)


def shards(dataset, config="*"):
    """The question shards of a dataset directory, in row order."""
    return sorted(dataset.glob(f"data/{config}/*.parquet"))


def edit_rows(shard, edit):
    """Rewrite a shard with `edit` applied to its list of rows, as a person with pyarrow would."""
    table = pq.read_table(shard)
    pq.write_table(pa.Table.from_pylist(edit(table.to_pylist()), schema=table.schema), shard)


def chunk_of(shard, group, column):
    """Say where a column's bytes of one row group lie in the file: offset and length."""
    row_group = pq.ParquetFile(shard).metadata.row_group(group)
    for number in range(row_group.num_columns):
        chunk = row_group.column(number)
        if chunk.path_in_schema == column:
            return chunk.data_page_offset, chunk.total_compressed_size
    raise KeyError(column)


def damage(shard, group, column):
    """Flip the last byte of a column's data."""
    offset, length = chunk_of(shard, group, column)
    flip(shard, offset + length - 1)


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0x55
    path.write_bytes(content)


def run_python(code, *arguments, cwd=None, **environment):
    """Run code in a fresh interpreter that imports what this one can."""
    return subprocess.run(python(code, *arguments), **process(cwd, environment), timeout=120, check=False)


def python(code, *arguments):
    return [sys.executable, "-c", code, *map(str, arguments)]


def process(cwd=None, environment=None):
    """Keyword arguments with which a test starts a process."""
    path = os.pathsep.join(filter(None, sys.path))
    return {
        "env": {**os.environ, "PYTHONPATH": path, **(environment or {})},
        "cwd": cwd,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


COMMAND = "import sys; from vmeval_hfds.cli.main import main; sys.exit(main())"


def run_command(*arguments, cwd=None, **environment):
    """Run the command line in a process of its own."""
    return run_python(COMMAND, *arguments, cwd=cwd, **environment)


def refuses_export(error, dataset, target, match=None, **options):
    """Export must raise, and leave everything below the target's parent as it was."""
    from vmeval_hfds import export

    before = tree(target.parent)
    with pytest.raises(error, match=match) as caught:
        export(dataset, target, **options)
    assert tree(target.parent) == before
    return str(caught.value)
