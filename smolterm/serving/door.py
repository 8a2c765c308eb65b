"""Who is let in: the host, the token, the cookie and the origin of a request. Pure.

Whoever is let in can run anything as the person who started the server, so nothing at all is
answered to anybody else. Any page that the person's browser shows may send requests here, and any
program on this machine may, those of other users too.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence

COOKIE = "smolterm"
NO_TOKEN = "Open the address that `smolterm serve` printed: it holds a token that this one lacks."  # noqa: S105
WRONG_HOST = "Nothing is served under this name. Open the address that `smolterm serve` printed."
WRONG_ORIGIN = "Only the server's own page may open a session."
WRONG_METHOD = "Pages are only read here."


class Door:
    """What one run of the server asks for.

    The token stands in the address that is printed, and whoever opens it gets a cookie with another
    secret. Cookies know no ports: a browser sends those of 127.0.0.1 to every program that listens
    on one of its ports. So this one belongs to a folder whose name nobody else knows.

    Args:
        port: where the server listens.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = secrets.token_urlsafe(32)
        self.folder = f"/{secrets.token_urlsafe(16)}/"
        """Where everything is but the entrance."""
        self._pass = secrets.token_urlsafe(32)
        names = ("127.0.0.1", "localhost", "[::1]")
        self.hosts = frozenset(f"{name}:{port}" for name in names) | (
            frozenset(names) if port == 80 else frozenset()
        )

    @property
    def address(self) -> str:
        """The way in, for the person's eyes alone."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The header that gives a browser the cookie."""
        return f"{COOKIE}={self._pass}; Path={self.folder}; HttpOnly; SameSite=Strict"

    def is_token(self, given: str) -> bool:
        return _same(given, self.token)

    def refusal(
        self,
        method: str,
        path: str,
        *,
        hosts: Sequence[str],
        cookies: Mapping[str, str],
        token: str,
        origins: Sequence[str],
        upgrades: bool,
    ) -> str:
        """Return why a request is not answered; empty when it is.

        Args:
            hosts: every `Host` header. A name that is not ours is another site's, whose address was
                made to lead here.
            token: from the address; only the entrance takes it.
            origins: every `Origin` header, which a page cannot choose; none where none was sent.
            upgrades: it asks for a WebSocket. Browsers open those for every page, whatever site it
                is of, and send our cookie along where the site is another port of this machine.
        """
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return WRONG_HOST
        if method not in ("GET", "HEAD"):
            return WRONG_METHOD
        ours = [f"http://{hosts[0].lower()}"]
        if [origin.lower() for origin in origins] != (ours if upgrades or origins else []):
            return WRONG_ORIGIN
        if path == "/":
            return "" if self.is_token(token) else NO_TOKEN
        let_in = _same(cookies.get(COOKIE, ""), self._pass) and path.startswith(self.folder)
        return "" if let_in else NO_TOKEN


def _same(given: str, wanted: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
