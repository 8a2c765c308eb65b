"""The mail pack in its own process: every tool, checked as the engine checks it."""

from __future__ import annotations

import datetime
from pathlib import Path

import mail_servers
import pytest
from hosting import hosting
from mail_servers import PASSWORD, USER, Dovecot
from smolterm.packs.doors.grant import Grant
from test_mail_reading import message

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


def test_every_tool_works_in_the_packs_process(dovecot_server: Dovecot, tmp_path: Path) -> None:
    dovecot_server.clear()
    made = message("with a file")
    made.add_attachment(b"\0\xff", maintype="application", subtype="pdf", filename="a.pdf")
    dovecot_server.deliver(made)
    dovecot_server.deliver(message("old"), folder="Archive")
    (tmp_path / "a.txt").write_text("hello")
    who = USER.replace("@", "%40")
    with mail_servers.smtp() as server:
        settings = {
            "imap": f"imap://{who}@127.0.0.1:{dovecot_server.imap}",
            "smtp": f"smtp://{who}@127.0.0.1:{server.port}",
        }
        grant = Grant(
            pack="mail", folder=str(tmp_path), read=("**",), settings=settings,
            secrets={"MAIL_PASSWORD": ()}, secret_values={"MAIL_PASSWORD": PASSWORD},
        )  # fmt: skip
        with hosting("smolterm_mail", grant) as mail:
            assert [each["folder"] for each in mail.list_mail_folders()]
            [found] = mail.search_mail(since=datetime.date(2026, 1, 1))
            assert mail.read_mail(found["uid"])["attachments"][0]["name"] == "a.pdf"
            assert mail.read_attachment(found["uid"], "a.pdf") == b"\0\xff"
            mail.mark_mail([found["uid"]], "read")
            mail.move_mail([found["uid"]], "Archive")
            assert mail.search_mail() == []
            assert mail.send_mail(["bob@example.com"], "x", "y", attachments=["a.txt"])["sent"] == 1
            assert mail.called == mail.names
    assert len(server.kept) == 1
