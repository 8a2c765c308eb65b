"""A pack's compiled code is kept, for the same sources in the same image, and checked when read."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from smolterm.packs.wasm import code
from smolterm.packs.wasm.client import WasmHost
from smolterm.packs.wasm.code import Kept
from smolterm.store import cache_folder
from tests.packs.wasm import Used

FILES = {"a/__init__.py": b"x = 1"}
IMAGE = Path("/image-1/pack.cwasm")


def test_what_was_written_is_read_for_the_same_sources_alone(tmp_path: Path) -> None:
    kept = Kept(tmp_path, IMAGE, FILES)
    assert kept.read() == {}
    kept.write({"a/__init__.py": "Y29kZQ=="})
    assert Kept(tmp_path, IMAGE, dict(FILES)).read() == {"a/__init__.py": "Y29kZQ=="}
    assert Kept(tmp_path, IMAGE, {"a/__init__.py": b"x = 2"}).read() == {}
    assert Kept(tmp_path, IMAGE, {**FILES, "a/b.py": b""}).read() == {}
    assert Kept(tmp_path, Path("/image-2/pack.cwasm"), FILES).read() == {}


@pytest.mark.parametrize("told", [None, [], {"a": 1}, {"a": ["b"]}, {}], ids=repr)
def test_what_is_no_code_is_not_kept(tmp_path: Path, told: object) -> None:
    Kept(tmp_path, IMAGE, FILES).write(told)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("raw", [b"", b"\xff\n{}", b"0\n{}", b"x" * 100], ids=repr)
def test_a_damaged_file_counts_as_none(tmp_path: Path, raw: bytes) -> None:
    kept = Kept(tmp_path, IMAGE, FILES)
    kept.write({"a": "b"})
    (path,) = (tmp_path / code.FOLDER).iterdir()
    path.write_bytes(raw)
    assert kept.read() == {}


def test_the_ones_used_longest_ago_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "MOST", 2)
    several = [Kept(tmp_path, IMAGE, {"a": bytes([n])}) for n in range(3)]
    for number, kept in enumerate(several):
        kept.write({"a": "b"})
        os.utime(kept._path, (number, number))
    several[2].write({"a": "b"})
    assert [bool(kept.read()) for kept in several] == [False, True, True]


def test_a_new_process_runs_what_an_earlier_one_compiled(tmp_path: Path) -> None:
    (cache_folder() / "wasm").mkdir(parents=True, exist_ok=True)
    (tmp_path / "wasm").symlink_to(cache_folder() / "wasm")
    source = "from .near import say\ndef f() -> str: return say()"
    files = {"probe/near.py": b"def say(): return 'compiled'"}

    async def once() -> str:
        host = WasmHost(tmp_path)
        try:
            return str(await Used(host, source, files=files)("f"))
        finally:
            await host.close()

    assert asyncio.run(once()) == "compiled"
    (path,) = (tmp_path / "packs" / code.FOLDER).iterdir()
    digest, _, raw = path.read_bytes().partition(b"\n")
    assert b"probe/near.py" in raw
    assert asyncio.run(once()) == "compiled"
    path.write_bytes(digest + b"\n" + raw.replace(b"probe", b"prob3"))
    assert asyncio.run(once()) == "compiled"
