"""The endpoints of the Xet store, which stands on the CDN's port: chunks, xorbs, shards, reconstructions."""

import base64
import hmac
import json
import time
from dataclasses import dataclass

from tests.hub import access
from tests.hub.cas import Part, Plan
from tests.hub.cas_formats import MAX_XORB_BYTES, MalformedError, parse_ranges, parse_shard
from tests.hub.errors import HubError
from tests.hub.lfs import Pointer, WrongObjectError
from tests.hub.messages import Call, Response, json_response
from tests.hub.repo import Repo
from tests.hub.site import Site

_BOUNDARY = "xet-parts"


@dataclass(frozen=True)
class Pass:
    """What a token of the store allows."""

    repo_type: str
    repo_id: str
    may_write: bool


def address(site: Site) -> str:
    """Where the store is."""
    return f"{site.cdn_endpoint}/cas/{site.cas.era}"


def make_token(site: Site, repo: Repo, may_write: bool) -> tuple[str, int]:
    """A token for a repo, and until when it is good."""
    expires = int(time.time()) + site.limits.xet_token_seconds
    said = json.dumps([repo.type, repo.id, may_write, expires])
    return base64.urlsafe_b64encode(f"{site.sign(said)}{said}".encode()).decode(), expires


def query_chunk(site: Site, call: Call, era: str, chunk: str) -> Response:
    """Whether anybody has the chunk: this store never says so."""
    _admit(site, call, era)
    raise HubError(404, f"No such chunk {chunk}")


def put_xorb(site: Site, call: Call, era: str, xorb: str) -> Response:
    """Take a xorb."""
    _admit(site, call, era, may_write=True)
    if len(call.body) > MAX_XORB_BYTES:
        raise HubError(400, "The xorb is too large")
    try:
        return json_response({"was_inserted": site.cas.put_xorb(xorb, call.body)})
    except MalformedError as error:
        raise HubError(400, str(error)) from error


def put_shard(site: Site, call: Call, era: str, version: str) -> Response:
    """Take a shard: from now on a commit may name its files by their sha256."""
    repo = _admit(site, call, era, may_write=True)
    try:
        files = parse_shard(call.body)
        for file in files:
            site.cas.put_file(file)
        new = [file for file in files if repo.lfs.size(file.sha256) is None]
        access.check_space(repo, sum(file.size for file in new), site.limits.storage_limit)
        for file in new:
            temporary = repo.lfs.temporary()
            with temporary.open("wb") as target:
                target.writelines(site.cas.content(file))
            repo.lfs.adopt(temporary, Pointer(file.sha256, file.size))
        repo.xet_hashes |= {file.sha256: file.hash for file in files}
    except (MalformedError, WrongObjectError) as error:
        raise HubError(400, str(error)) from error
    if version == "1":
        return json_response({"result": 1})
    lines = [
        {"type": "validating", "verified": len(files), "total": len(files)},
        {"type": "result", "result": 1},
    ]
    body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    return Response(200, {"Content-Type": "application/x-ndjson"}, body)


def reconstruct(site: Site, call: Call, era: str, version: str, file: str) -> Response:
    """How a file, or a part of it, is put together."""
    repo = _admit(site, call, era)
    record = site.cas.file(file)
    if record is None or repo.xet_hashes.get(record.sha256) != file:
        raise HubError(404, f"No such file {file}")
    header = call.headers.get("Range")
    first, after = (
        (parse_ranges(header, record.size) or [(record.size, 0)])[0] if header else (0, record.size)
    )
    if first >= after:
        raise HubError(416, "Range Not Satisfiable")
    plan = site.cas.plan(record, first, after)
    return json_response(_described(site, plan, with_ranges=version == "2"))


def get_xorb(site: Site, call: Call, era: str, xorb: str) -> Response:
    """Some bytes of a xorb; who knows the address may have them."""
    site.check_signature(call, f"/cas/{era}/xorb/{xorb}")
    path = site.cas.xorb_path(xorb)
    if era != str(site.cas.era) or not path.exists():
        raise HubError(404, "NoSuchKey")
    size = path.stat().st_size
    parts = parse_ranges(call.headers.get("Range"), size)
    if parts is None:
        raise HubError(416, "Range Not Satisfiable")
    with path.open("rb") as stored:
        contents = []
        for start, stop in parts:
            stored.seek(start)
            contents.append(stored.read(stop - start))
    said = [f"bytes {start}-{stop - 1}/{size}" for start, stop in parts]
    if len(parts) == 1:
        return Response(206, {"Content-Range": said[0]}, contents[0])
    body = b"".join(
        f"--{_BOUNDARY}\r\nContent-Type: application/octet-stream\r\nContent-Range: {one}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for one, content in zip(said, contents, strict=True)
    )
    headers = {"Content-Type": f"multipart/byteranges; boundary={_BOUNDARY}"}
    return Response(206, headers, body + f"--{_BOUNDARY}--\r\n".encode())


def _described(site: Site, plan: Plan, *, with_ranges: bool) -> dict[str, object]:
    terms = [
        {
            "hash": term.xorb,
            "unpacked_length": term.size,
            "range": {"start": term.start, "end": term.end},
        }
        for term in plan.terms
    ]
    fetched: dict[str, list[dict[str, object]]] = {}
    for part in plan.parts:
        url = site.signed(site.cdn_endpoint, f"/cas/{site.cas.era}/xorb/{part.xorb}")
        entries = fetched.setdefault(part.xorb, [])
        if not with_ranges:
            entries.append({"url": url, "range": _chunks(part), "url_range": _bytes(part)})
        elif entries:
            entries[0]["ranges"].append({"chunks": _chunks(part), "bytes": _bytes(part)})  # type: ignore[attr-defined]
        else:
            entries.append({"url": url, "ranges": [{"chunks": _chunks(part), "bytes": _bytes(part)}]})
    name = "xorbs" if with_ranges else "fetch_info"
    return {"offset_into_first_range": plan.skip, "terms": terms, name: fetched}


def _chunks(part: Part) -> dict[str, int]:
    return {"start": part.chunks[0], "end": part.chunks[1]}


def _bytes(part: Part) -> dict[str, int]:
    """Where the bytes are; here the end is the last that is meant."""
    return {"start": part.bytes[0], "end": part.bytes[1] - 1}


def _admit(site: Site, call: Call, era: str, *, may_write: bool = False) -> Repo:
    """The repo that the caller's token of the store is for.

    Raises:
        HubError: 401 or 403.
    """
    token = call.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        text = base64.urlsafe_b64decode(token).decode()
    except ValueError:
        text = ""
    signature, said = text[:32], text[32:]
    if era != str(site.cas.era) or not hmac.compare_digest(site.sign(said), signature):
        raise HubError(401, "Unauthorized")
    repo_type, repo_id, writes, expires = json.loads(said)
    if expires <= time.time():
        raise HubError(401, "The token has expired")
    repo = site.store.get(repo_type, repo_id)
    if repo is None or (may_write and not writes):
        raise HubError(403, "Forbidden")
    return repo
