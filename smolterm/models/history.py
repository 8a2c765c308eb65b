"""Makes a prompt's tokens so that each prompt begins with the tokens of the one before. Pure.

A reply goes back into the next prompt as the very tokens that were sampled, for its text may be cut
into others, and templates leave out what was reasoned. So nothing is evaluated twice.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import msgspec

from smolterm.models import Message
from smolterm.models.templates import Piece
from smolterm.models.thinking import ThinkSplitter

KEPT = 64
"""Replies whose tokens are kept."""


class Tokenizer(Protocol):
    joins_words: bool
    """A space may be put before a text: it depends on what stands before."""

    def tokens(self, text: str, *, special: bool) -> array[int]: ...


class Said(msgspec.Struct, frozen=True):
    """One reply and the prompt it answered."""

    prompt: array[int]
    sampled: array[int]
    """Without the token that ended it."""
    pieces: tuple[bytes, ...]
    """The text of each."""
    reply: str
    """What was handed on: without what was reasoned, and cut at a stop."""
    opened: str = ""
    """The tag with which the prompt let the model begin to reason."""

    def tokens_for(self, content: str) -> tuple[array[int], str] | None:
        """Return the tokens to keep for a message, and what of its text comes after them.

        None when the message is not this reply.
        """
        whole = b"".join(self.pieces).decode(errors="replace")
        said = (self.reply, whole, self.opened + whole, unreasoned(self.opened + whole))
        if content.strip() in (text.strip() for text in said):
            return self.sampled, ""
        reply = self.reply.rstrip()
        if reply and content.startswith(reply):
            kept = self._tokens_up_to(whole, whole.rfind(reply) + len(reply))
            return (kept[0], kept[1] + content[len(reply) :]) if kept else None
        if content.strip() and (place := whole.find(content)) >= 0:
            # The message ends before the reply did.
            return self._tokens_up_to(whole, place + len(content))
        return None

    def _tokens_up_to(self, whole: str, end: int) -> tuple[array[int], str] | None:
        """Return the tokens that lie within the first `end` characters, and the text left over."""
        wanted = whole[:end].encode(errors="replace")
        size = count = 0
        for piece in self.pieces:
            if size + len(piece) > len(wanted):
                break
            size, count = size + len(piece), count + 1
        if b"".join(self.pieces[:count]) != wanted[:size]:
            return None
        return self.sampled[:count], wanted[size:].decode(errors="replace")


class History:
    """Remembers what was said, and writes prompts with it.

    Args:
        begin: the token a prompt must begin with; -1: none.
    """

    def __init__(self, tokenizer: Tokenizer, begin: int = -1) -> None:
        self._tokenizer = tokenizer
        self._begin = begin
        self._said: OrderedDict[bytes, Said] = OrderedDict()

    def prompt(
        self, messages: Sequence[Message], pieces: Sequence[Piece], tools: str = ""
    ) -> array[int]:
        """Return the tokens of a rendered prompt.

        It goes on from the last reply in it that was sampled here after the very same messages.

        Args:
            tools: whatever else the template wrote into the prompt.
        """
        for place in range(len(pieces) - 1, -1, -1):
            number = pieces[place].message
            if number is None or messages[number].role != "assistant":
                continue
            said = self._said.get(_key(messages[:number], tools))
            kept = said.tokens_for(pieces[place].text) if said else None
            if said and kept:
                tokens = said.prompt + kept[0]
                if kept[1]:
                    tokens += self._read(Piece(kept[1], number), tokens)
                return self._read_all(pieces[place + 1 :], tokens)
        return self._read_all(pieces, array("i"))

    def opening(self, pieces: Sequence[Piece], messages: Sequence[Message]) -> array[int]:
        """Return the tokens before the first text of the user: the same in every session."""
        for place, piece in enumerate(pieces):
            if piece.message is not None and messages[piece.message].role != "system":
                return self._read_all(pieces[:place], array("i"))
        return array("i")

    def remember(self, messages: Sequence[Message], said: Said, tools: str = "") -> None:
        """Keep a reply for the prompts that will hold it."""
        key = _key(messages, tools)
        self._said[key] = said
        self._said.move_to_end(key)
        while len(self._said) > KEPT:
            self._said.popitem(last=False)

    def _read_all(self, pieces: Sequence[Piece], tokens: array[int]) -> array[int]:
        for piece in pieces:
            tokens += self._read(piece, tokens)
        return tokens

    def _read(self, piece: Piece, before: array[int]) -> array[int]:
        special = piece.message is None
        read = self._tokenizer.tokens
        if not before:
            found = read(piece.text, special=special)
            if self._begin >= 0 and (not found or found[0] != self._begin):
                found.insert(0, self._begin)
            return found
        if not special and self._tokenizer.joins_words:
            # Alone it would be taken for the beginning of a text, which gets a space.
            line, joined = read("\n", special=False), read("\n" + piece.text, special=False)
            if joined[: len(line)] == line:
                return joined[len(line) :]
        return read(piece.text, special=special)


def unreasoned(text: str) -> str:
    """Return a reply without what was reasoned in it."""
    split = ThinkSplitter()
    parts = (*split.feed(text), *split.finish())
    return "".join(part.text for part in parts if part.channel == "reply")


def _key(messages: Sequence[Message], tools: str) -> bytes:
    digest = hashlib.blake2b(tools.encode(errors="replace"), digest_size=16)
    for message in messages:
        text = message.content.encode(errors="replace")
        digest.update(f"{message.role} {len(text)} ".encode() + text)
    return digest.digest()
