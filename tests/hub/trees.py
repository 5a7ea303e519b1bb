"""Edits of a git tree, kept in memory until they are written in one go."""

from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode


class PathConflictError(ValueError):
    """A file is where a folder is needed, or the other way round."""


@dataclass(frozen=True)
class _File:
    oid: pygit2.Oid
    mode: int


class _Folder:
    """A folder; its children are read from git when first needed."""

    def __init__(self, repo: pygit2.Repository, oid: pygit2.Oid | None):
        self._repo = repo
        self._oid = oid
        self._children: dict[str, _Folder | _File] | None = None

    @property
    def children(self) -> "dict[str, _Folder | _File]":
        if self._children is None:
            self._children = {}
            if self._oid is not None:
                for entry in self._repo[self._oid]:
                    is_folder = entry.filemode == FileMode.TREE
                    child = _Folder(self._repo, entry.id) if is_folder else _File(entry.id, entry.filemode)
                    self._children[entry.name] = child
        return self._children

    def write(self) -> pygit2.Oid | None:
        """Write what changed, children first; None when nothing is left, as git keeps no empty folders."""
        if self._children is None:
            return self._oid
        builder = self._repo.TreeBuilder()
        for name, child in self._children.items():
            if isinstance(child, _File):
                builder.insert(name, child.oid, child.mode)
            elif (oid := child.write()) is not None:
                builder.insert(name, oid, FileMode.TREE)
        return builder.write() if len(builder) else None


class TreeEdit:
    """A tree being changed; folders nothing touches are never read.

    Args:
        repo: where its objects are.
        root: the tree to start from, None for an empty one.
    """

    def __init__(self, repo: pygit2.Repository, root: pygit2.Oid | None):
        self._repo = repo
        self._root = _Folder(repo, root)

    def put(self, path: str, blob: pygit2.Oid) -> None:
        """Add or replace a file.

        Raises:
            PathConflictError: the path, or one above it, is taken by the other kind.
        """
        *parents, name = path.split("/")
        folder = self._root
        for parent in parents:
            child = folder.children.setdefault(parent, _Folder(self._repo, None))
            if isinstance(child, _File):
                raise PathConflictError(f"{parent} is a file, so {path} cannot be")
            folder = child
        if isinstance(folder.children.get(name), _Folder):
            raise PathConflictError(f"{path} is a folder")
        folder.children[name] = _File(blob, FileMode.BLOB)

    def remove_file(self, path: str) -> bool:
        """Remove a file; False when there is none."""
        return self._remove(path, _File)

    def remove_folder(self, path: str) -> bool:
        """Remove a folder and what is in it; False when there is none."""
        return self._remove(path, _Folder)

    def write(self) -> pygit2.Oid:
        """Write the tree."""
        return self._root.write() or self._repo.TreeBuilder().write()

    def _remove(self, path: str, kind: type[_File] | type[_Folder]) -> bool:
        *parents, name = path.split("/")
        chain = [self._root]
        for parent in parents:
            child = chain[-1].children.get(parent)
            if not isinstance(child, _Folder):
                return False
            chain.append(child)
        if not isinstance(chain[-1].children.get(name), kind):
            return False
        del chain[-1].children[name]
        for above, parent in zip(reversed(chain[:-1]), reversed(parents), strict=True):
            if not above.children[parent].children:  # type: ignore[union-attr]
                del above.children[parent]  # so that a file may take an emptied folder's name
        return True
