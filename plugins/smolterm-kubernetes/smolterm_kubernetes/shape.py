"""Kubernetes' objects, cut down to what a model needs. Pure."""

from __future__ import annotations

from typing import Any


def row(kind: str, found: dict[str, Any]) -> dict[str, object]:
    """Return one object of a list: what each has, and what its kind is looked at for."""
    meta = found["metadata"]
    common: dict[str, object] = {"name": meta["name"], "created": meta.get("creationTimestamp")}
    if "namespace" in meta:
        common["namespace"] = meta["namespace"]
    shaped = _SHAPES.get(kind)
    more = shaped(found.get("spec") or {}, found.get("status") or {}) if shaped else {}
    return common | more


def whole(kind: str, found: dict[str, Any]) -> dict[str, object]:
    """Return an object without what machines keep in it, and without secret values."""
    meta = {
        name: value
        for name, value in found.get("metadata", {}).items()
        if name not in ("managedFields", "resourceVersion", "uid", "generation", "selfLink")
    }
    notes = dict(meta.get("annotations") or {})
    # It repeats the whole object, with the values of a secret in it.
    notes.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    if notes or "annotations" in meta:
        meta["annotations"] = notes
    shown = {**found, "metadata": meta}
    if kind == "secrets":
        names = {**(found.get("data") or {}), **(found.get("stringData") or {})}
        shown.pop("stringData", None)
        shown["data"] = dict.fromkeys(names, "(not shown)")
    return shown


def event(found: dict[str, Any]) -> dict[str, object]:
    """Return one event."""
    about = found.get("involvedObject") or {}
    return {
        "time": when(found),
        "kind": found.get("type", ""),
        "reason": found.get("reason", ""),
        "about": f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        "namespace": found["metadata"].get("namespace", ""),
        "text": found.get("message", ""),
        "count": found.get("count") or 1,
    }


def when(found: dict[str, Any]) -> str:
    """Return when an event was seen last; older and newer servers keep it in different fields."""
    moment = found.get("lastTimestamp") or found.get("eventTime")
    return str(moment or found["metadata"].get("creationTimestamp") or "")


def _pod(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, object]:
    states = status.get("containerStatuses") or []
    waiting = [
        reason
        for each in states
        for state in (each.get("state") or {}).values()
        if (reason := (state or {}).get("reason"))
    ]
    return {
        # What a person looks for is "CrashLoopBackOff", which is a container's, not the pod's.
        "status": waiting[0] if waiting else status.get("phase", ""),
        "ready": f"{sum(bool(each.get('ready')) for each in states)}/{len(spec['containers'])}",
        "restarts": sum(each.get("restartCount", 0) for each in states),
        "node": spec.get("nodeName", ""),
        "containers": [each["name"] for each in spec["containers"]],
    }


def _scaled(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, object]:
    images = [each.get("image") for each in spec["template"]["spec"]["containers"]]
    return {
        "wanted": spec.get("replicas", 1),
        "ready": status.get("readyReplicas", 0),
        "images": images,
    }


def _node(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, object]:
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or []}
    return {
        "ready": conditions.get("Ready") == "True",
        "schedulable": not spec.get("unschedulable", False),
        "version": (status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        "cpu": (status.get("capacity") or {}).get("cpu", ""),
        "memory": (status.get("capacity") or {}).get("memory", ""),
    }


def _service(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, object]:
    ports = [f"{each['port']}/{each.get('protocol', 'TCP')}" for each in spec.get("ports") or []]
    return {"kind": spec.get("type", ""), "address": spec.get("clusterIP", ""), "ports": ports}


def _job(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, object]:
    return {
        "active": status.get("active", 0),
        "succeeded": status.get("succeeded", 0),
        "failed": status.get("failed", 0),
        "finished": status.get("completionTime"),
    }


def _cron(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, object]:
    return {
        "schedule": spec.get("schedule", ""),
        "paused": bool(spec.get("suspend")),
        "last": status.get("lastScheduleTime"),
    }


def _ingress(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, object]:
    return {"hosts": [each.get("host", "*") for each in spec.get("rules") or []]}


_SHAPES = {
    "pods": _pod,
    "deployments": _scaled,
    "statefulsets": _scaled,
    "replicasets": _scaled,
    "nodes": _node,
    "services": _service,
    "jobs": _job,
    "cronjobs": _cron,
    "ingresses": _ingress,
}
