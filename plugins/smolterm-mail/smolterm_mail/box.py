"""The mailbox, by IMAP: the connection, and what is asked of it."""

from __future__ import annotations

import datetime
import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from imap_tools import (
    AND,
    BaseMailBox,
    MailBox,
    MailboxLoginError,
    MailBoxStartTls,
    MailBoxUnencrypted,
)
from imap_tools.errors import ImapToolsError
from imap_tools.message import MailMessage
from imap_tools.utils import encode_folder
from smolterm.pack import ToolError

from smolterm_mail.address import SECONDS, Address, address, password, trust

MOST_FOUND = 500
FLAGS = {"read": "\\Seen", "starred": "\\Flagged", "answered": "\\Answered"}

_UID = re.compile(r"[1-9][0-9]{0,9}")


@contextmanager
def opened(folder: str = "INBOX", *, write: bool = False) -> Iterator[BaseMailBox]:
    """Log in and choose a folder; without `write` the server itself lets nothing be changed."""
    at = address("imap")
    try:
        box = _connected(at)
        box.login(at.user, password("imap"), initial_folder=None)
    except MailboxLoginError:
        raise ToolError(
            "The mail server refused the user or the password.",
            next="The person can store another: smolterm packs secret mail MAIL_PASSWORD",
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise ToolError(
            f"The certificate of {at.host} is not trusted: {error.verify_message}."
        ) from None
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as error:
        raise ToolError(f"The mail server {at.host}:{at.port} failed: {error}.") from None
    try:
        _choose(box, folder, write)
        yield box
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as error:
        raise ToolError(f"The mail server says: {_words(error)}.") from None
    finally:
        _leave(box)


def found(
    box: BaseMailBox, *, text: str, sender: str, subject: str, since: datetime.date | None,
    before: datetime.date | None, unread: bool, limit: int,
) -> list[MailMessage]:  # fmt: skip
    """Return the newest messages that match everything given, without their bodies."""
    if not 0 < limit <= MOST_FOUND:
        raise ToolError(f"`limit` is a number from 1 to {MOST_FOUND}.")
    asked: dict[str, object] = {
        "text": text, "from_": sender, "subject": subject, "date_gte": since, "date_lt": before,
        "seen": False if unread else None,
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if value not in ("", None)}
    for value in (text, sender, subject):
        one_line(value)
    words = f"{text}{sender}{subject}"
    criteria = AND(**given) if given else "ALL"  # type: ignore[arg-type]
    numbers = box.uids(criteria, charset="US-ASCII" if words.isascii() else "UTF-8")
    newest = sorted(numbers, key=int, reverse=True)[:limit]
    if not newest:
        return []
    messages = {
        each.uid: each
        for each in box.fetch(
            AND(uid=",".join(newest)), mark_seen=False, headers_only=True, bulk=True
        )
    }
    return [messages[number] for number in newest if number in messages]


def one(box: BaseMailBox, uid: str) -> MailMessage:
    """Return one message, whole; it stays unread."""
    checked([uid])
    for message in box.fetch(AND(uid=uid), mark_seen=False, bulk=True):
        return message
    raise ToolError(
        f"There is no message {uid} in this folder.", next="search_mail() gives the numbers."
    )


def mark(box: BaseMailBox, uids: Sequence[str], flag: str, on: bool) -> None:
    """Set or take a flag of messages that are there, and do nothing else to the folder."""
    _all_there(box, uids)
    # imap_tools would expunge the folder as well: what others marked as deleted would be gone.
    _done(box.client.uid("STORE", ",".join(uids), f"{'+' if on else '-'}FLAGS.SILENT", f"({flag})"))


def move(box: BaseMailBox, uids: Sequence[str], target: str) -> None:
    """Move messages that are there."""
    if not box.folder.exists(one_line(target)):
        raise ToolError(
            f"There is no mail folder {target!r}.", next="list_mail_folders() shows them."
        )
    _all_there(box, uids)
    # Servers tell more of what they can after the login. Without MOVE, imap_tools would expunge.
    if "MOVE" not in str(box.client.capability()[1]).upper():
        raise ToolError("This mail server cannot move messages in one step. Nothing was done.")
    _done(box.client.uid("MOVE", ",".join(uids), encode_folder(target).decode()))


def one_line(text: str) -> str:
    """Return text that ends no line of the protocol.

    Raises:
        ToolError: it could.
    """
    if not text.isprintable():
        raise ToolError(f"{text[:100]!r} holds characters that cannot be seen.")
    return text


def checked(uids: Sequence[str]) -> list[str]:
    """Return numbers of messages.

    Raises:
        ToolError: there is none, or one is none.
    """
    if not 0 < len(uids) <= MOST_FOUND or not all(map(_UID.fullmatch, uids)):
        raise ToolError(
            f"Give 1 to {MOST_FOUND} numbers of messages as text, such as ['17'].",
            next="search_mail() gives them as `uid`.",
        )
    return list(uids)


def _connected(at: Address) -> BaseMailBox:
    if at.tls:
        return MailBox(at.host, at.port, timeout=SECONDS, ssl_context=trust())
    if not at.plain:
        return MailBoxStartTls(at.host, at.port, timeout=SECONDS, ssl_context=trust())
    return MailBoxUnencrypted(at.host, at.port, timeout=SECONDS)


def _choose(box: BaseMailBox, folder: str, write: bool) -> None:
    if not folder:
        return
    try:
        box.folder.set(one_line(folder), readonly=not write)
    except ImapToolsError:
        raise ToolError(
            f"There is no mail folder {folder!r}.", next="list_mail_folders() shows them."
        ) from None


def _all_there(box: BaseMailBox, uids: Sequence[str]) -> None:
    missing = set(uids) - set(box.uids(AND(uid=",".join(uids))))
    if missing:
        raise ToolError(
            f"There is no message {', '.join(sorted(missing))} in this folder. Nothing was done.",
            next="search_mail() gives the numbers.",
        )


def _done(answer: tuple[str, object]) -> None:
    if answer[0] != "OK":
        raise ToolError(f"The mail server says: {answer[0]} {answer[1]}.")


def _leave(box: BaseMailBox) -> None:
    try:
        box.client.logout()
    except (OSError, imaplib.IMAP4.error):
        box.client.shutdown()


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
