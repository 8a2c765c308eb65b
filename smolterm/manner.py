"""How a session asks its model: which kind of agent, in which form, under which grammar.

Profile, settings and what the model says of itself come together here, once for a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm.grammar import envelope, tool_calls
from smolterm.models import Format, Model
from smolterm.profiles import AgentKind, Profile, profile_for
from smolterm.schemas import schemas_of
from smolterm.tools import ToolSpec

AgentChoice: TypeAlias = Literal["code", "tools", "auto"]

THINKING_TOKENS = 2_048
"""More for a reply that begins with thinking."""
USUAL_TOKENS = 2_048


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """What is settled for one model."""

    profile: Profile = Profile()
    agent: AgentKind = "code"
    format: Format = Format()
    window: int | None = None
    """Tokens of context, where they are known."""

    @property
    def reserve(self) -> int:
        """Tokens that a reply may take."""
        return self.format.max_tokens or USUAL_TOKENS


def manner_for(
    model: Model, tools: Sequence[ToolSpec] = (), *, agent: AgentChoice = "auto",
    strict: bool = False,
) -> Manner:  # fmt: skip
    """Return how a model is asked.

    Args:
        agent: `auto` leaves it to the profile.
        strict: a model on this machine can only write Python that parses.

    Raises:
        ConfigError: the person's profiles cannot be read.
    """
    profile = profile_for(model.name, getattr(model, "info", None))
    kind: AgentKind = profile.agent if agent == "auto" else agent
    schemas = schemas_of(tools) if kind == "tools" else ()
    template = str(getattr(getattr(model, "info", None), "template", ""))
    thinking = "<think>" in template if profile.thinking is None else profile.thinking
    grammar = ""
    if _takes_grammar(model):
        if kind == "tools":
            grammar = tool_calls(schemas, thinking=thinking)
        else:
            strict = strict or profile.strict
            grammar = envelope(profile.dialect, tools=tools, strict=strict, thinking=thinking)
    most = profile.max_tokens
    return Manner(
        profile=profile,
        agent=kind,
        format=Format(
            grammar=grammar,
            stop=profile.stop,
            temperature=profile.temperature,
            max_tokens=most + THINKING_TOKENS if most and profile.thinking else most,
            thinking=profile.thinking,
            tools=schemas,
            block=profile.dialect if kind == "code" else "",
        ),
        window=getattr(model, "context_window", None),
    )


def _takes_grammar(model: Model) -> bool:
    """Whether the model runs in a process of ours; a provider would pass over the grammar."""
    route: Any = getattr(model, "route", None)
    return getattr(route, "kind", "") == "local"
