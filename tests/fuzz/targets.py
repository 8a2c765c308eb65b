"""What is fuzzed: each target is one property that holds for whatever the other side sends.

Hypothesis makes the inputs; atheris, where it is installed, steers it by what the code does.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz import data, processes

TARGETS: dict[str, Callable[[], None]] = {
    "wire": processes.wire,
    "cell": processes.cell,
    "runner": processes.runner,
    "session": processes.session,
    "journal": data.journal,
    "saved": data.saved,
    "restored": data.restored,
    "values": data.values,
    "encoding": data.encoding,
    "decoding": data.decoding,
    "describing": data.describing,
    "files": data.files,
}
