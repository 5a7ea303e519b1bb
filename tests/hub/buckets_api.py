"""Buckets, as far as readers of their files ask: no commits, no revisions, every file known by its hash.

What the Hub answers is taken from what its client reads, and from that it says of prefixes.
"""

import hashlib
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from tests.hub.errors import entry_not_found, repo_not_found
from tests.hub.messages import Call, Response, file_response, json_response
from tests.hub.repos_api import iso_date
from tests.hub.site import Site

#: When every file here was put into its bucket.
_UPLOADED_SECONDS = 1_770_000_000


@dataclass
class Bucket:
    """The files of a bucket, by their paths."""

    id: str
    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)


def info(site: Site, call: Call, bucket_id: str) -> Response:
    """What a bucket is."""
    bucket = _readable(site, call, bucket_id)
    return json_response(
        {
            "id": bucket.id,
            "private": bucket.private,
            "createdAt": iso_date(_UPLOADED_SECONDS),
            "size": sum(map(len, bucket.files.values())),
            "totalFiles": len(bucket.files),
        }
    )


def tree(site: Site, call: Call, bucket_id: str, prefix: str = "") -> Response:
    """A page of the files whose paths begin so, folders of that name or not; not recursively, of what is in one."""
    bucket = _readable(site, call, bucket_id)
    if call.flag("recursive"):
        found = {
            path: _file(path, content) for path, content in bucket.files.items() if path.startswith(prefix)
        }
    else:
        found = _directly_in(bucket, f"{prefix}/" if prefix else "")
    paths = sorted(path for path in found if path > call.param("cursor"))
    page = paths[: site.limits.page_size]
    headers = {}
    if len(page) < len(paths):
        query = urlencode({"recursive": call.flag("recursive"), "cursor": page[-1]})
        below = f"/{quote(prefix, safe='')}" if prefix else ""
        url = f"{site.endpoint}/api/buckets/{bucket.id}/tree{below}?{query}"
        headers["Link"] = f'<{url}>; rel="next"'
    return json_response([found[path] for path in page], headers=headers)


def resolve(site: Site, call: Call, bucket_id: str, path: str) -> Response:
    """A file's content."""
    content = _readable(site, call, bucket_id).files.get(path)
    if content is None:
        raise entry_not_found()
    headers = {"ETag": f'"{_hash(content)}"'}
    return file_response(content, len(content), headers, call.headers.get("Range"))


def _readable(site: Site, call: Call, bucket_id: str) -> Bucket:
    bucket = site.buckets.get(bucket_id)
    owns = call.identity is not None and call.identity.owns(bucket_id.partition("/")[0])
    if bucket is None or (bucket.private and not owns):
        raise repo_not_found(anonymous=call.identity is None)
    return bucket


def _directly_in(bucket: Bucket, folder: str) -> dict[str, dict[str, object]]:
    found = {}
    for path, content in bucket.files.items():
        if path.startswith(folder):
            name, inside, _ = path.removeprefix(folder).partition("/")
            at = f"{folder}{name}"
            found[at] = {"type": "directory", "path": at} if inside else _file(path, content)
    return found


def _file(path: str, content: bytes) -> dict[str, object]:
    uploaded = iso_date(_UPLOADED_SECONDS)
    size = len(content)
    return {"type": "file", "path": path, "size": size, "xetHash": _hash(content), "uploadedAt": uploaded}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
