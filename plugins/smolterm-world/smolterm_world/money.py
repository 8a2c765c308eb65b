"""Currencies (Frankfurter: reference rates of central banks)."""

from __future__ import annotations

import re

from smolterm.pack import ToolError, tool

from smolterm_world.service import address, ask, number, rows

_CODE = re.compile(r"[A-Z]{3}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@tool(effect="network")
def exchange_rates(
    base: str = "EUR", to: list[str] | None = None, date: str = ""
) -> list[dict[str, object]]:
    """List what one unit of a currency is worth in others.

    Args:
        base: the currency's three letters, such as "USD".
        to: the other currencies, such as ["EUR", "JPY"]; None for all.
        date: such as "2020-01-31"; "" is the newest.

    Returns:
        [{"date": "2026-07-03", "base": "USD", "currency": "EUR", "rate": 0.876}]. Reference rates
        of central banks, not what a bank charges.

    Example:
        for row in exchange_rates("USD", ["EUR", "JPY"]):
            print(row["currency"], row["rate"])
    """
    if date and not _DATE.fullmatch(date):
        raise ToolError(f"{date!r} is no date.", next="Write it as '2020-01-31'.")
    found = ask(
        "The currency service",
        f"{address('rates_url')}/v2/rates",
        {
            "base": _code(base),
            "quotes": [_code(each) for each in to] if to else None,
            "date": date or None,
        },
        keep=86_400 if date else 3600,
    )
    listed: list[dict[str, object]] = [
        {
            "date": str(row.get("date", "")),
            "base": str(row.get("base", "")),
            "currency": str(row.get("quote", "")),
            "rate": number(row.get("rate")),
        }
        for row in rows(found)
    ]
    if not listed:
        raise ToolError(
            f"There is no rate of {base} to {', '.join(to or ['anything'])} for {date or 'today'}.",
            next="Try another date, or check the codes: exchange_rates('EUR') lists them all.",
        )
    return listed


@tool(effect="network")
def convert_currency(amount: float, source: str, target: str, date: str = "") -> dict[str, object]:
    """Convert an amount of money from one currency to another.

    Args:
        amount: how much.
        source: the currency's three letters, such as "USD".
        target: the other's, such as "EUR".
        date: such as "2020-01-31"; "" is the newest rate.

    Returns:
        {"amount": 100.0, "source": "USD", "result": 87.6, "target": "EUR", "rate": 0.876,
        "date": "2026-07-03"}.

    Example:
        print(convert_currency(100, "USD", "EUR")["result"])
    """
    if _code(source) == _code(target):
        raise ToolError("`source` and `target` are the same currency.")
    rate = exchange_rates(source, [target], date)[0]
    return {
        "amount": amount,
        "source": rate["base"],
        "result": round(amount * number(rate["rate"]), 4),
        "target": rate["currency"],
        "rate": rate["rate"],
        "date": rate["date"],
    }


def _code(currency: str) -> str:
    code = currency.strip().upper()
    if not _CODE.fullmatch(code):
        raise ToolError(
            f"{currency!r} is no currency.", next="Write its three letters, such as 'USD'."
        )
    return code
