"""Endpoints about whole repos: accounts, create and delete, settings, branches, tags, history."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

import pygit2

from tests.hub import access, card
from tests.hub.errors import HubError, repo_not_found
from tests.hub.messages import Call, Response, error_response, json_response
from tests.hub.repo import Item, Repo, RepoSettings
from tests.hub.site import Site, require_user

OK = {"success": True}


def whoami(site: Site, call: Call) -> Response:
    """Who the token belongs to."""
    who = require_user(call)
    token = {"displayName": "test", "role": who.role}
    return json_response(
        {
            "type": "user",
            "id": _internal_id("user", who.user),
            "name": who.user,
            "fullname": who.user.title(),
            "email": f"{who.user}@example.com",
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def create(site: Site, call: Call) -> Response:
    """Create a repo."""
    wanted = call.json()
    who = require_user(call)
    repo_type = wanted.get("type") or "model"
    namespace = wanted.get("organization") or who.user
    if not who.may_write(namespace):
        message = f'You don\'t have the rights to create a {repo_type} under the namespace "{namespace}"'
        raise HubError(403, message)
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    repo_id = f"{namespace}/{wanted.get('name')}"
    repo = site.store.create(repo_type, repo_id, RepoSettings(private), who.user)
    if repo is not None:
        return json_response(_created(site, repo))
    existing = site.readable(call, repo_type, repo_id)
    message = f"You already created this {repo_type} repo"
    return error_response(HubError(409, message, extra=_created(site, existing)))


def delete(site: Site, call: Call) -> Response:
    """Delete a repo."""
    wanted = call.json()
    who = require_user(call)
    repo_id = f"{wanted.get('organization') or who.user}/{wanted.get('name')}"
    site.store.delete(site.writable(call, wanted.get("type") or "model", repo_id))
    return json_response(OK)


def move(site: Site, call: Call) -> Response:
    """Rename a repo."""
    wanted = call.json()
    repo = site.writable(call, wanted.get("type") or "model", str(wanted.get("fromRepo")))
    new_id = str(wanted.get("toRepo"))
    if not require_user(call).may_write(new_id.partition("/")[0]):
        raise HubError(403, "You don't have the rights to move a repo there")
    site.store.move(repo, new_id)
    return json_response(OK)


def update_settings(site: Site, call: Call, repo_type: str, repo_id: str) -> Response:
    """Make a repo private, public or gated."""
    repo = site.writable(call, repo_type, repo_id)
    wanted = call.json()
    if "visibility" in wanted or "private" in wanted:
        repo.settings.private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    if "gated" in wanted:
        repo.settings.gated = wanted["gated"]
    return json_response(OK)


def auth_check(site: Site, call: Call, repo_type: str, repo_id: str) -> Response:
    """May the caller read the repo's files?"""
    access.check_files(site.readable(call, repo_type, repo_id), call.identity)
    return json_response(OK)


def auth_check_write(site: Site, call: Call, repo_type: str, repo_id: str) -> Response:
    """May the caller change the repo?"""
    site.writable(call, repo_type, repo_id)
    return json_response(OK)


def no_such_repo(site: Site, call: Call) -> Response:
    """Any other question about a repo: its id has no namespace, or there is no such endpoint."""
    raise repo_not_found(anonymous=call.identity is None)


def validate_yaml(site: Site, call: Call) -> Response:
    """Check the metadata on top of a README."""
    try:
        found = card.metadata(str(call.json().get("content") or ""))
    except card.BadCardError as error:
        return json_response({"errors": [{"message": str(error)}], "warnings": []}, 400)
    warnings = [] if found else [{"message": "empty or missing yaml metadata in repo card"}]
    return json_response({"errors": [], "warnings": warnings})


def list_repos(site: Site, call: Call, repo_type: str) -> Response:
    """The repos of a type that the caller may see, filtered by author and by part of their name."""
    author, search = call.param("author").lower(), call.param("search").lower()
    found = []
    for repo in site.store.all(repo_type):
        try:
            access.visible(repo, call.identity)
        except HubError:
            continue
        if (not author or repo.namespace.lower() == author) and search in repo.id.lower():
            found.append(_summary(repo, repo.resolve("main")))
    return json_response(found[: int(call.param("limit") or 1000)])


def info(site: Site, call: Call, repo_type: str, repo_id: str, revision: str = "main") -> Response:
    """All about a repo at a revision; with ``expand`` only what is asked for."""
    repo = site.readable(call, repo_type, repo_id)
    commit = repo.resolve(revision)
    fields = _summary(repo, commit)
    wanted = {*call.query.get("expand", []), *call.query.get("expand[]", [])}
    if not wanted or "siblings" in wanted:
        files = (item for item in repo.listing(commit) if not item.is_folder)
        fields["siblings"] = [_sibling(item, call.flag("blobs")) for item in files]
    if not wanted or wanted & {"cardData", "tags"}:
        card_data = _card_data(repo, commit)
        fields |= {"cardData": card_data, "tags": _tags(card_data)}
    if "usedStorage" in wanted or not wanted:
        fields["usedStorage"] = repo.stored_bytes()
    return json_response({key: value for key, value in fields.items() if _is_wanted(key, wanted)})


def refs(site: Site, call: Call, repo_type: str, repo_id: str) -> Response:
    """Branches, tags and, if asked for, pull requests."""
    repo = site.readable(call, repo_type, repo_id)
    answer = {
        "branches": _ref_items(repo, "refs/heads/"),
        "converts": [],
        "tags": _ref_items(repo, "refs/tags/"),
    }
    if call.flag("include_prs"):
        answer["pullRequests"] = _ref_items(repo, "refs/pr/")
    return json_response(answer)


def create_branch(site: Site, call: Call, repo_type: str, repo_id: str, name: str) -> Response:
    """Create a branch at a starting point, main without one."""
    repo = site.writable(call, repo_type, repo_id)
    repo.create_ref("refs/heads/", name, call.json().get("startingPoint") or "main")
    return json_response(OK)


def delete_branch(site: Site, call: Call, repo_type: str, repo_id: str, name: str) -> Response:
    """Delete a branch."""
    site.writable(call, repo_type, repo_id).delete_ref("refs/heads/", name)
    return json_response(OK)


def create_tag(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """Tag a revision."""
    repo = site.writable(call, repo_type, repo_id)
    repo.create_ref("refs/tags/", str(call.json().get("tag")), revision)
    return json_response(OK)


def delete_tag(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """Delete a tag."""
    site.writable(call, repo_type, repo_id).delete_ref("refs/tags/", revision)
    return json_response(OK)


def squash(site: Site, call: Call, repo_type: str, repo_id: str, name: str) -> Response:
    """Make one commit of a branch's history."""
    repo = site.writable(call, repo_type, repo_id)
    repo.squash(name, call.json().get("message") or "Super-squash", require_user(call).user)
    return json_response(OK)


def commits(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """The history, newest first, in pages."""
    repo = site.readable(call, repo_type, repo_id)
    history = repo.history(revision)
    start = int(call.param("p") or 0) * site.limits.page_size
    page = history[start : start + site.limits.page_size]
    headers = {}
    if start + len(page) < len(history):
        number = int(call.param("p") or 0) + 1
        path = f"/api/{repo_type}s/{repo.id}/commits/{quote(revision, safe='')}"
        headers["Link"] = f'<{site.endpoint}{path}?p={number}>; rel="next"'
    return json_response([_commit_item(commit) for commit in page], headers=headers)


def commit_title(commit: pygit2.Commit) -> str:
    """The first line of a commit's message."""
    return commit.message.partition("\n")[0]


def iso_date(seconds: float) -> str:
    """A time as the Hub writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _commit_item(commit: pygit2.Commit) -> dict[str, object]:
    return {
        "id": str(commit.id),
        "title": commit_title(commit),
        "message": commit.message.partition("\n")[2].strip("\n"),
        "authors": [{"user": commit.author.name}],
        "date": iso_date(commit.commit_time),
    }


def _created(site: Site, repo: Repo) -> dict[str, str]:
    return {
        "url": site.url(repo),
        "name": repo.id,
        "id": _internal_id(repo.type, repo.id),
    }


def _ref_items(repo: Repo, start: str) -> list[dict[str, str]]:
    return [
        {"name": name, "ref": f"{start}{name}", "targetCommit": commit} for name, commit in repo.refs(start)
    ]


def _summary(repo: Repo, commit: pygit2.Commit) -> dict[str, object]:
    return {
        "_id": _internal_id(repo.type, repo.id),
        "id": repo.id,
        "author": repo.namespace,
        "sha": str(commit.id),
        "lastModified": iso_date(commit.commit_time),
        "createdAt": iso_date(repo.created),
        "private": repo.settings.private,
        "gated": repo.settings.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
    }


def _sibling(item: Item, with_blobs: bool) -> dict[str, object]:
    sibling: dict[str, object] = {"rfilename": item.path}
    if with_blobs:
        sibling |= {"size": item.size, "blobId": item.oid}
        if item.pointer:
            pointer_size = len(item.pointer.encode())
            sibling["lfs"] = {"sha256": item.pointer.oid, "size": item.size, "pointerSize": pointer_size}
    return sibling


def _card_data(repo: Repo, commit: pygit2.Commit) -> dict[str, object] | None:
    try:
        return card.metadata(repo.text(commit, "README.md") or "")
    except card.BadCardError:
        return None


def _tags(card_data: dict[str, object] | None) -> list[str]:
    tags = (card_data or {}).get("tags")
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


def _is_wanted(key: str, wanted: Iterable[str]) -> bool:
    return not wanted or key in ("_id", "id") or key in wanted


def _internal_id(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:24]
