"""The charts pack in its own process: every tool, checked as the engine checks it."""

from __future__ import annotations

from pathlib import Path

from hosting import hosting
from smolterm.packs.doors.grant import Grant

PNG = b"\x89PNG\r\n\x1a\n"
ROWS: list[dict[str, object]] = [{"x": at, "y": at * at, "kind": "a"} for at in range(5)]


def test_every_tool_works_in_the_packs_process(tmp_path: Path) -> None:
    grant = Grant(pack="charts", folder=str(tmp_path), write=("**/*.png",))
    with hosting("smolterm_charts", grant) as charts:
        drawn = [
            charts.draw_line_chart(ROWS, "x", ["y"]),
            charts.draw_bar_chart(ROWS, "x", ["y"]),
            charts.draw_scatter_chart(ROWS, "x", "y", color="kind"),
            charts.draw_histogram([1, 2.5, 3], bins=3),
            charts.draw_pie_chart(["a", "b"], [1, 2.5]),
            charts.draw_heatmap(ROWS, "x", "kind", "y"),
        ]
        assert all(each.startswith(PNG) for each in drawn) and len(set(drawn)) == 6
        charts.save_chart("out/a.png", drawn[0])
        assert (tmp_path / "out" / "a.png").read_bytes() == drawn[0]
        assert charts.called == charts.names
        assert [each for each in charts.told if each.kind == "denied"] == []
