"""Units of measurement, by Pint."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

from smolterm.pack import ToolError, tool

SAID = {
    "c": "degC",
    "°c": "degC",
    "celsius": "degC",
    "f": "degF",
    "°f": "degF",
    "fahrenheit": "degF",
    "k": "kelvin",
    "mph": "mile/hour",
    "kph": "km/hour",
    "km/h": "km/hour",
    "l/100km": "liter/(100 km)",
    "mpg": "mile/gallon",
    "fl oz": "fluid_ounce",
    "floz": "fluid_ounce",
    "sqm": "m^2",
    "sqft": "ft^2",
}
_SAFE = re.compile(r"[\w°µμΩ²³%\s*/^().+-]{1,100}")
_BIG = re.compile(r"\d{5,}|\*\*|\^\s*\(?-?\d{2,}|\^[^^]*\^")


@tool
def convert_units(amount: float, source: str, target: str) -> dict[str, object]:
    """Convert an amount from one unit to another.

    Args:
        amount: how much.
        source: its unit, such as "mile", "kg", "degF", "mile/hour", "kWh", "cup", "inch".
        target: the unit wanted, of the same kind.

    Returns:
        {"amount": 5.0, "source": "mile", "result": 8.04672, "target": "kilometer"}.

    Example:
        print(convert_units(72, "degF", "degC")["result"])
    """
    before, after = _unit(source), _unit(target)
    from pint import errors

    try:
        found = _registry().Quantity(amount, before).to(after)
    except errors.DimensionalityError:
        raise ToolError(
            f"{source} and {target} measure different things.",
            next="Give two units of the same kind.",
        ) from None
    except errors.OffsetUnitCalculusError:
        raise ToolError(f"{source} cannot be reckoned with so.") from None
    except (OverflowError, ZeroDivisionError):
        raise ToolError("The result is too large to write.") from None
    result = float(found.magnitude)
    if not math.isfinite(result):
        raise ToolError("The result is too large to write.")
    return {
        "amount": amount,
        "source": str(before),
        "result": float(f"{result:.12g}"),
        "target": str(after),
    }


@functools.cache
def _registry() -> Any:
    # It takes a while: only who converts waits for it.
    if not hasattr(os, "getuid"):
        # WASI has no users; the library that finds folders, which Pint imports, asks who it is.
        os.getuid = lambda: 0
    import pint

    registry: Any = pint.UnitRegistry(None)
    registry.load_definitions(list(_definitions("default_en.txt")))
    return registry


def _definitions(name: str) -> Iterator[str]:
    """Yield the lines of Pint's own list of units, with those of the lists that it imports."""
    # Pint would open them as files, which a pack does not have.
    text = (resources.files("pint") / name).read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("@import"):
            yield from _definitions(line.split()[1])
        else:
            yield line


def _unit(text: str) -> Any:
    wanted = SAID.get(text.strip().lower(), text.strip())
    if not _SAFE.fullmatch(wanted) or _BIG.search(wanted):
        raise ToolError(f"{text[:100]!r} is no unit.", next="Write it as 'mile/hour' or 'm^2'.")
    registry = _registry()
    try:
        return registry.Unit(wanted) if not any(map(str.isdigit, wanted)) else _compound(wanted)
    except ToolError:
        raise
    except Exception:  # noqa: BLE001  Its parser raises what comes: tokenize, syntax, its own.
        raise ToolError(
            f"{text!r} is no unit that is known.",
            next="Write its English name, such as 'kilometer', 'ounce', 'fluid_ounce'.",
        ) from None


def _compound(text: str) -> Any:
    """Return a unit that has a number in it, such as `liter/(100 km)` or `m^2`."""
    quantity = _registry().parse_expression(text)
    return quantity.units if getattr(quantity, "magnitude", None) == 1 else quantity
