"""A folder of archives of questions, laid out as VBVR ships them: many questions, with next to nothing in them."""

from __future__ import annotations

import gzip
import json
import struct
import tarfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from tests.benchmarks.pictures import grey_png

_BLOCK_BYTES = 512
_MODIFIED = 1_760_000_000
#: Every second archive is compressed.
_ENDINGS = (".tar", ".tar.gz")


def write_archives(folder: Path, questions: int, count: int) -> int:
    """Write questions into so many archives, each of a generator and so a domain of its own.

    Args:
        folder: The folder; it must not exist.
        questions: How many questions in all; the first archives have one more where they cannot have as many each.
        count: How many archives.

    Returns:
        How many files there are in the archives.
    """
    folder.mkdir(parents=True)
    for number in range(count):
        of_this = questions // count + (number < questions % count)
        _write(folder, number, range(of_this))
    return 4 * questions


def change_first(folder: Path) -> int:
    """Change a question in the first archive, take its last out and put one more in; give how many it has."""
    with tarfile.open(next(iter(sorted(folder.glob("*.tar"))))) as archive:
        questions = sum(name.endswith("/prompt.txt") for name in archive.getnames())
    _write(folder, 0, [*range(questions - 1), questions], changed=questions // 2)
    return questions


def task_id(archive: int, number: int) -> str:
    """Give the id of a question of an archive."""
    return f"task{archive:03d}_{number:08d}"


def _write(folder: Path, archive: int, numbers: Iterable[int], changed: int = -1) -> None:
    generator = f"O-{archive:03d}_task{archive:03d}_data-generator"
    place = folder / f"Task-{archive:04d}{_ENDINGS[archive % len(_ENDINGS)]}"
    with place.open("wb") as file:
        compressed = place.suffix == ".gz"
        with closing(gzip.GzipFile("", "wb", 1, file, mtime=0) if compressed else file) as stream:
            for number in numbers:
                name = task_id(archive, number)
                path = f"{generator}/task{archive:03d}_task/{name}"
                _put_question(stream, path, name, archive, number, "!" if number == changed else ".")
            stream.write(bytes(2 * _BLOCK_BYTES))


def _put_question(
    stream: BinaryIO | gzip.GzipFile, path: str, name: str, archive: int, number: int, end: str
) -> None:
    metadata = {"task_id": name, "generator": f"O-{archive:03d}", "parameters": {"seed": number}}
    files = {
        "final_frame.png": _frame(archive, number, 1),
        "first_frame.png": _frame(archive, number, 0),
        "metadata.json": json.dumps(metadata).encode(),
        "prompt.txt": f"Move the piece of puzzle {number} to its goal{end}".encode(),
    }
    for file, content in files.items():
        info = tarfile.TarInfo(f"{path}/{file}")
        info.size, info.mtime = len(content), _MODIFIED
        padding = bytes(-len(content) % _BLOCK_BYTES)
        stream.write(info.tobuf(tarfile.USTAR_FORMAT) + content + padding)


def _frame(archive: int, number: int, which: int) -> bytes:
    return grey_png(struct.pack(">IIQ", archive, number, which))
