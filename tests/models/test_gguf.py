"""The head of a model's file: read when whole, refused with file and reason when not."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smolterm.errors import ModelFileError
from smolterm.models.gguf import read_head
from smolterm.models.modelfile import read_model
from smolterm.models.tensors import TYPES, checked_tensor
from tests.models.gguf_files import plain_vocabulary, random_model, scripted_model

U32, U64, TEXT, LIST = 4, 10, 8, 9


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def fact(key: str, kind: int, raw: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + raw


def number(key: str, value: int) -> bytes:
    return fact(key, U32, struct.pack("<I", value))


def texts(key: str, values: list[str]) -> bytes:
    return fact(key, LIST, struct.pack("<IQ", TEXT, len(values)) + b"".join(map(text, values)))


def floats(key: str, count: int) -> bytes:
    return fact(key, LIST, struct.pack("<IQ", 6, count) + bytes(4 * count))


def tensor(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(
        f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset
    )  # fmt: skip


FACTS = {
    "architecture": fact("general.architecture", TEXT, text("llama")),
    "context": number("llama.context_length", 512),
    "width": number("llama.embedding_length", 64),
    "layers": number("llama.block_count", 2),
    "heads": number("llama.attention.head_count", 4),
    "tokenizer": fact("tokenizer.ggml.model", TEXT, text("llama")),
    "tokens": texts("tokenizer.ggml.tokens", ["<s>", "a", "b"]),
    "scores": floats("tokenizer.ggml.scores", 3),
    "bos": number("tokenizer.ggml.bos_token_id", 0),
}
TENSORS = [tensor("a", (8, 2)), tensor("b", (8,), offset=64)]


def a_file(
    facts: dict[str, bytes] | None = None,
    tensors: list[bytes] | None = None,
    *,
    opening: bytes = b"GGUF" + struct.pack("<I", 3),
    counts: tuple[int, int] | None = None,
    weights: int = 96,
    **changed: bytes,
) -> bytes:
    """Return a file's bytes; a fact given by name takes the place of the one of FACTS."""
    inner = {**(FACTS if facts is None else facts), **changed}
    tensors = TENSORS if tensors is None else tensors
    head = opening + struct.pack("<QQ", *(counts or (len(tensors), len(inner))))
    head += b"".join(inner.values()) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + bytes(weights)


DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "holds 0 bytes"),
    "another format": (b"PK\3\4" + bytes(400), "no GGUF file"),
    "a page of text": (b"<!DOCTYPE html>" + b"x" * 400, "no GGUF file"),
    "version 1": (a_file(opening=b"GGUF" + struct.pack("<I", 1)), "version 1"),
    "version 99": (a_file(opening=b"GGUF" + struct.pack("<I", 99)), "version 99"),
    "big-endian": (a_file(opening=b"GGUF" + struct.pack(">I", 3)), "big-endian"),
    "cut in its facts": (a_file()[:150], "damaged"),
    "cut in its weights": (a_file(weights=40), "56 of its bytes are missing"),
    "too many facts": (a_file(counts=(2, 2**63)), "9223372036854775808 facts"),
    "too many tensors": (a_file(counts=(2**40, 9)), "1099511627776 tensors"),
    "a negative count": (a_file(counts=(2**64 - 1, 9)), "18446744073709551615 tensors"),
    "an endless key": (a_file(width=struct.pack("<Q", 2**62) + bytes(40)), "a key is"),
    "an endless text": (
        a_file(bos=fact("x", TEXT, struct.pack("<Q", 2**63 - 1))), "ends in the middle"),
    "an endless list": (
        a_file(scores=fact("x", LIST, struct.pack("<IQ", U64, 2**61))), "2305843009213693952"),
    "an endless list of texts": (
        a_file(scores=fact("x", LIST, struct.pack("<IQ", TEXT, 2**40))), "1099511627776"),
    "a list of lists": (
        a_file(bos=fact("x", LIST, struct.pack("<IQ", LIST, 1) + bytes(64))), "list of lists"),
    "a list of no type": (
        a_file(bos=fact("x", LIST, struct.pack("<IQ", 77, 1) + bytes(64))), "type 77"),
    "a fact of no type": (a_file(bos=fact("x", 13, bytes(64))), "type 13"),
    "a fact twice": (a_file(bos=FACTS["width"]), "stands in it twice"),
    "a strange alignment": (a_file(bos=number("general.alignment", 3)), "alignment is 3"),
    "a tensor twice": (a_file(tensors=[TENSORS[0], tensor("a", (8,), offset=64)]), "twice"),
    "tensors that overlap": (a_file(tensors=[TENSORS[0], tensor("b", (8,), offset=32)]), "at 32"),
    "a tensor before the start": (a_file(tensors=[tensor("a", (8,), offset=2**64 - 32)]), "lies"),
    "a tensor behind the end": (a_file(tensors=[tensor("a", (8, 1000))]), "are missing"),
    "a tensor of no type": (a_file(tensors=[tensor("a", (8,), kind=999)]), "type 999"),
    "a tensor of half blocks": (a_file(tensors=[tensor("a", (8,), kind=8)]), "rows of 8"),
    "a tensor without end": (a_file(tensors=[tensor("a", (2**40, 2**40))]), "shape"),
    "a tensor of no size": (a_file(tensors=[tensor("a", (8, 0))]), "shape"),
    "a tensor in five dimensions": (a_file(tensors=[tensor("a", (1,) * 5)]), "5 dimensions"),
    "a tensor with a long name": (a_file(tensors=[tensor("a" * 64, (8,))]), "64 bytes long"),
    "no architecture": (a_file(architecture=number("general.file_type", 1)), "no architecture"),
    "an architecture as a number": (
        a_file(architecture=number("general.architecture", 1)), "is no text"),
    "vectors only": (
        a_file(architecture=fact("general.architecture", TEXT, text("nomic-bert"))), "no text"),
    "no layers": (a_file(layers=number("llama.block_count", 0)), "block_count is 0"),
    "layers without end": (a_file(layers=number("llama.block_count", 2**31)), "block_count is"),
    "no heads": (a_file(heads=number("llama.attention.head_count", 0)), "head_count is 0"),
    "too few numbers of heads": (
        a_file(heads=fact("llama.attention.head_count", LIST, struct.pack("<IQI", U32, 1, 4))),
        "1 numbers for 2 layers"),
    "no tokens": (a_file(tokens=number("tokenizer.ggml.tokens", 3)), "no vocabulary"),
    "fewer scores than tokens": (a_file(scores=floats("tokenizer.ggml.scores", 1)), "scores"),
    "a token out of reach": (a_file(bos=number("tokenizer.ggml.bos_token_id", 3)), "is 3 of 3"),
    "a part of a split file": (a_file(bos=number("split.count", 2)), "one of 2 parts"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_refused_by_name_and_reason(kind, tmp_path):
    raw, reason = DAMAGED[kind]
    path = tmp_path / "damaged.gguf"
    path.write_bytes(raw)
    with pytest.raises(ModelFileError, match=r"damaged\.gguf") as caught:
        read_model(path)
    assert reason in str(caught.value)
    assert caught.value.next


def test_the_whole_file_is_fine(tmp_path):
    path = tmp_path / "whole.gguf"
    path.write_bytes(a_file())
    found = read_model(path)
    assert (found.layers, found.heads, found.kv_heads, found.vocabulary) == (2, 4, (4, 4), 3)
    assert (found.head_k, found.parameters, found.template) == (16, 24, "")


def test_it_sees_what_the_library_wrote(tmp_path):
    found = read_model(random_model(tmp_path / "m.gguf", layers=3, heads=8, kv_heads=2))
    assert (found.architecture, found.layers, found.width) == ("llama", 3, 128)
    assert (found.heads, found.kv_heads, found.head_k, found.head_v) == (8, (2, 2, 2), 16, 16)
    assert (found.context, found.quantisation) == (8192, "F16")
    assert found.vocabulary == len(plain_vocabulary().tokens)
    assert "<|im_start|>" in found.template
    reader = gguf.GGUFReader(found.path)
    head = read_head(found.path)
    assert head.start == reader.data_offset
    assert [t.name for t in head.tensors] == [t.name for t in reader.tensors]
    assert [t.size for t in head.tensors] == [t.n_bytes for t in reader.tensors]


def test_the_table_of_types_is_the_librarys():
    for kind, sizes in gguf.GGML_QUANT_SIZES.items():
        # It is no type for weights, and the library counts it as an older one.
        if kind is not gguf.GGMLQuantizationType.Q8_1:
            assert TYPES[int(kind)] == (kind.name, *sizes)


def test_heads_may_differ_from_layer_to_layer(tmp_path):
    path = tmp_path / "m.gguf"
    kv = fact("llama.attention.head_count_kv", LIST, struct.pack("<IQII", U32, 2, 0, 2))
    path.write_bytes(a_file(kv=kv))
    assert read_model(path).kv_heads == (0, 2)


def test_a_model_in_parts_is_counted_whole_and_missed_by_name(tmp_path):
    split = number("split.count", 2)
    first, second = (tmp_path / f"m-0000{n}-of-00002.gguf" for n in (1, 2))
    first.write_bytes(a_file(split=split))
    with pytest.raises(ModelFileError, match=r"m-00002-of-00002\.gguf does not exist"):
        read_model(first)
    second.write_bytes(a_file(split=split))
    assert read_model(first).size == first.stat().st_size + second.stat().st_size
    with pytest.raises(ModelFileError, match=r"Name the first: m-00001-of-00002\.gguf"):
        read_model(second)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.gguf", "not exist"), (".", "is a folder"), ("/dev/null", "is no file")],
)
def test_a_path_without_a_file_is_said_so(name, reason, tmp_path):
    with pytest.raises(ModelFileError, match=reason):
        read_model(tmp_path / name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 4000), raw=st.binary(min_size=1, max_size=16), cut=st.integers(0, 9))
def test_any_damage_is_read_or_refused(place, raw, cut, tmp_path):
    whole = _scripted(tmp_path / "whole.gguf")
    place %= len(whole)
    damaged = whole[:place] + raw + whole[place + len(raw) :]
    path = tmp_path / "damaged.gguf"
    path.write_bytes(damaged[: len(damaged) - cut * 1000])
    try:
        read_model(path)
    except ModelFileError as error:
        assert "damaged.gguf" in str(error)


@given(st.text(), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
       st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))  # fmt: skip
def test_any_tensor_has_a_size_or_a_reason(name, shape, kind, offset):
    try:
        assert checked_tensor(name, tuple(shape), kind, offset).size > 0
    except ValueError:
        pass


def _scripted(path: Path, made: dict[str, bytes] = {}) -> bytes:  # noqa: B006
    """Return a real file's bytes; made once."""
    if not made:
        made["whole"] = scripted_model(path, ["Hello."]).read_bytes()
    return made["whole"]
