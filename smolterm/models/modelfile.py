"""What a GGUF file is a model of, in the numbers that memory and settings depend on."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import NoReturn

import msgspec

from smolterm.errors import ModelFileError
from smolterm.models.gguf import STRING, Array, Head, read_head
from smolterm.models.tensors import Tensor

SPEECHLESS = ("bert", "clip", "encoder", "embed", "wavtokenizer")
"""Parts of the names of architectures that turn input into vectors and continue no text."""
REPACKED = ("Q4_0", "Q4_K", "IQ4_NL")
MOST_LAYERS = 4096
MOST = 1 << 31

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can chat, as its file describes it."""

    path: Path
    digest: str
    """SHA-256 of the description, in hexadecimal: two files with the same one are the same kind of
    model, though perhaps not the same weights."""
    size: int
    """Bytes of the file, or of all its parts."""
    name: str
    """As its makers call it; the file's own name where they did not."""
    architecture: str
    quantisation: str
    """The type that most of the weights have."""
    repacked: int = 0
    """Bytes of weights that llama.cpp copies into an order in which it multiplies faster."""
    parameters: int
    context: int
    """Tokens it was trained for; 0 where the file does not say."""
    layers: int
    width: int
    """Numbers in an embedding."""
    heads: int
    """The most that a layer has."""
    kv_heads: tuple[int, ...]
    """Of each layer; 0 in one that keeps no cache that grows."""
    head_k: int
    """Numbers in a key."""
    head_v: int
    """Numbers in a value."""
    window: int
    """Tokens that the layers with sliding attention look back on; 0 without any."""
    vocabulary: int
    template: str
    """How a conversation becomes its prompt, in Jinja; empty where the file has none."""


def read_model(path: Path) -> ModelFile:
    """Read a file's description, and those of its other parts where it has any.

    Raises:
        ModelFileError: naming file and reason.
    """
    return _Facts(read_head(path)).model()


def _is_repacked(tensor: Tensor) -> bool:
    return tensor.kind in REPACKED and not tensor.name.startswith("token_embd.")


class _Facts:
    def __init__(self, head: Head) -> None:
        self._head = head
        self._facts = head.facts
        self._architecture = self._text("general.architecture")

    def model(self) -> ModelFile:
        architecture = self._architecture
        if not architecture:
            self._refuse("it names no architecture")
        kind = self._text("general.type") or "model"
        if kind != "model" or any(part in architecture for part in SPEECHLESS):
            self._refuse(f"it is of the kind {kind}/{architecture}, which continues no text")
        heads, parts = self._head.tensors, self._parts()
        layers = self._number("block_count", MOST_LAYERS)
        width = self._number("embedding_length")
        most_heads = max(self._per_layer("attention.head_count", layers))
        if not most_heads:
            self._refuse("its layers have no heads")
        kv_heads = self._per_layer("attention.head_count_kv", layers, most_heads)
        weights = [tensor for part in (heads, *(part.tensors for part in parts)) for tensor in part]
        sizes = Counter[str]()
        for tensor in weights:
            sizes[tensor.kind] += tensor.size
        return ModelFile(
            path=self._head.path,
            digest=self._head.digest,
            size=self._head.size + sum(part.size for part in parts),
            name=self._text("general.name") or self._head.path.stem,
            architecture=architecture,
            quantisation=sizes.most_common(1)[0][0] if sizes else self._refuse("it has no weights"),
            repacked=sum(tensor.size for tensor in weights if _is_repacked(tensor)),
            parameters=sum(math.prod(tensor.shape) for tensor in weights),
            context=self._number("context_length", least=0),
            layers=layers,
            width=width,
            heads=most_heads,
            kv_heads=kv_heads,
            head_k=self._number("attention.key_length", default=width // most_heads),
            head_v=self._number("attention.value_length", default=width // most_heads),
            window=self._number("attention.sliding_window", least=0, default=0),
            vocabulary=self._vocabulary(),
            template=self._text("tokenizer.chat_template"),
        )

    def _parts(self) -> list[Head]:
        """Return the descriptions of the file's other parts."""
        count = self._facts.get("split.count", 0)
        if count in (0, 1):
            return []
        named = _PART.search(self._head.path.name)
        if named is None or type(count) is not int or int(named[2]) != count or count > 999:
            self._refuse(f"it is one of {str(count)[:20]} parts, and its name does not say which")
        if int(named[1]) != 1:
            first = f"{self._head.path.name[: named.start()]}-00001-of-{named[2]}.gguf"
            self._refuse("it is not the first of its parts", f"Name the first: {first}")
        stem = self._head.path.name[: named.start()]
        names = [f"{stem}-{number:05}-of-{named[2]}.gguf" for number in range(2, count + 1)]
        return [read_head(self._head.path.with_name(name)) for name in names]

    def _vocabulary(self) -> int:
        """Return the number of tokens; llama.cpp trusts the lists beside it to be as long."""
        if not self._text("tokenizer.ggml.model"):
            self._refuse("it has no tokenizer")
        tokens = self._facts.get("tokenizer.ggml.tokens")
        if not isinstance(tokens, Array) or tokens.kind != STRING or not tokens.count:
            self._refuse("it has no vocabulary")
        for name in ("scores", "token_type"):
            beside = self._facts.get(f"tokenizer.ggml.{name}")
            if beside is not None and not (
                isinstance(beside, Array) and beside.count == tokens.count
            ):
                self._refuse(f"its {name} and its {tokens.count} tokens do not belong together")
        for key, value in self._facts.items():
            if not key.startswith("tokenizer.ggml.") or not key.endswith("_token_id"):
                continue
            # -1, in 32 bits without a sign, says that there is none.
            if type(value) is not int or (not 0 <= value < tokens.count and value != 0xFFFFFFFF):
                self._refuse(f"{key} is {str(value)[:20]} of {tokens.count} tokens")
        return tokens.count

    def _text(self, key: str) -> str:
        value = self._facts.get(key, "")
        return value if isinstance(value, str) else self._refuse(f"{key} is no text")

    def _number(
        self, name: str, most: int = MOST, *, least: int = 1, default: int | None = None
    ) -> int:
        key = f"{self._architecture}.{name}"
        value = self._facts.get(key, default)
        if isinstance(value, Array) and value.items:
            value = max(value.items)
        if type(value) is not int or not least <= value <= most:
            said = "is missing" if value is None else f"is {str(value)[:40]}"
            self._refuse(f"{key} {said}")
        return value

    def _per_layer(self, name: str, layers: int, default: int | None = None) -> tuple[int, ...]:
        """Return a number that may be one for all layers, or one for each."""
        key = f"{self._architecture}.{name}"
        value = self._facts.get(key, default)
        if isinstance(value, Array):
            numbers = tuple(item for item in value.items if type(item) is int)
            if len(numbers) < layers or any(not 0 <= number <= MOST for number in numbers):
                self._refuse(f"{key} has {len(numbers)} numbers for {layers} layers")
            return numbers[:layers]
        return (self._number(name, default=default),) * layers

    def _refuse(self, why: str, next: str = "Choose another file.") -> NoReturn:
        raise ModelFileError(f"{self._head.path} is no model that can chat: {why}.", next=next)
