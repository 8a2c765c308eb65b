"""What a person can choose from: files, servers, keys, and what could be fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from smolterm.errors import ModelFileError
from smolterm.models.catalogue import Entry, catalogue
from smolterm.models.fit import Forecast, Shape, choose_context, forecast, shape_of
from smolterm.models.library import Installed, installed, models_folder, size
from smolterm.models.machine import free_memory
from smolterm.models.modelfile import read_model
from smolterm.models.providers import PROVIDERS
from smolterm.models.servers import Server

GIB = 1 << 30


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a model fits, and with how long a context."""

    chosen: Forecast | None
    """None: not even the shortest context fits."""
    least: Forecast
    """With the shortest context."""

    def __str__(self) -> str:
        if self.chosen is None:
            return f"does not fit: needs {gib(self.least.needed)}"
        return f"fits with {thousands(self.chosen.context)} of context: {gib(self.chosen.needed)}"


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """An installed model."""

    model: Installed
    fit: Fit | None = None
    broken: str = ""
    """Why it cannot be used."""

    @property
    def choice(self) -> str:
        return f"local/{self.model.name}"


class There(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the catalogue that is not here yet."""

    name: str
    entry: Entry
    fit: Fit


class KeySet(msgspec.Struct, frozen=True, kw_only=True):
    """A variable that holds a key. The key itself is nowhere in here."""

    variable: str
    provider: str
    choice: str
    """A model of that provider."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Everything to choose from."""

    folder: Path
    free: int | None
    """Bytes of memory."""
    installed: tuple[Here, ...]
    to_get: tuple[There, ...]
    keys: tuple[KeySet, ...]
    servers: tuple[Server, ...] = ()
    asked: bool = False
    """Servers were looked for."""


def survey(environ: Mapping[str, str], free: int | None = None) -> Survey:
    """Return what is here and what could be; servers are another matter (see `find_servers`).

    Args:
        free: bytes of memory; what this machine has by default.
    """
    free = free_memory() if free is None else free
    here = tuple(_looked_at(model, free) for model in installed())
    files = {each.model.path.name.casefold() for each in here}
    there = tuple(
        There(name=name, entry=entry, fit=fit_of(entry.shape, free))
        for name, entry in catalogue().items()
        if entry.file.casefold() not in files
    )
    return Survey(
        folder=models_folder(), free=free, installed=here, to_get=there, keys=keys_set(environ)
    )


def fit_of(shape: Shape, free: int | None) -> Fit:
    """Return whether a model fits into so many bytes."""
    least = forecast(shape, min(2048, shape.context_length or 2048))
    return Fit(chosen=choose_context(shape, free), least=least)


def keys_set(environ: Mapping[str, str]) -> tuple[KeySet, ...]:
    """Return the providers whose key is set, by the names of the variables."""
    found = []
    for name, provider in PROVIDERS.items():
        held = next((key for key in provider.keys if environ.get(key, "").strip()), "")
        if held and provider.default:
            choice = f"{name}/{provider.default}"
            found.append(KeySet(variable=held, provider=provider.title, choice=choice))
    return tuple(found)


def gib(number: int) -> str:
    """Return bytes of memory as `3.3 GiB`."""
    return f"{number / GIB:.1f} GiB" if number >= GIB // 10 else f"{number / (1 << 20):.1f} MiB"


def thousands(tokens: int) -> str:
    """Return tokens as `8k`."""
    return f"{tokens // 1024}k" if tokens >= 1024 else str(tokens)


def served_words(server: Server, index: int) -> str:
    """Return what is worth knowing of a served model, in a few words."""
    model = server.models[index]
    words = [size(model.bytes)] if model.bytes else []
    if model.context:
        words.append(f"{thousands(model.context)} of context")
    words += ["loaded"] if model.loaded else []
    return ", ".join(words)


def _looked_at(model: Installed, free: int | None) -> Here:
    try:
        return Here(model=model, fit=fit_of(shape_of(read_model(model.path)), free))
    except ModelFileError as error:
        return Here(model=model, broken=error.what)
