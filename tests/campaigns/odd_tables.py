"""Tables of random types in random places, through every command: read, or refused in one sentence."""

import contextlib
import io
import os
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from tests.campaigns.run import Campaign, WrongError
from tests.factories import MP4, file_row, png
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.layouts.registry import EVALUATIONS, OUTPUTS, QUESTIONS
from vmeval_hfds import metadata_frame, tasks
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import VmevalError

_SHARDS = ("data/all/test-00000-of-00001.parquet", "data/other/test-00000-of-00001.parquet")
_LISTING = "files/test-00000-of-00001.parquet"
_TEXTS = [
    "maze",
    "maze_0000",
    "",
    "../x",
    "/x",
    "a/b",
    "\0",
    "\x1b[31m",
    "x" * 5_000,
    "{}",
    '{"a": 1}',
    "4",
    "é",
]


def odd_type(chosen: Random, depth: int = 0) -> pa.DataType:
    """Choose a type."""
    plain = [
        pa.null(), pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.bool_(), pa.string(), pa.large_string(),
        pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(3), pa.timestamp("us"),
        pa.timestamp("ns", "No/Where"), pa.date32(), pa.time64("us"), pa.duration("s"), pa.decimal128(9, 2),
        pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.binary()),
    ]  # fmt: skip
    if depth > 2 or chosen.random() < 0.6:
        return chosen.choice(plain)
    inner = [odd_type(chosen, depth + 1) for _ in range(3)]
    names = chosen.sample(["bytes", "path", "a", "", "b.c", "list"], 3)
    fields = [pa.field(name, kind) for name, kind in zip(names, inner, strict=True)]
    return chosen.choice(
        [
            pa.list_(inner[0]), pa.large_list(inner[0]), pa.list_(inner[0], 2), pa.struct(fields), pa.struct(fields[:1]),
            pa.map_(pa.string(), inner[0]), pa.list_(pa.struct(fields)), pa.struct([]),
        ]
    )  # fmt: skip


def odd_values(chosen: Random, kind: pa.DataType, rows: int) -> pa.Array:
    """Choose values of a type: what text and bytes can hold, else what Arrow makes of some numbers."""
    if pa.types.is_struct(kind):
        parts = [odd_values(chosen, field.type, rows) for field in kind]
        mask = pa.array([chosen.random() < 0.2 for _ in range(rows)], pa.bool_())
        return (
            pa.StructArray.from_arrays(parts, fields=list(kind), mask=mask)
            if parts
            else pa.array([{}] * rows, kind)
        )
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = odd_values(chosen, kind.value_type, 2 * rows)
        offsets = pa.array(
            range(0, 2 * rows + 1, 2), pa.int64() if pa.types.is_large_list(kind) else pa.int32()
        )
        made = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
        return made.from_arrays(offsets, inner, type=kind)
    texts = [chosen.choice([*_TEXTS, None]) for _ in range(rows)]
    blobs = [chosen.choice([png(), MP4, b"\xff\xfe", b"abc", b"", None]) for _ in range(rows)]
    numbers = [chosen.choice([0, 1, -1, 127, None]) for _ in range(rows)]
    for values in (texts, blobs, numbers, [b"abc"] * rows):
        with contextlib.suppress(
            pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError
        ):
            return pa.array(values, kind)
        with contextlib.suppress(
            pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError
        ):
            return pa.array(values).cast(kind)
    return pa.nulls(rows, kind)


def table(chosen: Random) -> pa.Table:
    """Make a sound table of a layout, and put odd columns in the place of some."""
    layout = chosen.choice([QUESTIONS, OUTPUTS, EVALUATIONS])
    rows = chosen.choice([0, 1, 2, 5])
    sound = {
        "string": lambda name, row: {"path": f"maze_task/maze_{row}", "question_metadata": "{}"}.get(name, f"{name}{row}"),
        "image": lambda name, row: {"bytes": png(), "path": f"{name}.png"},
        "video": lambda name, row: {"bytes": MP4, "path": f"{name}.mp4"},
        "images": lambda name, row: [{"bytes": png(), "path": f"{row}.png"}],
        "videos": lambda name, row: [{"bytes": MP4, "path": f"{row}.mp4"}],
        "float64": lambda name, row: float(row),
        "int64": lambda name, row: row,
    }  # fmt: skip
    content = [{name: sound[kind](name, row) for name, kind in layout.columns.items()} for row in range(rows)]
    made = pa.Table.from_pylist(content, schema=arrow_schema(layout.columns))
    for _ in range(chosen.randrange(4)):
        column = chosen.choice(made.column_names)
        made = _edited(chosen, made, column)
    return made


def _edited(chosen: Random, made: pa.Table, column: str) -> pa.Table:
    kind = chosen.random()
    place = made.column_names.index(column)
    if kind < 0.1 and made.num_columns > 1:
        return made.remove_column(place)
    if kind < 0.2:
        return made.append_column(column, made[column])
    values = odd_values(chosen, odd_type(chosen), made.num_rows)
    return made.set_column(place, column, values)


def listing(chosen: Random) -> pa.Table:
    """Make a list of files with odd columns."""
    made = pa.Table.from_pylist([file_row("a.txt"), file_row("b/c.txt")], schema=arrow_schema(FILE_COLUMNS))
    for _ in range(chosen.randrange(3)):
        made = _edited(chosen, made, chosen.choice(made.column_names))
    return made


def case(chosen: Random, work: Path, _: None) -> str:
    """Write such tables, and run some commands on them."""
    dataset = work / "dataset"
    wanted = {_SHARDS[0]: table(chosen)}
    if chosen.random() < 0.3:
        wanted[_SHARDS[1]] = table(chosen)
    if chosen.random() < 0.4:
        wanted[_LISTING] = listing(chosen)
    for name, one in wanted.items():
        (dataset / name).parent.mkdir(parents=True)
        try:
            pq.write_table(one, dataset / name, compression=chosen.choice(["zstd", "none", "snappy"]))
        except (pa.ArrowException, ValueError):
            return "refused"  # Parquet's writer cannot write it.
    codes = {_command(chosen, dataset, work, verb) for verb in chosen.sample(sorted(COMMANDS), 4)}
    os.environ["HF_HOME"] = str(work / "home")
    for function in (metadata_frame, tasks):
        with contextlib.suppress(VmevalError):
            function(dataset)
    return "exact" if codes == {0} else "refused"


COMMANDS = {
    "export": lambda dataset, work: ["export", dataset, f"{work}/out"],
    "export of a domain": lambda dataset, work: ["export", dataset, f"{work}/domain", "--domain", "maze"],
    "export of an id": lambda dataset, work: ["export", dataset, f"{work}/id", "--id", "maze_0000"],
    "info": lambda dataset, work: ["info", dataset],
    "info as JSON": lambda dataset, work: ["info", dataset, "--format", "json"],
    "verify": lambda dataset, work: ["verify", f"{dataset}/data", dataset],
    "diff": lambda dataset, work: ["diff", dataset, f"{dataset}/data"],
    "gallery": lambda dataset, work: ["gallery", dataset, f"{work}/page.html"],
    "gallery of models": lambda dataset, work: [
        "gallery",
        "--outputs",
        dataset,
        "--target",
        f"{work}/models.html",
    ],
    "leaderboard": lambda dataset, work: ["leaderboard", dataset],
}


def _command(chosen: Random, dataset: Path, work: Path, verb: str) -> int:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(COMMANDS[verb](str(dataset), str(work)))
    errors = [line for line in said.getvalue().splitlines() if line.startswith("Error: ")]
    wrong = code not in (0, 1) or (code and verb != "verify" and verb != "diff" and len(errors) != 1)
    if wrong or "Traceback" in said.getvalue() or any(len(line) > 2_000 for line in errors):
        raise WrongError(f"{verb} ended in {code} and said {said.getvalue()[:1_000]!r}")
    return code


CAMPAIGN = Campaign("tables", lambda chosen, work: None, case)
