"""Messages as plain data."""

from __future__ import annotations

from imap_tools.message import MailMessage
from smolterm.pack import ToolError

from smolterm_mail import text
from smolterm_mail.box import FLAGS

LONGEST_ATTACHMENT = 20_000_000
"""Bytes."""


def head(message: MailMessage) -> dict[str, object]:
    """Return what `search_mail` tells of a message."""
    sender = message.from_values
    return {
        "uid": message.uid,
        "date": message.date.isoformat() if message.date_str else None,
        "from": sender.full if sender else message.from_,
        "to": [each.full for each in message.to_values],
        "subject": message.subject,
        "size": message.size_rfc822,
        "flags": [name for name, flag in FLAGS.items() if flag in message.flags],
    }


def whole(message: MailMessage, most: int) -> dict[str, object]:
    """Return what `read_mail` tells of a message.

    Args:
        most: characters of its text.
    """
    said = message.text.replace("\r\n", "\n") or text.plain(message.html)
    if len(said) > most:
        said = f"{said[:most]}\n[{len(said) - most} characters more]"
    attached = [
        {"name": each.filename, "type": each.content_type, "size": each.size}
        for each in message.attachments
    ]
    identity = " ".join(str(message.obj["Message-ID"] or "").split())
    return {**head(message), "text": said, "message_id": identity, "attachments": attached}


def attachment(message: MailMessage, name: str) -> bytes:
    """Return the content of what is attached by a name."""
    names = [each.filename for each in message.attachments]
    if name not in names:
        raise ToolError(f"Nothing is attached as {name!r}.", next=f"Attached: {names}.")
    content = message.attachments[names.index(name)].payload
    if len(content) > LONGEST_ATTACHMENT:
        raise ToolError(f"{name!r} has {len(content)} bytes; {LONGEST_ATTACHMENT} can be read.")
    return content
