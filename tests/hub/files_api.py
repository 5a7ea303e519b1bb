"""Endpoints about the files of a repo: listings, downloads and commits."""

import base64
from urllib.parse import quote, urlencode

import pygit2

from tests.hub import access, rules, xet_api
from tests.hub.errors import HubError, entry_not_found
from tests.hub.messages import Call, Response, file_response, json_response
from tests.hub.operations import AddFile, check_path, parse_commit
from tests.hub.repo import Item, Repo
from tests.hub.repos_api import commit_title, iso_date
from tests.hub.site import Site, require_user

MAX_PREUPLOAD = 256
EXPANDED_PAGE = 50


def tree(site: Site, call: Call, repo_type: str, repo_id: str, revision: str, path: str = "") -> Response:
    """A page of what is in a folder."""
    repo = site.readable(call, repo_type, repo_id)
    commit = repo.resolve(revision)
    path = path.strip("/")
    items = repo.listing(commit, path, call.flag("recursive"))
    if call.param("cursor"):
        last = _decode_cursor(call.param("cursor")).split("/")
        items = [item for item in items if item.path.split("/") > last]
    size = min(site.limits.page_size, EXPANDED_PAGE) if call.flag("expand") else site.limits.page_size
    size = min(size, int(call.param("limit") or size))
    page = items[:size]
    headers = {}
    if len(page) < len(items):
        folder = f"/{quote(path, safe='')}" if path else ""
        url = f"{site.endpoint}/api/{repo_type}s/{repo.id}/tree/{quote(revision, safe='')}{folder}"
        query = {"recursive": call.flag("recursive"), "expand": call.flag("expand")}
        headers["Link"] = (
            f'<{url}?{urlencode({**query, "cursor": _encode_cursor(page[-1].path)})}>; rel="next"'
        )
    return json_response(_describe(repo, commit, page, call.flag("expand")), headers=headers)


def paths_info(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """What is at these paths; missing ones are left out."""
    repo = site.readable(call, repo_type, repo_id)
    commit = repo.resolve(revision)
    form = call.form()
    paths = form.get("paths", []) + form.get("paths[]", [])
    found = [repo.item(commit, path.strip("/")) for path in dict.fromkeys(paths) if path.strip("/")]
    expand = form.get("expand", ["false"])[0].lower() in ("1", "true")
    return json_response(_describe(repo, commit, [item for item in found if item], expand))


def preupload(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """For each file: does it go to LFS, is it ignored, and what is there now."""
    repo = site.writable(call, repo_type, repo_id)
    wanted = call.json()
    files = wanted.get("files") or []
    if len(files) > MAX_PREUPLOAD:
        raise HubError(400, f"At most {MAX_PREUPLOAD} files at a time, not {len(files)}")
    commit = repo.resolve(revision)
    attributes = repo.attributes(commit)
    ignore = wanted.get("gitIgnore")
    if ignore is None:
        ignore = repo.text(commit, ".gitignore") or ""
    answers = []
    for file in files:
        path = check_path(file.get("path"))
        answer = {
            "path": path,
            "uploadMode": rules.upload_mode(path, int(file.get("size") or 0), attributes),
            "shouldIgnore": rules.is_ignored(path, ignore),
        }
        present = repo.item(commit, path)
        if present and not present.is_folder:
            answer["oid"] = present.content_id
        answers.append(answer)
    return json_response({"commitOid": str(commit.id), "files": answers})


def commit(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """Commit: all operations, or none of them."""
    repo = site.writable(call, repo_type, repo_id)
    request = parse_commit(call.body)
    new_bytes = sum(len(item.content) for item in request.operations if isinstance(item, AddFile))
    access.check_space(repo, new_bytes, site.limits.storage_limit)
    author = require_user(call).user
    answer: dict[str, object] = {"success": True, "hookOutput": ""}
    if call.flag("create_pr"):
        oid, number = repo.open_pull_request(revision, request, author)
        answer["pullRequestUrl"] = f"{site.url(repo)}/discussions/{number}"
    else:
        oid = repo.commit(revision, request, author)
    return json_response(answer | {"commitOid": oid, "commitUrl": f"{site.url(repo)}/commit/{oid}"})


def resolve(
    site: Site, call: Call, repo_type: str | None, repo_id: str, revision: str, path: str
) -> Response:
    """A file's content, or for a large file the way to it."""
    repo = site.readable(call, (repo_type or "models").removesuffix("s"), repo_id)
    access.check_files(repo, call.identity)
    commit = repo.resolve(revision)
    item = repo.item(commit, path)
    if item is None or item.is_folder:
        raise entry_not_found(commit=str(commit.id))
    headers = {"X-Repo-Commit": str(commit.id)}
    if item.pointer is not None:
        return _redirect(site, repo, item, headers | xet_api.announce(site, repo, item, str(commit.id)))
    headers["ETag"] = f'"{item.oid}"'
    return file_response(repo.read(item), item.size, headers, call.headers.get("Range"))


def _redirect(site: Site, repo: Repo, item: Item, headers: dict[str, str]) -> Response:
    location = site.signed(site.cdn_endpoint, f"/lfs/{repo.type}s/{repo.id}/{item.content_id}")
    linked = {"X-Linked-Size": str(item.size), "X-Linked-Etag": f'"{item.content_id}"'}
    # The etag of the pointer itself is there too, and must not be mistaken for the file's.
    return Response(302, {**headers, **linked, "ETag": f'"{item.oid}"', "Location": location})


def _describe(repo: Repo, head: pygit2.Commit, items: list[Item], expand: bool) -> list[dict[str, object]]:
    described = [_describe_item(repo, item) for item in items]
    if expand:
        changed = repo.last_commits(head, [item.path for item in items])
        for entry in described:
            last = changed[str(entry["path"])]
            entry["lastCommit"] = {
                "id": str(last.id),
                "title": commit_title(last),
                "date": iso_date(last.commit_time),
            }
    return described


def _describe_item(repo: Repo, item: Item) -> dict[str, object]:
    kind = "directory" if item.is_folder else "file"
    entry: dict[str, object] = {"type": kind, "oid": item.oid, "size": item.size, "path": item.path}
    if item.pointer:
        pointer_size = len(item.pointer.encode())
        entry["lfs"] = {"oid": item.pointer.oid, "size": item.size, "pointerSize": pointer_size}
        if item.pointer.oid in repo.xet_hashes:
            entry["xetHash"] = repo.xet_hashes[item.pointer.oid]
    return entry


def _encode_cursor(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode()


def _decode_cursor(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except ValueError as error:
        raise HubError(400, "Invalid cursor") from error
