"""Rows to a folder at a URL: a folder that is marked as unfinished until all of its files are there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from vmeval_builders.sources.remote import UNFINISHED_MARK, WHOLE_MARK
from vmeval_hfds.api.exported import ExportPlan, ExportResult, refuse_unlike, result_of
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import TargetExistsError, UnsafePathError
from vmeval_hfds.folder.check import check_media, check_repeated
from vmeval_hfds.folder.places import possible_places
from vmeval_hfds.folder.plan import Plan, make_plan
from vmeval_hfds.folder.pull import Pull, bytes_to_read, check_paths, pull_of, row_paths, run
from vmeval_hfds.folder.sink import Onlooker
from vmeval_hfds.folder.url_writer import UrlWriter, marked, sizes_of
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.store.objects import Objects
from vmeval_hfds.table.naming import Naming
from vmeval_hfds.table.wanted import Wanted

#: The longest name of an object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_NAME_LIMIT_BYTES = 1024


@dataclass(frozen=True, slots=True)
class UrlExport:
    """An export to a URL.

    Attributes:
        dataset: The dataset.
        url: Where to, without a slash at the end.
        wanted: The rows that are wanted.
        builder: The name of the layout that must describe them; None takes any.
        naming: What is said of a table that calls its columns otherwise.
        force: Write among objects that are there, and replace those of the same names.
        strict: Refuse rows that are not what the dataset's list of files says.
        engine: Where the work is done.
    """

    dataset: DatasetFiles
    url: str
    wanted: Wanted
    builder: str | None
    naming: Naming
    force: bool
    strict: bool
    engine: Engine

    def plan(self, replaced: Collection[str]) -> ExportPlan:
        """Say what would be done, after all that may refuse it."""
        pull, there = self._prepare(replaced)
        files = _files(pull.plan)
        return ExportPlan(
            target=self.url,
            builder=pull.plan.layout.name,
            rows=pull.plan.rows,
            write=sorted(files),
            replace=sorted(files & there.keys()),
            kept=0,
            read_bytes=bytes_to_read(pull),
            prune=[],
        )

    def run(self, replaced: Collection[str], progress: Progress | None) -> ExportResult:
        """Write the files, compare them with what the store has, and mark the folder as whole."""
        pull, there = self._prepare(replaced)
        plan, objects = pull.plan, Objects(self.url)
        self.engine.require_target(self.url)
        self.engine.require(plan.dataset.place)
        with marked(objects, there) as written:
            writer = UrlWriter(objects)
            tally = run(pull, writer, self.engine, progress)
            writer.done()
            table = plan.listing.table
            listed = dict(zip(table["path"].to_pylist(), table["size"].to_pylist(), strict=True))
            unlike = set(tally.changed)
            paths = {path: None if path in unlike else listed.get(path) for path in tally.paths["sent"]}
            written |= sizes_of(
                objects, paths, tally.written_bytes if len(paths) == len(tally.paths["sent"]) else None
            )
        result = result_of(self.url, plan, tally, len(paths), kept=0)
        return replace(result, not_kept=sorted(plan.listing.folders))

    def _prepare(self, replaced: Collection[str]) -> tuple[Pull, dict[str, int]]:
        """Refuse what must not be written."""
        dataset = self.dataset
        plan = make_plan(
            dataset, self.wanted, self.builder, naming=self.naming, strict=self.strict, replaced=replaced
        )
        pull = pull_of(plan)
        check_paths(pull)
        files = _files(plan)
        for path in files | {WHOLE_MARK}:
            if len(f"{self.url}/{path}".encode("utf-8", "surrogatepass")) > _NAME_LIMIT_BYTES:
                raise UnsafePathError(
                    f"{path[:100]}: is too long a name below {self.url}; nothing was written, choose a shorter target"
                )
        plan = replace(plan, looked_into=check_media(dataset, plan.looked_into))
        pull = replace(pull, plan=plan)
        if plan.repeated:
            check_repeated(dataset.name, row_paths(pull))
        there = self._what_is_there(files)
        if self.strict and plan.looked_into:
            refuse_unlike(dataset.name, run(pull, Onlooker(), self.engine, None, known=False))
        return pull, there

    def _what_is_there(self, files: Collection[str]) -> dict[str, int]:
        """List what is at the URL.

        Raises:
            TargetExistsError: Something is, and `force` is off; or the dataset is.
        """
        own, here = f"{self.dataset.address.rstrip('/')}/", f"{self.url}/"
        if self.dataset.is_url and (here.startswith(own) or own.startswith(here)):
            raise TargetExistsError(
                f"{self.url}: the dataset itself lies here, or this in it; choose another target"
            )
        there = Objects(self.url).sizes()
        if there and not self.force:
            what = "an export that did not end, or is at work" if UNFINISHED_MARK in there else "objects"
            again = sum(path in there for path in files)
            raise TargetExistsError(
                f"{self.url}: holds {what} ({len(there):,} objects); nothing was written; choose another target, or "
                f"write there with --force, which replaces {again:,} of them and removes none"
            )
        return there


def _files(plan: Plan) -> set[str]:
    return {*plan.listing.files, *(place for group in plan.looked_into for place in possible_places(group))}
