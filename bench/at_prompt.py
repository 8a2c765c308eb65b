"""How each peer comes to its prompt: without an account, a question first, or a look at the net.

smolagents is left out: its command asks for the parts of an agent, and then for one task.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Stage
from bench.peers import LOCAL_PRICES
from bench.server import serve

MODEL = "scripted"
KEY = "sk-ant-none-needed-but-long-enough"


@dataclass(frozen=True, kw_only=True)
class Start:
    """A command that ends in a prompt."""

    argv: list[str]
    environment: dict[str, str]
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a peer lives: a home with its settings, an empty folder, a server that answers it."""

    program: str
    home: Path
    url: str

    @property
    def folder(self) -> Path:
        return self.home / "work"

    def start(self, *flags: str, **more: str) -> Start:
        """Return its start with flags, and with more in its environment."""
        environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ.get("PATH", ""),
            "TERM": "xterm-256color",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": self.url,
        }
        return Start(
            argv=[self.program, *flags], environment=environment | more, folder=self.folder
        )

    def write(self, path: str, text: str) -> Path:
        """Write one of its settings, below its home."""
        written = self.home / path
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text, encoding="utf-8")
        return written


def starts(stage: Stage) -> Iterator[tuple[str, Callable[[], Start]]]:
    """Yield the name of each installed peer that has a prompt, and what makes its next start."""
    installed = [(name, path) for name, _, path in stage.peers.programs() if name in ENTER]
    if not installed:
        return
    url = serve(stage, "prompt", {"text": "Hello."})
    for name, path in installed:
        place = Place(program=path, home=(stage.folder / "homes" / name).resolve(), url=url)
        place.folder.mkdir(parents=True)
        yield name, lambda enter=ENTER[name], place=place: enter(place)


def _llm(place: Place) -> Start:
    settings = f"- model_id: {MODEL}\n  model_name: {MODEL}\n  api_base: {place.url}\n"
    written = place.write("llm/extra-openai-models.yaml", settings)
    return place.start("chat", "-m", MODEL, LLM_USER_PATH=str(written.parent))


def _gptme(place: Place) -> Start:
    # Without the name of a new conversation it asks which one to go on with.
    return place.start("-m", f"local/{MODEL}", "--name", f"new-{time.time_ns()}")


def _gptme_tui(place: Place) -> Start:
    return place.start("-m", f"local/{MODEL}")


def _aider(place: Place) -> Start:
    quiet = ("--no-git", "--no-gitignore", "--no-check-update", "--analytics-disable",
             "--no-show-model-warnings", "--no-show-release-notes")  # fmt: skip
    flags = ("--model", f"openai/{MODEL}", "--openai-api-base", place.url)
    return place.start(*flags, *quiet, **LOCAL_PRICES)


def _open_interpreter(place: Place) -> Start:
    quiet = ("--disable_telemetry", "--no-llm_supports_vision", "--no-llm_supports_functions",
             "--context_window", "8000", "--max_tokens", "1000")  # fmt: skip
    flags = ("--model", f"openai/{MODEL}", "--api_base", place.url, "--api_key", KEY)
    return place.start(*flags, *quiet, **LOCAL_PRICES)


def _clai(place: Place) -> Start:
    return place.start("-m", f"openai-chat:{MODEL}")


def _elia(place: Place) -> Start:
    return place.start(**LOCAL_PRICES)


def _ffwf_tau(place: Place) -> Start:
    return place.start()


def _deepagents_code(place: Place) -> Start:
    place.write(".deepagents/.state/onboarding_complete", "")
    return place.start("--model", f"openai:{MODEL}", "--no-mcp", DEEPAGENTS_CODE_AUTO_UPDATE="0")


def _claude(place: Place) -> Start:
    # As after the questions of its first start: a theme, the key, whether the folder is trusted.
    settings = place.home / ".claude.json"
    if not settings.exists():
        trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        answered = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(place.folder): trusted},
        }
        place.write(settings.name, json.dumps(answered))
    return place.start(
        ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=place.url, DISABLE_AUTOUPDATER="1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
    )  # fmt: skip


def _codex(place: Place) -> Start:
    settings = place.home / "codex/config.toml"
    if not settings.exists():
        place.write(
            "codex/config.toml",
            f'model = "{MODEL}"\nmodel_provider = "here"\ncheck_for_update_on_startup = false\n'
            f'[model_providers.here]\nname = "here"\nbase_url = "{place.url}"\n'
            'wire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n'
            f'[projects."{place.folder}"]\ntrust_level = "trusted"\n',
        )
    return place.start(CODEX_HOME=str(settings.parent))


ENTER: dict[str, Callable[[Place], Start]] = {
    "llm": _llm,
    "gptme": _gptme,
    "gptme-tui": _gptme_tui,
    "aider": _aider,
    "open-interpreter": _open_interpreter,
    "clai": _clai,
    "elia": _elia,
    "ffwf-tau": _ffwf_tau,
    "deepagents-code": _deepagents_code,
    "claude": _claude,
    "codex": _codex,
}
