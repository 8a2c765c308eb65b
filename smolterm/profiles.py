"""How a family of models is asked: the form of its replies, thinking, temperature, examples.

Families differ in what they were trained to write, and a small model forgives nothing. All of it
stands in one readable file, `profiles.toml`, and a person's own `models.toml` goes before it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from smolterm.config import config_path
from smolterm.errors import ConfigError
from smolterm.grammar import Dialect

AgentKind: TypeAlias = Literal["code", "tools"]

SMALL = 20_000_000_000
"""Parameters up to which an example in the prompt helps more than it costs."""
_SIZE = re.compile(r"(?<![a-z0-9.])(\d{1,4}(?:\.\d{1,2})?)\s?([bm])(?![a-z0-9])")


class Described(Protocol):
    """What a model's file says about it."""

    @property
    def name(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def parameters(self) -> int: ...


class Profile(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How models of one family are asked."""

    name: str = ""
    match: tuple[str, ...] = ()
    """Patterns on the model's name, in lower case."""
    architectures: tuple[str, ...] = ()
    """What a GGUF file calls its architecture."""
    agent: AgentKind = "code"
    """Python, or functions called by JSON."""
    dialect: Dialect = "fence"
    """What stands around its code."""
    thinking: bool | None = None
    """Whether its template lets it think first; None: as the model likes."""
    temperature: float | None = None
    """None: the provider's own."""
    few_shot: Literal["always", "small", "never"] = "small"
    """When the prompt holds an example."""
    max_tokens: int | None = None
    """Of one reply. None: the provider's own."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply, besides the end of its block."""
    strict: bool = False
    """On this machine, whether it can only write Python that parses."""

    @property
    def shows_example(self) -> bool:
        """The prompt holds an example; settled for the size once `profile_for` has seen it."""
        return self.few_shot == "always"

    def lines(self) -> list[str]:
        """Return what is in force, a line for each key, for people to read."""
        left_out = ("name", "match", "architectures")
        return [
            f"{name:<12} {_written(getattr(self, name))}"
            for name in self.__struct_fields__
            if name not in left_out
        ]


def profile_for(
    model: str, about: Described | None = None, own: Mapping[str, Profile] | None = None
) -> Profile:
    """Return the profile of a model.

    Args:
        model: as the person names it: `PROVIDER/MODEL`, `local/NAME`, a path.
        about: its file's description, where it is on this machine.
        own: the profiles to choose from; those of `profiles()` by default.

    Raises:
        ConfigError: see `profiles`.
    """
    known = profiles() if own is None else own
    names = [text.lower() for text in (model, about.name if about else "") if text]
    # A folder on the way to a file says nothing about the model.
    names = [Path(name).name if name.endswith(".gguf") else name for name in names]
    found = next((p for p in known.values() for n in names if _matches(p, n)), None)
    if found is None and about is not None:
        found = next((p for p in known.values() if about.architecture in p.architectures), None)
    size = (about.parameters if about else 0) or _size_in(names)
    is_small = 0 < size <= SMALL
    if found is None:
        found = known["small" if is_small else "large"]
    if found.few_shot == "small":
        found = msgspec.structs.replace(found, few_shot="always" if is_small else "never")
    return found


def profiles(path: Path | None = None) -> dict[str, Profile]:
    """Return all families by name, in the order in which they are looked at.

    Args:
        path: the person's file instead of `own_path()`.

    Raises:
        ConfigError: that file cannot be read, or holds something that no profile can be.
    """
    path = path or own_path()
    known = dict(_built_in())
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return known
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", next="Mend or remove it.") from None
    new: dict[str, Profile] = {}
    for name, table in tables.items():
        profile = _profile(name, table, known.get(name, Profile()), str(path))
        if name in known:
            known[name] = profile
        elif not (profile.match or profile.architectures):
            raise ConfigError(
                f"{path}: [{name}] is no family that is known and has no match.",
                next=f'Add match = ["*{name}*"], or use one of: {", ".join(known)}.',
            )
        else:
            new[name] = profile
    return new | known


def own_path() -> Path:
    """Return the person's file: `models.toml` beside the settings."""
    return config_path().with_name("models.toml")


@cache
def _built_in() -> dict[str, Profile]:
    text = Path(__file__).with_name("profiles.toml").read_text(encoding="utf-8")
    return {
        name: _profile(name, table, Profile(), "profiles.toml")
        for name, table in tomllib.loads(text).items()
    }


def _profile(name: str, table: Any, base: Profile, where: str) -> Profile:
    if not isinstance(table, dict):
        raise ConfigError(
            f"{where}: {name} stands outside of a table.", next=f"Write [FAMILY] above {name}."
        )
    if unknown := sorted(set(table) - (set(Profile.__struct_fields__) - {"name"})):
        raise ConfigError(
            f"{where}: [{name}] has a key that no profile has: {', '.join(unknown)}.",
            next=f"Use {', '.join(f for f in Profile.__struct_fields__ if f != 'name')}.",
        )
    try:
        profile = msgspec.convert(msgspec.to_builtins(base) | table | {"name": name}, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: [{name}] does not fit: {error}.", next="Mend it.") from None
    if profile.temperature is not None and not 0 <= profile.temperature <= 2:
        raise ConfigError(f"{where}: [{name}] sets temperature outside 0 to 2.", next="Mend it.")
    if profile.max_tokens is not None and profile.max_tokens < 64:
        raise ConfigError(f"{where}: [{name}] sets max_tokens below 64.", next="Mend it.")
    return profile


def _matches(profile: Profile, name: str) -> bool:
    return any(fnmatchcase(name, pattern.lower()) for pattern in profile.match)


def _size_in(names: list[str]) -> float:
    """Return the parameters that a name tells, as in `qwen3:4b`; 0 where it tells none."""
    found = [match for name in names for match in _SIZE.finditer(name)]
    return max((float(m[1]) * (1e9 if m[2] == "b" else 1e6) for m in found), default=0)


def _written(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(repr, value)) if isinstance(value, list | tuple) else str(value)
