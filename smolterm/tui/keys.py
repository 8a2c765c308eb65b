"""Which key does what, as it is set now: for help, for hints, and to say what was set wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode

OURS = "smolterm."


@lru_cache(maxsize=128)
def own_bindings(cls: type[DOMNode]) -> tuple[Binding, ...]:
    """Return the bindings that a class of ours declares, its own before those it inherits."""
    found: list[Binding] = []
    for base in cls.__mro__:
        if not base.__module__.startswith(OURS):
            continue
        for binding in base.__dict__.get("BINDINGS", ()):
            made = binding if isinstance(binding, Binding) else Binding(*binding)
            if not any(made.id and made.id == other.id for other in found):
                found.append(made)
    return tuple(found)


def keys_of(binding: Binding, keymap: Mapping[str, str]) -> list[str]:
    """Return the keys that a binding has now."""
    keys = keymap.get(binding.id or "") or binding.key
    return [key.strip() for key in keys.split(",") if key.strip()]


def shown_key(app: App[int], binding: Binding, key: str) -> str:
    """Return a key as people write it."""
    return app.get_key_display(binding.with_key(key, key_display=None))


def wrong_keys(app: App[int], keymap: Mapping[str, str]) -> list[str]:
    """Return a line for everything in a keymap that does not work as it was meant."""
    classes = list(all_classes())
    known = {each.id for cls in classes for each in own_bindings(cls) if each.id}
    problems = [
        f"[keys] names {name}, which is nothing; F1 lists the names"
        for name in keymap
        if name not in known
    ]
    anywhere = {key: each for each in own_bindings(type(app)) for key in keys_of(each, keymap)}
    for cls in classes:
        problems += _clashes(cls, keymap, {} if issubclass(cls, App) else anywhere)
    return list(dict.fromkeys(problems))


def _clashes(
    cls: type[DOMNode], keymap: Mapping[str, str], anywhere: Mapping[str, Binding]
) -> Iterator[str]:
    taken: dict[str, Binding] = {}
    for binding in own_bindings(cls):
        for key in keys_of(binding, keymap):
            other = taken.setdefault(key, binding)
            if other is binding and key in anywhere and anywhere[key].priority:
                other = anywhere[key]
            if other.id != binding.id and {other.id, binding.id} & set(keymap):
                yield f"[keys] gives {key} to both {other.id} and {binding.id}"


def all_classes() -> Iterator[type[DOMNode]]:
    """Yield every widget, screen and app of ours; those not used yet are loaded for that."""
    import importlib
    import pkgutil

    import smolterm.tui

    for module in pkgutil.iter_modules(smolterm.tui.__path__):
        importlib.import_module(f"{smolterm.tui.__name__}.{module.name}")
    seen: set[type[DOMNode]] = set()
    waiting: list[type[DOMNode]] = [DOMNode]
    while waiting:
        cls = waiting.pop()
        for below in cls.__subclasses__():
            if below not in seen:
                seen.add(below)
                waiting.append(below)
                if below.__module__.startswith("smolterm.tui"):
                    yield below
