"""JavaScript against the host: stopped by the worker's missing rights alone, and by all layers."""

from __future__ import annotations

import asyncio

from tests.attacks.host import HOST
from tests.attacks.outside import run
from tests.attacks.variants import JAVASCRIPT, without


def reached(outside, folder, layers, patience=0.0):
    """Run all attacks without some layers; returns what reached the host, and how."""
    found = {}
    with asyncio.Runner() as loop, without(layers, folder, many=True) as make:
        sandbox = make()
        for attack in HOST:
            seen = run(loop, sandbox, outside.fill(attack.code))
            how = outside.touched(seen, patience if attack.kind == "network" else 0)
            if how:
                found[attack.name] = how
            if how == "listens":
                loop.run(sandbox.close())
        loop.run(sandbox.close())
    return found


def test_nothing_reaches_the_host(outside, tmp_path):
    assert reached(outside, tmp_path, ()) == {}


def test_the_missing_rights_alone_stop_all(outside, tmp_path):
    assert reached(outside, tmp_path, (*JAVASCRIPT, "environment", "system")) == {}


def test_each_works_where_the_worker_has_rights(outside, tmp_path):
    layers = (*JAVASCRIPT, "environment", "system", "permissions")
    found = reached(outside, tmp_path, layers, 0.05)
    # The folder that the process stands in is the root: there is nothing left to be told.
    assert {each.name for each in HOST} - found.keys() == {"cwd"}
