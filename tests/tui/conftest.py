"""How a test of the screen waits: for what there is to do, and no longer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import textual.app
import textual.pilot
import textual.screen
from scripted import idle

SHORT = 0.001
"""Seconds from a change to the screen that shows it: nobody looks at it."""


@pytest.fixture(scope="session", autouse=True)
def _waits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (textual.app, textual.pilot):
            patch.setattr(module, "wait_for_idle", idle)
        patch.setattr(textual.screen, "UPDATE_PERIOD", SHORT)
        yield
