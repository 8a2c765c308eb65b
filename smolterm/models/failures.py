"""How a provider's failures become ours.

What a provider says about a failure is hostile input: it is made printable, cut, and freed of keys
before anybody reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from smolterm.errors import (
    BadReply,
    BadRequest,
    ContextTooLong,
    ModelError,
    ModelNotFound,
    ModelTimeout,
    Overloaded,
    RateLimited,
    Transient,
    Unreachable,
    WrongKey,
)
from smolterm.models.providers import OWN_KEY, Route

SHOWN = 300
"""Characters of a provider's words that a person gets to see."""

_TOO_LONG = re.compile(
    r"context.?(length|window|size)|maximum context|prompt is too long|too many (input )?tokens"
    r"|too large for model|reduce the length",
    re.I,
)
_NO_MODEL = re.compile(
    r"model\W.{0,200}(not found|not exist|not available|unknown)|(unknown|invalid|no such) model"
    r"|model_?not_?found|not a valid model",
    re.I | re.S,
)
_KEY = re.compile(r"\bkeys?\b|token|credential|authenti|unauthori", re.I)
_NO_MONEY = re.compile(
    r"insufficient.(quota|balance|credit|funds)|exceeded your current quota", re.I
)


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """Return foreign text as one printable line of at most 300 characters, keys masked."""
    text = mask(text[: 16 * SHOWN], secrets)
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= SHOWN else words[: SHOWN - 1] + "…"


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret replaced by three stars."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def secrets_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that look like secrets by their names, long ones first."""
    named = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.I)
    # A short value would put stars into ordinary words.
    values = (value.strip() for name, value in environ.items() if named.search(name))
    found = {value for value in values if len(value) >= 8}
    return tuple(sorted(found, key=len, reverse=True))


def words_in(body: Any) -> tuple[str, str]:
    """Return code and message of an error's JSON body, in any of the shapes that providers use."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, str):
            return "", inner
        if isinstance(inner, Mapping):
            code = inner.get("code") or inner.get("type") or ""
            said = inner.get("message") or inner.get("detail") or body.get("detail") or inner
            return str(code), str(said)
    return "", str(body or "")


def from_status(
    status: int, code: str, words: str, route: Route, wait: float | None = None
) -> ModelError:
    """Return the error for an HTTP status and the provider's words, already cleaned.

    Args:
        wait: seconds that the provider asks for.
    """
    who = route.provider
    said = f": {words}" if words else "."
    both = f"{code} {words}"
    if status in (400, 413, 422) and _TOO_LONG.search(both):
        return ContextTooLong(
            f"The conversation is too long for {route.model}{said}",
            next="Start a new session, or choose a model with a larger context.",
        )
    if status == 401 or (status == 403 and _KEY.search(both)):
        return WrongKey(f"{who} refused the key{said}", next=key_advice(route))
    if status in (400, 404, 422) and _NO_MODEL.search(both):
        return ModelNotFound(
            f"{who} does not serve {route.model}{said}", next="Check the model's name."
        )
    if status == 402 or _NO_MONEY.search(both):
        return BadRequest(f"{who} wants to be paid first{said}", next="Check your account there.")
    error: Transient
    if status == 429:
        when = f"in {wait:.0f} s" if wait else "later"
        error = RateLimited(f"{who} limits the rate of requests{said}", next=f"Try again {when}.")
    elif status in (408, 504, 524):
        error = ModelTimeout(f"{who} took too long{said}", next="Try again later.")
    elif status in (409, 425) or status >= 500:
        error = Overloaded(
            f"{who} cannot answer now (status {status}){said}", next="Try again later."
        )
    elif status == 404:
        return ModelNotFound(
            f"{who} does not serve {route.model} (status 404){said}",
            next="Check the model's name and the server's address.",
        )
    elif status >= 400:
        return BadRequest(f"{who} refused the request (status {status}){said}")
    else:
        return BadReply(f"{who} answered with status {status}{said}", next="Check the address.")
    error.retry_after = wait
    return error


def key_advice(route: Route) -> str:
    """Return what to do about a refused key, naming its variable and never its value."""
    if route.key_env:
        return f"Check {route.key_env}."
    return f"Set {OWN_KEY}." if route.base_url else "Set the provider's key."


def unreachable(route: Route, why: str = "") -> Unreachable:
    """Return the error for an address where nothing answers."""
    place = route.base_url or route.provider
    if not route.is_local:
        said = f": {why}" if why else "."
        return Unreachable(f"{place} cannot be reached{said}", next="Check the network.")
    start = f"the server with `{route.start}`" if route.start else "the server"
    return Unreachable(
        f"Nothing listens on {place}.", next=f"Start {start}, or choose another model."
    )
