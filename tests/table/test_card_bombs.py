"""Cards that would take minutes or gigabytes to read: their YAML is looked at line by line, and never parsed."""

import time

import pytest

from vmeval_hfds.errors import DatasetError
from vmeval_hfds.table.card import (
    CARD_LIMIT_BYTES,
    check_card_size,
    header_blocks,
    schema_version,
    split_card,
)
from vmeval_hfds.table.foreign import foreign_content, held_dataset

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
CARDS = {
    "aliases of aliases": f"---\n{LAUGHS}dataset_info: *a59\n---\n",
    "anchors without number": "---\nx:\n" + "".join(f"- &a{n} *a{n}\n" for n in range(30_000)) + "---\n",
    "keys without number": "---\n" + "a:\n" * 30_000 + "---\n",
    "a million brackets": f"---\nx: {'[' * 1_000_000}\n---\n",
    "a version of a million digits": f"---\nvmeval_hfds:\n  schema_version: {'9' * 1_000_000}\n---\n",
    "no end": "---\n" + "a: b\n" * 30_000,
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_read_in_time_that_its_length_bounds(name):
    began = time.process_time()
    held_dataset(["README.md"], CARDS[name])
    foreign_content(["README.md"], CARDS[name], "questions")
    assert schema_version(CARDS[name]) is None
    header = split_card(CARDS[name])[0]
    assert "".join(text for _, text in header_blocks(header)) == header
    assert time.process_time() - began < 5  # Less than a second.


def test_what_states_a_dataset_is_known_without_parsing():
    assert held_dataset(["README.md"], CARDS["aliases of aliases"])
    assert not held_dataset(
        ["README.md"], "---\n# dataset_info: none\nlicense: mit\n---\ndataset_info: text\n"
    )


def test_a_card_that_is_too_large_is_not_read():
    check_card_size(CARD_LIMIT_BYTES, "card")
    with pytest.raises(DatasetError, match="card: has 16,777,217 bytes; expected 16,777,216 at most"):
        check_card_size(CARD_LIMIT_BYTES + 1, "card")
