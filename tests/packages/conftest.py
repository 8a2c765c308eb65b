"""A loopback index, a small collection, and nothing of the machine's own pip configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smolterm.packages import Plan
from smolterm.packages.collection import Collection
from smolterm.packages.fetch import FetchLimits
from smolterm.packages.provide import Packages
from tests.packages.server import Reply, Server
from tests.packages.wheels import PLATFORM, digest, filename, make_wheel

INFO = {"abi_version": "2026_0", "arch": "wasm32", "platform": "emscripten_5_0_3",
        "python": "3.14.2"}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("SMOLTERM_INDEX", "SMOLTERM_PYODIDE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("NETRC", os.devnull)


def lock_entry(
    name: str, data: bytes, version: str = "1.0", *, depends: tuple[str, ...] = (),
    imports: tuple[str, ...] = (), file: str = "", kind: str = "package",
) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name, "version": version, "sha256": digest(data), "package_type": kind,
        "file_name": file or filename(name, version, PLATFORM), "depends": list(depends),
        "imports": list(imports or (name.replace("-", "_"),)),
    }  # fmt: skip


@pytest.fixture
def collection(server: Server) -> Collection:
    """`arrays`, and `frames` (imported as `frame`) that needs it, from the fake CDN."""
    packages = {}
    for name, depends, module in (("arrays", (), "arrays"), ("frames", ("arrays",), "frame")):
        data = make_wheel(name, files={f"{module}.py": f"name = {name!r}\n"}, requires=depends)
        packages[name] = lock_entry(name, data, depends=depends, imports=(module,))
        server.replies[f"/pyodide/{packages[name]['file_name']}"] = Reply(data)
    lock = msgspec.json.encode({"info": INFO, "packages": packages})
    return Collection(lock, base_url=server.collection)


class Asked:
    """Says yes, or what it was told to, and remembers the plans."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.says = True

    async def __call__(self, plan: Plan) -> bool:
        self.plans.append(plan)
        return self.says


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def packages(
    server: Server, collection: Collection, asked: Asked, tmp_path: Path
) -> Callable[..., Packages]:
    """Make `Packages` on the loopback; what is made shares one cache."""

    def make(**options: Any) -> Packages:
        return Packages(
            **{
                "consent": asked,
                "index": server.simple,
                "cache": tmp_path / "cache",
                "lock": tmp_path / "lock.json",
                "collection": collection,
                "compile_once": False,
                "limits": FetchLimits(idle_seconds=5.0),
                **options,
            }
        )

    return make
