"""Problems, packed: what comes out is what a plain sorted list of them would be."""

import pickle
import random
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from vmeval_builders import packed_values
from vmeval_builders.packed_values import PackedValues
from vmeval_builders.problem_list import ProblemList
from vmeval_builders.problems import Problem

PATHS = st.sampled_from(["", "a", "a/b", "a-b", "b", "é", "\udc80", "line\nfeed"])
PROBLEMS = st.builds(
    Problem,
    st.sampled_from(["dead-path", "token"]),
    st.sampled_from(["error", "warning"]),
    PATHS,
    st.sampled_from(["One.", 'Two "quoted" \0 with \ud800.', "Ü"]),
)


def in_order(problems):
    return sorted(set(problems), key=lambda one: (one.severity, one.path, one.code, one.message))


@given(st.lists(st.lists(PROBLEMS, max_size=8), max_size=5))
def test_lists_put_together_are_in_order_and_hold_each_once(lists):
    merged = ProblemList.merged(map(ProblemList.of, lists))
    assert merged == in_order([*chain.from_iterable(lists)])


def test_lists_of_many_blocks_that_overlap_or_do_not():
    def some(folder, numbers):
        return [Problem("dead-path", "warning", f"{folder}/{number:05}", "It is.") for number in numbers]

    generator = random.Random(5)
    lists = [
        some("b", range(0, 3000, 2)),
        some("b", range(1, 3000, 3)),
        some("a", range(1000)),
        some("c", range(700)),
    ]
    lists.append([Problem("empty-file", "error", "b/00100", "It is.")])
    for one in lists:
        generator.shuffle(one)
    merged = ProblemList.merged(map(ProblemList.of, lists))
    expected = in_order([*chain.from_iterable(lists)])
    assert list(merged) == expected
    assert (merged[0], merged[-1], merged[1234]) == (expected[0], expected[-1], expected[1234])
    assert merged[2:2000:7] == expected[2:2000:7]


def test_a_list_of_problems_is_a_sequence_as_a_plain_one_is():
    one, other = Problem("token", "error", "a", "One."), Problem("token", "error", "b", "Two.")
    listed = ProblemList.of([other, one])
    assert listed == [one, other] == listed
    assert listed != [one] != ProblemList() == []
    assert not ProblemList()
    assert repr(listed) == repr([one, other])
    assert other in listed
    assert pickle.loads(pickle.dumps(listed)) == listed


def test_packed_values_come_back_one_by_one_and_all():
    values = [{"id": number, "text": "é\ud800"} for number in range(2 * packed_values.BLOCK_VALUES + 3)]
    packed = PackedValues(values)
    assert list(packed) == values
    assert [packed[number] for number in (0, 300, -1)] == [values[number] for number in (0, 300, -1)]
    assert packed[249:252] == values[249:252]
