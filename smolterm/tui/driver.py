"""Textual's driver for a page, which leaves when nobody is there any more."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import Any

from textual.drivers.web_driver import WebDriver
from textual.messages import ExitApp

OWN = ("COLUMNS", "ROWS", "TEXTUAL_DRIVER", "TEXTUAL_COLOR_SYSTEM")
"""Variables that were meant for this process; what the person runs from it must not see them."""


class Driver(WebDriver):
    """Ends the app when its input ends: the page, or the server, however that came about."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._write = partial(self._put)
        for name in OWN:
            os.environ.pop(name, None)

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():
            # The loop is closed where the app has left meanwhile.
            with suppress(RuntimeError):
                self.send_message(ExitApp())

    def _put(self, data: bytes) -> int:
        """Write all of it, to somebody who may be gone."""
        rest = memoryview(data)
        with suppress(OSError):
            while rest:
                rest = rest[os.write(self.fileno, rest) :]
        return len(data)
