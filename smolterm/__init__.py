"""smolterm: a model writes Python, a person approves each step, it runs in WebAssembly.

The names are loaded when they are first used, so importing the package costs nothing.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

TYPE_CHECKING = False  # typing itself would take longer to import than all of this

_HOMES = {
    "Approve": "smolterm.policy",
    "Caps": "smolterm.sandbox.wall",
    "Edit": "smolterm.policy",
    "Event": "smolterm.events",
    "Limits": "smolterm.sandbox",
    "Packages": "smolterm.packages.provide",
    "Policy": "smolterm.policy",
    "Reject": "smolterm.policy",
    "Sandbox": "smolterm.sandbox.deno",
    "Session": "smolterm.session",
    "SmoltermError": "smolterm.errors",
    "StagedFiles": "smolterm.sandbox.files",
    "Stop": "smolterm.policy",
    "Tool": "smolterm.tools",
    "tool": "smolterm.tools",
}

__all__ = [
    "Approve",
    "Caps",
    "Edit",
    "Event",
    "Limits",
    "Packages",
    "Policy",
    "Reject",
    "Sandbox",
    "Session",
    "SmoltermError",
    "StagedFiles",
    "Stop",
    "Tool",
    "tool",
]

if TYPE_CHECKING:
    from typing import Any

    from smolterm.errors import SmoltermError
    from smolterm.events import Event
    from smolterm.packages.provide import Packages
    from smolterm.policy import Approve, Edit, Policy, Reject, Stop
    from smolterm.sandbox import Limits
    from smolterm.sandbox.deno import Sandbox
    from smolterm.sandbox.files import StagedFiles
    from smolterm.sandbox.wall import Caps
    from smolterm.session import Session
    from smolterm.tools import Tool, tool


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'smolterm' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
