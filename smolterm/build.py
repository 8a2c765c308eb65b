"""A session made from settings: model, packs, policy and budget put together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from smolterm.answers import Review
from smolterm.clock import Budget
from smolterm.config import Settings
from smolterm.early import model_name
from smolterm.errors import UsageError
from smolterm.models import Model
from smolterm.models.launch import Launched
from smolterm.policy import Mode, Policy
from smolterm.rules import RulesFile, rules_path
from smolterm.sandbox import Limits
from smolterm.session import FindPacks, Session
from smolterm.sessions.past import Past


def build_model(settings: Settings, launched: Launched | None = None) -> Model:
    """Return the model that the settings name, or the one whose key is set.

    Args:
        launched: its host, where `early.launch_model` started it.

    Raises:
        UsageError: none is named and no key is set.
    """
    from smolterm.models.hosted import HostedModel

    name = model_name(settings)
    return HostedModel(name, api_base=settings.api_base or None, launched=launched)


def build_session(
    settings: Settings,
    *,
    model: Model,
    yes: bool = False,
    spare: bool = False,
    reviews: Sequence[Review] = (),
    resume: Past | None = None,
    packs: Sequence[Any] | None = None,
) -> Session:
    """Return a session; nothing is started yet.

    Args:
        yes: sandboxed code needs no approval: `effects` where the mode is `step`.
        spare: keep a second sandbox ready, for sessions that people sit at.
        reviews, resume: see `Session`.
        packs: instead of those that the settings name.
    """
    mode: Mode = "effects" if yes and settings.mode == "step" else settings.mode
    folder = _granted(settings.folder)
    used: Sequence[Any] | FindPacks
    if packs is not None:
        used = packs
    elif spare and settings.packs is None and not settings.tools:
        # All that are trusted: nobody waits for the look at what is installed.
        used = partial(build_packs, settings, folder)
    else:
        used = build_packs(settings, folder, _complain)
    rules = RulesFile(rules_path())
    # A damaged file is told before anything starts.
    rules.load()
    return Session(
        model=model,
        rules=rules,
        packs=used,
        policy=Policy(mode=mode, allow=frozenset(settings.allow), outside=settings.outside),
        budget=Budget(
            max_steps=settings.max_steps,
            max_seconds=settings.max_seconds,
            max_tokens=settings.max_tokens,
            max_cost=settings.max_cost,
            max_repairs=settings.max_repairs,
        ),
        limits=Limits(seconds=settings.cell_seconds, output_bytes=settings.output_bytes),
        folder=folder,
        write=settings.write,
        save=settings.save,
        packages=settings.packages,
        spare=spare,
        brief=not spare,
        agent=settings.agent,
        strict=settings.strict,
        reviews=reviews,
        resume=resume,
    )


def _complain(text: str) -> None:
    from smolterm.printable import printable

    sys.stderr.write(f"smolterm: {printable(text)}\n")


def build_packs(settings: Settings, folder: Path | None, tell: Callable[[str], None]) -> list[Any]:
    """Return the packs to use, not started: those that were named, or all that are trusted.

    Args:
        tell: takes a line for each that is left out.

    Raises:
        UsageError: a pack or file was named that is not there or not trusted.
    """
    if settings.packs == () and not settings.tools:
        return []
    from smolterm.packs.using import Leave, Start, made, packs_in_use, packs_named

    leave = Leave(folder=folder, write=settings.write)
    first: list[Start] = []
    if settings.tools:
        from smolterm.packs.writing.files import file_starts

        first = file_starts(settings.tools, leave)
    if settings.packs is None:
        return packs_in_use(leave, tell, first)
    return packs_named(settings.packs, leave, first) if settings.packs else made(first)


def reopen_terminal() -> None:
    """Make the terminal standard input again, after a pipe was read."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        raise UsageError(
            "There is no terminal to open the screen on.", next='Use smolterm -p "task".'
        ) from None
    os.dup2(terminal, 0)
    os.close(terminal)


def _granted(folder: str) -> Path | None:
    if not folder:
        return None
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise UsageError(f"{folder} is no folder.", next="Name one that exists: --folder DIR.")
    return path
