"""Archives, JSON and pictures that are small and would become gigabytes: a sentence, in seconds and with little memory."""

import gzip
import struct
import tarfile
import zlib

import pytest

from tests.factories import write, write_folder, write_question
from vmeval_builders import json_values
from vmeval_builders.frames import PIXEL_LIMIT
from vmeval_builders.json_values import parse_object
from vmeval_builders.sources import archive, tar_streams
from vmeval_hfds import build


def header(name, size=0, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def pax(records):
    body = b"".join(records)
    return header("pax", len(body), tarfile.XHDTYPE) + body.ljust(-(-len(body) // 512) * 512, b"\0")


def huge_tars():
    """Give archives that say of themselves that they are huge."""
    size = b"27 size=1152921504606846976\n"
    end = bytes(1024)
    return {
        "a file of 2^60 bytes": header("a_task/a_0/prompt.txt", 2**60) + end,
        "a pax size of 2^60": pax([size]) + header("a_task/a_0/prompt.txt") + end,
        "a pax header of 2^60 bytes": header("pax", 2**60, tarfile.XHDTYPE) + end,
        "a long name of 2^60 bytes": header("long", 2**60, tarfile.GNUTYPE_LONGNAME) + end,
        "a pax size of 10^25": pax([b"35 size=" + b"9" * 25 + b"\n"]) + header("a_task/a_0/prompt.txt") + end,
        "a pax time of 10^5000": pax([b"30 mtime=1e50000000000000000\n"]) + header("a_task/a_0/prompt.txt") + end,
    }  # fmt: skip


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["tar", "tar.gz"])
@pytest.mark.parametrize("name", huge_tars())
def test_an_archive_that_says_it_is_huge_is_refused(name, packed, tmp_path, run):
    path = tmp_path / "a.tar"
    path.write_bytes(packed(huge_tars()[name]))
    code, _, said = run("build", path, tmp_path / "dataset")
    assert code == 1
    assert said.count("\n") == 1
    assert said.startswith(f"Error: {path}: ")
    assert not (tmp_path / "dataset").exists()


def test_gzip_that_unpacks_to_nothing_but_zeros_is_refused(tmp_path, run, monkeypatch):
    monkeypatch.setattr(tar_streams, "GZIP_LIMIT_BYTES", 2**22)
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header("a_task/a_0/prompt.txt", 2**24) + bytes(2**24 + 1024)))
    code, _, said = run("check", path)
    assert code == 1
    assert "a.tar.gz: unpacks to" in said


def test_gzip_of_pictures_is_no_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_streams, "GZIP_LIMIT_BYTES", 2**10)
    write_folder(tmp_path / "questions")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "questions", "questions")
    assert build(tmp_path / "a.tar.gz", tmp_path / "dataset").rows == 4


def test_an_archive_of_too_many_names_is_refused(tmp_path, run, monkeypatch):
    monkeypatch.setattr(archive, "MEMBERS_LIMIT", 100)
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join(header(f"{number}") for number in range(101)) + bytes(1024))
    code, _, said = run("check", path)
    assert code == 1
    assert "has more than 100 members: expected that many at most; pack it as several" in said


JSON = {
    "nested": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a number, nested": '{"n": ' + "9" * 5_000 + ', "a": ' + "[" * 100_000,
    "a number, then none": '{"n": ' + "9" * 5_000 + ", ]",
    "a number": '{"n": ' + "9" * 1_000_000 + "}",
    "a float": '{"n": 1e' + "9" * 5_000 + "}",
    "nested objects": '{"a": ' * 50_000 + "1" + "}" * 50_000,
    "half a pair": '{"\\ud800": "\\udc00"}',
}


@pytest.mark.parametrize("name", JSON)
def test_json_of_any_depth_and_length_is_a_value_or_a_reason(name):
    value, fault = parse_object(JSON[name])
    assert (value is None) is (fault is not None)
    assert len(fault or "") < 200


@pytest.mark.parametrize("name", JSON)
def test_json_of_any_depth_and_length_is_metadata_and_comes_back(name, tmp_path, run):
    write_question(tmp_path / "questions", "maze", "maze_0000")
    metadata = tmp_path / "questions/maze_task/maze_0000/question_metadata.json"
    write(metadata, JSON[name].encode())
    write(tmp_path / "questions/vmeval_dataset.json", JSON[name].encode())
    codes = {
        run(verb, tmp_path / "questions", *more)[0]
        for verb, *more in [("check",), ("build", tmp_path / "dataset")]
    }
    assert codes <= {0, 1}
    if (tmp_path / "dataset").exists():
        assert run("export", tmp_path / "dataset", tmp_path / "out")[0] == 0
        assert (tmp_path / "out/maze_task/maze_0000/question_metadata.json").read_text() == JSON[name]


def test_json_that_is_too_long_is_not_parsed(monkeypatch):
    monkeypatch.setattr(json_values, "JSON_LIMIT_CHARACTERS", 10)
    assert parse_object('{"a": [[],[]]}') == (None, "has 14 characters of JSON; 10 at most are parsed")
    assert parse_object('{"a": [[],[]]}', keep=["a"]) == ({"a": [[], []]}, None)


def png_of(width, height):
    """Make a PNG of zeros of a stated size, without its pixels in memory."""

    def chunk(kind, content):
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def gif_of(width, height):
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b"\x3b"


PICTURES = {
    "PNG": png_of(40_000, 25_000),
    "the largest PNG": png_of(2**31 - 1, 2**31 - 1),
    "GIF": gif_of(65_535, 65_535),
    "BMP": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 100_000, 100_000, 1, 24, 0, 0, 0, 0, 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_a_billion_pixels_is_never_decoded(name, tmp_path, run):
    folder = tmp_path / "questions"
    write_question(folder, "maze", "maze_0000")
    write(folder / "maze_task/maze_0000/first_frame.png", PICTURES[name])
    code, said, _ = run("check", folder)
    assert code == 1
    assert f"{PIXEL_LIMIT:,}" in said or "is not an image" in said
    assert run("build", folder, tmp_path / "dataset")[0] == 1
    assert run("gallery", folder, tmp_path / "page.html")[0] == 0
