"""The servers of this pack's tests, started at the first test that needs one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sql_servers
from sql_servers import Server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    with sql_servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    with sql_servers.mariadb() as server:
        yield server
