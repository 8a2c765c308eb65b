"""A real dovecot, an SMTP server that keeps what it is sent, and certificates for both."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

USER = "ann@example.org"
PASSWORD = "a pass'word & m0re"

DOVECOT = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """Its ports, its folder, and whom it must be trusted by."""

    imap: int
    imaps: int
    folder: Path
    certificates: Path

    def deliver(self, message: EmailMessage, *, folder: str = "") -> None:
        """Put a message into a folder of the mailbox, as a delivery agent does."""
        box = self.folder / "mail" / (f".{folder}" if folder else "")
        name = f"{time.time_ns()}.{os.getpid()}.here"
        self._put(box, message.as_bytes(), name)

    def _put(self, box: Path, raw: bytes, name: str) -> None:
        about = (self.folder / "mail").stat()
        for each in (box, box / "tmp", box / "new", box / "cur"):
            if not each.exists():
                each.mkdir()
                os.chown(each, about.st_uid, about.st_gid)
        (box / "tmp" / name).write_bytes(raw)
        os.chown(box / "tmp" / name, about.st_uid, about.st_gid)
        (box / "tmp" / name).rename(box / "new" / name)

    def clear(self) -> None:
        """Empty the mailbox."""
        for each in (self.folder / "mail").iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
    if program is None or not Path("/usr/lib/dovecot/imap").exists():
        pytest.skip("dovecot-imapd is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    if not version.startswith("2.3."):
        pytest.skip(f"dovecot {version.strip()} is configured otherwise than 2.3")
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    group = grp.getgrgid(owner.pw_gid).gr_name
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    with tempfile.TemporaryDirectory(prefix="smolterm-") as name:
        folder, imap, imaps = Path(name), free_port(), free_port()
        make_certificate(folder)
        (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
        (folder / "mail").mkdir()
        (folder / "run").mkdir()
        text = DOVECOT.format(
            folder=folder, user=owner.pw_name, group=group, uid=owner.pw_uid,
            gid=owner.pw_gid, imap=imap, imaps=imaps,
        )  # fmt: skip
        (folder / "dovecot.conf").write_text(text)
        as_user: list[str] = []
        if os.getuid() == 0:
            for each in (folder, *folder.iterdir()):
                os.chown(each, owner.pw_uid, owner.pw_gid)
            as_user = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}",
                       "--clear-groups"]  # fmt: skip
        process = subprocess.Popen(
            [*as_user, program, "-F", "-c", folder / "dovecot.conf"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        try:
            _wait(process, imap, folder / "log")
            yield Dovecot(imap, imaps, folder, folder / "cert.pem")
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                assert line.recv(4) == b"* OK"
            return
        except OSError:
            said = log.read_text() if log.exists() else ""
            assert process.poll() is None and time.monotonic() < end, said
            time.sleep(0.02)


def make_certificate(folder: Path) -> None:
    """Write cert.pem and key.pem for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass
class Smtp:
    """An SMTP server that keeps each message.

    Attributes:
        kept: sender, recipients and message, as they came.
        refused: recipients that it does not take.
        over_tls: for each message, whether it came encrypted.
    """

    port: int = field(default_factory=free_port)
    kept: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    over_tls: list[bool] = field(default_factory=list)

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes) and envelope.mail_from is not None
        message = BytesParser(EmailMessage, policy=default).parsebytes(content)
        self.kept.append((envelope.mail_from, list(envelope.rcpt_tos), message))
        self.over_tls.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 kept"


@contextmanager
def smtp(
    certificate: Path | None = None, *, starttls: bool = False, open: bool = False
) -> Iterator[Smtp]:
    """Run a server in a thread.

    Args:
        certificate: folder of cert.pem and key.pem; None offers no TLS.
        starttls: TLS is switched on by the client, not there from the start.
        open: it asks for no password.
    """

    def authenticated(server: Any, session: Any, envelope: Any, how: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(
            success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False
        )

    kept = Smtp()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    controller = Controller(
        kept, hostname="127.0.0.1", port=kept.port, authenticator=authenticated,
        auth_required=not open, auth_require_tls=False,
        ssl_context=None if starttls else context, tls_context=context if starttls else None,
    )  # fmt: skip
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()
