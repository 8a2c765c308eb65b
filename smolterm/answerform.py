"""The JSON Schema that an answer must fit: told to the model, checked, and asked for again."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec

from smolterm.answers import NO_FIT, as_json, json_text
from smolterm.clock import Clock
from smolterm.errors import UsageError
from smolterm.events import Event, Finished, MistakeFound

MOST_SCHEMA = 100_000
"""Characters; the model reads all of it."""
MOST_TOLD = 5
"""Things that do not fit, told at once."""
MOST_WORDS = 400
"""Characters of each: a message may hold the whole answer."""


class AnswerForm:
    """A schema, as a `Review` of answers.

    Args:
        text: the schema as JSON.
        named: how an error calls it.

    Raises:
        UsageError: it is no JSON Schema, or refers to one that is elsewhere.
    """

    def __init__(self, text: str, *, named: str) -> None:
        if len(text) > MOST_SCHEMA:
            raise UsageError(f"{named} is longer than {MOST_SCHEMA:,} characters.")
        try:
            schema = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{named} is no JSON: {error}.") from None
        self._text = json_text(schema) if isinstance(schema, dict) else text.strip()
        self._validator = _validator(schema, named)
        # What cannot be resolved is found now, and not after the model was paid.
        self._problems({}, named)

    @classmethod
    def read(cls, path: Path) -> AnswerForm:
        """Read a schema's file; raises UsageError as above, or where it cannot be read."""
        try:
            return cls(path.read_text(encoding="utf-8-sig"), named=str(path))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise UsageError(f"{path} cannot be read: {why}.") from None

    def note(self) -> str:
        """Return what the model is told with the task."""
        return (
            "Your answer must be a value that fits this JSON Schema. Give the value itself to "
            f"final_answer, such as a dict, not its text:\n{self._text}"
        )

    async def after_step(self, step: int) -> AsyncGenerator[Event, None]:
        """Nothing: only answers have a form."""
        for _ in ():
            yield _

    async def at_answer(
        self, step: int, finished: Finished, clock: Clock, repairs_left: int
    ) -> AsyncGenerator[Event, None]:
        """Pass an answer that fits on as JSON; tell the model what is wrong with another."""
        value = value_of(finished)
        problems = self._problems(value, "The schema")
        if not problems:
            yield msgspec.structs.replace(finished, answer=json_text(value), data=value)
            return
        lines = "\n".join(f"- {one}" for one in problems[:MOST_TOLD])
        more = "" if len(problems) <= MOST_TOLD else f"\nand {len(problems) - MOST_TOLD} more."
        yield MistakeFound(
            step=step,
            text=f"{NO_FIT} its JSON Schema:\n{lines}{more}\nAnswer again.",
            repairs_left=max(0, repairs_left),
        )

    def _problems(self, value: Any, named: str) -> list[str]:
        from jsonschema.exceptions import best_match
        from referencing.exceptions import Unresolvable

        try:
            errors = list(self._validator.iter_errors(value))
        except (Unresolvable, RecursionError) as why:
            raise UsageError(
                f"{named} cannot be followed: {type(why).__name__}: {why}.",
                next="Schemas elsewhere are not fetched: put all into one file under $defs.",
            ) from None
        found: list[str] = []
        for error in errors:
            # Of several ways that an `anyOf` fails in, the nearest says most.
            inner = best_match([error]) or error
            found.append(f"{inner.json_path}: {inner.message}"[:MOST_WORDS])
        return found


def value_of(finished: Finished) -> Any:
    """Return an answer's value: what was given to final_answer, or what its text is as JSON."""
    if finished.data is not msgspec.UNSET:
        return finished.data
    text = (finished.answer or "").strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[text.index("\n") : -3]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return finished.answer or ""
    return value if isinstance(value, str) or as_json(value) is not msgspec.UNSET else text


def _validator(schema: Any, named: str) -> Any:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    if not isinstance(schema, dict | bool):
        raise UsageError(f"{named} is no JSON Schema: it is neither an object nor true or false.")
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        where = error.json_path
        raise UsageError(
            f"{named} is no JSON Schema: {where}: {error.message[:MOST_WORDS]}."
        ) from None
    # An empty registry: what a schema refers to is never fetched.
    return kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
