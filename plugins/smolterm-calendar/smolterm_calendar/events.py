"""Events between iCalendar's text and plain values. Pure."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import recurring_ical_events  # type: ignore[import-untyped]
from smolterm.pack import ToolError

Day = datetime.date | datetime.datetime

_LONGEST = 5_000
MOST_DAYS = 1_100


def zone(name: str) -> datetime.tzinfo:
    """Return a time zone by its name."""
    if name == "UTC":
        return datetime.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolError(
            f"There is no time zone {name[:100]!r}.",
            next="`smolterm packs set calendar timezone=Europe/Berlin`",
        ) from None


def moment(text: str, where: datetime.tzinfo) -> Day:
    """Return a day, or a moment that knows its offset.

    Raises:
        ToolError: it is neither.
    """
    try:
        if len(text.strip()) == 10:
            return datetime.date.fromisoformat(text.strip())
        found = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ToolError(
            f"{text[:50]!r} is no time.",
            next="Write '2026-01-31' for a day, '2026-01-31T14:30' for a moment.",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=where)


def at(day: Day, where: datetime.tzinfo) -> datetime.datetime:
    """Return a moment; of a day its first, of a floating time the one in this zone."""
    if not isinstance(day, datetime.datetime):
        return datetime.datetime.combine(day, datetime.time(), where)
    return day if day.tzinfo else day.replace(tzinfo=where)


def span(start: str, end: str, where: datetime.tzinfo) -> tuple[datetime.datetime, ...]:
    """Return where a span of time begins and ends; a last day belongs to it."""
    first, last = moment(start, where), moment(end, where)
    after = last if isinstance(last, datetime.datetime) else last + datetime.timedelta(days=1)
    begins, ends = at(first, where), at(after, where)
    if not begins < ends:
        raise ToolError(f"{end!r} is not after {start!r}.")
    if ends - begins > datetime.timedelta(days=MOST_DAYS):
        raise ToolError(f"That is more than {MOST_DAYS} days.", next="Ask for a shorter time.")
    return begins, ends


def parsed(text: str) -> list[icalendar.Calendar]:
    """Return the calendars in a text."""
    try:
        found = icalendar.Calendar.from_ical(text, multiple=True)
    except (ValueError, IndexError, KeyError) as error:
        raise ToolError(f"This is no iCalendar text: {str(error)[:200]}.") from None
    return [each for each in found if isinstance(each, icalendar.Calendar)]


def between(
    calendars: Iterable[icalendar.Calendar],
    start: datetime.datetime,
    end: datetime.datetime,
) -> list[icalendar.Event]:
    """Return the events that touch a time, each repetition of a series as one."""
    found: list[icalendar.Event] = []
    for each in calendars:
        try:
            found += recurring_ical_events.of(each, components=["VEVENT"]).between(start, end)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ToolError(f"An event cannot be read: {str(error)[:200]}.") from None
    return found


def series(calendars: Iterable[icalendar.Calendar]) -> set[str]:
    """Return the unique ids of the events that repeat."""
    return {
        str(event.get("UID", ""))
        for calendar in calendars
        for event in calendar.walk("VEVENT")
        if "RRULE" in event or "RDATE" in event
    }


def plain(
    event: icalendar.Event, where: datetime.tzinfo, repeating: Iterable[str] = ()
) -> dict[str, object]:
    """Return an event as plain values, its times in a zone.

    Args:
        repeating: the unique ids of those that repeat; a single repetition does not say so itself.
    """
    start, end = event.start, event.end
    attendees = event.get("ATTENDEE") or []
    return {
        "title": str(event.get("SUMMARY", "")),
        "start": _shown(start, where),
        "end": _shown(end, where),
        "all_day": not isinstance(start, datetime.datetime),
        "place": str(event.get("LOCATION", "")),
        "notes": str(event.get("DESCRIPTION", ""))[:_LONGEST],
        "attendees": [
            str(each).removeprefix("mailto:").removeprefix("MAILTO:")
            for each in (attendees if isinstance(attendees, list) else [attendees])
        ],
        "status": str(event.get("STATUS", "")).lower(),
        "repeats": str(event.get("UID", "")) in repeating,
    }


def busy(event: icalendar.Event, where: datetime.tzinfo) -> tuple[datetime.datetime, ...] | None:
    """Return the time that an event takes, or None where it leaves its person free."""
    said = {str(event.get(name, "")).upper() for name in ("TRANSP", "STATUS")}
    if said & {"TRANSPARENT", "CANCELLED"}:
        return None
    return at(event.start, where), at(event.end, where)


def made(title: str, start: Day, end: Day, place: str, notes: str) -> tuple[str, str]:
    """Return a new event's unique id and its whole text."""
    uid = str(uuid.uuid4())
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("dtstamp", datetime.datetime.now(datetime.UTC))
    fill(event, title=title, start=start, end=end, place=place, notes=notes)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//smolterm//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    return uid, calendar.to_ical().decode()


def fill(event: icalendar.Event, **values: Any) -> None:
    """Set what an event says: title, start, end, place, notes; None leaves a value as it is."""
    names = {
        "title": "SUMMARY",
        "start": "DTSTART",
        "end": "DTEND",
        "place": "LOCATION",
        "notes": "DESCRIPTION",
    }
    for key, value in values.items():
        if value is None:
            continue
        event.pop(names[key], None)
        if value != "":
            # In UTC: a zone would have to be written out beside the event.
            moved = (
                value.astimezone(datetime.UTC) if isinstance(value, datetime.datetime) else value
            )
            event.add(names[key], moved)
    if values.get("end") is not None:
        # An event has an end or a duration.
        event.pop("DURATION", None)


def _shown(day: Day, where: datetime.tzinfo) -> str:
    if not isinstance(day, datetime.datetime):
        return day.isoformat()
    return at(day, where).astimezone(where).isoformat()
