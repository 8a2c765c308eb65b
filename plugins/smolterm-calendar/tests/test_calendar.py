"""The calendar pack, against Radicale: a CalDAV server that others wrote."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Asked, Reply
from rigging import Rig, Tools, granted, rigged
from smolterm.pack import ToolError, http
from smolterm.packs.testing import bound

from smolterm_calendar import free

USER, PASSWORD = "ada", "sesame-42"
NAME = "CALDAV_PASSWORD"
everywhere = pytest.mark.usefixtures("world")
"""Loading the pack's packages takes WebAssembly a second; so only some tests run there too."""
HEAD = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN")


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with one user who must sign in."""
    pytest.importorskip("radicale")
    from radicale import Application, config

    folder = tmp_path_factory.mktemp("radicale")
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
    configuration = config.load()
    configuration.update({
        "auth": {"type": "htpasswd", "htpasswd_filename": str(folder / "users"),
                 "htpasswd_encryption": "plain", "delay": "0"},
        "storage": {"filesystem_folder": str(folder / "kept")},
        "logging": {"level": "critical"},
    })  # fmt: skip
    server: WSGIServer = make_server(
        "127.0.0.1", 0, Application(configuration), handler_class=Quiet
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def calendar(radicale: str) -> Iterator[Tools]:
    """The pack's tools; the user has two calendars, empty, and a list of tasks."""
    with signed_in(radicale) as tools:
        auth = (USER, PASSWORD)
        for name, component in (("Office", "VEVENT"), ("Home", "VEVENT"), ("Tasks", "VTODO")):
            url = f"{radicale}{USER}/{name.lower()}/"
            http.delete(url, auth=auth)
            body = (
                '<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>'
                f"<displayname>{name}</displayname><C:supported-calendar-component-set>"
                f'<C:comp name="{component}"/></C:supported-calendar-component-set>'
                "</prop></set></C:mkcalendar>"
            )
            http.request("MKCALENDAR", url, content=body, auth=auth).raise_for_status()
        yield tools


@contextmanager
def signed_in(url: str, password: str = PASSWORD, zone: str = "Europe/Berlin") -> Iterator[Tools]:
    secrets = {NAME: password}
    with granted("smolterm_calendar", url, secrets=secrets, user=USER, timezone=zone) as (tools, _):
        yield tools


def put(radicale: str, name: str, *lines: str, calendar: str = "office") -> None:
    """Write an event as another program would."""
    text = "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *lines, "END:VCALENDAR", ""]
    )
    url = f"{radicale}{USER}/{calendar}/{name}.ics"
    kind = {"Content-Type": "text/calendar; charset=utf-8"}
    http.put(url, content=text, headers=kind, auth=(USER, PASSWORD)).raise_for_status()


def event(uid: str, start: str, end: str, *more: str) -> tuple[str, ...]:
    return ("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART{start}",
            f"DTEND{end}", *more, "END:VEVENT")  # fmt: skip


STANDUP = event(
    "standup",
    ";TZID=Europe/Berlin:20260302T090000",
    ";TZID=Europe/Berlin:20260302T091500",
    "RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
    "EXDATE;TZID=Europe/Berlin:20260331T090000",
    "SUMMARY:Standup",
)


def test_calendars_that_hold_events_are_listed(calendar: Tools) -> None:
    found = sorted(calendar.list_calendars(), key=lambda each: each["name"])
    assert found == [{"name": "Home", "writable": True}, {"name": "Office", "writable": True}]


@everywhere
def test_an_event_is_created_listed_changed_and_deleted(calendar: Tools) -> None:
    made = calendar.create_calendar_event(
        "Zahnarzt; 2. Stock, Grüße", "2026-01-31T14:30", calendar="office", notes="A\nB", place="X"
    )
    assert made["calendar"] == "Office"
    found = calendar.list_calendar_events("2026-01-31")
    assert found == [
        {
            "id": made["id"],
            "calendar": "Office",
            "title": "Zahnarzt; 2. Stock, Grüße",
            "start": "2026-01-31T14:30:00+01:00",
            "end": "2026-01-31T15:30:00+01:00",
            "all_day": False,
            "place": "X",
            "notes": "A\nB",
            "attendees": [],
            "status": "",
            "repeats": False,
        }
    ]
    changed = calendar.change_calendar_event(made["id"], title="Dentist", start="2026-02-02T08:00")
    assert (changed["start"], changed["end"]) == (
        "2026-02-02T08:00:00+01:00",
        "2026-02-02T09:00:00+01:00",
    )
    assert calendar.list_calendar_events("2026-01-31") == []
    assert calendar.list_calendar_events("2026-02-02")[0]["title"] == "Dentist"
    assert calendar.list_calendar_events("2026-02-02")[0]["place"] == "X"
    assert calendar.delete_calendar_event(made["id"])["title"] == "Dentist"
    assert calendar.list_calendar_events("2026-02-01", "2026-02-28") == []


def test_a_day_long_event_has_days(calendar: Tools) -> None:
    calendar.create_calendar_event("Trip", "2026-05-01", "2026-05-03", calendar="Home")
    found = calendar.list_calendar_events("2026-05-03")[0]
    assert (found["start"], found["end"], found["all_day"]) == ("2026-05-01", "2026-05-04", True)
    assert calendar.list_calendar_events("2026-05-04") == []


@everywhere
def test_a_series_is_expanded_over_the_change_of_clocks(calendar: Tools, radicale: str) -> None:
    put(radicale, "standup", *STANDUP)
    found = calendar.list_calendar_events("2026-03-27", "2026-04-01")
    # 28 and 29 March are a weekend, 31 March was taken out.
    assert [each["start"] for each in found] == [
        "2026-03-27T09:00:00+01:00",
        "2026-03-30T09:00:00+02:00",
        "2026-04-01T09:00:00+02:00",
    ]
    assert all(each["repeats"] for each in found)


def test_a_moved_repetition_stands_where_it_was_moved(calendar: Tools, radicale: str) -> None:
    moved = event(
        "standup", ":20260303T150000Z", ":20260303T151500Z",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260303T090000", "SUMMARY:Late",
    )  # fmt: skip
    put(radicale, "standup", *STANDUP, *moved)
    found = calendar.list_calendar_events("2026-03-03")
    assert [(each["title"], each["start"]) for each in found] == [
        ("Late", "2026-03-03T16:00:00+01:00")
    ]


def test_a_series_is_renamed_but_not_moved(calendar: Tools, radicale: str) -> None:
    put(radicale, "standup", *STANDUP)
    name = calendar.list_calendar_events("2026-03-02")[0]["id"]
    calendar.change_calendar_event(name, title="Daily")
    found = calendar.list_calendar_events("2026-03-02", "2026-03-03")
    assert [each["title"] for each in found] == ["Daily", "Daily"]
    with pytest.raises(ToolError, match="series cannot be moved"):
        calendar.change_calendar_event(name, start="2026-03-02T10:00")


@everywhere
def test_an_event_with_a_duration_gets_an_end(calendar: Tools, radicale: str) -> None:
    long = ("BEGIN:VEVENT", "UID:d", "DTSTART:20260302T110000Z", "DURATION:PT30M", "END:VEVENT")
    put(radicale, "d", *long)
    found = calendar.list_calendar_events("2026-03-02")[0]
    assert found["end"] == "2026-03-02T12:30:00+01:00"
    calendar.change_calendar_event(found["id"], start="2026-03-02T15:00")
    found = calendar.list_calendar_events("2026-03-02")[0]
    assert found["end"] == "2026-03-02T15:30:00+01:00"


@everywhere
def test_free_times_are_what_all_calendars_leave(calendar: Tools, radicale: str) -> None:
    put(radicale, "standup", *STANDUP)
    put(radicale, "lunch", *event("l", ":20260302T110000Z", ":20260302T120000Z"), calendar="home")
    seen = event("s", ":20260302T140000Z", ":20260302T150000Z", "TRANSP:TRANSPARENT")
    put(radicale, "seen", *seen)
    found = calendar.find_free_times("2026-03-02", "2026-03-02", minutes=60)
    assert found == [
        {"start": "2026-03-02T09:15:00+01:00", "end": "2026-03-02T12:00:00+01:00", "minutes": 165},
        {"start": "2026-03-02T13:00:00+01:00", "end": "2026-03-02T17:00:00+01:00", "minutes": 240},
    ]
    assert calendar.find_free_times("2026-03-07", "2026-03-08") == []
    assert len(calendar.find_free_times("2026-03-07", "2026-03-08", weekends=True)) == 2


def test_which_calendar_must_be_said(calendar: Tools) -> None:
    with pytest.raises(ToolError, match="2 calendars can be written"):
        calendar.create_calendar_event("x", "2026-01-31")
    with pytest.raises(ToolError, match="no calendar 'None'"):
        calendar.list_calendar_events("2026-01-31", calendar="None")


@pytest.mark.parametrize(
    "name", ["/ada/office/", "/ada/office", "/ada/", "/bob/office/1.ics",
             "http://127.0.0.1:9/1.ics", "", "/ada/office/%2e%2e", "/ada/office/?x",
             "/ada/office/a/b.ics", "/ada/office/..%2fx%2f1.ics"],
)  # fmt: skip
def test_only_an_event_can_be_deleted(calendar: Tools, name: str) -> None:
    with pytest.raises(ToolError, match="is no event's id"):
        calendar.delete_calendar_event(name)
    assert len(calendar.list_calendars()) == 2


def test_an_event_that_is_gone_is_told(calendar: Tools) -> None:
    with pytest.raises(ToolError, match="404"):
        calendar.change_calendar_event("/ada/office/none.ics", title="x")


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("tomorrow", "", "is no time"),
        ("2026-01-31", "2026-01-30", "is not after"),
        ("2026-01-01", "2036-01-01", "more than"),
    ],
)
def test_times_are_checked(calendar: Tools, start: str, end: str, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        calendar.list_calendar_events(start, end)


@everywhere
def test_a_wrong_password_says_how_to_set_one(radicale: str) -> None:
    with signed_in(radicale, password="other-pass") as tools:
        with pytest.raises(ToolError, match="401") as caught:
            tools.list_calendars()
        assert "smolterm packs secret calendar CALDAV_PASSWORD" in caught.value.next


def test_a_wrong_time_zone_says_how_to_set_one(radicale: str) -> None:
    with (
        signed_in(radicale, zone="Mars/Olympus") as tools,
        pytest.raises(ToolError, match="no time zone 'Mars/Olympus'"),
    ):
        tools.list_calendar_events("2026-01-31")


# Against a server that does not behave


@pytest.fixture
def odd() -> Iterator[Rig]:
    with rigged(
        "smolterm_calendar", lambda asked: Reply(200), secrets={NAME: PASSWORD}, user=USER
    ) as rig:
        yield rig


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(200, "<html>"), "Check the setting `url`"),
        (Reply(207, "<multistatus xmlns='DAV:'/>"), "must be the address of the CalDAV service"),
        (Reply(405, "no"), "CalDAV is not served there"),
        (Reply(429, "", {"Retry-After": "9"}), "9 seconds"),
        (Reply(207, "<!DOCTYPE a [" + "".join(
            f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "x" * 100}">' for n in range(12)
        ) + "]><a>&a11;</a>"), "Check the setting"),
    ],
)  # fmt: skip
def test_what_is_no_caldav_is_told(odd: Rig, reply: Reply, says: str) -> None:
    with odd.answering(lambda asked: reply):
        assert says in odd.refused(odd.tools.list_calendars).next


def test_a_server_that_gives_the_password_back_gives_nothing_away(odd: Rig) -> None:
    with odd.answering(lambda asked: Reply(403, f"you sent {PASSWORD}")):
        assert "you sent" in odd.refused(odd.tools.list_calendars).what


class Caldav:
    """As little of a server as shows what the pack sends; its hrefs are whole addresses."""

    def __init__(self) -> None:
        self.etag = '"1"'
        self.made: list[str] = []
        self.home = "{}/home/"

    def answer(self, asked: Asked) -> Reply:
        base = f"http://{asked.headers['host']}"
        if asked.method == "GET":
            lines = (*HEAD, *event("1", ":20260302T110000Z", ":20260302T120000Z"), "END:VCALENDAR")
            return Reply(200, "\r\n".join(lines), {"ETag": '"1"'})
        if asked.headers.get("if-none-match") == "*":
            self.made.append(asked.body.decode())
            return Reply(201)
        if asked.method in ("PUT", "DELETE"):
            return Reply(204 if asked.headers.get("if-match") == self.etag else 412)
        body = asked.body.decode()
        inside = f"<href>{base}/ada/</href>", "current-user-principal"
        if "calendar-home-set" in body:
            inside = f"<href>{self.home.format(base)}</href>", "C:calendar-home-set"
        if asked.headers["depth"] == "1":
            inside = "<collection/><C:calendar/>", "resourcetype"
        prop = f"<{inside[1]}>{inside[0]}</{inside[1]}>"
        return Reply(207, (
            '<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><response>'
            f"<href>{base}/home/c/</href><propstat><prop>{prop}</prop>"
            "<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
        ))  # fmt: skip


def test_what_somebody_changed_meanwhile_is_kept(odd: Rig) -> None:
    small = Caldav()
    with odd.answering(small.answer):
        assert odd.tools.list_calendars() == [{"name": "c", "writable": True}]
        assert odd.tools.change_calendar_event("/home/c/1.ics", title="x")["title"] == "x"
        small.etag = '"2"'
        changes = (
            lambda: odd.tools.change_calendar_event("/home/c/1.ics", title="x"),
            lambda: odd.tools.delete_calendar_event("/home/c/1.ics"),
        )
        for change in changes:
            error = odd.refused(change)
            assert "412" in error.what
            assert "at the same time" in error.next


def test_an_event_is_made_where_none_was(odd: Rig) -> None:
    small = Caldav()
    with odd.answering(small.answer):
        odd.tools.create_calendar_event("New", "2026-03-02T12:00")
    assert "SUMMARY:New" in small.made[0]
    assert "DTSTART:20260302T120000Z" in small.made[0]


def test_a_home_on_another_host_is_not_asked(odd: Rig) -> None:
    small = Caldav()
    small.home = "http://127.0.0.1:9/home/"
    with odd.answering(small.answer):
        error = odd.refused(odd.tools.list_calendars)
    assert "127.0.0.1:9" in error.what
    assert odd.doors.denied == [error.what]
    odd.doors.denied.clear()


# Text of .ics files

LUNCH = event(
    "1",
    ":20260304T120000Z",
    ":20260304T130000Z",
    "SUMMARY:Lunch",
    "STATUS:CONFIRMED",
    "ATTENDEE:mailto:bob@example.org",
    "ATTENDEE:mailto:eve@example.org",
)
ICS = "\n".join([*HEAD, *STANDUP, *LUNCH, "END:VCALENDAR"])


@everywhere
def test_ics_text_is_read(odd: Rig) -> None:
    with odd.again(timezone="Europe/Berlin") as rig:
        found = rig.tools.read_ics(ICS)
        assert [each["title"] for each in found] == ["Standup", "Lunch"]
        assert found[1]["attendees"] == ["bob@example.org", "eve@example.org"]
        assert found[1]["status"] == "confirmed"
        day = rig.tools.read_ics(ICS, "2026-03-04")
        assert [each["start"] for each in day] == [
            "2026-03-04T09:00:00+01:00",
            "2026-03-04T13:00:00+01:00",
        ]
    assert odd.server.asked == []


@settings(deadline=None)
@given(st.text())
def test_what_is_no_calendar_is_told(text: str) -> None:
    with bound(settings={"timezone": "UTC"}):
        tools = Tools("smolterm_calendar", {})
        try:
            assert tools.read_ics(text) == []
        except ToolError as error:
            assert "iCalendar" in error.what


ZONE = ZoneInfo("Europe/Berlin")
START = datetime.datetime(2026, 3, 2, tzinfo=ZONE)
MINUTES = st.integers(0, 3 * 24 * 60)


def after(minutes: int) -> datetime.datetime:
    return START + datetime.timedelta(minutes=minutes)


@settings(deadline=None)
@given(st.lists(st.tuples(MINUTES, MINUTES)), st.integers(1, 600))
def test_no_free_time_meets_a_taken_one(pairs: list[tuple[int, int]], least: int) -> None:
    taken = [(after(min(pair)), after(max(pair))) for pair in pairs]
    hours = list(
        free.hours(START, after(3 * 24 * 60), datetime.time(9), datetime.time(17), weekends=True)
    )
    for first, last in free.left(hours, taken, datetime.timedelta(minutes=least)):
        assert last - first >= datetime.timedelta(minutes=least)
        assert any(begins <= first and last <= ends for begins, ends in hours)
        assert not any(begins < last and first < ends for begins, ends in taken if begins < ends)
