"""Reckoning with dates and working days."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

from smolterm.pack import ToolError, tool

from smolterm_everyday.clock import zone_named

MOST_DAYS = 1_000_000


@tool
def date_difference(start: str, end: str, holidays: list[str] | None = None) -> dict[str, object]:
    """Tell how long it is from one date to another: days, weeks, years, working days.

    Args:
        start: such as "2026-01-31", or "today".
        end: the same; it may be before `start`.
        holidays: dates that are no working days; public_holidays() may tell them.

    Returns:
        {"days": 151, "weeks": 21.57, "years": 0, "months": 5, "rest": 0, "working_days": 108,
        "start": "2026-01-31", "end": "2026-07-01"}. `years`, `months` and `rest` (days) are one
        span together. `working_days` are Monday to Friday from `start` to the day before `end`.
        All are negative where `end` is before.

    Example:
        print(date_difference("today", "2026-12-24")["days"])
    """
    first, last = _date(start), _date(end)
    early, late = min(first, last), max(first, last)
    sign = 1 if first <= last else -1
    months = (late.year - early.year) * 12 + late.month - early.month
    if _month_later(early, months) > late:
        months -= 1
    days = (late - early).days
    return {
        "days": sign * days,
        "weeks": round(sign * days / 7, 2),
        "years": sign * (months // 12),
        "months": sign * (months % 12),
        "rest": sign * (late - _month_later(early, months)).days,
        "working_days": sign * _working(early, late, _dates(holidays)),
        "start": first.isoformat(),
        "end": last.isoformat(),
    }


@tool
def shift_date(
    start: str,
    days: int = 0,
    weeks: int = 0,
    months: int = 0,
    years: int = 0,
    working_days: int = 0,
    holidays: list[str] | None = None,
) -> dict[str, object]:
    """Tell the date some time after a date, or before it with negative numbers.

    Args:
        start: such as "2026-01-31", or "today".
        days: and `weeks`, `months`, `years`: how much later. The end of a month stays one:
            a month after January 31 is February 28.
        working_days: Mondays to Fridays to go on, after the rest.
        holidays: dates that are no working days.

    Returns:
        {"date": "2026-02-28", "weekday": "Saturday", "week": 9, "day_of_year": 59}.

    Example:
        print(shift_date("today", working_days=10)["date"])
    """
    if abs(days) + 7 * abs(weeks) + abs(working_days) > MOST_DAYS:
        raise ToolError(f"That is more than {MOST_DAYS} days away.")
    try:
        moved = _month_later(_date(start), months + 12 * years)
        moved += timedelta(days=days, weeks=weeks)
        free = _dates(holidays)
        step = timedelta(days=1 if working_days > 0 else -1)
        left = abs(working_days)
        while left:
            moved += step
            left -= moved.weekday() < 5 and moved not in free
    except (OverflowError, ValueError):
        raise ToolError("That is before the year 1 or after 9999.") from None
    return {
        "date": moved.isoformat(),
        "weekday": moved.strftime("%A"),
        "week": moved.isocalendar().week,
        "day_of_year": moved.timetuple().tm_yday,
    }


def _date(text: str) -> date:
    wanted = text.strip().lower()
    if wanted in ("today", "now"):
        return datetime.now(UTC).astimezone(zone_named("")).date()
    try:
        return datetime.fromisoformat(wanted).date()
    except ValueError:
        raise ToolError(f"{text!r} is no date.", next="Write it as '2026-01-31'.") from None


def _dates(texts: list[str] | None) -> set[date]:
    return {_date(text) for text in texts or []}


def _month_later(start: date, months: int) -> date:
    """Return the same day some months later, or the last of that month."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise ValueError
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _working(start: date, end: date, free: set[date]) -> int:
    """Count Mondays to Fridays from `start` to the day before `end`."""
    weeks, rest = divmod((end - start).days, 7)
    found = weeks * 5 + sum((start.weekday() + day) % 7 < 5 for day in range(rest))
    return found - sum(start <= day < end and day.weekday() < 5 for day in free)
