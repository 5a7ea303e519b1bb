"""Archives as input: members in any order, exact times, nothing unpacked, and no damage that passes in silence."""

import gzip
import io
import os
import pickle
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tracemalloc
from dataclasses import dataclass
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS, LEGAL_PATHS, ids
from vmeval_builders.choice import Choice
from vmeval_builders.entries import FolderEntry
from vmeval_builders.errors import ArchiveError, FolderChangedError
from vmeval_builders.paths import path_problems
from vmeval_builders.scan import scan_archive
from vmeval_builders.sources import archive, tar_streams
from vmeval_builders.sources.archive import index_archive, is_archive

BLOCK = 512
END = bytes(2 * BLOCK)
AS_IT_IS = Choice(keeps_top_folder=True)
PAX, GNU, USTAR = tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT
LONG = "/".join(["m" * 80, "n" * 80, "o" * 80])


def gz(content, level=9, mtime=0):
    """Compress without the time of day: some archives are a part of their test's name, which all workers must agree on."""
    return gzip.compress(content, level, mtime=mtime)


# Archives, whole and piece by piece


def member(name, content=b"", kind=tarfile.REGTYPE, **fields):
    """One member; `fields` are those of `TarInfo`."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def folder(name, **fields):
    return member(name, kind=tarfile.DIRTYPE, **fields)


def link(name, to="a"):
    return member(name, kind=tarfile.SYMTYPE, linkname=to)


def pack(*members, form=PAX, **options):
    """The bytes of an archive; a pair of name and content is a file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form, **options) as tar:
        for info, content in members:
            info, content = (info, content) if isinstance(info, tarfile.TarInfo) else member(info, content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def header(kind=tarfile.REGTYPE, name="a", form=GNU, **fields):
    """One header block, of a member that tarfile itself would not write."""
    return member(name, kind=kind, **fields)[0].tobuf(form)


def padded(content):
    return content + bytes(-len(content) % BLOCK)


def extension(kind, body):
    return header(kind, "extension", size=len(body)) + padded(body)


def record(keyword, value):
    body = b" %s=%s\n" % (keyword.encode(), value)
    digits = next(count for count in range(1, 9) if len(str(len(body) + count)) == count)
    return b"%d%s" % (len(body) + digits, body)


def written(folder, content, name="a.tar"):
    path = folder / name
    path.write_bytes(content)
    return path


def both(content):
    """The archive plain and compressed, with their names."""
    return [("a.tar", content), ("a.tar.gz", gz(content, mtime=0))]


def contents(path):
    """What an archive holds, read in the order of its index."""
    index = index_archive(path)
    return {entry.path: index.source.read(entry) for entry in index.files}


def listing(path):
    """All that an index says, and all bytes."""
    index = index_archive(path)
    return index.files, index.folders, index.problems, [index.source.read(entry) for entry in index.files]


def problems(path):
    return {
        (problem.code, problem.path): problem.message for problem in scan_archive(path, AS_IT_IS).problems
    }


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


# What is an archive


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "A.TAR.GZ", "two.dots.tgz"])
def test_a_file_is_an_archive_by_its_name(tmp_path, name):
    path = written(tmp_path, b"", name)
    assert is_archive(path)


@pytest.mark.parametrize("name", ["a.tar.bz2", "a.gz", "tar", "a.tar.txt", "atar"])
def test_another_name_is_none(tmp_path, name):
    assert not is_archive(written(tmp_path, b"", name))


def test_a_folder_and_what_is_not_there_are_none(tmp_path):
    (tmp_path / "a.tar").mkdir()
    assert not is_archive(tmp_path / "a.tar")
    assert not is_archive(tmp_path / "b.tar")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_gzip_is_told_by_the_first_bytes_and_not_by_the_name(tmp_path, name, compress):
    assert contents(written(tmp_path, compress(pack(("a", b"1"))), name)) == {"a": b"1"}


# Members


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_members_come_in_any_order(tmp_path, order, compress):
    members = [folder("b"), ("b/x", b"1"), ("a", b"22")]
    path = written(tmp_path, compress(pack(*(members[place] for place in order))))
    assert contents(path) == {"a": b"22", "b/x": b"1"}
    assert [entry.path for entry in scan_archive(path, AS_IT_IS).files] == ["a", "b/x"]
    assert index_archive(path).folders == {"": FolderEntry(2, None), "b": FolderEntry(1, 0)}


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["./a", "./b/c"], {"a", "b/c"}),
        (["././a"], {"a"}),
        ([LONG], {LONG}),
        (["./" + LONG], {LONG}),
        (["tränen/迷路"], {"tränen/迷路"}),
        (["a\udcff/\udc80"], {"a\udcff/\udc80"}),
    ],
    ids=["dot", "two-dots", "long", "dot-and-long", "unicode", "not-unicode"],
)
@pytest.mark.parametrize("form", [PAX, GNU, USTAR], ids=["pax", "gnu", "ustar"])
def test_names_are_kept_less_a_leading_dot(tmp_path, names, paths, form):
    if form == USTAR and LONG in "".join(names):
        pytest.skip("this form has no room for long names")
    assert set(contents(written(tmp_path, pack(*((name, b"") for name in names), form=form)))) == paths


@pytest.mark.parametrize("path", LEGAL_PATHS)
@pytest.mark.parametrize("form", [PAX, GNU], ids=["pax", "gnu"])
def test_an_odd_name_that_lives_everywhere_is_no_problem(tmp_path, path, form):
    scan = scan_archive(written(tmp_path, pack((path, b"x"), form=form)), AS_IT_IS)
    assert [entry.path for entry in scan.files] == [path]
    assert not scan.problems


@pytest.mark.parametrize(
    ("members", "folders"),
    [
        ([], {"": (0, None)}),
        ([folder(".", mtime=5)], {"": (0, 5)}),
        ([folder("./", mtime=5)], {"": (0, 5)}),
        ([("a/b/c", b"")], {"": (1, None), "a": (1, None), "a/b": (1, None)}),
        ([("a/b", b""), ("a/c", b""), ("d", b"")], {"": (2, None), "a": (2, None)}),
        ([("a/b", b""), folder("a", mtime=7)], {"": (1, None), "a": (1, 7)}),
        ([folder("a/b", mtime=7)], {"": (1, None), "a": (1, None), "a/b": (0, 7)}),
        ([folder("a", mtime=7), folder("a/", mtime=8)], {"": (1, None), "a": (0, 8)}),
        ([folder("a//", mtime=7)], {"": (1, None), "a": (0, 7)}),
        ([link("a/b")], {"": (1, None), "a": (1, None)}),
    ],
)
def test_folders_are_listed_with_their_entries_and_times_where_a_member_says_them(tmp_path, members, folders):
    expected = {
        path: FolderEntry(entries, None if time is None else time * 10**9)
        for path, (entries, time) in folders.items()
    }
    assert index_archive(written(tmp_path, pack(*members))).folders == expected


def test_an_old_archive_s_folder_is_a_file_whose_name_ends_in_a_slash(tmp_path):
    path = written(tmp_path, header(tarfile.AREGTYPE, "a/") + END)
    assert index_archive(path).folders["a"] == FolderEntry(0, 0)


def test_what_follows_a_name_in_an_incremental_gnu_archive_is_no_part_of_it(tmp_path):
    block = bytearray(header(name="a"))
    block[345:357] = b"15301153561\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert contents(written(tmp_path, bytes(block) + END)) == {"a": b""}


@pytest.mark.parametrize("zeros", [BLOCK, 2 * BLOCK, 10240])
def test_an_empty_archive_has_no_files(tmp_path, zeros):
    index = index_archive(written(tmp_path, bytes(zeros)))
    assert (index.files, index.folders, index.problems) == ([], {"": FolderEntry(0, None)}, [])


def test_a_stated_pax_size_counts_more_than_the_header(tmp_path):
    stated = extension(b"x", record("size", b"3"))
    assert contents(written(tmp_path, stated + header(size=0) + padded(b"abc") + END)) == {"a": b"abc"}


def test_the_head_of_a_file_is_never_longer_than_the_file(tmp_path):
    for name, content in both(pack(("a", b"12345"), ("b", b"6"))):
        index = index_archive(written(tmp_path, content, name))
        heads = [index.source.head(entry, length) for entry in index.files for length in (0, 3, 5, 1000)]
        assert heads == [b"", b"123", b"12345", b"12345", b"", b"6", b"6", b"6"]


# Times


@pytest.mark.parametrize(
    ("stated", "expected_ns"),
    [
        ("1763923281.068030123", 1763923281068030123),
        ("1763923281.5", 1763923281500000000),
        ("1763923281.", 1763923281000000000),
        ("0", 0),
        ("12.9999999999999999999999999999999999", 12999999999),
        ("-1.5", -1500000000),
        ("-0.0000000001", -1),
        ("1e-05", 10000),
        ("1e-999999999", 0),
        ("9223372035.999999999", 9223372035999999999),
    ],
)
def test_a_pax_time_is_exact(tmp_path, stated, expected_ns):
    fields = {"pax_headers": {"mtime": stated}}
    index = index_archive(written(tmp_path, pack(member("d/a", **fields), folder("d", **fields))))
    assert index.files[0].mtime_ns == expected_ns
    assert index.folders["d"].mtime_ns == expected_ns


@given(mtime_ns=st.integers(-(2**63) + 10**9, 2**63 - 10**9))
def test_no_digit_of_a_time_is_lost(tmp_path, mtime_ns):
    sign, (seconds, rest) = "-" * (mtime_ns < 0), divmod(abs(mtime_ns), 10**9)
    content = pack(member("a", pax_headers={"mtime": f"{sign}{seconds}.{rest:09}"}))
    assert index_archive(written(tmp_path, content)).files[0].mtime_ns == mtime_ns


@pytest.mark.parametrize("seconds", [0, 1763923281, -5, 2**33 + 1])
def test_a_header_s_time_is_whole_seconds(tmp_path, seconds):
    content = pack(member("a", mtime=seconds), form=GNU)
    assert index_archive(written(tmp_path, content)).files[0].mtime_ns == seconds * 10**9


def test_a_global_time_counts_where_a_member_has_none_of_its_own(tmp_path):
    content = pack(
        member("a"), member("b", pax_headers={"mtime": "2.5"}), pax_headers={"mtime": "1.5", "comment": "git"}
    )
    times = [entry.mtime_ns for entry in index_archive(written(tmp_path, content)).files]
    assert times == [1500000000, 2500000000]


@pytest.mark.parametrize(
    "stated",
    ["", "x", "nan", "snan", "inf", "-inf", "1e30", "9223372037", "-9223372037", "1e999999999", "\xff"],
)
def test_a_time_that_is_none_is_damage(tmp_path, stated):
    path = written(tmp_path, pack(member("a", pax_headers={"mtime": stated})))
    with pytest.raises(ArchiveError, match="modification time"):
        index_archive(path)


# As GNU tar writes them


def _has_gnu_tar():
    found = shutil.which("tar")
    return bool(found) and b"GNU tar" in subprocess.run([found, "--version"], capture_output=True).stdout


@pytest.mark.skipif(not _has_gnu_tar(), reason="needs GNU tar")
@pytest.mark.parametrize("form", ["posix", "gnu", "oldgnu", "ustar", "v7"])
@pytest.mark.parametrize("options", [[], ["--gzip"]], ids=["plain", "gzip"])
def test_gnu_tar_s_archives_give_what_is_on_disk(tmp_path, form, options):
    root = tmp_path / "root"
    names = ["a", "deep/er/b", "tränen"] + ([LONG] if form not in ("v7", "ustar") else [])
    for place, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(noise(place * 300))
        os.utime(root / name, ns=(0, 1763923281068030123 + place))
    path = tmp_path / "a.tar"
    tar = ["tar", f"--format={form}", *options, "-cf", path, "-C", root, "."]
    subprocess.run(tar, check=True)
    assert contents(path) == {name: (root / name).read_bytes() for name in names}
    for entry in index_archive(path).files:
        on_disk = (root / entry.path).stat().st_mtime_ns
        assert entry.mtime_ns == (on_disk if form == "posix" else on_disk // 10**9 * 10**9)
    folders = index_archive(path).folders
    assert {place: folder.entries for place, folder in folders.items()} == {
        os.path.relpath(at, root).removeprefix("."): len(os.listdir(at)) for at, _, _ in os.walk(root)
    }


@pytest.mark.skipif(not _has_gnu_tar(), reason="needs GNU tar")
@pytest.mark.parametrize(
    "form",
    [
        ["gnu"],
        ["posix", "--sparse-version=0.0"],
        ["posix", "--sparse-version=0.1"],
        ["posix", "--sparse-version=1.0"],
    ],
    ids=lambda one: one[-1],
)
def test_gnu_tar_s_sparse_files_are_refused(tmp_path, form):
    (tmp_path / "root").mkdir()
    with (tmp_path / "root/holes").open("wb") as file:
        for place in range(50):
            file.seek(place * 2**20)
            file.write(b"x" * 4096)
    path = tmp_path / "a.tar"
    tar = ["tar", f"--format={form[0]}", *form[1:], "--sparse", "-cf", path, "-C", tmp_path / "root", "holes"]
    subprocess.run(tar, check=True)
    assert "sparse" in problems(path)[("not-a-file", "holes")]


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


# Damage

WHOLE = pack(
    folder("d", pax_headers={"mtime": "5.5"}),
    member("d/a", b"1" * 700, pax_headers={"mtime": "1.5"}),
    (LONG, b"22"),
    ("d/empty", b""),
) + bytes(BLOCK)
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
LONG_MAP = header(tarfile.GNUTYPE_SPARSE)[:482] + b"\1" + bytes(29)


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


_written_paths = None


def _watch(event, arguments):
    if (
        _written_paths is not None
        and event == "open"
        and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    ):
        _written_paths.append(arguments[0])


sys.addaudithook(_watch)


def test_nothing_is_written_to_disk(tmp_path):
    global _written_paths
    paths = [written(tmp_path, content, name) for name, content in both(WHOLE)]
    _written_paths = []
    try:
        for path in paths:
            listing(path)
        assert _written_paths == []
        written(tmp_path, b"", "this is seen")
        assert _written_paths
    finally:
        _written_paths = None


# Reading


@pytest.fixture
def steps(monkeypatch):
    """Small steps, so that an archive of a megabyte has many checkpoints."""
    monkeypatch.setattr(tar_streams, "_CHECKPOINT_BYTES", 10_000)
    monkeypatch.setattr(tar_streams, "_CHECKPOINTS", 9)
    monkeypatch.setattr(tar_streams, "_AHEAD_BYTES", 2500)
    monkeypatch.setattr(tar_streams, "_COMPRESSED_BYTES", 1000)
    monkeypatch.setattr(tar_streams, "PIECE_BYTES", 700)


@pytest.fixture
def reads(monkeypatch):
    """How many bytes each read from disk gave."""
    found = []
    plain = archive.ArchiveFile.read

    def read(self, offset, length):
        content = plain(self, offset, length)
        found.append(len(content))
        return content

    monkeypatch.setattr(archive.ArchiveFile, "read", read)
    return found


FILES = {
    f"{place % 7}/{place}": noise(place * 97 % 5000, place) + bytes(place * 31 % 3000) for place in range(200)
}


@pytest.mark.parametrize(
    "compress",
    [
        bytes,
        gzip.compress,
        lambda content: b"".join(
            gz(content[start : start + 30_011]) for start in range(0, len(content), 30_011)
        ),
    ],
    ids=["plain", "gzip", "gzip-members"],
)
@pytest.mark.parametrize("seed", range(3))
def test_files_can_be_read_in_any_order(tmp_path, steps, compress, seed):
    index = index_archive(written(tmp_path, compress(pack(*FILES.items()))))
    entries = index.files * 2
    random.Random(seed).shuffle(entries)
    for entry in entries:
        assert index.source.read(entry) == FILES[entry.path]
        assert index.source.head(entry, 10) == FILES[entry.path][:10]


def test_checkpoints_are_few_however_long_the_archive_is(tmp_path, steps):
    source = index_archive(written(tmp_path, gz(pack(*FILES.items())))).source
    places = [checkpoint.position for checkpoint in source.stream._checkpoints]
    assert 4 < len(places) <= 9
    assert places[0] == 0
    distances = [after - before for before, after in pairwise(places)][
        :-1
    ]  # the last may be of a larger step
    assert max(distances) < 1.1 * min(distances)


def test_reading_in_order_decompresses_once_and_a_step_back_starts_near(tmp_path, steps, reads):
    content = gz(pack(*FILES.items()))
    index = index_archive(written(tmp_path, content))
    for work in (lambda: None, lambda: [index.source.read(entry) for entry in index.files]):
        work()
        assert sum(reads) <= len(content) * 1.01
        reads.clear()
    index.source.read(index.files[-10])
    assert sum(reads) < len(content) / 4


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_source_can_be_sent_to_another_process(tmp_path, compress):
    index = index_archive(written(tmp_path, compress(pack(*FILES.items()))))
    first, *_, last = index.files
    index.source.read(last)
    sent = pickle.loads(pickle.dumps(index.source))
    assert [sent.read(entry) for entry in (last, first)] == [FILES[last.path], FILES[first.path]]
    assert sent == index.source


def test_only_a_plain_archive_can_be_read_by_several_processes_at_no_cost(tmp_path):
    splits = [index_archive(written(tmp_path, *one[::-1])).source.splits for one in both(WHOLE)]
    assert splits == [True, False]


@pytest.mark.parametrize("method", ["read", "head"])
@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(path.read_bytes() + bytes(1)),
        lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)),
        lambda path: os.replace(written(path.parent, b"another", "another"), path),
    ],
    ids=["cut", "longer", "touched", "replaced"],
)
def test_an_archive_that_changed_since_it_was_listed_is_refused(tmp_path, method, change):
    for name, content in both(WHOLE):
        path = written(tmp_path, content, name)
        source = (index := index_archive(path)).source
        read = getattr(source, method)
        arguments = (index.files[0], 3)[: 1 if method == "read" else 2]
        read(*arguments)
        change(path)
        with pytest.raises(FolderChangedError, match=f"{name}: .*run again"):
            read(*arguments)


def test_an_archive_that_gives_fewer_bytes_than_it_said_is_refused(tmp_path):
    for name, content in both(WHOLE):
        index = index_archive(written(tmp_path, content, name))
        entry = index.files[0]._replace(offset=len(WHOLE) - 5)
        with pytest.raises(FolderChangedError, match="had 700 bytes and now has 5"):
            index.source.read(entry)


def test_an_archive_that_is_gone_is_said_by_the_system(tmp_path):
    for name, content in both(WHOLE):
        index = index_archive(path := written(tmp_path, content, name))
        path.unlink()
        with pytest.raises(FileNotFoundError):
            index.source.read(index.files[0])


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(
    files=st.dictionaries(PATHS, st.binary(max_size=2000), max_size=8),
    form=st.sampled_from([PAX, GNU]),
    compress=st.sampled_from([bytes, gzip.compress]),
    prefix=st.sampled_from(["", "./"]),
    order=st.randoms(use_true_random=False),
)
def test_what_was_packed_comes_out(tmp_path, files, form, compress, prefix, order):
    files = {path: content for path, content in files.items() if not list(path_problems([path]))}
    members = [(prefix + path, content) for path, content in files.items()]
    order.shuffle(members)
    path = written(tmp_path, compress(pack(*members, form=form)))
    assert contents(path) == files
    with tarfile.open(path) as tar:
        assert {prefix + entry.path for entry in index_archive(path).files} == set(tar.getnames())
