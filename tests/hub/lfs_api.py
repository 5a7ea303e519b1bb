"""Endpoints about large files: the LFS batch and its uploads, and the CDN."""

import hashlib
import math
import secrets

from tests.hub import access
from tests.hub.errors import HubError, entry_not_found
from tests.hub.lfs import Pointer, WrongObjectError, is_oid
from tests.hub.messages import Call, Response, file_response, json_response
from tests.hub.repo import Repo
from tests.hub.site import Site, prefix


def batch(site: Site, call: Call, repo_type: str | None, repo_id: str) -> Response:
    """Where to upload each object; nothing to do for one that is there."""
    repo = site.writable(call, (repo_type or "models").removesuffix("s"), repo_id)
    wanted = call.json()
    if wanted.get("operation") != "upload":
        raise HubError(422, f"Unsupported operation: {wanted.get('operation')}")
    objects = wanted.get("objects") or []
    missing = [item for item in objects if is_oid(item.get("oid")) and repo.lfs.size(item["oid"]) is None]
    access.check_space(repo, sum(int(item["size"]) for item in missing), site.limits.storage_limit)
    in_parts = "multipart" in (wanted.get("transfers") or [])
    answers = [_batch_item(site, repo, item, in_parts) for item in objects]
    is_large = any("chunk_size" in _upload_header(answer) for answer in answers)
    return json_response({"transfer": "multipart" if is_large else "basic", "objects": answers})


def verify(site: Site, call: Call, repo_type: str | None, repo_id: str) -> Response:
    """Has the object arrived, in full?"""
    repo = site.writable(call, (repo_type or "models").removesuffix("s"), repo_id)
    wanted = call.json()
    size = repo.lfs.size(wanted["oid"]) if is_oid(wanted.get("oid")) else None
    if size is None:
        raise entry_not_found("This object was not uploaded")
    if size != wanted.get("size"):
        raise HubError(400, f"The object has {size} bytes, not {wanted.get('size')}")
    return json_response({"success": True})


def upload(site: Site, call: Call, repo_type: str, repo_id: str, oid: str) -> Response:
    """Take an object, or a part of one; only what its sha256 promised is kept."""
    repo = _signed_repo(site, call, f"/upload/{repo_type}s/{repo_id}/{oid}", repo_type, repo_id)
    if call.upload is None:
        raise HubError(400, "Nothing was uploaded")
    if call.param("upload"):
        return Response(200, {"ETag": _keep_part(call, repo)})
    try:
        repo.lfs.adopt(call.upload, Pointer(oid, int(call.param("size"))))
    except WrongObjectError as error:
        raise HubError(400, f"BadDigest: {error}") from error
    return Response(200, {"ETag": f'"{oid}"'})


def complete(site: Site, call: Call, repo_type: str, repo_id: str, oid: str) -> Response:
    """Put an object together from its parts."""
    path = f"/api/complete_multipart/{repo_type}s/{repo_id}/{oid}"
    repo = _signed_repo(site, call, path, repo_type, repo_id)
    pointer = Pointer(oid, int(call.param("size")))
    if repo.lfs.size(oid) == pointer.size:
        return json_response({"success": True})  # a client that lost the answer asks again
    parts = sorted(call.json().get("parts") or [], key=lambda part: part["partNumber"])
    paths = [repo.lfs.part_path(call.param("upload"), int(part["partNumber"])) for part in parts]
    if any(
        not path.exists() or _etag(path.read_bytes()) != part["etag"]
        for path, part in zip(paths, parts, strict=True)
    ):
        raise HubError(400, "InvalidPart")
    try:
        repo.lfs.join(paths, pointer)
    except WrongObjectError as error:
        raise HubError(400, f"InvalidPart: {error}") from error
    return json_response({"success": True})


def download(site: Site, call: Call, repo_type: str, repo_id: str, oid: str) -> Response:
    """An object's content, from the CDN."""
    repo = _signed_repo(site, call, f"/lfs/{repo_type}s/{repo_id}/{oid}", repo_type, repo_id)
    size = repo.lfs.size(oid)
    if size is None:
        raise HubError(404, "NoSuchKey")
    return file_response(repo.lfs.path(oid), size, {"ETag": f'"{oid}"'}, call.headers.get("Range"))


def _signed_repo(site: Site, call: Call, path: str, repo_type: str, repo_id: str) -> Repo:
    site.check_signature(call, path)
    repo = site.store.get(repo_type, repo_id)
    if repo is None:
        raise HubError(404, "NoSuchBucket")
    return repo


def _batch_item(site: Site, repo: Repo, item: dict, in_parts: bool) -> dict[str, object]:
    oid, size = item.get("oid"), int(item.get("size") or 0)
    answer: dict[str, object] = {"oid": str(oid), "size": size}
    if not is_oid(oid) or size <= 0:
        return answer | {"error": {"code": 422, "message": f"Invalid object {oid} of {size} bytes"}}
    if repo.lfs.size(str(oid)) is not None:
        return answer
    several = in_parts and size > site.limits.part_size
    action = (
        _parts_action(site, repo, str(oid), size) if several else _whole_action(site, repo, str(oid), size)
    )
    href = f"{site.endpoint}/{prefix(repo.type)}{repo.id}.git/info/lfs/objects/verify"
    return answer | {"actions": {"upload": action, "verify": {"href": href}}}


def _whole_action(site: Site, repo: Repo, oid: str, size: int) -> dict[str, object]:
    return {"href": site.signed(site.cdn_endpoint, f"/upload/{repo.type}s/{repo.id}/{oid}", size=size)}


def _parts_action(site: Site, repo: Repo, oid: str, size: int) -> dict[str, object]:
    name = secrets.token_hex(8)
    header = {"chunk_size": str(site.limits.part_size)}
    for number in range(1, math.ceil(size / site.limits.part_size) + 1):
        path = f"/upload/{repo.type}s/{repo.id}/{oid}"
        header[f"{number:05d}"] = site.signed(site.cdn_endpoint, path, upload=name, part=number, size=size)
    path = f"/api/complete_multipart/{repo.type}s/{repo.id}/{oid}"
    return {"href": site.signed(site.endpoint, path, upload=name, size=size), "header": header}


def _upload_header(answer: dict) -> dict:
    return answer.get("actions", {}).get("upload", {}).get("header", {})


def _keep_part(call: Call, repo: Repo) -> str:
    assert call.upload is not None
    etag = _etag(call.upload.read_bytes())
    call.upload.replace(repo.lfs.part_path(call.param("upload"), int(call.param("part"))))
    return etag


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'
