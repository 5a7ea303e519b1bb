"""A task's files to a row of the question table, and a row back to the task's files.

Bytes are taken as they are in both directions; text columns hold only what decodes and encodes without loss.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders import layout
from vmeval_builders.arrays import media_array, text_array
from vmeval_builders.scan import FileEntry, Task
from vmeval_builders.schema import QUESTION_COLUMNS, arrow_schema

#: Which file each column holds whole; both directions go by this table.
MEDIA_FILES = {
    "first_frame": layout.FIRST_FRAME,
    "final_frame": layout.FINAL_FRAME,
    "ground_truth": layout.GROUND_TRUTH,
}
TEXT_FILES = {"prompt": layout.PROMPT, "question_metadata": layout.METADATA}


class FolderChangedError(RuntimeError):
    """A file's size was another when it was read than when the folder was walked."""


@dataclass(frozen=True, slots=True)
class TaskContents:
    """What a task's question files hold.

    Attributes:
        task: The task.
        media: Column to bytes, for the image and video files that are there.
        raw_texts: Column to bytes, for the text files that are there.
        texts: Column to text, for those of them that are UTF-8.
        metadata: question_metadata.json as an object, or None where it is missing or is not one.
        metadata_fault: Why question_metadata.json is no JSON object, where it is there and is not.
    """

    task: Task
    media: dict[str, bytes]
    raw_texts: dict[str, bytes]
    texts: dict[str, str]
    metadata: dict[str, Any] | None
    metadata_fault: str | None

    @property
    def domain(self) -> str:
        """The task's domain."""
        return layout.domain_of(self.task.path, scalar_text((self.metadata or {}).get("domain")))

    @property
    def id(self) -> str:
        """The task's id: the metadata's, else the folder's name."""
        stated = scalar_text((self.metadata or {}).get("id"))
        return stated or self.task.path.rpartition("/")[2]


def read_file(root: Path, entry: FileEntry) -> bytes:
    """Read a file whole.

    Raises:
        FolderChangedError: It is not as long as when the folder was walked.
        OSError: It cannot be read.
    """
    descriptor = os.open(f"{root}/{entry.path}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        content = os.read(descriptor, entry.size_bytes + 1)
        while 0 < len(content) < entry.size_bytes and (more := os.read(descriptor, entry.size_bytes)):
            content += more
    finally:
        os.close(descriptor)
    if len(content) != entry.size_bytes:
        raise FolderChangedError(
            f"{root}/{entry.path}: had {entry.size_bytes} bytes and now has {len(content)}; "
            "run again when nothing writes into the folder"
        )
    return content


def read_task(root: Path, task: Task, media: bool = True) -> TaskContents:
    """Read a task's question files.

    Args:
        root: The question folder.
        task: A task of it.
        media: Whether to read images and videos too.

    Raises:
        FolderChangedError: A file is not as long as when the folder was walked.
        OSError: A file cannot be read.
    """
    wanted = MEDIA_FILES if media else {}
    blobs = {
        column: read_file(root, task.files[name]) for column, name in wanted.items() if name in task.files
    }
    raw = {
        column: read_file(root, task.files[name]) for column, name in TEXT_FILES.items() if name in task.files
    }
    texts = {column: text for column, content in raw.items() if (text := _exact_text(content)) is not None}
    metadata, fault = None, None
    if "question_metadata" in raw:
        metadata, fault = parse_object(texts.get("question_metadata"))
    return TaskContents(task, blobs, raw, texts, metadata, fault)


def _exact_text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def parse_object(text: str | None) -> tuple[dict[str, Any] | None, str | None]:
    """Parse a JSON object.

    Args:
        text: The file's text, or None where it is not UTF-8.

    Returns:
        The object and None, or None and the end of a sentence that says what is wrong.
    """
    if text is None:
        return None, "is not UTF-8"
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        return None, f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except RecursionError:
        return None, "is nested too deeply"
    except ValueError:
        # Python refuses to parse integers of thousands of digits; JSON has no such limit.
        value = json.loads(text.removeprefix("\ufeff"), parse_int=str)
    if not isinstance(value, dict):
        return None, f"holds {_JSON_KINDS.get(type(value), 'a value')}, not an object"
    return value, None


_JSON_KINDS = {list: "a list", str: "a string", int: "a number", float: "a number", type(None): "null"}


def scalar_text(value: object) -> str | None:
    """Give a JSON scalar as text; None for null, lists, objects and what UTF-8 cannot hold."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def row_of(contents: TaskContents) -> dict[str, Any]:
    """Make the row of a task: `QUESTION_COLUMNS` to values, with media as ``{"bytes", "path"}``."""
    metadata = contents.metadata or {}
    row: dict[str, Any] = dict.fromkeys(QUESTION_COLUMNS)
    row.update(contents.texts)
    for column, content in contents.media.items():
        row[column] = {"bytes": content, "path": MEDIA_FILES[column]}
    for column in ("difficulty", "task_category", "created_at"):
        row[column] = scalar_text(metadata.get(column))
    row.update(id=contents.id, domain=contents.domain, path=contents.task.path)
    return row


def table_of(contents: Sequence[TaskContents]) -> pa.Table:
    """Make the Arrow table of some tasks, with the schema of `QUESTION_COLUMNS`."""
    rows = [row_of(one) for one in contents]
    columns = []
    for name in QUESTION_COLUMNS:
        values = [row[name] for row in rows]
        if name in MEDIA_FILES:
            columns.append(media_array([value and value["bytes"] for value in values], MEDIA_FILES[name]))
        else:
            columns.append(text_array(values))
    return pa.Table.from_arrays(columns, schema=arrow_schema(QUESTION_COLUMNS))


def held_files(contents: TaskContents) -> Iterator[tuple[str, bytes]]:
    """List the files whose bytes a column of the task's row holds, as name and bytes."""
    for column, content in contents.media.items():
        yield MEDIA_FILES[column], content
    for column in contents.texts:
        yield TEXT_FILES[column], contents.raw_texts[column]


@dataclass(frozen=True, slots=True)
class RowFile:
    """One file that a row holds.

    Attributes:
        row: The row's number in its table.
        path: Relative to the question folder.
        content: The file's bytes, still in Arrow's memory where they are an image or video.
    """

    row: int
    path: str
    content: pa.Buffer | bytes


def files_of(table: pa.Table) -> Iterator[RowFile]:
    """List the files that the rows of a question table hold; the inverse of `table_of`.

    Args:
        table: Any of the columns of `QUESTION_COLUMNS`, ``path`` among them.

    Yields:
        Files in row order; a null is a file that is not there.
    """
    columns = [*_media_of(table), *_texts_of(table)]
    for row, path in enumerate(table["path"].to_pylist()):
        for name, values in columns:
            value = values[row]
            if value.is_valid:
                yield RowFile(row, f"{path}/{name}", value.as_buffer())


def _media_of(table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
    for column, name in MEDIA_FILES.items():
        if column in table.column_names:
            yield name, pc.struct_field(_one_chunk(table[column]), "bytes")


def _texts_of(table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
    for column, name in TEXT_FILES.items():
        if column in table.column_names:
            yield name, _one_chunk(table[column])


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
