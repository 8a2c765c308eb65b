"""What is printed and written: one line for each row and who, in Markdown."""

from __future__ import annotations

import datetime
import itertools
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.aims import AIMS
from bench.measure import OURS, Failed, Series

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
HEAD = ("measured", "who", "median", "least", "of ours", "aim")


def facts(versions: Mapping[str, str], runs: int) -> str:
    """Return the machine, as far as it matters and names nobody, and what was compared."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    peers = ", ".join(f"{peer} {version}" for peer, version in versions.items())
    return (
        f"{datetime.date.today().isoformat()}, {platform.system()} on {platform.machine()}, "
        f"{cores} cores, Python {platform.python_version()}; medians of {runs} runs taken in turns"
        + (f"; {peers}." if peers else "; no peers.")
    )


def ratio(theirs: float, ours: float) -> str:
    """Return theirs as a multiple of ours."""
    if ours <= 0:
        return ""
    times = theirs / ours
    if times < 0.01:
        return "<0.01×"
    return f"{times:.0f}×" if times >= 10 else f"{times:.1f}×" if times >= 1 else f"{times:.2f}×"


def figure(value: float, unit: str) -> str:
    """Return a value with three digits that matter, and its unit."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def lines(series: Sequence[Series]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each line; what is the same as above is left empty."""
    for _, grouped in itertools.groupby(series, key=lambda one: one.row.key):
        group = list(grouped)
        row = group[0].row
        ours = next((one.median for one in group if one.who == OURS), 0.0)
        verdict = AIMS[row.key].verdict(group) if row.key in AIMS else ""
        for at, one in enumerate(group):
            yield (
                "" if at else row.label,
                one.who,
                figure(one.median, row.unit),
                figure(one.least, row.unit),
                "" if one.who == OURS else ratio(one.median, ours),
                verdict if one.who == OURS else "",
            )


def markdown(series: Sequence[Series]) -> str:
    """Return the table with its columns aligned, so that it reads the same unrendered."""
    cells = [HEAD, *lines(series)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    written = ["| " + " | ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)) + " |"
               for line in cells]  # fmt: skip
    written.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(written)


def as_json(series: Sequence[Series], said: str) -> dict[str, Any]:
    """Return everything that was taken, fit for JSON."""
    taken = [
        {
            "key": one.row.key,
            "label": one.row.label,
            "unit": one.row.unit,
            "who": one.who,
            "median": one.median,
            "min": one.least,
            "figures": list(one.figures),
        }
        for one in series
    ]
    return {"facts": said, "rows": taken}


def write_between(path: Path, text: str) -> None:
    """Replace what stands between the markers of a page.

    Raises:
        Failed: the page has no markers.
    """
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failed(f"{path.name} holds no {BEGIN} ... {END}")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
