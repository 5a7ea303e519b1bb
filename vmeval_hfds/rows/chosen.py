"""Which rows are wanted, whatever holds them."""

from __future__ import annotations

from vmeval_hfds.rows.rows import Rows
from vmeval_hfds.table.wanted import Chooser, Wanted


def chosen_numbers(rows: Rows, wanted: Wanted) -> list[int]:
    """Give the numbers of the rows that are wanted, ascending; no image or video is read.

    Args:
        rows: The rows.
        wanted: What is wanted of them.

    Raises:
        UnknownNameError: No row has what is asked for, or the layout has no such column.
    """
    chooser = Chooser(wanted, rows.about.layout, rows.about.name)
    needed = [name for name in chooser.needed if name in rows.about.text_columns]
    found = [number for number, row in enumerate(rows.texts(needed)) if chooser.fits(row.texts)]
    check_chosen(chooser, found)
    return found


def check_chosen(chooser: Chooser, found: object) -> None:
    """Refuse where no row is what is asked for.

    Args:
        chooser: What looked at every row.
        found: What it chose.

    Raises:
        UnknownNameError: Nothing was found; the message names near ones.
    """
    chooser.check()
    if not found and chooser.words:
        raise chooser.nothing_found()
