"""Files read straight into memory: whole, or not at all."""

import os

import pytest

from tests.factories import write
from vmeval_builders.entries import FileEntry
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.sources.folder import Folder


def read_into(folder, name, size_bytes):
    place = memoryview(bytearray(size_bytes))
    Folder(folder).read_into(FileEntry(name, size_bytes, 0), place)
    return bytes(place)


@pytest.mark.parametrize("content", [b"", b"x", os.urandom(300_000)], ids=len)
def test_a_file_is_read_whole(tmp_path, content):
    write(tmp_path / "a", content)
    assert read_into(tmp_path, "a", len(content)) == content


@pytest.mark.parametrize("size_bytes", [0, 4, 6, 100])
def test_a_file_of_another_size_is_a_changed_folder(tmp_path, size_bytes):
    write(tmp_path / "a", b"12345")
    with pytest.raises(FolderChangedError, match=f"had {size_bytes} bytes and now has"):
        read_into(tmp_path, "a", size_bytes)


def test_a_read_that_gives_few_bytes_at_a_time_goes_on(tmp_path, monkeypatch):
    write(tmp_path / "a", b"0123456789")
    readv = os.readv
    monkeypatch.setattr(os, "readv", lambda file, places: readv(file, [places[0][:3], *places[1:]][:1]))
    assert read_into(tmp_path, "a", 10) == b"0123456789"
