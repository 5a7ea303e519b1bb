"""Archives as input: members in any order, exact times, nothing unpacked, and no damage that passes in silence."""

import gzip
import os
import pickle
import random
import shutil
import subprocess
import sys
import tarfile
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import LEGAL_PATHS
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
from vmeval_builders.entries import FolderEntry
from vmeval_builders.errors import ArchiveError, FolderChangedError
from vmeval_builders.paths import path_problems
from vmeval_builders.scan import is_archive, scan_archive
from vmeval_builders.sources import archive, tar_streams
from vmeval_builders.sources.archive import gzip_stream, index_archive


def link(name, to="a"):
    return member(name, kind=tarfile.SYMTYPE, linkname=to)


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


LONG_MAP = header(tarfile.GNUTYPE_SPARSE)[:482] + b"\1" + bytes(29)


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
    entries = [*index.files, *index.files]
    random.Random(seed).shuffle(entries)
    for entry in entries:
        assert index.source.read(entry) == FILES[entry.path]
        assert index.source.head(entry, 10) == FILES[entry.path][:10]


def test_checkpoints_are_few_however_long_the_archive_is(tmp_path, steps):
    source = index_archive(written(tmp_path, gz(pack(*FILES.items())))).source
    places = [checkpoint.position for checkpoint in gzip_stream(source.archive)._checkpoints]
    assert 4 < len(places) <= 9
    assert places[0] == 0
    distances = [after - before for before, after in pairwise(places)][
        :-1
    ]  # the last may be of a larger step
    assert max(distances) < 1.1 * min(distances)


def test_reading_in_order_decompresses_once_and_a_step_back_starts_near(tmp_path, steps, reads):
    content = gz(pack(*FILES.items()))
    index = index_archive(written(tmp_path, content))
    in_order = sorted(index.files, key=lambda entry: entry.offset)
    for work in (lambda: None, lambda: [index.source.read(entry) for entry in in_order]):
        work()
        assert sum(reads) <= len(content) * 1.01
        reads.clear()
    index.source.read(in_order[-10])
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
