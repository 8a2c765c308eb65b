from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's trusted packs, caches or settings are touched."""
    place = tmp_path_factory.mktemp("own")
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SMOLTERM_{name}", str(place / name.lower()))
    return place
