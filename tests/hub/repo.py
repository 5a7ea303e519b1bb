"""One repo of the Hub: a bare git repository with large files beside it. No HTTP."""

import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, ObjectType, SortMode

from tests.hub import rules
from tests.hub.errors import HubError, entry_not_found, revision_not_found
from tests.hub.lfs import MAX_POINTER_BYTES, LfsObjects, Pointer, parse_pointer
from tests.hub.operations import AddFile, AddLfs, CommitRequest, DeleteFile, Operation
from tests.hub.trees import PathConflictError, TreeEdit

RefChange = tuple[str, str]
"""A name and the commit it stands for."""


@dataclass(frozen=True)
class Item:
    """A file or a folder at one commit; a large file's size is the object's, not the pointer's."""

    path: str
    oid: str
    is_folder: bool = False
    size: int = 0
    pointer: Pointer | None = None

    @property
    def content_id(self) -> str:
        """What a client compares its own file with: sha256 for a large file, else git's sha1."""
        return self.pointer.oid if self.pointer else self.oid


@dataclass
class RepoSettings:
    """What the owner can set."""

    private: bool = False
    gated: str | bool = False
    granted: set[str] = field(default_factory=set)


class Repo:
    """A repo; every method may be called from any thread, and a commit happens fully or not at all.

    Args:
        directory: where it is kept; must not exist.
        repo_type: model, dataset or space.
        repo_id: namespace and name.
        settings: what the owner set.
        author: who creates it.
    """

    def __init__(self, directory: Path, repo_type: str, repo_id: str, settings: RepoSettings, author: str):
        self.type = repo_type
        self.id = repo_id
        self.settings = settings
        self.created = time.time()
        self.lock = threading.RLock()
        self._directory = directory
        self.lfs = LfsObjects(directory / "lfs")
        self.git = pygit2.init_repository(directory / "git", bare=True, initial_head="main")
        self.git.config["core.looseCompression"] = 0  # speed, the disk space is given back soon
        self.xet_hashes: dict[str, str] = {}  # by sha256; only of files whose shard arrived
        self._blobs: dict[pygit2.Oid, tuple[int, Pointer | None]] = {}
        self._regular_bytes = 0
        self._write_first_commit(author)

    @property
    def namespace(self) -> str:
        """The user whose repo it is."""
        return self.id.partition("/")[0]

    def remove(self) -> None:
        """Delete everything."""
        with self.lock:
            self.git.free()
            shutil.rmtree(self._directory, ignore_errors=True)

    def stored_bytes(self) -> int:
        """Bytes that count for the storage limit."""
        return self.lfs.total() + self._regular_bytes

    # Revisions

    def resolve(self, revision: str) -> pygit2.Commit:
        """The commit a branch, tag, ref or commit id stands for.

        Raises:
            HubError: 404 RevisionNotFound.
        """
        with self.lock:
            for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
                if pygit2.reference_is_valid_name(name) and name in self.git.references:
                    return self.git.references[name].peel(pygit2.Commit)
            try:
                found = self.git.get(pygit2.Oid(hex=revision)) if len(revision) == 40 else None
            except ValueError:
                found = None
            if found is None or found.type != ObjectType.COMMIT:
                raise revision_not_found(revision)
            return found

    def refs(self, prefix: str) -> list[RefChange]:
        """Names below ``refs/heads/``, ``refs/tags/`` or ``refs/pr/`` with their commits, by name."""
        with self.lock:
            names = sorted(name for name in self.git.references if name.startswith(prefix))
            return [
                (name.removeprefix(prefix), str(self.git.references[name].peel(pygit2.Commit).id))
                for name in names
            ]

    def create_ref(self, prefix: str, name: str, revision: str) -> None:
        """Create a branch or a tag.

        Raises:
            HubError: 409 when there is one, 400 for a bad name.
        """
        ref = prefix + name
        with self.lock:
            if not pygit2.reference_is_valid_name(ref):
                raise HubError(400, f"Invalid reference name: {name}")
            if ref in self.git.references:
                raise HubError(409, f"Reference {ref} already exists")
            try:
                self.git.references.create(ref, self.resolve(revision).id)
            except (pygit2.GitError, ValueError) as error:  # a/b when there is an a
                raise HubError(409, f"Reference {ref} cannot be created: {error}") from error

    def delete_ref(self, prefix: str, name: str) -> None:
        """Delete a branch or a tag.

        Raises:
            HubError: 404 without such one, 403 for main.
        """
        ref = prefix + name
        with self.lock:
            if ref == "refs/heads/main":
                raise HubError(403, "Cannot delete the default branch")
            if not pygit2.reference_is_valid_name(ref) or ref not in self.git.references:
                raise revision_not_found(name)
            self.git.references.delete(ref)

    def history(self, revision: str) -> list[pygit2.Commit]:
        """The commits up to a revision, newest first."""
        with self.lock:
            return list(self.git.walk(self.resolve(revision).id, SortMode.TOPOLOGICAL))

    # Content

    def listing(self, commit: pygit2.Commit, path: str = "", recursive: bool = True) -> list[Item]:
        """What is in a folder, a folder before its content, by name.

        Raises:
            HubError: 404 EntryNotFound without such a folder.
        """
        with self.lock:
            item = self.item(commit, path) if path else Item("", str(commit.tree_id), is_folder=True)
            if item is None or not item.is_folder:
                raise entry_not_found(f"{path} does not exist on {commit.id}", str(commit.id))
            items = self._walk(pygit2.Oid(hex=item.oid), f"{path}/" if path else "", recursive)
            return sorted(items, key=lambda item: item.path.split("/"))

    def item(self, commit: pygit2.Commit, path: str) -> Item | None:
        """The file or folder at a path, None when there is none."""
        with self.lock:
            try:
                entry = commit.tree[path]
            except (KeyError, ValueError):
                return None
            return self._item(path, entry.id, entry.filemode)

    def read(self, item: Item) -> bytes | Path:
        """A file's content: the bytes, or where the large file is."""
        if item.pointer is not None:
            return self.lfs.path(item.pointer.oid)
        with self.lock:
            return self.git[pygit2.Oid(hex=item.oid)].data

    def text(self, commit: pygit2.Commit, path: str) -> str | None:
        """A small file as text, None when there is none."""
        item = self.item(commit, path)
        if item is None or item.is_folder:
            return None
        content = self.read(item)
        return (content.read_bytes() if isinstance(content, Path) else content).decode(errors="replace")

    def attributes(self, commit: pygit2.Commit) -> str:
        """The .gitattributes in force at a commit."""
        return self.text(commit, ".gitattributes") or ""

    def last_commits(self, head: pygit2.Commit, paths: Iterable[str]) -> dict[str, pygit2.Commit]:
        """For each path the commit that last changed it."""
        with self.lock:
            pending = {path: self._oid_at(head, path) for path in paths}
            found: dict[str, pygit2.Commit] = {}
            commit: pygit2.Commit | None = head
            while pending and commit is not None:
                parent = commit.parents[0] if commit.parents else None
                for path in [path for path, oid in pending.items() if self._oid_at(parent, path) != oid]:
                    found[path] = commit
                    del pending[path]
                commit = parent
            return found

    # Changes

    def commit(self, revision: str, request: CommitRequest, author: str) -> str:
        """Commit to a branch, or to a pull request's ref.

        Returns:
            The new commit's id.

        Raises:
            HubError: 404 without such a branch, 412 when it has moved from the named parent, 422 for
                what cannot be done; nothing is changed then.
        """
        with self.lock:
            ref = self._branch_ref(revision)
            oid = self._write_commit(self.git.references[ref].peel(pygit2.Commit), request, author)
            self.git.references[ref].set_target(oid)
            return str(oid)

    def open_pull_request(self, revision: str, request: CommitRequest, author: str) -> tuple[str, int]:
        """Commit to a new pull request.

        Returns:
            The commit's id and the pull request's number.
        """
        with self.lock:
            oid = self._write_commit(self.resolve(revision), request, author)
            number = 1 + len(self.refs("refs/pr/"))
            self.git.references.create(f"refs/pr/{number}", oid)
            return str(oid), number

    def squash(self, branch: str, message: str, author: str) -> None:
        """Replace a branch's history by one commit with the same content."""
        with self.lock:
            ref = self._branch_ref(branch)
            tree = self.resolve(branch).tree_id
            who = pygit2.Signature(author, f"{author}@users.noreply")
            oid = self.git.create_commit(None, who, who, message, tree, [])
            self.git.references[ref].set_target(oid)

    def operations_for(self, files: dict[str, bytes | None], branch: str) -> list[Operation]:
        """The operations that store these files by the repo's own rules; None deletes."""
        attributes = self.attributes(self.resolve(branch))
        operations: list[Operation] = []
        for path, data in files.items():
            if data is None:
                operations.append(DeleteFile(path))
            elif rules.upload_mode(path, len(data), attributes) == "lfs":
                operations.append(AddLfs(path, self.lfs.put_bytes(data).oid, len(data)))
            else:
                operations.append(AddFile(path, data))
        return operations

    # Inside

    def _write_first_commit(self, author: str) -> None:
        attributes = AddFile(".gitattributes", rules.default_attributes(self.type).encode())
        oid = self._write_commit(None, CommitRequest("initial commit", operations=[attributes]), author)
        self.git.references.create("refs/heads/main", oid)

    def _write_commit(self, parent: pygit2.Commit | None, request: CommitRequest, author: str) -> pygit2.Oid:
        if parent is not None and request.parent not in (None, str(parent.id)):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        edit = TreeEdit(self.git, parent.tree_id if parent else None)
        for operation in request.operations:
            self._apply(edit, operation)
        message = request.title + (f"\n\n{request.description}" if request.description else "")
        who = pygit2.Signature(author, f"{author}@users.noreply")
        parents = [parent.id] if parent else []
        return self.git.create_commit(None, who, who, message, edit.write(), parents)

    def _apply(self, edit: TreeEdit, operation: Operation) -> None:
        path = operation.path
        if isinstance(operation, AddFile | AddLfs):
            blob = self._blob_of(operation)
            try:
                edit.put(path, blob)
            except PathConflictError as error:
                raise HubError(422, str(error)) from error
        elif isinstance(operation, DeleteFile):
            if not edit.remove_file(path):
                raise entry_not_found(f"A file with this name doesn't exist: {path}")
        elif not edit.remove_folder(path):
            raise entry_not_found(f"A folder with this name doesn't exist: {path}")

    def _blob_of(self, operation: AddFile | AddLfs) -> pygit2.Oid:
        if isinstance(operation, AddLfs):
            stored = self._stored_pointer(operation)
            return self._remember(stored.encode(), stored.size, stored)
        data = operation.content
        if len(data) > rules.MAX_REGULAR_BYTES:
            raise HubError(400, f"{operation.path} is too large for git: files over 10 MB must go to LFS")
        pointer = parse_pointer(data) if len(data) <= MAX_POINTER_BYTES else None
        if pointer is not None and self.lfs.size(pointer.oid) != pointer.size:
            raise HubError(422, f"{operation.path} points to a large file that does not exist")
        self._regular_bytes += len(data)
        return self._remember(data, pointer.size if pointer else len(data), pointer)

    def _stored_pointer(self, operation: AddLfs) -> Pointer:
        size = self.lfs.size(operation.oid)
        if size is None or operation.size not in (None, size):
            raise HubError(422, f"The large file {operation.oid} of {operation.path} was not uploaded")
        return Pointer(operation.oid, size)

    def _remember(self, data: bytes, size: int, pointer: Pointer | None) -> pygit2.Oid:
        oid = self.git.create_blob(data)
        self._blobs[oid] = (size, pointer)
        return oid

    def _branch_ref(self, revision: str) -> str:
        for ref in (f"refs/heads/{revision}", revision):
            if not ref.startswith(("refs/heads/", "refs/pr/")) or not pygit2.reference_is_valid_name(ref):
                continue
            if ref in self.git.references:
                return ref
        raise revision_not_found(revision)

    def _walk(self, tree: pygit2.Oid, prefix: str, recursive: bool) -> Iterator[Item]:
        for entry in self.git[tree]:
            yield self._item(prefix + entry.name, entry.id, entry.filemode)
            if recursive and entry.filemode == FileMode.TREE:
                yield from self._walk(entry.id, f"{prefix}{entry.name}/", recursive)

    def _item(self, path: str, oid: pygit2.Oid, mode: int) -> Item:
        if mode == FileMode.TREE:
            return Item(path, str(oid), is_folder=True)
        if oid not in self._blobs:
            data = self.git[oid].data
            pointer = parse_pointer(data) if len(data) <= MAX_POINTER_BYTES else None
            self._blobs[oid] = (pointer.size if pointer else len(data), pointer)
        size, pointer = self._blobs[oid]
        return Item(path, str(oid), False, size, pointer)

    def _oid_at(self, commit: pygit2.Commit | None, path: str) -> pygit2.Oid | None:
        try:
            return commit.tree[path].id if commit is not None else None
        except KeyError:
            return None
