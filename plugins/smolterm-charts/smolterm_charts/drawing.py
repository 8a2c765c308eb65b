"""Drawing by matplotlib, without its state: each chart is a figure of its own."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from smolterm.pack import ToolError

from smolterm_charts.columns import numbers, places, short, words

LARGEST = 4_000
"""Pixels of one side."""
SMALLEST = 100
DOTS = 100
"""Of an inch, so that sizes are in pixels."""
MOST_LINES = 30
MOST_BARS = 500
MOST_PARTS = 50
MOST_CELLS = 40_000
MOST_BINS = 500
STYLE = {
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
    "axes.axisbelow": True, "figure.autolayout": False, "font.size": 10, "axes.titlesize": 12,
    # A dollar sign in somebody's text is no formula.
    "text.parse_math": False, "text.usetex": False,
}  # fmt: skip

Rows = Sequence[dict[str, object]]
Size = tuple[int, int]


def lines(rows: Rows, x: str, y: Sequence[str], title: str, size: Size) -> bytes:
    """Return what `draw_line_chart` returns."""
    along = places(rows, x)
    columns = {name: numbers(rows, name) for name in _some(y, MOST_LINES)}

    def draw(axes: Any) -> None:
        sign = "o" if len(rows) <= 30 else None
        for name, values in columns.items():
            axes.plot(along, values, label=short(name), marker=sign, markersize=4)
        _named(axes, x, y)

    return _drawn(draw, title, size)


def bars(
    rows: Rows, x: str, y: Sequence[str], title: str, stacked: bool, horizontal: bool, size: Size
) -> bytes:
    """Return what `draw_bar_chart` returns."""
    names = words(rows, x)
    columns = {name: numbers(rows, name) for name in _some(y, MOST_LINES)}
    if len(names) * len(columns) > MOST_BARS:
        raise ToolError(
            f"These are more than {MOST_BARS} bars.", next="Take the largest, or sum some up."
        )

    def draw(axes: Any) -> None:
        bar = axes.barh if horizontal else axes.bar
        thick = "height" if horizontal else "width"
        base, part = ("left" if horizontal else "bottom"), 0.8 / (1 if stacked else len(columns))
        up, down = [0.0] * len(names), [0.0] * len(names)
        for at, (name, values) in enumerate(columns.items()):
            heights = [0.0 if math.isnan(value) else value for value in values]
            moved = 0.0 if stacked else (at - (len(columns) - 1) / 2) * part
            where = [place + moved for place in range(len(names))]
            more: dict[str, Any] = {thick: part}
            if stacked:
                more[base] = [up[i] if v >= 0 else down[i] for i, v in enumerate(heights)]
                up = [total + max(v, 0.0) for total, v in zip(up, heights, strict=True)]
                down = [total + min(v, 0.0) for total, v in zip(down, heights, strict=True)]
            bar(where, heights, label=short(name), **more)
        axis = axes.yaxis if horizontal else axes.xaxis
        axis.set_ticks(range(len(names)), names)
        axis.grid(False)
        if horizontal:
            axes.invert_yaxis()
        elif sum(map(len, names)) > 80:
            axes.tick_params(axis="x", rotation=45)
        _named(axes, x, y, swapped=horizontal)

    return _drawn(draw, title, size)


def points(rows: Rows, x: str, y: str, color: str, title: str, size: Size) -> bytes:
    """Return what `draw_scatter_chart` returns."""
    along, values = places(rows, x), numbers(rows, y)
    shades = places(rows, color) if color else []

    def draw(axes: Any) -> None:
        if shades and isinstance(shades[0], float):
            shown = axes.scatter(along, values, c=shades, s=18, alpha=0.8)
            axes.figure.colorbar(shown, ax=axes, label=short(color))
        else:
            for name in dict.fromkeys(map(str, shades)) or [""]:
                chosen = [at for at in range(len(rows)) if not shades or str(shades[at]) == name]
                axes.scatter(
                    [along[at] for at in chosen], [values[at] for at in chosen], s=18, alpha=0.8,
                    label=short(name),
                )  # fmt: skip
            if 1 < len(set(map(str, shades))) <= MOST_LINES:
                axes.legend(title=short(color))
        axes.set_xlabel(short(x))
        axes.set_ylabel(short(y))

    return _drawn(draw, title, size)


def histogram(values: Sequence[float], bins: int, title: str, label: str, size: Size) -> bytes:
    """Return what `draw_histogram` returns."""
    finite = [float(value) for value in values if math.isfinite(value)]
    if not finite:
        raise ToolError("There are no values.")
    if not 1 <= bins <= MOST_BINS:
        raise ToolError(f"`bins` is a number from 1 to {MOST_BINS}.")

    def draw(axes: Any) -> None:
        axes.hist(finite, bins=bins, edgecolor="white", linewidth=0.5)
        axes.set_xlabel(short(label))
        axes.set_ylabel("count")

    return _drawn(draw, title, size)


def pie(labels: Sequence[str], values: Sequence[float], title: str, size: Size) -> bytes:
    """Return what `draw_pie_chart` returns."""
    if len(labels) != len(values) or not 0 < len(values) <= MOST_PARTS:
        raise ToolError(f"Give 1 to {MOST_PARTS} values, and a label for each.")
    if not all(math.isfinite(value) and value >= 0 for value in values) or not any(values):
        raise ToolError("Parts of a whole are numbers above 0.")

    def draw(axes: Any) -> None:
        axes.pie(
            [float(value) for value in values], labels=[short(label) for label in labels],
            autopct="%1.0f%%", startangle=90, counterclock=False,
        )  # fmt: skip

    return _drawn(draw, title, size)


def heatmap(rows: Rows, x: str, y: str, value: str, title: str, size: Size) -> bytes:
    """Return what `draw_heatmap` returns."""
    across, down, values = words(rows, x), words(rows, y), numbers(rows, value)
    columns, lines = list(dict.fromkeys(across)), list(dict.fromkeys(down))
    if len(columns) * len(lines) > MOST_CELLS:
        raise ToolError(f"These are more than {MOST_CELLS} cells.", next="Sum some up.")
    place = {name: at for at, name in enumerate(columns)}
    line = {name: at for at, name in enumerate(lines)}
    grid = [[math.nan] * len(columns) for _ in lines]
    for at, number in enumerate(values):
        grid[line[down[at]]][place[across[at]]] = number

    def draw(axes: Any) -> None:
        shown = axes.imshow(grid, aspect="auto", interpolation="nearest")
        axes.figure.colorbar(shown, ax=axes, label=short(value))
        axes.grid(False)
        _every(axes.xaxis, columns, 20)
        _every(axes.yaxis, lines, 20)
        axes.tick_params(axis="x", rotation=45)
        axes.set_xlabel(short(x))
        axes.set_ylabel(short(y))

    return _drawn(draw, title, size)


def _drawn(draw: Callable[[Any], None], title: str, size: Size) -> bytes:
    """Return a figure as PNG.

    Args:
        draw: draws on the axes that it is given.
    """
    if not all(SMALLEST <= side <= LARGEST for side in size):
        raise ToolError(f"`width` and `height` are {SMALLEST} to {LARGEST} pixels.")
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():  # type: ignore[arg-type]
        # Signs that no font has are drawn as boxes.
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(size[0] / DOTS, size[1] / DOTS), dpi=DOTS, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        draw(axes)
        if title:
            axes.set_title(short(title))
        target = io.BytesIO()
        figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _some(names: Sequence[str], most: int) -> Sequence[str]:
    if not 0 < len(names) <= most:
        raise ToolError(f"Name 1 to {most} columns in `y`, as a list.")
    return names


def _named(axes: Any, x: str, y: Sequence[str], *, swapped: bool = False) -> None:
    """Name the axes; a legend tells several columns apart."""
    along, up = (
        (axes.set_ylabel, axes.set_xlabel) if swapped else (axes.set_xlabel, axes.set_ylabel)
    )
    along(short(x))
    if len(y) > 1:
        axes.legend()
    else:
        up(short(y[0]))


def _every(axis: Any, names: Sequence[str], most: int) -> None:
    """Name places on an axis, not all where they are many."""
    step = max(1, math.ceil(len(names) / most))
    axis.set_ticks(range(0, len(names), step), names[::step])
