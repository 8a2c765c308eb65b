"""The mail server of this pack's tests."""

from __future__ import annotations

from collections.abc import Iterator

import mail_servers
import pytest


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[mail_servers.Dovecot]:
    with mail_servers.dovecot() as server:
        yield server
