"""Docker and Podman: what a model can call."""

from __future__ import annotations

import datetime
import json
from typing import Any

from smolterm.pack import ToolError, tool

from smolterm_containers import engine

MOST = 1_000
MOST_SECONDS = 40.0
LABEL = "smolterm.run"
"""What marks a container of `run_container`."""


@tool(effect="read")
def list_containers(all: bool = False, limit: int = 100) -> list[dict[str, object]]:
    """List the containers that run on this machine.

    Args:
        all: those that have ended too.

    Returns:
        One dict each: {"container": "web", "id": "4f2a...", "image": "nginx:1", "state": "running",
        "status": "Up 2 hours", "ports": ["127.0.0.1:8080->80/tcp"]}.
    """
    found = engine.told("GET", "/containers/json", {"all": str(all).lower()}) or []
    return [
        {
            "container": _first(each.get("Names"), each.get("Id", "")),
            "id": str(each.get("Id", ""))[:12],
            "image": each.get("Image"),
            "state": each.get("State"),
            "status": each.get("Status"),
            "ports": [_port(port) for port in each.get("Ports") or []],
        }
        for each in found[: _checked(limit)]
    ]


@tool(effect="read")
def inspect_container(container: str) -> dict[str, object]:
    """Tell about one container: its image, command, state, ports, mounts and networks.

    Args:
        container: its name or id.

    Returns:
        {"container": "web", "id": "4f2a...", "image": "nginx:1", "command": ["nginx"], "state":
        "exited", "code": 0, "error": "", "started": "2026-01-31T12:00:00Z", "finished": "...",
        "restarts": 0, "variables": ["PATH"], "mounts": [{"from": "/srv", "to": "/data",
        "writable": True}], "networks": ["bridge"]}; of variables the names alone.
    """
    found = engine.told("GET", f"{engine.named(container)}/json")
    config, state = found.get("Config") or {}, found.get("State") or {}
    return {
        "container": str(found.get("Name", "")).removeprefix("/"),
        "id": str(found.get("Id", ""))[:12],
        "image": config.get("Image"),
        "command": _words(config.get("Entrypoint")) + _words(config.get("Cmd")),
        "state": state.get("Status"),
        "code": state.get("ExitCode"),
        "error": state.get("Error") or "",
        "started": state.get("StartedAt"),
        "finished": state.get("FinishedAt"),
        "restarts": found.get("RestartCount") or 0,
        "variables": [str(each).partition("=")[0] for each in config.get("Env") or []],
        "mounts": [
            {"from": each.get("Source"), "to": each.get("Destination"), "writable": each.get("RW")}
            for each in found.get("Mounts") or []
        ],
        "networks": sorted((found.get("NetworkSettings") or {}).get("Networks") or {}),
    }


@tool(effect="read")
def read_container_logs(container: str, lines: int = 100) -> list[dict[str, object]]:
    """Read the last lines that a container wrote.

    Args:
        lines: the most, at most 1,000.

    Returns:
        One dict per line: {"stream": "out", "text": "ready"}; `stream` is "out" or "errors".
    """
    return _logs(container, _checked(lines))


@tool(effect="read")
def list_images(limit: int = 100) -> list[dict[str, object]]:
    """List the images on this machine.

    Returns:
        One dict each: {"image": "nginx:1", "id": "sha256:4f2a...", "size": 187000000, "created":
        "2026-01-31T12:00:00+00:00"}; size in bytes.
    """
    found = engine.told("GET", "/images/json") or []
    return [
        {
            "image": _first(each.get("RepoTags"), ""),
            "id": str(each.get("Id", ""))[:19],
            "size": each.get("Size"),
            "created": _when(each.get("Created")),
        }
        for each in found[: _checked(limit)]
    ]


@tool(effect="write")
def start_container(container: str) -> dict[str, object]:
    """Start a container that is there and does not run.

    Returns:
        What inspect_container() tells of it.
    """
    engine.told("POST", f"{engine.named(container)}/start")
    return inspect_container(container)


@tool(effect="write")
def stop_container(container: str, seconds: int = 10) -> dict[str, object]:
    """Stop a container that runs.

    Args:
        seconds: what it may take before it is killed, at most 15.

    Returns:
        What inspect_container() tells of it.
    """
    if not 0 <= seconds <= 15:
        raise ToolError("`seconds` is a number from 0 to 15.")
    engine.told("POST", f"{engine.named(container)}/stop", {"t": seconds})
    return inspect_container(container)


@tool(effect="danger")
def run_container(
    image: str, command: list[str] | None = None, timeout: float = 30.0, network: bool = False,
    memory_mb: int = 512,
) -> dict[str, object]:  # fmt: skip
    """Run a command in a new container of an image that is here, and remove it after.

    Args:
        image: list_images() shows them.
        command: a list of words; without it, what the image names.
        timeout: seconds, at most 40; then it is killed.
        network: without it, the container has none.

    Returns:
        {"code": 0, "timed_out": False, "lines": [{"stream": "out", "text": "hello"}]}: the exit
        code, None when it was killed, and the last 1,000 lines.

    Example:
        print(run_container("debian:12", ["cat", "/etc/os-release"])["lines"])
    """
    if not 0 < timeout <= MOST_SECONDS:
        raise ToolError(f"`timeout` is more than 0 and at most {MOST_SECONDS:g} seconds.")
    if not 16 <= memory_mb <= 16_384:
        raise ToolError("`memory_mb` is a number from 16 to 16,384.")
    made = engine.told(
        "POST", "/containers/create", body=_described(image, command, network, memory_mb)
    )
    number = str(made["Id"])
    try:
        engine.told("POST", f"{engine.named(number)}/start")
        code = _waited(number, timeout)
        if code is None:
            engine.told("POST", f"{engine.named(number)}/kill")
        return {"code": code, "timed_out": code is None, "lines": _logs(number, MOST)}
    finally:
        engine.told("DELETE", engine.named(number), {"force": "true", "v": "true"})


@tool(effect="danger")
def remove_container(container: str, force: bool = False) -> dict[str, object]:
    """Remove a container and the volumes that belong to it alone.

    Args:
        force: also one that runs.

    Returns:
        {"removed": "web"}
    """
    engine.told("DELETE", engine.named(container), {"force": str(force).lower(), "v": "true"})
    return {"removed": container}


def _described(
    image: str, command: list[str] | None, network: bool, memory_mb: int
) -> dict[str, object]:
    memory = memory_mb * 1024 * 1024
    described: dict[str, object] = {
        "Image": image,
        "Tty": False,
        "Labels": {LABEL: "true"},
        "HostConfig": {
            "NetworkMode": "bridge" if network else "none",
            "Memory": memory,
            "MemorySwap": memory,
            "PidsLimit": 256,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
        },
    }
    return described if command is None else described | {"Cmd": command}


def _waited(container: str, seconds: float) -> int | None:
    try:
        said = engine.asked("POST", f"{engine.named(container)}/wait", seconds=seconds)
    except TimeoutError:
        return None
    return int(json.loads(said)["StatusCode"])


def _logs(container: str, most: int) -> list[dict[str, object]]:
    about = engine.told("GET", f"{engine.named(container)}/json")
    query: dict[str, object] = {"stdout": "true", "stderr": "true", "tail": most}
    try:
        raw = engine.asked("GET", f"{engine.named(container)}/logs", query)
    except TimeoutError:
        raise ToolError("The container engine did not send the log in time.") from None
    return engine.lines(raw, bool((about.get("Config") or {}).get("Tty")))[-most:]


def _words(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else [str(each) for each in said or []]


def _first(names: Any, otherwise: str) -> str:
    return str(names[0]).removeprefix("/") if names else otherwise[:12]


def _port(port: dict[str, Any]) -> str:
    inner = f"{port.get('PrivatePort')}/{port.get('Type')}"
    if not port.get("PublicPort"):
        return inner
    return f"{port.get('IP') or '*'}:{port['PublicPort']}->{inner}"


def _when(seconds: Any) -> str | None:
    if not isinstance(seconds, int):
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def _checked(limit: int) -> int:
    if not 0 < limit <= MOST:
        raise ToolError(f"The most that can be asked for is a number from 1 to {MOST}.")
    return limit
