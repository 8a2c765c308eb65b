"""The models that `smolterm models get NAME` knows: each pinned to the byte."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from smolterm.models.fit import Shape


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of one repository, and the header's numbers that say whether it will fit."""

    title: str
    note: str
    """What it is good for, in a few words."""
    licence: str
    repository: str
    revision: str
    """The commit: a branch may be given another file at any time."""
    file: str
    bytes: int
    sha256: str
    layers: int
    heads: int
    kv_heads: int
    head_k: int
    head_v: int
    embedding: int
    vocab: int
    context_length: int
    """Tokens."""

    @property
    def shape(self) -> Shape:
        return Shape(
            file_bytes=self.bytes,
            cached_heads=self.layers * self.kv_heads,
            heads=self.heads,
            head_k=self.head_k,
            head_v=self.head_v,
            embedding=self.embedding,
            vocab=self.vocab,
            context_length=self.context_length,
        )


@cache
def catalogue() -> dict[str, Entry]:
    """Return the entries by name; the first is for a person who chose none."""
    text = files("smolterm.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Entry])


def default_name() -> str:
    """Return the name of the model for a person who chose none."""
    return next(iter(catalogue()))


def entry_for(repository: str, file: str) -> Entry | None:
    """Return the entry that pins a file, if one does."""
    for entry in catalogue().values():
        if (entry.repository, entry.file) == (repository, file):
            return entry
    return None


def entry_of(sha256: str) -> Entry | None:
    """Return the entry whose file has this SHA-256, if one does."""
    return next((entry for entry in catalogue().values() if entry.sha256 == sha256), None)
