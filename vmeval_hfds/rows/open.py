"""Tell what holds rows, whatever a person gave for it, and open it: the one way for every function and option."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard
from urllib.parse import quote

from vmeval_builders.scan import Scan, scan_rows
from vmeval_builders.sources.urls import is_url
from vmeval_hfds.errors import (
    AddressError,
    ArgumentError,
    DatasetError,
    HubNotFoundError,
    NoShardsError,
    SourceTypeError,
)
from vmeval_hfds.hub.address import is_address, leads_below, looks_like_repo, parse_address
from vmeval_hfds.rows.rows import Rows
from vmeval_hfds.store.directory import DatasetFiles, open_dataset_dir, unreplaced
from vmeval_hfds.store.names import ROWS_FOLDER

if TYPE_CHECKING:
    from datasets import Dataset

    from vmeval_hfds.table.naming import Naming

#: A folder, an archive, a dataset directory, a repository (as text only), or what was opened of them already.
Source: TypeAlias = "str | os.PathLike[str] | Scan | DatasetFiles | Dataset"
Opened: TypeAlias = "Scan | DatasetFiles | Dataset"

DEFAULT_TOKEN_ENV = "HF_TOKEN"  # noqa: S105 (a variable's name, not a token)


def open_source(
    source: Source,
    builder: str | None = None,
    *,
    revision: str | None = None,
    token_env: str = DEFAULT_TOKEN_ENV,
    is_table: bool = False,
) -> Opened:
    """Open whatever holds rows.

    A path that is here goes before a repository of the same name. A directory with shards in ``data/*/`` is a
    dataset directory, and so is one that has other Parquet files and no row; any other is a folder or archive.
    What lies at ``s3://…`` and other URLs that fsspec knows is told apart likewise. Text that is the path of nothing here is a repository: ``user/name``, ``user/name@revision``,
    ``hf://datasets/user/name[@revision]``, or the address of its page on the Hub. At an ``hf://`` address of a
    repository without shards, or of a folder in one, are files as in a folder here.

    Args:
        source: What to open.
        builder: The name of the builder that describes a folder; None finds it out.
        revision: A branch, tag or commit of a repository, where the text names none; None is its main branch.
        token_env: The environment variable that holds the token for a repository.
        is_table: A directory holds a table, whatever else lies in it.

    Raises:
        MissingPathError: There is no such folder, archive or dataset directory.
        NotAFolderError: The path is a file, and no archive.
        AddressError: The address is that of something else, or a revision is stated twice, or of no repository.
        HubError: The repository or revision cannot be read.
        DatasetError: The repository or directory holds no shards.
        SourceTypeError: It is something else, such as a `DatasetDict`.
    """
    if isinstance(source, str) and (is_url(source) or leads_below(source)):
        _refuse_revision(source, revision)
        return _open_url(source, builder, is_table)
    if isinstance(source, str) and is_repo(source):
        return _open_repo_or_folder(source, builder, revision, token_env)
    _refuse_revision(source, revision)
    if isinstance(source, Scan | DatasetFiles):
        return source
    if isinstance(source, str | os.PathLike):
        is_directory = is_table and os.path.isdir(source)
        return open_dataset_dir(source) if is_directory else _open_path(Path(source), builder)
    if is_dataset(source):
        return source
    raise SourceTypeError(
        f"expected a folder, archive, dataset directory, repository or datasets.Dataset, found {_described(source)}"
    )


def open_rows(source: Source, builder: str | None = None, naming: Naming | None = None) -> Rows:
    """Open whatever holds rows, for reading them.

    Args:
        source: What to open, as `open_source` takes it.
        builder: The name of the builder that describes the rows; None finds it out.
        naming: What is said of a table that calls its columns otherwise; of a folder, nothing can be said.

    Raises:
        VmevalError: As `open_source` does; or the builder that was named, or any, does not describe the rows.
    """
    opened = open_source(source, builder, is_table=bool(naming))
    # Each is imported where it is meant: a folder needs no Arrow, and a small one is looked at in no time.
    if isinstance(opened, Scan):
        from vmeval_hfds.rows.of_folder import FolderRows

        if naming:
            raise ArgumentError(f"{opened.root}: is a folder, not a table; leave out --column and --template")
        return FolderRows(opened)
    if isinstance(opened, DatasetFiles):
        from vmeval_hfds.rows.of_shards import ShardRows

        return ShardRows.of(opened, builder, naming)
    from vmeval_hfds.rows.of_arrow import ArrowRows

    return ArrowRows.of(opened, builder, naming)


def open_files(
    source: str | os.PathLike[str],
    *,
    revision: str | None = None,
    token_env: str = DEFAULT_TOKEN_ENV,
    wait: bool = True,
) -> DatasetFiles:
    """Open a dataset directory or a repository.

    Args:
        source: Its path, or what names a repository, as `open_source` takes it.
        revision: A branch, tag or commit of a repository, where the text names none.
        token_env: The environment variable that holds the token for a repository.
        wait: Wait where the Hub's rate limit is reached, if that is less than ten minutes.

    Raises:
        VmevalError: As `open_source` does; a folder of files is no dataset.
    """
    if isinstance(source, str) and is_repo(source):
        return _open_repo(source, revision, token_env, wait)
    _refuse_revision(source, revision)
    if isinstance(source, str) and is_url(source):
        from vmeval_hfds.store.dataset_url import open_dataset_url

        return open_dataset_url(source)
    return open_dataset_dir(source)


@contextmanager
def open_dataset(source: Source) -> Iterator[DatasetFiles]:
    """Open what holds rows as shards, for as long as they are read; a `datasets.Dataset` is written down for it.

    Args:
        source: What to open, as `open_source` takes it.

    Raises:
        DatasetError: It is a folder, whose rows are files already; or it was replaced while it was read.
        VmevalError: As `open_source` does.
    """
    opened = open_files(source) if isinstance(source, str | os.PathLike) else open_source(source)
    if isinstance(opened, DatasetFiles):
        with unreplaced(opened):
            yield opened
    elif isinstance(opened, Scan):
        raise DatasetError(
            f"{opened.root}: expected a dataset, found a folder of {opened.layout.name}; "
            "build it with vmeval-hfds build"
        )
    else:
        from vmeval_hfds.rows.spill import spilled

        with spilled(opened) as dataset:
            yield dataset


def is_dataset(source: object) -> TypeGuard[Dataset]:
    """Whether something is a `datasets.Dataset`; `datasets` is not loaded to tell."""
    return hasattr(source, "with_format") and hasattr(source, "num_rows") and not isinstance(source, dict)


def _described(source: Any) -> str:  # noqa: ANN401 (whatever somebody gave)
    if isinstance(source, dict) and source:
        return f"a {type(source).__name__}; give one of its splits ({', '.join(map(str, source))})"
    return f"a {type(source).__name__}"


def is_repo(source: str) -> bool:
    """Whether text names a repository: it is an address, or looks like one's name and is the path of nothing here."""
    return is_address(source) or (looks_like_repo(source) and not os.path.lexists(source))


def _refuse_revision(source: object, revision: str | None) -> None:
    if revision is not None:
        raise AddressError(f"{source}: is here and has no revision {revision!r}; only repositories have")


def _open_repo(source: str, revision: str | None, token_env: str, wait: bool = True) -> DatasetFiles:
    from vmeval_hfds.store.repository import open_repo

    address = parse_address(source)
    if revision is not None and address.revision is not None:
        raise AddressError(f"{source}: names a revision already; leave out {revision!r}, or the one in it")
    try:
        return open_repo(address.repo_id, revision or address.revision, token_env, wait=wait)
    except HubNotFoundError as error:
        if is_address(source):
            raise
        raise HubNotFoundError(f"{error}; there is no folder {source!r} here either") from error


def _open_repo_or_folder(
    source: str, builder: str | None, revision: str | None, token_env: str
) -> Scan | DatasetFiles:
    try:
        return _open_repo(source, revision, token_env)
    except NoShardsError:
        if not source.lower().startswith("hf://"):
            raise
    at = f"@{quote(revision, safe='')}" if revision else ""
    return scan_rows(f"{source.rstrip('/')}{at}", builder)


def _open_url(url: str, builder: str | None, is_table: bool) -> Scan | DatasetFiles:
    from vmeval_hfds.store.dataset_url import holds_shards, open_dataset_url

    if is_table or holds_shards(url):
        return open_dataset_url(url)
    scan = scan_rows(url, builder)
    if not scan.units and any(entry.path.endswith(".parquet") for entry in scan.files):
        return open_dataset_url(url)
    return scan


def _open_path(path: Path, builder: str | None) -> Scan | DatasetFiles:
    if next(path.glob(f"{ROWS_FOLDER}/*/*.parquet"), None) is not None:
        return open_dataset_dir(path)
    scan = scan_rows(path, builder)
    if not scan.units and any(entry.path.endswith(".parquet") for entry in scan.files):
        return open_dataset_dir(path)
    return scan
