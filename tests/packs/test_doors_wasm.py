"""A pack in WebAssembly at the doors of its host: requests, secrets and files, for real."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import smolterm_files

from smolterm.errors import ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.wasm.client import WasmHost
from tests.packs.wasm import Used
from tests.packs.web import Web, echo

TOKEN = "t0ken-of-the-test"
PACK = """
import base64
from smolterm.pack import cache, http, secrets

def fetch(url: str) -> str:
    return http.get(url, headers={"X-Token": secrets["TOKEN"]}).text

def spell() -> list[str]:
    # What no mask could find, if the pack had the secret.
    held = secrets["TOKEN"]
    return [held[::-1], base64.b85encode(held.encode()).decode(), " ".join(held)]

def signed() -> str:
    return secrets.hmac("TOKEN", b"message").hex()

def kept(value: object) -> object:
    cache.put("k", value)
    return cache.get("k")
"""


def run(work: Callable[[WasmHost], Awaitable[None]]) -> None:
    async def limited() -> None:
        host = WasmHost()
        try:
            # The first one on a machine builds the image.
            async with asyncio.timeout(300):
                await work(host)
        finally:
            await host.close()

    asyncio.run(limited())


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context for good.localhost, trusted as a person's own authority would be."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=good.localhost", "-addext", "subjectAltName=DNS:good.localhost",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


def test_requests_go_out_with_the_secret_that_the_pack_never_has(tls: ssl.SSLContext) -> None:
    async def work(host: WasmHost) -> None:
        hosts = (web.url, secure.at("good.localhost"), secure.at("bad.localhost"))
        grant = Grant(
            pack="probe", hosts=hosts, secrets={"TOKEN": hosts[:2]}, secret_values={"TOKEN": TOKEN}
        )
        effects = {"fetch": "network"}
        probe = Used(host, PACK, effects=effects, grant=grant)  # type: ignore[arg-type]
        for url in hosts[:2]:
            assert "X-Token: [secret TOKEN]" in await probe("fetch", url)
        spelled = await probe("spell")
        assert TOKEN not in (spelled[0][::-1], spelled[2].replace(" ", ""))
        assert len(await probe("signed")) == 64
        assert await probe("kept", {"error": 1}) == {"error": 1}
        assert probe.texts("denied") == []
        for url, said in (
            (hosts[2], "the secret TOKEN"), ("https://evil.example", "not among its hosts"),
        ):  # fmt: skip
            with pytest.raises(ToolError, match=said):
                await probe("fetch", url)
        assert len(probe.texts("denied")) == 2

    with Web({"*": echo}) as web, Web({"*": echo}, tls) as secure:
        run(work)
        assert [request.headers["x-token"] for request in web.requests] == [TOKEN]
        assert [request.headers["x-token"] for request in secure.requests] == [TOKEN]


def test_the_files_pack_reads_and_writes_through_its_door(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(TOKEN)
    granted = tmp_path / "granted"
    granted.mkdir()
    (granted / "out").symlink_to(tmp_path)
    place = Path(smolterm_files.__file__).parent
    source = (place / "__init__.py").read_text()
    rest = {f"files/{name}.py": (place / f"{name}.py").read_bytes() for name in ("table", "text")}
    effects = {"write_text": "write"} | dict.fromkeys(
        ("list_files", "file_info", "read_text", "read_table", "search_text"), "read"
    )

    async def work(host: WasmHost) -> None:
        grant = Grant(pack="files", folder=str(granted), read=("**",), write=("**",))
        files = Used(
            host, source.replace("from smolterm_files ", "from files "), name="files",
            files=rest, effects=effects, grant=grant,  # type: ignore[arg-type]
        )  # fmt: skip
        await files("write_text", "a/b.csv", "n,x\n1,2.5\n")
        assert await files("read_table", "a/b.csv") == [{"n": 1, "x": 2.5}]
        assert (await files("search_text", "2.5"))[0]["line"] == 2
        assert [each["path"] for each in await files("list_files")] == ["a/b.csv"]
        assert (await files("file_info", "a"))["kind"] == "folder"
        for path in ("out/secret.txt", "../secret.txt", str(tmp_path / "secret.txt"), ".ssh/id"):
            with pytest.raises(ToolError):
                await files("read_text", path)
        assert len(files.texts("denied")) == 4

    run(work)
    assert (granted / "a/b.csv").read_text() == "n,x\n1,2.5\n"
