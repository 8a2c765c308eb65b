"""S3's buckets and objects: what a model can call."""

from __future__ import annotations

from urllib.parse import unquote

from smolterm.pack import ToolError, tool

from smolterm_s3 import api

_MOST_PAGES = 50
"""A server that always names a further page must come to an end too."""
_LONGEST = 15_000_000
"""Bytes of one object, read or written."""


@tool(effect="network")
def list_s3_buckets(limit: int = 100) -> list[dict[str, object]]:
    """List the S3 buckets that the access key may see.

    Returns:
        One dict each: {"bucket": "reports", "created": "2026-01-31T12:00:00.000Z"}.
    """
    _bounded(limit)
    root = api.parsed(api.ask("GET"))
    found: list[dict[str, object]] = [
        {"bucket": each.findtext("Name"), "created": each.findtext("CreationDate")}
        for each in root.iterfind("Buckets/Bucket")
    ]
    return found[:limit]


@tool(effect="network")
def list_s3_objects(
    bucket: str, prefix: str = "", folders: bool = False, limit: int = 100
) -> list[dict[str, object]]:
    """List the objects of an S3 bucket, sorted by key.

    Args:
        prefix: only keys that start so, such as "2026/".
        folders: show what is below the next "/" as one row, as a folder.

    Returns:
        One dict each: {"key": "2026/a.csv", "size": 120, "modified": "2026-01-31T12:00:00.000Z",
        "kind": "object"}; a folder is {"key": "2026/", "kind": "folder"}. Size in bytes.

    Example:
        for each in list_s3_objects("reports", prefix="2026/"):
            print(each["key"], each["size"])
    """
    found: list[dict[str, object]] = []
    token = ""
    _bounded(limit)
    for _ in range(_MOST_PAGES):
        query = {
            "list-type": "2",
            "max-keys": str(limit - len(found)),
            # XML cannot hold every sign that a key can.
            "encoding-type": "url",
        }
        query |= {"prefix": prefix} if prefix else {}
        query |= {"delimiter": "/"} if folders else {}
        query |= {"continuation-token": token} if token else {}
        root = api.parsed(api.ask("GET", bucket, query=query))
        found += [
            {"key": unquote(each.findtext("Prefix") or ""), "kind": "folder"}
            for each in root.iterfind("CommonPrefixes")
        ]
        found += [
            {
                "key": unquote(each.findtext("Key") or ""),
                "size": int(each.findtext("Size") or 0),
                "modified": each.findtext("LastModified"),
                "kind": "object",
            }
            for each in root.iterfind("Contents")
        ]
        token = root.findtext("NextContinuationToken") or ""
        if root.findtext("IsTruncated") != "true" or not token or len(found) >= limit:
            break
    return found[:limit]


@tool(effect="network")
def describe_s3_object(bucket: str, key: str) -> dict[str, object]:
    """Tell an S3 object's size, type and time without reading it.

    Returns:
        {"key": "a.csv", "size": 120, "modified": "Sat, 31 Jan 2026 12:00:00 GMT",
        "type": "text/csv", "etag": "..."}; size in bytes.
    """
    headers = api.ask("HEAD", bucket, _key(key)).headers
    return {
        "key": key,
        "size": int(headers.get("content-length", "0")),
        "modified": headers.get("last-modified", ""),
        "type": headers.get("content-type", ""),
        "etag": headers.get("etag", "").strip('"'),
    }


@tool(effect="network")
def read_s3_text(bucket: str, key: str) -> str:
    """Read an S3 object that is text; at most 15 MB.

    Example:
        for line in read_s3_text("reports", "2026/a.csv").splitlines():
            print(line)
    """
    content = read_s3_bytes(bucket, key)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ToolError(f"{key!r} is not UTF-8 text.", next="Use read_s3_bytes().") from None


@tool(effect="network")
def read_s3_bytes(bucket: str, key: str, start: int = 0, length: int | None = None) -> bytes:
    """Read an S3 object, all of it or some bytes; at most 15 MB at once.

    Args:
        start: the first byte, counted from 0.
        length: how many bytes; None means to the end.
    """
    if start < 0 or (length is not None and length < 1):
        raise ToolError("`start` counts from 0 and `length` from 1.")
    if length is None and start == 0:
        size = int(str(describe_s3_object(bucket, key)["size"]))
        if size > _LONGEST:
            raise ToolError(
                f"{key!r} has {size} bytes; {_LONGEST} can be read at once.",
                next="Use read_s3_bytes() with `start` and `length`.",
            )
        return api.ask("GET", bucket, _key(key)).content
    end = start + min(length or _LONGEST, _LONGEST) - 1
    return api.ask("GET", bucket, _key(key), headers={"Range": f"bytes={start}-{end}"}).content


@tool(effect="write")
def write_s3_text(
    bucket: str, key: str, text: str, type: str = "text/plain; charset=utf-8"
) -> dict[str, object]:
    """Write text as an S3 object in UTF-8, replacing it if it is there; at most 15 MB.

    Args:
        type: its media type, such as "text/csv" or "application/json".

    Returns:
        {"bucket": "reports", "key": "a.txt", "size": 120}; size in bytes.
    """
    return write_s3_bytes(bucket, key, text.encode(), type)


@tool(effect="write")
def write_s3_bytes(
    bucket: str, key: str, content: bytes, type: str = "application/octet-stream"
) -> dict[str, object]:
    """Write bytes as an S3 object, replacing it if it is there; at most 15 MB.

    Args:
        type: its media type, such as "image/png".

    Returns:
        {"bucket": "reports", "key": "a.png", "size": 120}; size in bytes.
    """
    if len(content) > _LONGEST:
        raise ToolError(f"The content has {len(content)} bytes; {_LONGEST} can be written.")
    api.ask("PUT", bucket, _key(key), headers={"Content-Type": type}, content=content)
    return {"bucket": bucket, "key": key, "size": len(content)}


@tool(effect="danger")
def delete_s3_object(bucket: str, key: str) -> None:
    """Delete an S3 object for good, unless the bucket keeps versions."""
    # S3 says yes to a key that is not there; the person should hear of a wrong one.
    describe_s3_object(bucket, key)
    api.ask("DELETE", bucket, _key(key))


def _key(key: str) -> str:
    if not key:
        raise ToolError("The key is empty.", next="list_s3_objects() shows the keys there are.")
    return key


def _bounded(limit: int) -> None:
    if not 1 <= limit <= api.MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {api.MOST}.")
