"""Charts: that they are pictures of what was asked for."""

from __future__ import annotations

import datetime
import decimal
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from smolterm.pack import Denied, ToolError
from smolterm.packs.find import read_pack
from smolterm.packs.testing import bound

import smolterm_charts as charts

ROWS: list[dict[str, object]] = [
    {"item": f"n{at}", "day": f"2026-01-{at + 1:02}", "n": at, "m": 10 - at, "kind": "ab"[at % 2]}
    for at in range(10)
]
BLUE, ORANGE = (31, 119, 180), (255, 127, 14)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with bound(folder=tmp_path, write=["**/*.png"], native=True):
        yield tmp_path


def seen(chart: bytes) -> Image.Image:
    assert chart.startswith(b"\x89PNG\r\n\x1a\n")
    return Image.open(io.BytesIO(chart)).convert("RGB")


def painted(chart: bytes, color: tuple[int, int, int]) -> Any:
    """Return for each pixel whether it has nearly a colour."""
    return (np.abs(np.asarray(seen(chart), dtype=int) - color) < 12).all(axis=2)


def amount(chart: bytes, color: tuple[int, int, int]) -> int:
    """Return how many pixels have nearly a colour."""
    return int(painted(chart, color).sum())


def columns_of(chart: bytes, color: tuple[int, int, int]) -> int:
    """Return how many pixels wide a colour reaches."""
    return int(painted(chart, color).any(axis=0).sum())


def test_each_column_is_a_line_of_its_own() -> None:
    one = charts.draw_line_chart(ROWS, "n", ["m"])
    two = charts.draw_line_chart(ROWS, "n", ["m", "n"], title="Two")
    assert seen(one).size == (800, 480)
    assert amount(one, BLUE) > 200 and amount(one, ORANGE) == 0
    assert amount(two, ORANGE) > 200


def test_days_are_days_whatever_they_are_written_as() -> None:
    days: list[object] = [datetime.date(2026, 1, at + 1) for at in range(10)]
    zone = datetime.timezone(datetime.timedelta())
    zoned: list[object] = [datetime.datetime(2026, 1, at + 1, tzinfo=zone) for at in range(10)]
    pictures = {
        charts.draw_line_chart(
            [{**row, "day": day} for row, day in zip(ROWS, kind, strict=True)], "day", ["n"]
        )
        for kind in (days, zoned, [row["day"] for row in ROWS])
    }
    assert len(pictures) == 1
    assert pictures != {charts.draw_line_chart(ROWS, "item", ["n"])}


def test_gaps_and_decimals_are_drawn() -> None:
    rows: list[dict[str, object]] = [
        {"x": 1, "y": decimal.Decimal("1.5")}, {"x": 2, "y": None}, {"x": 3}, {"x": 4, "y": 2},
    ]  # fmt: skip
    assert amount(charts.draw_line_chart(rows, "x", ["y"]), BLUE) > 20


def test_bars_stand_beside_or_on_each_other() -> None:
    tall: list[dict[str, object]] = [{"x": "a", "y": 4, "z": 4}]
    beside = charts.draw_bar_chart(tall, "x", ["y", "z"])
    on = charts.draw_bar_chart(tall, "x", ["y", "z"], stacked=True)
    flat = charts.draw_bar_chart(tall, "x", ["y", "z"], horizontal=True)
    # Side by side they share the width; on each other each has all of it.
    assert columns_of(on, BLUE) > 1.5 * columns_of(beside, BLUE)
    assert abs(amount(on, BLUE) - amount(on, ORANGE)) < 0.1 * amount(on, BLUE)
    assert len({beside, on, flat}) == 3


def test_points_have_the_colours_of_a_column() -> None:
    plain = charts.draw_scatter_chart(ROWS, "n", "m")
    words = charts.draw_scatter_chart(ROWS, "n", "m", color="kind")
    numbers = charts.draw_scatter_chart(ROWS, "day", "m", color="n")
    assert len({plain, words, numbers}) == 3
    # They are seen through a little.
    assert columns_of(words, (255, 153, 62)) > 20


def test_a_histogram_counts() -> None:
    values = [1.0] * 50 + [2.0] * 50 + [float("nan")]
    chart = charts.draw_histogram(values, bins=2, label="size")
    assert amount(chart, BLUE) > 150_000
    for wrong in ([], [float("inf")]):
        with pytest.raises(ToolError, match="no values"):
            charts.draw_histogram(wrong)
    with pytest.raises(ToolError, match="bins"):
        charts.draw_histogram([1.0], bins=0)


def test_a_pie_has_parts_of_their_size() -> None:
    chart = charts.draw_pie_chart(["a", "b"], [3, 1])
    assert 2.5 < amount(chart, BLUE) / amount(chart, ORANGE) < 3.5
    for labels, values in ((["a"], [1, 2]), ([], []), (["a"], [-1]), (["a"], [0])):
        with pytest.raises(ToolError):
            charts.draw_pie_chart(labels, values)


def test_a_heatmap_has_a_cell_for_each_pair() -> None:
    rows: list[dict[str, object]] = [
        {"day": day, "hour": hour, "n": day * hour} for day in range(7) for hour in range(24)
    ]
    full = charts.draw_heatmap(rows, "hour", "day", "n")
    holes = charts.draw_heatmap([row for row in rows if row["n"] != 6], "hour", "day", "n")
    assert amount(holes, (255, 255, 255)) > amount(full, (255, 255, 255)) + 5_000


def test_a_dollar_is_no_formula() -> None:
    for text in ("$\\frac{1}{0", "$^$", "a_{b}", "\x1b[31m\n", "漢字" * 50):
        rows: list[dict[str, object]] = [{text: 1, "y": 2}]
        assert seen(charts.draw_line_chart(rows, text, ["y"], title=text))
        assert seen(charts.draw_bar_chart([{"x": text, "y": 2}], "x", ["y"], title=text))


def test_what_cannot_be_drawn_is_told() -> None:
    with pytest.raises(ToolError, match="no column 'none'") as told:
        charts.draw_line_chart(ROWS, "n", ["none"])
    assert "'item'" in told.value.next
    with pytest.raises(ToolError, match="'item' holds str"):
        charts.draw_line_chart(ROWS, "n", ["item"])
    with pytest.raises(ToolError, match="rows"):
        charts.draw_line_chart([], "n", ["m"])
    with pytest.raises(ToolError, match="columns"):
        charts.draw_line_chart(ROWS, "n", [])
    with pytest.raises(ToolError, match="bars"):
        charts.draw_bar_chart(ROWS * 60, "item", ["n"])
    with pytest.raises(ToolError, match="cells"):
        charts.draw_heatmap([{"x": at, "v": 1} for at in range(201)], "x", "x", "v")
    for width, height in ((99, 100), (100, 4_001)):
        with pytest.raises(ToolError, match="pixels"):
            charts.draw_line_chart(ROWS, "n", ["m"], width=width, height=height)
    assert seen(charts.draw_line_chart(ROWS, "n", ["m"], width=101, height=333)).size == (101, 333)


def test_a_chart_is_saved(folder: Path) -> None:
    chart = charts.draw_histogram([1.0, 2.0])
    assert charts.save_chart("out/a.png", chart) == {"path": "out/a.png", "size": len(chart)}
    assert (folder / "out" / "a.png").read_bytes() == chart
    with pytest.raises(ToolError, match="no chart"):
        charts.save_chart("b.png", b"hello")
    with pytest.raises(Denied):
        charts.save_chart("b.py", chart)


def test_the_manifest_fits_the_tools() -> None:
    found = read_pack("charts", "smolterm_charts")
    assert found.manifest is not None
    effects = {name: entry.effect for name, entry in found.manifest.tools.items()}
    assert effects == {name: getattr(charts, name).effect for name in effects}
