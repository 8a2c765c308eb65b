"""Where an address leads: to the internet, into somebody's own network, or back here. Pure."""

from __future__ import annotations

import ipaddress
from typing import Literal, TypeAlias

from smolterm.packs.doors.urls import Address

Place: TypeAlias = Literal["public", "private", "loopback", "closed"]

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
# `is_global` differs between versions of Python; what must not pass stands here too.
_CLOSED = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            "2001::/23", "2001:db8::/32", "3fff::/20",
        ),
    )
)  # fmt: skip
_GLOBAL = ipaddress.ip_network("2000::/3")
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


def plain(address: Address) -> Address:
    """Return an IPv4 address that is written as an IPv6 one as what it is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def place_of(address: Address) -> Place:
    """Return where an address leads; "closed" is what nothing should be sent to."""
    address = plain(address)
    if _in(address, _LOOPBACK):
        return "loopback"
    if _in(address, _PRIVATE):
        return "private"
    if _in(address, _CLOSED):
        return "closed"
    if isinstance(address, ipaddress.IPv4Address):
        return "public" if address.is_global else "closed"
    inner = _carried(address)
    if inner is not None:
        # A way to IPv4: a private address behind it is no better than by itself.
        return "public" if place_of(inner) == "public" else "closed"
    return "public" if address in _GLOBAL and address.is_global else "closed"


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.sixtofour is not None:
        return address.sixtofour
    if _in(address, _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _in(
    address: Address, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    return any(address.version == each.version and address in each for each in networks)
