"""The fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from smolterm.packs.manifest import read_manifest
from smolterm.packs.testing import TestDoors, bound

MANIFEST = read_manifest(Path(__file__).parent.parent / "smolterm_everyday" / "pack.toml")


@pytest.fixture
def doors() -> Iterator[TestDoors]:
    """The pack as its manifest has it: no host, no file, no secret."""
    with bound(pack=MANIFEST.name, settings={"timezone": "Europe/Lisbon"}) as doors:
        yield doors
    assert doors.counts.requests == 0
