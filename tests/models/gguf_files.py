"""Makes real GGUF files for tests: small models with random weights, and one that says a script.

The files are llama models to llama.cpp; tokenizer, template, sampling and cache are all real.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np

CONTROL, NORMAL = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
END_OF_TURN = 4
CHATML = """\
{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}
{{ m['content'] }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
STRICT = (
    """\
{%- set expected = namespace(role='user') -%}
{%- for m in messages -%}
  {%- if m['role'] == 'system' -%}{{ raise_exception('System role not supported') }}{%- endif -%}
  {%- if m['role'] != expected.role -%}
    {{ raise_exception('Conversation roles must alternate') }}
  {%- endif -%}
  {%- set expected.role = 'assistant' if m['role'] == 'user' else 'user' -%}
{%- endfor -%}
"""
    + CHATML
)
"""A template with the rules that real ones have: roles alternate, and none is `system`."""
SCRIPTED = CHATML.replace(
    "<|im_start|>assistant\n{% endif %}",
    "<|im_start|>assistant\n<|turn_{{ messages | selectattr('role', 'equalto', 'assistant')"
    " | list | length + 1 }}|>{% endif %}",
)
WORDS = [
    "I",
    "will",
    "run",
    "this",
    "code.",
    "The",
    "answer",
    "is:",
    "Thought",
    "reasoning",
    "Task",
    "value",
    "result",
    "error",
    "print",
    "import",
    "def",
    "return",
    "for",
    "in",
    "range",
    "if",
    "else",
    "while",
    "class",
    "from",
    "math",
    "len",
    "sum",
    "list",
    "dict",
    "str",
    "int",
    "float",
    "open",
    "read",
    "write",
    "True",
    "False",
    "None",
    "and",
    "or",
    "not",
    "=",
    "==",
    "+",
    "-",
    "*",
    "/",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ":",
    "'",
    '"',
    "```",
    "```python",
    "final_answer",
    "\\n",
]


@dataclass
class Vocabulary:
    """Tokens as a SentencePiece model has them: five for control, all bytes, letters, words."""

    tokens: list[bytes] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)

    def add(self, text: str | bytes, kind: gguf.TokenType, score: float = 0.0) -> int:
        """Add a token and return its number."""
        self.tokens.append(text.encode() if isinstance(text, str) else text)
        self.scores.append(score)
        self.kinds.append(int(kind))
        return len(self.tokens) - 1

    def __contains__(self, text: str) -> bool:
        return text.encode() in self.tokens


def plain_vocabulary(size: int = 0) -> Vocabulary:
    """Return a vocabulary that can say everything, filled up to `size` tokens."""
    made = Vocabulary()
    made.add("<unk>", gguf.TokenType.UNKNOWN)
    for control in ("<s>", "</s>", "<|im_start|>", "<|im_end|>"):
        made.add(control, CONTROL)
    for byte in range(256):
        made.add(f"<0x{byte:02X}>", gguf.TokenType.BYTE)
    letters = ["▁", *map(chr, range(33, 127)), "\n", "\t"]
    # Tokens are joined from two at a time, so all beginnings of a word must be tokens too.
    joined = [
        start[:size] for word in WORDS for start in (word, "▁" + word)
        for size in range(2, len(start) + 1)
    ]  # fmt: skip
    # Longer than the 32 bytes in which careless programs read a token.
    spaces = [mark * count for mark in "▁-" for count in (2, 4, 8, 16, 32, 40, 64)]
    for rank, text in enumerate(dict.fromkeys([*joined, *spaces, *letters])):
        made.add(text, NORMAL, -float(rank))
    for filler in range(size - len(made.tokens)):
        made.add(f"▁w{filler:x}", NORMAL, -1e6 - filler)
    return made


def random_model(
    path: Path,
    *,
    layers: int = 2,
    width: int = 128,
    heads: int = 4,
    kv_heads: int = 2,
    vocabulary: int = 0,
    context: int = 8192,
    template: str | None = CHATML,
    seed: int = 0,
) -> Path:
    """Write a model that says random things; 2 MB with the defaults.

    Args:
        vocabulary: tokens; 763 or so with 0.
    """
    words = plain_vocabulary(vocabulary)
    chance = np.random.default_rng(seed)
    writer = _writer(path, words, layers=layers, width=width, heads=heads, kv_heads=kv_heads,
                     inner=3 * width, context=context, template=template)  # fmt: skip

    def weights(name: str, *shape: int) -> None:
        numbers = chance.standard_normal(shape, dtype=np.float32) * 0.08
        writer.add_tensor(name, numbers.astype(np.float16))

    weights("token_embd.weight", len(words.tokens), width)
    weights("output.weight", len(words.tokens), width)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    head = width // heads
    for layer in range(layers):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", np.ones(width, np.float32))
        weights(f"{block}attn_q.weight", heads * head, width)
        weights(f"{block}attn_k.weight", kv_heads * head, width)
        weights(f"{block}attn_v.weight", kv_heads * head, width)
        weights(f"{block}attn_output.weight", width, heads * head)
        weights(f"{block}ffn_gate.weight", 3 * width, width)
        weights(f"{block}ffn_up.weight", 3 * width, width)
        weights(f"{block}ffn_down.weight", width, 3 * width)
    return _written(path, writer)


def scripted_model(
    path: Path, replies: Sequence[str], *, template: str = SCRIPTED, context: int = 8192
) -> Path:
    """Write a model that says reply k in a conversation with k - 1 replies so far; 2 MB.

    Attention and feed-forward give zero, so the next token depends on the last one alone. The
    prompt ends in a control token for its turn, from which one token of the script leads to the
    next. A text of the script can be no token twice, so what repeats is cut smaller.
    """
    words = plain_vocabulary()
    turns = [words.add(f"<|turn_{turn}|>", CONTROL) for turn in range(1, len(replies) + 9)]
    follows: dict[int, int] = {}
    used = {token.decode(errors="replace").replace("▁", " ") for token in words.tokens}
    for turn, last in enumerate(turns):
        for piece in _pieces(replies[turn] if turn < len(replies) else "", used):
            token = words.add(piece, gguf.TokenType.USER_DEFINED)
            follows[last] = last = token
        follows[last] = END_OF_TURN
    return _chain(path, words, follows, template, context)


def spelled_model(path: Path, raw: bytes) -> Path:
    """Write a model that says these bytes, each once, and each as a token of its own."""
    words = plain_vocabulary()
    last = words.add("<|turn_1|>", CONTROL)
    follows: dict[int, int] = {}
    for byte in raw:
        token = words.tokens.index(f"<0x{byte:02X}>".encode())
        assert token not in follows
        follows[last] = last = token
    follows[last] = END_OF_TURN
    return _chain(path, words, follows, SCRIPTED, 8192)


def endless_model(path: Path, *cycle: str) -> Path:
    """Write a model that says these texts over and over."""
    words = plain_vocabulary()
    turns = [words.add(f"<|turn_{turn}|>", CONTROL) for turn in range(1, 9)]
    tokens = [words.add(text, gguf.TokenType.USER_DEFINED) for text in cycle]
    follows = dict.fromkeys(turns, tokens[0])
    for number, token in enumerate(tokens):
        follows[token] = tokens[(number + 1) % len(tokens)]
    return _chain(path, words, follows, SCRIPTED, 8192)


def _chain(
    path: Path, words: Vocabulary, follows: dict[int, int], template: str, context: int
) -> Path:
    """Write a model in which each token is followed by a certain other one."""
    width = 256
    chance = np.random.default_rng(0)
    embedding = chance.standard_normal((len(words.tokens), width)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    output = np.zeros_like(embedding)
    for token, following in follows.items():
        output[following] += 3 * embedding[token]
    writer = _writer(path, words, layers=1, width=width, heads=4, kv_heads=4, inner=32,
                     context=context, template=template)  # fmt: skip
    writer.add_tensor("token_embd.weight", embedding.astype(np.float16))
    writer.add_tensor("output.weight", output.astype(np.float16))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    for name in ("q", "k", "v", "output"):
        writer.add_tensor(f"blk.0.attn_{name}.weight", np.zeros((width, width), np.float16))
    for name, shape in (("gate", (32, width)), ("up", (32, width)), ("down", (width, 32))):
        writer.add_tensor(f"blk.0.ffn_{name}.weight", np.zeros(shape, np.float16))
    return _written(path, writer)


def _pieces(text: str, used: set[str]) -> Iterable[str]:
    """Cut a text into pieces of up to 20 characters that are new, and add them to `used`."""
    while text:
        size = next((n for n in range(min(20, len(text)), 0, -1) if text[:n] not in used), 0)
        if not size:
            raise ValueError(f"{text[:30]!r} cannot begin with a piece that is new")
        used.add(text[:size])
        yield text[:size]
        text = text[size:]


def _writer(
    path: Path,
    words: Vocabulary,
    *,
    layers: int,
    width: int,
    heads: int,
    kv_heads: int,
    inner: int,
    context: int,
    template: str | None,
) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"made for tests: {path.stem}")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(words.tokens))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(words.tokens)
    writer.add_token_scores(words.scores)
    writer.add_token_types(words.kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END_OF_TURN)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    if template is not None:
        writer.add_chat_template(template)
    return writer


def _written(path: Path, writer: gguf.GGUFWriter) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
