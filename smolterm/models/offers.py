"""What the first run offers, in the order of how little it takes to begin."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from smolterm.models.catalogue import Entry, default_name
from smolterm.models.library import size
from smolterm.models.servers import Server
from smolterm.models.survey import Survey, gib, served_words

OfferKind: TypeAlias = Literal["model", "get", "look", "demo"]
ENGINES = ("llama_cpp", "xllamacpp")
EXTRA = "pip install 'smolterm[local]', without a compiler [local-wheels]"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One line to choose."""

    kind: OfferKind
    heading: str
    title: str
    detail: str = ""
    choice: str = ""
    """What `--model` takes; the catalogue's name for `get`."""
    blocked: str = ""
    """Why it cannot be chosen now, and what helps."""


def has_engine() -> bool:
    """Whether a library that runs GGUF files is installed; imports nothing."""
    return any(importlib.util.find_spec(name) is not None for name in ENGINES)


def offers(
    found: Survey, servers: Sequence[Server] | None, *, engine: bool, look: bool = True
) -> list[Offer]:
    """Return the lines to choose from.

    Args:
        servers: those that answered; None while nobody has looked.
        engine: a library for local models is installed.
        look: looking for servers may be offered.
    """
    missing = "" if engine else f"needs {EXTRA}"
    made = [
        Offer(kind="model", heading="on this machine", title=here.choice, choice=here.choice,
              detail=f"{size(here.model.bytes)}, {here.broken or here.fit}",
              blocked=here.broken or missing)
        for here in found.installed
    ]  # fmt: skip
    made += _served(servers, look=look)
    made += [
        Offer(kind="model", heading="with a key", title=key.choice, choice=key.choice,
              detail=f"{key.provider}, {key.variable} is set")
        for key in found.keys
    ]  # fmt: skip
    for each in found.to_get:
        if each.name == default_name():
            free = f" of {gib(found.free)} free" if found.free is not None else ""
            made.append(
                Offer(kind="get", heading="to get", title=each.entry.title, choice=each.name,
                      detail=f"{size(each.entry.bytes)}, {each.fit}{free}", blocked=missing)
            )  # fmt: skip
    made.append(
        Offer(kind="demo", heading="without a model", title="the demo",
              detail="recorded replies, everything else is real")
    )  # fmt: skip
    return made


def words_for_nobody(found: Survey, *, engine: bool) -> str:
    """Return what a person without any model can do, for a command that shows no screen."""
    if found.installed and engine:
        names = ", ".join(f"smolterm -m {here.choice}" for here in found.installed[:3])
        return f"Use one that is installed ({names}), or choose for good: smolterm models use NAME."
    first: Entry | None = None
    for each in found.to_get:
        first = each.entry if each.name == default_name() else first
    local = f"run one here ({EXTRA}; " if not engine else "run one here ("
    get = f"smolterm models get {default_name()}, {size(first.bytes)}" if first else "local/NAME"
    return (
        f"Use a server on this machine (smolterm -m ollama/NAME), {local}{get}), set a key such as "
        "OPENAI_API_KEY, or look around first: smolterm demo."
    )


def _served(servers: Sequence[Server] | None, *, look: bool) -> list[Offer]:
    heading = "served on this machine"
    if servers is None:
        ask = Offer(
            kind="look",
            heading=heading,
            title="look for servers",
            detail="Ollama, LM Studio, llama-server, vLLM: four ports, no key sent",
        )
        return [ask] if look else []
    found = [
        Offer(kind="model", heading=heading, title=server.choice(model),
              choice=server.choice(model),
              detail=", ".join(filter(None, (server.title, served_words(server, index)))))
        for server in servers
        for index, model in enumerate(server.models[:8])
    ]  # fmt: skip
    if found:
        return found
    return [Offer(kind="look", heading=heading, title="look again",
                  detail="none has a model ready")]  # fmt: skip
