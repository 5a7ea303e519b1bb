"""List every problem of a folder, without changing it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmeval_builders import paths
from vmeval_builders.choice import Choice
from vmeval_builders.entries import Contents
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.manifest import manifest_problems, task_key
from vmeval_builders.problems import Problem
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import Scan, scan_rows
from vmeval_builders.secrets import SECRET_CODES, holds_token, name_problems, token_problem
from vmeval_builders.sources.archive import names_archive

# https://huggingface.co/docs/hub/storage-limits: recommended limits of one repository.
HUB_FOLDER_ENTRIES = 10_000
HUB_FILES = 100_000


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


def check_folder(
    path: str | os.PathLike[str],
    quick: bool = False,
    builder: str | None = None,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> list[Problem]:
    """List every problem of a folder.

    Args:
        path: The folder or archive, such as the folder that holds the ``*_task`` folders.
        quick: Look at each frame's header only, instead of decoding it.
        builder: The name of the builder that describes it; None finds it out.
        include: Globs of what is looked at; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.

    Returns:
        Errors first, then warnings, each by path. Empty where there is nothing to say.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: The path is a file, and no archive.
        ArchiveError: The archive is damaged or cut short.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
    """
    return check_scan(scan_rows(path, builder, Choice(include, exclude)), quick)


def check_scan(scan: Scan, quick: bool = False) -> list[Problem]:
    """Do what `check_folder` does, with a folder that was walked already."""
    problems = list(folder_problems(scan))
    keys = []
    for unit in scan.units:
        try:
            contents = read_unit(scan.source, scan.layout, unit)
        except FolderChangedError:
            problems.append(changing(unit.path))
            continue
        except OSError as error:
            problems.append(Problem.unreadable(_relative(scan.root, error, unit.path), error))
            continue
        problems += contents_problems(scan.layout, contents, decode=not quick)
        problems += _dead_paths(contents, scan)
        if scan.layout.manifest:
            keys.append(task_key(scan.layout, row_of(scan.layout, contents)))
    problems += other_file_problems(scan)
    problems += manifest_problems(manifest_content(scan), keys)
    return sorted_problems(problems)


def contents_problems(layout: Layout, contents: Contents, decode: bool) -> Iterator[Problem]:
    """List what is wrong with the files of a row; every byte is searched for tokens.

    Args:
        layout: What describes the row.
        contents: What its files hold.
        decode: Decode pictures, instead of reading their headers.
    """
    yield from layout.problems(contents, decode)
    for column, content in contents.blobs.items():
        if holds_token(content):
            yield token_problem(contents.unit.files[column].path)


def changing(path: str) -> Problem:
    """Tell that a row's files change while they are read."""
    message = "It changes while it is read; run again when nothing writes into the folder."
    return Problem("changing", "error", path, message)


def sorted_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Order problems for people: errors first, then by path."""
    return sorted(set(problems), key=lambda one: (one.severity, one.path, one.code, one.message))


def folder_problems(scan: Scan) -> Iterator[Problem]:
    """List what can be said from names and sizes alone."""
    yield from scan.problems
    yield from name_problems(entry.path for entry in scan.files)
    if not scan.units:
        message = f"No {scan.layout.noun} in it; give the folder that holds the *_task folders."
        if archive := next((entry.path for entry in scan.files if names_archive(entry.path)), None):
            message = f"No {scan.layout.noun} in it, but archives; give one of them, such as {archive}."
        yield Problem("no-tasks", "error", "", message)
    for folder in scan.empty_folders:
        message = "The folder is empty; a table keeps it, a raw mirror on the Hub cannot."
        yield Problem("empty-folder", "warning", folder, message)
    for entry in scan.files:
        if entry.size_bytes == 0 and entry.path.rpartition("/")[2] != paths.FIRST_FRAME:
            yield Problem("empty-file", "warning", entry.path, "The file is empty.")
    yield from _hub_problems(scan)


def _hub_problems(scan: Scan) -> Iterator[Problem]:
    for folder, (entries, _) in scan.folders.items():
        if entries > HUB_FOLDER_ENTRIES:
            message = f"{entries:,} entries in one folder; the Hub wants {HUB_FOLDER_ENTRIES:,} at most."
            yield Problem("hub-folder-limit", "warning", folder, f"{message} A table has no such limit.")
    if len(scan.files) > HUB_FILES:
        message = f"{len(scan.files):,} files; the Hub wants {HUB_FILES:,} at most in one repository."
        yield Problem("hub-file-limit", "warning", "", f"{message} A table has no such limit.")
    for entry in scan.files:
        *folders, name = entry.path.split("/")
        if name == ".gitignore" and entry.size_bytes:
            message = "The Hub's client leaves out what it matches when files are uploaded raw."
            yield Problem("gitignore", "warning", entry.path, message)
        if ".cache" in folders:
            message = "The Hub refuses .cache folders; a table keeps it, a raw mirror cannot."
            yield Problem("cache-folder", "warning", entry.path, message)


def _dead_paths(contents: Contents, scan: Scan) -> Iterator[Problem]:
    json_column = scan.layout.json_from
    for key, value in (contents.value or {}).items():
        if (
            key.endswith("_path")
            and isinstance(value, str)
            and value
            and not _leads_somewhere(value, contents, scan)
        ):
            message = f"{key} leads nowhere in this folder: {value[:200]!a}."
            yield Problem("dead-path", "warning", contents.unit.files[json_column].path, message)


def _leads_somewhere(stated: str, contents: Contents, scan: Scan) -> bool:
    """Whether a stated path is a file's path here, as seen from the folder, the task or a folder above."""
    name = stated.replace("\\", "/")
    task = contents.unit.path
    # Asked of the list of files, never of the file system: the path comes from data.
    return any(path in scan.by_path for path in (name, f"{task}/{name}")) or any(
        name.endswith(f"/{entry.path}") for entry in contents.unit.files.values()
    )


def other_file_problems(scan: Scan) -> Iterator[Problem]:
    """Search the files that no row holds for tokens, and list those that cannot be read."""
    of_rows = {entry.path for unit in scan.units for entry in unit.files.values()}
    others = [entry for entry in scan.files if entry.path not in of_rows]
    for entry in sorted(others, key=lambda entry: entry.offset):
        try:
            if holds_token(scan.source.read(entry)):
                yield token_problem(entry.path)
        except FolderChangedError:
            yield changing(entry.path)
        except OSError as error:
            yield Problem.unreadable(entry.path, error)


def manifest_content(scan: Scan) -> bytes | None:
    """Read the manifest, or give None where there is none or the layout knows none.

    One that cannot be read counts as missing here; it is listed as unreadable with the other files.
    """
    entry = scan.by_path.get(scan.layout.manifest)
    try:
        return scan.source.read(entry) if entry else None
    except (OSError, FolderChangedError):
        return None


def _relative(root: Path, error: OSError, task: str) -> str:
    if isinstance(error.filename, str) and Path(error.filename).is_relative_to(root):
        return Path(error.filename).relative_to(root).as_posix()
    return task


def refusals(layout: Layout, problems: Iterable[Problem], allowed: Allowed) -> list[Problem]:
    """Pick the problems for which a build is refused."""
    codes = allowed.codes(layout)
    return [one for one in problems if one.severity == "error" and one.code not in codes]
