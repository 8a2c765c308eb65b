"""What a tool pack's author imports; the same source runs in WebAssembly and in a native process.

Nothing here touches the world. Each call goes through one function to the host, which has the
network, the folder and the secrets, and hands out what the manifest declares and the person
granted. A call to what was not granted raises `Denied`.
"""

from __future__ import annotations

from smolterm.errors import Denied, ToolError
from smolterm.pack import cache, files, http
from smolterm.pack.bridge import _bind, _call
from smolterm.pack.named import Secrets, Settings
from smolterm.pack.telling import Progress, log, progress
from smolterm.pack.tools import tool

secrets = Secrets()
settings = Settings()

__all__ = [
    "Denied",
    "Progress",
    "Secrets",
    "Settings",
    "ToolError",
    "_bind",
    "_call",
    "cache",
    "files",
    "http",
    "log",
    "progress",
    "secrets",
    "settings",
    "tool",
]
