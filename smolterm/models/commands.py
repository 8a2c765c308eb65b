"""`smolterm models`: what is here and what would fit; getting, showing, measuring, removing."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from smolterm.config import config_path, load_config
from smolterm.configfile import set_value
from smolterm.errors import ExitCode, UsageError
from smolterm.models.library import SUFFIX, about, find, forget, models_folder, size
from smolterm.printable import printable

if TYPE_CHECKING:
    import argparse

    from smolterm.models.servers import Server
    from smolterm.models.survey import Survey

ACTIONS = {
    "list": "what is here, what runs, what would fit (also without a word)",
    "get": "fetch a model: NAME of the catalogue, OWNER/NAME FILE.gguf, or the path of a copy",
    "show": "what a file is, and the memory it takes",
    "bench": "measure speed and memory on this machine, and remember them",
    "use": "make it the model of every session",
    "remove": "delete a model's file",
}


def add_parser(subparsers: Any) -> None:
    """Add the actions of `smolterm models` to what `add_subparsers` returned."""
    for name, words in ACTIONS.items():
        parser = subparsers.add_parser(name, help=words, description=f"{words.capitalize()}.")
        parser.set_defaults(action=name)
        add = parser.add_argument
        if name == "get":
            add("what", nargs="+", metavar="NAME | REPOSITORY FILE | PATH", help="what to get")
            add("--revision", help="the repository's commit (default: today's)")
            add("--sha256", help="what the file must be")
            add("--bytes", type=int, help="how large; with the two above nothing is looked up")
            add("-y", "--yes", action="store_true", help="an owner named like another is meant")
        elif name == "use":
            add("name", metavar="MODEL", help="as --model takes it")
        elif name != "list":
            add("name", metavar="NAME | PATH", help="local/ in front may be left out")
        if name in ("list", "show", "bench"):
            add("--json", action="store_true", help="print one JSON object")
        if name == "list":
            add_list_flags(parser)


def add_list_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `smolterm models` takes without an action too."""
    look = parser.add_mutually_exclusive_group()
    look.add_argument("--servers", action="store_true", default=None, dest="look",
                      help="look for model servers on this machine without asking")  # fmt: skip
    look.add_argument("--no-servers", action="store_false", default=None, dest="look",
                      help="do not look")  # fmt: skip


def run_models(arguments: argparse.Namespace) -> int:
    """Run one action and return the exit code."""
    if arguments.action == "get":
        from smolterm.models.getting import run_get

        return run_get(arguments)
    if arguments.action == "bench":
        from smolterm.models.bench import run_bench

        return run_bench(resolved(arguments.name), as_json=arguments.json)
    if arguments.action == "show":
        return _show(resolved(arguments.name), as_json=arguments.json)
    if arguments.action == "remove":
        return _remove(arguments.name)
    if arguments.action == "use":
        return _use(arguments.name)
    return _list(as_json=arguments.json, look=arguments.look)


def resolved(name: str) -> Path:
    """Return the file of a model by its name or path.

    Raises:
        ConfigError: no model has that name.
        UsageError: the path leads to no file.
    """
    plain = name.removeprefix("file:").removeprefix("local/")
    if plain.lower().endswith(SUFFIX) and (os.sep in plain or Path(plain).exists()):
        path = Path(plain).expanduser().absolute()
        if not path.is_file():
            raise UsageError(f"{path} is no file.")
        return path
    return find(plain)


def _list(*, as_json: bool, look: bool | None) -> int:
    from smolterm.models.survey import survey

    found = survey(os.environ)
    if _may_look(look, quiet=as_json):
        servers = asyncio.run(_find())
        found = msgspec.structs.replace(found, servers=tuple(servers), asked=True)
    if as_json:
        sys.stdout.write(msgspec.json.encode(_plain(found)).decode() + "\n")
        return ExitCode.OK
    for line in lines_of(found, load_config().settings.model):
        sys.stdout.write(printable(line).rstrip() + "\n")
    return ExitCode.OK


async def _find() -> list[Server]:
    from smolterm.models.servers import find_servers

    return await find_servers()


def _may_look(look: bool | None, *, quiet: bool) -> bool:
    """Whether the person lets us knock at this machine's own ports."""
    told = load_config().settings.servers
    if look is not None or told != "ask":
        return look if look is not None else told == "look"
    if quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(
        "Look for model servers on this machine (Ollama, LM Studio, llama-server, vLLM)? "
        "[y]es, [a]lways, [N]o "
    )
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower()[:1]
    if answer == "a":
        set_value(config_path(), "servers", "look")
    return answer in ("y", "a")


def lines_of(found: Survey, chosen: str) -> list[str]:
    """Return the list as lines of plain text.

    Args:
        chosen: the model of every session, if one is set.
    """
    from smolterm.models.survey import gib, served_words

    rows: list[tuple[str, str, str] | str] = []
    free = f", {gib(found.free)} of memory free" if found.free is not None else ""
    rows.append(f"installed in {found.folder}{free}")
    for here in found.installed:
        mark = "*" if here.choice == chosen else " "
        speed = here.model.about.speed
        said = here.broken or str(here.fit)
        said += f", {speed.writing:.1f} tokens/s" if speed else ""
        rows.append((f"{mark} {here.choice}", size(here.model.bytes), said))
    if not found.installed:
        rows.append("  none yet")
    if found.asked:
        rows.append("servers on this machine")
        for server in found.servers:
            if server.loading or not server.models:
                rows.append((f"  {server.kind}/", "", "loading" if server.loading else "no models"))
            for index, model in enumerate(server.models):
                mark = "*" if server.choice(model) == chosen else " "
                words = served_words(server, index)
                rows.append((f"{mark} {server.choice(model)}", "", f"{server.title}, {words}"))
        if not found.servers:
            rows.append("  none answers")
    if found.keys:
        rows.append("keys set")
        rows += [(f"  {key.choice}", "", f"{key.provider}, {key.variable}") for key in found.keys]
    if found.to_get:
        rows.append("to get with `smolterm models get NAME`")
        rows += [(f"  {each.name}", size(each.entry.bytes), f"{each.fit}; {each.entry.note}")
                 for each in found.to_get]  # fmt: skip
    width = max((len(row[0]) for row in rows if isinstance(row, tuple)), default=0)
    return [row if isinstance(row, str) else f"{row[0]:<{width}}  {row[1]:>8}  {row[2]}"
            for row in rows]  # fmt: skip


def _plain(found: Survey) -> dict[str, Any]:
    """Return the list for scripts."""

    def fit(value: Any) -> Any:
        return {"fits": value.chosen is not None,
                "context": value.chosen.context if value.chosen else None,
                "bytes": (value.chosen or value.least).needed} if value else None  # fmt: skip

    return {
        "folder": str(found.folder),
        "free_memory": found.free,
        "installed": [
            {"model": each.choice, "path": str(each.model.path), "bytes": each.model.bytes,
             "fit": fit(each.fit), "broken": each.broken or None,
             "speed": msgspec.to_builtins(each.model.about.speed)} for each in found.installed
        ],
        "servers": [
            {"model": server.choice(model), "server": server.title, "address": server.base_url,
             **msgspec.to_builtins(model)} for server in found.servers for model in server.models
        ] if found.asked else None,
        "keys": [msgspec.to_builtins(key) for key in found.keys],
        "to_get": [
            {"name": each.name, "bytes": each.entry.bytes, "fit": fit(each.fit),
             "repository": each.entry.repository, "revision": each.entry.revision,
             "file": each.entry.file, "sha256": each.entry.sha256} for each in found.to_get
        ],
    }  # fmt: skip


def _show(path: Path, *, as_json: bool) -> int:
    from smolterm.models.fit import forecast, shape_of
    from smolterm.models.machine import cores, free_memory
    from smolterm.models.modelfile import read_model
    from smolterm.models.survey import fit_of, gib, thousands
    from smolterm.profiles import own_path, profile_for

    file, free = read_model(path), free_memory()
    profile = profile_for(f"local/{path.stem}", file)
    shape, known = shape_of(file), about(path)
    contexts = [c for c in (4096, 8192, 16384, 32768, 65536) if c <= (file.context or c)]
    forecasts = [forecast(shape, context) for context in contexts or [file.context]]
    if as_json:
        told = msgspec.to_builtins(file, enc_hook=str) | {
            "about": msgspec.to_builtins(known), "free_memory": free, "cores": cores(),
            "profile": msgspec.to_builtins(profile),
            "forecast": [
                msgspec.to_builtins(each) | {"needed": each.needed, "total": each.total}
                for each in forecasts
            ],
        }  # fmt: skip
        told.pop("template")
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        return ExitCode.OK
    lines = [
        f"{file.name}",
        f"  file        {path}",
        f"  what        {file.architecture}, {file.parameters / 1e9:.1f} billion weights, mostly "
        f"{file.quantisation}, {size(file.size)}",
        f"  context     trained for {thousands(file.context)}",
        f"  from        {known.repository or 'a file of your own'} {known.revision[:12]}",
        f"  SHA-256     {known.sha256 or 'not compared with anything'}",
        f"  here        {fit_of(shape, free)}"
        + (f" of {gib(free)} free" if free is not None else ""),
        "  context    weights  +  cache  +  compute + process  =  must be free; copies of weights "
        f"take {gib(shape.repacked)} more while there is room",
    ]
    for each in forecasts:
        parts = (each.weights, each.cache, each.compute, each.process, each.needed)
        lines.append(f"  {thousands(each.context):>7}  " + "  ".join(f"{gib(p):>9}" for p in parts))
    if known.speed is not None:
        from smolterm.models.bench import words

        lines.append(f"  measured    {words(known.speed)}")
    lines.append(f"  profile     {profile.name}; yours can be set in {own_path()}")
    lines += [f"    {line}" for line in profile.lines()]
    for line in lines:
        sys.stdout.write(printable(line) + "\n")
    return ExitCode.OK


def _remove(name: str) -> int:
    path = find(name.removeprefix("local/"))
    bytes_ = path.stat().st_size
    try:
        forget(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be removed: {error.strerror}.") from None
    sys.stdout.write(f"Removed {path.name}, {size(bytes_)}, from {models_folder()}.\n")
    return ExitCode.OK


def _use(name: str) -> int:
    from smolterm.models.launch import route_of

    chosen = name
    if "/" not in name and ":" not in name and not name.lower().endswith(SUFFIX):
        chosen = f"local/{name}" if _is_installed(name) else name
    route_of(chosen, load_config().settings.api_base or None, os.environ)
    set_value(config_path(), "model", chosen)
    sys.stdout.write(printable(f"{chosen} is now the model of every session ({config_path()}).\n"))
    return ExitCode.OK


def _is_installed(name: str) -> bool:
    try:
        find(name)
    except UsageError:
        return False
    return True
