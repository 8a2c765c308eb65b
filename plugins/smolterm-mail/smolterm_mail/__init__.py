"""Mail: what a model can call."""

from __future__ import annotations

import datetime
from typing import Literal

from smolterm.pack import tool

MOST_TEXT = 100_000
"""Characters of one message."""


@tool(effect="network")
def list_mail_folders() -> list[dict[str, object]]:
    """List the folders of the mailbox, with how many messages each holds.

    Returns:
        One dict per folder: {"folder": "INBOX", "messages": 12, "unread": 3}.
    """
    from smolterm_mail import box

    with box.opened("") as opened:
        found: list[dict[str, object]] = []
        for folder in opened.folder.list():
            if "\\Noselect" in folder.flags or "\\NonExistent" in folder.flags:
                continue
            status = opened.folder.status(folder.name, ["MESSAGES", "UNSEEN"])
            found.append({
                "folder": folder.name, "messages": status["MESSAGES"], "unread": status["UNSEEN"],
            })  # fmt: skip
        return found


@tool(effect="network")
def search_mail(
    text: str = "",
    sender: str = "",
    subject: str = "",
    since: datetime.date | None = None,
    before: datetime.date | None = None,
    unread: bool = False,
    folder: str = "INBOX",
    limit: int = 20,
) -> list[dict[str, object]]:
    """Find messages, newest first; what is given must all be true of them. None is marked as read.

    Args:
        text: stands anywhere in the message.
        since: from this day on, such as datetime.date(2026, 1, 31).
        before: before this day.
        unread: only those that nobody has read.

    Returns:
        One dict per message: {"uid": "17", "date": "2026-01-31T12:00:00+01:00", "from":
        "Ann <ann@example.org>", "to": [...], "subject": "Hello", "size": 2048, "flags": ["read"]}.

    Example:
        for mail in search_mail(sender="ann@example.org", unread=True):
            print(read_mail(mail["uid"])["text"])
    """
    from smolterm_mail import box, reading

    with box.opened(folder) as opened:
        messages = box.found(
            opened, text=text, sender=sender, subject=subject, since=since, before=before,
            unread=unread, limit=limit,
        )  # fmt: skip
        return [reading.head(each) for each in messages]


@tool(effect="network")
def read_mail(uid: str, folder: str = "INBOX") -> dict[str, object]:
    """Read one message: its text, and what is attached. It is not marked as read.

    Args:
        uid: the number that search_mail gave.

    Returns:
        What search_mail returns of it, and {"text": "...", "message_id": "<a@b>",
        "attachments": [{"name": "a.pdf", "type": "application/pdf", "size": 9000}]}.
    """
    from smolterm_mail import box, reading

    with box.opened(folder) as opened:
        return reading.whole(box.one(opened, uid), MOST_TEXT)


@tool(effect="network")
def read_attachment(uid: str, name: str, folder: str = "INBOX") -> bytes:
    """Read what is attached to a message, as bytes.

    Args:
        uid: the number that search_mail gave.
        name: the attachment's name, as read_mail gave it.
    """
    from smolterm_mail import box, reading

    with box.opened(folder) as opened:
        return reading.attachment(box.one(opened, uid), name)


@tool(effect="write")
def mark_mail(
    uids: list[str], flag: Literal["read", "starred", "answered"], on: bool = True,
    folder: str = "INBOX",
) -> dict[str, object]:  # fmt: skip
    """Mark messages as read, starred or answered, or take that mark away with on=False.

    Returns:
        {"marked": 2}
    """
    from smolterm_mail import box

    numbers = box.checked(uids)
    with box.opened(folder, write=True) as opened:
        box.mark(opened, numbers, box.FLAGS[flag], on)
    return {"marked": len(numbers)}


@tool(effect="write")
def move_mail(uids: list[str], target: str, folder: str = "INBOX") -> dict[str, object]:
    """Move messages to another folder; they have other numbers there.

    Args:
        target: a folder that is there, as list_mail_folders shows it.

    Returns:
        {"moved": 2, "target": "Archive"}
    """
    from smolterm_mail import box

    numbers = box.checked(uids)
    with box.opened(folder, write=True) as opened:
        box.move(opened, numbers, target)
    return {"moved": len(numbers), "target": target}


@tool(effect="danger")
def send_mail(
    to: list[str],
    subject: str,
    body: str,
    cc: list[str] | None = None,
    reply_to: str = "",
    attachments: list[str] | None = None,
) -> dict[str, object]:
    """Send a message. It cannot be called back.

    Args:
        to: addresses, such as ["ann@example.org", "Bob <bob@example.org>"].
        body: plain text.
        reply_to: the message_id that read_mail gave, to answer that message.
        attachments: paths of files in the granted folder.

    Returns:
        {"sent": 2, "refused": [], "message_id": "<a@b>"}; `refused` are addresses that the
        server did not take.
    """
    from smolterm_mail import sending

    message = sending.written(to, subject, body, cc or [], reply_to, attachments or [])
    refused = sending.send(message)
    return {
        "sent": len(to) + len(cc or []) - len(refused),
        "refused": refused,
        "message_id": str(message["Message-ID"]),
    }
