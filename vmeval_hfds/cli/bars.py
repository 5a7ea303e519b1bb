"""Bars for the terminal: how many questions each group has, to be seen at a glance."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"


def bar(count: int, most: int, width: int, plain: bool = False) -> str:
    """Draw one bar.

    Args:
        count: What it stands for.
        most: The count of the longest bar.
        width: The longest bar's length in characters.
        plain: Draw with ``#``, for terminals that know ASCII only.

    Returns:
        At least a sliver for any count above zero.
    """
    if count <= 0 or most <= 0:
        return ""
    if plain:
        return "#" * max(1, round(width * count / most))
    whole, eighths = divmod(max(1, round(8 * width * count / most)), 8)
    return _FULL * whole + (_EIGHTHS[eighths] if eighths else "")


def bar_lines(
    groups: Sequence[tuple[str, int]], columns: int = 80, plain: bool | None = None
) -> Iterator[str]:
    """Lay out groups as lines of name, count, share and bar.

    Args:
        groups: Name and count of each group, in the order in which they are to stand.
        columns: How many characters a line may have; names that leave no room for a bar are cut.
        plain: Draw with ``#``; None does so where stdout cannot hold block characters.

    Yields:
        One line for each group.
    """
    if not groups:
        return
    plain = not _holds_blocks() if plain is None else plain
    most = max(count for _, count in groups)
    total = sum(count for _, count in groups)
    counts = [f"{count:,}" for _, count in groups]
    count_width = max(map(len, counts))
    names = [_shown(name, max(8, columns // 2)) for name, _ in groups]
    name_width = max(map(len, names))
    width = max(4, columns - name_width - count_width - len("    100 %  "))
    for name, text, (_, count) in zip(names, counts, groups, strict=True):
        share = f"{100 * count / total if total else 0:3.0f} %"
        line = f"{name:<{name_width}}  {text:>{count_width}}  {share}  {bar(count, most, width, plain)}"
        yield line.rstrip()


def _shown(name: str, longest: int) -> str:
    """Show any name on one line, whatever characters it has."""
    text = name if name.isprintable() else ascii(name)[1:-1]
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _holds_blocks() -> bool:
    try:
        f"{_FULL}{_EIGHTHS}".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
