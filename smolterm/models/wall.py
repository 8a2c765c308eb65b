"""What the process of a model on this machine may still do, where the system can enforce it.

A model's file comes from somebody else, and llama.cpp reads it with code that is not safe by
construction. So the process that loads it can read Python, its libraries and that one file and
write its own states, and has no TCP (from the fourth version of Landlock's interface): what the
file does to it, it cannot do to the machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from smolterm import landlock
from smolterm.loader import python_rules as python_rules

GPUS = ("nvidia*", "dri", "kfd", "dxg")
"""Below `/dev`; what is not there costs nothing."""
USED = landlock.READ_FILE | landlock.READ_DIR | landlock.WRITE_FILE | landlock.IOCTL_DEV


def confine(
    model: Path, states: Path | None, environ: Mapping[str, str]
) -> Callable[[], None] | None:
    """Return what confines the thread that starts the process, see `spawn`; None: nothing does.

    Args:
        model: its file.
        states: the folder where it keeps evaluated prompts; made here.
        environ: its environment, which may say where more modules lie.
    """
    if landlock.abi() < 1:
        return None
    if states is not None:
        try:
            states.mkdir(parents=True, exist_ok=True)
        except OSError:
            # They are kept to save time, and nothing else.
            states = None
    more = [Path(path) for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    rules = [*_rules(model, states), *((path, landlock.READ) for path in more)]
    return lambda: landlock.restrict_thread(rules)


def _rules(model: Path, states: Path | None) -> Iterator[tuple[str | Path, int]]:
    yield from python_rules()
    for pattern in GPUS:
        for found in Path("/dev").glob(pattern):
            yield found, USED
    yield model, landlock.READ_FILE
    if states is not None:
        yield states, landlock.ALL & ~landlock.EXECUTE
