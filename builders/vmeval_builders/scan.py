"""Walk a folder into rows and files that are meant, and say which of its names and links cannot be kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from vmeval_builders import paths
from vmeval_builders.choice import ALL_BUT_TOOLS, Choice, matches, tool_name
from vmeval_builders.entries import FileEntry
from vmeval_builders.errors import FolderChangedError, FolderTypeError, MissingPathError, NotAFolderError
from vmeval_builders.file_list import FileList
from vmeval_builders.folder_list import FolderList
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS, find_layout, layout_named
from vmeval_builders.problems import Problem
from vmeval_builders.sources.folder import Folder
from vmeval_builders.sources.remote import Remote, index_remote, tags_at
from vmeval_builders.sources.source import Index, Run, Source, run_here
from vmeval_builders.sources.top_folder import below, top_folder
from vmeval_builders.sources.urls import Url, is_source_url
from vmeval_builders.sources.walk import index_folder
from vmeval_builders.unit_list import UnitList


@dataclass
class Scan:
    """A walked folder or archive; what it says of rows is from `scan_rows`.

    Attributes:
        root: The folder or archive, absolute; its URL where it is far away.
        source: Gives the bytes of its files.
        files: Every file, by path order.
        folders: Every folder by its path, by path order; ``""`` is the root.
        problems: What is wrong with names and links; contents are not looked at here.
        builder: What describes its rows.
        layout_found: Whether the builder was found out, not named.
        units: Every row, by path order.
        tags: Path to what changes when the file or archive there does, where a store far away states it.
        top_folder: The one folder at the root of an archive that was taken for its root; empty where none was.
        left_out: Files and empty folders that are there and not meant (`Choice`); folders end in ``/``.
    """

    root: Path | Url
    source: Source
    files: FileList = field(default_factory=FileList)
    folders: FolderList = field(default_factory=FolderList)
    problems: list[Problem] = field(default_factory=list)
    layout: Layout = QUESTIONS
    layout_found: bool = False
    units: UnitList = field(default_factory=lambda: UnitList(QUESTIONS.parts, FileList()))
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    _had_rows: bool = False

    @property
    def has_rows(self) -> bool:
        """Whether a row was found, also where rows were forgotten."""
        return bool(self.units) or self._had_rows

    @property
    def by_path(self) -> Mapping[str, FileEntry]:
        """Every file by its path."""
        return self.files.by_path

    @property
    def empty_folders(self) -> list[str]:
        """Folders without any entry, by path order."""
        return self.folders.empty

    @cached_property
    def top_names(self) -> frozenset[str]:
        """The names of the files at the root, and of the folders there in which some file is."""
        found: set[str] = set()
        for folder, names in self.files.by_runs():
            found.update([folder.partition("/")[0]] if folder else names)
        return frozenset(found)

    def forget_rows(self) -> None:
        """Give back the memory of `units`, which are none then: whoever goes on has planned with them."""
        self._had_rows, self.units = self.has_rows, self.units[:0]

    def forget_full_folders(self) -> None:
        """Give back the memory of folders that hold something, where the layout lists the others alone."""
        if not self.layout.keeps_times:
            empty = self.empty_folders
            self.folders = FolderList(empty, [0] * len(empty), [None] * len(empty))

    def forget_times(self) -> None:
        """Give back the memory of times, where the layout does not keep them."""
        if not self.layout.keeps_times:
            self.files.forget_times()
            self.folders.forget_times()


def scan_rows(
    folder: str | os.PathLike[str],
    builder: str | None = None,
    choice: Choice = ALL_BUT_TOOLS,
    run: Run = run_here,
) -> Scan:
    """Walk a folder or archive once, and find its rows.

    Args:
        folder: A folder, or an archive of one (``.tar``, ``.tar.gz``, ``.tgz``), or the URL of either (``s3://…``, ``hf://…``);
            or a folder of archives: where no row is found but archives are, each stands for what is in it.
        builder: The name of the builder that describes it; None finds it out.
        choice: Which of its files are meant.
        run: Walks the top folders of a folder on disk, and goes through the archives in it.

    Raises:
        MissingPathError: There is no such folder.
        NotAFolderError: The path is a file, and no archive.
        ArchiveError: The archive is damaged or cut short.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
    """
    scan = _matched(scan_files(folder, choice, run), builder)
    finds_none = scan.layout.has_rows and not scan.units.has_files
    if finds_none and (packed := archives_of(scan, choice)):
        scan = _matched(scan_archives(scan, packed, choice, run), builder)
    scan.layout_found = builder is None
    return scan


def _matched(scan: Scan, builder: str | None) -> Scan:
    if builder is None:
        scan.layout, scan.units = find_layout(scan.files, scan.folders)
    else:
        scan.layout = layout_named(builder)
        scan.units = UnitList.of(scan.layout.units(scan.files, scan.folders), scan.layout.parts, scan.files)
    scan.files.forget_folder_index()
    return scan


def scan_files(folder: str | os.PathLike[str], choice: Choice = ALL_BUT_TOOLS, run: Run = run_here) -> Scan:
    """Walk a folder or archive once, without opening a file of it; its rows are not looked for.

    Args:
        folder: As `scan_rows` takes it.
        choice: Which of its files are meant.
        run: Walks the top folders of a folder on disk.

    Raises:
        FolderTypeError: It is no path.
        MissingPathError: There is no such folder.
        NotAFolderError: The path is a file, and no archive.
        ArchiveError: The archive is damaged or cut short.
    """
    if not isinstance(folder, str | os.PathLike):
        raise FolderTypeError(
            f"expected the path of a folder or archive, found a {type(folder).__name__}; a datasets.Dataset is "
            "published by its own push_to_hub"
        )
    if is_source_url(folder):
        root, index = Url(str(folder)), index_remote(str(folder))
        # An archive is the only thing at a URL that is not read file by file.
        return (
            _in_order(root, index, choice)
            if isinstance(index.source, Remote)
            else _opened(root, index, choice)
        )
    path = Path(folder).resolve()
    return scan_archive(path, choice, run) if is_archive(path) else scan_folder(folder, choice, run)


def is_archive(path: Path) -> bool:
    """Say whether a path is a file that is called as an archive is."""
    return paths.names_archive(path.name) and path.is_file()


def scan_folder(folder: str | os.PathLike[str], choice: Choice = ALL_BUT_TOOLS, run: Run = run_here) -> Scan:
    """Walk a folder once, without opening any file.

    Links that stay inside the folder are read as what they lead to; others are problems.

    Args:
        folder: A folder.
        choice: Which of its files are meant.
        run: Walks its top folders.

    Returns:
        Its files in an order that does not depend on the file system.

    Raises:
        MissingPathError: There is no such folder.
        NotAFolderError: The path is a file.
    """
    root = Path(folder).resolve()
    if not root.exists():
        raise MissingPathError(f"{folder}: no such folder; give the folder that holds the *_task folders")
    if not root.is_dir():
        raise NotAFolderError(f"{folder}: is a file; give the folder that holds the *_task folders")
    return _in_order(root, index_folder(root, run), choice)


def scan_archive(path: Path, choice: Choice = ALL_BUT_TOOLS, run: Run = run_here) -> Scan:
    """Read the index of a tar archive, which is gone through as a stream and never unpacked.

    Args:
        path: The archive.
        choice: Which of its files are meant, and whether its one top folder stands for the root.
        run: Goes through it, unless it is compressed: where that was done, it is read on the fastest.

    Raises:
        ArchiveError: The archive is damaged or cut short.
        OSError: It cannot be read.
    """
    # Most folders are walked without any of this.
    from vmeval_builders.sources.archive import index_archive, is_compressed

    if is_compressed(path):
        run = run_here
    [index] = run(index_archive, [path], path.stat().st_size)
    return _opened(path, index, choice)


def _opened(root: Path | Url, index: Index, choice: Choice) -> Scan:
    """Sort what an archive holds, below its one top folder where that stands for the root."""
    top = None if choice.keeps_top_folder else top_folder(index)
    scan = _in_order(root, below(index, top) if top else index, choice)
    scan.top_folder = top or ""
    return scan


def refuse_changes(scan: Scan) -> None:
    """Look again at a folder far away after it was read: between listing and reading nothing guards it.

    Raises:
        FolderChangedError: A file is another now, or gone.
        RemoteReadError: It cannot be listed.
    """
    if not isinstance(scan.root, Url):
        return
    now = tags_at(str(scan.root))
    for path, tag in scan.tags.items():
        if now.get(path) != tag:
            place = f"{scan.root}/{path}" if path else str(scan.root)
            raise FolderChangedError(
                f"{place}: changed while it was read; run again when nothing writes there"
            )


def archives_of(scan: Scan, choice: Choice = ALL_BUT_TOOLS) -> frozenset[str]:
    """List the archives in a folder, which may stand for what is in them; they may be larger than a file of one.

    An archive that is excluded is none of them; what is included is asked of the files in it.
    """
    if not isinstance(scan.source, Folder | Remote):
        return frozenset()
    large = (one.path for one in scan.problems if one.code == "too-large")
    left_out = (path for path in scan.left_out if not (tool_name(path) or matches(path, choice.exclude)))
    return frozenset(
        filter(paths.names_archive, chain((entry.path for entry in scan.files), large, left_out))
    )


def scan_archives(
    scan: Scan, packed: Collection[str], choice: Choice = ALL_BUT_TOOLS, run: Run = run_here
) -> Scan:
    """Look into the archives of a folder that was walked, each of which stands for what is in it.

    Args:
        scan: The folder, as its files lie there.
        packed: Its archives, from `archives_of`.
        choice: Which files are meant, those in the archives among them.
        run: Goes through the archives of a folder on disk.

    Returns:
        What the same folder is with each archive unpacked beside itself.

    Raises:
        ArchiveError: One of them is damaged or cut short.
        OSError: It cannot be read.
    """
    from vmeval_builders.sources.archives import look_into_archives

    if choice.has_globs:
        # They are about paths that were not known when the folder was walked.
        everything = (
            index_remote(str(scan.root)) if isinstance(scan.root, Url) else index_folder(scan.root, run)
        )
        return _in_order(scan.root, look_into_archives(everything, packed, run), choice)
    problems = [one for one in scan.problems if one.code != "bad-name"]
    index = Index(scan.source, scan.files, scan.folders, problems, scan.tags)
    opened = _in_order(scan.root, look_into_archives(index, packed, run), choice)
    opened.left_out = sorted([*scan.left_out, *opened.left_out])
    return opened


def _in_order(root: Path | Url, index: Index, choice: Choice) -> Scan:
    """Sort what was found and is meant, and check its names."""
    index.files, index.folders = FileList.of(index.files), FolderList.of(index.folders)
    left_out = _leave_out(index, choice)
    files, folders = FileList.of(index.files), FolderList.of(index.folders)
    scan = Scan(root, index.source, files, folders, index.problems, left_out=left_out)
    gone = set(left_out)
    scan.tags = {path: tag for path, tag in index.tags.items() if path not in gone}
    if not paths.tree_is_plain(folders, files.folder_index.alike.keys(), files.folder_index.names_in):
        names = paths.path_problems(files.paths(), scan.empty_folders)
        scan.problems += [Problem("bad-name", "error", path, f"The path {reason}.") for path, reason in names]
    return scan


def _leave_out(index: Index, choice: Choice) -> list[str]:
    """Take from an index what is not meant; give its files and empty folders, by path order."""
    left_out: list[str] = []
    if choice.drops_tools and _has_tools(index):
        # A folder that holds nothing else was empty for the person, and stays as one.
        left_out += _keep(index, _is_no_tools, set(filter(_is_no_tools, index.folders)))
    if choice.has_globs:
        # Not so here: of the folders come those in which something lies that was picked, or that were picked empty.
        picked = [entry.path for entry in index.files if choice.globs_take(entry.path)]
        picked += [one.path for one in index.problems if choice.globs_take(one.path)]
        empty = {path for path, folder in index.folders.items() if not folder.entries}
        folders = {path for path in empty if choice.globs_take(path)}
        left_out += _keep(index, choice.globs_take, folders.union(*map(_above, [*picked, *folders])) | {""})
    return sorted(left_out)


def _has_tools(index: Index) -> bool:
    names = set(FileList.of(index.files).names_of_runs)
    places = (one.path for one in index.problems)
    return any(map(tool_name, chain(index.folders, chain.from_iterable(names), places)))


def _is_no_tools(path: str) -> bool:
    return tool_name(path) is None


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _keep(index: Index, takes: Callable[[str], bool], folders: set[str]) -> list[str]:
    """Keep some files, problems and folders; give the paths of the other files and empty folders."""
    gone = {entry.path for entry in index.files if not takes(entry.path)}
    gone |= {one.path for one in index.problems if one.path and not takes(one.path)} - index.folders.keys()
    gone_folders = index.folders.keys() - folders
    left_out = [*gone, *(f"{path}/" for path in gone_folders if not index.folders[path].entries)]
    if gone or gone_folders:
        fewer = Counter(path.rpartition("/")[0] for path in gone | gone_folders)
        index.files = [entry for entry in index.files if entry.path not in gone]
        index.problems[:] = [one for one in index.problems if one.path not in gone | gone_folders]
        kept = {path: folder for path, folder in index.folders.items() if path in folders}
        index.folders = {
            path: folder._replace(entries=folder.entries - fewer[path]) for path, folder in kept.items()
        }
    return left_out
