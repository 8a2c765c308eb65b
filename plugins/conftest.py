"""What the tests of packs share; it also lets them import what stands beside this file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rigging import WORLD, InWasm


@pytest.fixture(scope="session")
def in_wasm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InWasm]:
    process = InWasm(tmp_path_factory.mktemp("wasm"))
    yield process
    process.close()


@pytest.fixture(params=["here", "wasm"])
def world(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a test's packs run; first in the test's own process, then in WebAssembly."""
    if request.param == "here":
        yield "here"
        return
    token = WORLD.set(request.getfixturevalue("in_wasm"))
    yield "wasm"
    WORLD.reset(token)
