"""The builders as `datasets` knows them: a folder as a dataset with Image, Video and text columns."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import datasets
import pyarrow as pa

from vmeval_builders.arrow.schema import SCHEMA_VERSION, features
from vmeval_builders.entries import Unit
from vmeval_builders.layouts.registry import layout_named
from vmeval_builders.rows import read_unit, rows_of, table_of
from vmeval_builders.scan import Scan, scan_rows
from vmeval_builders.sources.source import Source

#: Rows in one Arrow table. A streaming dataset has one source shard for each such run of rows.
CHUNK_ROWS = 100


@dataclass
class FolderConfig(datasets.BuilderConfig):  # type: ignore[misc]
    """What a builder reads.

    Attributes:
        folder: The folder.
        split: The split that the rows go to.
        fingerprint: Changes whenever a file does, so that the cache never gives back old rows.
        builder: The name of the builder that describes the folder.
    """

    folder: str = ""
    split: str = "test"
    fingerprint: str = ""
    builder: str = ""


class FolderBuilder(datasets.ArrowBasedBuilder):  # type: ignore[misc]
    """Reads a folder into the columns of a builder of `vmeval_builders.layouts.registry`.

    ``QuestionsBuilder.of(folder).as_streaming_dataset()`` reads lazily; `download_and_prepare` followed by
    `as_dataset` goes through the cache of `datasets`.
    """

    VERSION = datasets.Version(f"{SCHEMA_VERSION}.0.0")
    BUILDER_CONFIG_CLASS = FolderConfig
    #: The builder's name; None is the one that the folder is for.
    describes: ClassVar[str | None] = None

    @classmethod
    def of(
        cls, folder: str | os.PathLike[str], split: str = "test", cache_dir: str | None = None
    ) -> FolderBuilder:
        """Make the builder of a folder.

        Args:
            folder: The folder.
            split: The split that the rows go to.
            cache_dir: Where `datasets` keeps what it prepared; None is its own place.

        Raises:
            FileNotFoundError: There is no such folder.
        """
        return cls.of_scan(scan_rows(folder, cls.describes), split, cache_dir)

    @classmethod
    def of_scan(cls, scan: Scan, split: str = "test", cache_dir: str | None = None) -> FolderBuilder:
        """Make the builder of a folder that was walked already."""
        return cls(
            cache_dir=cache_dir,
            config_name=scan.layout.name,
            folder=str(scan.root),
            split=split,
            fingerprint=fingerprint(scan),
            builder=scan.layout.name,
        )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=features(layout_named(self.config.builder).columns))

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        scan = scan_rows(self.config.folder, self.config.builder)
        chunks = [scan.units[start : start + CHUNK_ROWS] for start in range(0, len(scan.units), CHUNK_ROWS)]
        kwargs = {"chunks": chunks, "source": scan.source, "builder": scan.layout.name}
        return [datasets.SplitGenerator(name=self.config.split, gen_kwargs=kwargs)]

    def _generate_tables(
        self, chunks: Sequence[Sequence[Unit]], source: Source, builder: str
    ) -> Iterator[tuple[int, pa.Table]]:
        described = layout_named(builder)
        for number, units in enumerate(chunks):
            contents = (read_unit(source, described, unit) for unit in units)
            yield number, table_of(described, [row for one in contents for row in rows_of(described, one)])


class QuestionsBuilder(FolderBuilder):
    """Reads a folder of questions."""

    describes = "questions"


class OutputsBuilder(FolderBuilder):
    """Reads a folder of outputs."""

    describes = "outputs"


class EvaluationsBuilder(FolderBuilder):
    """Reads a folder of evaluations."""

    describes = "evaluations"


def fingerprint(scan: Scan) -> str:
    """Hash path, size and time of every file: the cache of `datasets` knows a folder by its name alone."""
    digest = hashlib.sha256()
    for entry in scan.files:
        digest.update(
            f"{entry.path}\0{entry.size_bytes}\0{entry.mtime_ns}\n".encode("utf-8", "surrogateescape")
        )
    return digest.hexdigest()[:32]
