"""Expressions and equations, by mpmath: read as arithmetic, so that no code of anybody is run."""

from __future__ import annotations

import ast
import math as exact
import operator
import re
import warnings
from collections.abc import Callable
from typing import Any

import mpmath  # type: ignore[import-untyped]
from smolterm.pack import ToolError

LONGEST = 1000
"""Characters of an expression."""
MOST_BITS = 100_000
"""Of a whole number: about 30,000 digits."""
LARGEST_POWER = 30
"""Bits of an exponent, and of what grows as one."""
LARGEST_ANGLE = 1000
"""Bits of what a function takes: to turn a larger one into an angle takes ever longer."""
SAMPLES = 1000
DEEPEST = 100
NOTHING = 1e-25
"""What counts as zero where a function only touches it."""

NAMES = {"pi": mpmath.pi, "π": mpmath.pi, "e": mpmath.e, "tau": 2 * mpmath.pi, "phi": mpmath.phi}
GROWING = {"exp", "sinh", "cosh", "tanh", "gamma", "factorial", "binomial", "erf"}
ANY_SIZE = {"sqrt", "cbrt", "log", "ln", "log10", "log2", "abs", "min", "max", "sum"}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": mpmath.sqrt,
    "cbrt": mpmath.cbrt,
    "exp": mpmath.exp,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    "atan2": mpmath.atan2,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "asinh": mpmath.asinh,
    "acosh": mpmath.acosh,
    "atanh": mpmath.atanh,
    "gamma": mpmath.gamma,
    "erf": mpmath.erf,
    "floor": mpmath.floor,
    "ceil": mpmath.ceil,
    "degrees": mpmath.degrees,
    "radians": mpmath.radians,
    "factorial": mpmath.factorial,
    "binomial": mpmath.binomial,
    "hypot": mpmath.hypot,
    "log": mpmath.log,
    "ln": mpmath.log,
    "log10": mpmath.log10,
    "log2": lambda value: mpmath.log(value, 2),
    "abs": abs,
    "round": lambda value, places=0: _rounded(value, places),
    "min": min,
    "max": max,
    "sum": lambda *values: sum(values),
    "gcd": lambda *values: exact.gcd(*map(_whole, values)),
    "lcm": lambda *values: exact.lcm(*map(_whole, values)),
}
OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.FloorDiv: lambda left, right: left // right if _exact(left, right) else _floor(left, right),
    ast.Div: lambda left, right: (
        left // right if _exact(left, right) and left % right == 0 else mpmath.mpf(left) / right
    ),
}


def evaluated(expression: str, variables: dict[str, float] | None, digits: int) -> tuple[str, Any]:
    """Return what an expression comes to: written out, and as a number where it fits one."""
    with mpmath.workdps(digits + 5):
        value = _value(_parsed(expression), _numbers(variables))
        text = str(value) if isinstance(value, int) else mpmath.nstr(value, digits)
        return text.removesuffix(".0"), _number(value)


def solved(equation: str, unknown: str, low: float, high: float) -> list[float]:
    """Return where the sides of an equation are the same."""
    with mpmath.workdps(40):
        left, equals, right = equation.partition("=")
        tree = _parsed(f"({left}) - ({right.lstrip('=')})" if equals else equation)
        if not any(isinstance(node, ast.Name) and node.id == unknown for node in ast.walk(tree)):
            raise ToolError(f"There is no {unknown} in the equation.", next="Name `unknown`.")
        return _roots(lambda value: _value(tree, {unknown: value}), low, high)


def _parsed(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise ToolError(f"The expression is longer than {LONGEST} characters.")
    written = expression.strip().replace("^", "**").replace("×", "*").replace("÷", "/")
    # A parser that is called by itself once for each has an end.
    if written.count("(") + written.count("[") > DEEPEST or written.count("-") > DEEPEST:
        raise ToolError(f"The expression has more than {DEEPEST} parentheses or signs.")
    try:
        with warnings.catch_warnings():
            # Such as "1if": told below, as an error.
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(written, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ToolError(
            f"{expression[:100]!r} is no expression.", next="Write it as '2 * (3 + x) / sqrt(5)'."
        ) from None
    if re.search(r"e[+-]?\d{5}", written, re.IGNORECASE):
        raise ToolError("An exponent in it is too large.")
    for node in ast.walk(tree):
        # The digits as written: a float would have rounded them.
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            digits = ast.get_source_segment(written, node) or "0"
            node.value = mpmath.mpf(digits.replace("_", ""))
    return tree


def _value(node: ast.expr, known: dict[str, Any]) -> Any:
    """Work out one node; what is none of arithmetic is refused."""
    try:
        value = _worked_out(node, known)
    except ZeroDivisionError:
        raise ToolError("It divides by zero.") from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ToolError(f"It cannot be worked out: {error}.") from None
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ToolError("A number in it is too large.")
    if not isinstance(value, int) and abs(_bits(value)) > MOST_BITS:
        raise ToolError("A number in it is too large, or too near to zero.")
    return value


def _worked_out(node: ast.expr, known: dict[str, Any]) -> Any:
    match node:
        case ast.Constant(value=bool()):
            raise ToolError("True and False are no numbers.")
        case ast.Constant(value=int() as number):
            return number
        case ast.Constant(value=mpmath.mpf() as number):
            return number
        case ast.Name(id=name):
            if name in known or name in NAMES:
                return known[name] if name in known else +NAMES[name]
            raise ToolError(f"{name!r} is not known.", next="Give its value in `variables`.")
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, known)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner, known)
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            return _power(_value(left, known), _value(right, known))
        case ast.BinOp(op=kind, left=left, right=right) if type(kind) in OPERATORS:
            return OPERATORS[type(kind)](_value(left, known), _value(right, known))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            values = [_value(arg, known) for arg in args]
            most = LARGEST_POWER if name in GROWING else LARGEST_ANGLE
            if name not in ANY_SIZE and any(_bits(value) > most for value in values):
                raise ToolError("A number in it is too large.")
            if name == "factorial" and isinstance(values[0], int) and 0 <= values[0] <= 5000:
                return exact.factorial(values[0])
            return FUNCTIONS[name](*values)
        case ast.Call(func=ast.Name(id=name)):
            raise ToolError(f"The function {name!r} is not known.")
        case _:
            raise ToolError(f"{ast.unparse(node)[:80]!r} is no arithmetic.")


def _power(base: Any, exponent: Any) -> Any:
    if _bits(exponent) > LARGEST_POWER:
        raise ToolError("An exponent in it is too large.")
    if _exact(base, exponent) and exponent >= 0:
        if base.bit_length() * exponent > MOST_BITS:
            return mpmath.mpf(base) ** exponent
        return base**exponent
    return mpmath.mpmathify(base) ** exponent


def _bits(value: Any) -> float:
    """Return how many bits stand before the point; less than none for what is near zero."""
    return float(mpmath.mag(value)) if value and mpmath.isfinite(value) else 0.0


def _exact(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)


def _floor(left: Any, right: Any) -> Any:
    return mpmath.floor(mpmath.mpf(left) / right)


def _rounded(value: Any, places: Any) -> Any:
    if abs(places) > LARGEST_ANGLE:
        raise ToolError(f"`round` takes at most {LARGEST_ANGLE} places.")
    scale = mpmath.mpf(10) ** int(places)
    return mpmath.nint(value * scale) / scale


def _whole(value: Any) -> int:
    if value != int(value):
        raise ToolError(f"{mpmath.nstr(value, 10)} is no whole number.")
    return int(value)


def _numbers(variables: dict[str, float] | None) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int) else mpmath.mpf(repr(value))
        for name, value in (variables or {}).items()
    }


def _number(value: Any) -> float | int | None:
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    try:
        found = float(value)
    except (TypeError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def _roots(function: Callable[[Any], Any], low: float, high: float) -> list[float]:
    """Find where a function is zero: between two signs, or where it comes near and turns."""
    step = (mpmath.mpf(high) - low) / SAMPLES
    points = [low + step * number for number in range(SAMPLES + 1)]
    values = [_real(function, point) for point in points]
    found: list[float] = []
    for number, (point, value) in enumerate(zip(points, values, strict=True)):
        near = [*values[max(0, number - 1) : number], *values[number + 1 : number + 2]]
        if value == 0:
            found.append(float(point))
        elif number and _signs_differ(values[number - 1], value):
            found.append(_between(function, points[number - 1], point))
        elif value is not None and all(_turns(value, other) for other in near):
            found += _touching(function, point, step)
    kept: list[float] = []
    for root in sorted(found):
        if not kept or root - kept[-1] > abs(float(step)) / 100:
            kept.append(root)
    return kept[:50]


def _real(function: Callable[[Any], Any], point: Any) -> Any:
    """Return the value at a point, None where there is no real one."""
    try:
        value = function(point)
    except ToolError:
        return None
    return None if isinstance(value, mpmath.mpc) else value


def _signs_differ(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left * right < 0


def _turns(value: Any, other: Any) -> bool:
    """Tell whether a value is nearer to zero than the one beside it, on the same side."""
    return other is not None and value * other > 0 and abs(value) <= abs(other)


def _between(function: Callable[[Any], Any], low: Any, high: Any) -> float:
    rising = _real(function, low) < 0
    for _ in range(80):
        middle = (low + high) / 2
        value = _real(function, middle)
        if value is None:
            break
        low, high = (middle, high) if (value < 0) == rising else (low, middle)
    return float((low + high) / 2)


def _touching(function: Callable[[Any], Any], near: Any, step: Any) -> list[float]:
    """Look for a place where the function touches zero without passing it: its lowest point."""
    low, high = near - step, near + step
    for _ in range(150):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        one, other = _real(function, left), _real(function, right)
        if one is None or other is None:
            return []
        low, high = (low, right) if abs(one) < abs(other) else (left, high)
    lowest = _real(function, (low + high) / 2)
    return [float((low + high) / 2)] if lowest is not None and abs(lowest) < NOTHING else []
