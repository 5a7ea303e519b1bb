"""The shard function: read the files of some rows, check and hash them, write the rows, and report."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any, TypeAlias

from vmeval_builders.arrow.arena import Arena
from vmeval_builders.arrow.arrays import DIGEST_BYTES
from vmeval_builders.arrow.schema import SCHEMA_VERSION, arrow_schema
from vmeval_builders.entries import Contents, Unit
from vmeval_builders.findings import Findings, tokens_in
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.problem_list import ProblemList
from vmeval_builders.problems import Problem
from vmeval_builders.rows import held_slots, table_of
from vmeval_builders.sources.remote import read_ahead
from vmeval_builders.sources.source import Source
from vmeval_builders.texts import OptionalTexts
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.store.store import Receipt, Store
from vmeval_hfds.table.behind import Behind
from vmeval_hfds.table.parquet import ROW_GROUP_ROWS, open_writer, row_groups
from vmeval_hfds.table.plan import ShardPlan

if TYPE_CHECKING:
    import pyarrow as pa

#: Column to the memory that its images or videos are read into.
Arenas: TypeAlias = Mapping[str, Arena]


@dataclass(frozen=True, slots=True)
class ShardJob:
    """Some shards to be written; it can be sent to another process, or machine.

    Attributes:
        store: Takes the shards; None where they are only read.
        source: Holds the files.
        layout: Describes them.
        shards: The shards, small ones together.
        decode: Decode pictures, instead of reading their headers.
    """

    store: Store | None
    source: Source
    layout: Layout
    shards: Sequence[ShardPlan]
    decode: bool


@dataclass(slots=True)
class ShardReport:
    """What is known of a shard after its files were read.

    Attributes:
        plan: The shard; its rows' files do not come back with the report, and whoever asked for it knows them.
        receipt: What the store took; None where the rows were only read.
        content: A hash over the rows' paths and files: shards in which it is the same have the same rows.
        table_bytes: The size of its rows in Arrow's memory (`dataset_info` calls it num_bytes).
        digests: The SHA-256 of each file, one after the other, in the order of the plan's `UnitList.numbers`.
        held: Of each file, 1 where a column holds it, else 0.
        ids: The id of each unit of the plan; None where several rows are of one.
        row_numbers: The number of each unit's first row.
        bare: Path to number of the rows that hold no file.
        several: Path to how many rows have it, where they are not one.
        unread: How many units could not be read.
        findings: What came to light while the files were read; taken out when it was judged.
        problems: What is wrong with the rows, which is judged where all files of the folder are at hand.
    """

    plan: ShardPlan
    receipt: Receipt | None = None
    content: str = ""
    table_bytes: int = 0
    digests: bytearray = field(default_factory=bytearray)
    held: bytearray = field(default_factory=bytearray)
    ids: OptionalTexts = field(default_factory=OptionalTexts)
    row_numbers: array[int] = field(default_factory=lambda: array("I"))
    bare: dict[str, int] = field(default_factory=dict)
    several: dict[str, int] = field(default_factory=dict)
    unread: int = 0
    findings: Findings = field(default_factory=lambda: Findings(keeps_keys=False))
    problems: ProblemList = field(default_factory=ProblemList)

    def forget_files(self) -> None:
        """Give back the memory of what is known of each file, which is in the list of files by now."""
        self.digests, self.held = bytearray(), bytearray()

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.ids) - self.unread + sum(self.several.values()) - len(self.several)

    def share(self, other: ShardReport) -> None:
        """Keep once what a report of the same content says of files and rows, and of what is wrong with them."""
        self.digests, self.held = other.digests, other.held
        self.ids, self.row_numbers = other.ids, other.row_numbers
        self.problems = other.problems

    def digests_by_path(self) -> Iterator[tuple[str, str]]:
        """Give the files that its columns hold, by path, and their SHA-256, hexadecimal."""
        text = self.digests.hex()
        for number, path in enumerate(self.plan.units.file_paths()):
            if self.held[number]:
                yield path, text[2 * DIGEST_BYTES * number : 2 * DIGEST_BYTES * (number + 1)]


def read_shards(job: ShardJob) -> list[ShardReport]:
    """Read the files of shards' rows and check each, without writing a row.

    So a push knows what is wrong with a folder, and what of it is new, before it sends the first byte.
    """
    reports, memories = [], _memories(job.layout)
    with closing(Behind()) as behind:
        for plan in job.shards:
            with closing(_Rows(job, plan, behind, memories)) as rows:
                for group in row_groups(plan.units, lambda unit: unit.size_bytes, ROW_GROUP_ROWS):
                    rows.read(group)
                reports.append(rows.report())
    return reports


def write_shards(job: ShardJob) -> list[ShardReport]:
    """Read the files of shards' rows and write the rows, checking each on the way: a file is read once.

    The problems come back in the reports; whoever asked for the shards throws them away where one of them is a
    refusal.
    """
    # What this process did before, such as reading the same files to check them, left it memory in pieces.
    give_back()
    memories = _memories(job.layout)
    with closing(Behind()) as behind:
        return [_written(job, plan, behind, memories) for plan in job.shards]


def _written(job: ShardJob, plan: ShardPlan, behind: Behind, memories: Sequence[_Memory]) -> ShardReport:
    assert job.store is not None
    table_bytes = 0
    place = job.store.place(plan.name)
    writer = open_writer(place, arrow_schema(job.layout.columns), job.layout.repeating)
    with behind.follow(place) as shard:
        with writer, closing(_Rows(job, plan, behind, memories)) as rows:

            def write(table: pa.Table) -> None:
                writer.write_table(table)
                shard.grown()

            for group in row_groups(plan.units, lambda unit: unit.size_bytes, ROW_GROUP_ROWS):
                made, memory = rows.read(group)
                if made:
                    table = table_of(job.layout, made, memory.arenas)
                    table_bytes += table.nbytes
                    memory.used_by = behind.do(partial(write, table))
            report = rows.report()
        sha256 = shard.sha256()
    report.table_bytes = table_bytes
    report.receipt = job.store.put(plan.name, place, sha256)
    return report


@dataclass(slots=True)
class _Memory:
    """Memory for a row group, which is read while the one before is still searched and written.

    Attributes:
        arenas: Column to the memory that its images or videos are read into.
        searched: Tells what was found in them.
        used_by: What else they are needed for.
    """

    arenas: Arenas
    searched: Future[list[Problem]] | None = None
    used_by: Future[None] | None = None

    def free(self) -> list[Problem]:
        """Wait until nothing needs it, and give what was found in it; raises what went wrong."""
        found = self.searched.result() if self.searched else []
        if self.used_by:
            self.used_by.result()
        self.searched = self.used_by = None
        return found

    def wait(self) -> None:
        """Wait until nothing needs it, however that ended."""
        for work in (self.searched, self.used_by):
            if work is not None:
                work.exception()
        self.searched = self.used_by = None


def _memories(layout: Layout) -> tuple[_Memory, _Memory]:
    """Make the memory of a job."""
    names = [column for column in layout.media if column not in layout.lists]
    return _Memory({name: Arena() for name in names}), _Memory({name: Arena() for name in names})


class _Rows:
    """Reads the rows of one shard, a row group after the other, and takes down what is found on the way."""

    def __init__(self, job: ShardJob, plan: ShardPlan, behind: Behind, memories: Sequence[_Memory]) -> None:
        self._job = job
        self._behind = behind
        self._report = ShardReport(replace(plan, units=plan.units[:0]))
        self._rows = 0
        self._memories = memories
        self._turns = cycle(memories)
        # What else a row depends on: the columns that its builder makes of the files.
        made_by = f"{SCHEMA_VERSION} {job.layout.name} {' '.join(job.layout.columns)}"
        self._content = hashlib.sha256(made_by.encode())

    def read(self, units: Sequence[Unit]) -> tuple[list[dict[str, Any]], _Memory]:
        """Read a row group into memory that it has until as many others were read as there are memories."""
        job, findings = self._job, self._report.findings
        memory = next(self._turns)
        findings.problems += memory.free()
        for column, arena in memory.arenas.items():
            arena.begin(sum(unit.files[column].size_bytes for unit in units if column in unit.files))
        made: list[dict[str, Any]] = []
        for unit in read_ahead(job.source, units, lambda unit: unit.files.values()):
            first = self._rows + len(made)
            read = findings.read_rows(job.source, job.layout, unit, job.decode, memory.arenas)
            if read is None:
                self._take_down(unit, None, first, None)
                continue
            contents, rows = read
            made += rows
            row_id = None if job.layout.items else made[-1].get(job.layout.id_column)
            self._take_down(unit, contents, first, row_id)
            if (count := self._rows + len(made) - first) != 1:
                self._report.several[unit.path] = count
        self._rows += len(made)
        memory.searched = self._behind.do(partial(tokens_in, memory.arenas.values()))
        return made, memory

    def _take_down(self, unit: Unit, contents: Contents | None, row: int, row_id: str | None) -> None:
        """Take down a unit that was read, or could not be; a file is hashed while it is still near."""
        report = self._report
        report.ids.append(row_id)
        report.row_numbers.append(row)
        if contents is None:
            report.unread += 1
            report.digests += bytes(DIGEST_BYTES * len(unit.files))
            report.held += bytes(len(unit.files))
            return
        held = set(held_slots(self._job.layout, contents))
        if held.isdisjoint(unit.files):
            report.bare[unit.path] = row
        said = f"\n{unit.path}"
        if unit.beside is not None:
            said += repr(contents.beside)
        for slot, entry in unit.files.items():
            digest = hashlib.sha256(contents.blobs[slot]).digest()
            said += f"\0{slot}\0{entry.path}\0{digest.hex()}"
            report.digests += digest
            report.held.append(slot in held)
        self._content.update(said.encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        """Wait for what still needs the memory; it is another shard's then."""
        for memory in self._memories:
            memory.wait()

    def report(self) -> ShardReport:
        """Say what is known of the shard, all of whose rows were read."""
        for memory in self._memories:
            self._report.findings.problems += memory.free()
        self._report.content = self._content.hexdigest()
        return self._report
