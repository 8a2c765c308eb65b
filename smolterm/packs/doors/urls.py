"""URLs, read once and strictly: what is checked is what is connected to. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

LONGEST = 16_384
PORTS = {"https": 443, "http": 80}

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.I | re.S)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@%\\]+)(?::([0-9]{1,5})?)?", re.I)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?")
# What other readers of addresses take for a number: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_KEPT = "%/:@!$&'()*+,;=~?[]|"


class BadUrl(ValueError):
    """What is no URL that could be requested; its text says why."""


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL."""

    scheme: str
    host: str
    """In lower case, ASCII; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query, percent-encoded."""

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port: what the Host header holds."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target


def read_url(text: str) -> Url:
    """Read a URL.

    Raises:
        BadUrl: another scheme, a user in it, an odd host or port, control characters, too long.
    """
    text = text.strip(" ")
    if len(text) > LONGEST:
        raise BadUrl(f"the address is longer than {LONGEST} characters")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise BadUrl("the address holds control characters")
    match = _URL.fullmatch(text)
    if match is None:
        raise BadUrl(f"{text[:100]!r} is no http or https address")
    scheme = match[1].lower()
    host, port = read_authority(match[2], PORTS[scheme])
    return Url(scheme, host, port, _quoted(match[3] or "/") + _quoted(match[4] or ""))


def read_authority(text: str, port: int) -> tuple[str, int]:
    """Return host and port of `host`, `host:port` or `[v6]:port`; `port` where it has none.

    Raises:
        BadUrl: it is not written as a browser would write it.
    """
    if "@" in text:
        raise BadUrl("the address holds a user or password; give them as `auth`")
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise BadUrl(f"{text[:100]!r} is no host")
    if match[2]:
        port = int(match[2])
        if not 0 < port < 65_536:
            raise BadUrl(f"{port} is no port")
    return read_host(match[1]), port


def read_host(text: str) -> str:
    """Return a host in its one spelling: ASCII in lower case, an address as `ipaddress` writes it.

    Raises:
        BadUrl: it is none, or another reader could take it for something else.
    """
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            raise BadUrl(f"{text[:100]!r} is no IPv6 address") from None
    host = (text if text.isascii() else _ascii(text)).lower()
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise BadUrl(f"{text[:100]!r} is no host")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise BadUrl(f"{text[:100]!r} is an odd spelling of an address") from None
    return host


def as_address(host: str) -> Address | None:
    """Return a host that `read_host` gave as an address, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _ascii(text: str) -> str:
    import idna

    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise BadUrl(f"{text[:100]!r} is no host") from None


def _quoted(text: str) -> str:
    return quote(text, safe=_KEPT, errors="replace")
