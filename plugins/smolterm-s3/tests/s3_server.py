"""S3's REST API as its documentation has it, as far as the pack asks; it checks every signature.

The check is written on its own, from the text of the documentation, and shares nothing with the
pack: it takes the request as it came over the wire.

Source: docs.aws.amazon.com/AmazonS3/latest/API: sig-v4-header-based-auth, ErrorResponses,
ListBuckets, ListObjectsV2, GetObject, HeadObject, PutObject, DeleteObject.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

from loopback import Asked, Reply

KEY_ID, SECRET, REGION = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "eu-west-3",
)
_XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


@dataclass
class Stored:
    content: bytes
    kind: str
    modified: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content).hexdigest()}"'


class S3:
    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Stored]] = {"reports": {}, "other.bucket": {}}

        self.most = 1_000
        """Rows of one answer, which may be fewer than were asked for."""

    def answer(self, asked: Asked) -> Reply:
        refusal = wrong(asked, KEY_ID, SECRET, REGION)
        if refusal:
            # An answer to HEAD has no body.
            return Reply(403) if asked.method == "HEAD" else refusal
        bucket, _, key = unquote(asked.raw_path).lstrip("/").partition("/")
        if not bucket:
            return self.list_buckets()
        if bucket == "far":
            headers = {"x-amz-bucket-region": "ap-south-1"}
            return _error(301, "PermanentRedirect", "Use another endpoint.", headers=headers)
        if bucket not in self.buckets:
            return _error(404, "NoSuchBucket", "The specified bucket does not exist")
        if bucket == "other.bucket" and asked.method in ("PUT", "DELETE"):
            return _error(403, "AccessDenied", "Access Denied")
        objects = self.buckets[bucket]
        if not key:
            return _list(asked, bucket, objects, self.most)
        if asked.method == "PUT":
            objects[key] = Stored(asked.body, asked.headers.get("content-type", ""))
            return Reply(200, None, {"ETag": objects[key].etag})
        if asked.method == "DELETE":
            objects.pop(key, None)
            return Reply(204)
        if key not in objects:
            said = "The specified key does not exist."
            return Reply(404) if asked.method == "HEAD" else _error(404, "NoSuchKey", said)
        return _object(asked, objects[key])

    def list_buckets(self) -> Reply:
        rows = "".join(
            f"<Bucket><Name>{name}</Name><CreationDate>2026-01-31T12:00:00.000Z</CreationDate></Bucket>"
            for name in self.buckets
        )
        return _xml(200, f"<ListAllMyBucketsResult {_XMLNS}><Owner><ID>1</ID></Owner>"
                         f"<Buckets>{rows}</Buckets></ListAllMyBucketsResult>")  # fmt: skip


def wrong(
    asked: Asked, key_id: str, secret: str, region: str, *, now: datetime | None = None
) -> Reply | None:
    """Return what S3 refuses a request with, or None where it is signed rightly."""
    found = _HEADER.fullmatch(asked.headers.get("authorization", ""))
    if not found:
        return _error(403, "AccessDenied", "Access Denied")
    given_id, day, given_region, names, signature = found.groups()
    if given_id != key_id:
        said = "The AWS Access Key Id you provided does not exist in our records."
        return _error(403, "InvalidAccessKeyId", said)
    if given_region != region:
        said = f"The region '{given_region}' is wrong; expecting '{region}'"
        return _error(
            400, "AuthorizationHeaderMalformed", said, inside=f"<Region>{region}</Region>"
        )
    signed = names.split(";")
    moment = asked.headers.get("x-amz-date", "")
    must = {"host", *(name for name in asked.headers if name.startswith("x-amz-"))}
    if "content-type" in asked.headers:
        must.add("content-type")
    if not must <= set(signed) or signed != sorted(signed) or moment[:8] != day:
        return _error(403, "AccessDenied", "There were headers present which were not signed")
    sent = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs((now or datetime.now(UTC)) - sent) > timedelta(minutes=15):
        return _error(403, "RequestTimeTooSkewed", "The difference is too large.")
    hashed = asked.headers["x-amz-content-sha256"]
    if hashed != hashlib.sha256(asked.body).hexdigest():
        return _error(400, "XAmzContentSHA256Mismatch", "The provided hash does not match")
    if signature != _signature(asked, signed, hashed, day, moment, secret, region):
        said = "The request signature we calculated does not match the signature you provided."
        return _error(403, "SignatureDoesNotMatch", said)
    return None


def _signature(
    asked: Asked, signed: list[str], hashed: str, day: str, moment: str, secret: str, region: str
) -> str:
    parts = urlsplit(asked.target)
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    query = sorted((_escaped(unquote(name)), _escaped(unquote(value))) for name, _, value in pairs)
    lines = [asked.method, "/".join(_escaped(unquote(each)) for each in parts.path.split("/"))]
    lines.append("&".join(f"{name}={value}" for name, value in query))
    lines += [f"{name}:{' '.join(asked.headers[name].split())}" for name in signed]
    lines += ["", ";".join(signed), hashed]
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


def _list(asked: Asked, bucket: str, objects: dict[str, Stored], most: int) -> Reply:
    query = asked.query
    assert query["list-type"] == "2"
    prefix, size = query.get("prefix", ""), min(int(query["max-keys"]), most)
    rows: dict[str, Stored | None] = {}
    for key in sorted(objects):
        if key.startswith(prefix):
            inner = key[len(prefix) :]
            if query.get("delimiter") and "/" in inner:
                rows[prefix + inner.split("/")[0] + "/"] = None
            else:
                rows[key] = objects[key]
    left = [each for each in rows.items() if each[0] > query.get("continuation-token", "")]
    shown = left[:size]
    encode = quote if query.get("encoding-type") == "url" else escape
    body = "".join(
        f"<Contents><Key>{encode(key)}</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified>"
        f"<Size>{len(found.content)}</Size></Contents>"
        for key, found in shown if found
    ) + "".join(
        f"<CommonPrefixes><Prefix>{encode(key)}</Prefix></CommonPrefixes>"
        for key, found in shown if not found
    )  # fmt: skip
    more = len(left) > len(shown)
    if more:
        body += f"<NextContinuationToken>{escape(shown[-1][0])}</NextContinuationToken>"
    body += f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    return _xml(200, f"<ListBucketResult {_XMLNS}><Name>{bucket}</Name>{body}</ListBucketResult>")


def _object(asked: Asked, found: Stored) -> Reply:
    headers = {
        "Content-Type": found.kind,
        "ETag": found.etag,
        "Last-Modified": f"{found.modified:%a, %d %b %Y %H:%M:%S} GMT",
    }
    wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
    if not wanted:
        return Reply(200, found.content, headers)
    first, last = int(wanted[1]), int(wanted[2])
    if first >= len(found.content):
        return _error(416, "InvalidRange", "The requested range is not satisfiable")
    return Reply(206, found.content[first : last + 1], headers)


def _xml(status: int, body: str, headers: dict[str, str] | None = None) -> Reply:
    content = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()
    return Reply(status, content, {"Content-Type": "application/xml", **(headers or {})})


def _error(
    status: int, code: str, said: str, *, inside: str = "", headers: dict[str, str] | None = None
) -> Reply:
    body = f"<Error><Code>{code}</Code><Message>{escape(said)}</Message>{inside}</Error>"
    return _xml(status, body, headers)
