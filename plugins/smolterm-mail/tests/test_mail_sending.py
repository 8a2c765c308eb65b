"""Sending mail to a server that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mail_servers
import pytest
from mail_servers import PASSWORD, USER, Smtp
from smolterm.pack import Denied, ToolError
from smolterm.packs.find import read_pack
from smolterm.packs.testing import bound

import smolterm_mail as mail

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")
WHO = USER.replace("@", "%40")


@contextmanager
def allowed(server: Smtp, kind: str = "smtp", **more: str) -> Iterator[None]:
    settings = {"smtp": f"{kind}://{WHO}@127.0.0.1:{server.port}", **more}
    with bound(settings=settings, secrets={"MAIL_PASSWORD": PASSWORD}, native=True):
        yield


def test_a_message_is_sent() -> None:
    with mail_servers.smtp() as server, allowed(server):
        answer = mail.send_mail(
            ["Bob <bob@example.com>"], "Grüße", "Ein Text\nin zwei Zeilen",
            cc=["carl@example.com"], reply_to="<1@example.com>",
        )  # fmt: skip
    [(sender, to, sent)] = server.kept
    assert (sender, to) == (USER, ["bob@example.com", "carl@example.com"])
    assert (sent["From"], sent["To"], sent["Cc"]) == (
        USER, "Bob <bob@example.com>", "carl@example.com",
    )  # fmt: skip
    assert sent["Subject"] == "Grüße" and sent["Date"]
    assert sent["In-Reply-To"] == sent["References"] == "<1@example.com>"
    assert sent.get_content().replace("\r\n", "\n") == "Ein Text\nin zwei Zeilen\n"
    assert answer == {"sent": 2, "refused": [], "message_id": sent["Message-ID"]}


def test_files_of_the_granted_folder_are_attached(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("no")
    folder = tmp_path / "granted"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"a,b\r\n1,2\r\n")
    (folder / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    settings = {"sender": "Ann <ann@example.org>"}
    with mail_servers.smtp() as server:
        settings["smtp"] = f"smtp://{WHO}@127.0.0.1:{server.port}"
        secrets = {"SMTP_PASSWORD": PASSWORD}
        with bound(settings=settings, secrets=secrets, folder=folder, native=True):
            mail.send_mail(["bob@example.com"], "x", "y", attachments=["image.png", "a.csv"])
            for path in ("../secret.txt", str(tmp_path / "secret.txt")):
                with pytest.raises(Denied):
                    mail.send_mail(["bob@example.com"], "x", "y", attachments=[path])
    [(_, _, sent)] = server.kept
    assert sent["From"] == "Ann <ann@example.org>"
    image, table = sent.iter_attachments()
    assert (image.get_filename(), image.get_content_type()) == ("image.png", "image/png")
    assert image.get_content() == b"\x89PNG\r\n\x1a\n\0"
    assert table.get_filename() == "a.csv"


@pytest.mark.parametrize(
    "to",
    [
        [], ["bob"], ["bob@example.com, eve@example.com"], ["bob@example.com\r\nBcc: eve@x.org"],
        ["bob@example.com"] * 51, ["@example.com"], ["bob@"], ["böb@example.com"],
        ['"a@example.org" <e@x.org>'], ["Bob <bob@example.com> <eve@x.org>"], ["bob@example.com\n"],
    ],
)  # fmt: skip
def test_what_is_no_address_is_sent_nothing(to: list[str]) -> None:
    with mail_servers.smtp() as server, allowed(server), pytest.raises(ToolError):
        mail.send_mail(to, "x", "y")
    assert server.kept == []


def test_no_header_can_be_smuggled_in() -> None:
    with mail_servers.smtp() as server, allowed(server):
        for subject, reply in (("x\r\nBcc: eve@x.org", ""), ("x", "<a@b>\nBcc: eve@x.org")):
            with pytest.raises(ToolError, match="cannot be written"):
                mail.send_mail(["bob@example.com"], subject, "y", reply_to=reply)
    assert server.kept == []


def test_only_whom_the_person_allows_is_written_to() -> None:
    with mail_servers.smtp() as server, allowed(
        server, recipients="*@example.org, bob@example.com"
    ):  # fmt: skip
        mail.send_mail(["carl@example.org", "BOB@example.com"], "x", "y")
        for eve in ("eve@example.com", "eve@example.org.evil.com", "Ann <eve@x.org>"):
            with pytest.raises(ToolError, match="not among"):
                mail.send_mail([eve], "x", "y")
            with pytest.raises(ToolError, match="not among"):
                mail.send_mail(["bob@example.com"], "x", "y", cc=[eve])
    assert len(server.kept) == 1


def test_refused_recipients_are_told() -> None:
    with mail_servers.smtp() as server, allowed(server):
        server.refused.add("gone@example.com")
        answer = mail.send_mail(["bob@example.com", "gone@example.com"], "x", "y")
        assert (answer["sent"], answer["refused"]) == (1, ["gone@example.com"])
        with pytest.raises(ToolError, match="Nothing was sent"):
            mail.send_mail(["gone@example.com"], "x", "y")
    assert len(server.kept) == 1


def test_tls_from_the_start(tmp_path: Path) -> None:
    mail_servers.make_certificate(tmp_path)
    with mail_servers.smtp(tmp_path) as server:
        with allowed(server, "smtps", certificates=str(tmp_path / "cert.pem")):
            mail.send_mail(["bob@example.com"], "x", "y")
        with allowed(server, "smtps"), pytest.raises(ToolError, match="Nothing was sent"):
            mail.send_mail(["bob@example.com"], "x", "y")
    assert server.over_tls == [True]


def test_elsewhere_tls_is_switched_on_before_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_servers.make_certificate(tmp_path)
    monkeypatch.setattr("smolterm_mail.address._is_here", lambda host: False)
    with (
        mail_servers.smtp(tmp_path, starttls=True) as server,
        allowed(server, certificates=str(tmp_path / "cert.pem")),
    ):
        mail.send_mail(["bob@example.com"], "x", "y")
    assert server.over_tls == [True]
    with (
        mail_servers.smtp() as plain,
        allowed(plain),
        pytest.raises(ToolError, match="offers no TLS"),
    ):
        mail.send_mail(["bob@example.com"], "x", "y")
    assert plain.kept == []


def test_a_server_without_a_password_is_used_without_one() -> None:
    with (
        mail_servers.smtp(open=True) as server,
        bound(
            settings={"smtp": f"smtp://127.0.0.1:{server.port}", "sender": "a@example.org"},
            native=True,
        ),
    ):
        mail.send_mail(["bob@example.com"], "x", "y")
    assert [sender for sender, _, _ in server.kept] == ["a@example.org"]


def test_the_wrong_password_is_told_and_not_shown() -> None:
    with mail_servers.smtp() as server:
        settings = {"smtp": f"smtp://{WHO}@127.0.0.1:{server.port}"}
        with (
            bound(settings=settings, secrets={"MAIL_PASSWORD": "wr0ng"}, native=True),
            pytest.raises(ToolError, match="refused") as told,
        ):
            mail.send_mail(["bob@example.com"], "x", "y")
    assert "wr0ng" not in str(told.value) and server.kept == []


def test_the_manifest_fits_the_tools() -> None:
    found = read_pack("mail", "smolterm_mail")
    assert found.manifest is not None
    effects = {name: entry.effect for name, entry in found.manifest.tools.items()}
    assert effects == {name: getattr(mail, name).effect for name in effects}
