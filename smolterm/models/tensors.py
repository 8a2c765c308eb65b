"""The tensors of a GGUF file: their types, and the bytes they take (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

LONGEST_NAME = 63
"""Bytes; llama.cpp keeps 64 with the zero at the end."""
LARGEST = 1 << 62

TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
"""Name, weights in a block, bytes of a block, by the format's number."""


class Tensor(msgspec.Struct, frozen=True):
    """One tensor's description."""

    name: str
    shape: tuple[int, ...]
    """The fastest dimension first."""
    kind: str
    offset: int
    """Bytes behind the start of the weights."""
    size: int
    """Bytes."""


def checked_tensor(name: str, shape: tuple[int, ...], kind: int, offset: int) -> Tensor:
    """Return the tensor.

    Raises:
        ValueError: saying in what way it cannot be.
    """
    shown = repr(name[:60])
    if not name or len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"a tensor's name is {len(name.encode())} bytes long")
    if kind not in TYPES:
        raise ValueError(f"tensor {shown} has type {kind}, which is not known here")
    title, block, bytes_per_block = TYPES[kind]
    if any(not 0 < side < LARGEST for side in shape) or math.prod(shape) >= LARGEST:
        raise ValueError(f"tensor {shown} has the shape {'x'.join(map(str, shape))}")
    if shape[0] % block:
        raise ValueError(f"tensor {shown} has rows of {shape[0]}, which {title} cannot hold")
    size = math.prod(shape) // block * bytes_per_block
    return Tensor(name, shape, title, offset, size)
