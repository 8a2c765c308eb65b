"""Sending a message, by SMTP."""

from __future__ import annotations

import email.utils
import fnmatch
import mimetypes
import re
import smtplib
import ssl
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from smolterm.pack import ToolError, files, settings

from smolterm_mail.address import SECONDS, address, password, trust
from smolterm_mail.address import Address as Server

MOST_RECIPIENTS = 50

_BARE = r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)*"
_ADDRESS = re.compile(
    rf'(?:(?P<quote>"?)(?P<name>[^<>"@,;:\\]*)(?P=quote)\s*<(?P<bare>{_BARE})>|(?P<alone>{_BARE}))',
    re.ASCII | re.IGNORECASE,
)


def written(
    to: Sequence[str], subject: str, body: str, cc: Sequence[str], reply_to: str,
    attachments: Sequence[str],
) -> EmailMessage:  # fmt: skip
    """Return a message.

    Raises:
        ToolError: an address is none, or is not among those that the person allows.
    """
    message = EmailMessage(policy=SMTP)
    sender = _address(settings.get("sender") or address("smtp").user)
    try:
        message["From"] = sender
        message["To"] = _allowed(to)
        if cc:
            message["Cc"] = _allowed(cc)
        message["Subject"] = subject
        message["Date"] = email.utils.formatdate(localtime=True)
        message["Message-ID"] = email.utils.make_msgid(domain=sender.domain)
        if reply_to:
            message["In-Reply-To"] = message["References"] = reply_to
    except ValueError as error:
        raise ToolError(f"The message cannot be written: {error}.") from None
    message.set_content(body)
    for path in attachments:
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        name = path.rpartition("/")[2]
        message.add_attachment(files.read(path), maintype=main, subtype=sub, filename=name)
    return message


def send(message: EmailMessage) -> list[str]:
    """Hand a message to the server and return whom it refused."""
    at = address("smtp")
    try:
        with _connected(at) as server:
            if at.user:
                server.login(at.user, password("smtp"))
            return sorted(server.send_message(message))
    except smtplib.SMTPAuthenticationError:
        raise ToolError(
            "The mail server refused the user or the password.",
            next="The person can store another: smolterm packs secret mail MAIL_PASSWORD",
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        refused = ", ".join(sorted(error.recipients))
        raise ToolError(f"The mail server took none of {refused}. Nothing was sent.") from None
    except smtplib.SMTPNotSupportedError:
        raise ToolError(
            f"{at.host} offers no TLS, and the password does not go there without. "
            "Nothing was sent.",
            next="The person can set smtp to smtps://USER@HOST.",
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        said = " ".join(str(error).split())[:500]
        raise ToolError(f"{at.host}:{at.port} failed: {said}. Nothing was sent.") from None


def _connected(at: Server) -> smtplib.SMTP:
    if at.tls:
        return smtplib.SMTP_SSL(at.host, at.port, timeout=SECONDS, context=trust())
    server = smtplib.SMTP(at.host, at.port, timeout=SECONDS)
    if not at.plain:
        try:
            server.starttls(context=trust())
        except (smtplib.SMTPException, ssl.SSLError, OSError):
            server.close()
            raise
    return server


def _allowed(addresses: Sequence[str]) -> list[Address]:
    if not addresses or len(addresses) > MOST_RECIPIENTS:
        raise ToolError(f"Give 1 to {MOST_RECIPIENTS} addresses.")
    allowed = (settings.get("recipients") or "*").lower().replace(",", " ").split()
    kept: list[Address] = []
    for each in addresses:
        whole = _address(each)
        bare = whole.addr_spec.lower()
        if not any(fnmatch.fnmatchcase(bare, pattern) for pattern in allowed):
            raise ToolError(
                f"{bare} is not among those that may be written to: {', '.join(allowed)}. "
                "Nothing was sent.",
                next="The person can change that: smolterm packs set mail recipients=...",
            )
        kept.append(whole)
    return kept


def _address(text: str) -> Address:
    """Return one address, and nothing that could be read as more than one."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not text.isprintable():
        raise ToolError(
            f"{text!r} is no address. Nothing was sent.", next="ann@example.org is one."
        )
    return Address(display_name=found["name"] or "", addr_spec=found["bare"] or found["alone"])
