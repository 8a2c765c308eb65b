"""What an image tells of itself."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags

from smolterm_images.opening import read

MOST_ENTRIES = 100
LONGEST = 200
"""Characters of one entry."""
TURNED = (5, 6, 7, 8)
"""Orientations that swap width and height."""


def described(content: bytes, path: str) -> dict[str, object]:
    """Return what `describe_image` returns."""
    with read(content, path) as image:
        exif = image.getexif()
        notes: dict[str, Any] = {}
        for number, value in {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}.items():
            notes[ExifTags.TAGS.get(number, str(number))] = value
        width, height = image.size
        if notes.get("Orientation") in TURNED:
            width, height = height, width
        return {
            "format": image.format, "width": width, "height": height, "mode": image.mode,
            "frames": int(getattr(image, "n_frames", 1)), "bytes": len(content),
            "taken": _moment(notes), "camera": _camera(notes),
            "position": _position(exif.get_ifd(ExifTags.IFD.GPSInfo)), "exif": _told(notes),
        }  # fmt: skip


def _told(notes: Mapping[str, Any]) -> dict[str, object]:
    """Return notes that are numbers or short text."""
    found: dict[str, object] = {}
    for name, value in list(notes.items())[:MOST_ENTRIES]:
        plain = _plain(value)
        if plain is not None and name not in ("ExifOffset", "GPSInfo", "MakerNote"):
            found[name] = plain
    return found


def _plain(value: Any) -> object:
    if isinstance(value, str):
        return value.replace("\0", "").strip()[:LONGEST] or None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, tuple):
        return [_plain(each) for each in value[:10]]
    if isinstance(value, bytes):
        return None
    number = _number(value)
    return None if number is None else round(number, 6)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None


def _moment(notes: Mapping[str, Any]) -> str | None:
    for name in ("DateTimeOriginal", "DateTimeDigitized", "DateTime"):
        try:
            taken = datetime.datetime.strptime(str(notes.get(name)).strip(), "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        return taken.isoformat()
    return None


def _camera(notes: Mapping[str, Any]) -> str | None:
    maker, model = (str(_plain(notes.get(name, "")) or "") for name in ("Make", "Model"))
    # Many makers write their name into the model, too.
    return (model if model.lower().startswith(maker.lower()) else f"{maker} {model}") or None


def _position(gps: Mapping[int, Any]) -> dict[str, object] | None:
    latitude = _degrees(gps.get(2), gps.get(1), "S", 90)
    longitude = _degrees(gps.get(4), gps.get(3), "W", 180)
    if latitude is None or longitude is None:
        return None
    return {"latitude": latitude, "longitude": longitude}


def _degrees(parts: Any, side: Any, negative: str, most: int) -> float | None:
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    numbers = [_number(part) for part in parts]
    if None in numbers:
        return None
    degrees, minutes, seconds = (number or 0.0 for number in numbers)
    found = degrees + minutes / 60 + seconds / 3600
    if not 0 <= found <= most:
        return None
    return round(-found if str(side).startswith(negative) else found, 6)
