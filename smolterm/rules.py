"""The person's file of rules: what needs no question in any session, and what never happens.

The file is read again when it has changed, so that an edit counts at once. What cannot be read
allows nothing.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from smolterm.config import config_path
from smolterm.errors import ConfigError
from smolterm.policy import EFFECTS, KEPT, Rule
from smolterm.printable import reveal
from smolterm.wholefile import write_whole

LARGEST_FILE = 1_000_000
MOST_RULES = 1_000
HEAD = """\
# What smolterm does without asking, and what it never does; docs/approval.md explains it.
# Edit it as you like: it is read again when it has changed. A `[[deny]]` beats everything else:
#
# [[deny]]
# effect = "spend"
"""
Stamp: TypeAlias = tuple[int, ...]


class Denied(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What never happens: the calls that all its fields name."""

    tool: str = ""
    effect: str = ""

    def covers(self, tool: str, effect: str) -> bool:
        """Say whether a call is one that never happens."""
        return self.tool in ("", tool) and self.effect in ("", effect)


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file says."""

    allow: tuple[Rule, ...] = ()
    deny: tuple[Denied, ...] = ()


class RulesFile:
    """The rules of one file, which need not exist.

    Attributes:
        error: why the file says nothing at present; empty while it can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error = ""
        self._rules = Rules()
        self._stamp: Stamp | None = None

    def load(self) -> Rules:
        """Read the file.

        Raises:
            ConfigError: it cannot be read, or says what no rule can be; names the place.
        """
        stamp = _stamp(self.path)
        self._rules = parse(_text(self.path), str(self.path))
        self._stamp, self.error = stamp, ""
        return self._rules

    def current(self) -> Rules:
        """Return what the file says now; never raises, see `error`.

        A file that was damaged meanwhile allows nothing, and what it last denied stays denied.
        """
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            try:
                self.load()
            except ConfigError as error:
                self._stamp, self.error = stamp, str(error)
                self._rules = Rules(deny=self._rules.deny)
        return self._rules

    def add(self, rule: Rule) -> None:
        """Write one more rule at the end; all that stands there stays as it is.

        Raises:
            ConfigError: the file is damaged, or cannot be written; it stays as it was.
        """
        before = self.load()
        if rule in before.allow:
            return
        path = self.path.resolve()
        text = _text(path) or HEAD
        text += "" if text.endswith("\n") else "\n"
        text += _written(rule)
        wanted = Rules(allow=(*before.allow, rule), deny=before.deny)
        try:
            fine = parse(text, str(path)) == wanted
        except ConfigError:
            fine = False
        if not fine:
            raise _unchanged(path, "the rules stand there in a way that is not understood", rule)
        try:
            _write(path, text)
        except (OSError, UnicodeEncodeError) as error:
            raise _unchanged(path, str(error), rule) from None
        self.load()


def rules_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the file is: `rules.toml` beside the settings."""
    return config_path(environ).with_name("rules.toml")


def parse(text: str, named: str) -> Rules:
    """Return what a file says.

    Raises:
        ConfigError: it says what no rule can be.
    """
    try:
        rules = msgspec.convert(tomllib.loads(text), Rules)
    except (ValueError, RecursionError) as error:
        raise _damaged(named, str(error)) from None
    if len(rules.allow) + len(rules.deny) > MOST_RULES:
        raise _damaged(named, f"it holds more than {MOST_RULES} rules")
    for number, rule in enumerate(rules.allow, 1):
        if wrong := _wrong_with(rule):
            raise _damaged(named, f"[[allow]] number {number} {wrong}")
    for number, denied in enumerate(rules.deny, 1):
        if not (denied.tool or denied.effect):
            raise _damaged(named, f"[[deny]] number {number} names no tool and no effect")
        if denied.effect and denied.effect not in EFFECTS:
            raise _damaged(named, f"[[deny]] number {number} has an effect that is none")
    return rules


def _wrong_with(rule: Rule) -> str:
    """Return why a rule is none that may stand in a file; empty when it may."""
    if rule.kind == "step" or rule.step:
        return "is about one step of one session"
    if rule.kind == "code":
        if rule.tool or rule.effect or rule.signature or rule.arguments is not None:
            return "is about code and takes nothing but tools"
        return "" if all(name.isidentifier() for name in rule.tools) else "names no tool"
    if not rule.tool.isidentifier() or rule.tools:
        return "must name one tool"
    if rule.effect not in KEPT:
        kept = " or ".join(sorted(KEPT))
        return f"needs the effect {kept}: others need no rule, or are asked about each time"
    if reveal(rule.words())[1]:
        return "holds characters that cannot be seen"
    return ""


def _text(path: Path) -> str:
    """Return the file's text; nothing where there is no file."""
    try:
        with path.open("rb") as file:
            # A file that everybody can write says what anybody wants.
            if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
                raise _damaged(str(path), "everybody may write to it")
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _damaged(str(path), error.strerror or str(error)) from None
    if len(raw) > LARGEST_FILE:
        raise _damaged(str(path), "it is larger than 1 MB")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _damaged(str(path), str(error)) from None


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode


def _written(rule: Rule) -> str:
    """Return a rule as the file has it, and above it what it means."""
    lines = ["", f"# {' '.join(rule.words().split())}", "[[allow]]"]
    for name, value in msgspec.to_builtins(rule).items():
        lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def _damaged(named: str, why: str) -> ConfigError:
    return ConfigError(
        f"{named} cannot be used: {why}.",
        kept="Nothing is allowed by it.",
        next="Mend or remove it.",
    )


def _unchanged(path: Path, why: str, rule: Rule) -> ConfigError:
    return ConfigError(
        f"{path} cannot be changed: {why}.",
        kept="It is as it was.",
        next=f"Write it there yourself:\n{_written(rule).strip()}",
    )
