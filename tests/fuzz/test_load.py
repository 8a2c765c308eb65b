"""Soak and chaos for a moment; `python -m bench.soak` and `python -m bench.chaos` take longer."""

from __future__ import annotations

import sys

import pytest

from bench.chaos import chaos
from bench.soak import soak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="they look into /proc")


def test_cells_and_sandboxes_leave_nothing_behind():
    assert soak(cells=30, sandboxes=1) == []


def test_a_sandbox_and_its_host_may_be_hit_at_any_moment():
    assert chaos(moments=4, seed=1, longest=1.0).wrong == []
