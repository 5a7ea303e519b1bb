"""Requests to the tests' Hub without a client."""

import http.client
import json
from urllib.parse import urlsplit

ID = "user/questions"


PNG = b"\x89PNG\r\n" + bytes(range(256)) * 40


def ask(hub, path, method="GET", body=None, token=None, cdn=False, **headers):
    """One request on a connection of its own, without any client's retries."""
    connection = http.client.HTTPConnection(
        urlsplit(hub.cdn_endpoint if cdn else hub.endpoint).netloc, timeout=20
    )
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def commit_lines(*lines):
    header = {"key": "header", "value": {"summary": "by hand"}}
    return "\n".join(json.dumps(line) for line in [header, *lines]).encode()


def file_line(path, content="MQ=="):
    return {"key": "file", "value": {"path": path, "content": content, "encoding": "base64"}}
