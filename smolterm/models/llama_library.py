"""One model in memory through llama.cpp's own functions, of whichever library declares them.

llama-cpp-python's `Llama` class is not used: it takes a 32-byte buffer for a token, sets no abort
callback and prints while it loads.
"""

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from smolterm.errors import ModelError, ModelFileError
from smolterm.models.bindings import load_functions
from smolterm.models.failures import clean
from smolterm.models.loading import Loading
from smolterm.models.machine import cores
from smolterm.models.modelfile import ModelFile

BATCH = 512
"""Tokens evaluated at once at most."""
CACHE_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}
"""ggml's numbers."""
WARNING = 3
"""llama.cpp's level of log lines from which on they say what is wrong."""
LINES_KEPT = 20


class Cancelled(Exception):
    """The flag was set while llama.cpp worked."""


class Flag:
    """What `stop` sets, and llama.cpp looks at between two operations without asking Python.

    C's `strlen` is the predicate: it is not zero once the first byte is not.
    """

    def __init__(self) -> None:
        self.buffer = ctypes.create_string_buffer(2)
        self.predicate = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value

    def set(self) -> None:
        self.buffer[0] = b"\1"

    def clear(self) -> None:
        self.buffer[0] = b"\0"

    def __bool__(self) -> bool:
        return self.buffer[0] != b"\0"


class Library:
    """llama.cpp, silent: what it would print is kept for the error's text."""

    def __init__(self) -> None:
        self.c: Any = load_functions()
        self.said: list[str] = []
        # llama.cpp keeps the pointer, so the object must stay.
        self._log = self.c.llama_log_callback(self._hear)
        self.c.llama_log_set(self._log, None)

    @property
    def last_words(self) -> str:
        return clean(" ".join(self.said[-3:]))

    def _hear(self, level: int, text: bytes, _: object) -> None:
        if level >= WARNING and (line := text.decode(errors="replace").strip()):
            self.said = [*self.said, line][-LINES_KEPT:]


class Loaded:
    """A model with one context. Every call on one thread; `flag` may be set from any.

    Args:
        report: told the fraction that is loaded.

    Raises:
        ModelFileError: llama.cpp refuses the file.
        ModelError: there is no memory for the context.
        Cancelled: the flag was set.
    """

    def __init__(
        self,
        library: Library,
        file: ModelFile,
        context: int,
        how: Loading,
        flag: Flag,
        report: Callable[[float], None],
    ) -> None:
        self.c = library.c
        self.library = library
        self.flag = flag
        self.kept = array("i")
        """The tokens whose state is in memory."""
        self._model: Any = None
        self._context: Any = None
        self._room = ctypes.create_string_buffer(256)
        self._tokens = (self.c.llama_token * BATCH)()
        self._load(file, how, report)
        try:
            self._open(file, context, how)
        except BaseException:
            self.close()
            raise

    def _load(self, file: ModelFile, how: Loading, report: Callable[[float], None]) -> None:
        def progress(fraction: float, _: object) -> bool:
            report(fraction)
            return not self.flag

        given = self.c.llama_model_default_params()
        given.n_gpu_layers = how.gpu_layers if self.c.llama_supports_gpu_offload() else 0
        callback = self.c.llama_progress_callback(progress)
        given.progress_callback = callback
        self._model = self.c.llama_model_load_from_file(os.fsencode(file.path), given)
        if self.flag:
            self.close()
            raise Cancelled
        if not self._model:
            why = self.library.last_words or "it gives no reason"
            todo = f"Update {self.c.__name__}, or choose another model."
            if "allocate" in why:
                todo = "Close something, or choose a smaller model: smolterm models."
            raise ModelFileError(f"{file.path} cannot be loaded by llama.cpp: {why}", next=todo)
        self.vocabulary = self.c.llama_model_get_vocab(self._model)
        self.size: int = self.c.llama_vocab_n_tokens(self.vocabulary)
        self.joins_words = self.c.llama_vocab_type(self.vocabulary) == 1

    def _open(self, file: ModelFile, context: int, how: Loading) -> None:
        given = self.c.llama_context_default_params()
        given.n_ctx, given.n_batch, given.n_ubatch = context, BATCH, BATCH
        # One row of logits: more would be memory for nothing, half a MiB for each.
        given.n_outputs_max = 1
        threads = how.threads or cores()
        given.n_threads = given.n_threads_batch = threads
        given.flash_attn_type = self.c.LLAMA_FLASH_ATTN_TYPE_ENABLED
        given.type_k = given.type_v = CACHE_TYPES[how.cache]
        given.no_perf = True
        given.abort_callback = self.c.ggml_abort_callback(self.flag.predicate)
        given.abort_callback_data = ctypes.cast(self.flag.buffer, ctypes.c_void_p)
        self._context = self.c.llama_init_from_model(self._model, given)
        if not self._context:
            raise ModelError(
                f"There is no memory for {context} tokens of context of {file.path.name}: "
                f"{self.library.last_words or 'llama.cpp gives no reason'}",
                next="Close something, or choose a smaller model: smolterm models.",
            )
        self.window: int = self.c.llama_n_ctx(self._context)
        self._memory = self.c.llama_get_memory(self._context)

    def tokens(self, text: str, *, special: bool) -> array[int]:
        """Return a text's tokens, without any at its start that the model's makers add.

        Args:
            special: control tokens count where the text holds their names.
        """
        raw = text.encode(errors="replace")
        most = len(raw) + 8
        found = array("i", bytes(4 * most))
        place = (self.c.llama_token * most).from_buffer(found)
        count = self.c.llama_tokenize(
            self.vocabulary, raw, len(raw), place, most, False, special
        )  # fmt: skip
        del place
        if count < 0:
            raise ModelError(f"llama.cpp cannot read {len(raw)} bytes of the prompt.")
        del found[count:]
        return found

    def piece(self, token: int) -> bytes:
        """Return a token's text: bytes, for a character may have several tokens."""
        count = self.c.llama_token_to_piece(
            self.vocabulary, token, self._room, len(self._room), 0, True
        )
        if count < 0:
            self._room = ctypes.create_string_buffer(-count)
            return self.piece(token)
        return self._room.raw[:count]

    def name_of(self, token: int) -> str:
        """Return how a control token is written; empty for none."""
        text = self.c.llama_vocab_get_text(self.vocabulary, token) if token >= 0 else b""
        return (text or b"").decode(errors="replace")

    def ends(self, token: int) -> bool:
        """Whether a token ends the reply."""
        return bool(self.c.llama_vocab_is_eog(self.vocabulary, token))

    def forget(self, size: int) -> None:
        """Keep the state of the first `size` tokens alone, or of none where it cannot be cut."""
        if size < len(self.kept):
            if size and self.c.llama_memory_seq_rm(self._memory, 0, size, -1):
                del self.kept[size:]
            else:
                self.clear()

    def clear(self) -> None:
        self.c.llama_memory_clear(self._memory, True)
        del self.kept[:]

    def evaluate(self, tokens: Sequence[int]) -> None:
        """Evaluate up to BATCH tokens behind those that are kept.

        Raises:
            Cancelled: the flag was set; what was kept before is kept.
            ModelError: llama.cpp failed.
        """
        count = len(tokens)
        self._tokens[:count] = tokens[:count]
        status = self.c.llama_decode(
            self._context, self.c.llama_batch_get_one(self._tokens, count)
        )  # fmt: skip
        if status == 0:
            self.kept.extend(tokens)
            return
        self._drop_after(len(self.kept))
        if self.flag:
            raise Cancelled
        raise ModelError(
            f"llama.cpp cannot evaluate the prompt (status {status}): "
            f"{self.library.last_words or 'it gives no reason'}",
            next="Start a new session, or choose another model.",
        )

    def _drop_after(self, size: int) -> None:
        """Drop what a batch that failed may have left behind."""
        if not self.c.llama_memory_seq_rm(self._memory, 0, size, -1):
            self.clear()

    def save(self, path: str) -> bool:
        """Write the state of all tokens kept to a file."""
        count = len(self.kept)
        place = (self.c.llama_token * count)(*self.kept)
        written = self.c.llama_state_seq_save_file(
            self._context, path.encode(), 0, place, count
        )  # fmt: skip
        return bool(written)

    def restore(self, path: str, tokens: Sequence[int]) -> bool:
        """Take a state from a file; False, and nothing kept, when it is not of these tokens."""
        self.clear()
        place = (self.c.llama_token * len(tokens))()
        found = ctypes.c_size_t(0)
        read = self.c.llama_state_seq_load_file(
            self._context, path.encode(), 0, place, len(tokens), ctypes.byref(found)
        )
        if read and list(place[: found.value]) == list(tokens):
            self.kept.extend(tokens)
            return True
        self.clear()
        return False

    @property
    def model(self) -> Any:
        return self._model

    @property
    def context(self) -> Any:
        return self._context

    def close(self) -> None:
        context, self._context = self._context, None
        model, self._model = self._model, None
        if context:
            self.c.llama_free(context)
        if model:
            self.c.llama_model_free(model)
