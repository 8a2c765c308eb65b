"""Which hosts an entry of a grant names, and which addresses it lets them have. Pure.

| entry | names |
|---|---|
| `api.x.org` | that host by https, port 443 |
| `api.x.org:8443` | that host by https, that port |
| `*.x.org` | every host below x.org, not x.org itself |
| `*` | every public host, by https or http |
| `http://127.0.0.1:8080`, `https://x.org:8443` | that scheme, host and port |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smolterm.packs.doors.addresses import place_of, plain
from smolterm.packs.doors.urls import PORTS, Address, BadUrl, Url, as_address, read_authority

# Names that only the person's own network gives; nobody outside can point them anywhere.
_OWN = (".localhost", ".local", ".lan", ".home", ".internal", ".intranet", ".corp", ".home.arpa",
        ".test")  # fmt: skip
LOWEST_FREE_PORT = 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry, read."""

    entry: str
    scheme: str | None
    """None: either."""
    host: str
    """A host, `.x.org` for all below it, or empty for all."""
    port: int | None
    """None: the scheme's own, or one that needs no rights."""

    @property
    def wide(self) -> bool:
        """Whether it names more than one host."""
        return not self.host or self.host.startswith(".")

    def names(self, url: Url) -> bool:
        """Tell whether a URL's scheme, host and port are those of the entry."""
        if self.scheme not in (None, url.scheme):
            return False
        if self.port is None:
            if url.port != PORTS[url.scheme] and url.port < LOWEST_FREE_PORT:
                return False
        elif self.port != url.port:
            return False
        if self.wide:
            # An address has no host above it.
            return url.host.endswith(self.host) and (not self.host or as_address(url.host) is None)
        return url.host == self.host

    def permits(self, address: Address) -> bool:
        """Tell whether the host may be at an address.

        Loopback and private ones must be granted by name: as the address itself, as a name that
        only the person's own network gives, or, for a private one, by https, where a stranger who
        points his name at it lacks the certificate.
        """
        place = place_of(address)
        if place == "public":
            return True
        if self.wide:
            return False
        literal = as_address(self.host)
        if literal is not None:
            return plain(literal) == plain(address)
        if "." not in self.host or self.host.endswith(_OWN):
            return place in ("loopback", "private")
        return self.scheme == "https" and place == "private"


def read_rule(entry: str) -> Rule:
    """Read an entry of `hosts`.

    Raises:
        BadUrl: it names no host.
    """
    text = entry.strip()
    scheme, mark, rest = text.partition("://")
    if mark and scheme.lower() not in PORTS:
        raise BadUrl(f"{entry[:100]!r} is neither http nor https")
    if mark:
        scheme = scheme.lower()
    else:
        scheme, rest = "https", text
    # A setting may hold the whole address of an API; an entry is about its host.
    authority = rest.split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    if authority == "*":
        return Rule(entry, scheme if mark else None, "", PORTS[scheme] if mark else None)
    below = authority.startswith("*.")
    host, port = read_authority(authority.removeprefix("*."), PORTS[scheme])
    if below and ("." not in host or as_address(host) is not None):
        raise BadUrl(f"{entry[:100]!r} names too much")
    return Rule(entry, scheme, f".{host}" if below else host, port)


def read_rules(entries: Iterable[str]) -> tuple[Rule, ...]:
    """Read entries; one that names no host grants nothing."""
    found: list[Rule] = []
    for entry in entries:
        try:
            found.append(read_rule(entry))
        except BadUrl:
            continue
    return tuple(found)


def naming(rules: Iterable[Rule], url: Url) -> tuple[Rule, ...]:
    """Return the rules that name a URL's host."""
    return tuple(rule for rule in rules if rule.names(url))
