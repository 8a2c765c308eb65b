"""What travels between a model and its host process: the configuration, requests and lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from smolterm.errors import ModelError, SmoltermError, StreamCut, UsageError, error_named
from smolterm.models import Delta, Done, Format, ModelPart, Progress, Waiting
from smolterm.models.loading import Loading
from smolterm.models.providers import Route


class Patience(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long to go on asking."""

    attempts: int = 5
    """Tries in all."""
    seconds: float = 120.0
    """From the first try to the last one's start."""
    first: float = 0.5
    """Seconds before the second try; they double with each."""
    longest: float = 20.0
    """Seconds at most, unless the provider names a time."""


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a model is asked."""

    temperature: float | None = None
    """None: the provider's own."""
    max_tokens: int | None = None
    """Tokens of one reply. None: the provider's own."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply."""
    timeout: float | None = None
    """Seconds without a byte. None: 120, or 600 on this machine: a long prompt takes time."""
    patience: Patience = Patience()
    loading: Loading = Loading()
    """For a model on this machine."""

    def with_format(self, format: Format | None) -> Options:
        """Return the options of one request: what its format says goes first."""
        if format is None:
            return self
        return msgspec.structs.replace(
            self,
            temperature=self.temperature if format.temperature is None else format.temperature,
            max_tokens=self.max_tokens if format.max_tokens is None else format.max_tokens,
            stop=tuple(dict.fromkeys((*self.stop, *format.stop))),
        )


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What a model on this machine is, by its file."""

    name: str
    architecture: str
    quantisation: str
    parameters: int
    template: str
    """Its chat template, in Jinja."""
    trained: int
    """Tokens of context it was trained for; 0 where the file does not say."""


class Config(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The host's one argument. Anybody may read a command line: no secret belongs here."""

    route: Route
    options: Options = Options()
    asked: int = 0
    """Replies the session asked for before this host was started."""


def line_of(number: int, part: ModelPart) -> dict[str, Any]:
    """Return the line that carries a part of reply `number`."""
    if isinstance(part, Delta):
        return {"id": number, "delta": {"channel": part.channel, "text": part.text}}
    fields = msgspec.to_builtins(part)
    if isinstance(part, Waiting):
        return {"id": number, "waiting": fields}
    if isinstance(part, Progress):
        return {"id": number, "progress": fields}
    return {"id": number, "done": fields, "end": True}


def error_line(number: int, error: SmoltermError) -> dict[str, Any]:
    """Return the line that ends reply `number` with an error."""
    shown = {"name": type(error).__name__, "what": error.what, "next": error.next}
    return {"id": number, "error": shown, "end": True}


def part_of(line: Mapping[str, Any]) -> ModelPart:
    """Read a line of the host back.

    Raises:
        ModelError, UsageError: the error that the line carries.
        StreamCut: it is none of the lines above.
    """
    try:
        if "delta" in line:
            return msgspec.convert({"type": "Delta"} | line["delta"], Delta)
        if "waiting" in line:
            return msgspec.convert(line["waiting"], Waiting)
        if "progress" in line:
            return msgspec.convert(line["progress"], Progress)
        if "done" in line:
            return msgspec.convert(line["done"], Done)
        fields = msgspec.convert(line["error"], dict[str, str])
        kind = error_named(fields["name"])
        error = kind if issubclass(kind, ModelError | UsageError) else ModelError
        raise error(fields["what"], next=fields.get("next", ""))
    except (KeyError, TypeError, msgspec.ValidationError):
        raise StreamCut("The model host sent a line that is not its protocol.") from None
