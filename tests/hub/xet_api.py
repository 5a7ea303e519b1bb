"""What the Hub itself knows of Xet: tokens for the store, and what it tells of a file."""

from urllib.parse import quote

from tests.hub import access, cas_api
from tests.hub.errors import HubError
from tests.hub.messages import Call, Response, json_response
from tests.hub.repo import Item, Repo
from tests.hub.site import Site


def read_token(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """A token to read the files of a revision."""
    repo = site.readable(call, repo_type, repo_id)
    access.check_files(repo, call.identity)
    repo.resolve(revision)
    return _token(site, repo, may_write=False)


def write_token(site: Site, call: Call, repo_type: str, repo_id: str, revision: str) -> Response:
    """A token to send files ahead of a commit to a branch."""
    repo = site.writable(call, repo_type, repo_id)
    if not call.flag("create_pr"):
        repo.resolve(revision)
    access.check_space(repo, 0, site.limits.storage_limit)
    return _token(site, repo, may_write=True)


def announce(site: Site, repo: Repo, item: Item, commit: str) -> dict[str, str]:
    """The headers that lead a client of Xet to a file; none where it is not there."""
    name = repo.xet_hashes.get(item.content_id)
    if name is None:
        return {}
    route = f"{site.endpoint}/api/{repo.type}s/{repo.id}/xet-read-token/{quote(commit, safe='')}"
    return {"X-Xet-Hash": name, "Link": f'<{route}>; rel="xet-auth"'}


def _token(site: Site, repo: Repo, *, may_write: bool) -> Response:
    token, expires = cas_api.make_token(site, repo, may_write)
    url = cas_api.address(site)
    headers = {
        "X-Xet-Cas-Url": url,
        "X-Xet-Access-Token": token,
        "X-Xet-Token-Expiration": str(expires),
    }
    return json_response({"casUrl": url, "exp": expires, "accessToken": token}, headers=headers)


def telemetry(site: Site, call: Call, era: str) -> Response:
    """What clients tell of themselves is thrown away."""
    if era != str(site.cas.era):
        raise HubError(404, "Not found")
    return Response(200)
