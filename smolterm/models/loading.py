"""How a model on this machine is loaded; what front end and host agree on."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

CacheType: TypeAlias = Literal["f16", "q8_0", "q4_0"]


class Loading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a model's file is loaded."""

    context: int = 0
    """Tokens. 0: what the machine has memory for."""
    cache: CacheType = "f16"
    """How keys and values are stored."""
    gpu_layers: int = -1
    """Layers on a graphics card, where the library can use one. -1: all."""
    threads: int = 0
    """0: one for each core."""
    seed: int | None = None
    """What the chance of the first reply starts from; each later one adds 1. None: chance."""
    states: str | None = None
    """Folder for evaluated prompts. None: in the person's cache. Empty: none is kept."""
