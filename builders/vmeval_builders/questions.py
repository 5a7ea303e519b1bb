"""`QuestionsBuilder`: a question folder as a `datasets` builder, with Image and text columns."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets
import pyarrow as pa

from vmeval_builders.rows import read_task, table_of
from vmeval_builders.scan import Scan, Task, scan_folder
from vmeval_builders.schema import QUESTION_COLUMNS, SCHEMA_VERSION, features

#: Tasks in one Arrow table. A streaming dataset has one source shard for each such run of tasks.
CHUNK_TASKS = 100


@dataclass
class QuestionsConfig(datasets.BuilderConfig):  # type: ignore[misc]
    """What the builder reads.

    Attributes:
        folder: The question folder.
        split: The split that the questions go to.
        fingerprint: Changes whenever a file does, so that the cache never gives back old questions.
    """

    folder: str = ""
    split: str = "test"
    fingerprint: str = ""


class QuestionsBuilder(datasets.ArrowBasedBuilder):  # type: ignore[misc]
    """Reads a question folder into the columns of `vmeval_builders.schema.QUESTION_COLUMNS`.

    ``QuestionsBuilder.of(folder).as_streaming_dataset()`` reads lazily; `download_and_prepare` followed by
    `as_dataset` goes through the cache of `datasets`.
    """

    VERSION = datasets.Version(f"{SCHEMA_VERSION}.0.0")
    BUILDER_CONFIG_CLASS = QuestionsConfig

    @classmethod
    def of(
        cls, folder: str | os.PathLike[str], split: str = "test", cache_dir: str | None = None
    ) -> QuestionsBuilder:
        """Make the builder of a folder.

        Args:
            folder: The folder that holds the ``*_task`` folders.
            split: The split that the questions go to.
            cache_dir: Where `datasets` keeps what it prepared; None is its own place.

        Raises:
            FileNotFoundError: There is no such folder.
        """
        scan = scan_folder(folder)
        return cls(
            cache_dir=cache_dir,
            config_name="questions",
            folder=str(scan.root),
            split=split,
            fingerprint=fingerprint(scan),
        )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=features(QUESTION_COLUMNS))

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        scan = scan_folder(self.config.folder)
        chunks = [scan.tasks[start : start + CHUNK_TASKS] for start in range(0, len(scan.tasks), CHUNK_TASKS)]
        kwargs = {"chunks": chunks, "root": scan.root}
        return [datasets.SplitGenerator(name=self.config.split, gen_kwargs=kwargs)]

    def _generate_tables(
        self, chunks: Sequence[Sequence[Task]], root: Path
    ) -> Iterator[tuple[int, pa.Table]]:
        for number, tasks in enumerate(chunks):
            yield number, table_of([read_task(root, task) for task in tasks])


def fingerprint(scan: Scan) -> str:
    """Hash path, size and time of every file: the cache of `datasets` knows a folder by its name alone."""
    digest = hashlib.sha256()
    for entry in scan.files:
        digest.update(
            f"{entry.path}\0{entry.size_bytes}\0{entry.mtime_ns}\n".encode("utf-8", "surrogateescape")
        )
    return digest.hexdigest()[:32]
