"""The S3 pack, against a server that speaks the documented API and checks each signature itself."""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Reply
from rigging import Rig, rigged
from s3_server import KEY_ID, REGION, S3, SECRET, Stored
from smolterm.packs.doors.urls import read_url

from smolterm_s3 import api, signing

NAME = "AWS_SECRET_ACCESS_KEY"
ODD = "2026/über a+b=c&d?e#f%20'()*!~.csv"


@pytest.fixture
def server() -> S3:
    return S3()


@pytest.fixture
def s3(server: S3, world: str) -> Iterator[Rig]:
    values = {"region": REGION, "access_key_id": KEY_ID}
    with rigged("smolterm_s3", server.answer, secrets={NAME: SECRET}, **values) as rig:
        yield rig


def test_buckets_are_listed(s3: Rig) -> None:
    assert s3.tools.list_s3_buckets() == [
        {"bucket": "reports", "created": "2026-01-31T12:00:00.000Z"},
        {"bucket": "other.bucket", "created": "2026-01-31T12:00:00.000Z"},
    ]
    assert len(s3.tools.list_s3_buckets(limit=1)) == 1


def test_objects_are_listed_over_pages(s3: Rig, server: S3) -> None:
    server.buckets["reports"] = {f"a/{n:04}": Stored(b"x" * n, "") for n in range(30)}
    server.most = 10
    found = s3.tools.list_s3_objects("reports", "a/", limit=25)
    assert [each["size"] for each in found] == list(range(25))
    assert found[3] == {
        "key": "a/0003",
        "size": 3,
        "modified": "2026-01-31T12:00:00.000Z",
        "kind": "object",
    }
    assert len(s3.server.asked) == 3


def test_a_list_without_an_end_ends(s3: Rig) -> None:
    body = b"<L><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></L>"
    with s3.answering(lambda asked: Reply(200, body)):
        assert s3.tools.list_s3_objects("reports") == []


def test_folders_stand_for_what_is_below(s3: Rig, server: S3) -> None:
    server.buckets["reports"] = {key: Stored(b"1", "") for key in ("a/x", "a/y", "b", ODD)}
    found = s3.tools.list_s3_objects("reports", folders=True)
    assert {(each["key"], each["kind"]) for each in found} == {
        ("2026/", "folder"),
        ("a/", "folder"),
        ("b", "object"),
    }
    assert s3.tools.list_s3_objects("reports", "2026/")[0]["key"] == ODD


def test_an_object_is_written_read_told_and_deleted(s3: Rig, server: S3) -> None:
    tools = s3.tools
    made = tools.write_s3_text("reports", ODD, "Grüße", "text/csv")
    assert made == {"bucket": "reports", "key": ODD, "size": 7}
    assert server.buckets["reports"][ODD].content == "Grüße".encode()
    told = tools.describe_s3_object("reports", ODD)
    assert (told["size"], told["type"], told["modified"]) == (
        7,
        "text/csv",
        "Sat, 31 Jan 2026 12:00:00 GMT",
    )
    assert tools.read_s3_text("reports", ODD) == "Grüße"
    assert tools.delete_s3_object("reports", ODD) is None
    assert server.buckets["reports"] == {}


def test_bytes_are_written_and_read_in_parts(s3: Rig, server: S3) -> None:
    tools = s3.tools
    content = bytes(range(256))
    tools.write_s3_bytes("reports", "a.bin", content)
    assert server.buckets["reports"]["a.bin"].kind == "application/octet-stream"
    assert tools.read_s3_bytes("reports", "a.bin") == content
    assert tools.read_s3_bytes("reports", "a.bin", start=250) == content[250:]
    assert tools.read_s3_bytes("reports", "a.bin", start=1, length=3) == content[1:4]
    assert "read_s3_bytes" in s3.refused(lambda: tools.read_s3_text("reports", "a.bin")).next
    assert (
        "InvalidRange"
        in s3.refused(lambda: tools.read_s3_bytes("reports", "a.bin", start=300)).what
    )


def test_an_empty_object_is_written(s3: Rig) -> None:
    s3.tools.write_s3_text("reports", "empty", "")
    assert s3.tools.read_s3_text("reports", "empty") == ""


@pytest.mark.parametrize(
    ("bucket", "key", "says"),
    [
        ("reports", "none", "list_s3_objects"),
        ("nowhere", "none", "list_s3"),
        ("reports", "a/../b", "'..'"),
        ("Reports", "a", "list_s3_buckets"),
        ("../x", "a", "list_s3_buckets"),
        ("reports", "", "key is empty"),
    ],
)
def test_what_is_not_there_says_what_to_try(s3: Rig, bucket: str, key: str, says: str) -> None:
    for call in (s3.tools.read_s3_text, s3.tools.delete_s3_object):
        error = s3.refused(lambda call=call: call(bucket, key))
        assert says in f"{error.what} {error.next}"


def test_errors_are_told_by_their_code(s3: Rig) -> None:
    tools = s3.tools
    nowhere = s3.refused(lambda: tools.list_s3_objects("nowhere"))
    assert "NoSuchBucket" in nowhere.what
    denied = s3.refused(lambda: tools.write_s3_text("other.bucket", "a", "x"))
    assert "AccessDenied" in denied.what
    far = s3.refused(lambda: tools.list_s3_objects("far"))
    assert "region=ap-south-1 url=https://s3.ap-south-1.amazonaws.com" in far.next


def test_a_wrong_region_is_named(s3: Rig) -> None:
    with s3.again(region="us-east-1") as other:
        error = other.refused(other.tools.list_s3_buckets)
    assert f"region={REGION}" in error.next


def test_a_wrong_key_says_how_to_set_one(s3: Rig) -> None:
    with s3.again(secrets={NAME: "another/secret"}) as other:
        error = other.refused(other.tools.list_s3_buckets)
        assert "SignatureDoesNotMatch" in error.what
        assert f"smolterm packs secret s3 {NAME}" in error.next
    with s3.again(access_key_id="AKIAOTHER") as other:
        error = other.refused(other.tools.list_s3_buckets)
        assert "smolterm packs set s3 access_key_id" in error.next
    with s3.again(access_key_id="") as other:
        assert "access_key_id" in other.refused(other.tools.list_s3_buckets).what
    with s3.again(secrets={}) as other:
        assert NAME in other.refused(other.tools.list_s3_buckets).what


def test_the_secret_is_never_sent(s3: Rig) -> None:
    s3.tools.write_s3_text("reports", "a", "x")
    for asked in s3.server.asked:
        assert SECRET not in f"{asked}"


def test_a_server_that_sends_on_or_no_xml_is_told(s3: Rig) -> None:
    with s3.answering(lambda asked: Reply(307, "", {"Location": "http://127.0.0.1:9/"})):
        assert "another region" in s3.refused(s3.tools.list_s3_buckets).what
    with s3.answering(lambda asked: Reply(200, "<html>")):
        assert "no XML" in s3.refused(s3.tools.list_s3_buckets).what
    with s3.answering(lambda asked: Reply(503, "<Error><Code>SlowDown</Code></Error>")):
        assert "minute" in s3.refused(s3.tools.list_s3_buckets).next


def test_limits_are_limited(s3: Rig) -> None:
    for limit in (0, 1_001):
        error = s3.refused(lambda n=limit: s3.tools.list_s3_objects("reports", limit=n))
        assert "1 to 1000" in error.next


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://S3.Example.org:443", "s3.example.org"),
        ("http://minio:9000/", "minio:9000"),
        ("https://[::1]:80/x", "[::1]:80"),
    ],
)
def test_the_host_is_signed_as_it_is_sent(url: str, host: str) -> None:
    assert api._host(urlsplit(url)) == host
    assert read_url(url).authority == host


def first(day: bytes) -> bytes:
    return hmac.digest(f"AWS4{SECRET}".encode(), day, "sha256")


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HOST = "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("path", "query", "more", "signature"),
    [
        (
            "/test.txt",
            {},
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "/",
            {"lifecycle": ""},
            {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "/",
            {"max-keys": "2", "prefix": "J"},
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_examples_of_the_documentation_come_out(
    path: str, query: dict[str, str], more: dict[str, str], signature: str
) -> None:
    signed = signing.sign(
        "GET", path, query, {"Host": HOST, **more}, EMPTY, key_id=KEY_ID, region="us-east-1",
        now=datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC), first=first,
    )  # fmt: skip
    assert signed["Authorization"].endswith(f"Signature={signature}")


@settings(deadline=None)
@given(
    st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.dictionaries(
        st.sampled_from(["prefix", "list-type", "continuation-token"]), st.text("a/+ ~é")
    ),
    st.binary(max_size=20),
)
def test_signatures_are_those_of_botocore(
    method: str, key: str, query: dict[str, str], body: bytes
) -> None:
    auth = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    path = f"/bucket/{'/'.join(signing.escaped(part) for part in key.split('/'))}"
    theirs = AWSRequest(method, f"https://{HOST}{path}", params=query, data=body)

    class Signer(auth.S3SigV4Auth):  # type: ignore[misc,name-defined]
        def payload(self, request: Any) -> str:
            return hashlib.sha256(body).hexdigest()

    Signer(Credentials(KEY_ID, SECRET), "s3", REGION).add_auth(theirs)
    moment = datetime.datetime.strptime(theirs.context["timestamp"], "%Y%m%dT%H%M%SZ")
    hashed = theirs.headers["X-Amz-Content-SHA256"]
    ours = signing.sign(
        method, path, query, {"Host": HOST}, hashed,
        key_id=KEY_ID, region=REGION, now=moment, first=first,
    )  # fmt: skip
    assert (
        ours["Authorization"].split("Signature=")[1]
        == (theirs.headers["Authorization"].split("Signature=")[1])
    )
