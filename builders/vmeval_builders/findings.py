"""Read rows' files, and take down what is wrong with them; the same for a check and for what writes a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from vmeval_builders.entries import Contents, FileEntry, Unit
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.manifest import TaskKey, task_key
from vmeval_builders.packed_values import PackedValues
from vmeval_builders.problems import Problem
from vmeval_builders.rows import NO_ARENAS, read_unit, rows_of
from vmeval_builders.secrets import holds_token, token_problem, with_tokens
from vmeval_builders.sources.source import Source

if TYPE_CHECKING:
    from vmeval_builders.arrow.arena import Arena


class StatedPath(NamedTuple):
    """A path that a row's JSON states, and that is none of the row's own files.

    Attributes:
        key: The JSON key.
        value: The path, as it stands there.
        task: The row's path.
        file: The JSON file's path.
    """

    key: str
    value: str
    task: str
    file: str


@dataclass(slots=True)
class Findings:
    """What came to light while files were read; it can be sent between processes.

    Attributes:
        problems: What is wrong with single rows and files.
        keys: The rows' names, where a manifest may list them.
        stated_paths: What can be judged only with all files of the folder at hand; packed where another process sent it.
        keeps_keys: Whether `keys` is kept; a table that is made of the rows has it all the same.
    """

    problems: list[Problem] = field(default_factory=list)
    keys: list[TaskKey] = field(default_factory=list)
    stated_paths: list[StatedPath] | PackedValues = field(default_factory=list)
    keeps_keys: bool = True

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        # Unpacked, stated paths are most of what several processes send at once.
        fields = {name: getattr(self, name) for name in self.__slots__}
        return None, {**fields, "stated_paths": PackedValues(self.stated_paths)}

    def read_rows(
        self,
        source: Source,
        layout: Layout,
        unit: Unit,
        decode: bool,
        arenas: Mapping[str, Arena] = NO_ARENAS,
    ) -> tuple[Contents, Iterable[dict[str, Any]]] | None:
        """Read a row's files and make the row, or the rows; every byte is searched for tokens.

        Args:
            source: Holds the files.
            layout: Describes them.
            unit: The row's files.
            decode: Decode pictures, instead of reading their headers.
            arenas: Column to the memory that its files are read into; they are left to `tokens_in`.

        Returns:
            What the files hold, and the rows, each made when it is asked for; None where a file cannot be read,
            which is taken down.
        """
        try:
            contents = read_unit(source, layout, unit, arenas=arenas)
        except FolderChangedError:
            self.problems.append(changing(unit.path))
            return None
        except OSError as error:
            self.problems.append(Problem.unreadable(_file_of(unit, error), error))
            return None
        rows: Iterable[dict[str, Any]] = rows_of(layout, contents)
        self.problems += layout.problems(contents, decode)
        self.problems += [
            token_problem(unit.files[column].path)
            for column, content in contents.blobs.items()
            if column not in arenas and holds_token(content)
        ]
        assert isinstance(self.stated_paths, list)
        self.stated_paths += _stated_paths(layout, contents)
        if layout.manifest and self.keeps_keys:
            rows = list(rows)
            self.keys += [task_key(layout, row) for row in rows]
        return contents, rows

    def read_file(self, source: Source, entry: FileEntry) -> bytes | None:
        """Read a file that no row holds; None where it cannot be read, which is taken down."""
        try:
            content = source.read(entry)
        except FolderChangedError:
            self.problems.append(changing(entry.path))
            return None
        except OSError as error:
            self.problems.append(Problem.unreadable(entry.path, error))
            return None
        self.search(entry.path, content)
        return content

    def search(self, path: str, content: bytes) -> None:
        """Search a file for tokens."""
        if holds_token(content):
            self.problems.append(token_problem(path))


def tokens_in(arenas: Iterable[Arena]) -> list[Problem]:
    """Search all files for tokens that were read into some memory."""
    return [token_problem(arena.paths[number]) for arena in arenas for number in with_tokens(arena.whole())]


def changing(path: str) -> Problem:
    """Tell that a row's files change while they are read."""
    message = "It changes while it is read; run again when nothing writes into the folder."
    return Problem("changing", "error", path, message)


def _file_of(unit: Unit, error: OSError) -> str:
    """Name the file of a row that could not be read."""
    name = error.filename if isinstance(error.filename, str) else ""
    return next((one.path for one in unit.files.values() if name.endswith(f"/{one.path}")), unit.path)


def _stated_paths(layout: Layout, contents: Contents) -> Iterator[StatedPath]:
    unit = contents.unit
    stated = (contents.value if layout.json_from in unit.files else None) or {}
    for key in [key for key in stated if key.endswith("_path")]:
        value = stated[key]
        if isinstance(value, str) and value:
            name = value.replace("\\", "/")
            own = tuple([f"/{entry.path}" for entry in unit.files.values()])
            # As it is, below other folders, or from the row on.
            if not f"/{name}".endswith(own) and f"/{unit.path}/{name}" not in own:
                yield StatedPath(key, value, unit.path, unit.files[layout.json_from].path)
