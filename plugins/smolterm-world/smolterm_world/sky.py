"""Weather, air and sun (Open-Meteo)."""

from __future__ import annotations

from typing import Any

from smolterm.pack import ToolError, tool

from smolterm_world.places import locate
from smolterm_world.service import address, ask, table

NOW = {
    "temperature_2m": "temperature",
    "apparent_temperature": "feels_like",
    "relative_humidity_2m": "humidity",
    "precipitation": "precipitation",
    "cloud_cover": "clouds",
    "wind_speed_10m": "wind",
    "wind_direction_10m": "wind_from",
}
DAILY = {
    "temperature_2m_min": "low",
    "temperature_2m_max": "high",
    "precipitation_sum": "precipitation",
    "precipitation_probability_max": "chance_of_rain",
    "wind_speed_10m_max": "wind",
}
HOURLY = {
    "temperature_2m": "temperature",
    "precipitation": "precipitation",
    "precipitation_probability": "chance_of_rain",
    "wind_speed_10m": "wind",
}
AIR = {
    "european_aqi": "european_index",
    "us_aqi": "us_index",
    "pm2_5": "pm2_5",
    "pm10": "pm10",
    "nitrogen_dioxide": "nitrogen_dioxide",
    "ozone": "ozone",
}

# The codes of the WMO that Open-Meteo uses (its documentation, "WMO Weather interpretation codes").
SKY = {
    0: "clear",
    1: "mainly clear",
    2: "partly cloudy",
    3: "overcast",
    45: "fog",
    48: "freezing fog",
    51: "light drizzle",
    53: "drizzle",
    55: "heavy drizzle",
    56: "light freezing drizzle",
    57: "freezing drizzle",
    61: "light rain",
    63: "rain",
    65: "heavy rain",
    66: "light freezing rain",
    67: "freezing rain",
    71: "light snow",
    73: "snow",
    75: "heavy snow",
    77: "snow grains",
    80: "light showers",
    81: "showers",
    82: "violent showers",
    85: "light snow showers",
    86: "heavy snow showers",
    95: "thunderstorm",
    96: "thunderstorm with hail",
    99: "thunderstorm with heavy hail",
}


@tool(effect="network")
def weather_now(place: str) -> dict[str, object]:
    """Tell the weather at a place now.

    Args:
        place: a name, an address, or "latitude, longitude".

    Returns:
        {"place": "Lisbon, Portugal", "time": "2026-07-01T15:00", "timezone": "Europe/Lisbon",
        "sky": "clear", "temperature": 27.1, "feels_like": 28.0, "humidity": 48,
        "precipitation": 0.0, "clouds": 3, "wind": 14.2, "wind_from": 320}.
        Degrees Celsius, percent, millimeters, km/h, degrees from north; local time.

    Example:
        print(weather_now("Lisbon")["temperature"])
    """
    where, found = _weather(place, {"current": [*NOW, "weather_code"]}, keep=600)
    now = table(found.get("current"))
    return {
        "place": where["name"],
        "time": now.get("time"),
        "timezone": found.get("timezone"),
        "sky": _sky(now.get("weather_code")),
        **{ours: now.get(theirs) for theirs, ours in NOW.items()},
    }


@tool(effect="network")
def weather_forecast(place: str, days: int = 3) -> list[dict[str, object]]:
    """Tell the weather of the next days at a place, one dict per day, today first.

    Args:
        place: a name, an address, or "latitude, longitude".
        days: 1 to 16.

    Returns:
        [{"date": "2026-07-01", "sky": "light rain", "low": 15.2, "high": 24.8,
        "precipitation": 1.2, "chance_of_rain": 60, "wind": 20.1, "sunrise": "06:12",
        "sunset": "21:05"}]. Degrees Celsius, millimeters, percent, km/h; local time.

    Example:
        for day in weather_forecast("Oslo", days=5):
            print(day["date"], day["sky"], day["high"])
    """
    asked = [*DAILY, "weather_code", "sunrise", "sunset"]
    wanted = {"daily": asked, "forecast_days": _within(days, 16, "days")}
    _, found = _weather(place, wanted, keep=1800)
    return [
        {
            "date": row.get("time"),
            "sky": _sky(row.get("weather_code")),
            **{ours: row.get(theirs) for theirs, ours in DAILY.items()},
            "sunrise": _clock(row.get("sunrise")),
            "sunset": _clock(row.get("sunset")),
        }
        for row in _columns(found.get("daily"))
    ]


@tool(effect="network")
def weather_hourly(place: str, hours: int = 24) -> list[dict[str, object]]:
    """Tell the weather of the next hours at a place, one dict per hour.

    Args:
        place: a name, an address, or "latitude, longitude".
        hours: 1 to 168.

    Returns:
        [{"time": "2026-07-01T15:00", "sky": "clear", "temperature": 27.1, "precipitation": 0.0,
        "chance_of_rain": 5, "wind": 14.2}]. Degrees Celsius, millimeters, percent, km/h.
    """
    wanted = {"hourly": [*HOURLY, "weather_code"], "forecast_hours": _within(hours, 168, "hours")}
    _, found = _weather(place, wanted, keep=1800)
    return [
        {
            "time": row.get("time"),
            "sky": _sky(row.get("weather_code")),
            **{ours: row.get(theirs) for theirs, ours in HOURLY.items()},
        }
        for row in _columns(found.get("hourly"))
    ]


@tool(effect="network")
def air_quality(place: str) -> dict[str, object]:
    """Tell how clean the air is at a place now.

    Returns:
        {"place": ..., "time": ..., "european_index": 22, "us_index": 35, "pm2_5": 6.1,
        "pm10": 11.0, "nitrogen_dioxide": 8.2, "ozone": 70.0}. Micrograms per cubic meter; an index
        below 40 (European) or 50 (US) is good.
    """
    where = locate(place)
    found = table(
        ask(
            "The air service",
            f"{address('air_url')}/v1/air-quality",
            {**_point(where), "current": list(AIR), "timezone": "auto"},
            keep=1800,
        )
    )
    now = table(found.get("current"))
    return {
        "place": where["name"],
        "time": now.get("time"),
        **{ours: now.get(theirs) for theirs, ours in AIR.items()},
    }


@tool(effect="network")
def sun_times(place: str, date: str = "") -> dict[str, object]:
    """Tell when the sun rises and sets at a place, and how long the day is.

    Args:
        place: a name, an address, or "latitude, longitude".
        date: such as "2026-07-01", from three months ago to two weeks ahead; "" is today.

    Returns:
        {"place": ..., "date": "2026-07-01", "timezone": "Europe/Oslo", "sunrise": "03:58",
        "sunset": "22:41", "daylight_hours": 18.72}; local time.
    """
    wanted: dict[str, object] = {"daily": ["sunrise", "sunset", "daylight_duration"]}
    wanted |= {"start_date": date, "end_date": date} if date else {"forecast_days": 1}
    where, found = _weather(place, wanted, keep=3600)
    days = _columns(found.get("daily"))
    if not days:
        raise ToolError(f"The weather service says nothing of {date or 'today'}.")
    day = days[0]
    lasts = day.get("daylight_duration")
    return {
        "place": where["name"],
        "date": day.get("time"),
        "timezone": found.get("timezone"),
        "sunrise": _clock(day.get("sunrise")),
        "sunset": _clock(day.get("sunset")),
        "daylight_hours": round(lasts / 3600, 2) if isinstance(lasts, int | float) else None,
    }


def _weather(
    place: str, wanted: dict[str, object], keep: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    where = locate(place)
    url = f"{address('weather_url')}/v1/forecast"
    query = {**_point(where), "timezone": "auto", **wanted}
    return where, table(ask("The weather service", url, query, keep=keep))


def _point(where: dict[str, Any]) -> dict[str, object]:
    # Rounded to about ten meters, so that the same place is found in the cache.
    return {"latitude": round(where["latitude"], 4), "longitude": round(where["longitude"], 4)}


def _columns(value: object) -> list[dict[str, Any]]:
    """Turn a table that is given by columns into rows."""
    columns = {name: cells for name, cells in table(value).items() if isinstance(cells, list)}
    rows = min((len(cells) for cells in columns.values()), default=0)
    return [{name: cells[row] for name, cells in columns.items()} for row in range(rows)]


def _sky(code: object) -> str:
    return SKY.get(int(code), f"code {code}") if isinstance(code, int | float) else "unknown"


def _clock(moment: object) -> str | None:
    return str(moment).partition("T")[2] or None


def _within(value: int, most: int, name: str) -> int:
    if not 1 <= value <= most:
        raise ToolError(f"`{name}` is {value}; it can be 1 to {most}.")
    return value
