"""The tests' Hub limits requests as the real one does: by kind, in windows, and with its headers."""

import pytest

from tests.hub_requests import ask

ID = "user/questions"
INFO = f"/api/datasets/{ID}"
FILE = f"/datasets/{ID}/resolve/main/.gitattributes"


@pytest.fixture
def repo(hub):
    hub.create_repo(ID)
    return ID


def test_every_answer_says_what_is_left_of_the_window(hub, repo):
    hub.rates.allow("api", 3, 300)
    status, headers, _ = ask(hub, INFO)
    assert (status, headers["RateLimit"]) == (200, '"api";r=2;t=300')
    assert headers["RateLimit-Policy"] == '"fixed window";"api";q=3;w=300'
    assert "Retry-After" not in headers


def test_a_bucket_empties_and_is_full_again_in_the_next_window(hub, repo):
    hub.rates.allow("api", 2, 300)
    hub.rates.states_retry_after = True
    assert [ask(hub, INFO)[0] for _ in range(3)] == [200, 200, 429]
    hub.rates.pass_time(245)
    status, headers, body = ask(hub, INFO)
    assert (status, headers["RateLimit"], headers["Retry-After"]) == (429, '"api";r=0;t=55', "55")
    assert b"you hit the quota of 2 api requests per 5 minutes period" in body
    hub.rates.pass_time(55)
    assert ask(hub, INFO)[0] == 200


def test_files_and_the_rest_are_limited_apart_and_the_cdn_is_not(hub, repo):
    hub.rates.allow("resolvers", 1, 300)
    assert [ask(hub, FILE)[0] for _ in range(2)] == [200, 429]
    assert ask(hub, INFO)[0] == 200
    assert "RateLimit" not in ask(hub, "/nothing", cdn=True)[1]


def test_commits_are_limited_by_the_hour_and_only_the_text_says_so(hub, repo):
    hub.rates.allow("api", 1000, 300)
    hub.rates.allow_commits(1)
    commit = f"/api/datasets/{ID}/commit/main"
    line = b'{"key": "header", "value": {"summary": "x"}}\n'
    token = hub.token("user")
    assert ask(hub, commit, "POST", line, token)[0] == 200
    status, headers, body = ask(hub, commit, "POST", line, token)
    assert (status, headers["RateLimit"]) == (429, '"api";r=998;t=300')
    assert (
        b"rate limit for repository commits (1 per hour). You can retry this action in about 1 hour." in body
    )
    hub.rates.pass_time(3600 - 7 * 60)
    assert b"in 7 minutes" in ask(hub, commit, "POST", line, token)[2]
    hub.rates.pass_time(7 * 60)
    assert ask(hub, commit, "POST", line, token)[0] == 200


def test_a_limit_on_no_known_bucket_is_refused(hub):
    with pytest.raises(ValueError, match="unknown bucket"):
        hub.rates.allow("page", 1, 1)


def test_reset_lifts_the_limits(hub):
    hub.rates.allow("api", 0, 300)
    hub.rates.pass_time(5)
    hub.reset()
    assert hub.rates.now == 0
    assert ask(hub, "/api/datasets")[0] == 200
