"""What a thread does behind another: whatever it is asked for, and the hash of a shard while it is written."""

import hashlib

import pytest

from vmeval_hfds.table.behind import Behind

PIECES = [b"a", b"", b"b" * 300_000, b"the end"]


def no_thread(self):
    raise RuntimeError("can't start new thread")


@pytest.fixture(params=["a thread", "no thread"])
def behind(request, monkeypatch):
    if request.param == "no thread":
        monkeypatch.setattr("threading.Thread.start", no_thread)
    made = Behind()
    yield made
    made.close()


def test_a_file_is_hashed_while_it_grows(behind, tmp_path):
    place = tmp_path / "shard"
    with place.open("wb", buffering=0) as stream, behind.follow(place) as shard:
        for piece in PIECES:
            stream.write(piece)
            shard.grown()
        found = shard.sha256()

    assert found == hashlib.sha256(b"".join(PIECES)).hexdigest()


def test_a_file_that_cannot_be_read_is_told_when_its_hash_is_asked_for(behind, tmp_path):
    place = tmp_path / "shard"
    place.touch()
    with behind.follow(place) as shard:
        shard._stream.close()
        with pytest.raises(ValueError, match="closed"):
            shard.sha256()


def test_work_is_done_in_the_order_in_which_it_was_asked_for(behind):
    done = []
    for number in range(5):
        last = behind.do(lambda number=number: done.append(number))
    last.result()

    assert done == [0, 1, 2, 3, 4]


def test_an_error_comes_at_the_latest_where_the_result_is_asked_for(behind):
    with pytest.raises(ValueError, match="no number"):
        behind.do(lambda: int("no number")).result()
