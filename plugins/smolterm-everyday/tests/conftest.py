"""The fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playing import granted_by, manifest_of
from smolterm.packs.testing import TestDoors


@pytest.fixture
def doors() -> Iterator[TestDoors]:
    """The pack as its manifest has it: no host, no file, no secret."""
    with granted_by(manifest_of("smolterm_everyday"), {"timezone": "Europe/Lisbon"}) as doors:
        yield doors
    assert doors.counts.requests == 0
