"""What a server says of its tools, as tools that a model reads and a person trusts. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from smolterm.packs.bridges.schema import (
    Argument,
    arguments_of,
    plain,
    python_name,
    shown,
    signature_of,
)
from smolterm.packs.bridges.server import Definition, Listing, Prompt
from smolterm.packs.manifest import is_public
from smolterm.policy import Effect
from smolterm.printable import reveal
from smolterm.tools import ToolSpec

LONGEST_DOC = 1_200
"""Characters of a server's description that the model reads."""
LIST, READ, PROMPT = "list_resources", "read_resource", "prompt"


def tools_of(
    pack: str, listing: Listing, taken: Collection[str]
) -> tuple[tuple[ToolSpec, ...], dict[str, str]]:
    """Return a server's tools and, for each, the server's own name.

    Args:
        taken: names of other packs' tools. Where one is among them, or is none that an action can
            write, the server's name stands before it.
    """
    prefix = python_name(pack, "server")
    specs: list[ToolSpec] = []
    names: dict[str, str] = {}
    used = set(taken)
    more = _more(pack, prefix, listing)
    used |= {spec.name for spec in more}
    for each in listing.tools:
        name = _name(each.name, prefix, used)
        used.add(name)
        names[name] = each.name
        specs.append(_spec(pack, name, each))
    return (*specs, *more), names


def effect_of(annotations: dict[str, Any]) -> Effect:
    """Return the effect of a tool: hints make it more dangerous, never less.

    They are those of an untrusted party, which may say that it only reads.
    """
    is_destructive = annotations.get("destructive_hint") is True
    return "danger" if is_destructive and not annotations.get("read_only_hint") else "network"


def arguments_in(definition: Definition) -> tuple[Argument, ...]:
    """Return the arguments of one tool."""
    return arguments_of(plain(definition.schema))


def _name(theirs: str, prefix: str, used: Collection[str]) -> str:
    name = theirs
    if not is_public(theirs) or theirs in used:
        name = f"{prefix}_{python_name(theirs, 'tool')}"[:60]
    number = 2
    base = name
    while name in used:
        name = f"{base}_{number}"
        number += 1
    return name


def _spec(pack: str, name: str, each: Definition) -> ToolSpec:
    arguments = arguments_in(each)
    said = _description(each.description or each.title) or f"{shown(each.name, 60)} of {pack}."
    lines = [f"    {a.name}: {a.doc}" for a in arguments if a.doc]
    doc = "\n".join([said, "", "Args:", *lines]) if lines else said
    return ToolSpec(
        name=name,
        signature=signature_of(arguments),
        doc=doc,
        effect=effect_of(each.annotations),
        parameters=tuple(a.name for a in arguments),
        outside=True,
        pack=pack,
    )


def _description(text: str) -> str:
    """Return somebody else's description: bounded, with nothing in it that cannot be seen."""
    found = reveal(text[: LONGEST_DOC * 4])[0].replace("\t", "    ").strip()
    return found if len(found) <= LONGEST_DOC else f"{found[: LONGEST_DOC - 1]}…"


def _more(pack: str, prefix: str, listing: Listing) -> list[ToolSpec]:
    def made(name: str, arguments: str, result: str, doc: str, *names: str) -> ToolSpec:
        return ToolSpec(
            name=f"{prefix}_{name}", signature=f"({arguments}) -> {result}", doc=doc,
            effect="network", parameters=names, outside=True, pack=pack,
        )  # fmt: skip

    found: list[ToolSpec] = []
    if listing.resources:
        found += [
            made(LIST, "", "list[dict[str, object]]",
                 f"List what {pack} has to read: uri, name, description, type."),
            made(READ, "uri: str", "object",
                 f"Read one resource of {pack}: text, or bytes.", "uri"),
        ]  # fmt: skip
    if listing.prompts:
        doc = [f"Get a prompt that {pack} offers, as a list of messages.", "", "One of:"]
        doc += [f"    {_shown_prompt(each)}" for each in listing.prompts[:30]]
        arguments = "name: str, arguments: dict[str, str] | None = None"
        found.append(
            made(PROMPT, arguments, "list[dict[str, object]]", "\n".join(doc), "name", "arguments")
        )
    return found


def _shown_prompt(prompt: Prompt) -> str:
    names = ", ".join(
        f"{shown(each, 60)}{'' if each in prompt.required else '?'}" for each in prompt.arguments
    )
    said = shown(prompt.description, 120)
    return f"{shown(prompt.name, 60)}({names})" + (f": {said}" if said else "")
