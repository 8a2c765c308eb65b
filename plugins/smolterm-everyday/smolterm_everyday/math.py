"""Math: expressions, equations and figures."""

from __future__ import annotations

import math
import statistics

from smolterm.pack import ToolError, tool


@tool
def evaluate_math(
    expression: str, variables: dict[str, float] | None = None, digits: int = 15
) -> dict[str, object]:
    """Work out a mathematical expression exactly or to many digits.

    Args:
        expression: such as "2^100", "sqrt(2) * sin(pi / 6)", "3 * x^2 + 1". Whole numbers stay
            exact. Known: + - * / // % ^ ( ), pi, e, tau, sqrt, cbrt, exp, ln, log10, log2, sin ...
            atanh, floor, ceil, round, abs, min, max, factorial, binomial, gcd, lcm, degrees,
            radians, hypot, gamma, erf.
        variables: such as {"x": 1.5}.
        digits: 2 to 1,000 that count.

    Returns:
        {"text": "1267650600228229401496703205376", "number": 1.2676506002282294e+30}; `number` is
        None where it is too large or complex.

    Example:
        print(evaluate_math("sqrt(2)", digits=50)["text"])
    """
    # mpmath takes a while to load: only who reckons waits for it.
    from smolterm_everyday.arithmetic import evaluated

    text, number = evaluated(expression, variables, max(2, min(digits, 1000)))
    return {"text": text, "number": number}


@tool
def solve_equation(
    equation: str, unknown: str = "x", low: float = -100, high: float = 100
) -> list[float]:
    """Find the real solutions of an equation in one unknown, by numbers, within a range.

    Args:
        equation: such as "x^2 - 2 = 0" or "cos(x) = x"; as in evaluate_math.
        unknown: the name of what is looked for.
        low: where to begin to look.
        high: where to end.

    Returns:
        The solutions found, smallest first, at most 50; those closer together than a thousandth
        of the range may be missed.

    Example:
        print(solve_equation("x^2 - 2 = 0"))
    """
    from smolterm_everyday.arithmetic import solved

    if not low < high:
        raise ToolError("`low` must be less than `high`.")
    return solved(equation, unknown, low, high)


@tool
def describe_numbers(numbers: list[float]) -> dict[str, object]:
    """Describe numbers: how many, sum, mean, median, spread, quartiles.

    Returns:
        {"count": 4, "sum": 10.0, "mean": 2.5, "median": 2.5, "low": 1.0, "high": 4.0, "deviation":
        1.29 (of a sample), "quartiles": [1.25, 2.5, 3.75], "most_common": [1.0]}; None for what
        needs two numbers at least.

    Example:
        print(describe_numbers([3, 1, 4, 1, 5])["median"])
    """
    if not numbers:
        raise ToolError("There are no numbers.")
    several = len(numbers) > 1
    return {
        "count": len(numbers),
        "sum": math.fsum(numbers),
        "mean": statistics.fmean(numbers),
        "median": statistics.median(numbers),
        "low": min(numbers),
        "high": max(numbers),
        "deviation": statistics.stdev(numbers) if several else None,
        "quartiles": statistics.quantiles(numbers, n=4) if several else None,
        "most_common": statistics.multimode(numbers)[:10],
    }
