"""The members of a tar archive: headers read one after the other, and every doubt an error that says where.

`tarfile` reads every header block (checksum, octal and binary numbers). What lies between the blocks is walked
here and not by `tarfile.open`, for that ends in silence at a damaged header or where an archive is cut short,
passes over damaged pax records, takes ``/`` for the root, and reads extension headers of any size.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import NamedTuple

from vmeval_builders.sources.tar_streams import PIECE_BYTES, Stream

FILE_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
FOLDER_TYPE = tarfile.DIRTYPE
SPARSE_TYPE = tarfile.GNUTYPE_SPARSE

_BLOCK_BYTES = tarfile.BLOCKSIZE
#: Longer pax and GNU headers are refused: none that describes one file comes near, and they are read whole.
_EXTENSION_LIMIT_BYTES = 2**20
#: Linux's PATH_MAX. Every folder above a file is listed, so that a longer path would cost its length squared.
_PATH_LIMIT_BYTES = 4096
#: How much of a damaged record a message shows.
_SHOWN_BYTES = 30

_LONG_NAME, _LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_PAX_GLOBAL = tarfile.XGLTYPE
_EXTENSIONS = (*_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK)
_WITHOUT_DATA = (
    FOLDER_TYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
)

# All other records are passed over and not held, so that no archive can fill the memory with them.
_PAX_NAME, _PAX_SIZE, _PAX_TIME = b"path", b"size", b"mtime"
_PAX_SPARSE_NAME = b"GNU.sparse.name"
_PAX_SPARSE = frozenset({_PAX_SPARSE_NAME, b"GNU.sparse.major", b"GNU.sparse.map", b"GNU.sparse.size"})
_PAX_USED = _PAX_SPARSE | {_PAX_NAME, _PAX_SIZE, _PAX_TIME}

#: The header of a file or folder as nearly all are: mode, owner, group, size, time, checksum, type and device.
_USUAL_HEADER = re.compile(
    rb".{100}(?:[0-7]{7}\0){3}([0-7]{11})\0([0-7]{11})\0([0-7]{6})\0 ([05]).{100}ustar.{67}(?:[0-7]{7}\0|\0{8}){2}",
    re.DOTALL,
)
_CHECKSUM = slice(148, 156)

_NANOSECOND = Decimal("1e-9")
#: Nanoseconds are held in 64 bits.
_TIME_LIMIT_SECONDS = 2**63 // 10**9


class Member(NamedTuple):
    """A member as its headers describe it; `kind` is its type flag."""

    name: str
    kind: bytes
    size_bytes: int
    mtime_ns: int
    offset: int


def members(stream: Stream) -> Iterator[Member]:
    """Walk the headers from the first to the end mark, and see that nothing follows that."""
    everywhere: dict[bytes, bytes] = {}
    while (member := _next_member(stream, everywhere)) is not None:
        yield member
    while rest := stream.read(PIECE_BYTES):
        if data := rest.lstrip(b"\0"):
            raise stream.damaged(
                f"has data at byte {stream.position - len(data)}, behind its end mark: expected zeros only",
                "pack archives that were written behind each other as one",
            )


def _next_member(stream: Stream, everywhere: dict[bytes, bytes]) -> Member | None:
    """Read the headers of one member and pass over its data; None at the end mark.

    Args:
        stream: Stands before the headers, then behind the data.
        everywhere: The pax records that count for all members that follow; is added to.
    """
    own: dict[bytes, bytes] = {}
    announced = False
    while (header := _next_header(stream)) is not None:
        if header.kind not in _EXTENSIONS:
            return _described(stream, header, {**everywhere, **own})
        body = _extension(stream, header)
        if header.kind == _PAX_GLOBAL:
            everywhere.update(_pax_records(stream, body))
            continue
        announced = True
        if header.kind in _PAX:
            own.update(_pax_records(stream, body))
        elif header.kind == _LONG_NAME:
            own.setdefault(_PAX_NAME, body.partition(b"\0")[0])
    if announced:
        at = stream.position - _BLOCK_BYTES
        raise stream.damaged(f"ends at byte {at}: expected the file that the header before describes")
    return None


class _Header(NamedTuple):
    """One header block.

    Attributes:
        name: What its name fields say, all slashes included.
        kind: The type flag.
        size_bytes: The size of what follows it.
        mtime_seconds: The time it states.
        continues: Whether a sparse file's map goes on in the next block.
    """

    name: bytes
    kind: bytes
    size_bytes: int
    mtime_seconds: int
    continues: bool


def _next_header(stream: Stream) -> _Header | None:
    """Read a header block; None for a block of zeros, the end mark."""
    at = stream.position
    block = stream.exactly(_BLOCK_BYTES, "another file or the end mark (512 zero bytes)")
    if not any(block):
        return None
    # tarfile takes five times as long.
    if (usual := _USUAL_HEADER.match(block)) and _checksum(block) == int(usual[3], 8):
        return _Header(_name(block), usual[4], int(usual[1], 8), int(usual[2], 8), continues=False)
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        what = "is damaged" if at else "is no tar archive, or is damaged"
        expected = "expected the header of a file or the end mark"
        raise stream.damaged(f"{what} at byte {at} ({error}): {expected}") from error
    if info.size < 0:
        raise stream.damaged(f"states a size of {info.size} at byte {at}: expected 0 or more")
    continues = info.type == SPARSE_TYPE and block[482] != 0
    return _Header(_name(block), info.type, info.size, int(info.mtime), continues)


def _name(block: bytes) -> bytes:
    # tarfile takes what GNU tar's incremental archives hold in the place of the prefix for one, and drops a
    # folder's trailing slashes, so that "/" would be the root.
    name, prefix = block[:100].partition(b"\0")[0], block[345:500].partition(b"\0")[0]
    return prefix + b"/" + name if prefix and block[257:263] == b"ustar\0" else name


def _checksum(block: bytes) -> int:
    """Sum up a header as it states it: with spaces where the checksum stands."""
    field = block[_CHECKSUM]
    return sum(block) - sum(field) + ord(" ") * len(field)


def _described(stream: Stream, header: _Header, stated: dict[bytes, bytes]) -> Member:
    """Put header and pax records together, and pass over the member's data."""
    at = stream.position - _BLOCK_BYTES
    name = stated.get(_PAX_SPARSE_NAME, stated.get(_PAX_NAME, header.name))
    if len(name) > _PATH_LIMIT_BYTES:
        found = f"has a path of {len(name)} bytes at byte {at}: expected {_PATH_LIMIT_BYTES} at most"
        raise stream.damaged(found, "give the file a shorter path")
    size_bytes = _size(stream, stated[_PAX_SIZE]) if _PAX_SIZE in stated else header.size_bytes
    mtime_ns = _time_ns(stream, stated.get(_PAX_TIME, header.mtime_seconds))
    continues = header.continues
    while continues:
        continues = stream.exactly(_BLOCK_BYTES, "the rest of a sparse file's map")[504] != 0
    offset = stream.position
    if header.kind not in _WITHOUT_DATA:
        end = offset + _whole_blocks(size_bytes)
        stream.seek(end)
        if stream.position < end:
            raise stream.cut_short(f"data of a file up to byte {end}")
    return Member(
        name.decode("utf-8", "surrogateescape"),
        header.kind if _PAX_SPARSE.isdisjoint(stated) else SPARSE_TYPE,
        size_bytes,
        mtime_ns,
        offset,
    )


def _extension(stream: Stream, header: _Header) -> bytes:
    if header.size_bytes > _EXTENSION_LIMIT_BYTES:
        found = f"has an extension header of {header.size_bytes} bytes before byte {stream.position}"
        raise stream.damaged(f"{found}: expected {_EXTENSION_LIMIT_BYTES} at most")
    body = stream.exactly(_whole_blocks(header.size_bytes), "the rest of an extension header")
    return body[: header.size_bytes]


def _pax_records(stream: Stream, body: bytes) -> dict[bytes, bytes]:
    """Read records such as ``30 mtime=1763923281.068030123``, and give those that are of use."""
    records = {}
    body = body.rstrip(b"\0")
    start = 0
    while start < len(body):
        length, _, _ = body[start : start + len(str(_EXTENSION_LIMIT_BYTES)) + 1].partition(b" ")
        end = start + int(length) if length.isdigit() else 0
        keyword, equals, value = body[start + len(length) + 1 : end].partition(b"=")
        if not (equals and end <= len(body) and value.endswith(b"\n")):
            found = f"has a damaged extension header before byte {stream.position}"
            record = body[start : start + _SHOWN_BYTES]
            raise stream.damaged(f"{found}: expected LENGTH KEYWORD=VALUE, found {record!r}")
        if keyword in _PAX_USED:
            records[keyword] = value[:-1]
        start = end
    return records


def _size(stream: Stream, stated: bytes) -> int:
    if not (stated.isdigit() and len(stated) < 20):
        found = f"states a size of {stated[:_SHOWN_BYTES]!r} before byte {stream.position}"
        raise stream.damaged(f"{found}: expected digits")
    return int(stated)


def _time_ns(stream: Stream, stated: bytes | int) -> int:
    """Give exact nanoseconds; a float would lose the last digits."""
    if isinstance(stated, int) and abs(stated) < _TIME_LIMIT_SECONDS:
        return stated * 10**9
    try:
        seconds = Decimal(stated if isinstance(stated, int) else stated.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        seconds = Decimal("NaN")
    if not (seconds.is_finite() and -_TIME_LIMIT_SECONDS < seconds < _TIME_LIMIT_SECONDS):
        shown = stated if isinstance(stated, int) else repr(stated[:_SHOWN_BYTES])
        found = f"states a modification time of {shown} before byte {stream.position}"
        raise stream.damaged(f"{found}: expected seconds since 1970")
    return int(seconds.quantize(_NANOSECOND, ROUND_FLOOR).scaleb(9))


def _whole_blocks(size_bytes: int) -> int:
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
