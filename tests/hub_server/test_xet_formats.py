"""The formats of the Xet protocol, as the tests' own store reads them."""

import pytest

from tests.hub.cas_formats import MalformedError, make_xorb, parse_ranges, parse_shard, parse_xorb


@pytest.mark.parametrize(
    "stored",
    [b"", b"XETBLOB", make_xorb([b"a"])[:-1], make_xorb([b"a"]).replace(b"\0\1", b"\1\1"), b"\0" * 8],
)
def test_bytes_that_are_no_xorb(stored):
    with pytest.raises(MalformedError):
        parse_xorb(stored)


@pytest.mark.parametrize("body", [b"", b"HFRepoMetaData\0", b"{}" * 60])
def test_bytes_that_are_no_shard(body):
    with pytest.raises(MalformedError):
        parse_shard(body)


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("bytes=0-9", [(0, 10)]),
        ("bytes=0-0,5-90", [(0, 1), (5, 50)]),
        ("bytes=50-60", None),
        ("bytes=9-", None),
        (None, None),
    ],
)
def test_ranges_of_a_xorb(header, parts):
    assert parse_ranges(header, 50) == parts
