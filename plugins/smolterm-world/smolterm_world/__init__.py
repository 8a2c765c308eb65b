"""The world by public services: where places are, their weather, ways, money and holidays."""

from __future__ import annotations

from smolterm_world.money import convert_currency, exchange_rates
from smolterm_world.places import find_route, geocode, reverse_geocode
from smolterm_world.sky import (
    air_quality,
    sun_times,
    weather_forecast,
    weather_hourly,
    weather_now,
)
from smolterm_world.year import public_holidays

__all__ = [
    "air_quality",
    "convert_currency",
    "exchange_rates",
    "find_route",
    "geocode",
    "public_holidays",
    "reverse_geocode",
    "sun_times",
    "weather_forecast",
    "weather_hourly",
    "weather_now",
]
