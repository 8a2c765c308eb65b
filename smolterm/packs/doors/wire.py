"""Requests over the wire: one answer each, within its time and size, from a checked address.

httpcore does TLS and HTTP/1.1; there is no client above it that would keep cookies, read the
environment or a `.netrc`, or follow a redirect by itself.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smolterm.packs.doors.hosts import Rule
from smolterm.packs.doors.inflate import Inflate
from smolterm.packs.doors.urls import Url

if TYPE_CHECKING:
    import httpcore

    from smolterm.packs.doors.connect import Errand, Resolve

LONGEST = 20_000_000
"""Bytes of one body, sent or, once it is decompressed, received."""


@dataclass(slots=True)
class Counts:
    """What went through the door so far."""

    requests: int = 0
    sent: int = 0
    received: int = 0
    """Bytes over the wire, TLS not counted."""


class NoAnswer(Exception):
    """Why there is none, without the address."""

    def __init__(self, what: str, next: str = "") -> None:
        super().__init__(what)
        self.next = next


class Wire:
    """The connections of one pack; kept for a moment, each to an address that was checked.

    Args:
        resolve: who looks hosts up; None asks the system.
        trust: makes the TLS context; None trusts what the system and certifi trust.
    """

    def __init__(self, resolve: Resolve | None, trust: Callable[[], ssl.SSLContext] | None) -> None:
        import httpcore

        from smolterm.packs.doors import connect

        self._core = httpcore
        self._connect = connect
        self._here = connect.Here()
        self._backend = connect.CheckedBackend(
            self._here, resolve or connect.system_resolve, trust or connect.system_trust
        )
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            max_connections=10,
            max_keepalive_connections=5,
            keepalive_expiry=5.0,
            network_backend=self._backend,
        )

    def send(
        self,
        method: str,
        url: Url,
        headers: list[tuple[bytes, bytes]],
        body: bytes | None,
        *,
        pack: str,
        rules: tuple[Rule, ...],
        deadline: float,
        counts: Counts,
        keep: Callable[[int], bool],
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Send one request and return status, headers and decompressed body.

        Args:
            keep: takes a status; whether the body is worth reading.

        Raises:
            NoAnswer: no connection, too slow, too large, or no HTTP.
            Denied: the host is at an address that it may not be at.
        """
        errand = self._connect.Errand(pack, rules, deadline)
        self._here.errand = errand
        request = self._core.Request(
            method,
            self._core.URL(
                scheme=url.scheme, host=url.host, port=url.port, target=url.target.encode()
            ),
            headers=headers,
            content=body or b"",
            extensions={"timeout": {"pool": errand.left()}},
        )
        try:
            return self._exchange(request, keep, errand)
        except self._core.TimeoutException:
            raise NoAnswer(
                "there was no whole answer in time", next="Try again, or ask for less."
            ) from None
        except self._core.ConnectError as error:
            raise NoAnswer(
                f"no connection: {error}"[:300], next="Check the address and the network."
            ) from None
        except (self._core.NetworkError, self._core.ProtocolError) as error:
            raise NoAnswer(f"the answer is broken: {error}"[:300]) from None
        finally:
            self._here.errand = None
            counts.sent += errand.sent
            counts.received += errand.received

    def close(self) -> None:
        """Close every connection."""
        self._backend.close()
        self._pool.close()

    def _exchange(
        self, request: httpcore.Request, keep: Callable[[int], bool], errand: Errand
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        response = self._answer(request, errand)
        errand.most = self._connect.MOST_RECEIVED
        try:
            headers = [(_text(name), _text(value)) for name, value in response.headers]
            content = b""
            if keep(response.status) and request.method != b"HEAD":
                content = self._body(response, headers, errand)
        finally:
            response.close()
        return response.status, headers, content

    def _answer(self, request: httpcore.Request, errand: Errand) -> httpcore.Response:
        try:
            return self._pool.handle_request(request)
        except (self._core.RemoteProtocolError, self._core.ReadError, self._core.WriteError):
            # The server may have closed a kept connection in the moment that it was used again.
            if errand.received or errand.connected or request.method not in (b"GET", b"HEAD"):
                raise
        return self._pool.handle_request(request)

    def _body(
        self, response: httpcore.Response, headers: list[tuple[str, str]], errand: Errand
    ) -> bytes:
        by_name = {name.lower(): value for name, value in headers}
        promised = by_name.get("content-length", "")
        if promised.isdigit() and int(promised[:20]) > LONGEST:
            raise NoAnswer(f"the answer has {promised[:20]} bytes; {LONGEST} can be read")
        inflate = Inflate(by_name.get("content-encoding", ""))
        found: list[bytes] = []
        size = 0
        for raw in response.iter_stream():
            for piece in inflate.feed(raw):
                size += len(piece)
                if size > LONGEST:
                    raise NoAnswer(f"the answer has more than {LONGEST} bytes")
                errand.left()
                found.append(piece)
        inflate.end()
        return b"".join(found)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
