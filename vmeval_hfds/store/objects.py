"""What lies below a URL, to be written, counted and removed: each object is whole or not there, and all are no unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vmeval_builders.errors import VmevalError
from vmeval_builders.sources.urls import reach, said_by
from vmeval_hfds.errors import RemoteWriteError

Result = TypeVar("Result")

_AT_ONCE = 16
#: Stores that know no folders: to make one would make a bucket.
_WITHOUT_FOLDERS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory", "hf"})


@dataclass(frozen=True, slots=True)
class Objects:
    """What lies below a URL. It can be sent to other processes and machines.

    Attributes:
        url: The URL, without a slash at the end.
    """

    url: str

    def sizes(self) -> dict[str, int]:
        """List every object, by its name below the URL, and its size; empty where there is none.

        Raises:
            RemoteReadError: The store cannot be reached, or a package is missing.
            RemoteWriteError: It does not let itself be listed.
        """
        system, root = reach(self.url)

        def find() -> dict[str, int]:
            system.invalidate_cache()
            found = system.find(root, detail=True)
            return {
                name.removeprefix(root).lstrip("/"): int(about["size"] or 0)
                for name, about in found.items()
                if name != root
            }

        try:
            return self._do("", find)
        except FileNotFoundError:
            return {}

    def send(self, name: str, place: Path) -> None:
        """Write an object from a file, and see that it has the file's size.

        Raises:
            RemoteWriteError: It cannot be written, or has another size.
            OSError: The file cannot be read.
        """
        size_bytes = place.stat().st_size
        self._do(name, lambda: self._made(name).put_file(str(place), self._named(name)))
        self._check(name, size_bytes)

    def put(self, name: str, content: bytes) -> None:
        """Write an object, and see that it has the content's size.

        Raises:
            RemoteWriteError: It cannot be written, or has another size.
        """
        self._do(name, lambda: self._made(name).pipe_file(self._named(name), content))
        self._check(name, len(content))

    def put_many(self, contents: Mapping[str, bytes]) -> None:
        """Write many small objects at once; whoever does lists them afterwards and compares the sizes.

        Raises:
            RemoteWriteError: One cannot be written.
        """
        if not contents:
            return
        system, _ = reach(self.url)
        for name in contents:
            self._made(name)
        first = next(iter(contents))
        self._do(first, lambda: system.pipe({self._named(name): one for name, one in contents.items()}))

    def copy(self, names: Mapping[str, str]) -> None:
        """Copy objects within the store, several at once.

        Args:
            names: Name to the name of its copy.

        Raises:
            RemoteWriteError: One cannot be copied.
        """
        self._each(
            list(names.items()),
            lambda pair: self._do(
                pair[1],
                lambda: self._made(pair[1]).cp_file(self._named(pair[0]), self._named(pair[1])),
            ),
        )

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects by their exact names, several at once.

        Raises:
            RemoteWriteError: One cannot be removed.
        """
        # Not `rm`, which takes names with brackets and stars for patterns.
        system, _ = reach(self.url)
        self._each(list(names), lambda name: self._do(name, lambda: system.rm_file(self._named(name))))

    def compare(self, expected: Mapping[str, int], found: Mapping[str, int]) -> None:
        """Refuse objects that are not as long as what was written.

        Raises:
            RemoteWriteError: One is missing, or has another size.
        """
        for name, size_bytes in expected.items():
            if found.get(name) != size_bytes:
                there = f"{found[name]:,} bytes" if name in found else "nothing"
                raise RemoteWriteError(
                    f"{self.url}/{name}: {size_bytes:,} bytes were written and the store has {there}; run again"
                )

    def _check(self, name: str, size_bytes: int) -> None:
        system, _ = reach(self.url)

        def measure() -> int:
            system.invalidate_cache()
            return int(system.info(self._named(name))["size"])

        self.compare({name: size_bytes}, {name: self._do(name, measure)})

    def _named(self, name: str) -> str:
        return f"{reach(self.url)[1]}/{name}"

    def _made(self, name: str) -> Any:  # noqa: ANN401 (an fsspec file system)
        """Give the file system, after it made the folder above an object where it knows folders."""
        system, _ = reach(self.url)
        if self.url.partition("://")[0].lower() not in _WITHOUT_FOLDERS:
            system.makedirs(self._named(name).rpartition("/")[0], exist_ok=True)
        return system

    def _each(self, items: Sequence[Any], work: Callable[[Any], None]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(work, items):
                pass

    def _do(self, name: str, work: Callable[[], Result]) -> Result:
        place = f"{self.url}/{name}" if name else self.url
        try:
            return work()
        except VmevalError:
            raise
        except FileNotFoundError as error:
            if not name:
                raise
            raise RemoteWriteError(
                f"{place}: cannot be written (there is no such bucket or folder); make it first"
            ) from error
        except Exception as error:
            raise RemoteWriteError(f"{place}: the store refused ({said_by(error)})") from error
