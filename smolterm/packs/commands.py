"""`smolterm packs`: list, show, add, trust, remove, secret, set, table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from smolterm.errors import ExitCode, UsageError
from smolterm.packs.writing import commands as writing

if TYPE_CHECKING:
    import argparse

    from smolterm.packs.adding import Narrowing
    from smolterm.packs.trust import Trusted, TrustFile

ACTIONS = {
    "list": "what is installed, what of it is in use, and what it may do (also without a word)",
    "show": "all that is known of one pack, with its tools",
    "add": "install a pack, look at it and use it: a name, a folder, a wheel, a requirement",
    "trust": "look at an installed pack, and grant it all or a part of what it asks for",
    "remove": "use a pack no longer",
    "secret": "store a secret of a pack in the keyring, or name the variable that has it",
    "set": "set what a pack lets you choose: KEY=VALUE; KEY= is the default again",
    "table": "every tool with its pack, kind, effect and what it may do, as Markdown",
}


def add_parser(subparsers: Any) -> None:
    """Add the actions of `smolterm packs` to what `add_subparsers` returned."""
    for name, words in (ACTIONS | writing.ACTIONS).items():
        parser = subparsers.add_parser(
            name, help=words, description=f"{words[0].upper()}{words[1:]}."
        )
        parser.set_defaults(action=name)
        if name in writing.ACTIONS:
            writing.add_arguments(name, parser)
            continue
        _ARGUMENTS[name](parser)
        if name in ("list", "show", "table"):
            parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_packs(arguments: argparse.Namespace) -> int:
    """Run one action and return the exit code."""
    if arguments.action in writing.ACTIONS:
        return writing.run(arguments)
    if arguments.action in writing.FOR_FILES and (path := _file_of(arguments)):
        return writing.run_file(arguments.action, path, _narrowing(arguments), arguments)
    if arguments.action in ("list", "show", "table"):
        from smolterm.packs import listing

        if arguments.action == "list":
            return listing.print_packs(as_json=arguments.json)
        if arguments.action == "table":
            return listing.print_table(as_json=arguments.json)
        return listing.print_pack(arguments.name, as_json=arguments.json)
    if arguments.action == "secret":
        return _secret(arguments)
    if arguments.action == "set":
        return _set(arguments.name, arguments.pairs)
    from smolterm.packs import adding

    if arguments.action == "remove":
        return adding.remove_pack(arguments.name)
    narrowing = _narrowing(arguments)
    if arguments.action == "trust":
        return adding.trust_pack(arguments.name, narrowing, yes=arguments.yes)
    if arguments.mcp is not None:
        from smolterm.packs.bridges.adding import add_server

        return add_server(
            arguments.mcp, arguments.what, arguments.url or "", headers=arguments.header or (),
            env=arguments.env or (), secrets=arguments.secret or (), yes=arguments.yes,
        )  # fmt: skip
    if arguments.skills is not None:
        from smolterm.packs.bridges.skills import trust_skills

        return trust_skills(arguments.skills, lambda: arguments.yes or adding.agreed(), adding.say)
    if arguments.openapi is not None:
        from smolterm.packs.bridges.adding_api import add_api

        return add_api(
            arguments.openapi, arguments.name_it or "", arguments.url or "", narrowing,
            only=arguments.operation or (), yes=arguments.yes,
        )  # fmt: skip
    if len(arguments.what) != 1:
        raise UsageError("Name one pack, folder, wheel or requirement.")
    from smolterm.packs.installing import add_pack

    return add_pack(arguments.what[0], narrowing, yes=arguments.yes)


def _narrowing(arguments: argparse.Namespace) -> Narrowing:
    from smolterm.packs.adding import Narrowing

    return Narrowing(
        everything=getattr(arguments, "all", False),
        only=getattr(arguments, "only", None) or (),
        without=getattr(arguments, "without", None) or (),
    )


def _file_of(arguments: argparse.Namespace) -> str:
    """Return the file of functions that was named in a pack's place; empty for a pack."""
    if getattr(arguments, "mcp", None) is not None:
        return ""
    what: Any = getattr(arguments, "name", None) or getattr(arguments, "what", "")
    named = what[0] if isinstance(what, list) and len(what) == 1 else what
    return str(named) if writing.is_file(named) else ""


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the pack's name")


def _add_narrowing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    what = "hosts, read, write, env, secrets, an entry of them, or read=PATTERN"
    add("--only", action="append", metavar="WHAT", help=f"grant nothing else: {what}")
    add("--without", action="append", metavar="WHAT", help=f"do not grant: {what}")
    add("-y", "--yes", action="store_true", help="do not ask")


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="*",
        metavar="NAME | FOLDER | WHEEL | REQUIREMENT",
        help="a pack that is installed, or what to install; behind --mcp NAME --, a command",
    )
    _add_narrowing(parser)
    add = parser.add_argument
    add("--mcp", metavar="NAME", help="use an MCP server by this name: -- COMMAND, or --url")
    add("--openapi", metavar="FILE | ADDRESS", help="make a pack of an OpenAPI document")
    add("--skills", metavar="FOLDER",
        help="trust the skills in a project's .agents/skills")  # fmt: skip
    add("--name", dest="name_it", metavar="NAME", help="what that pack is called")
    add("--operation", action="append", metavar="PATTERN",
        help="only those of its operations, by id or path")  # fmt: skip
    add("--url", metavar="ADDRESS",
        help="of an MCP server that speaks streamable HTTP, or of the API")  # fmt: skip
    add("--header", action="append", metavar="'NAME: VALUE'",
        help="sent to that address; ${SECRET} in it is replaced")  # fmt: skip
    add("--env", action="append", metavar="VARIABLE", help="the MCP server is told it")
    add("--secret", action="append", metavar="VARIABLE",
        help="the MCP server is told it; from this environment, else asked for")  # fmt: skip


def _add_trust(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    _add_narrowing(parser)
    parser.add_argument("--all", action="store_true", help="grant all that it asks for again")


def _add_secret(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument("key", metavar="KEY", help="the secret's name, as `show` has it")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--variable", metavar="VARIABLE", help="it is in this environment variable")
    how.add_argument("--forget", action="store_true", help="remove it")


def _add_set(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help="a setting")


_ARGUMENTS: dict[str, Any] = {
    "list": lambda parser: None,
    "show": _add_name,
    "add": _add_add,
    "trust": _add_trust,
    "remove": _add_name,
    "secret": _add_secret,
    "set": _add_set,
    "table": lambda parser: None,
}


def _secret(arguments: argparse.Namespace) -> int:
    """Store a secret; it is typed or piped, never an argument, which others could read."""
    import msgspec

    from smolterm.packs import secrets
    from smolterm.packs.trust import SecretSource, changing

    name, key = _key(arguments.name), arguments.key
    trusted = _trusted(name)
    if key not in trusted.manifest.secrets:
        known = ", ".join(trusted.manifest.secrets) or "none"
        raise UsageError(f"The pack {name} has no secret {key}.", next=f"It has: {known}.")
    source: SecretSource | None = None
    if arguments.variable is not None:
        if not arguments.variable.isidentifier():
            raise UsageError(
                "That is no name of a variable.", next="Give its name, not the secret."
            )
        source = SecretSource(variable=arguments.variable)
    elif arguments.forget:
        if key in trusted.secrets and not trusted.secrets[key].variable:
            secrets.forget(name, key)
    else:
        secrets.keyring_name()
        secrets.store(name, key, _typed(f"{key}: "))
        source = SecretSource()
    with changing() as trust:
        shelf = _shelf(trust, name)
        kept = dict(shelf[name].secrets)
        kept.pop(key, None)
        if source is not None:
            kept[key] = source
        shelf[name] = msgspec.structs.replace(shelf[name], secrets=kept)
    where = "forgotten" if source is None else f"in {_place(source.variable)}"
    sys.stderr.write(f"The secret {key} of {name} is {where}.\n")
    return ExitCode.OK


def _place(variable: str) -> str:
    return f"the variable {variable}" if variable else "the keyring"


def _typed(prompt: str) -> str:
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")


def _set(name: str, pairs: list[str]) -> int:
    import msgspec

    from smolterm.packs.grants import hosts_in_force
    from smolterm.packs.trust import changing
    from smolterm.packs.using import settings_of
    from smolterm.printable import printable, reveal

    name = _key(name)
    manifest = _trusted(name).manifest
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key not in manifest.settings or not equals:
            known = ", ".join(manifest.settings) or "none"
            raise UsageError(
                f"The pack {name} has no setting {key!a}.", next=f"KEY=VALUE; it has: {known}."
            )
        if len(value) > 10_000 or "\n" in value or reveal(value)[1]:
            raise UsageError(f"The value of {key} is too long, or holds what cannot be seen.")
        given[key] = value
    with changing() as trust:
        shelf = _shelf(trust, name)
        before = shelf[name]
        settings = {k: v for k, v in {**before.settings, **given}.items() if v}
        hosts = [host for host in manifest.capabilities.hosts if host[1:] in given]
        reached = hosts_in_force(hosts, settings_of(manifest, settings))
        shelf[name] = msgspec.structs.replace(before, settings=settings)
    for host in reached:
        sys.stderr.write(printable(f"{name} may reach {host} now.") + "\n")
    return ExitCode.OK


def _key(name: str) -> str:
    """Return what a pack, or a file of functions, stands under."""
    if not writing.is_file(name):
        return name
    from smolterm.packs.writing.files import key_of

    return key_of(name)


def _shelf(trust: TrustFile, name: str) -> dict[str, Trusted]:
    return trust.files if writing.is_file(name) else trust.packs


def _trusted(name: str) -> Trusted:
    from smolterm.packs.trust import read_trust

    found = _shelf(read_trust(), name).get(name)
    if found is None:
        raise UsageError(
            f"The pack {name} is not in use.", next=f"First: smolterm packs add {name}."
        )
    return found
