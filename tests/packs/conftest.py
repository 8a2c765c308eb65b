from __future__ import annotations

from pathlib import Path

import pytest

from smolterm.store import cache_folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's trusted packs, caches or settings are touched; only the built image is shared."""
    place = tmp_path_factory.mktemp("own")
    images = cache_folder() / "wasm"
    images.mkdir(parents=True, exist_ok=True)
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SMOLTERM_{name}", str(place / name.lower()))
    (place / "cache").mkdir()
    (place / "cache" / "wasm").symlink_to(images)
    return place
