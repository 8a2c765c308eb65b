"""Secrets of packs: in the system's keyring, or in an environment variable that the person named.

They are looked up when a pack starts, go to its process over standard input, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from smolterm.errors import MissingExtra, ToolError, UsageError
from smolterm.packs.trust import SecretSource

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

LONGEST = 65_536
"""Characters. A keyring of the system may hold less."""
_NONE = ("keyring.backends.fail", "keyring.backends.null")
"""Keyrings that keep nothing."""


def keyring_name() -> str:
    """Return how the system's keyring is called.

    Raises:
        MissingExtra: there is none.
    """
    found = type(_keyring())
    return f"{found.__module__}.{found.__qualname__}"


def store(pack: str, name: str, value: str) -> None:
    """Keep a secret in the keyring.

    Raises:
        UsageError: it is empty or too long, or the keyring did not take it.
    """
    if not value.strip() or len(value) > LONGEST or "\0" in value:
        raise UsageError("The secret is empty or too long.", kept="Nothing was stored.")
    ring = _keyring()
    try:
        ring.set_password(_service(pack), name, value)
        kept = ring.get_password(_service(pack), name)
    except Exception as error:  # noqa: BLE001 - each keyring has exceptions of its own
        raise _refused(error) from None
    if kept != value:
        raise UsageError("The keyring did not keep the secret.", next=_variable_hint(pack, name))


def forget(pack: str, name: str) -> None:
    """Remove a secret from the keyring; it need not be there.

    Raises:
        UsageError: the keyring cannot be used.
    """
    ring = _keyring()
    try:
        if ring.get_password(_service(pack), name) is not None:
            ring.delete_password(_service(pack), name)
    except Exception as error:  # noqa: BLE001 - each keyring has exceptions of its own
        raise _refused(error) from None


def look_up(
    pack: str,
    names: Iterable[str],
    sources: Mapping[str, SecretSource],
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the values of those secrets that the person stored; may block on the keyring.

    Raises:
        ToolError: one is not where the person said; never says what it is.
    """
    found: dict[str, str] = {}
    for name in names:
        source = sources.get(name)
        if source is None:
            continue
        value = _value(pack, name, source, environ)
        if not value:
            where = f"the variable {source.variable}" if source.variable else "the keyring"
            raise ToolError(
                f"The secret {name} of the pack {pack} is not in {where}.",
                next=f"Store it again: smolterm packs secret {pack} {name}.",
            )
        found[name] = value
    return found


def _value(pack: str, name: str, source: SecretSource, environ: Mapping[str, str]) -> str | None:
    if source.variable:
        return environ.get(source.variable)
    try:
        return _keyring().get_password(_service(pack), name)
    except UsageError as error:
        raise ToolError(error.what, next=_variable_hint(pack, name)) from None
    except Exception as error:  # noqa: BLE001 - each keyring has exceptions of its own
        raise ToolError(_refused(error).what) from None


def _keyring() -> KeyringBackend:
    """Return the system's keyring; the library is imported here alone.

    Raises:
        MissingExtra: there is none that keeps anything.
    """
    try:
        import keyring
    except ImportError:
        raise MissingExtra(
            "The package keyring is not installed.", next="pip install keyring."
        ) from None
    try:
        found = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - what the person's own configuration names
        raise _refused(error) from None
    inner = getattr(found, "backends", None)
    if type(found).__module__ in _NONE or (inner is not None and not inner):
        raise MissingExtra(
            "This system has no keyring that smolterm can use.",
            next="Name an environment variable instead: "
            "smolterm packs secret NAME KEY --variable VARIABLE.",
        )
    return found


def _service(pack: str) -> str:
    return f"smolterm/{pack}"


def _refused(error: Exception) -> UsageError:
    # Its text is the keyring's own, which does not repeat what it was given; cut all the same.
    return UsageError(f"The keyring refused: {type(error).__name__}.")


def _variable_hint(pack: str, name: str) -> str:
    return (
        "Name an environment variable instead: "
        f"smolterm packs secret {pack} {name} --variable VARIABLE."
    )
