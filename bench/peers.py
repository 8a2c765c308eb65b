"""The peers: each in a virtual environment of its own, because their requirements collide.

Left out are mistral-vibe, kimi-cli and tau-ai, which need Python 3.12, and batrachian-toad, which
needs 3.14: pip installs none of them on the Python 3.11 that everybody else runs on. The makers of
goose and crush offer pip nothing; do not install what bears such a name there.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

FOLDER = Path(__file__).parent.parent / ".venv-peers"
IN_PACKAGE = "lib/python*/site-packages"
LOCAL_PRICES = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""Lets litellm read the prices that it brings, instead of asking the net for newer ones."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What pip installs, and the command that it brings."""

    package: str
    program: str
    """Its path in the virtual environment, where `*` stands for anything."""
    flag: str = "--version"
    """With which it only says a word."""
    venv: str = ""
    """Whose virtual environment it shares; its own by default."""


PEERS = {
    "llm": Peer(package="llm", program="bin/llm"),
    "smolagents": Peer(package="smolagents[openai]", program="bin/smolagent", flag="--help"),
    "gptme": Peer(package="gptme[tui]", program="bin/gptme"),
    "gptme-tui": Peer(package="gptme[tui]", program="bin/gptme-tui", flag="--help", venv="gptme"),
    "aider": Peer(package="aider-chat", program="bin/aider"),
    "open-interpreter": Peer(package="open-interpreter", program="bin/interpreter"),
    "clai": Peer(package="clai", program="bin/clai"),
    "elia": Peer(package="elia-chat", program="bin/elia", flag="--help"),
    "ffwf-tau": Peer(package="ffwf-tau", program="bin/tau"),
    "deepagents-code": Peer(package="deepagents-code", program="bin/dcode"),
    # Two that are no Python: the SDKs of their makers bring them along, without a command for them.
    "claude": Peer(
        package="claude-agent-sdk", program=f"{IN_PACKAGE}/claude_agent_sdk/_bundled/claude"
    ),
    "codex": Peer(package="openai-codex-cli-bin", program=f"{IN_PACKAGE}/codex_cli_bin/bin/codex"),
}
"""Those that pip installs and that start without an account; others are not compared."""


@dataclass(frozen=True)
class Peers:
    """The peers that are installed under a folder."""

    folder: Path = FOLDER

    def command(self, peer: str, name: str) -> str | None:
        """Return the path of a command beside a peer's, or None where it is not installed."""
        path = self.folder / peer / "bin" / name
        return str(path) if path.exists() else None

    def programs(self) -> Iterator[tuple[str, Peer, str]]:
        """Yield the name of each peer that is installed, what it is, and its command's path."""
        for name, peer in PEERS.items():
            for path in sorted((self.folder / (peer.venv or name)).glob(peer.program)):
                yield name, peer, str(path)

    @property
    def versions(self) -> dict[str, str]:
        """The versions of those that are installed."""
        own = (name for name, peer in PEERS.items() if not peer.venv)
        return {name: found for name in own if (found := self._version(name))}

    def _version(self, name: str) -> str:
        distribution = PEERS[name].package.partition("[")[0]
        packages = [str(path) for path in (self.folder / name).glob(IN_PACKAGE)]
        found = next(iter(distributions(name=distribution, path=packages)), None)
        return found.version if found else ""

    def install(self, say: Callable[[str], None]) -> None:
        """Install those that are missing; one that cannot be installed is said and left out."""
        present = {name for name, _, _ in self.programs()} & self.versions.keys()
        for name, peer in PEERS.items():
            if peer.venv or name in present:
                continue
            say(f"installing {peer.package}")
            venv.create(self.folder / name, with_pip=True, symlinks=sys.platform != "win32")
            python = str(self.folder / name / "bin" / "python")
            done = subprocess.run([python, "-m", "pip", "install", "--quiet", peer.package])
            if done.returncode != 0:
                say(f"{peer.package} cannot be installed and is left out")
