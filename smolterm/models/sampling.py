"""Picks the next token; a grammar is asked about the picked one alone, which costs next to nothing.

Asking a grammar about a whole vocabulary of 131,072 tokens takes longer than evaluating a small
model. So the token is picked as if there were none, and only when the grammar refuses it are the
likeliest few asked about, and only when it refuses those too, more, and at last all.
"""

from __future__ import annotations

import ctypes
import random
from typing import Any

from smolterm.errors import GrammarError
from smolterm.gbnf import check_grammar
from smolterm.models.llama_library import Loaded

LIKELIEST = (64, 1024, 16384)
"""So many tokens are asked about when the picked one is refused; then more, then all."""
TEMPERATURE = 0.7
"""Where neither the person nor the model's file names one."""
REFUSED = float("-inf")


class NothingFits(Exception):
    """The grammar refuses every token there is."""


class Sampler:
    """Picks tokens for one reply; free it with `close`.

    Args:
        grammar: GBNF with a rule `root`, or empty.
        temperature: 0 for the likeliest token each time; None for the file's own.

    Raises:
        GrammarError: the grammar is none.
    """

    def __init__(
        self, loaded: Loaded, grammar: str, temperature: float | None, seed: int | None
    ) -> None:
        self._c = loaded.c
        self._loaded = loaded
        self._grammar: Any = None
        self.refused = 0
        """Tokens that were picked and refused."""
        if temperature is None:
            temperature = _own_temperature(loaded)
        if grammar:
            # Some grammars that are none end the process in llama.cpp.
            check_grammar(grammar)
            self._grammar = self._c.llama_sampler_init_grammar(
                loaded.vocabulary, grammar.encode(), b"root"
            )
            if not self._grammar:
                raise GrammarError(
                    f"llama.cpp refuses the grammar: {loaded.library.last_words or 'no reason'}"
                )
            self._one = (self._c.llama_token_data * 1)()
            self._alone = self._array(self._one, 1)
        seed = random.getrandbits(32) if seed is None else seed & 0xFFFFFFFF
        self._chain = _chain(self._c, temperature, seed)

    def pick(self) -> int:
        """Return the next token.

        Raises:
            NothingFits: the grammar refuses every token.
        """
        token: int = self._c.llama_sampler_sample(self._chain, self._loaded.context, -1)
        if not self._grammar:
            return token
        if not self._allows(token):
            self.refused += 1
            token = self._pick_allowed()
        if not self._loaded.ends(token):
            self._c.llama_sampler_accept(self._grammar, token)
        return token

    def close(self) -> None:
        chain, self._chain = self._chain, None
        grammar, self._grammar = self._grammar, None
        if chain:
            self._c.llama_sampler_free(chain)
        if grammar:
            self._c.llama_sampler_free(grammar)

    def _allows(self, token: int) -> bool:
        self._one[0].id, self._one[0].logit, self._one[0].p = token, 1.0, 0.0
        self._alone.size, self._alone.selected = 1, -1
        self._c.llama_sampler_apply(self._grammar, ctypes.byref(self._alone))
        return bool(self._one[0].logit != REFUSED)

    def _pick_allowed(self) -> int:
        import numpy as np

        size = self._loaded.size
        row = self._c.llama_get_logits_ith(self._loaded.context, -1)
        logits = np.ctypeslib.as_array(row, shape=(size,))
        for count in LIKELIEST:
            if count < size:
                likeliest = np.argpartition(logits, size - count)[size - count :]
                if (token := self._pick_from(likeliest, logits)) is not None:
                    return token
        token = self._pick_from(np.arange(size), logits)
        if token is None:
            raise NothingFits
        return token

    def _pick_from(self, tokens: Any, logits: Any) -> int | None:
        """Return one of these tokens that the grammar allows; None when it refuses them all."""
        import numpy as np

        items = (self._c.llama_token_data * len(tokens))()
        fields = np.frombuffer(items, dtype=[("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])
        fields["id"], fields["logit"] = tokens, logits[tokens]
        candidates = self._array(items, len(tokens))
        self._c.llama_sampler_apply(self._grammar, ctypes.byref(candidates))
        if not np.isfinite(fields["logit"]).any():
            return None
        allowed = fields[np.isfinite(fields["logit"])].copy()
        candidates = self._array(items, len(allowed))
        fields[: len(allowed)] = allowed
        self._c.llama_sampler_apply(self._chain, ctypes.byref(candidates))
        return int(candidates.data[candidates.selected].id)

    def _array(self, items: Any, size: int) -> Any:
        kind = self._c.llama_token_data_p
        return self._c.llama_token_data_array(
            data=ctypes.cast(items, kind), size=size, selected=-1, sorted=False
        )


def _chain(c: Any, temperature: float, seed: int) -> Any:
    chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
    if temperature <= 0:
        c.llama_sampler_chain_add(chain, c.llama_sampler_init_greedy())
        return chain
    for sampler in (
        c.llama_sampler_init_top_k(40),
        c.llama_sampler_init_top_p(0.95, 1),
        c.llama_sampler_init_min_p(0.05, 1),
        c.llama_sampler_init_temp(temperature),
        c.llama_sampler_init_dist(seed),
    ):
        c.llama_sampler_chain_add(chain, sampler)
    return chain


def _own_temperature(loaded: Loaded) -> float:
    """Return the temperature that the model's makers wrote into the file, or ours."""
    room = ctypes.create_string_buffer(64)
    size = loaded.c.llama_model_meta_val_str(loaded.model, b"general.sampling.temp", room, 64)
    try:
        found = float(room.value) if size > 0 else TEMPERATURE
    except ValueError:
        return TEMPERATURE
    return found if 0 <= found <= 5 else TEMPERATURE
