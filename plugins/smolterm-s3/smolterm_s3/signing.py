"""AWS's Signature Version 4 in one header; the host computes what takes the secret. Pure else."""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import quote

First = Callable[[bytes], bytes]
"""Takes the day and returns HMAC-SHA256 of it, with "AWS4" and the secret as the key."""


def sign(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body_hash: str,
    *,
    key_id: str,
    region: str,
    now: datetime.datetime,
    first: First,
) -> dict[str, str]:
    """Return the headers of a signed request: those given and what the signature adds.

    Args:
        path: as it stands in the address, escaped by `escaped`.
        query: unescaped.
        headers: with Host; all of them are signed.
        body_hash: the body's SHA-256, in hex.

    Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    moment = f"{now:%Y%m%dT%H%M%SZ}"
    whole = {**headers, "x-amz-content-sha256": body_hash, "x-amz-date": moment}
    lower = {name.lower(): " ".join(value.split()) for name, value in whole.items()}
    names = ";".join(sorted(lower))
    canonical = "\n".join([
        method,
        path,
        escaped_query(query),
        *(f"{name}:{lower[name]}" for name in sorted(lower)),
        "",
        names,
        body_hash,
    ])  # fmt: skip
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = first(moment[:8].encode())
    for part in (region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    whole["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return whole


def escaped(text: str) -> str:
    """Return a part of a path as AWS escapes it: all but letters, digits, `-`, `.`, `_`, `~`."""
    return quote(text, safe="-._~")


def escaped_query(query: Mapping[str, str]) -> str:
    """Return a query as AWS sorts and escapes it."""
    return "&".join(f"{escaped(name)}={escaped(query[name])}" for name in sorted(query))
