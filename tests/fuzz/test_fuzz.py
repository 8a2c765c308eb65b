"""Each target for a moment, on the same inputs each time; `python -m tests.fuzz` takes longer."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, settings

from smolterm.errors import SandboxError
from smolterm.sandbox.deno import Sandbox
from smolterm.tools import Tool
from tests.fuzz.hostile import ASSETS, hostile_processes
from tests.fuzz.processes import add
from tests.fuzz.targets import TARGETS

# Making a found input smaller would take minutes where each try hangs.
FEW = settings(
    max_examples=40, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds(name):
    FEW(TARGETS[name])()


def test_a_state_described_wrongly_before_the_first_cell_is_a_failed_start():
    junk = [({"kept": "{}", "raw": 3}, b"abc")]

    async def work():
        box = Sandbox(assets=ASSETS, tools=[Tool(add)])
        with pytest.raises(SandboxError, match="did not start"):
            await box.start()
        assert not box.alive
        await box.start()
        assert box.alive
        await box.close()

    # It answers `tools`, which it is given before anybody takes cells from it.
    with hostile_processes([([junk], True)]):
        asyncio.run(asyncio.wait_for(work(), 20))
