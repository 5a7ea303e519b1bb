"""Lists in JSON, element after element: what is kept is what parsing all of it gives, or nothing is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmeval_builders.json_lists import parse_lists
from vmeval_builders.json_values import parse_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abid"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["pairs", "questions", "name", "id"]), VALUES, max_size=4)
KEPT = ("pairs", "questions", "id")


def lists_in(text):
    return parse_lists(text, ("pairs", "questions"), KEPT, list)


@given(OBJECTS, st.sampled_from([None, 2]))
def test_lists_are_as_if_all_was_parsed(value, indent):
    text = json.dumps(value, indent=indent)
    parsed, _ = parse_object(text, keep=KEPT)
    named = {key: parsed[key] for key in ("pairs", "questions") if key in parsed}
    if all(isinstance(one, list) for one in named.values()):
        assert lists_in(text) == named
    else:
        assert lists_in(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{",
        '{"pairs"}',
        '{"pairs": [1,]}',
        '{"pairs": [1}',
        '{"pairs": []} x',
        '{"pairs": [], }',
        "{1: 2}",
        '{"pairs": ' + "[" * 100_000,
        '{"pairs": [' + "9" * 5000 + "]}",
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_plain_object_is_left_to_whoever_parses_all(text):
    assert lists_in(text) is None


def test_the_last_of_two_lists_of_a_name_counts():
    text = '\ufeff {"pairs": [1], "id": {"pairs": [7]}, "pairs": [{"id": 2, "x": 3}, null]} '
    assert lists_in(text) == {"pairs": [{"id": 2}, None]}
