"""What the variables are after a cell, and which of them it made or changed.

Whether one changed is told by which object it is and by a fingerprint of what lies near its
surface: numbers and short text as they are, of containers and plain objects how long they are and
which objects they hold first and last, of arrays some numbers from all over. A change deeper than
that, in the middle of what is long, or in place in a data frame is not seen.

Runs inside the sandbox, so it needs nothing but the standard library.
"""

import itertools
import sys
import types
from typing import Any

from smolterm.sandbox.glance import (  # fmt: skip
    MOST_BITS,
    attributes_of,
    builtin_of,
    class_name,
    cut,
    first_of,
    glance,
    label,
    library_of,
    shape_of,
    size_of,
)
from smolterm.sandbox.tables import has_rows

MOST_DESCRIBED = 300
MOST_VARIABLE_NAME = 200
MOST_MARKED = 64
"""Items at each end of a container that its fingerprint covers."""
MOST_KEPT_TEXT = 200

_class_module_of = type.__dict__["__module__"].__get__
_name_space_of: Any = vars(types.ModuleType)["__dict__"].__get__
_PLAIN = frozenset({bool, float, complex, type(None)})
_NUMBERS = frozenset("biufc")


class Variables:
    """The variables as they were told last."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[Any, ...]] = {}

    def describe(self, names: list[str], space: dict[str, Any]) -> list[list[Any]]:
        """Return [name, class, size, glance, change, rows] of the newest of these variables."""
        before, self._told = self._told, {}
        found = []
        for name in names[-MOST_DESCRIBED:]:
            value = space.get(name)
            if len(name) > MOST_VARIABLE_NAME or not is_own(value, space):
                continue
            mark = _mark(value)
            last = before.get(name)
            if last is not None and last[0] == mark:
                self._told[name] = last
                found.append([name, *last[1], "", last[2]])
                continue
            words = class_name(value), _safely(size_of, value, ""), glance(value)
            rows = _safely(has_rows, value, False)
            self._told[name] = mark, words, rows
            found.append([name, *words, "new" if last is None else "changed", rows])
        return found


def is_own(value: Any, space: dict[str, Any]) -> bool:
    """Whether the code made it: what it only imported is not."""
    kind = type(value)
    if kind is types.ModuleType:
        name = _name_space_of(value).get("__name__")
        return not (type(name) is str and sys.modules.get(name) is value)
    if kind is types.FunctionType:
        return value.__globals__ is space
    if kind is types.BuiltinFunctionType:
        return False
    # What typing and __future__ have are no classes.
    module = _class_module_of(value if issubclass(kind, type) else kind)
    if issubclass(kind, type):
        return type(module) is str and module == "__main__"
    return not (type(module) is str and module in ("typing", "__future__"))


def _safely(ask: Any, value: Any, otherwise: Any) -> Any:
    try:
        return ask(value)
    except Exception:  # noqa: BLE001  what cannot be read is not described
        return otherwise


def _mark(value: Any) -> tuple[Any, ...]:
    """Return what differs when the value does; of numbers and text only, and small."""
    return id(type(value)), id(value), _safely(_fingerprint, value, None)


def _fingerprint(value: Any) -> Any:
    kind = type(value)
    if type(kind) is type and kind in _PLAIN:
        # Not itself: a number that is none equals nothing.
        return repr(value)
    base: Any = builtin_of(kind)
    if base is int:
        return int.__repr__(value) if int.bit_length(value) <= MOST_BITS else None
    if base in (str, bytes, bytearray):
        length = base.__len__(value)
        if length <= MOST_KEPT_TEXT:
            return base.__getitem__(value, slice(None))
        ends = slice(0, MOST_MARKED), slice(-MOST_MARKED, None)
        return length, *(bytes(part) if base is bytearray else part
                         for part in (base.__getitem__(value, end) for end in ends))  # fmt: skip
    if base is list or base is tuple:
        length = base.__len__(value)
        held = base.__getitem__(value, slice(0, MOST_MARKED))
        if length > MOST_MARKED:
            held = [*held, *base.__getitem__(value, slice(-MOST_MARKED, None))]
        return length, _which(held)
    if base is dict:
        keys = itertools.islice(dict.keys(value), 2 * MOST_MARKED)
        values = itertools.islice(dict.values(value), 2 * MOST_MARKED)
        return dict.__len__(value), _which([*keys, *values])
    if base is not None and base is not range:
        return base.__len__(value), _which(itertools.islice(base.__iter__(value), 2 * MOST_MARKED))
    if library_of(kind):
        return _array_mark(value)
    return _which(itertools.islice(dict.values(attributes_of(value)), MOST_MARKED))


def _which(items: Any) -> int:
    """Return a number for which objects these are, and how long those among them are that grow."""
    return hash(tuple([
        (id(one), len(one)) if (kind := type(one)) is list or kind is dict or kind is set
        else id(one)
        for one in items
    ]))  # fmt: skip


def _array_mark(value: Any) -> Any:
    shape = shape_of(value)
    columns = getattr(value, "columns", None)
    if columns is not None:
        return shape, *(cut(label(one), 80) for one in first_of(columns, MOST_MARKED))
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "kind", "") in _NUMBERS and hasattr(value, "flat"):
        step = max(1, value.size // MOST_MARKED)
        return shape, repr(value.flat[::step].tolist())
    return shape
