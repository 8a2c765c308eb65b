"""What a name or attribute that was begun could be, without running any of the code's own.

Runs inside the sandbox, so it needs nothing but the standard library.
"""

import builtins
import inspect
import types
from typing import Any

MOST_FOUND = 1_000


def complete(text: str, space: dict[str, Any]) -> list[str]:
    """Return the names that begin so, sorted, whole as they would be written.

    Args:
        text: a dotted name, of which the last part is begun.
        space: the variables.
    """
    *owners, start = text.split(".")
    if owners:
        found = _attributes(owners, space)
    else:
        found = {**vars(builtins), **space}
        if not start:
            found = {name: found[name] for name in found if name[:1] != "_"}
    prefix = "".join(f"{owner}." for owner in owners)
    return sorted(
        f"{prefix}{name}{'(' if callable(found[name]) else ''}"
        for name in found
        if type(name) is str and name.startswith(start)
    )[:MOST_FOUND]


def _attributes(owners: list[str], space: dict[str, Any]) -> dict[str, Any]:
    at = space.get(owners[0], vars(builtins).get(owners[0]))
    for name in owners[1:]:
        at = inspect.getattr_static(at, name, None)
        if isinstance(at, (classmethod, staticmethod)):
            at = at.__func__
    found: dict[str, Any] = {}
    # The nearest owner's come last, and win.
    for owner in reversed((at, *type.mro(at if isinstance(at, type) else type(at)))):
        found |= _own(owner)
    return found


def _own(owner: object) -> dict[str, Any]:
    """Return an object's own attributes; asked of the type, as its own code may lie in the way."""
    for kind in type.mro(type(owner)):
        slot = type.__dict__["__dict__"].__get__(kind).get("__dict__")
        if isinstance(slot, (types.GetSetDescriptorType, types.MemberDescriptorType)):
            return dict(slot.__get__(owner))
    return {}
