"""Real samples of layouts that others write, and what every layout must come through."""

import shutil
import tarfile
from pathlib import Path

import pytest

from tests.factories import tree
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, open_repo, push_to_hub, verify

SHARED = Path(__file__).parents[2] / "shared" / "data"
REPO = "user/layouts"


def unpacked(name, target):
    """Unpack a real sample, or skip the test where there is none."""
    archive = SHARED / name
    if not archive.exists():
        pytest.skip(f"needs ../shared/data/{name} beside the project, which is no part of it")
    with tarfile.open(archive) as opened:
        opened.extractall(target, filter="fully_trusted")
    return target


def rows_of(folder):
    """Make the rows of a folder, by path."""
    scan = scan_rows(folder)
    made = [row_of(scan.layout, read_unit(scan.source, scan.layout, unit)) for unit in scan.units]
    return {row["path"]: row for row in made}


def shown(row, *columns):
    """Give some columns of a row, with the names of files for their bytes."""
    return tuple(_shown(row[name]) for name in columns)


def _shown(value):
    if isinstance(value, list):
        return [one["path"] for one in value]
    return value["path"] if isinstance(value, dict) else value


def errors_of(folder):
    return [problem for problem in check_folder(folder) if problem.severity == "error"]


def comes_back(folder, tmp_path, layout, **options):
    """Hold that a folder is found to be of a layout, and comes back from a dataset, from an archive and from the Hub."""
    if not options:
        scan = scan_rows(folder)
        assert (scan.layout.name, scan.layout_found) == (layout, True)
        assert errors_of(folder) == []
    before = tree(folder)
    dataset = build(folder, tmp_path / "dataset", **options).target
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == before
    assert verify(folder, dataset).same
    with tarfile.open(tmp_path / "packed.tar", "w") as archive:
        archive.add(folder, arcname=".")
    build(tmp_path / "packed.tar", tmp_path / "of-tar", **options)
    export(tmp_path / "of-tar", tmp_path / "from-tar")
    assert tree(tmp_path / "from-tar") == before
    push_to_hub(folder, REPO, **options)
    export(open_repo(REPO), tmp_path / "from-hub")
    assert tree(tmp_path / "from-hub") == before
    assert verify(tmp_path / "from-hub", open_repo(REPO)).same
    for made in ("dataset", "rebuilt", "of-tar", "from-tar", "from-hub"):
        shutil.rmtree(tmp_path / made)
    return before
