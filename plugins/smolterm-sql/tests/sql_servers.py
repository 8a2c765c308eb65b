"""Real database servers on free loopback ports, each with a temporary data folder."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pymysql
import pytest

PASSWORD = "a pass'word & more"
SECONDS = 60


@dataclass(frozen=True)
class Server:
    """Where it answers."""

    address: str
    password: str
    data: Path
    certificates: Path | None = None


def program(*names: str) -> str:
    """Return the first program that is there; skips the test without one."""
    for name in names:
        for found in [shutil.which(name), *sorted(glob.glob(name), reverse=True)]:
            if found:
                return found
    pytest.skip(f"{names[0]} is not installed")


@contextmanager
def folder_of(user: str) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder that belongs to a user, and the command that turns root into that user."""
    with tempfile.TemporaryDirectory(prefix="smolterm-") as name:
        as_user: list[str] = []
        if os.getuid() == 0:
            try:
                about = pwd.getpwnam(user)
            except KeyError:
                pytest.skip(f"there is no user {user}")
            os.chown(name, about.pw_uid, about.pw_gid)
            as_user = [program("setpriv"), f"--reuid={about.pw_uid}", f"--regid={about.pw_gid}",
                       "--clear-groups"]  # fmt: skip
        yield Path(name), as_user


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path, answers: Callable[[], object]) -> Iterator[None]:
    """Run a server until the tests are over; it is up when `answers` raises nothing."""
    with open(log, "wb") as told:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, cwd=log.parent
        )
    try:
        end = time.monotonic() + SECONDS
        while True:
            try:
                answers()
                break
            except (OSError, psycopg.Error, pymysql.Error):
                said = log.read_text(errors="replace")[-3000:]
                assert process.poll() is None and time.monotonic() < end, said
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


@contextmanager
def postgresql() -> Iterator[Server]:
    programs = "/usr/lib/postgresql/*/bin/"
    initdb, postgres = program(programs + "initdb"), program(programs + "postgres")
    with folder_of("postgres") as (folder, as_user):
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data, port = folder / "data", free_port()
        subprocess.run(
            [*as_user, initdb, "-D", data, "-U", "owner", "-A", "scram-sha-256", "--no-sync",
             f"--pwfile={secret}", "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        address = f"postgresql://owner@127.0.0.1:{port}/postgres"
        command = [*as_user, postgres, "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
                   "-k", str(folder), "-F"]  # fmt: skip
        log = folder / "log"

        def answers() -> None:
            psycopg.connect(address, password=PASSWORD, connect_timeout=2).close()

        with running(command, log, answers):
            yield Server(address, PASSWORD, folder)


@contextmanager
def mariadb() -> Iterator[Server]:
    install = program("mariadb-install-db", "mysql_install_db")
    daemon = program("mariadbd", "/usr/sbin/mariadbd")
    with folder_of("mysql") as (folder, as_user):
        data, port, start = folder / "data", free_port(), folder / "start.sql"
        subprocess.run(
            [*as_user, install, "--no-defaults", f"--datadir={data}", 
             "--auth-root-authentication-method=normal",             "--skip-test-db"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        quoted = PASSWORD.replace("'", "''")
        start.write_text(
            "CREATE DATABASE shop;\n"
            f"CREATE USER 'owner'@'127.0.0.1' IDENTIFIED BY '{quoted}';\n"
            "GRANT ALL ON *.* TO 'owner'@'127.0.0.1';\n"
        )
        start.chmod(0o644)
        command = [*as_user, daemon, "--no-defaults", f"--datadir={data}", f"--port={port}",
                   "--bind-address=127.0.0.1", f"--socket={folder}/s", f"--init-file={start}",
                   "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
                   "--innodb-buffer-pool-size=8M", "--secure-file-priv="]  # fmt: skip

        certificates = folder / "cert.pem"
        if openssl := shutil.which("openssl"):
            subprocess.run(
                [*as_user, openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                 "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                 folder / "key.pem", "-out", certificates],
                check=True, capture_output=True, cwd=folder,
            )  # fmt: skip
            command += [f"--ssl-cert={certificates}", f"--ssl-key={folder}/key.pem"]

        def answers() -> None:
            pymysql.connect(host="127.0.0.1", port=port, user="owner", password=PASSWORD).close()

        with running(command, folder / "log", answers):
            yield Server(f"mysql://owner@127.0.0.1:{port}/shop", PASSWORD, folder, certificates)
