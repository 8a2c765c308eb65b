"""Where the servers are, and that no password goes there in the clear."""

from __future__ import annotations

import ipaddress
import ssl
import urllib.parse
from dataclasses import dataclass

import certifi
from smolterm.pack import ToolError, secrets, settings

SECONDS = 30.0
PORTS = {"imaps": 993, "imap": 143, "smtps": 465, "smtp": 587}


@dataclass(frozen=True)
class Address:
    """One server."""

    host: str
    port: int
    user: str
    tls: bool
    """From the first byte on; else it is switched on before the password."""
    plain: bool
    """It may do without TLS: it is this machine."""


def address(name: str) -> Address:
    """Return the server in a setting.

    Args:
        name: "imap" or "smtp".
    """
    told = f"The person can change it: smolterm packs set mail {name}={name}s://USER@HOST"
    try:
        parts = urllib.parse.urlsplit(settings[name])
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        host, port = "", 0
    if not host or parts.scheme not in (name, f"{name}s"):
        raise ToolError(f"The setting {name!r} is no address of a mail server.", next=told)
    return Address(
        host=host,
        port=port,
        user=urllib.parse.unquote(parts.username or ""),
        tls=parts.scheme.endswith("s"),
        plain=_is_here(host),
    )


def password(name: str) -> str:
    """Return the password for "imap" or "smtp"."""
    if name == "smtp" and secrets.has("SMTP_PASSWORD"):
        return secrets["SMTP_PASSWORD"]
    return secrets["MAIL_PASSWORD"]


def trust() -> ssl.SSLContext:
    """Return what a server's certificate is checked by."""
    file = settings.get("certificates")
    try:
        context = ssl.create_default_context(cafile=file or certifi.where())
    except (OSError, ssl.SSLError):
        raise ToolError(
            "The file in the setting 'certificates' cannot be read.",
            next="It holds certificates as PEM, and lies below /etc or in the granted folder.",
        ) from None
    if not file:
        context.load_default_certs()
    return context


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
