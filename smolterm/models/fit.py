"""Whether a model fits into memory, said before it is loaded. Pure.

The formula counts what llama.cpp allocates: the weights as they lie in the file, the cache of keys
and values, the buffers of one batch, and the process around them. Of some kinds of weights it makes
a copy in another order; the file's own pages can then be given up, so the copies count for what the
process shows, and not for what must be free.
"""

from __future__ import annotations

import msgspec

from smolterm.models.loading import CacheType
from smolterm.models.modelfile import ModelFile

BYTES_A_VALUE: dict[CacheType, float] = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
PROCESS = 56 << 20
"""Bytes of Python and the libraries."""
A_WORD = 200
"""Bytes of llama.cpp's tables for one token of the vocabulary."""
LAYER_BUFFERS = 4
"""Times the numbers of a batch are held while a layer is computed."""
BATCH = 512
"""Tokens evaluated at once."""
MARGIN = 0.1
"""Part of the free memory that is left to everybody else."""
SMALLEST = 2048
LARGEST = 32768
"""Tokens. An agent rarely fills more, and a small model gets lost in it."""
STEP = 1024


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a model's file that decide over memory."""

    file_bytes: int
    cached_heads: int
    """Heads whose keys and values are kept, over all layers."""
    heads: int
    """Of one layer."""
    head_k: int
    """Numbers in a key."""
    head_v: int
    embedding: int
    """Numbers in an embedding."""
    vocab: int
    context_length: int
    """Tokens the model was trained for; 0 where nobody says."""
    repacked: int = 0
    """Bytes of weights that llama.cpp copies into another order."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the process will take, in bytes."""

    context: int
    """Tokens."""
    weights: int
    cache: int
    compute: int
    copies: int = 0
    """Of weights, in an order in which they are multiplied faster."""
    process: int = PROCESS

    @property
    def needed(self) -> int:
        """What must be free."""
        return self.weights + self.cache + self.compute + self.process

    @property
    def total(self) -> int:
        """What the process shows while there is memory enough."""
        return self.needed + self.copies


def forecast(
    shape: Shape,
    context: int,
    *,
    cache: CacheType = "f16",
    batch: int = BATCH,
    flash: bool = True,
    rows: int = 1,
) -> Forecast:
    """Return what a model takes with a context of so many tokens.

    Args:
        cache: how keys and values are stored.
        batch: tokens evaluated at once (llama.cpp's n_ubatch).
        flash: flash attention, which needs no matrix of scores.
        rows: of logits that are kept; the host asks for one.
    """
    a_token = shape.cached_heads * (shape.head_k + shape.head_v)
    # llama.cpp rounds the cache up to a multiple of 256 tokens.
    padded = -(-context // 256) * 256
    scores = 0 if flash else shape.heads * padded * batch * 4
    logits = rows * shape.vocab * 4
    return Forecast(
        context=context,
        weights=shape.file_bytes,
        cache=int(padded * a_token * BYTES_A_VALUE[cache]),
        compute=max(logits, scores)
        + shape.vocab * A_WORD
        + batch * shape.embedding * 4 * LAYER_BUFFERS,
        copies=shape.repacked,
    )


def choose_context(
    shape: Shape,
    free_bytes: int | None,
    *,
    largest: int = LARGEST,
    cache: CacheType = "f16",
    margin: float = MARGIN,
) -> Forecast | None:
    """Return the forecast for the longest context that fits; None when not even the shortest does.

    Args:
        free_bytes: see `machine.free_memory`; None, not known, counts as enough for 8,192 tokens.
        largest: tokens wanted at most; the model's own limit counts too.
        margin: part of the free memory that stays free.
    """
    most = min(largest, shape.context_length or largest)
    least = min(SMALLEST, most)
    if free_bytes is None:
        return forecast(shape, min(most, 8192), cache=cache)
    room = free_bytes * (1 - margin)
    if forecast(shape, least, cache=cache).needed > room:
        return None
    low, high = least, most
    while high - low >= STEP:
        middle = (low + high + 1) // 2
        if forecast(shape, middle, cache=cache).needed <= room:
            low = middle
        else:
            high = middle - 1
    best = high if forecast(shape, high, cache=cache).needed <= room else low
    return forecast(shape, max(best // STEP * STEP, least) if best < most else most, cache=cache)


def shape_of(file: ModelFile) -> Shape:
    """Return the numbers that decide over memory."""
    return Shape(
        file_bytes=file.size,
        cached_heads=sum(file.kv_heads),
        heads=file.heads,
        head_k=file.head_k,
        head_v=file.head_v,
        embedding=file.width,
        vocab=file.vocabulary,
        context_length=file.context,
        repacked=file.repacked,
    )
