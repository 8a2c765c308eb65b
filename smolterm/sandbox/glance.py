"""What a value is, in a few words, without running any of the code's own.

Nothing is asked of a value that its class could answer in its own way: what a class is made of is
read as the interpreter reads it, values of builtin classes (and of classes made from them) by the
builtin's own methods. Of the libraries named below, attributes are read as well. Costs as much as
what is returned is long.

Runs inside the sandbox, so it needs nothing but the standard library.
"""

import collections
import datetime
import decimal
import fractions
import itertools
import pathlib
import sys
import types
import uuid
from typing import Any

MOST_GLANCE = 100
"""Characters."""
MOST_LOOKED_AT = 12
"""Items of one container."""
MOST_BITS = 512
MOST_SIZE = 4_000
"""Bytes of a number or path that is written out."""
DATA_LIBRARIES = frozenset({"numpy", "pandas", "polars"})

_class_name = type.__dict__["__name__"].__get__
_class_module = type.__dict__["__module__"].__get__
_class_order = type.__dict__["__mro__"].__get__
_class_dict = type.__dict__["__dict__"].__get__
_module_dict: Any = vars(types.ModuleType)["__dict__"].__get__

_HOLDERS = (list, tuple, dict, set, frozenset, collections.deque)
_BUILTINS = frozenset({bool, int, float, complex, str, bytes, bytearray, range, *_HOLDERS})
_SIZED = frozenset({str, bytes, bytearray, range, *_HOLDERS})
_SHORT = frozenset({type(None), bool, float, complex, type(...), type(NotImplemented)})
_WRITTEN = (
    datetime.date, datetime.timedelta, decimal.Decimal, fractions.Fraction, pathlib.PosixPath,
    pathlib.PurePosixPath, uuid.UUID,
)  # fmt: skip
_BRACKETS: dict[Any, tuple[str, str]] = {
    list: ("[", "]"), tuple: ("(", ")"), dict: ("{", "}"), set: ("{", "}"),
    frozenset: ("{", "}"), collections.deque: ("[", "]"),
}  # fmt: skip


def class_name(value: object) -> str:
    """Return the name of a value's class."""
    name: str = _class_name(type(value))
    return name


def builtin_of(kind: type) -> type | None:
    """Return the builtin class that a class is or is made from."""
    for one in _class_order(kind):
        # A class of classes could have a hash or an equality of its own.
        if type(one) is type and one in _BUILTINS:
            return one
    return None


def library_of(kind: type) -> str:
    """Return which of the known libraries a class comes from."""
    module = _class_module(kind)
    if type(module) is not str:
        return ""
    name = module.partition(".")[0]
    return name if name in DATA_LIBRARIES and name in sys.modules else ""


def attributes_of(value: object) -> dict[str, Any]:
    """Return an object's own attributes, the very dict; empty where it has none."""
    for kind in _class_order(type(value)):
        slot = _class_dict(kind).get("__dict__")
        if type(slot) is types.GetSetDescriptorType:
            found: dict[str, Any] = slot.__get__(value)
            return found
    return {}


def found_in_class(kind: type, name: str) -> Any:
    """Return what a class or one that it is made from has under a name; None: nothing."""
    for owner in _class_order(kind):
        held = _class_dict(owner)
        if name in held:
            return held[name]
    return None


def length_of(value: Any) -> int | None:
    base: Any = builtin_of(type(value))
    if base not in _SIZED:
        return None
    length: int = base.__len__(value)
    return length


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of what a known library made."""
    if not library_of(type(value)):
        return None
    shape = getattr(value, "shape", None)
    if type(shape) is tuple and len(shape) <= 8 and all(type(one) is int for one in shape):
        return shape
    return None


def size_of(value: Any) -> str:
    """Return shape or length, as a person reads it; "" where there is none."""
    length = length_of(value)
    if length is not None:
        return f"{length:,}"
    return " \N{MULTIPLICATION SIGN} ".join(f"{one:,}" for one in shape_of(value) or ())


def glance(value: object, most: int = MOST_GLANCE, depth: int = 2) -> str:
    """Return the start of a value in one line; "" where nothing can be said of it."""
    try:
        text = _written(value, most, depth)
    except Exception:  # noqa: BLE001  what cannot be read is not shown
        return ""
    return cut(text, most)


def cut(text: str, most: int) -> str:
    """Return a line of at most so many characters."""
    if len(text) > most:
        text = text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else "\N{MIDDLE DOT}" for one in text)


def _written(value: Any, most: int, depth: int) -> str:
    kind = type(value)
    if type(kind) is type and kind in _SHORT:
        return repr(value)
    base = builtin_of(kind)
    if base is int and (kind is int or found_in_class(kind, "_member_map_") is None):
        return _integer(value)
    if base is float:
        return float.__repr__(value)
    if base is str or base is bytes or base is bytearray:
        start = base.__getitem__(value, slice(0, most))
        more = "\N{HORIZONTAL ELLIPSIS}" if base.__len__(value) > most else ""
        return repr(start) + more
    if base is range:
        return repr(value)
    if base in _HOLDERS:
        return _container(value, base, most, depth)
    if any(kind is one for one in _WRITTEN):
        return str(value) if sys.getsizeof(value) < MOST_SIZE else ""
    if kind is datetime.datetime or kind is datetime.time:
        zone = value.tzinfo
        return str(value) if zone is None or type(zone) is datetime.timezone else ""
    if kind is types.FunctionType:
        return signature_of(value)
    if issubclass(kind, type):
        bases = ", ".join(_class_name(base) for base in type.__dict__["__bases__"].__get__(value))
        return f"class {_class_name(value)}({bases})"
    if kind is types.ModuleType:
        name = _module_dict(value).get("__name__")
        return f"module {name}" if type(name) is str else "module"
    if kind is types.BuiltinFunctionType:
        return f"{value.__name__}(\N{HORIZONTAL ELLIPSIS})"
    if library_of(kind):
        return _made_by_library(value, most)
    return _object(value, kind, most, depth)


def _integer(value: int) -> str:
    bits = int.bit_length(value)
    return int.__repr__(value) if bits <= MOST_BITS else f"an integer of {bits:,} bits"


def signature_of(function: types.FunctionType) -> str:
    """Return a function's name and the names of what it takes."""
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = list(code.co_varnames[: min(count, MOST_LOOKED_AT)])
    if code.co_flags & 4:
        names.append("*" + code.co_varnames[count])
        count += 1
    if code.co_flags & 8:
        names.append("**" + code.co_varnames[count])
    return f"{function.__name__}({', '.join(names)})"


def _container(value: Any, base: Any, most: int, depth: int) -> str:
    fields = field_names(type(value)) if base is tuple else ()
    if fields:
        pairs = zip(fields, tuple.__iter__(value), strict=False)
        return _named(class_name(value), pairs, tuple.__len__(value), most, depth)
    prefix = "" if type(value) in (list, tuple, dict, set) else class_name(value)
    length = base.__len__(value)
    opening, closing = _BRACKETS[base]
    if prefix:
        opening, closing = f"{prefix}({opening}", f"{closing})"
    elif not length and base is set:
        return "set()"
    if depth <= 0 and length:
        return f"{opening}\N{HORIZONTAL ELLIPSIS}{closing}"
    items = base.items(value) if base is dict else base.__iter__(value)
    parts, room = [], most - len(opening)
    for item in itertools.islice(items, MOST_LOOKED_AT):
        if base is dict:
            key = _written(item[0], room, depth - 1)
            part = f"{key}: {_written(item[1], max(room - len(key), 1), depth - 1)}"
        else:
            part = _written(item, room, depth - 1)
        parts.append(part)
        room -= len(part) + 2
        if room <= 0:
            break
    if len(parts) < length:
        parts.append("\N{HORIZONTAL ELLIPSIS}")
    comma = "," if base is tuple and length == 1 else ""
    return f"{opening}{', '.join(parts)}{comma}{closing}"


def _named(name: str, pairs: Any, length: int, most: int, depth: int) -> str:
    if depth <= 0 and length:
        return f"{name}(\N{HORIZONTAL ELLIPSIS})"
    parts, room = [], most - len(name)
    for key, item in itertools.islice(pairs, MOST_LOOKED_AT):
        part = f"{str.__getitem__(key, slice(0, 80))}={_written(item, room, depth - 1)}"
        parts.append(part)
        room -= len(part) + 2
        if room <= 0:
            break
    if len(parts) < length:
        parts.append("\N{HORIZONTAL ELLIPSIS}")
    return f"{name}({', '.join(parts)})"


def _object(value: Any, kind: type, most: int, depth: int) -> str:
    held = attributes_of(value)
    if found_in_class(kind, "_member_map_") is not None and type(held.get("_name_")) is str:
        return f"{_class_name(kind)}.{held['_name_']}"
    fields = field_names(kind) or [
        key for key in itertools.islice(held, 2 * MOST_LOOKED_AT) if type(key) is str
    ]
    pairs = [(key, field_of(value, key)) for key in fields[: MOST_LOOKED_AT + 1] if key[:1] != "_"]
    if not pairs:
        return ""
    return _named(_class_name(kind), pairs, len(pairs), most, depth)


def field_names(kind: type) -> list[str]:
    """Return the fields of a named tuple or a data class."""
    for name in ("_fields", "__dataclass_fields__"):
        fields = found_in_class(kind, name)
        if type(fields) in (tuple, dict):
            return [one for one in itertools.islice(fields, 100) if type(one) is str]
    return []


def field_of(value: Any, name: str) -> Any:
    """Return an attribute that lies in the object itself, in its dict or in a slot; else None."""
    held = attributes_of(value)
    if name in held:
        return held[name]
    slot = found_in_class(type(value), name)
    if type(slot) is types.MemberDescriptorType:
        try:
            return slot.__get__(value)
        except AttributeError:
            return None
    return None


def _made_by_library(value: Any, most: int) -> str:
    columns = getattr(value, "columns", None)
    if columns is not None:
        return ", ".join(label(one) for one in first_of(columns, MOST_LOOKED_AT))
    shape = shape_of(value)
    if shape == ():
        return _written(value.item(), most, 0)
    for taken in ("flat", "iloc", "head"):
        if hasattr(value, taken):
            way = getattr(value, taken)
            start = way(MOST_LOOKED_AT) if taken == "head" else way[:MOST_LOOKED_AT]
            parts = [_written(one, most, 0) for one in listed(start)]
            if shape and shape != (len(parts),):
                parts.append("\N{HORIZONTAL ELLIPSIS}")
            return f"[{', '.join(parts)}]"
    return ""


def listed(value: Any) -> list[Any]:
    """Return a library's one-dimensional values as a list."""
    if type(value) is list:
        return value
    made = value.tolist() if hasattr(value, "tolist") else value.to_list()
    return made if type(made) is list else [made]


def first_of(value: Any, count: int) -> list[Any]:
    return listed(value[:count])


def label(value: object) -> str:
    """Return the name of a column."""
    return value if type(value) is str else _written(value, 40, 1)
