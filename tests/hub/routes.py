"""Which endpoint answers which request."""

import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from tests.hub import buckets_api, cas_api, files_api, lfs_api, repos_api, xet_api
from tests.hub.cas_formats import HASH
from tests.hub.errors import HubError
from tests.hub.messages import Call, Response, error_response
from tests.hub.site import Site

Endpoint = Callable[..., Response]

_API = r"/api/(?P<repo_type>model|dataset|space)s"
_REPO = rf"{_API}/(?P<repo_id>[^/]+/[^/]+)"
_GIT = r"/(?:(?P<repo_type>datasets|spaces)/)?(?P<repo_id>[^/]+/[^/]+)"
_STORED = r"(?P<repo_type>model|dataset|space)s/(?P<repo_id>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})"
_CAS = r"/cas/(?P<era>\d+)"
_BUCKET = r"buckets/(?P<bucket_id>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>[^/]+)"


@dataclass(frozen=True)
class Route:
    """Requests with this method whose raw path is of this form go to this endpoint."""

    method: str
    pattern: re.Pattern[str]
    endpoint: Endpoint

    def match(self, call: Call) -> dict[str, str] | None:
        """The endpoint's arguments, None when the request is for another."""
        found = self.pattern.fullmatch(call.raw_path) if call.method == self.method else None
        if found is None:
            return None
        return {key: unquote(value) for key, value in found.groupdict().items() if value is not None}


def _route(method: str, pattern: str, endpoint: Endpoint) -> Route:
    return Route(method, re.compile(pattern), endpoint)


HUB_ROUTES = [
    _route("GET", "/api/whoami-v2", repos_api.whoami),
    _route("POST", "/api/repos/create", repos_api.create),
    _route("DELETE", "/api/repos/delete", repos_api.delete),
    _route("POST", "/api/repos/move", repos_api.move),
    _route("POST", "/api/validate-yaml", repos_api.validate_yaml),
    _route("POST", rf"/api/complete_multipart/{_STORED}", lfs_api.complete),
    _route("GET", _API, repos_api.list_repos),
    _route("GET", rf"{_REPO}/tree/{_REVISION}(?:/(?P<path>.*))?", files_api.tree),
    _route("POST", rf"{_REPO}/paths-info/{_REVISION}", files_api.paths_info),
    _route("POST", rf"{_REPO}/preupload/{_REVISION}", files_api.preupload),
    _route("POST", rf"{_REPO}/commit/{_REVISION}", files_api.commit),
    _route("GET", rf"{_REPO}/refs", repos_api.refs),
    _route("GET", rf"{_REPO}/commits/{_REVISION}", repos_api.commits),
    _route("POST", rf"{_REPO}/branch/(?P<name>[^/]+)", repos_api.create_branch),
    _route("DELETE", rf"{_REPO}/branch/(?P<name>[^/]+)", repos_api.delete_branch),
    _route("POST", rf"{_REPO}/tag/{_REVISION}", repos_api.create_tag),
    _route("DELETE", rf"{_REPO}/tag/{_REVISION}", repos_api.delete_tag),
    _route("POST", rf"{_REPO}/super-squash/(?P<name>[^/]+)", repos_api.squash),
    _route("PUT", rf"{_REPO}/settings", repos_api.update_settings),
    _route("GET", rf"{_REPO}/auth-check", repos_api.auth_check),
    _route("GET", rf"{_REPO}/auth-check/write", repos_api.auth_check_write),
    _route("GET", rf"{_REPO}/xet-read-token/{_REVISION}", xet_api.read_token),
    _route("GET", rf"{_REPO}/xet-write-token/{_REVISION}", xet_api.write_token),
    _route("GET", rf"{_REPO}/revision/{_REVISION}", repos_api.info),
    _route("GET", _REPO, repos_api.info),
    _route("GET", r"/api/(?:model|dataset|space)s/.+", repos_api.no_such_repo),
    _route("POST", rf"{_GIT}\.git/info/lfs/objects/batch", lfs_api.batch),
    _route("POST", rf"{_GIT}\.git/info/lfs/objects/verify", lfs_api.verify),
    _route("GET", rf"/api/{_BUCKET}", buckets_api.info),
    _route("GET", rf"/api/{_BUCKET}/tree(?:/(?P<prefix>[^/]+))?", buckets_api.tree),
    _route("GET", rf"/{_BUCKET}/resolve/(?P<path>.+)", buckets_api.resolve),
    _route("GET", rf"{_GIT}/resolve/{_REVISION}/(?P<path>.+)", files_api.resolve),
]
CDN_ROUTES = [
    _route("PUT", rf"/upload/{_STORED}", lfs_api.upload),
    _route("GET", rf"/lfs/{_STORED}", lfs_api.download),
    _route("GET", rf"{_CAS}/v1/chunks/[^/]+/(?P<chunk>{HASH})", cas_api.query_chunk),
    _route("POST", rf"{_CAS}/v1/xorbs/[^/]+/(?P<xorb>{HASH})", cas_api.put_xorb),
    _route("POST", rf"{_CAS}/v(?P<version>[12])/shards", cas_api.put_shard),
    _route("GET", rf"{_CAS}/v(?P<version>[12])/reconstructions/(?P<file>{HASH})", cas_api.reconstruct),
    _route("GET", rf"{_CAS}/xorb/(?P<xorb>{HASH})", cas_api.get_xorb),
    _route("POST", rf"{_CAS}/v1/telemetry", xet_api.telemetry),
]


def answer(site: Site, call: Call) -> Response:
    """Answer a request; a refusal is an answer, and so is a mistake of the Hub's own (500)."""
    try:
        for route in CDN_ROUTES if call.cdn else HUB_ROUTES:
            arguments = route.match(call)
            if arguments is not None:
                # resolve and the LFS endpoints get no type for a model
                if route.pattern.groupindex.get("repo_type"):
                    arguments.setdefault("repo_type", "")
                return route.endpoint(site, call, **arguments)
        raise HubError(404, f"Sorry, we can't find {call.method} {call.raw_path}")
    except HubError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001 - a server has to answer, and the test's author has to see why
        text = traceback.format_exc()
        print(text, file=sys.stderr)
        return error_response(HubError(500, f"The test Hub failed: {text}"))
