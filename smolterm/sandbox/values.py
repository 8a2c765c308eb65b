"""Python values as plain JSON and back, the same file on both sides of the sandbox's wall.

What JSON has stays as it is. Everything else becomes an object with the key `$` that names its
type, so that `0`, `False`, `''`, `{}`, `inf`, tuples and int keys come out as they went in. Nothing
is ever unpickled or imported: an unknown type arrives as an `Opaque` with its repr.

Reading costs time and memory in proportion to the text: the sandbox's side may be forged. This file
also runs inside the sandbox, so it needs nothing but the standard library.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import itertools
import math
import pathlib
import re
import sys
import uuid
from collections.abc import Sequence
from typing import Any

MAX_DEPTH = 100
MAX_ITEMS = 1_000_000
"""Entries of lists and objects, as JSON."""
MOST_KEYS = 50_000
"""Keys, of one value from the sandbox, whose hash its code could choose.

Not only equal hashes are slow: integers that lead each other through the same places of a table of
77,000 took 2 s, and four times that of one twice as large.
"""
MOST_COMPARED = 100_000
"""Items that such keys of equal hash may have to compare."""
SAFE_INT = 2**53
REPR_KEPT = 2_000
_INSIDE = sys.platform == "emscripten"


class Opaque:
    """A value whose type does not cross: its type's name and its repr are all that is left.

    Attributes:
        type: the name of the class.
        text: the repr, cut at 2,000 characters.
    """

    __slots__ = ("text", "type")

    def __init__(self, type: str, text: str) -> None:
        self.type = type
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Opaque):
            return NotImplemented
        return (self.type, self.text) == (other.type, other.text)

    def __hash__(self) -> int:
        return hash((self.type, self.text))


class TooLarge(ValueError):
    """The value is nested too deep, or holds too many items or keys."""


def encode(value: object, depth: int = MAX_DEPTH, *, guarded: bool = _INSIDE) -> object:
    """Return the value as something `json.dumps` writes without loss.

    Args:
        depth: levels of nesting, 100 at most.
        guarded: refuse more keys than a host reads.

    Raises:
        TooLarge: deeper than that (a value that holds itself is), or over a million items.
    """
    most = min(depth, MAX_DEPTH)
    return _encode(value, MAX_DEPTH - most, _Weight(guarded))


def decode(data: object, *, guarded: bool = not _INSIDE) -> object:
    """Return the value that `encode` was given.

    Args:
        guarded: the data may be made to take long; what takes long to put in a table is refused.

    Raises:
        ValueError: the data was not made by `encode`.
    """
    try:
        return _decode(data, 0, _Weight(guarded))
    except TypeError as error:
        # A list as a key or in a set.
        raise ValueError(str(error)) from None


def short_repr(value: object, limit: int = REPR_KEPT) -> str:
    """Return the repr cut to a length; a repr that raises is named instead."""
    try:
        text = repr(value)
        if not isinstance(text, str):
            raise TypeError
        text = str.__str__(text)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    if len(text) > limit:
        return f"{text[:limit]}... ({len(text)} characters in all)"
    return text


class _Weight:
    """What a value weighs so far."""

    __slots__ = ("compared", "guarded", "items", "keys")

    def __init__(self, guarded: bool) -> None:
        self.guarded = guarded
        self.items = self.keys = self.compared = 0

    def add(self, items: int) -> None:
        """Count the entries of one list or object; an empty one counts as well."""
        self.items += items or 1
        if self.items > MAX_ITEMS:
            raise TooLarge(f"The value holds more than {MAX_ITEMS} items.")

    def add_keys(self, keys: Sequence[Any]) -> list[int]:
        """Count the keys of a set or dict; returns the places of those whose hash was chosen."""
        if not self.guarded:
            return []
        chosen = [at for at, key in enumerate(keys) if not _is_random(key)]
        if _is_row([keys[at] for at in chosen]):
            return []
        self.keys += len(chosen)
        if self.keys > MOST_KEYS:
            raise TooLarge(f"The value holds more than {MOST_KEYS} keys that are not text.")
        return chosen

    def check(self, keys: Sequence[Any], sizes: Sequence[int]) -> None:
        """Refuse keys that a table would take too long for."""
        last, before = None, 0
        for code, size in sorted((hash(keys[at]), sizes[at]) for at in self.add_keys(keys)):
            before = before if code == last else 0
            self.compared += before
            last, before = code, before + size
            if self.compared > MOST_COMPARED:
                raise TooLarge("The value holds too many keys with the same hash.")


def _is_random(key: Any) -> bool:
    """Whether the key's hash differs from process to process, so that no code can choose it."""
    kind = type(key)
    if kind is tuple:
        return len(key) > 0 and all(map(_is_random, key))
    if kind is datetime.datetime or kind is datetime.time:
        return key.tzinfo is None
    return kind in _RANDOM


def _is_row(keys: list[Any]) -> bool:
    """Whether the keys are integers close to each other: each has a place of its own in a table."""
    if not all(type(key) is int and -SAFE_INT < key < SAFE_INT for key in keys):
        return False
    # Tables are at least half as large again as what they hold, while they grow too.
    return all(
        last < key and 2 * (key - keys[0]) < 3 * (at + 1)
        for at, (last, key) in enumerate(itertools.pairwise(keys), 1)
    )


def _encode(value: Any, depth: int, weight: _Weight) -> Any:
    if depth > MAX_DEPTH:
        raise TooLarge("The value is nested too deep.")
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return value if _is_text(value) else _tagged("text", value, weight)
    if kind is int:
        return value if -SAFE_INT < value < SAFE_INT else _tagged("int", value, weight)
    if kind is float:
        return value if math.isfinite(value) else _tagged("float", value, weight)
    if kind is list:
        weight.add(len(value))
        return [_encode(item, depth + 1, weight) for item in value]
    if kind is dict:
        return _encode_dict(value, depth, weight)
    if kind is tuple or kind is set or kind is frozenset:
        weight.add(2)
        weight.add(len(value))
        items = list(value)
        if kind is not tuple:
            if all(type(item) is int for item in items):
                items.sort()
            weight.add_keys(items)
        return {"$": kind.__name__, "v": [_encode(item, depth + 1, weight) for item in items]}
    if kind in _AS_TEXT:
        return _tagged(kind.__name__, value, weight)
    if isinstance(value, pathlib.PurePath):
        return _tagged("path", value, weight)
    return _opaque(value, weight)


def _encode_dict(value: Any, depth: int, weight: _Weight) -> Any:
    weight.add(len(value))
    if all(type(key) is str and _is_text(key) for key in value) and "$" not in value:
        return {key: _encode(item, depth + 1, weight) for key, item in value.items()}
    weight.add(2 + 2 * len(value))
    weight.add_keys(list(value))
    pairs = [[_encode(part, depth + 1, weight) for part in pair] for pair in value.items()]
    return {"$": "dict", "v": pairs}


def _tagged(tag: str, value: Any, weight: _Weight) -> Any:
    """Return the value as text with its tag, or its repr where the other side would refuse it."""
    try:
        text = _AS_TEXT[_TAGGED.get(tag, type(value))](value)
        _check_text(tag, text)
    except ValueError:
        return _opaque(value, weight)
    weight.add(2)
    return {"$": tag, "v": text}


def _opaque(value: Any, weight: _Weight) -> Any:
    weight.add(3)
    return {"$": "opaque", "type": type(value).__name__, "v": short_repr(value)}


def _decode(data: Any, depth: int, weight: _Weight) -> Any:
    if depth > 3 * MAX_DEPTH:
        raise ValueError("The data is nested too deep.")
    if isinstance(data, list):
        return _decode_all(data, depth, weight)
    if not isinstance(data, dict):
        return data
    weight.add(len(data))
    if "$" not in data:
        return {
            key: item if type(item) in _SCALARS else _decode(item, depth + 1, weight)
            for key, item in data.items()
        }
    tag, inner = data["$"], data.get("v")
    if not isinstance(tag, str):
        raise ValueError("A tag is text.")
    if tag == "dict":
        if not isinstance(inner, list) or not all(
            isinstance(pair, list) and len(pair) == 2 for pair in inner
        ):
            raise ValueError("A dict needs pairs.")
        weight.add(3 * len(inner))
        keys = _decode_keys([key for key, _ in inner], depth + 1, weight)
        return dict(zip(keys, (_decode(item, depth + 1, weight) for _, item in inner), strict=True))
    if tag in _CONTAINERS:
        if not isinstance(inner, list):
            raise ValueError(f"A {tag} needs a list.")
        if tag == "tuple":
            return tuple(_decode_all(inner, depth, weight))
        weight.add(len(inner))
        return _CONTAINERS[tag](_decode_keys(inner, depth + 1, weight))
    if not isinstance(inner, str):
        raise ValueError("A tagged value needs text.")
    if tag == "opaque":
        kind = data.get("type")
        kind = kind[:200] if isinstance(kind, str) else "object"
        return Opaque(kind, inner[: REPR_KEPT + 100])
    if tag not in _FROM_TEXT:
        raise ValueError("Unknown tag.")
    _check_text(tag, inner)
    try:
        return _FROM_TEXT[tag](inner)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"Not a {tag}: {error}") from None


def _decode_all(items: list[Any], depth: int, weight: _Weight) -> list[Any]:
    weight.add(len(items))
    return [item if type(item) in _SCALARS else _decode(item, depth + 1, weight) for item in items]


def _decode_keys(items: list[Any], depth: int, weight: _Weight) -> list[Any]:
    """Return what is to become keys, once it is sure that a table takes them quickly."""
    keys, sizes = [], []
    for item in items:
        before = weight.items
        keys.append(_decode(item, depth, weight))
        sizes.append(weight.items - before + 1)
    weight.check(keys, sizes)
    return keys


def _check_text(tag: str, text: str) -> None:
    """Refuse text that `encode` does not write, before a constructor reads it in its own way."""
    most, shape = _SHAPES.get(tag, (None, None))
    if most is not None and len(text) > most:
        raise ValueError(f"Too long for a {tag}.")
    if shape is not None and not shape.fullmatch(text):
        raise ValueError(f"Not a {tag}.")


def _is_text(value: str) -> bool:
    """Lone surrogates are legal in a str and not in JSON's UTF-8."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _timedelta_text(value: datetime.timedelta) -> str:
    return f"{value.days},{value.seconds},{value.microseconds}"


def _timedelta(text: str) -> datetime.timedelta:
    days, seconds, microseconds = (int(part) for part in text.split(","))
    return datetime.timedelta(days, seconds, microseconds)


def _complex_text(value: complex) -> str:
    return f"{value.real!r},{value.imag!r}"


def _complex(text: str) -> complex:
    real, imag = text.split(",")
    return complex(float(real), float(imag))


_AS_TEXT: dict[type, Any] = {
    bytes: _base64,
    bytearray: _base64,
    complex: _complex_text,
    datetime.datetime: datetime.datetime.isoformat,
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
    datetime.timedelta: _timedelta_text,
    decimal.Decimal: str,
    float: repr,
    fractions.Fraction: str,
    int: hex,
    pathlib.PurePath: str,
    str: lambda text: text.encode("utf-8", "surrogatepass").hex(),
    uuid.UUID: str,
}
_TAGGED: dict[str, type] = {"path": pathlib.PurePath}

_SCALARS = frozenset({str, int, float, bool, type(None)})
_RANDOM = frozenset({str, bytes, Opaque, datetime.date, pathlib.PurePosixPath})
_CONTAINERS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}

_FROM_TEXT: dict[str, Any] = {
    "text": lambda text: bytes.fromhex(text).decode("utf-8", "surrogatepass"),
    "int": lambda text: int(text, 16),
    "float": float,
    "bytes": lambda text: base64.b64decode(text, validate=True),
    "bytearray": lambda text: bytearray(base64.b64decode(text, validate=True)),
    "complex": _complex,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": _timedelta,
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "UUID": uuid.UUID,
    "path": pathlib.PurePosixPath,
}

_FLOAT = r"-?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,3})?|inf|nan)"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?"
_TIME = rf"{_CLOCK}(?:[+-][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{6}})?)?)?"

# Of each tag: the longest text, and its shape. Python reads no decimal integer of more than 4,300
# digits, and a Decimal with a large exponent is as large an integer one `int()` later.
_SHAPES: dict[str, tuple[int | None, re.Pattern[str] | None]] = {
    "text": (None, re.compile(r"[0-9a-f]*")),
    "int": (1_000_000, re.compile(r"-?0x[0-9a-f]+")),
    "float": (60, re.compile(_FLOAT)),
    "complex": (60, re.compile(f"{_FLOAT},{_FLOAT}")),
    "datetime": (60, re.compile(f"{_DATE}T{_TIME}")),
    "date": (10, re.compile(_DATE)),
    "time": (60, re.compile(_TIME)),
    "timedelta": (30, re.compile(r"-?[0-9]{1,9},[0-9]{1,5},[0-9]{1,6}")),
    "Decimal": (
        10_000,
        re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?(?:E[+-][0-9]{1,6})?|Infinity|s?NaN[0-9]*)"),
    ),
    "Fraction": (8_700, re.compile(r"-?[0-9]{1,4300}(?:/[0-9]{1,4300})?")),
    "UUID": (36, re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    "path": (16_384, None),
}
