"""What a terminal would obey instead of showing is escaped in all that commands print."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.test_hostile_text import CONTROL, TEXTS
from tests.factories import png
from vmeval_hfds.cli.main import main
from vmeval_hfds.cli.output import printable

NAMES = ("ANSI", "bidi", "line feed", "carriage return", "NUL", "bell", "C1", "line separator")
HOSTILE = {name: TEXTS[name] for name in NAMES}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("place", ["domain", "id", "path", "column", "option"])
def test_names_of_others_are_printed_escaped(name, place, tmp_path, capsys):
    row = {
        "id": "maze_0",
        "domain": "maze",
        "prompt": "Go.",
        "first_frame": png(),
        "path": "maze_task/maze_0",
    }
    if place in row:
        row[place] = name
    elif place == "column":
        row[name] = "x"
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "rows.parquet")
    further = ["--domain", name] if place == "option" else []
    for words in (
        ["info", tmp_path, *(["--by", name] if place == "option" else [])],
        ["gallery", tmp_path, tmp_path.parent / f"{tmp_path.name}.html", *further],
        ["export", tmp_path, tmp_path.parent / f"{tmp_path.name}-out", *further],
    ):
        code = main([*map(str, words)])
        said = capsys.readouterr()
        assert code in (0, 1)
        assert not CONTROL.search(said.out + said.err)
        assert code == 0 or said.err.count("\n") == 1


def test_json_has_the_names_themselves(tmp_path, capsys):
    row = {"id": "m", "domain": HOSTILE["ANSI"], "prompt": "Go.", "path": "m"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "rows.parquet")
    assert main(["info", str(tmp_path), "--format", "json"]) == 0
    out = capsys.readouterr().out
    assert not CONTROL.search(out)
    assert json.loads(out)["groups"][0]["domain"] == HOSTILE["ANSI"]


def test_text_that_is_safe_stays_as_it_is():
    assert printable("Größe, 90° — 迷路\nnext") == "Größe, 90° — 迷路\nnext"
    assert printable("half of a pair: \ud800") == "half of a pair: \\ud800"
