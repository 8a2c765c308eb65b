"""The image for wasm packs: found, damaged, built once however many want it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from smolterm.errors import PackError
from smolterm.packs.wasm import build, image
from smolterm.store import cache_folder


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A cache with the image of this machine, built where there is none."""
    made = asyncio.run(build.set_up(cache_folder())).parent
    where = image.folder(tmp_path)
    where.mkdir(parents=True)
    for path in made.iterdir():
        (where / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_an_intact_image_is_found_and_kept_in_use(copied: Path) -> None:
    where = image.folder(copied)
    os.utime(where, (0, 0))
    assert build.find_image(copied) == where / image.FILE
    assert where.stat().st_mtime > 0
    told: list[str] = []
    found = asyncio.run(build.set_up(copied, lambda text, part: told.append(text)))
    assert found == where / image.FILE
    assert told == []


def _flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)
        file.seek(1_000_000)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize(
    "damage",
    [
        lambda where: _flip(where / image.FILE),
        lambda where: os.truncate(where / image.FILE, 1_000_000),
        lambda where: (where / image.FILE).unlink(),
        lambda where: (where / image.DIGEST).unlink(),
        lambda where: (where / image.DIGEST).write_bytes(b"\xff"),
    ],
    ids=["changed", "cut", "gone", "no digest", "no text"],
)
def test_a_damaged_image_is_not_used(copied: Path, damage: Any) -> None:
    damage(image.folder(copied))
    assert build.find_image(copied) is None


def test_several_that_want_it_at_once_build_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Path] = []
    told: list[str] = []

    async def fake(where: Path, tell: build.Progress) -> None:
        built.append(where)
        while not any("waiting" in text for text in told):
            await asyncio.sleep(0.001)
        where.mkdir()
        (where / image.FILE).write_bytes(b"image")
        (where / image.DIGEST).write_text(image.sha256(where / image.FILE))

    monkeypatch.setattr(build, "_build", fake)

    async def all_of_them() -> None:
        def tell(text: str, part: float | None) -> None:
            told.append(text)

        async with asyncio.timeout(30):
            await asyncio.gather(*(build.set_up(tmp_path, tell) for _ in range(3)))

    asyncio.run(all_of_them())
    assert len(built) == 1


def test_a_build_that_fails_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_COMPONENTIZE", "raise SystemExit('it broke')")
    with pytest.raises(PackError, match=r"status 1\. it broke Nothing was changed"):
        asyncio.run(build.set_up(tmp_path))
    assert [path.name for path in (tmp_path / "wasm").iterdir()] == ["lock"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PackError, match="SMOLTERM_CACHE"):
        asyncio.run(build.set_up(tmp_path / "file"))


def test_an_image_imports_what_is_known_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmtime.component import Component

    engine = image.engine()
    path = asyncio.run(build.set_up(cache_folder()))
    component = Component.deserialize_file(engine, str(path))
    image.check(component, engine)
    socket = f"wasi:sockets/tcp-create-socket@{image.WASI}"
    monkeypatch.setattr(image, "IMPORTS", image.IMPORTS - {socket})
    with pytest.raises(ValueError, match=socket):
        image.check(component, engine)


def test_the_image_depends_on_what_is_baked() -> None:
    names = set(image.sources())
    assert {"errors.py", "pack/http.py", "sandbox/values.py"} < names
    assert "packs/wasm/guest/pack.wit" in names
    assert not any("doors" in name or "host" in name for name in names)
