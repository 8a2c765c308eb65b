"""A folder of its own for the store of each test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return where this test's sessions are kept."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SMOLTERM_DATA", str(folder))
    return folder
