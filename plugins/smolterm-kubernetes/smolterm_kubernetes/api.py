"""Asking a Kubernetes API server: its paths, its pages, its errors in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from smolterm.pack import ToolError, http, secrets, settings

MOST = 500
"""Rows that one call returns at most."""

_MOST_PAGES = 50
"""A server that always names a further page must come to an end too."""
_HOW = "`smolterm packs secret kubernetes KUBERNETES_TOKEN`"
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_APPS = ("deployments", "statefulsets", "daemonsets", "replicasets")
_GROUPS = (
    dict.fromkeys(_APPS, "/apis/apps/v1")
    | dict.fromkeys(("jobs", "cronjobs"), "/apis/batch/v1")
    | {"ingresses": "/apis/networking.k8s.io/v1"}
)
_WHOLE_CLUSTER = ("nodes", "namespaces")


def ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, object] | None = None,
    json: object = None,
    kind: str = "",
) -> http.Response:
    """Send one request and return the response, or raise what the server says as a ToolError.

    Args:
        kind: the body's media type, where it is not plain JSON: a patch says how it is merged.
    """
    headers = {"Accept": "application/json, */*"}
    if kind:
        headers["Content-Type"] = kind
    if secrets.has("KUBERNETES_TOKEN"):
        headers["Authorization"] = secrets.bearer("KUBERNETES_TOKEN")
    url = settings["url"].rstrip("/") + path
    response = http.request(method, url, params=params, json=json, headers=headers)
    if not response.ok:
        raise _error(response)
    return response


def path(kind: str, name: str = "", namespace: str | None = None) -> str:
    """Return the path of a kind, or of one object of it.

    Args:
        namespace: "" means all of them; None the one of the settings.
    """
    if namespace is None:
        namespace = settings["namespace"]
    group = _GROUPS.get(kind, "/api/v1")
    inside = namespace and kind not in _WHOLE_CLUSTER
    where = f"{group}/namespaces/{checked(namespace)}/{kind}" if inside else f"{group}/{kind}"
    return f"{where}/{checked(name)}" if name else where


def rows(where: str, limit: int, params: Mapping[str, object]) -> list[Any]:
    """Return the first rows of a list, page after page."""
    if not 1 <= limit <= MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {MOST}.")
    return list(islice(_rows(where, {**params, "limit": limit}), limit))


def _rows(where: str, params: dict[str, object]) -> Iterator[Any]:
    following = None
    for _ in range(_MOST_PAGES):
        page = ask("GET", where, params=params | {"continue": following}).json()
        yield from page["items"]
        following = page["metadata"].get("continue")
        if not following:
            return


def checked(name: str) -> str:
    """Return a name if an object can have it."""
    if not _NAME.fullmatch(name):
        raise ToolError(f"{name[:200]!r} can be no name in Kubernetes.")
    return name


def _error(response: http.Response) -> ToolError:
    try:
        body = response.json()
    except ToolError:
        body = None
    said = body.get("message") if isinstance(body, dict) else None
    nexts = {
        400: "Mend what the server names and try again.",
        401: f"Set a token that has not expired: {_HOW}; or run `kubectl proxy`.",
        403: "The token's account may not do this; ask who gave it to you.",
        404: "Check the name and the namespace; list_kubernetes() shows what is there.",
        409: "It changed at the same time; try again.",
        410: "The list changed while it was read; try again.",
        422: "Mend what the server names and try again.",
        429: f"Wait {response.headers.get('retry-after', '10')} seconds.",
    }
    what = f"Kubernetes answered {response.status}: {str(said or response.text)[:500]}"
    return ToolError(what, next=nexts.get(response.status, "Try again later."))
