"""Downloads against a server with every fault: whole and of the right hash, or not at all."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from smolterm.errors import FetchFailed, PackageDamaged, PackageError, PackageMissing
from smolterm.packages import Item
from smolterm.packages.cache import Cache
from smolterm.packages.fetch import Fetcher, FetchLimits, server_of
from smolterm.packages.pip import PipSettings
from smolterm.packages.resolve import Located
from tests.packages.server import Reply, Server
from tests.packages.wheels import digest, filename, make_wheel

NOISE = os.urandom(300_000)
GOOD = make_wheel("thing", files={"thing/__init__.py": "x = 1\n", "thing/data.bin": NOISE})


def item_of(data: bytes) -> Item:
    return Item(name="thing", version="1.0", filename=filename("thing"), sha256=digest(data))


def fetch(
    server: Server, cache: Path, data: bytes = GOOD, size: int | None = None,
    path: str = "/thing", settings: dict[str, str] | None = None, **limits: float,
) -> Item:  # fmt: skip
    async def work() -> Item:
        located = Located(item_of(data), server.url + path)
        limit = FetchLimits(**{"idle_seconds": 5.0, **limits})
        async with Fetcher(PipSettings(settings or {}), limit) as fetcher:
            return await fetcher.fetch(located, Cache(cache), size, lambda count: None)

    return asyncio.run(work())


def nothing_is_left(cache: Path) -> bool:
    return not any(path.is_file() for path in cache.rglob("*"))


def test_a_good_wheel_is_kept_with_its_import_names(server, tmp_path):
    server.replies["/thing"] = Reply(GOOD)
    item = fetch(server, tmp_path, size=len(GOOD))
    assert item.imports == ("thing",)
    assert Cache(tmp_path).wheel(item).read_bytes() == GOOD
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [item.filename]


def test_a_wheel_without_a_length(server, tmp_path):
    server.replies["/thing"] = Reply(GOOD, announce=False)
    fetch(server, tmp_path)


CORRUPT = GOOD[:1000] + bytes([GOOD[1000] ^ 1]) + GOOD[1001:]


@pytest.mark.parametrize(
    ("reply", "options", "error", "words"),
    [
        (Reply(CORRUPT), {}, PackageDamaged, "SHA-256"),
        (Reply(GOOD[:5000], announced=len(GOOD)), {}, FetchFailed, "broke|ended after"),
        (Reply(GOOD[:5000], announce=False), {}, PackageDamaged, "SHA-256"),
        (Reply(b"", status=404), {}, PackageMissing, "has no thing"),
        (Reply(b"", status=410), {}, PackageMissing, "has no thing"),
        (Reply(b"", status=403), {}, FetchFailed, "credentials"),
        (Reply(b"", status=503), {}, FetchFailed, "status 503"),
        (Reply(GOOD[:5000], announced=len(GOOD), stall=True), {"idle_seconds": 0.2}, FetchFailed,
         "silent for 0.2 s"),
        (Reply(GOOD[:5000], announced=len(GOOD), stall=True), {"seconds": 0.2}, FetchFailed,
         "longer than 0.2 s"),
        (Reply(GOOD + b"more"), {"size": len(GOOD)}, PackageDamaged, "longer than"),
        (Reply(GOOD), {"most_bytes": 1000}, PackageDamaged, "larger than"),
        (Reply(GOOD, announce=False), {"most_bytes": 1000}, PackageDamaged, "larger than"),
        (Reply(GOOD, headers={"Content-Encoding": "gzip"}), {}, FetchFailed, "encoding"),
        (Reply(status=302, headers={"Location": "/thing"}), {}, FetchFailed, "in circles"),
        (Reply(status=302, headers={"Location": "file:///etc/passwd"}), {}, FetchFailed,
         "elsewhere"),
    ],
    ids=["corrupt", "truncated", "truncated unnoticed", "missing", "gone", "forbidden", "down",
         "stalled", "too slow", "longer than said", "too large", "too large unannounced",
         "encoded", "circle", "redirected to a file"],
)  # fmt: skip
def test_a_bad_download_is_an_error_and_leaves_nothing(
    server, tmp_path, reply, options, error, words
):
    server.replies["/thing"] = reply
    with pytest.raises(error, match=words) as caught:
        fetch(server, tmp_path, **options)
    assert caught.value.kept
    assert nothing_is_left(tmp_path)


def test_a_line_that_is_cut_once_is_tried_again(server, tmp_path):
    server.replies["/thing"] = Reply(GOOD, status=503, only_once=True)
    fetch(server, tmp_path)
    assert server.asked == ["GET /thing"] * 2


def test_a_redirect_within_the_server_is_followed_and_another_is_not(server, tmp_path):
    other = Server()
    try:
        other.replies["/thing"] = server.replies["/real"] = Reply(GOOD)
        server.replies["/thing"] = Reply(status=302, headers={"Location": "/real"})
        server.replies["/away"] = Reply(status=302, headers={"Location": f"{other.url}/thing"})
        fetch(server, tmp_path / "one")
        with pytest.raises(FetchFailed, match="sent elsewhere"):
            fetch(server, tmp_path / "two", path="/away")
        assert other.asked == []
    finally:
        other.close()


def test_nobody_listens(tmp_path):
    gone = Server()
    gone.close()
    with pytest.raises(FetchFailed, match="could not be fetched"):
        fetch(gone, tmp_path)


def test_credentials_go_to_the_server_they_were_configured_for_alone(server, tmp_path):
    server.replies["/thing"] = Reply(GOOD, user="Basic bWU6c2VjcmV0")
    index = server.url.replace("//", "//me:secret@") + "/simple"
    fetch(server, tmp_path / "one", settings={"index-url": index})
    elsewhere = index.replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(FetchFailed, match="credentials"):
        fetch(server, tmp_path / "two", settings={"index-url": elsewhere})


BAD = {
    "escape": make_wheel("thing", files={"../../evil.py": "x"}),
    "absolute": make_wheel("thing", files={"/evil.py": "x"}),
    "link": make_wheel("thing", links={"thing/link": "/etc/passwd"}),
    "no zip": b"this is no zip",
    "no metadata": make_wheel("thing")[:-30],
}


@pytest.mark.parametrize("name", BAD)
def test_a_wheel_of_the_right_hash_that_would_do_harm_is_not_let_in(server, tmp_path, name):
    server.replies["/thing"] = Reply(BAD[name])
    with pytest.raises(PackageDamaged, match="not a wheel to unpack"):
        fetch(server, tmp_path, data=BAD[name])
    assert nothing_is_left(tmp_path)


def test_a_file_that_the_index_links_to(tmp_path):
    (tmp_path / "thing.whl").write_bytes(GOOD)
    located = Located(item_of(GOOD), (tmp_path / "thing.whl").as_uri())

    async def work() -> Item:
        async with Fetcher(PipSettings({}), FetchLimits()) as fetcher:
            assert await fetcher.size(located) == len(GOOD)
            cache = Cache(tmp_path / "cache")
            return await fetcher.fetch(located, cache, len(GOOD), lambda count: None)

    assert asyncio.run(work()).imports == ("thing",)


def test_a_full_disk_is_an_error_that_says_where(server, tmp_path):
    import resource

    server.replies["/thing"] = Reply(GOOD)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(PackageError, match="no room left") as caught:
            fetch(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "SMOLTERM_CACHE" in caught.value.next
    assert nothing_is_left(tmp_path)


def test_what_a_person_sees_of_an_address_has_no_credentials():
    assert server_of("https://me:secret@host.example:8443/a/b") == "https://host.example:8443"
    assert server_of("file:///srv/mirror/files/x.whl") == "/srv/mirror/files"
