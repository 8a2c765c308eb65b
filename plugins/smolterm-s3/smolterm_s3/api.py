"""Asking S3: signed requests, path-style addresses, its errors in words."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit
from xml.etree import ElementTree

from smolterm.pack import ToolError, http, secrets, settings

from smolterm_s3.signing import escaped, escaped_query, sign

MOST = 1_000
"""Rows that one call returns at most."""

KEY = "AWS_SECRET_ACCESS_KEY"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NEXTS = {
    "NoSuchBucket": "list_s3_buckets() shows those there are.",
    "NoSuchKey": "list_s3_objects() shows the keys there are.",
    "AccessDenied": "The key may not do this; ask who owns the bucket.",
    "InvalidAccessKeyId": "Set the key's id: `smolterm packs set s3 access_key_id=...`",
    "SignatureDoesNotMatch": f"Set the key's secret: `smolterm packs secret s3 {KEY}`",
    "SlowDown": "Wait a minute.",
    "RequestTimeTooSkewed": "This machine's clock is wrong.",
}


def ask(
    method: str,
    bucket: str = "",
    key: str = "",
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
) -> http.Response:
    """Send one signed request and return the response, or raise what S3 says as a ToolError."""
    parts = urlsplit(settings["url"])
    host = _host(parts)
    path = parts.path.rstrip("/") + "/" + _path(bucket, key)
    signed = sign(
        method,
        path,
        query or {},
        {"Host": host, **(headers or {})},
        hashlib.sha256(content).hexdigest(),
        key_id=settings["access_key_id"],
        region=settings["region"],
        now=datetime.datetime.now(datetime.UTC),
        first=lambda day: secrets.hmac(KEY, day, prefix=b"AWS4"),
    )
    url = f"{parts.scheme}://{host}{path}"
    response = http.request(
        method,
        f"{url}?{escaped_query(query)}" if query else url,
        headers={name: value for name, value in signed.items() if name != "Host"},
        content=content or None,
        # What was signed holds for this address alone.
        follow=False,
    )
    if response.status >= 300:
        raise _error(response, bucket, key)
    return response


def parsed(response: http.Response) -> ElementTree.Element:
    """Return a response's XML without its namespace, which not every server writes."""
    try:
        # Expat refuses entities that grow; the pack's own memory is bounded besides.
        root = ElementTree.fromstring(response.content)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ToolError(f"{settings['url']} answered no XML: {error}.") from None
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]
    return root


def _host(parts: SplitResult) -> str:
    """Return what the Host header will hold, for it is signed: no port that is the scheme's own."""
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return name if parts.port in (None, usual) else f"{name}:{parts.port}"


def _path(bucket: str, key: str) -> str:
    if not bucket:
        return ""
    if not _BUCKET.fullmatch(bucket):
        raise ToolError(
            f"{bucket[:100]!r} is no bucket's name.",
            next="list_s3_buckets() shows those there are.",
        )
    if any(part in (".", "..") for part in key.split("/")):
        raise ToolError(f"{key[:200]!r}: a key with '.' or '..' as a part cannot be asked for.")
    return "/".join([bucket, *(escaped(part) for part in key.split("/"))]) if key else bucket


def _error(response: http.Response, bucket: str, key: str) -> ToolError:
    code = said = region = ""
    if response.content:
        try:
            root = parsed(response)
        except ToolError:
            said = response.text[:200]
        else:
            code, said = root.findtext("Code") or "", root.findtext("Message") or ""
            region = root.findtext("Region") or ""
    elif response.status == 404:
        # HEAD has no body to tell which of the two is missing.
        code, said = "NoSuchKey", f"There is no {key!r} in {bucket!r}."
    elif response.status == 403:
        code, said = "AccessDenied", "Forbidden."
    region = region or response.headers.get("x-amz-bucket-region", "")
    if code in ("AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect") or (
        300 <= response.status < 400
    ):
        where = f" {region}" if region else ""
        return ToolError(
            f"The bucket is in another region{where}.",
            next=f"`smolterm packs set s3 region={region or 'REGION'} "
            f"url=https://s3.{region or 'REGION'}.amazonaws.com`",
        )
    what = f"S3 answered {response.status} {code}: {said[:300]}"
    return ToolError(what, next=_NEXTS.get(code, "Try again later."))
