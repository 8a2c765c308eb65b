"""Changes one setting in the person's file and leaves the rest as they wrote it.

A line is replaced or added, and the outcome read back: unless it means what it meant before, with
the one setting changed, nothing is written. A library that keeps comments would do more than this
needs.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from smolterm.errors import ConfigError
from smolterm.wholefile import write_whole

Value: TypeAlias = str | bool | int | float


def set_value(path: Path, name: str, value: Value) -> None:
    """Write `name = "value"` into a TOML file, which is made when there is none.

    Raises:
        ConfigError: the file cannot be read or written, or is written in a way that one line does
            not change; it stays as it was.
    """
    path = path.resolve()
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise _unchanged(path, name, value, str(error)) from None
    try:
        wanted = tomllib.loads(text) | {name: value}
    except tomllib.TOMLDecodeError as error:
        raise _unchanged(path, name, value, str(error)) from None
    for candidate in _candidates(text, name, value):
        try:
            fine = tomllib.loads(candidate) == wanted
        except tomllib.TOMLDecodeError:
            continue
        if fine:
            _write(path, candidate, name, value)
            return
    raise _unchanged(path, name, value, f"{name} stands there in a way that is not understood")


def _candidates(text: str, name: str, value: Value) -> Iterator[str]:
    """Yield the text with the setting changed, in each of the places where it may stand."""
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    lines = text.split("\n")
    for number, old in enumerate(lines):
        if re.match(rf"""\s*(?:{name}|"{name}"|'{name}')\s*=""", old):
            ending = "\r" if old.endswith("\r") else ""
            note = re.search(r"\s+#[^\"'\r]*$", old.rstrip("\r"))
            kept = note[0] if note else ""
            yield "\n".join([*lines[:number], line + kept + ending, *lines[number + 1 :]])
    table = re.search(r"^\s*\[", text, re.MULTILINE)
    before = text if table is None else text[: table.start()]
    joint = "" if not before or before.endswith("\n") else newline
    yield before + joint + line + newline + text[len(before) :]
    yield line + newline + text


def _write(path: Path, text: str, name: str, value: Value) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        write_whole(path, text.encode(), mode=mode)
    except (OSError, UnicodeEncodeError) as error:
        raise _unchanged(path, name, value, str(error)) from None


def _unchanged(path: Path, name: str, value: Value, why: str) -> ConfigError:
    return ConfigError(
        f"{path} cannot be changed: {why}.",
        kept="It is as it was.",
        next=f"Write it yourself: {name} = {json.dumps(value)}",
    )
