"""The Xet store beside the repos: xorbs by their hash, and files by theirs. No HTTP."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.hub.cas_formats import FileRecord, MalformedError, Term, Xorb, make_xorb, parse_xorb

_CHUNK_BYTES = 64 << 10
_CHUNKS_OF_XORB = 512


@dataclass(frozen=True)
class Part:
    """Some chunks of a xorb and where they are in its stored bytes; both ends are not meant."""

    xorb: str
    chunks: tuple[int, int]
    bytes: tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """How some bytes of a file are put together.

    Args:
        skip: how many bytes of the first term's content are before those that are meant.
        terms: the chunks, in order.
        parts: what to fetch for them.
    """

    skip: int
    terms: tuple[Term, ...]
    parts: tuple[Part, ...]


class Cas:
    """The store; every method may be called from any thread.

    Args:
        directory: where it is kept.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._lock = threading.Lock()
        self._xorbs: dict[str, Xorb] = {}
        self._files: dict[str, FileRecord] = {}
        self.era = 0

    def clear(self) -> None:
        """Forget everything, and go by another address from now on.

        Clients remember for weeks what a store has, by its address, and would not send it again.
        """
        with self._lock:
            self.era += 1
            self._xorbs.clear()
            self._files.clear()
            shutil.rmtree(self._directory, ignore_errors=True)

    def xorb_path(self, xorb: str) -> Path:
        """Where a xorb is."""
        return self._directory / f"{self.era}-{xorb}"

    def put_xorb(self, xorb: str, stored: bytes) -> bool:
        """Take a xorb; False where it was there.

        Raises:
            MalformedError: it is none.
        """
        parsed = parse_xorb(stored)
        with self._lock:
            if xorb in self._xorbs:
                return False
        self._directory.mkdir(parents=True, exist_ok=True)
        self.xorb_path(xorb).write_bytes(stored)
        with self._lock:
            self._xorbs[xorb] = parsed
        return True

    def put_file(self, file: FileRecord) -> None:
        """Take what a shard says of a file whose chunks are all here.

        Raises:
            MalformedError: they are not.
        """
        for term in file.terms:
            found = self._xorbs.get(term.xorb)
            if found is None:
                raise MalformedError(f"the shard names the xorb {term.xorb}, which was not uploaded")
            if sum(found.sizes[term.start : term.end]) != term.size or term.end > len(found.sizes):
                raise MalformedError(f"the shard says of {term} what is not so")
        with self._lock:
            self._files[file.hash] = file

    def put_content(self, content: bytes) -> str:
        """Take a file that came in another way, as the real Hub does later; gives the file's hash.

        The hashes are not those that a client would find; nothing compares them.
        """
        terms = []
        step = _CHUNK_BYTES * _CHUNKS_OF_XORB
        for first in range(0, len(content), step):
            block = content[first : first + step]
            chunks = [block[start : start + _CHUNK_BYTES] for start in range(0, len(block), _CHUNK_BYTES)]
            xorb = hashlib.sha256(block).hexdigest()
            self.put_xorb(xorb, make_xorb(chunks))
            terms.append(Term(xorb, 0, len(chunks), len(block)))
        name = hashlib.sha256(b"file" + content).hexdigest()
        self.put_file(FileRecord(name, tuple(terms), hashlib.sha256(content).hexdigest()))
        return name

    def file(self, name: str) -> FileRecord | None:
        """What is known of a file, None where there is none."""
        return self._files.get(name)

    def content(self, file: FileRecord) -> Iterator[bytes]:
        """A file's bytes."""
        for term in file.terms:
            xorb = self._xorbs[term.xorb]
            first = xorb.starts[term.start]
            with self.xorb_path(term.xorb).open("rb") as stored:
                stored.seek(first)
                yield from xorb.content(stored.read(xorb.starts[term.end] - first), term.start, term.end)

    def plan(self, file: FileRecord, first: int, after: int) -> Plan:
        """How to put together some bytes of a file, without the chunks that none of them is in."""
        terms, skip, position = [], 0, 0
        for term in file.terms:
            if position < after and first < position + term.size:
                cut, before = self._cut(term, max(first - position, 0), after - position)
                skip = skip if terms else before
                terms.append(cut)
            position += term.size
        return Plan(skip, tuple(terms), tuple(self._parts(terms)))

    def _cut(self, term: Term, first: int, after: int) -> tuple[Term, int]:
        """Leave the chunks of a term that hold some of its bytes; and how far into them these begin."""
        sizes = self._xorbs[term.xorb].sizes
        start, end, size = term.start, term.end, term.size
        before = 0
        while sizes[start] <= first - before:
            before += sizes[start]
            start += 1
        while size - sizes[end - 1] >= after:
            end -= 1
            size -= sizes[end]
        return replace(term, start=start, end=end, size=size - before), first - before

    def _parts(self, terms: list[Term]) -> Iterator[Part]:
        """What to fetch: chunks that touch together, and each once."""
        for name in dict.fromkeys(term.xorb for term in terms):
            ranges = sorted((term.start, term.end) for term in terms if term.xorb == name)
            joined = [ranges[0]]
            for start, end in ranges[1:]:
                if start <= joined[-1][1]:
                    joined[-1] = joined[-1][0], max(end, joined[-1][1])
                else:
                    joined.append((start, end))
            starts = self._xorbs[name].starts
            for start, end in joined:
                yield Part(name, (start, end), (starts[start], starts[end]))
