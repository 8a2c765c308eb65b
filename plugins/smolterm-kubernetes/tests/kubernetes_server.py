"""Kubernetes' API as its documentation has it, as far as the pack asks.

Source: kubernetes.io/docs/reference: using-api/api-concepts (paths, `limit` and `continue`, patch
media types, 410), kubernetes-api (Pod, Deployment, Scale, Event, Status), access-authn-authz.
"""

from __future__ import annotations

import json
import re
from typing import Any

from loopback import Asked, Reply

TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.sig"
MOMENT = "2026-01-31T12:00:00Z"


def meta(name: str, namespace: str | None = "default", **more: Any) -> dict[str, Any]:
    found = {"name": name, "uid": "1", "resourceVersion": "7", "creationTimestamp": MOMENT}
    return found | ({"namespace": namespace} if namespace else {}) | more


def pod(name: str, namespace: str = "default", *, waiting: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {"startedAt": MOMENT}}
    status = {"name": "web", "ready": not waiting, "restartCount": 7 if waiting else 0}
    return {
        "metadata": meta(name, namespace, labels={"app": "web"}),
        "spec": {"nodeName": "n1", "containers": [{"name": "web"}, {"name": "log"}]},
        "status": {"phase": "Running", "containerStatuses": [status | {"state": state}]},
    }


class Kubernetes:
    def __init__(self) -> None:
        self.pods = [pod(f"web-{n}") for n in range(12)]
        self.pods += [pod("bad", waiting="CrashLoopBackOff"), pod("dns", "kube-system")]
        self.replicas = 2
        self.patches: list[tuple[str, Any]] = []
        self.anonymous = False
        """As behind `kubectl proxy`, which signs in by itself."""

    def answer(self, asked: Asked) -> Reply:
        given = asked.headers.get("authorization")
        if given != f"Bearer {TOKEN}" and not (given is None and self.anonymous):
            return _status(401, "Unauthorized", "Unauthorized")
        for pattern, method, function in _ROUTES:
            found = re.fullmatch(pattern, asked.path)
            if found and asked.method == method:
                return function(self, asked, *found.groups())
        return Reply(404, "404 page not found\n")

    def list_pods(self, asked: Asked, namespace: str | None) -> Reply:
        rows = [each for each in self.pods if namespace in (None, each["metadata"]["namespace"])]
        selector = asked.query.get("labelSelector")
        if selector == "app in":
            return _status(400, "BadRequest", "unable to parse requirement: found ''")
        rows = rows if selector in (None, "app=web") else []
        return _list(asked, "PodList", rows)

    def read_pod(self, asked: Asked, namespace: str, name: str) -> Reply:
        for each in self.pods:
            if (each["metadata"]["name"], each["metadata"]["namespace"]) == (name, namespace):
                return Reply(200, {"kind": "Pod", "apiVersion": "v1", **each})
        return _missing("pods", name)

    def delete_pod(self, asked: Asked, namespace: str, name: str) -> Reply:
        before = len(self.pods)
        if namespace == "kube-system":
            said = f'pods "{name}" is forbidden: User "system:serviceaccount:default:bot" cannot'
            return _status(403, "Forbidden", said)
        self.pods = [each for each in self.pods if each["metadata"]["name"] != name]
        return _missing("pods", name) if len(self.pods) == before else Reply(200, {"kind": "Pod"})

    def logs(self, asked: Asked, namespace: str, name: str) -> Reply:
        query = asked.query
        if "container" not in query:
            said = f"a container name must be specified for pod {name}, choose one of: [web log]"
            return _status(400, "BadRequest", said)
        if query.get("previous") == "true":
            said = f'previous terminated container "web" in pod "{name}" not found'
            return _status(400, "BadRequest", said)
        lines = [f"line {n}" for n in range(1, 201)][-int(query["tailLines"]) :]
        return Reply(200, "\n".join(lines) + "\n")

    def list_deployments(self, asked: Asked, namespace: str | None) -> Reply:
        return _list(asked, "DeploymentList", [self.deployment()])

    def deployment(self) -> dict[str, Any]:
        template = {"metadata": {}, "spec": {"containers": [{"image": "nginx:1.27"}]}}
        spec = {"replicas": self.replicas, "template": template}
        return {"metadata": meta("web"), "spec": spec, "status": {"readyReplicas": 2}}

    def scale(self, asked: Asked, namespace: str, name: str) -> Reply:
        if name != "web":
            return _missing("deployments.apps", name)
        before = self.replicas
        self.replicas = self.patch(asked, "application/merge-patch+json")["spec"]["replicas"]
        spec = {"replicas": self.replicas} if self.replicas else {}
        return Reply(200, {"kind": "Scale", "spec": spec, "status": {"replicas": before}})

    def change(self, asked: Asked, namespace: str, name: str) -> Reply:
        if name != "web":
            return _missing("deployments.apps", name)
        self.patch(asked, "application/strategic-merge-patch+json")
        return Reply(200, self.deployment())

    def patch(self, asked: Asked, kind: str) -> Any:
        assert asked.headers["content-type"] == kind
        self.patches.append((asked.path, json.loads(asked.body)))
        return self.patches[-1][1]

    def events(self, asked: Asked, namespace: str | None) -> Reply:
        def event(name: str, kind: str, **moment: str | None) -> dict[str, Any]:
            return {
                "metadata": meta(f"e-{name}"),
                "involvedObject": {"kind": "Pod", "name": name},
                "type": kind,
                "reason": "BackOff" if kind == "Warning" else "Pulled",
                "message": f"about {name}",
                **moment,
            }

        rows = [
            event("bad", "Warning", lastTimestamp="2026-01-31T13:00:00Z"),
            event("web-1", "Normal", lastTimestamp=None, eventTime="2026-01-31T14:00:00.123456Z"),
            event("web-2", "Normal"),
        ]
        wanted = dict(
            each.split("=") for each in asked.query.get("fieldSelector", "").split(",") if each
        )
        name, kind = wanted.get("involvedObject.name"), wanted.get("type")
        rows = [
            each
            for each in rows
            if name in (None, each["involvedObject"]["name"]) and kind in (None, each["type"])
        ]
        return _list(asked, "EventList", rows)

    def nodes(self, asked: Asked) -> Reply:
        status = {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.35.0"},
            "capacity": {"cpu": "4", "memory": "16Gi"},
        }
        row = {"metadata": meta("n1", None), "spec": {"unschedulable": True}, "status": status}
        return _list(asked, "NodeList", [row])

    def others(self, asked: Asked, namespace: str | None, kind: str) -> Reply:
        rows: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "services": (
                {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"port": 80}]},
                {},
            ),
            "configmaps": ({}, {}),
        }
        spec, status = rows[kind]
        return _list(asked, "List", [{"metadata": meta("one"), "spec": spec, "status": status}])

    def batch(self, asked: Asked, namespace: str | None, kind: str) -> Reply:
        row = {"metadata": meta("nightly"), "spec": {"schedule": "0 3 * * *", "suspend": True}}
        done = {"metadata": meta("once"), "spec": {}, "status": {"succeeded": 1}}
        return _list(asked, "List", [row if kind == "cronjobs" else done])

    def ingresses(self, asked: Asked, namespace: str | None) -> Reply:
        row = {"metadata": meta("web"), "spec": {"rules": [{"host": "x.org"}, {}]}}
        return _list(asked, "IngressList", [row])

    def secret(self, asked: Asked, namespace: str, name: str) -> Reply:
        applied = '{"data":{"password":"c2VzYW1l"}}'
        notes = {"kubectl.kubernetes.io/last-applied-configuration": applied, "team": "a"}
        found = {"kind": "Secret", "metadata": meta(name, annotations=notes, managedFields=[{}])}
        return Reply(200, found | {"type": "Opaque", "data": {"password": "c2VzYW1l"}})


_IN = r"(?:/namespaces/([^/]+))?"
_ROUTES = (
    (rf"/api/v1{_IN}/pods", "GET", Kubernetes.list_pods),
    (r"/api/v1/namespaces/([^/]+)/pods/([^/]+)", "GET", Kubernetes.read_pod),
    (r"/api/v1/namespaces/([^/]+)/pods/([^/]+)", "DELETE", Kubernetes.delete_pod),
    (r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log", "GET", Kubernetes.logs),
    (r"/api/v1/namespaces/([^/]+)/secrets/([^/]+)", "GET", Kubernetes.secret),
    (rf"/api/v1{_IN}/events", "GET", Kubernetes.events),
    (r"/api/v1/nodes", "GET", Kubernetes.nodes),
    (rf"/api/v1{_IN}/(services|configmaps)", "GET", Kubernetes.others),
    (rf"/apis/batch/v1{_IN}/(jobs|cronjobs)", "GET", Kubernetes.batch),
    (rf"/apis/networking\.k8s\.io/v1{_IN}/ingresses", "GET", Kubernetes.ingresses),
    (rf"/apis/apps/v1{_IN}/deployments", "GET", Kubernetes.list_deployments),
    (r"/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)", "PATCH", Kubernetes.change),
    (r"/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)/scale", "PATCH", Kubernetes.scale),
)


def _list(asked: Asked, kind: str, rows: list[Any]) -> Reply:
    size, at = int(asked.query["limit"]), int(asked.query.get("continue", "0"))
    if at > 1_000:
        said = "The provided continue parameter is too old to display a consistent list result."
        return _status(410, "Expired", said)
    # A server may return fewer than it was asked for.
    size = min(size, 5)
    following = str(at + size) if at + size < len(rows) else ""
    found = {"resourceVersion": "9"} | ({"continue": following} if following else {})
    return Reply(200, {"kind": kind, "metadata": found, "items": rows[at : at + size]})


def _status(code: int, reason: str, message: str) -> Reply:
    more = {"status": "Failure", "message": message, "reason": reason, "code": code}
    return Reply(code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, **more})


def _missing(kind: str, name: str) -> Reply:
    return _status(404, "NotFound", f'{kind} "{name}" not found')
