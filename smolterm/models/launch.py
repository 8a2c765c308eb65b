"""Starting the model host before anything else is imported: everybody waits for what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from smolterm.models.providers import Route, environment_for, resolve
from smolterm.models.wire import Config, Options
from smolterm.spawn import spawn


class Launched:
    """A host's process that a `HostedModel` takes over."""

    def __init__(self, route: Route, options: Options, process: subprocess.Popen[bytes]) -> None:
        self.route = route
        self.options = options
        self.process = process


def launch(model: str, api_base: str | None = None, options: Options | None = None) -> Launched:
    """Start the host of a model; it ends by itself when nobody takes it over.

    Raises:
        ConfigError, NoKey: see `route_of`.
        OSError: no process can be started.
    """
    route, options = route_of(model, api_base, os.environ), options or Options()
    process = spawn_host(route, options, environment_for(route, os.environ), asked=0)
    return Launched(route, options, process)


def spawn_host(
    route: Route, options: Options, environ: Mapping[str, str], *, asked: int
) -> subprocess.Popen[bytes]:
    """Start the host's process, behind a wall of its own where it loads a file.

    Args:
        asked: replies that the session asked for before.

    Raises:
        OSError: it cannot be started, or not be confined.
    """
    confined = None
    if route.kind == "local":
        from smolterm.models.wall import confine

        options = _with_states(options)
        states = options.loading.states
        confined = confine(Path(route.model), Path(states) if states else None, environ)
    command = host_command(route, options, asked=asked)
    return spawn(command, environ, confined, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _with_states(options: Options) -> Options:
    """Say where evaluated prompts are kept: the host's environment does not tell it."""
    if options.loading.states is not None:
        return options
    from smolterm.store import cache_folder

    loading = msgspec.structs.replace(options.loading, states=str(cache_folder() / "states"))
    return msgspec.structs.replace(options, loading=loading)


def route_of(model: str, api_base: str | None, environ: Mapping[str, str]) -> Route:
    """Return where a model is asked; a file's path is made absolute.

    Raises:
        ConfigError, NoKey: see `providers.resolve`.
    """
    route = resolve(model, api_base, environ)
    if route.kind in ("replay", "local"):
        path = str(Path(route.model).expanduser().absolute())
        route = msgspec.structs.replace(route, model=path)
    return route


def host_command(route: Route, options: Options, *, asked: int) -> list[str]:
    """Return the host's command line; it holds no secret, for anybody may read it.

    Args:
        asked: replies that the session asked for before.
    """
    config = Config(route=route, options=options, asked=asked)
    # -P: the current folder, which may be anybody's, cannot shadow a module.
    return [sys.executable, "-P", "-m", "smolterm.models.host",
            msgspec.json.encode(config).decode()]  # fmt: skip
