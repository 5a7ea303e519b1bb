"""The terminal's bars: in proportion, aligned, on any terminal."""

import pytest

from vmeval_hfds.cli.bars import bar, bar_lines


def test_the_longest_bar_has_the_whole_width():
    assert bar(10, 10, 8) == "█" * 8
    assert bar(5, 10, 8) == "█" * 4
    assert bar(10, 10, 8, plain=True) == "#" * 8


@pytest.mark.parametrize("plain", [True, False])
def test_few_are_seen_and_none_are_not(plain):
    assert len(bar(1, 10**9, 8, plain)) == 1
    assert bar(0, 10, 8, plain) == ""
    assert bar(0, 0, 8, plain) == ""


def test_lines_are_aligned_and_fit():
    lines = list(bar_lines([("easy", 1200), ("a" * 100, 7), ("line\nbreak", 0)], columns=60, plain=True))
    assert all(len(line) <= 60 for line in lines)
    assert lines[0].startswith("easy ")
    assert "1,200   99 %  ###" in lines[0]
    assert lines[2].startswith("line\\nbreak")
    assert len({line.index("%") for line in lines}) == 1


def test_a_terminal_without_block_characters_gets_plain_bars(monkeypatch):
    class Ascii:
        encoding = "ascii"

    monkeypatch.setattr("sys.stdout", Ascii())
    assert "#" in next(bar_lines([("easy", 1)]))


def test_no_groups_no_lines():
    assert list(bar_lines([])) == []
