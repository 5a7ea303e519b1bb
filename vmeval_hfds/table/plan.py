"""Which rows of a folder go into which config."""

from __future__ import annotations

from collections import defaultdict

from vmeval_builders.entries import Unit
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import Scan


def units_by_config(scan: Scan) -> dict[str, list[Unit]]:
    """Sort rows by their layout's group column, keeping their order; those without a value are one group."""
    return units_by(scan, scan.layout.group_column)


def units_by(scan: Scan, column: str) -> dict[str, list[Unit]]:
    """Sort rows by the values of a text column, keeping their order; those without a value are one group."""
    groups: dict[str, list[Unit]] = defaultdict(list)
    for unit in scan.units:
        value = unit.parts.get(column)
        if value is None or scan.layout.needs_row(unit):
            contents = read_unit(scan.source, scan.layout, unit, media=False)
            value = row_of(scan.layout, contents)[column]
        groups[value or f"no-{column}"].append(unit)
    return dict(groups)
