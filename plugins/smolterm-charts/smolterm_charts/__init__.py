"""Charts: what a model can call. Each takes rows as other tools give them, and returns a PNG."""

from __future__ import annotations

from smolterm.pack import ToolError, files, tool


@tool
def draw_line_chart(
    rows: list[dict[str, object]],
    x: str,
    y: list[str],
    title: str = "",
    width: int = 800,
    height: int = 480,
) -> bytes:
    """Draw lines over numbers or days, and return the picture as PNG bytes; show it by display().

    Args:
        rows: one dict per point.
        x: the column along the bottom: numbers, days ("2026-01-31") or words.
        y: the columns to draw, one line each.

    Example:
        display(draw_line_chart(rows, x="day", y=["price"], title="Price of nuts"))
    """
    from smolterm_charts import drawing

    return drawing.lines(rows, x, y, title, (width, height))


@tool
def draw_bar_chart(
    rows: list[dict[str, object]],
    x: str,
    y: list[str],
    title: str = "",
    stacked: bool = False,
    horizontal: bool = False,
    width: int = 800,
    height: int = 480,
) -> bytes:
    """Draw bars, and return the picture as PNG bytes; show it by display().

    Args:
        rows: one dict per place of a bar.
        x: the column that names the bars.
        y: the columns to draw; several stand side by side, or on each other with stacked=True.
        horizontal: for long names.
    """
    from smolterm_charts import drawing

    return drawing.bars(rows, x, y, title, stacked, horizontal, (width, height))


@tool
def draw_scatter_chart(
    rows: list[dict[str, object]],
    x: str,
    y: str,
    color: str = "",
    title: str = "",
    width: int = 800,
    height: int = 480,
) -> bytes:
    """Draw a point for each row, and return the picture as PNG bytes; show it by display().

    Args:
        x: the column along the bottom: numbers or days.
        y: the column of numbers along the side.
        color: a column of words or numbers that the points' colours show.
    """
    from smolterm_charts import drawing

    return drawing.points(rows, x, y, color, title, (width, height))


@tool
def draw_histogram(
    values: list[float], bins: int = 20, title: str = "", label: str = "",
    width: int = 800, height: int = 480,
) -> bytes:  # fmt: skip
    """Draw how often values occur, and return the picture as PNG bytes; show it by display().

    Args:
        bins: how many bars.
        label: what the values are, such as "price in EUR".
    """
    from smolterm_charts import drawing

    return drawing.histogram(values, bins, title, label, (width, height))


@tool
def draw_pie_chart(
    labels: list[str], values: list[float], title: str = "", width: int = 640, height: int = 480
) -> bytes:
    """Draw parts of a whole, and return the picture as PNG bytes; show it by display().

    Args:
        labels: the name of each part.
        values: the size of each part.
    """
    from smolterm_charts import drawing

    return drawing.pie(labels, values, title, (width, height))


@tool
def draw_heatmap(
    rows: list[dict[str, object]],
    x: str,
    y: str,
    value: str,
    title: str = "",
    width: int = 800,
    height: int = 480,
) -> bytes:
    """Draw a grid of colours, and return the picture as PNG bytes; show it by display().

    Args:
        rows: one dict per cell.
        x: the column that names the cell's place along the bottom.
        y: the column that names its place along the side.
        value: the column of numbers that the colour shows.
    """
    from smolterm_charts import drawing

    return drawing.heatmap(rows, x, y, value, title, (width, height))


@tool(effect="write")
def save_chart(path: str, chart: bytes) -> dict[str, object]:
    """Write a chart that a draw_ tool returned to a .png file in the granted folder.

    Returns:
        {"path": "out/price.png", "size": 21040}; size in bytes.
    """
    if not chart.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ToolError("This is no chart.", next="Pass what a draw_ tool returned.")
    return {"path": path, "size": files.write(path, chart)}
