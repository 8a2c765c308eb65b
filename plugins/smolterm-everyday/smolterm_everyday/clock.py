"""What time it is, here and elsewhere."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from smolterm.pack import ToolError, settings, tool

_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d\d))?")


@tool
def now(zone: str = "") -> dict[str, object]:
    """Tell the date and the time now.

    Args:
        zone: a time zone or its city, such as "Asia/Tokyo" or "Tokyo"; "" is the person's own.

    Returns:
        {"time": "2026-07-01T15:04:05+01:00", "date": "2026-07-01", "clock": "15:04",
        "weekday": "Wednesday", "week": 27, "zone": "Europe/Lisbon", "utc_offset": "+01:00",
        "unix": 1782914645}.

    Example:
        print(now("Tokyo")["clock"])
    """
    where = zone_named(zone)
    moment = datetime.now(UTC).astimezone(where)
    return {**_shown(moment, where), "unix": int(moment.timestamp())}


@tool
def convert_time(moment: str, source: str, target: str) -> dict[str, object]:
    """Tell what time it is in one time zone when it is a given time in another.

    Args:
        moment: "2026-07-01 15:00", or "15:00" for today.
        source: the zone or city in which that is, such as "New York"; "" is the person's own.
        target: the zone or city wanted, such as "Europe/Berlin".

    Returns:
        A dict as in now(), and "hours_ahead": how far `target` is ahead of `source` then.

    Example:
        print(convert_time("2026-07-01 15:00", "New York", "Berlin")["time"])
    """
    here, there = zone_named(source), zone_named(target)
    before = _moment(moment, here)
    # A time that the clocks skip in spring comes out as the one an hour later.
    after = before.astimezone(UTC).astimezone(there)
    ahead = (after.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
    return {
        **_shown(after, there),
        "unix": int(after.timestamp()),
        "hours_ahead": ahead / timedelta(hours=1),
    }


def zone_named(name: str) -> tzinfo:
    """Return a time zone by its name, its city, or its distance from UTC.

    Raises:
        ToolError: there is none; it names those that are like it.
    """
    wanted = name.strip() or settings.get("timezone", "UTC")
    if match := _OFFSET.fullmatch(wanted.upper()):
        away = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if away >= timedelta(days=1):
            raise ToolError(f"{wanted!r} is further from UTC than any place.")
        return timezone(-away if match[1] == "-" else away)
    city = wanted.replace(" ", "_").casefold()
    zones = available_timezones()
    found = [each for each in zones if city in (each.casefold(), each.casefold().split("/")[-1])]
    # Etc/UTC beside UTC: the shorter, then the earlier in the alphabet.
    for each in sorted(found, key=lambda each: (len(each), each)):
        try:
            return ZoneInfo(each)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    cities = {each.split("/")[-1]: each for each in sorted(zones)}
    like = difflib.get_close_matches(city.title(), cities, n=4, cutoff=0.5)
    raise ToolError(
        f"There is no time zone {name!r}.",
        next=f"Did you mean {', '.join(cities[each] for each in like)}?" if like else
        "Write it as 'Europe/Lisbon', or as '+01:00'.",
    )  # fmt: skip


def _moment(text: str, zone: tzinfo) -> datetime:
    wanted = text.strip()
    try:
        if len(wanted) <= 8 and ":" in wanted:
            today = datetime.now(UTC).astimezone(zone).date()
            return datetime.combine(today, time.fromisoformat(wanted.zfill(5)), zone)
        moment = datetime.fromisoformat(wanted)
    except ValueError:
        raise ToolError(
            f"{text!r} is no time.", next="Write it as '2026-07-01 15:00' or '15:00'."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _shown(moment: datetime, zone: tzinfo) -> dict[str, object]:
    offset = moment.strftime("%z")
    return {
        "time": moment.isoformat(timespec="seconds"),
        "date": moment.date().isoformat(),
        "clock": moment.strftime("%H:%M"),
        "weekday": moment.strftime("%A"),
        "week": moment.isocalendar().week,
        "zone": str(zone),
        "utc_offset": f"{offset[:3]}:{offset[3:5]}",
    }
