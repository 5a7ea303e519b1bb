"""A layout is declared a column a line; what contradicts itself is an error that names the column."""

import pickle

import pytest

from vmeval_builders.errors import LayoutError
from vmeval_builders.layouts.columns import Column, Computed, Image, Json, JsonFile, Part, Text, Video
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import EVALUATIONS, OUTPUTS, QUESTIONS


class Clips(Layout):
    """Clips by subject."""

    name, noun, title = "clips", "clip", "Clips"
    rows = "{subject}/{clip_id}"
    id_column, group_column = "clip_id", "subject"
    subject = Part()
    clip_id = Part()
    caption = Text("caption.txt")
    clip = Video("*.mp4")
    verdict = Json("result.verdict")
    review = JsonFile("review.json")


def test_the_table_has_the_declared_columns_in_order_and_path():
    assert Clips().columns == {
        "subject": "string",
        "clip_id": "string",
        "caption": "string",
        "clip": "video",
        "verdict": "string",
        "review": "string",
        "path": "string",
    }
    assert Clips().media == ("clip",)
    assert Clips().json_from == "review"


def test_domain_and_what_is_shown_are_the_group_where_nothing_else_is_stated():
    assert (Clips().domain_column, Clips().shown) == ("subject", ("subject",))
    assert (OUTPUTS.group_column, OUTPUTS.domain_column) == ("model", "domain")


def test_a_layout_that_extends_another_keeps_its_columns():
    class Rated(Clips):
        name = "rated"
        rating = Json("rating", kind="float64")

    assert [*Rated().columns] == [*[*Clips().columns][:-1], "rating", "path"]


@pytest.mark.parametrize("layout", [Clips(), QUESTIONS, OUTPUTS, EVALUATIONS], ids=lambda layout: layout.name)
def test_a_layout_is_a_value(layout):
    assert pickle.loads(pickle.dumps(layout)) == layout
    assert hash(layout) == hash(type(layout)())
    with pytest.raises(AttributeError, match="does not change"):
        layout.noun = "thing"


CONTRADICTIONS = {
    "a-name-that-the-layout-has": ({"title": Text("title.txt")}, "title"),
    "a-path-of-its-own": ({"path": Part()}, "path"),
    "a-part-that-no-pattern-has": ({"scene": Part()}, "scene"),
    "a-part-and-a-file": ({"subject": Text("subject.txt")}, "subject"),
    "two-columns-of-one-file": ({"words": Text("caption.txt")}, "words"),
    "a-file-nowhere": ({"words": Text()}, "words"),
    "a-file-too-deep": ({"words": Text("a/b/words.txt")}, "words"),
    "text-of-any-name": ({"words": Text("*.txt")}, "words"),
    "two-json-files": ({"notes": JsonFile("notes.json")}, "notes"),
    "json-without-a-file": ({"review": Text("review.json")}, "verdict"),
    "a-picture-out-of-json": ({"verdict": Json("verdict", kind="image")}, "verdict"),
    "an-unknown-kind": ({"depth": Column("float16")}, "depth"),
    "an-id-that-is-not-declared": ({"id_column": "number"}, "number"),
    "a-group-that-is-a-video": ({"group_column": "clip"}, "clip"),
    "a-group-that-is-a-number": ({"group_column": "length", "length": Computed("float64")}, "length"),
    "a-domain-that-is-not-declared": ({"domain_column": "domain"}, "domain"),
    "a-count-by-nothing": ({"shown": ("subject", "maker")}, "maker"),
    "a-gallery-that-plays-text": ({"gallery_video": "caption"}, "caption"),
    "a-gallery-that-shows-a-video": ({"gallery_frames": ("clip",)}, "clip"),
    "a-mark-that-is-no-file": ({"marks": frozenset({"clip.mp4"})}, "clip.mp4"),
    "a-pattern-that-names-twice": ({"rows": "{subject}/{clip_id}/{subject}"}, "path"),
    "a-pattern-half-open": ({"rows": "[{subject}/{clip_id}"}, "path"),
    "a-part-like-nothing": ({"subject": Part("[")}, "subject"),
}


@pytest.mark.parametrize(("stated", "column"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_an_error_that_names_the_column(stated, column):
    with pytest.raises(LayoutError, match=f"^column {column}: "):
        type("Broken", (Clips,), stated)


@pytest.mark.parametrize("left_out", ["name", "noun", "title", "rows", "id_column", "group_column"])
def test_what_every_layout_must_state_is_asked_for(left_out):
    stated = {name: value for name, value in vars(Clips).items() if not name.startswith("_")}
    stated = {name: value for name, value in stated.items() if name not in (left_out, "declared", "shown")}
    with pytest.raises(LayoutError, match=f"does not state its '{left_out}'"):
        type("Half", (Layout,), stated)()


def test_a_part_can_have_to_look_like_something():
    class Checkpoints(Layout):
        name, noun, title = "checkpoints", "run", "Runs"
        rows = ("{model}/{checkpoint}/{run}", "{model}/{run}")
        id_column, group_column = "run", "model"
        model = Part()
        checkpoint = Part("checkpoint-[0-9]+")
        run = Part()
        video = Video("*.mp4")
        frame = Image("frame.png")

    parts = Checkpoints().parts
    assert parts("wan/checkpoint-100/0")["checkpoint"] == "checkpoint-100"
    assert parts("wan/0") == {"model": "wan", "run": "0"}
    assert parts("wan/other/0") is None
