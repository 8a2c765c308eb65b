"""A host to attack."""

from __future__ import annotations

import pytest

from tests.attacks.outside import ENV_NAME, ENV_VALUE, Outside


@pytest.fixture(scope="package")
def outside(tmp_path_factory):
    made = Outside(tmp_path_factory.mktemp("outside"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(ENV_NAME, ENV_VALUE)
        yield made
    made.close()
