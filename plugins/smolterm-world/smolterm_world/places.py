"""Where places are (Nominatim) and how to get from one to another (OSRM)."""

from __future__ import annotations

import re
from typing import Any, Literal

from smolterm.pack import ToolError, settings, tool

from smolterm_world.service import address, ask, number, rows, table

MONTH = 30 * 86_400
MOST_STEPS = 100
_POINT = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*[,;]\s*(-?\d{1,3}(?:\.\d+)?)\s*")


@tool(effect="network")
def geocode(place: str, limit: int = 5, language: str = "en") -> list[dict[str, object]]:
    """Find where a place is: its latitude and longitude, by a name or an address.

    Args:
        place: such as "Lisbon", "Berlin, Germany" or "10 Downing Street, London".
        limit: the most places to return, 1 to 40.
        language: of the names.

    Returns:
        The best first: [{"name": "Lisbon, Portugal", "latitude": 38.71, "longitude": -9.14,
        "kind": "city", "country": "Portugal", "country_code": "PT"}]. Empty if nothing is found.

    Example:
        lisbon = geocode("Lisbon")[0]
        print(lisbon["latitude"], lisbon["longitude"])
    """
    if not place.strip():
        raise ToolError("`place` is empty.", next="Give a name or an address.")
    found = ask(
        "The map service",
        f"{address('places_url')}/search",
        {
            "q": place.strip()[:300],
            "format": "jsonv2",
            "addressdetails": 1,
            "limit": max(1, min(limit, 40)),
            "accept-language": language,
        },
        keep=MONTH,
    )
    return [_place(row) for row in rows(found)]


@tool(effect="network")
def reverse_geocode(latitude: float, longitude: float, language: str = "en") -> dict[str, object]:
    """Find the address at a latitude and longitude.

    Returns:
        {"name": the whole address, "latitude": 38.71, "longitude": -9.14, "kind": "road",
        "country": "Portugal", "country_code": "PT", "address": {"road": ..., "city": ...}}.

    Example:
        print(reverse_geocode(38.7077, -9.1366)["name"])
    """
    _check(latitude, longitude)
    found = table(
        ask(
            "The map service",
            f"{address('places_url')}/reverse",
            {
                "lat": latitude,
                "lon": longitude,
                "format": "jsonv2",
                "accept-language": language,
            },
            keep=MONTH,
        )
    )
    # An ocean is answered with 200 and an error in the body.
    if "error" in found or "lat" not in found:
        raise ToolError(
            f"There is no address at {latitude}, {longitude}.",
            next="It may be at sea: try near it.",
        )
    return {**_place(found), "address": table(found.get("address"))}


@tool(effect="network")
def find_route(
    start: str, end: str, by: Literal["car", "bike", "foot"] = "car", steps: int = 0
) -> dict[str, object]:
    """Find the way from one place to another: distance, time and, if wanted, each turn.

    Args:
        start: a name, an address, or "latitude, longitude".
        end: the same.
        by: "car", "bike" or "foot".
        steps: how many turns to return, at most 100; 0 for none.

    Returns:
        {"start": "Lisbon, Portugal", "end": "Porto, Portugal", "kilometers": 313.4,
        "minutes": 184.0, "steps": [{"do": "turn left", "road": "A1", "meters": 1200}]}.

    Example:
        way = find_route("Lisbon", "Porto")
        print(way["kilometers"], way["minutes"])
    """
    first, last = locate(start), locate(end)
    points = ";".join(f"{place['longitude']},{place['latitude']}" for place in (first, last))
    path = settings["route_path"].replace("{by}", by).strip("/")
    found = table(
        ask(
            "The route service",
            f"{address('route_url')}/{path}/{points}",
            {"overview": "false", "steps": steps > 0},
            keep=86_400,
            missing="The route service knows no such path; see `route_path` in its settings.",
        )
    )
    if not rows(found.get("routes")):
        raise ToolError(f"There is no way from {start} to {end} by {by}.", next="Try another `by`.")
    route = rows(found["routes"])[0]
    turns = [_turn(step) for leg in rows(route.get("legs")) for step in rows(leg.get("steps"))]
    return {
        "start": first["name"],
        "end": last["name"],
        "kilometers": round(number(route.get("distance")) / 1000, 2),
        "minutes": round(number(route.get("duration")) / 60, 1),
        "steps": turns[: max(0, min(steps, MOST_STEPS))],
    }


def locate(place: str) -> dict[str, Any]:
    """Return the best match for a place, or the point that is written out.

    Raises:
        ToolError: nothing was found.
    """
    if match := _POINT.fullmatch(place):
        latitude, longitude = float(match[1]), float(match[2])
        _check(latitude, longitude)
        return {"name": f"{latitude}, {longitude}", "latitude": latitude, "longitude": longitude}
    found = geocode(place, limit=1)
    if not found:
        raise ToolError(
            f"No place {place!r} was found.",
            next="Write it another way, such as 'Paris, Texas', or give 'latitude, longitude'.",
        )
    return found[0]


def _check(latitude: float, longitude: float) -> None:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ToolError(
            f"{latitude}, {longitude} is no point on Earth.",
            next="Latitude, -90 to 90, comes first; longitude, -180 to 180, after it.",
        )


def _place(row: dict[str, Any]) -> dict[str, object]:
    where = table(row.get("address"))
    return {
        "name": str(row.get("display_name", "")),
        "latitude": number(row.get("lat")),
        "longitude": number(row.get("lon")),
        "kind": str(row.get("addresstype") or row.get("type") or ""),
        "country": str(where.get("country", "")),
        "country_code": str(where.get("country_code", "")).upper(),
    }


def _turn(step: dict[str, Any]) -> dict[str, object]:
    what = table(step.get("maneuver"))
    do = " ".join(str(what.get(part, "")) for part in ("type", "modifier"))
    return {
        "do": do.strip(),
        "road": str(step.get("name") or step.get("ref") or ""),
        "meters": round(number(step.get("distance", 0))),
    }
