"""What a fuzzer gives bytes to: each takes any, and raises nothing but what the project raises on purpose."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from vmeval_builders.json_values import json_text, number, parse_object, parse_value, scalar_text
from vmeval_builders.paths import path_problem
from vmeval_builders.sources.archive import index_archive
from vmeval_hfds.errors import VmevalError, shown
from vmeval_hfds.rows.flatten import column_name, leaves
from vmeval_hfds.table.card import header_blocks, schema_version, split_card
from vmeval_hfds.table.facts import parse_facts
from vmeval_hfds.table.foreign import foreign_content, held_dataset
from vmeval_hfds.table.thrift import parse_struct


def card(data: bytes) -> None:
    """Read a card."""
    text = data.decode("utf-8", "replace")
    held_dataset(["README.md"], text)
    try:
        foreign_content(["README.md"], text, "questions")
        schema_version(text)
        blocks = header_blocks(split_card(text)[0])
    except VmevalError:
        return
    written = "".join(block for _, block in blocks)
    assert "".join(block for _, block in header_blocks(written)) == written


def tar_index(data: bytes) -> None:
    """List what is in an archive."""
    with tempfile.NamedTemporaryFile(
        suffix=".tar", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as file:
        file.write(data)
        file.flush()
        try:
            found = index_archive(Path(file.name))
        except VmevalError:
            return
        for entry in found.files:
            assert entry.size_bytes >= 0
            assert entry.offset + entry.size_bytes <= found.source.length_bytes


def names(data: bytes) -> None:
    """Judge a name; what is let through stays in its folder, on every system."""
    name = data.decode("utf-8", "surrogateescape")
    assert shown(name).isprintable()
    if path_problem(name) is None:
        parts = name.split("/")
        assert not {"", ".", ".."} & {*parts}
        assert not set(name) & {"\\", "\0", "\n", "\x1b", ":"}
        assert len(name.encode()) <= 4_096


def json_flattening(data: bytes) -> None:
    """Parse JSON and lay it flat."""
    text = data.decode("utf-8", "surrogateescape")
    value, fault = parse_object(text)
    assert (value is None) is (fault is not None)
    assert "\n" not in (fault or "")
    parse_value(text, keep=["id", "pairs"])
    taken: set[str] = set()
    for keys, leaf in leaves(value or {}):
        called = column_name(keys, taken, "question_metadata")
        assert called not in taken
        taken.add(called)
        for convert in (json_text, number, scalar_text):
            convert(leaf)


def facts(data: bytes) -> None:
    """Read what a list of files says of its shards."""
    try:
        parse_facts({b"vmeval_hfds": data}, "shard")
    except VmevalError:
        return


def thrift(data: bytes) -> None:
    """Read a struct of a Parquet footer."""
    try:
        _, end = parse_struct(data)
    except (IndexError, ValueError):
        return
    assert end <= len(data)


HARNESSES: dict[str, Callable[[bytes], None]] = {
    function.__name__: function for function in (card, tar_index, names, json_flattening, facts, thrift)
}
