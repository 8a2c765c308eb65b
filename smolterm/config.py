"""Settings: defaults, then the person's file, then the environment, then flags.

Each value knows where it came from. Project folders contribute nothing: what lies in a folder that
somebody downloaded must not choose the model or loosen the policy.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm.errors import ConfigError
from smolterm.policy import Effect, Mode, OutsidePolicy

LIMITS = (
    "max_steps", "max_seconds", "max_tokens", "max_cost", "max_repairs", "cell_seconds",
    "output_bytes",
)  # fmt: skip
"""Settings that are numbers from 0 on."""

Origin: TypeAlias = Literal["default", "file", "environment", "flag"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a person can set. The file's keys and `SMOLTERM_<KEY>` have these names."""

    model: str = ""
    """Such as `openai/gpt-5-mini` or `ollama/qwen3:4b`. Empty: chosen by the keys that are set."""
    api_base: str = ""
    """Address of an OpenAI-compatible endpoint. Empty: the provider's own."""
    agent: Literal["code", "tools", "auto"] = "auto"
    """The model writes Python, calls tools by JSON, or what suits it best."""
    strict: bool = False
    """A model on this machine can only write Python that parses."""
    mode: Mode = "step"
    """What is asked about: `step` each step, `effects` each call that leaves the sandbox, `plan`
    nothing, for nothing with an effect runs, `auto` what no rule or budget allows."""
    folder: str = ""
    """The folder that code sees staged as `/files/<name>`, and that tools may read. Empty: none."""
    write: bool = False
    """Whether what is changed in that folder may be written, once somebody or `allow` accepts it.
    Tools may write there too, each time after a question."""
    allow: tuple[Effect, ...] = ()
    """Effects that need no question: write, network, spend, danger."""
    outside: OutsidePolicy = "ask"
    """Whether text that tools and files bring makes each call with an effect ask until you have
    decided on it: `ask`, or `trust` that nobody wrote it to be obeyed."""
    packs: tuple[str, ...] | None = None
    """Names of the tool packs to use. Unset: all that are trusted."""
    tools: tuple[str, ...] = ()
    """Files of functions to use as tools, each trusted as it is."""
    max_steps: int = 20
    """Steps of one task. 0 means no limit."""
    max_seconds: float = 900.0
    """Seconds of one task, waiting for a person excluded. 0 means no limit."""
    max_tokens: int = 0
    """Tokens of one task, prompts and replies together. 0 means no limit."""
    max_cost: float = 0.0
    """US dollars of one task, where a price is known. 0 means no limit."""
    max_repairs: int = 4
    """Failed replies in a row before the task ends."""
    cell_seconds: float = 120.0
    """Seconds of one step's code. 0 means no limit."""
    output_bytes: int = 1_000_000
    """Bytes that one step may print; the rest is counted and dropped. 0 means no limit."""
    packages: Literal["ask", "cached", "off"] = "ask"
    """Packages that code may import: asked about, only those already here, or none."""
    servers: Literal["ask", "look", "off"] = "ask"
    """Whether to look for model servers on this machine's own ports when models are listed."""
    save: bool = True
    """Keep each session in a file."""
    theme: Literal["auto", "dark", "light"] = "auto"
    """The screen's colours; `auto` asks the terminal what its background is."""
    bell: bool = True
    """Ring when a question waits, or a task of more than 10 seconds ends, while you are away."""
    keys: dict[str, str] = {}
    """Other keys for what F1 lists: `"steps.wider" = "w"`; several with commas."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force and the origin of each."""

    settings: Settings
    origins: dict[str, Origin]


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the person's file: `SMOLTERM_CONFIG` or `config.toml` in the user's folder."""
    if set_to := environ.get("SMOLTERM_CONFIG"):
        return Path(set_to)
    import platformdirs

    return platformdirs.user_config_path("smolterm") / "config.toml"


def load_config(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    path: Path | None = None,
) -> Config:
    """Merge all layers.

    Args:
        flags: values given on the command line; None counts as not given.
        path: the file to read instead of `config_path()`.

    Raises:
        ConfigError: a layer holds something that no setting can be; says which.
    """
    path = path or config_path(environ)
    layers: list[tuple[Origin, dict[str, Any], str]] = [
        ("file", _from_file(path), str(path)),
        ("environment", _from_environment(environ), "The environment"),
        ("flag", {k: v for k, v in (flags or {}).items() if v is not None}, "The command line"),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = dict.fromkeys(Settings.__struct_fields__, "default")
    for origin, layer, named in layers:
        _check(layer, named)
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    return Config(settings=_convert(values), origins=origins)


def _convert(values: dict[str, Any]) -> Settings:
    # Not strict: the environment has nothing but text.
    return msgspec.convert(values, Settings, strict=False)


def _check(layer: dict[str, Any], named: str) -> None:
    try:
        settings = _convert(layer)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{named} has a setting that does not fit: {error}.",
            next="See `smolterm --help` for the settings.",
        ) from None
    for name in LIMITS:
        value = getattr(settings, name)
        # Comparisons with nan are false.
        if not 0 <= value < math.inf:
            below = "below 0" if value < 0 else f"to {value}"
            raise ConfigError(f"{named} sets {name} {below}.", next="Use 0 for no limit.")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", next="Mend or remove it.") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        text = environ.get(f"SMOLTERM_{name.upper()}")
        if text:
            found[name] = text.split(",") if name in ("allow", "packs", "tools") else text
        if text and name == "keys":
            # `steps.wider=w;steps.previous=up,k`; what is no pair is refused as what it is.
            pairs = [pair.partition("=")[::2] for pair in text.split(";")]
            found[name] = dict(pairs) if "=" in text else text
    return found
