"""Each target for a moment, on the same inputs each time; `python -m tests.fuzz` takes longer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.fuzz.targets import TARGETS

# Making a found input smaller would take minutes where each try hangs.
FEW = settings(
    max_examples=40, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds(name):
    FEW(TARGETS[name])()
