"""A Kubernetes cluster: what a model can call."""

from __future__ import annotations

import datetime
from typing import Literal

from smolterm.pack import ToolError, tool

from smolterm_kubernetes import api, shape

_MOST_REPLICAS = 1_000


@tool(effect="network")
def list_kubernetes(
    kind: Literal[
        "pods",
        "deployments",
        "statefulsets",
        "daemonsets",
        "replicasets",
        "jobs",
        "cronjobs",
        "services",
        "ingresses",
        "configmaps",
        "secrets",
        "persistentvolumeclaims",
        "nodes",
        "namespaces",
    ] = "pods",
    namespace: str | None = None,
    labels: str = "",
    limit: int = 100,
) -> list[dict[str, object]]:
    """List the objects of one kind in a Kubernetes cluster.

    Args:
        namespace: "" means all namespaces; None the one of the settings ("default").
        labels: a label selector, such as "app=web,tier!=cache".

    Returns:
        One dict each, with "name", "namespace" and "created". Pods have {"status": "Running",
        "ready": "1/1", "restarts": 0, "node": "...", "containers": ["web"]}, deployments
        {"wanted": 3, "ready": 3, "images": ["nginx:1.27"]}, nodes {"ready": True, ...}.

    Example:
        for pod in list_kubernetes("pods", namespace=""):
            if pod["status"] != "Running":
                print(pod["namespace"], pod["name"], pod["status"])
    """  # fmt: skip
    params = {"labelSelector": labels or None}
    return [shape.row(kind, found) for found in api.rows(_path(kind, namespace), limit, params)]


@tool(effect="network")
def read_kubernetes(
    kind: Literal[
        "pods",
        "deployments",
        "statefulsets",
        "daemonsets",
        "replicasets",
        "jobs",
        "cronjobs",
        "services",
        "ingresses",
        "configmaps",
        "secrets",
        "persistentvolumeclaims",
        "nodes",
        "namespaces",
    ],
    name: str,
    namespace: str | None = None,
) -> dict[str, object]:
    """Read one object of a Kubernetes cluster whole: metadata, spec and status.

    The values of secrets are not shown, only their names.

    Args:
        namespace: None means the one of the settings ("default").
    """  # fmt: skip
    found = api.ask("GET", api.path(kind, _named(name), namespace or None)).json()
    return shape.whole(kind, found)


@tool(effect="network")
def read_pod_logs(
    pod: str,
    namespace: str | None = None,
    container: str = "",
    lines: int = 100,
    previous: bool = False,
) -> str:
    """Read the last lines that a pod in Kubernetes logged.

    Args:
        namespace: None means the one of the settings ("default").
        container: which of its containers, where it has several.
        lines: how many lines from the end, at most 5,000.
        previous: the container before its last restart.

    Example:
        print(read_pod_logs("web-7d4b9c", lines=20, previous=True))
    """
    if not 1 <= lines <= 5_000:
        raise ToolError(f"`lines` is {lines}.", next="Give a number from 1 to 5000.")
    params = {
        "tailLines": lines,
        "limitBytes": 1_000_000,
        "container": container or None,
        "previous": True if previous else None,
    }
    where = api.path("pods", _named(pod), namespace or None)
    return api.ask("GET", f"{where}/log", params=params).text


@tool(effect="network")
def list_kubernetes_events(
    namespace: str | None = None, about: str = "", warnings: bool = False, limit: int = 50
) -> list[dict[str, object]]:
    """List what happened in a Kubernetes cluster lately, newest first.

    Args:
        namespace: "" means all namespaces; None the one of the settings ("default").
        about: only events of the object of this name, such as a pod.
        warnings: only warnings.

    Returns:
        One dict each: {"time": "2026-01-31T12:00:00Z", "kind": "Warning", "reason": "BackOff",
        "about": "pod/web-7d4b9c", "namespace": "default", "text": "...", "count": 12}.
    """
    if not 1 <= limit <= api.MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {api.MOST}.")
    fields = [f"involvedObject.name={api.checked(about)}"] if about else []
    fields += ["type=Warning"] if warnings else []
    # The server lists them in no order, so that the newest are known only once all are here.
    params = {"fieldSelector": ",".join(fields) or None}
    found = api.rows(_path("events", namespace), api.MOST, params)
    found.sort(key=shape.when, reverse=True)
    return [shape.event(each) for each in found[:limit]]


@tool(effect="danger")
def scale_deployment(name: str, replicas: int, namespace: str | None = None) -> dict[str, object]:
    """Set how many pods a deployment in Kubernetes runs; 0 stops it.

    Args:
        namespace: None means the one of the settings ("default").

    Returns:
        {"name": "web", "wanted": 3, "running": 1}.
    """
    if not 0 <= replicas <= _MOST_REPLICAS:
        raise ToolError(f"`replicas` is {replicas}.", next=f"Give 0 to {_MOST_REPLICAS}.")
    where = api.path("deployments", _named(name), namespace or None)
    body = {"spec": {"replicas": replicas}}
    scale = api.ask(
        "PATCH", f"{where}/scale", json=body, kind="application/merge-patch+json"
    ).json()
    return {
        "name": name,
        "wanted": (scale.get("spec") or {}).get("replicas", 0),
        "running": (scale.get("status") or {}).get("replicas", 0),
    }


@tool(effect="danger")
def restart_deployment(name: str, namespace: str | None = None) -> dict[str, object]:
    """Replace all pods of a deployment in Kubernetes one after the other, as a rollout does.

    Args:
        namespace: None means the one of the settings ("default").

    Returns:
        {"name": "web", "restarted": "2026-01-31T12:00:00Z"}.
    """
    moment = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    # The mark that kubectl sets: a changed template makes the server roll it out.
    notes = {"annotations": {"kubectl.kubernetes.io/restartedAt": moment}}
    body = {"spec": {"template": {"metadata": notes}}}
    where = api.path("deployments", _named(name), namespace or None)
    api.ask("PATCH", where, json=body, kind="application/strategic-merge-patch+json")
    return {"name": name, "restarted": moment}


@tool(effect="danger")
def delete_pod(name: str, namespace: str | None = None) -> None:
    """Delete a pod in Kubernetes; what manages it starts another.

    Args:
        namespace: None means the one of the settings ("default").
    """
    api.ask("DELETE", api.path("pods", _named(name), namespace or None))


def _path(kind: str, namespace: str | None) -> str:
    return api.path(kind, namespace=namespace)


def _named(name: str) -> str:
    if not name:
        raise ToolError("The name is empty.", next="list_kubernetes() shows what is there.")
    return name
