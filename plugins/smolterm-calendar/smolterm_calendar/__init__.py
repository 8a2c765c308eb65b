"""A CalDAV calendar's events: what a model can call."""

from __future__ import annotations

import datetime
from urllib.parse import urlsplit

import icalendar
from smolterm.pack import ToolError, settings, tool

from smolterm_calendar import caldav, events, free

_MOST = 500


@tool(effect="network")
def list_calendars() -> list[dict[str, object]]:
    """List the person's calendars.

    Returns:
        One dict each: {"name": "Office", "writable": True}.
    """
    return [{"name": each.name, "writable": each.writable} for each in caldav.calendars()]


@tool(effect="network")
def list_calendar_events(
    start: str, end: str = "", calendar: str = "", limit: int = 100
) -> list[dict[str, object]]:
    """List the events of the person's calendars in a time, in order; repeating ones are expanded.

    Args:
        start: "2026-01-31" or "2026-01-31T14:30", in the zone of the settings.
        end: a last day or a moment; without it the day of `start`.
        calendar: a name; empty for all.

    Returns:
        One dict per event: {"id": "/ada/office/1.ics", "calendar": "Office", "title": "...",
        "start": "2026-01-31T14:30:00+01:00", "end": "...", "all_day": False, "place": "...",
        "notes": "...", "attendees": ["bob@example.org"], "status": "confirmed",
        "repeats": False}. All-day events have dates; their `end` is the day after the last.

    Example:
        for event in list_calendar_events("2026-01-26", "2026-02-01"):
            print(event["start"], event["title"])
    """
    where = _zone()
    begins, ends = events.span(start, end or start[:10], where)
    _bounded(limit)
    found = [
        (events.at(each.start, where), {
            "id": urlsplit(stored.url).path,
            "calendar": source.name,
            **events.plain(each, where, events.series(parsed)),
        })
        for source in caldav.named(calendar)
        for stored in caldav.stored(source, begins, ends)
        for parsed in [events.parsed(stored.text)]
        for each in events.between(parsed, begins, ends)
    ]  # fmt: skip
    found.sort(key=lambda pair: pair[0])
    return [row for _, row in found[:limit]]


@tool(effect="network")
def find_free_times(
    start: str,
    end: str = "",
    minutes: int = 30,
    opens: str = "09:00",
    closes: str = "17:00",
    weekends: bool = False,
    limit: int = 50,
) -> list[dict[str, object]]:
    """Find the times in which all of the person's calendars are free.

    Args:
        start: "2026-01-31" or "2026-01-31T14:30", in the zone of the settings.
        end: a last day or a moment; without it the day of `start`.
        minutes: how long a free time must be at least.
        opens: when a day begins; "00:00" for midnight.
        closes: when a day ends.

    Returns:
        One dict each: {"start": "2026-01-30T09:00:00+01:00", "end": "...", "minutes": 90}.
    """
    where = _zone()
    begins, ends = events.span(start, end or start[:10], where)
    _bounded(limit)
    try:
        day = datetime.time.fromisoformat(opens), datetime.time.fromisoformat(closes)
    except ValueError:
        raise ToolError("`opens` and `closes` are no times.", next="Write '09:00'.") from None
    taken = [
        (span[0], span[1])
        for source in caldav.calendars()
        for stored in caldav.stored(source, begins, ends)
        for each in events.between(events.parsed(stored.text), begins, ends)
        if (span := events.busy(each, where))
    ]
    spans = free.hours(begins.astimezone(where), ends.astimezone(where), *day, weekends=weekends)
    found = free.left(spans, taken, datetime.timedelta(minutes=max(minutes, 1)))
    return [
        {
            "start": first.astimezone(where).isoformat(),
            "end": last.astimezone(where).isoformat(),
            "minutes": int((last - first).total_seconds() // 60),
        }
        for first, last in found
    ][:limit]


@tool(effect="write")
def create_calendar_event(
    title: str, start: str, end: str = "", calendar: str = "", place: str = "", notes: str = ""
) -> dict[str, object]:
    """Create an event in the person's calendar.

    Args:
        start: "2026-01-31T14:30" in the zone of the settings, or "2026-01-31" for all day.
        end: a moment or a last day; without it an hour later, or the same day.
        calendar: a name; may be left out where there is only one to write to.

    Returns:
        {"id": "/ada/office/....ics", "calendar": "Office"}.

    Example:
        create_calendar_event("Dentist", "2026-01-31T14:30", "2026-01-31T15:00")
    """
    where = _zone()
    first, last = _times(start, end, where)
    found = [each for each in caldav.named(calendar) if each.writable]
    if len(found) != 1:
        names = ", ".join(repr(each.name) for each in found) or "none"
        raise ToolError(f"{len(found)} calendars can be written to.", next=f"Name one of: {names}.")
    uid, text = events.made(title, first, last, place, notes)
    url = f"{found[0].url.rstrip('/')}/{uid}.ics"
    caldav.ask("PUT", url, content=text, headers={"If-None-Match": "*"})
    return {"id": urlsplit(url).path, "calendar": found[0].name}


@tool(effect="write")
def change_calendar_event(
    id: str,
    title: str | None = None,
    start: str | None = None,
    end: str | None = None,
    place: str | None = None,
    notes: str | None = None,
) -> dict[str, object]:
    """Change an event in the person's calendar; what is left out stays as it is.

    Of a series, title, place and notes change for all of it; it cannot be moved.

    Args:
        id: as list_calendar_events gives it.
        start: as in create_calendar_event; without `end` the event keeps its length.

    Returns:
        {"id": "...", "title": "...", "start": "...", "end": "...", ...}: the event as it is now.
    """
    where = _zone()
    stored = caldav.fetch(caldav.place(id))
    calendar, event = _only(stored.text)
    first = last = None
    if start is not None or end is not None:
        if "RRULE" in event or "RDATE" in event:
            raise ToolError("A series cannot be moved.", next="Move it in your calendar's program.")
        length = event.end - event.start
        first = events.moment(start, where) if start else event.start
        last = _times(start or "", end, where, first)[1] if end else first + length
    events.fill(event, title=title, start=first, end=last, place=place, notes=notes)
    event["SEQUENCE"] = int(event.get("SEQUENCE", 0)) + 1
    # Only what was read is replaced, not what somebody else wrote meanwhile.
    headers = {"If-Match": stored.etag} if stored.etag else {}
    caldav.ask("PUT", stored.url, content=calendar.to_ical().decode(), headers=headers)
    return {"id": id, **events.plain(event, where, events.series([calendar]))}


@tool(effect="danger")
def delete_calendar_event(id: str) -> dict[str, object]:
    """Delete an event from the person's calendar; of a series all of it.

    Args:
        id: as list_calendar_events gives it.

    Returns:
        {"title": "...", "start": "...", ...}: the event as it was.
    """
    where = _zone()
    stored = caldav.fetch(caldav.place(id))
    calendar, event = _only(stored.text)
    headers = {"If-Match": stored.etag} if stored.etag else {}
    caldav.ask("DELETE", stored.url, headers=headers)
    return {"id": id, **events.plain(event, where, events.series([calendar]))}


@tool
def read_ics(
    text: str, start: str = "", end: str = "", limit: int = 100
) -> list[dict[str, object]]:
    """Read the events in the text of an .ics file, in order.

    Args:
        text: the file's content.
        start: with it, only what touches this time, as in list_calendar_events, and repeating
            events are expanded; without it each event stands once.

    Returns:
        What list_calendar_events gives, without "id" and "calendar".

    Example:
        events = read_ics(read_text("invite.ics"))
    """
    where = _zone()
    _bounded(limit)
    calendars = events.parsed(text)
    if start:
        found = events.between(calendars, *events.span(start, end or start[:10], where))
    else:
        found = [
            each
            for calendar in calendars
            for each in calendar.walk("VEVENT")
            if isinstance(each, icalendar.Event) and "DTSTART" in each
        ]
    found.sort(key=lambda event: events.at(event.start, where))
    repeating = events.series(calendars)
    return [events.plain(each, where, repeating) for each in found[:limit]]


def _times(
    start: str, end: str, where: datetime.tzinfo, known: events.Day | None = None
) -> tuple[events.Day, events.Day]:
    """Return where an event begins and ends; iCalendar's all-day end is the day after the last."""
    first = events.moment(start, where) if known is None else known
    all_day = not isinstance(first, datetime.datetime)
    if not end:
        return first, first + (
            datetime.timedelta(days=1) if all_day else datetime.timedelta(hours=1)
        )
    last = events.moment(end, where)
    if all_day == isinstance(last, datetime.datetime):
        raise ToolError("`start` and `end` must both be days, or both be moments.")
    last = last + datetime.timedelta(days=1) if all_day else last
    if not events.at(first, where) < events.at(last, where):
        raise ToolError(f"{end!r} is not after {start!r}.")
    return first, last


def _only(text: str) -> tuple[icalendar.Calendar, icalendar.Event]:
    """Return the event of a file, or the first of a series; its exceptions follow."""
    for calendar in events.parsed(text):
        for event in calendar.walk("VEVENT"):
            if isinstance(event, icalendar.Event) and "RECURRENCE-ID" not in event:
                return calendar, event
    raise ToolError("This is no event.", next="list_calendar_events() gives their ids.")


def _zone() -> datetime.tzinfo:
    return events.zone(settings.get("timezone", "UTC"))


def _bounded(limit: int) -> None:
    if not 1 <= limit <= _MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {_MOST}.")
