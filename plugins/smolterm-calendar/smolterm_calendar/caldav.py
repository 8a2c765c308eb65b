"""Asking a CalDAV server: where the calendars are, what lies in them, its errors in words.

Source: RFC 4918 (WebDAV), RFC 4791 (CalDAV), RFC 5397 (the current user's principal).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

from smolterm.pack import ToolError, cache, http, secrets, settings

_D, _C = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_HOW = "`smolterm packs secret calendar CALDAV_PASSWORD`"
_ASKING = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop>{}</prop></propfind>'
)
_QUERY = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
    "<prop><getetag/><C:calendar-data/></prop>"
    '<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
    '<C:time-range start="{start}" end="{end}"/>'
    "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar that holds events."""

    url: str
    name: str
    writable: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a calendar: an event, or a series with its exceptions."""

    url: str
    etag: str
    text: str


def calendars() -> list[Calendar]:
    """Return the user's calendars, as the server lists them."""
    asked = "<resourcetype/><displayname/><C:supported-calendar-component-set/>"
    found = []
    for url, prop in _propfind(_home(), f"{asked}<current-user-privilege-set/>", depth="1"):
        if prop.find(f"{_D}resourcetype/{_C}calendar") is None:
            continue
        kinds = [
            each.get("name")
            for each in prop.iterfind(f"{_C}supported-calendar-component-set/{_C}comp")
        ]
        if kinds and "VEVENT" not in kinds:
            continue
        fallback = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
        name = prop.findtext(f"{_D}displayname") or fallback
        found.append(Calendar(url, name, _writable(prop)))
    return found


def named(name: str) -> list[Calendar]:
    """Return the calendars of this name; all of them for an empty one."""
    every = calendars()
    found = [each for each in every if not name or each.name.lower() == name.strip().lower()]
    if not found:
        names = ", ".join(repr(each.name) for each in every) or "none"
        raise ToolError(f"There is no calendar {name[:100]!r}.", next=f"There are: {names}.")
    return found


def stored(
    calendar: Calendar, start: datetime.datetime, end: datetime.datetime
) -> Iterator[Stored]:
    """Yield what a calendar holds that touches a time; moments know their offset."""
    times = {"start": _stamp(start), "end": _stamp(end)}
    response = ask("REPORT", calendar.url, content=_QUERY.format(**times), headers={"Depth": "1"})
    for url, prop in _statuses(response):
        text = prop.findtext(f"{_C}calendar-data")
        if text:
            yield Stored(url, prop.findtext(f"{_D}getetag") or "", text)


def fetch(url: str) -> Stored:
    """Return one file of a calendar."""
    response = ask("GET", url)
    return Stored(url, response.headers.get("etag", ""), response.text)


def place(identifier: str) -> str:
    """Return the address of an event, whose id is its path.

    Raises:
        ToolError: it lies in none of the user's calendars; a calendar itself is no event.
    """
    url = urljoin(settings["url"], identifier)
    folder, _, name = url.rpartition("/")
    inside = any(each.url.rstrip("/") == folder for each in calendars())
    plain = unquote(name)
    if not inside or plain in ("", ".", "..") or "/" in plain or set(name) & set("?#"):
        raise ToolError(
            f"{identifier[:200]!r} is no event's id.", next="list_calendar_events() gives them."
        )
    return url


def ask(
    method: str, url: str, *, content: str = "", headers: Mapping[str, str] | None = None
) -> http.Response:
    """Send one request and return the response, or raise what went wrong as a ToolError."""
    kind = "text/calendar" if method == "PUT" else "application/xml"
    sent = {"Content-Type": f"{kind}; charset=utf-8"} if content else {}
    response = http.request(
        method,
        url,
        content=content or None,
        headers={**sent, **(headers or {})},
        auth=(settings["user"], secrets["CALDAV_PASSWORD"]),
    )
    if response.ok:
        return response
    nexts = {
        401: f"Check the setting `user`, and set the password: {_HOW}",
        403: "The user may not do this in this calendar.",
        404: "Check the setting `url`, or the event's id.",
        405: "Check the setting `url`: CalDAV is not served there.",
        412: "Somebody changed it at the same time; list the events and try again.",
        429: f"Wait {response.headers.get('retry-after', '60')} seconds.",
    }
    said = " ".join(response.text.split())[:200]
    raise ToolError(
        f"The calendar's server answered {response.status}: {said}",
        next=nexts.get(response.status, "Try again later."),
    )


def _home() -> str:
    """Return the address of the folder that holds the user's calendars."""
    start = settings["url"]
    key = f"home of {settings['user']} at {start}"
    known = cache.get(key)
    if isinstance(known, str):
        return known
    principal = _href(start, "<current-user-principal/>", f"{_D}current-user-principal")
    home = _href(principal, "<C:calendar-home-set/>", f"{_C}calendar-home-set")
    cache.put(key, home, seconds=86_400)
    return home


def _href(url: str, asked: str, name: str) -> str:
    for _, prop in _propfind(url, asked, depth="0"):
        found = prop.findtext(f"{name}/{_D}href")
        if found:
            return urljoin(url, found.strip())
    raise ToolError(
        f"{url} does not say where the calendars are.",
        next="Check the setting `url`: it must be the address of the CalDAV service.",
    )


def _propfind(url: str, asked: str, *, depth: str) -> Iterator[tuple[str, ElementTree.Element]]:
    response = ask("PROPFIND", url, content=_ASKING.format(asked), headers={"Depth": depth})
    return _statuses(response)


def _statuses(response: http.Response) -> Iterator[tuple[str, ElementTree.Element]]:
    """Yield each resource's address and the properties that it has."""
    try:
        # Expat refuses entities that grow; the pack's own memory is bounded besides.
        root = ElementTree.fromstring(response.content)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ToolError(
            f"{response.url} answered no XML: {error}.", next="Check the setting `url`."
        ) from None
    for each in root.iterfind(f"{_D}response"):
        for part in each.iterfind(f"{_D}propstat"):
            prop = part.find(f"{_D}prop")
            if prop is not None and " 200" in (part.findtext(f"{_D}status") or ""):
                yield urljoin(response.url, (each.findtext(f"{_D}href") or "").strip()), prop


def _writable(prop: ElementTree.Element) -> bool:
    rights = prop.find(f"{_D}current-user-privilege-set")
    # A server that does not tell lets one try.
    return rights is None or any(
        rights.find(f"{_D}privilege/{_D}{name}") is not None
        for name in ("write", "write-content", "bind", "all")
    )


def _stamp(moment: datetime.datetime) -> str:
    return f"{moment.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}"
