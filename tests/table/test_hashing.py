"""Hashes that a thread takes: those of files, and of a shard while it is written."""

import hashlib

import pytest

from vmeval_hfds.table.hashing import Hasher

PIECES = [b"a", b"", b"b" * 300_000, b"the end"]


def no_thread(self):
    raise RuntimeError("can't start new thread")


@pytest.fixture(params=["a thread", "no thread"])
def hasher(request, monkeypatch):
    if request.param == "no thread":
        monkeypatch.setattr("threading.Thread.start", no_thread)
    made = Hasher()
    yield made
    made.close()


def test_files_are_hashed_in_their_order(hasher):
    wanted = [hashlib.sha256(piece).digest() for piece in PIECES]

    assert hasher.digests([memoryview(piece) for piece in PIECES]).result() == wanted


def test_a_file_is_hashed_while_it_grows(hasher, tmp_path):
    place = tmp_path / "shard"
    with place.open("wb", buffering=0) as stream, hasher.follow(place) as shard:
        for piece in PIECES:
            stream.write(piece)
            shard.grown()
        found = shard.sha256()

    assert found == hashlib.sha256(b"".join(PIECES)).hexdigest()


def test_a_file_that_cannot_be_read_is_told_when_its_hash_is_asked_for(hasher, tmp_path):
    place = tmp_path / "shard"
    place.touch()
    with hasher.follow(place) as shard:
        shard._stream.close()
        with pytest.raises(ValueError, match="closed"):
            shard.sha256()
