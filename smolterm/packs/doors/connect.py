"""Connections to addresses that were checked: one look-up, and nothing else is connected to."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpcore

from smolterm.errors import Denied, ToolError
from smolterm.packs.doors.addresses import place_of, plain
from smolterm.packs.doors.hosts import Rule
from smolterm.packs.doors.urls import Address, as_address

Resolve: TypeAlias = Callable[[str, int], list[str]]
"""Takes a host and a port, returns addresses."""
Trust: TypeAlias = Callable[[], ssl.SSLContext]

MOST_ADDRESSES = 8
MOST_RECEIVED = 24_000_000
"""Bytes of one answer as they come over the wire, headers and all."""
MOST_BEFORE_BODY = 300_000
"""Bytes of status lines and headers; a server may send any number of interim answers."""
_PLACES = {
    "loopback": "this machine",
    "private": "a private network",
    "closed": "an address that no public host has",
    "public": "the internet",
}


@dataclass(slots=True)
class Errand:
    """One request on its way: how long it may take and where its host may be."""

    pack: str
    rules: tuple[Rule, ...]
    deadline: float
    """As `time.monotonic` counts."""
    received: int = 0
    sent: int = 0
    most: int = MOST_BEFORE_BODY
    """Bytes that may be received up to now."""
    connected: bool = False
    """A new connection was made for it."""

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            httpcore.TimeoutException: none are.
        """
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return seconds


@dataclass(slots=True)
class Here(threading.local):
    """The errand of the thread that asks; a pool's calls come in the caller's thread."""

    errand: Errand | None = field(default=None)


class CheckedBackend(httpcore.NetworkBackend):
    """Looks a host up once, keeps the addresses that its rule permits, connects to one of them.

    Args:
        here: the errand that a connection is for.
        resolve: who looks hosts up.
        trust: makes the TLS context, at the first connection that needs one.
    """

    def __init__(self, here: Here, resolve: Resolve, trust: Trust) -> None:
        self._here = here
        self._resolve = resolve
        self._trust = trust
        self._plain = httpcore.SyncBackend()
        self._open: set[socket.socket] = set()

    def close(self) -> None:
        """End every wait for a server at once, in whatever thread."""
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                # Not the TLS one's own: it takes away what the other thread reads from.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the host's permitted addresses, each in turn."""
        errand = self._here.errand
        if errand is None:
            raise httpcore.ConnectError("nobody asked for this connection")
        addresses = permitted(errand, host, look_up(errand, host, port, self._resolve))
        for at, address in enumerate(addresses, 1):
            try:
                share = errand.left() / (len(addresses) - at + 1)
                stream = self._plain.connect_tcp(str(address), port, share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if at == len(addresses):
                    raise
            else:
                errand.connected = True
                return TimedStream(stream, self._here, self._trust, self._open)
        raise httpcore.ConnectError("no address")

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Refuse: a request is to a host."""
        raise httpcore.ConnectError("there are no sockets of this machine here")


class TimedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the errand's time, and whose bytes are counted."""

    def __init__(
        self,
        stream: httpcore.NetworkStream,
        here: Here,
        trust: Trust,
        open_: set[socket.socket],
    ) -> None:
        self._stream = stream
        self._here = here
        self._trust = trust
        self._open = open_
        self._socket: socket.socket = stream.get_extra_info("socket")
        open_.add(self._socket)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        errand = self._errand()
        raw = self._stream.read(max_bytes, errand.left())
        errand.received += len(raw)
        if errand.received > errand.most:
            raise httpcore.RemoteProtocolError("the answer does not end")
        return raw

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        errand = self._errand()
        view = memoryview(buffer)
        # httpcore's own loop starts its time anew with each byte that a slow server takes.
        while view:
            try:
                self._socket.settimeout(errand.left())
                taken = self._socket.send(view[:65_536])
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from None
            except OSError as error:
                raise httpcore.WriteError(str(error)) from None
            errand.sent += taken
            view = view[taken:]

    def close(self) -> None:
        self._open.discard(self._socket)
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        # The pool's own context trusts nobody; ours takes a while to make.
        context = self._trust()
        context.set_alpn_protocols(["http/1.1"])
        stream = self._stream.start_tls(context, server_hostname, self._errand().left())
        self._open.discard(self._socket)
        return TimedStream(stream, self._here, self._trust, self._open)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _errand(self) -> Errand:
        if self._here.errand is None:
            raise httpcore.ReadError("nobody asked for this")
        return self._here.errand


def permitted(errand: Errand, host: str, addresses: list[Address]) -> list[Address]:
    """Return the addresses that a rule of the grant permits.

    Raises:
        Denied: it is none of them.
    """
    found = [each for each in addresses if any(rule.permits(each) for rule in errand.rules)]
    if found:
        return found[:MOST_ADDRESSES]
    # Without the address: it would tell a pack how a private network is laid out.
    where = _PLACES[place_of(addresses[0])]
    raise Denied(
        f"{errand.pack} tried to reach {host}, which leads to {where}.",
        next="Such an address must be granted by name, with its scheme: http://127.0.0.1:8080.",
    )


def look_up(errand: Errand, host: str, port: int, resolve: Resolve) -> list[Address]:
    """Return a host's addresses, without waiting longer than the errand may take.

    Raises:
        ToolError: there is no such host.
        httpcore.TimeoutException: it took too long.
    """
    literal = as_address(host)
    if literal is not None:
        return [plain(literal)]
    if host == "localhost" or host.endswith(".localhost"):
        return [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # getaddrinfo knows no time limit; a thread that hangs in it is left behind.
    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=errand.left())
    except queue.Empty:
        raise httpcore.ConnectTimeout("the look-up took too long") from None
    if isinstance(answer, Exception) or not answer:
        raise ToolError(f"There is no host {host}.", next="Check the name and the network.")
    # What is behind a `%` names a network card of this machine.
    return [plain(ipaddress.ip_address(each.partition("%")[0])) for each in dict.fromkeys(answer)]


def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@functools.cache
def system_trust() -> ssl.SSLContext:
    """Return a TLS context that trusts what the system and certifi trust."""
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
