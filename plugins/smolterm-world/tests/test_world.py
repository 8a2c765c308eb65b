"""The world pack against a server that speaks as the services' documentation says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from inside import inside
from playing import Answer, Asked, Site, grant_for, granted_by, manifest_of, servers
from rigging import Tools
from smolterm.pack import Denied, ToolError
from smolterm.packs.testing import TestDoors

from smolterm_world import service

MANIFEST = manifest_of("smolterm_world")
world = Tools("smolterm_world", {})

LISBON = {
    "place_id": 258427,
    "licence": "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright",
    "osm_type": "relation",
    "osm_id": 5400890,
    "boundingbox": ["38.6913994", "38.7967584", "-9.2298356", "-9.0863328"],
    "lat": "38.7077507",
    "lon": "-9.1365919",
    "display_name": "Lisboa, Portugal",
    "category": "boundary",
    "type": "administrative",
    "addresstype": "city",
    "place_rank": 14,
    "importance": 0.78,
    "address": {"city": "Lisboa", "country": "Portugal", "country_code": "pt"},
}
PORTO = {**LISBON, "lat": "41.1494512", "lon": "-8.6107884", "display_name": "Porto, Portugal"}


# Nominatim: docs/api/Search.md, Reverse.md and Output.md of osm-search/Nominatim, and the usage
# policy of operations.osmfoundation.org, which turns away a client that does not name itself.
def nominatim(asked: Asked) -> Answer:
    if not asked.headers.get("user-agent", "").startswith("smolterm-world/"):
        return Answer("<html>Access blocked</html>", 403, kind="text/html")
    assert asked.query["format"] == "jsonv2"
    if asked.path == "/reverse":
        if asked.query["lat"] == "0.0":
            return Answer({"error": "Unable to geocode"})
        return Answer({**LISBON, "addresstype": "road", "name": "Rua Augusta"})
    places = {"lisbon": [LISBON], "porto": [PORTO, LISBON]}.get(asked.query["q"].lower(), [])
    return Answer(places[: int(asked.query["limit"])])


# OSRM: docs/http.md of Project-OSRM/osrm-backend.
def osrm(asked: Asked) -> Answer:
    points = asked.path.rpartition("/")[2]
    if points.startswith("0.0"):
        return Answer({"code": "NoRoute", "message": "Impossible route between points"}, 400)
    assert points == "-9.1365919,38.7077507;-8.6107884,41.1494512"
    steps = [
        {
            "distance": 1200.4,
            "name": "A1",
            "maneuver": {"type": "turn", "modifier": "left", "location": [-9.1, 38.7]},
        },
        {"distance": 0, "name": "", "ref": "N1", "maneuver": {"type": "arrive"}},
    ]
    leg = {"steps": steps if asked.query["steps"] == "true" else [], "distance": 313412.6}
    route = {"distance": 313412.6, "duration": 11040.2, "legs": [leg], "weight_name": "routability"}
    return Answer({"code": "Ok", "routes": [route], "waypoints": []})


# Open-Meteo: open-meteo.com/en/docs; an error is {"error": true, "reason": ...} with 400.
def open_meteo(asked: Asked) -> Answer:
    query = asked.query
    if query.get("start_date", "2026") < "2026":
        return Answer(
            {"error": True, "reason": "Parameter 'start_date' is out of allowed range"}, 400
        )
    answer: dict[str, object] = {"latitude": 38.71, "longitude": -9.14, "timezone": "Europe/Lisbon"}
    assert query["timezone"] == "auto"
    if "current" in query:
        values = dict.fromkeys(query["current"].split(","), 1.5)
        answer["current"] = {"time": "2026-07-01T15:00", "interval": 900, **values}
        answer["current"] |= {"weather_code": 61, "temperature_2m": 27.1}  # type: ignore[operator]
    if "daily" in query:
        days = ["2026-07-01", "2026-07-02"][: int(query.get("forecast_days", 1))]
        columns: dict[str, list[object]] = {
            name: [0.0] * len(days) for name in query["daily"].split(",")
        }
        columns |= {"time": [*days], "sunrise": [f"{day}T06:12" for day in days]}
        columns |= {"sunset": [f"{day}T21:05" for day in days], "weather_code": [0.0, 95.0]}
        answer["daily"] = columns | {"daylight_duration": [53580.0] * len(days)}
    if "hourly" in query:
        hours = [f"2026-07-01T{hour:02}:00" for hour in range(int(query["forecast_hours"]))]
        answer["hourly"] = {name: [2.0] * len(hours) for name in query["hourly"].split(",")}
        answer["hourly"] |= {"time": hours, "weather_code": [3] * len(hours)}  # type: ignore[operator]
    return Answer(answer)


# Open-Meteo: open-meteo.com/en/docs/air-quality-api.
def air(asked: Asked) -> Answer:
    values = dict.fromkeys(asked.query["current"].split(","), 7.5)
    return Answer({"current": {"time": "2026-07-01T15:00", "interval": 3600, **values}})


# Frankfurter: frankfurter.dev; a code that it does not know is 422 with a message, a day without
# rates an empty list.
def frankfurter(asked: Asked) -> Answer:
    base = asked.query["base"]
    if base == "XYZ":
        return Answer({"status": 422, "message": "invalid currency: XYZ"}, 422)
    if asked.query.get("date", "2026") < "1948":
        return Answer([])
    quotes = asked.query.get("quotes", "EUR,JPY").split(",")
    date = asked.query.get("date", "2026-07-03")
    known = {"EUR": 0.87598, "JPY": 161.913}
    return Answer(
        [{"date": date, "base": base, "quote": each, "rate": known[each]} for each in quotes]
    )


# Nager.Date: date.nager.at/Api (v3): 404 without a body for a country that it does not know, 400
# with problem details for a year out of range.
def nager(asked: Asked) -> Answer:
    _, _, year, country = asked.path.rsplit("/", 3)
    if country == "XX":
        return Answer("", 404)
    if not 1975 < int(year) < 2076:
        return Answer({"title": "One or more validation errors occurred.", "status": 400}, 400)
    day = {
        "date": f"{year}-06-10",
        "localName": "Dia de Portugal",
        "name": "National Day",
        "countryCode": country,
        "fixed": False,
        "global": False,
        "counties": ["PT-20"],
        "launchYear": None,
        "types": ["Public"],
    }
    return Answer([day])


def play(site: Site) -> None:
    site.on("/(search|reverse)", nominatim)
    site.on("/routed-(car|bike|foot)/route/v1/driving/.*", osrm)
    site.on("/v1/forecast", open_meteo)
    site.on("/v1/air-quality", air)
    site.on("/v2/rates", frankfurter)
    site.on("/api/v3/PublicHolidays/.*", nager)


@pytest.fixture
def doors(site: Site) -> Iterator[TestDoors]:
    play(site)
    with granted_by(MANIFEST, servers(MANIFEST, site.url)) as doors:
        yield doors
    assert doors.denied == []


def test_every_tool_of_the_manifest_is_there() -> None:
    assert set(MANIFEST.tools) == set(world.specs)
    for spec in world.specs.values():
        assert spec.doc


# Places


def test_a_place_is_found_and_asked_for_once(doors: TestDoors, site: Site) -> None:
    expected = {
        "name": "Lisboa, Portugal",
        "latitude": 38.7077507,
        "longitude": -9.1365919,
        "kind": "city",
        "country": "Portugal",
        "country_code": "PT",
    }
    assert world.geocode("Lisbon") == [expected]
    assert world.geocode("Lisbon") == [expected]
    assert len(site.asked) == 1
    assert world.geocode("Nowhere") == []
    assert len(world.geocode("Porto", limit=1)) == 1
    with pytest.raises(ToolError, match="empty"):
        world.geocode(" ")


def test_an_address_is_found_by_a_point(doors: TestDoors) -> None:
    found = world.reverse_geocode(38.7077, -9.1366)
    assert found["kind"] == "road"
    assert found["address"] == LISBON["address"]
    with pytest.raises(ToolError, match="no address"):
        world.reverse_geocode(0.0, 0.0)
    with pytest.raises(ToolError, match="no point on Earth"):
        world.reverse_geocode(120, 10)


def test_a_public_map_server_is_asked_once_a_second(
    doors: TestDoors, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setitem(service.SLOW, "127.0.0.1", 1.0)
    monkeypatch.setattr(service.time, "sleep", waited.append)
    world.geocode("Lisbon")
    world.geocode("Porto")
    assert len(waited) == 1
    assert 0 < waited[0] <= 1


def test_a_way_is_found(doors: TestDoors, site: Site) -> None:
    way = world.find_route("Lisbon", "Porto", by="bike", steps=5)
    assert (way["kilometers"], way["minutes"]) == (313.41, 184.0)
    assert way["steps"] == [
        {"do": "turn left", "road": "A1", "meters": 1200},
        {"do": "arrive", "road": "N1", "meters": 0},
    ]
    assert site.asked[-1].path.startswith("/routed-bike/")
    assert world.find_route("38.7077507, -9.1365919", "Porto")["steps"] == []
    with pytest.raises(ToolError, match="Impossible route"):
        world.find_route("0,0", "Porto")
    with pytest.raises(ToolError, match=r"No place 'Nowhere'.*another way"):
        world.find_route("Nowhere", "Porto")


# Weather


def test_the_weather_now(doors: TestDoors) -> None:
    now = world.weather_now("Lisbon")
    assert (now["place"], now["sky"], now["temperature"]) == (
        "Lisboa, Portugal",
        "light rain",
        27.1,
    )
    assert (now["timezone"], now["humidity"]) == ("Europe/Lisbon", 1.5)


def test_the_weather_of_days_and_hours(doors: TestDoors) -> None:
    days = world.weather_forecast("Lisbon", days=2)
    assert [day["sky"] for day in days] == ["clear", "thunderstorm"]
    assert (days[0]["date"], days[0]["sunrise"], days[0]["high"]) == ("2026-07-01", "06:12", 0.0)
    hours = world.weather_hourly("38.7, -9.1", hours=3)
    assert [hour["time"] for hour in hours][2] == "2026-07-01T02:00"
    assert hours[0]["sky"] == "overcast"
    with pytest.raises(ToolError, match="1 to 16"):
        world.weather_forecast("Lisbon", days=17)


def test_air_and_sun(doors: TestDoors) -> None:
    assert world.air_quality("Lisbon")["pm2_5"] == 7.5
    sun = world.sun_times("Lisbon", "2026-07-01")
    assert (sun["sunrise"], sun["sunset"], sun["daylight_hours"]) == ("06:12", "21:05", 14.88)
    with pytest.raises(ToolError, match="out of allowed range"):
        world.sun_times("Lisbon", "1900-01-01")


# Money and holidays


def test_rates_and_conversions(doors: TestDoors, site: Site) -> None:
    assert world.exchange_rates("usd", ["EUR"]) == [
        {"date": "2026-07-03", "base": "USD", "currency": "EUR", "rate": 0.87598}
    ]
    assert len(world.exchange_rates("USD")) == 2
    found = world.convert_currency(100, "USD", "JPY", "2020-01-31")
    assert (found["result"], found["date"]) == (16191.3, "2020-01-31")
    for wrong, message in [
        (lambda: world.exchange_rates("XYZ"), "invalid currency"),
        (lambda: world.exchange_rates("dollar"), "three letters"),
        (lambda: world.exchange_rates("USD", ["EUR"], "1900-01-01"), "no rate of USD to EUR"),
        (lambda: world.exchange_rates("USD", date="31.1.2020"), "no date"),
        (lambda: world.convert_currency(1, "usd", "USD"), "same currency"),
    ]:
        with pytest.raises(ToolError, match=message):
            wrong()


def test_holidays(doors: TestDoors) -> None:
    assert world.public_holidays("pt", 2026) == [
        {
            "date": "2026-06-10",
            "name": "National Day",
            "local_name": "Dia de Portugal",
            "everywhere": False,
            "regions": ["PT-20"],
        }
    ]
    with pytest.raises(ToolError, match="does not know the country XX"):
        world.public_holidays("XX", 2026)
    with pytest.raises(ToolError, match="validation errors"):
        world.public_holidays("PT", 99)
    with pytest.raises(ToolError, match="two letters"):
        world.public_holidays("Portugal")


# What goes wrong


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer("", 429, (("Retry-After", "7"),)), "takes no more requests now.*Wait 7 seconds"),
        (Answer("", 503, (("Retry-After", "9"),)), "Wait 9 seconds"),
        (Answer("<html>", 502, kind="text/html"), "failed .502.*Try again later"),
        (Answer({"error": {"code": 400, "message": "no q"}}, 400), "did not accept.*no q"),
        (Answer("", 403), "refused the request.*contact="),
        (Answer("<html>", kind="text/html"), "no JSON"),
        (Answer([{"lat": "x"}]), "where a number belongs"),
    ],
)
def test_a_service_that_fails_says_what_to_do(
    doors: TestDoors, site: Site, answer: Answer, message: str
) -> None:
    site.on("/search", answer)
    with pytest.raises(ToolError, match=message):
        world.geocode("Lisbon")


def test_a_server_that_is_down_is_an_error(site: Site) -> None:
    with granted_by(MANIFEST, servers(MANIFEST, "http://127.0.0.1:1")), pytest.raises(ToolError):
        world.public_holidays("PT", 2026)


def test_only_the_services_that_are_set_are_reached(site: Site) -> None:
    with granted_by(MANIFEST, servers(MANIFEST, site.url)) as doors:
        from smolterm.pack import http

        with pytest.raises(Denied):
            http.get("http://127.0.0.1:9/")
        assert "127.0.0.1" in doors.denied[0]


def test_who_asks_is_said(site: Site) -> None:
    site.on("/search", nominatim)
    with granted_by(MANIFEST, {**servers(MANIFEST, site.url), "contact": "me@example.org"}):
        world.geocode("Lisbon")
    assert site.asked[0].headers["user-agent"] == "smolterm-world/0.1 (me@example.org)"


# In WebAssembly


def test_every_tool_runs_in_webassembly(site: Site) -> None:
    play(site)
    with inside("smolterm_world", grant_for(MANIFEST, servers(MANIFEST, site.url))) as there:
        assert there.geocode("Lisbon")[0]["country_code"] == "PT"
        assert there.reverse_geocode(38.7, -9.1)["kind"] == "road"
        assert there.find_route("Lisbon", "Porto", "foot", 1)["steps"][0]["road"] == "A1"
        assert there.weather_now("Lisbon")["temperature"] == 27.1
        assert there.weather_forecast("Lisbon", 2)[1]["sky"] == "thunderstorm"
        assert len(there.weather_hourly("Lisbon", hours=5)) == 5
        assert there.air_quality("Lisbon")["ozone"] == 7.5
        assert there.sun_times("Lisbon")["daylight_hours"] == 14.88
        assert there.exchange_rates("USD", ["EUR"])[0]["rate"] == 0.87598
        assert there.convert_currency(100, "USD", "EUR")["result"] == 87.598
        assert there.public_holidays("PT")[0]["name"] == "National Day"
        with pytest.raises(ToolError, match=r"No place 'Nowhere'.*another way"):
            there.weather_now("Nowhere")
        assert there.called == there.names
        assert there.denied == []
        # The cache is the host's, so it works there too: five places, one, and two more.
        assert sum(asked.path == "/search" for asked in site.asked) == 4
