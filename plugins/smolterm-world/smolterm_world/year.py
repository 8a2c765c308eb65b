"""Public holidays (Nager.Date)."""

from __future__ import annotations

import re
import time

from smolterm.pack import ToolError, tool

from smolterm_world.service import address, ask, rows

_COUNTRY = re.compile(r"[A-Z]{2}")


@tool(effect="network")
def public_holidays(country: str, year: int = 0) -> list[dict[str, object]]:
    """List the public holidays of a country in a year.

    Args:
        country: its two letters, such as "PT" or "US".
        year: such as 2026; 0 is this year.

    Returns:
        [{"date": "2026-06-10", "name": "National Day", "local_name": "Dia de Portugal",
        "everywhere": True, "regions": []}]; `regions` names where it is one, such as "DE-BY".

    Example:
        for day in public_holidays("PT", 2026):
            print(day["date"], day["name"])
    """
    code = country.strip().upper()
    if not _COUNTRY.fullmatch(code):
        raise ToolError(
            f"{country!r} is no country's code.",
            next="Write its two letters, such as 'PT'; geocode() tells them as `country_code`.",
        )
    wanted = year or time.gmtime().tm_year
    found = ask(
        "The holiday service",
        f"{address('holidays_url')}/api/v3/PublicHolidays/{wanted}/{code}",
        keep=7 * 86_400,
        missing=f"The holiday service does not know the country {code}.",
    )
    return [
        {
            "date": str(row.get("date", "")),
            "name": str(row.get("name", "")),
            "local_name": str(row.get("localName", "")),
            "everywhere": row.get("global") is True,
            "regions": [str(each) for each in row.get("counties") or []],
        }
        for row in rows(found)
    ]
