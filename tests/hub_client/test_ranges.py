"""A file that is read in parts: the same bytes whatever fails on the way, or a plain error and no wrong ones."""

import random

import pytest

from vmeval_hfds.errors import HubError
from vmeval_hfds.hub.ranges import RangeFile
from vmeval_hfds.hub.repo import HubRepo

REPO = "user/ranges"
CONTENT = random.Random(0).randbytes(400_000)
PARTS = [(0, 4), (399_000, 400_000), (100_000, 100_010), (250_000, 330_000)]
#: A fault and whether what is asked for comes all the same.
FAULTS = {
    "reset": ({"kind": "reset"}, True),
    "reset in the answer": ({"kind": "reset", "after_bytes": 3}, True),
    "answer cut short": ({"kind": "truncate", "after_bytes": 3}, True),
    "answer lost": ({"kind": "lost_answer"}, True),
    "503": ({"kind": "status", "code": 503}, True),
    "429 with a wait": ({"kind": "status", "code": 429, "retry_after": 1}, True),
    "whole instead of the part": ({"kind": "status", "code": 200, "body": CONTENT}, True),
    "another part": ({"kind": "status", "code": 206, "body": CONTENT[:2]}, True),
    "403": ({"kind": "status", "code": 403}, False),
    "404": ({"kind": "status", "code": 404}, False),
}


@pytest.fixture
def file(hub):
    hub.create_repo(REPO)
    commit = hub.commit(REPO, {"data/x.bin": CONTENT})
    hub.clear_log()
    return lambda: RangeFile(HubRepo(REPO), "data/x.bin", commit, len(CONTENT))


def read(file, start, end):
    file.seek(start)
    return file.read(end - start)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("at", range(4))
def test_a_fault_at_a_request(hub, file, name, at):
    fault, comes = FAULTS[name]
    hub.fault(**fault, at=at)
    opened = file()
    found = []
    try:
        found = [read(opened, *part) for part in PARTS]
    except HubError:
        assert not comes
        hub.clear_faults()
        found = [read(opened, *part) for part in PARTS]
    assert found == [CONTENT[start:end] for start, end in PARTS]


@pytest.mark.parametrize("name", [name for name, (_, comes) in FAULTS.items() if comes])
def test_parts_that_are_brought_ahead(hub, file, name):
    hub.fault(**FAULTS[name][0], path="x.bin")
    opened = file()
    opened.prefetch(PARTS)
    hub.clear_faults()
    asked = len(hub.requests)
    assert [read(opened, *part) for part in PARTS] == [CONTENT[start:end] for start, end in PARTS]
    assert len(hub.requests) == asked


def test_a_fault_that_stays_is_said(hub, file):
    hub.fault(kind="status", code=503, path="x.bin", times=None)
    with pytest.raises(HubError):
        file().read(10)
