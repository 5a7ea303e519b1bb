"""A row for each element of a list in a file: how a layout says so, and what becomes of the file."""

import pytest

from tests.factories import as_json, write
from vmeval_builders.checks import check_scan
from vmeval_builders.errors import LayoutError
from vmeval_builders.layouts.columns import Image, Item, Json, JsonFile, Part, Text
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.rows import read_unit, rows_of
from vmeval_builders.scan import scan_rows


class Scores(Layout):
    """Scores by model, all in one file."""

    name, noun, title = "scores", "score", "Scores"
    rows = "{model}.json"
    items = ("scores", "old.scores")
    id_column, group_column = "task", "model"
    model = Part()
    judge = Json("judge")
    task = Item("task", "name")
    score = Item("score", kind="float64")
    item = Item()
    file = JsonFile("")


def rows(folder):
    layout = Scores()
    scan = scan_rows(folder, "questions")
    units = layout.units(scan.files, scan.folders)
    return [row for unit in units for row in rows_of(layout, read_unit(scan.source, layout, unit))]


def test_each_element_is_a_row_and_the_first_holds_the_file(tmp_path):
    content = as_json({"judge": "me", "scores": [{"task": "a", "score": 1}, {"name": "b"}]})
    write(tmp_path / "wan.json", content)
    first, second = rows(tmp_path)
    assert (first["task"], first["score"], second["task"], second["score"]) == ("a", 1.0, "b", None)
    assert (first["file"], second["file"]) == (content.decode(), None)
    assert {(row["model"], row["judge"], row["path"]) for row in (first, second)} == {
        ("wan", "me", "wan.json")
    }
    assert second["item"] == '{"name": "b"}'


def test_the_list_is_at_the_first_place_that_has_one(tmp_path):
    write(tmp_path / "a.json", as_json({"scores": {"no": "list"}, "old": {"scores": [{"task": "x"}]}}))
    assert [row["task"] for row in rows(tmp_path)] == ["x"]


@pytest.mark.parametrize("content", [b'{"scores": []}', b"{}", b"[]", b"no JSON", b'{"scores": 3}', b"\xff"])
def test_a_file_without_such_a_list_is_one_empty_row_and_is_kept(tmp_path, content):
    write(tmp_path / "a.json", content)
    [row] = rows(tmp_path)
    assert (row["model"], row["task"], row["item"]) == ("a", None, None)
    assert row["file"] == (None if content == b"\xff" else content.decode())


def test_elements_that_are_no_objects_are_rows_without_values(tmp_path):
    write(tmp_path / "a.json", as_json({"scores": [None, 3, {"task": "x"}]}))
    assert [row["task"] for row in rows(tmp_path)] == [None, None, "x"]


def test_what_says_the_most_of_a_row_is_its_element():
    assert (Scores().details, Scores().json_from) == ("item", "file")


def declared(**values):
    stated = {"name": "x", "noun": "x", "title": "x", "rows": "{id}.json", "id_column": "id"}
    return type("X", (Layout,), {**stated, "group_column": "id", "id": Part(), **values})


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"score": Item("s"), "file": JsonFile("")}, "column score: is a value of a list's element"),
        ({"items": ("s",), "score": Item("s"), "file": Text("")}, "column score: comes from JSON"),
        ({"items": ("s",), "score": Item("s", kind="image"), "file": JsonFile("")}, "column score: is image"),
        ({"items": ("s",), "file": JsonFile("a.json")}, "column file: lies at"),
        ({"items": ("s",), "file": JsonFile(""), "frame": Image("a.png")}, "column frame: is a picture"),
    ],
)
def test_a_declaration_that_contradicts_itself_names_the_column(values, fault):
    with pytest.raises(LayoutError, match=fault):
        declared(**values)


def test_a_token_in_such_a_file_is_found(tmp_path):
    write(
        tmp_path / "a_vbvr_results.json",
        as_json({"samples": [{"error": "hf_" + "a" * 34}], "model_name": "a"}),
    )
    assert [one.code for one in check_scan(scan_rows(tmp_path)) if one.severity == "error"] == ["token"]
