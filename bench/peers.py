"""The peers: each in a virtual environment of its own, because their requirements collide."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / ".venv-peers"

PACKAGES = {
    "llm": "llm",
    "smolagents": "smolagents[openai]",
    "gptme": "gptme",
}
"""What pip installs for each; a peer that pip cannot install here is not compared."""


@dataclass(frozen=True)
class Peers:
    """The peers that are installed under a folder."""

    folder: Path = FOLDER

    def command(self, peer: str, name: str) -> str | None:
        """Return the path of a peer's command, or None where it is not installed."""
        path = self.folder / peer / "bin" / name
        return str(path) if path.exists() else None

    @property
    def versions(self) -> dict[str, str]:
        """The versions of those that are installed."""
        return {peer: found for peer in PACKAGES if (found := self._version(peer))}

    def _version(self, peer: str) -> str:
        python = self.command(peer, "python")
        if python is None:
            return ""
        ask = f"import importlib.metadata as m; print(m.version({peer!r}))"
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True)
        return done.stdout.strip()

    def install(self, say: Callable[[str], None]) -> None:
        """Install those that are missing; one that cannot be installed is said and left out."""
        for peer, package in PACKAGES.items():
            if self._version(peer):
                continue
            say(f"installing {package}")
            venv.create(self.folder / peer, with_pip=True, symlinks=sys.platform != "win32")
            python = str(self.folder / peer / "bin" / "python")
            done = subprocess.run([python, "-m", "pip", "install", "--quiet", package])
            if done.returncode != 0:
                say(f"{package} cannot be installed and is left out")
