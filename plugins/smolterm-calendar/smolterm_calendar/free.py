"""What is left of some days when the busy times are taken out. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

Span = tuple[datetime.datetime, datetime.datetime]


def hours(
    begins: datetime.datetime,
    ends: datetime.datetime,
    opens: datetime.time,
    closes: datetime.time,
    *,
    weekends: bool,
) -> Iterator[Span]:
    """Yield each day's hours that lie in a span of time."""
    day = begins.date()
    while day <= ends.date():
        if weekends or day.weekday() < 5:
            first = datetime.datetime.combine(day, opens, begins.tzinfo)
            last = datetime.datetime.combine(day, closes, begins.tzinfo)
            if max(first, begins) < min(last, ends):
                yield max(first, begins), min(last, ends)
        day += datetime.timedelta(days=1)


def left(spans: Iterable[Span], taken: Iterable[Span], least: datetime.timedelta) -> Iterator[Span]:
    """Yield the parts of spans that nothing takes and that are long enough."""
    order = sorted(taken)
    for begins, ends in spans:
        free = begins
        for start, end in order:
            if end <= free:
                continue
            if start >= ends:
                break
            if start - free >= least:
                yield free, start
            free = max(free, end)
        if ends - free >= least:
            yield free, ends
