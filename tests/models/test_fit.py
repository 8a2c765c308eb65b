"""The forecast's arithmetic, what a machine can spare, and a catalogue that is pinned."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.models.catalogue import catalogue, default_name
from smolterm.models.fit import Shape, choose_context, forecast
from smolterm.models.machine import cores, free_disk, free_memory

GIB = 1 << 30
MINISTRAL = catalogue()[default_name()].shape


@pytest.mark.parametrize(
    ("context", "cache", "gib"),
    [(8192, "f16", 3.3), (8192, "q8_0", 2.9), (16384, "f16", 4.1), (16384, "q8_0", 3.4),
     (32768, "f16", 5.7), (32768, "q8_0", 4.2)],
)  # fmt: skip
def test_the_default_takes_what_was_measured_elsewhere(context, cache, gib):
    """Elsewhere all rows of logits of a batch are kept."""
    taken = forecast(MINISTRAL, context, cache=cache, rows=512)
    assert taken.total / GIB == pytest.approx(gib, rel=0.06)


MEASURED = {
    # MiB of the host's process, of three shapes quantised to Q4_K_M, with 4,096 and 16,384 tokens.
    "deep": ((32 * 8, 16, 64, 1024, 32000, 287_990_048, 184 << 20), (775, 1544)),
    "words": ((12 * 4, 16, 64, 1024, 131072, 275_579_968, 66 << 20), (451, 596)),
    "wide": ((16 * 8, 32, 64, 2048, 65536, 649_670_528, 355 << 20), (1164, 1549)),
}


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_measured_here_is_forecast_within_a_tenth(name):
    (cached, heads, head, width, vocab, size, repacked), taken = MEASURED[name]
    shape = Shape(
        file_bytes=size, cached_heads=cached, heads=heads, head_k=head, head_v=head,
        embedding=width, vocab=vocab, context_length=32768, repacked=repacked,
    )  # fmt: skip
    for context, mib in zip((4096, 16384), taken, strict=True):
        assert forecast(shape, context).total / (1 << 20) == pytest.approx(mib, rel=0.1)
        assert forecast(shape, context).needed < mib * (1 << 20)


def test_without_flash_attention_the_scores_count():
    with_it, without = (forecast(MINISTRAL, 8192, flash=flash) for flash in (True, False))
    assert without.compute - with_it.compute == 32 * 8192 * 512 * 4 - 131072 * 4
    assert without.cache == with_it.cache


def test_the_longest_context_that_fits_is_chosen():
    assert choose_context(MINISTRAL, 64 * GIB).context == 32768
    assert choose_context(MINISTRAL, 4 * GIB).context == 14336
    assert choose_context(MINISTRAL, 2 * GIB) is None
    assert choose_context(MINISTRAL, None).context == 8192


sizes = st.integers(1, 1 << 18)
shapes = st.builds(
    Shape, file_bytes=st.integers(1, 1 << 40), cached_heads=sizes, heads=st.integers(1, 512),
    head_k=st.integers(1, 1024), head_v=st.integers(1, 1024), embedding=sizes, vocab=sizes,
    context_length=st.integers(0, 1 << 20),
)  # fmt: skip


@given(shapes, st.integers(0, 1 << 42))
def test_a_choice_fits_and_one_step_more_would_not(shape, free):
    chosen = choose_context(shape, free)
    if chosen is None:
        return
    assert chosen.needed <= free * 0.9
    most = min(32768, shape.context_length or 32768)
    assert chosen.context <= most
    if chosen.context < most:
        assert forecast(shape, min(chosen.context + 2048, most)).needed > free * 0.9


def test_the_catalogue_is_pinned_to_the_byte():
    assert default_name() == "ministral-3-3b"
    for name, entry in catalogue().items():
        assert re.fullmatch(r"[0-9a-f]{40}", entry.revision), name
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256), name
        assert entry.file.endswith(".gguf") and name == name.casefold()
        assert entry.bytes > 10**9 and 0.25 <= entry.context_length / 131072 < 3


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = "MemTotal:  8000000 kB\nMemAvailable:   4000000 kB\n"


def test_a_container_s_limit_counts(tmp_path):
    root = tree(tmp_path, {
        "proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/box/job\n",
        "sys/fs/cgroup/box/memory.max": "1000000\n",
        "sys/fs/cgroup/box/memory.current": "700000\n",
        "sys/fs/cgroup/box/memory.stat": "anon 1\ninactive_file 100000\n",
        "sys/fs/cgroup/box/job/memory.max": "max\n",
        "sys/fs/cgroup/box/job/memory.current": "5\n",
    })  # fmt: skip
    assert free_memory(root) == 400_000


def test_an_old_container_s_limit_counts(tmp_path):
    root = tree(tmp_path, {
        "proc/meminfo": MEMINFO, "proc/self/cgroup": "4:memory:/job\n1:cpu,cpuacct:/\n",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "3000000\n",
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1000000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**63 - 4096),
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1",
    })  # fmt: skip
    assert free_memory(root) == 2_000_000


def test_without_a_container_the_machine_counts(tmp_path):
    assert free_memory(tree(tmp_path, {"proc/meminfo": MEMINFO})) == 4_096_000_000
    assert free_memory(tmp_path / "nowhere") is None


def test_two_threads_of_a_core_count_once_and_a_quota_counts(tmp_path):
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    one_core = {
        f"sys/devices/system/cpu/cpu{cpu}/topology/{name}": "0\n"
        for cpu in cpus for name in ("core_id", "physical_package_id")
    }  # fmt: skip
    assert cores(tree(tmp_path / "a", one_core)) == 1
    assert cores(tmp_path / "nothing") == len(cpus)
    quota = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}
    assert cores(tree(tmp_path / "b", quota)) == 1
    old = {"proc/self/cgroup": "1:cpu,cpuacct:/\n",
           "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
           "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}  # fmt: skip
    assert cores(tree(tmp_path / "c", old)) == len(cpus)


def test_this_machine_says_something():
    assert free_memory() > 1 << 20
    assert cores() >= 1
    assert free_disk(Path("/not/there/yet")) == free_disk(Path("/"))
