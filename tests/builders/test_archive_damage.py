"""Archives that are hostile, cut or damaged are refused, within little memory and time."""

import gzip
import io
import re
import tarfile
import tracemalloc
from dataclasses import dataclass

import pytest

from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS, ids
from tests.tar_factories import (
    AS_IT_IS,
    BLOCK,
    END,
    GNU,
    LONG,
    PAX,
    USTAR,
    WHOLE,
    both,
    contents,
    extension,
    folder,
    gz,
    header,
    listing,
    member,
    noise,
    pack,
    padded,
    problems,
    record,
    written,
)
from vmeval_builders.errors import ArchiveError
from vmeval_builders.scan import scan_archive
from vmeval_builders.sources import archive
from vmeval_builders.sources.archive import index_archive

# Refused


@dataclass(frozen=True)
class Refused:
    """A member that cannot become a file or folder: its blocks, its path and a part of what is said."""

    name: str
    blocks: bytes
    said: str
    path: str = "a"


REFUSED = (
    Refused("symbolic-link", header(tarfile.SYMTYPE, linkname="b"), "symbolic link"),
    Refused("link-outside", header(tarfile.SYMTYPE, linkname="/etc/passwd"), "symbolic link"),
    Refused("hard-link", header(tarfile.LNKTYPE, linkname="b"), "hard link"),
    Refused("hard-link-with-a-size", header(tarfile.LNKTYPE, linkname="b", size=9), "hard link"),
    Refused("long-link", extension(b"K", b"l" * 300) + header(tarfile.SYMTYPE), "symbolic link"),
    Refused("long-name", extension(b"L", LONG.encode()) + header(tarfile.SYMTYPE), "symbolic link", LONG),
    Refused("pipe", header(tarfile.FIFOTYPE), "pipe"),
    Refused("character-device", header(tarfile.CHRTYPE), "device"),
    Refused("block-device", header(tarfile.BLKTYPE), "device"),
    Refused("sparse", header(tarfile.GNUTYPE_SPARSE, size=3) + padded(b"abc"), "sparse"),
    Refused(
        "sparse-0.1",
        extension(b"x", record("GNU.sparse.map", b"0,3") + record("GNU.sparse.name", b"a"))
        + header(name="GNUSparseFile.1/a", size=3)
        + padded(b"abc"),
        "sparse",
    ),
    Refused("multi-volume", header(b"M", size=3) + padded(b"abc"), "type b'M'"),
    Refused("volume-label", header(b"V"), "type b'V'"),
    Refused("vendor", header(b"Z", size=3) + padded(b"abc"), "type b'Z'"),
)


@pytest.mark.parametrize("row", REFUSED, ids=ids(REFUSED))
def test_only_files_and_folders_are_taken(tmp_path, row):
    before, after = pack(("before", b"1"))[: 2 * BLOCK], pack(("z/after", b"2"))
    for name, content in both(before + row.blocks + after):
        path = written(tmp_path, content, name)
        assert contents(path) == {"before": b"1", "z/after": b"2"}
        found = problems(path)
        assert set(found) == {("not-a-file", row.path)}
        assert row.said.lower() in found[("not-a-file", row.path)].lower()


def test_a_sparse_file_s_map_may_fill_many_blocks(tmp_path):
    start = bytearray(header(tarfile.GNUTYPE_SPARSE, size=3))
    start[482] = 1
    start[148:156] = b" " * 8
    start[148:156] = b"%06o\0 " % sum(start)
    more = bytes(504) + b"\1" + bytes(7)
    path = written(tmp_path, bytes(start) + 3 * more + bytes(BLOCK) + padded(b"abc") + pack(("b", b"1")))
    assert set(problems(path)) == {("not-a-file", "a")}
    assert contents(path) == {"b": b"1"}


def test_a_file_that_no_cell_can_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FILE_LIMIT_BYTES", 4)
    path = written(tmp_path, pack(("a", b"1234"), ("b", b"12345")))
    assert contents(path) == {"a": b"1234"}
    assert problems(path) == {("too-large", "b"): "The file has 5 bytes; a table's cell holds 4 at most."}


STRIPPED = {"git", "dot-first"}  # what every archive of "." has


@pytest.mark.parametrize(
    "row", [row for row in HOSTILE_PATHS if row.name not in STRIPPED], ids=lambda row: row.name
)
def test_a_hostile_path_is_refused_as_it_stands(tmp_path, row):
    found = problems(written(tmp_path, pack(member("a", pax_headers={"path": row.path}))))
    assert list(found) == [("bad-name", row.path)]
    assert row.reason in found[("bad-name", row.path)]


NO_FOLDERS = STRIPPED | {"dot", "trailing-slash"}  # the root, and how folders are written


@pytest.mark.parametrize(
    "row", [row for row in HOSTILE_PATHS if row.name not in NO_FOLDERS], ids=lambda row: row.name
)
@pytest.mark.parametrize("inside", [[], ["link"]], ids=["empty", "not-empty"])
def test_a_hostile_folder_is_refused_once(tmp_path, row, inside):
    links = [member("a", kind=tarfile.SYMTYPE, pax_headers={"path": f"{row.path}/{name}"}) for name in inside]
    path = written(tmp_path, pack(folder("a", pax_headers={"path": row.path}), *links))
    found = [problem for problem in scan_archive(path, AS_IT_IS).problems if problem.code == "bad-name"]
    assert [problem.path for problem in found] == [row.path]
    assert row.reason in found[0].message


@pytest.mark.parametrize("name", ["/etc/passwd", "/", "a//b", "a/./b", "a/../b", "..", "../a", "a/", "C:\\a"])
@pytest.mark.parametrize("form", [PAX, GNU, USTAR], ids=["pax", "gnu", "ustar"])
def test_no_name_in_a_header_is_put_right(tmp_path, name, form):
    assert ("bad-name", name) in problems(written(tmp_path, header(name=name, form=form) + END))


@pytest.mark.parametrize("name", ["/", "//", "/etc", "a//b", "a/.."])
def test_no_folder_s_name_in_a_header_is_put_right(tmp_path, name):
    assert ("bad-name", name.rstrip("/") or name) in problems(
        written(tmp_path, header(tarfile.DIRTYPE, name) + END)
    )


TWICE = {"empty-folder-twice"}  # one folder; the later time counts


@pytest.mark.parametrize(
    "row", [row for row in HOSTILE_FILES if row.name not in TWICE], ids=lambda row: row.name
)
@pytest.mark.parametrize("order", [1, -1], ids=["as-listed", "reversed"])
def test_paths_that_meet_on_some_system_are_refused(tmp_path, row, order):
    members = [folder(path) if path.endswith("/") else (path, path.encode()) for path in row.files]
    found = problems(written(tmp_path, pack(*members[::order])))
    assert [code for code, _ in found] == ["bad-name"]
    assert any(row.reason in message for message in found.values())


def test_a_path_that_no_system_has_is_refused_before_its_folders_fill_the_memory(tmp_path):
    content = pack(member("x", pax_headers={"path": "a/" * 2**18 + "a"}))
    with pytest.raises(ArchiveError, match="path of 524289 bytes"):
        index_archive(written(tmp_path, content))


END_MARK = len(WHOLE.rstrip(b"\0")) + -len(WHOLE.rstrip(b"\0")) % BLOCK


@pytest.mark.parametrize(
    "cut", sorted({*range(0, len(WHOLE), 97), *range(0, len(WHOLE), BLOCK), END_MARK + BLOCK - 1})
)
def test_an_archive_that_is_cut_short_is_refused_where_anything_but_zeros_is_lost(tmp_path, cut):
    path = written(tmp_path, WHOLE[:cut], "cut.tar")
    if cut >= END_MARK + BLOCK:
        assert listing(path) == listing(written(tmp_path, WHOLE))
        return
    with pytest.raises(
        ArchiveError, match=f"cut.tar: is cut short at byte {cut}: expected .*; fetch or pack it again"
    ):
        index_archive(path)


def test_gzip_data_that_are_cut_short_anywhere_are_refused(tmp_path):
    whole = gz(WHOLE, mtime=0)
    for cut in range(2, len(whole)):
        with pytest.raises(ArchiveError, match="is cut short"):
            index_archive(written(tmp_path, whole[:cut]))


def test_a_whole_gzip_file_of_half_an_archive_is_refused(tmp_path):
    for cut in range(0, END_MARK, BLOCK):
        with pytest.raises(ArchiveError, match=f"is cut short at byte {cut}"):
            index_archive(written(tmp_path, gz(WHOLE[:cut])))


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _header_blocks(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        starts = {start for one in tar for start in (one.offset, one.offset_data - BLOCK)}
    return sorted(starts | {END_MARK, len(content) - BLOCK})


@pytest.mark.parametrize("start", _header_blocks(WHOLE))
def test_a_byte_that_flipped_in_a_header_or_end_mark_never_changes_what_is_listed(tmp_path, start):
    sound = listing(written(tmp_path, WHOLE))
    refused = 0
    for place in range(start, start + BLOCK):
        try:
            assert listing(written(tmp_path, flipped(WHOLE, place))) == sound
        except ArchiveError:
            refused += 1
    assert refused >= BLOCK - 8  # a checksum has a byte or two that say nothing


def test_a_byte_that_flipped_in_gzip_data_never_changes_what_is_listed(tmp_path):
    whole = gz(WHOLE, mtime=0)
    sound = listing(written(tmp_path, WHOLE))
    for place in range(2, len(whole)):
        try:
            assert listing(written(tmp_path, flipped(whole, place))) == sound
        except ArchiveError:
            continue
        assert place < 10, "only the first ten bytes, gzip's own time and system, have no checksum"


@pytest.mark.parametrize(
    "body",
    [
        b"mtime=1.5\n",
        b"12mtime=1.5\n",
        b"14 mtime=1.5\n",
        b"11 mtime=1.5\n",
        b"99 mtime=1.5\n",
        b"0 mtime=1.5\n",
        b"-1 mtime=1.5\n",
        b"12 mtime:1.5\n",
        b"12 mtime=1.5 ",
        b"13 mtime=1.5\n\nmtime=1.5\n",
        b"9999999999999999999999 mtime=1.5\n",
        b"1" * 100,
        record("mtime", b"1.5") + b"\0" + record("path", b"b"),
        record("size", b"x"),
        record("size", b"-1"),
        record("size", b""),
        record("size", b"9" * 50),
        record("size", b"9" * 5000),
    ],
)
@pytest.mark.parametrize("kind", [b"x", b"g", b"X"])
def test_a_damaged_pax_header_is_refused(tmp_path, kind, body):
    with pytest.raises(ArchiveError, match="fetch or pack it again"):
        index_archive(written(tmp_path, extension(kind, body) + pack(("a", b"1"))))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is cut short at byte 0"),
        (b"no archive " * 100, "is no tar archive"),
        (b"\xfd7zXZ\0" + noise(1000), "is no tar archive"),
        (gz(b"no archive " * 100), "is no tar archive"),
        (b"\x1f\x8b", "is cut short"),
        (b"\x1f\x8b" + noise(100), "damaged gzip data"),
        (pack(("a", b"1")) + pack(("b", b"2")), "has data at byte 10240, behind its end mark"),
        (pack(("a", b"1")) + b"x", "has data at byte 10240, behind its end mark"),
        (gz(pack(("a", b"1"))) + b"x", "is cut short"),
        (gz(pack(("a", b"1"))) + noise(100), "damaged gzip data"),
        (gz(pack(("a", b"1"))) + bytes(100) + noise(100), "damaged gzip data"),
        (gz(pack(("a", b"1"))) * 2, "behind its end mark"),
        (
            header(size=513) + bytes(BLOCK),
            "is cut short at byte 1024: expected data of a file up to byte 1536",
        ),
        (header(size=2**62) + END, "is cut short"),
        (gz(header(size=2**62) + END), "is cut short"),
        (header(size=-BLOCK) + END, "size of -512"),
        (header(b"x", size=-BLOCK) + END, "size of -512"),
        (header(b"x", size=9), "is cut short"),
        (extension(b"x", record("path", b"a")) + END, "expected the file that the header before describes"),
        (extension(b"L", b"a") + END, "expected the file that the header before describes"),
        (header(tarfile.GNUTYPE_LONGNAME, size=2**20 + 1), "extension header of 1048577 bytes"),
    ],
)
def test_what_is_no_whole_archive_is_refused(tmp_path, content, said):
    path = written(tmp_path, content)
    with pytest.raises(ArchiveError, match=re.escape(said)) as caught:
        index_archive(path)
    assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(ArchiveError):
        scan_archive(path, AS_IT_IS)


@pytest.mark.parametrize("zeros", [1, 511, 512, 100_000])
def test_zeros_behind_an_archive_are_padding(tmp_path, zeros):
    for content in (
        WHOLE + bytes(zeros),
        gz(WHOLE) + bytes(zeros),
        gz(WHOLE + bytes(zeros)),
    ):
        assert listing(written(tmp_path, content))[3] == listing(written(tmp_path, WHOLE))[3]


@pytest.mark.parametrize("split", range(0, END_MARK + BLOCK, 300))
def test_gzip_members_behind_each_other_are_one_stream(tmp_path, split):
    content = gz(WHOLE[:split]) + gz(WHOLE[split:]) + gz(b"")
    assert listing(written(tmp_path, content)) == listing(written(tmp_path, WHOLE))


def test_a_global_header_may_stand_alone(tmp_path):
    content = extension(b"g", record("comment", b"the commit of `git archive`")) + END
    assert index_archive(written(tmp_path, content)).files == []


def test_what_cannot_be_opened_is_said_by_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        index_archive(tmp_path / "none.tar")


# Memory and disk


def _repeated(piece, times, before=b"", after=END):
    """Gzip data of a piece that comes many times, made without holding it."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as file:
        file.write(before)
        for _ in range(times):
            file.write(piece)
        file.write(after)
    return stream.getvalue()


MIB = 2**20


@pytest.mark.parametrize(
    ("content", "files"),
    [
        (_repeated(bytes(MIB), 48, header(size=48 * MIB)), 1),
        (_repeated(bytes(MIB), 48), 0),
        (_repeated(extension(b"x", record("comment", b"c" * MIB)[: MIB // 2]), 0) * 48, 0),
        (
            b"".join(gz(extension(b"x", record(f"key{place}", b"c" * (MIB - 100))), 1) for place in range(48))
            + gz(header() + END),
            1,
        ),
        (_repeated(bytes(MIB), 16, header(b"L", size=2**33)), None),
        (_repeated(bytes(504) + b"\1" + bytes(7), 2**15, header(b"x", size=2**40)), None),
    ],
    ids=[
        "a-large-file",
        "padding",
        "empty-archives",
        "records-that-no-one-needs",
        "long-name",
        "long-pax-header",
    ],
)
def test_an_archive_takes_little_memory_whatever_it_says(tmp_path, content, files):
    path = written(tmp_path, content)
    del content
    tracemalloc.start()
    try:
        found = len(index_archive(path).files)
    except ArchiveError:
        found = None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == files
    assert peak < 8 * MIB


def test_ten_thousand_extension_headers_before_one_file_are_read(tmp_path):
    content = extension(b"x", record("path", b"b")) * 10_000 + header() + END
    assert contents(written(tmp_path, content)) == {"b": b""}


@pytest.mark.parametrize("digits", [b"1" * (MIB - 20), b"0" * (MIB - 20) + b" hdrcharset"])
def test_a_header_of_digits_takes_no_time_that_grows_with_their_square(tmp_path, digits):
    with pytest.raises(ArchiveError, match="damaged extension header"):
        index_archive(written(tmp_path, extension(b"x", digits) + header() + END))
