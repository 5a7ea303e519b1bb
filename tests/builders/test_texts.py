"""Packed texts come back as they were given, whatever they begin with, and however many they are."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from vmeval_builders.texts import OptionalTexts, Texts

# More than are packed together, of which many begin alike, and some not at all.
TEXTS = st.lists(
    st.sampled_from(["", "a", "a/b", "a/b/c", "b\0", "\0", "é", "\udcff", "z" * 300]), max_size=200
)


@given(TEXTS)
def test_texts_come_back_in_their_order(given_texts):
    texts = Texts(given_texts)

    assert list(texts) == given_texts
    assert [texts[number] for number in range(len(texts))] == given_texts
    assert [texts[-1 - number] for number in range(len(texts))] == given_texts[::-1]
    assert texts[::3] == given_texts[::3]
    assert list(pickle.loads(pickle.dumps(texts))) == given_texts


@given(TEXTS, st.integers(0, 200), st.integers(0, 200))
def test_some_of_the_texts_come_back(given_texts, start, end):
    texts = Texts(given_texts)
    numbers = [number for number in (end, start, start + 1, 3) if number < len(texts)]

    assert texts[start:end] == given_texts[start:end]
    assert list(texts.each(numbers)) == [(number, given_texts[number]) for number in numbers]


@given(TEXTS, st.sampled_from(["", "a", "a0", "b\0", "zz"]))
def test_a_text_has_a_position_before_all_that_are_not_less(given_texts, text):
    assert Texts(sorted(given_texts)).position(text) == sum(one < text for one in given_texts)


@given(st.permutations(range(0, 150, 3)))
def test_places_that_were_looked_for_before_change_nothing(numbers):
    given_texts = [f"maze/maze_{number:04}" for number in range(150)]
    texts = Texts(given_texts)

    assert [(texts.position(given_texts[number]), texts[number]) for number in numbers] == [
        (number, given_texts[number]) for number in numbers
    ]
    texts.append("maze/maze_0150")
    assert (texts.position("maze/maze_0150"), texts[150]) == (150, "maze/maze_0150")


@given(st.lists(st.sampled_from([None, "", "a", "\0", "\0\0a"]), max_size=200))
def test_none_comes_back_among_texts(given_texts):
    texts = OptionalTexts(given_texts)

    assert list(texts) == given_texts
    assert texts[:5] == given_texts[:5]
    assert list(texts.each(range(len(texts)))) == given_texts
