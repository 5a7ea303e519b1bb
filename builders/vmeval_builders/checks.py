"""Cut a check into jobs, and sum up what they and the names of a folder say."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, compress

from vmeval_builders import paths
from vmeval_builders.entries import FileEntry, Unit
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.findings import Findings, StatedPath
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.near import unknown_folder
from vmeval_builders.layouts.registry import layouts
from vmeval_builders.manifest import (
    Manifest,
    TaskKey,
    TaskKeys,
    manifest_names,
    manifest_problems,
    read_manifests,
)
from vmeval_builders.problem_list import ProblemList
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan
from vmeval_builders.secrets import SECRET_CODES, name_problems
from vmeval_builders.sources.folder import Folder
from vmeval_builders.sources.passes import by_pass, first_file, runs
from vmeval_builders.sources.remote import Remote, read_ahead
from vmeval_builders.sources.source import Source

# https://huggingface.co/docs/hub/storage-limits: recommended limits of one repository.
HUB_FOLDER_ENTRIES = 10_000
HUB_FILES = 100_000

_JOB_ROWS = 50
_JOB_FILES = 200
#: In so many parts hashes of ids are compared.
_PARTS = 8


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which errors a person lets through.

    Attributes:
        incomplete: That rows lack something, such as a first frame.
        secrets: ``.env`` files, and files with a token in them.
    """

    incomplete: bool = False
    secrets: bool = False

    def codes(self, layout: Layout) -> frozenset[str]:
        """Give the codes of these errors."""
        incomplete = layout.incomplete_codes if self.incomplete else frozenset()
        return incomplete | (SECRET_CODES if self.secrets else frozenset())


NOTHING_ALLOWED = Allowed()


@dataclass(frozen=True, slots=True)
class CheckJob:
    """Some rows and other files to be read and checked; it can be sent to another process.

    Attributes:
        source: Holds the files.
        layout: Describes them.
        units: The rows' files.
        others: Files that no row holds.
        decode: Decode pictures, instead of reading their headers.
    """

    source: Source
    layout: Layout
    units: Sequence[Unit]
    others: Sequence[FileEntry]
    decode: bool


def check_jobs(scan: Scan, decode: bool) -> Iterator[CheckJob]:
    """Cut the check of a walked folder into jobs."""
    source = scan.source
    for of_job in runs(source, by_pass(source, scan.units), first_file, _JOB_ROWS):
        yield CheckJob(source, scan.layout, of_job, [], decode)
    yield from other_jobs(scan)


def other_jobs(scan: Scan) -> Iterator[CheckJob]:
    """Cut the files that no row holds into jobs."""
    is_other = bytearray(b"\1") * len(scan.files)
    for number in scan.units.numbers:
        is_other[number] = 0
    numbers = compress(range(len(scan.files)), is_other)
    others = [scan.files[number] for number in sorted(numbers, key=scan.files.offset)]
    for of_job in runs(scan.source, others, lambda entry: entry, _JOB_FILES):
        yield CheckJob(scan.source, scan.layout, [], of_job, decode=False)


def other_file_problems(scan: Scan) -> list[Problem]:
    """Search the files that no row holds for tokens, and list those that cannot be read."""
    return [problem for job in other_jobs(scan) for problem in check_job(job).problems]


def check_job(job: CheckJob) -> Findings:
    """Read what a job names, and say what is wrong with it."""
    findings = Findings()
    for unit in read_ahead(job.source, job.units, lambda unit: unit.files.values()):
        findings.read_rows(job.source, job.layout, unit, job.decode)
    for entry in read_ahead(job.source, job.others, lambda entry: [entry]):
        findings.read_file(job.source, entry)
    return findings


def check_scan(scan: Scan, quick: bool = False) -> ProblemList:
    """List every problem of a walked folder, in this process.

    Args:
        scan: The folder.
        quick: Look at each frame's header only, instead of decoding it.
    """
    return sum_up(scan, map(check_job, check_jobs(scan, decode=not quick)))


def sum_up(scan: Scan, findings: Iterable[Findings]) -> ProblemList:
    """Sum up a check of a walked folder, of which all rows and all other files were read."""
    keys, judged = TaskKeys(), []
    for found in findings:
        for key in found.keys:
            keys.append(key.path, key.domain, key.id)
        judged.append(judge(scan, found))
    return scan_problems(scan, judged, keys)


def judge(scan: Scan, found: Findings) -> ProblemList:
    """Tell what is wrong with some rows, now that all files of the folder are at hand."""
    return ProblemList.of(chain(found.problems, _dead_paths(found.stated_paths, scan)))


def scan_problems(
    scan: Scan,
    judged: Iterable[ProblemList],
    keys: Sequence[TaskKey],
    others: Iterable[Problem] = (),
    manifests: Sequence[Manifest] | None = None,
) -> ProblemList:
    """Sum up what is wrong with a walked folder.

    Args:
        scan: The folder.
        judged: What is wrong with its rows.
        keys: The rows' names, where a manifest may list them.
        others: What else is known.
        manifests: What lists the folder's tasks; None reads it.

    Returns:
        Errors first, then warnings, each by path.
    """
    manifests = read_manifests(manifest_contents(scan)) if manifests is None else manifests
    of_all = chain(folder_problems(scan), others, _duplicate_ids(keys), manifest_problems(manifests, keys))
    return ProblemList.merged([*judged, ProblemList.of(of_all)])


def folder_problems(scan: Scan) -> Iterator[Problem]:
    """List what can be said from names and sizes alone."""
    yield from scan.problems
    yield from name_problems(scan.files.paths())
    if not scan.has_rows and scan.layout.has_rows:
        known = [one for one in layouts() if one.has_rows] if scan.layout_found else [scan.layout]
        files = list(scan.files.paths())
        message = f"No {scan.layout.noun} in it. {unknown_folder(files, known)}"
        if archive := next((one.path for one in scan.problems if one.code == "archive"), None):
            message = f"No {scan.layout.noun} in it, nor in its archives, such as {archive}."
        if packed := _archive_in_archive(scan):
            message = (
                f"No {scan.layout.noun} in it, but archives in an archive, such as {packed}, and only the outer one "
                "is looked into; unpack that, and give the folder of archives."
            )
        yield Problem("no-tasks", "error", "", message)
    for folder in scan.empty_folders:
        message = "The folder is empty; a table keeps it, a raw mirror on the Hub cannot."
        yield Problem("empty-folder", "warning", folder, message)
    for number, size_bytes in enumerate(scan.files.sizes_bytes):
        if not size_bytes and (path := scan.files[number].path).rpartition("/")[2] != paths.FIRST_FRAME:
            yield Problem("empty-file", "warning", path, "The file is empty.")
    yield from _hub_problems(scan)


def _archive_in_archive(scan: Scan) -> str | None:
    """Find an archive in an archive, which may be larger than a file that is kept."""
    packed = [entry.path for entry in scan.files if entry.offset]
    if not isinstance(scan.source, Folder | Remote):
        packed += [one.path for one in scan.problems if one.code == "too-large"]
    return min(filter(paths.names_archive, packed), default=None)


def _hub_problems(scan: Scan) -> Iterator[Problem]:
    for folder, (entries, _) in scan.folders.items():
        if entries > HUB_FOLDER_ENTRIES:
            message = f"{entries:,} entries in one folder; the Hub wants {HUB_FOLDER_ENTRIES:,} at most."
            yield Problem("hub-folder-limit", "warning", folder, f"{message} A table has no such limit.")
    if len(scan.files) > HUB_FILES:
        message = f"{len(scan.files):,} files; the Hub wants {HUB_FILES:,} at most in one repository."
        yield Problem("hub-file-limit", "warning", "", f"{message} A table has no such limit.")
    # Asked of the whole path first, as hardly any has one of them.
    for number, path in enumerate(scan.files.paths()):
        if ".gitignore" not in path and ".cache" not in path:
            continue
        *folders, name = path.split("/")
        if name == ".gitignore" and scan.files.sizes_bytes[number]:
            message = "The Hub's client leaves out what it matches when files are uploaded raw."
            yield Problem("gitignore", "warning", path, message)
        if ".cache" in folders:
            message = "The Hub refuses .cache folders; a table keeps it, a raw mirror cannot."
            yield Problem("cache-folder", "warning", path, message)


def _dead_paths(stated: Iterable[StatedPath], scan: Scan) -> Iterator[Problem]:
    # Asked of the list of files, never of the file system: the path comes from data. Paths of one folder are asked for
    # one after the other, which takes the least time.
    top_names, number_of = scan.top_names, scan.files.number_of
    named = ((one, one[1].replace("\\", "/")) for one in stated)
    not_at_root = [
        (one, name)
        for one, name in named
        if name.partition("/")[0] not in top_names or number_of(name) is None
    ]
    for (key, value, task, file), name in not_at_root:
        if number_of(f"{task}/{name}") is None:
            yield Problem(
                "dead-path", "warning", file, f"{key} leads nowhere in this folder: {value[:200]!a}."
            )


def _duplicate_ids(keys: Sequence[TaskKey]) -> Iterator[Problem]:
    """List tasks whose id another task of their group has: allowed, but the id does not tell them apart."""
    # Hashes take a fraction of the memory, some at a time even less, and say for most folders that there are none.
    hashes = array("q", (hash((key.domain, key.id)) for key in keys))
    if sum(len({one for one in hashes if one % _PARTS == part}) for part in range(_PARTS)) == len(keys):
        return
    first: dict[tuple[str, str], str] = {}
    for key in sorted(keys, key=lambda key: key.path):
        other = first.setdefault((key.domain, key.id), key.path)
        if other != key.path:
            message = f"Its id {key.id!a} is that of {other} too; --id asks which, and takes the path."
            yield Problem("duplicate-id", "warning", key.path, message)


def manifest_contents(scan: Scan) -> dict[str, bytes]:
    """Read what may list the rows of a folder.

    What cannot be read counts as missing here; it is listed as unreadable with the other files.
    """
    contents = {}
    for name in manifest_names(scan.layout, scan.by_path):
        with suppress(OSError, FolderChangedError):
            contents[name] = scan.source.read(scan.by_path[name])
    return contents


def refusals(layout: Layout, problems: Iterable[Problem], allowed: Allowed) -> Iterator[Problem]:
    """Pick the problems for which a build is refused."""
    codes = allowed.codes(layout)
    return (one for one in problems if one.severity == "error" and one.code not in codes)
