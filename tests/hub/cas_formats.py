"""The formats of the Xet protocol: hashes as text, xorbs, shards. Pure functions.

https://huggingface.co/docs/xet has them; what differs from it was seen on the wire of hf-xet 1.8.0.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

HASH = r"[0-9a-f]{64}"
MAX_XORB_BYTES = 64 << 20
MAX_CHUNK_BYTES = 128 << 10

_CHUNK_HEADER = 8
_RECORD = 48
_END = b"\xff" * 32
_HAS_CHECKS, _HAS_SHA256 = 1 << 31, 1 << 30
_SHARD_TAG = b"HFRepoMetaData\0"


class MalformedError(ValueError):
    """Bytes that are not in the format that they should be in."""


@dataclass(frozen=True)
class Term:
    """Some chunks of a xorb, in a row: the end is the first that is not meant."""

    xorb: str
    start: int
    end: int
    size: int


@dataclass(frozen=True)
class FileRecord:
    """What a shard says of a file: of which chunks it is made, and its sha256."""

    hash: str
    terms: tuple[Term, ...]
    sha256: str

    @property
    def size(self) -> int:
        """The file's bytes."""
        return sum(term.size for term in self.terms)


@dataclass(frozen=True)
class Xorb:
    """Where the chunks of a xorb are.

    Args:
        starts: where each chunk's header begins in the stored bytes, and the end of the last.
        sizes: the length of each chunk's content.
    """

    starts: tuple[int, ...]
    sizes: tuple[int, ...]

    def content(self, stored: bytes, start: int, end: int) -> Iterator[bytes]:
        """The content of some chunks, from the stored bytes that begin with the first one's header."""
        base = self.starts[start]
        for first, after in pairwise(self.starts[start : end + 1]):
            yield stored[first - base + _CHUNK_HEADER : after - base]


def hash_text(raw: bytes) -> str:
    """A hash as the protocol writes it: each eight bytes in reverse."""
    return struct.pack(">4Q", *struct.unpack("<4Q", raw)).hex()


def parse_xorb(stored: bytes) -> Xorb:
    """Find the chunks of a xorb.

    Raises:
        MalformedError: it is none, or is compressed, which this server does not read.
    """
    starts, sizes = [0], []
    while starts[-1] < len(stored):
        header = stored[starts[-1] : starts[-1] + _CHUNK_HEADER]
        if len(header) < _CHUNK_HEADER or header[0] != 0:
            raise MalformedError(f"no chunk begins at byte {starts[-1]}")
        packed, scheme, size = (
            int.from_bytes(header[1:4], "little"),
            header[4],
            int.from_bytes(header[5:], "little"),
        )
        if scheme != 0:
            raise MalformedError("a compressed chunk; set HF_XET_XORB_COMPRESSION_POLICY=none for the client")
        if not 0 < size == packed <= MAX_CHUNK_BYTES:
            raise MalformedError(f"a chunk of {size} bytes, stored as {packed}")
        sizes.append(size)
        starts.append(starts[-1] + _CHUNK_HEADER + packed)
    if starts[-1] != len(stored) or not sizes:
        raise MalformedError("the last chunk is cut short")
    return Xorb(tuple(starts), tuple(sizes))


def make_xorb(chunks: list[bytes]) -> bytes:
    """A xorb of these chunks."""
    return b"".join(
        b"\0" + len(one).to_bytes(3, "little") + b"\0" + len(one).to_bytes(3, "little") + one
        for one in chunks
    )


def parse_shard(body: bytes) -> list[FileRecord]:
    """Read the files of a shard; of its xorbs the server knows itself.

    Raises:
        MalformedError: it is no shard.
    """
    if not body.startswith(_SHARD_TAG):
        raise MalformedError("not a shard")
    records = _records(body[_RECORD:])
    files = []
    try:
        while (header := next(records))[:32] != _END:
            files.append(_file_record(header, records))
    except (StopIteration, RuntimeError) as error:
        raise MalformedError("the shard is cut short") from error
    return files


def _records(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body) - _RECORD + 1, _RECORD):
        yield body[start : start + _RECORD]


def _file_record(header: bytes, records: Iterator[bytes]) -> FileRecord:
    flags, count = struct.unpack_from("<II", header, 32)
    terms = []
    for _ in range(count):
        record = next(records)
        size, start, end = struct.unpack_from("<III", record, 36)
        terms.append(Term(hash_text(record[:32]), start, end, size))
    for _ in range(count if flags & _HAS_CHECKS else 0):
        next(records)
    if not flags & _HAS_SHA256:
        raise MalformedError("a file without its sha256, by which a commit could name it")
    return FileRecord(hash_text(header[:32]), tuple(terms), hash_text(next(records)[:32]))


def parse_ranges(header: str | None, size: int) -> list[tuple[int, int]] | None:
    """The parts that a Range header asks for, each with its first byte and the one after its last.

    Returns:
        None where the header is missing, is nothing that can be understood, or asks for what is not there.
    """
    match = re.fullmatch(r"bytes=(\d+-\d+(?:,\s*\d+-\d+)*)", header or "")
    if match is None:
        return None
    pairs = [part.strip().split("-") for part in match[1].split(",")]
    parts = [(int(first), min(int(last) + 1, size)) for first, last in pairs]
    return parts if all(start < stop for start, stop in parts) else None
