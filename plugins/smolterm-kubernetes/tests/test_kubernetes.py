"""The Kubernetes pack, against a server that speaks the documented API."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from kubernetes_server import MOMENT, TOKEN, Kubernetes
from loopback import Asked, Reply
from rigging import Rig, rigged


@pytest.fixture
def server() -> Kubernetes:
    return Kubernetes()


@pytest.fixture
def cluster(server: Kubernetes, world: str) -> Iterator[Rig]:
    secrets = {"KUBERNETES_TOKEN": TOKEN}
    with rigged("smolterm_kubernetes", server.answer, secrets=secrets) as rig:
        yield rig


def test_pods_are_listed_over_pages(cluster: Rig) -> None:
    found = cluster.tools.list_kubernetes("pods", labels="app=web")
    assert len(found) == 13
    assert len(cluster.server.asked) == 3
    assert found[0] == {
        "name": "web-0",
        "namespace": "default",
        "created": MOMENT,
        "status": "Running",
        "ready": "1/2",
        "restarts": 0,
        "node": "n1",
        "containers": ["web", "log"],
    }
    assert (found[12]["status"], found[12]["restarts"]) == ("CrashLoopBackOff", 7)
    assert cluster.server.last.query["labelSelector"] == "app=web"


def test_a_list_without_an_end_ends(cluster: Rig) -> None:
    page = {"kind": "PodList", "metadata": {"continue": "x"}, "items": []}
    with cluster.answering(lambda asked: Reply(200, page)):
        assert cluster.tools.list_kubernetes() == []


def test_namespaces_are_one_all_or_the_setting(cluster: Rig) -> None:
    names = {each["namespace"] for each in cluster.tools.list_kubernetes("pods", namespace="")}
    assert names == {"default", "kube-system"}
    with cluster.again(namespace="kube-system") as other:
        assert [each["name"] for each in other.tools.list_kubernetes()] == ["dns"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("deployments", {"wanted": 2, "ready": 2, "images": ["nginx:1.27"]}),
        ("services", {"kind": "ClusterIP", "address": "10.0.0.1", "ports": ["80/TCP"]}),
        ("configmaps", {"name": "one"}),
        ("cronjobs", {"schedule": "0 3 * * *", "paused": True, "last": None}),
        ("jobs", {"active": 0, "succeeded": 1, "failed": 0, "finished": None}),
        ("ingresses", {"hosts": ["x.org", "*"]}),
        ("nodes", {"ready": True, "schedulable": False, "version": "v1.35.0", "cpu": "4"}),
    ],
)
def test_each_kind_shows_what_it_is_looked_at_for(
    cluster: Rig, kind: str, expected: dict[str, object]
) -> None:
    found = cluster.tools.list_kubernetes(kind)[0]
    assert found | expected == found


def test_an_object_is_read_without_what_machines_keep(cluster: Rig) -> None:
    found = cluster.tools.read_kubernetes("pods", "web-1")
    assert found["spec"]["nodeName"] == "n1"
    assert "uid" not in found["metadata"]
    error = cluster.refused(lambda: cluster.tools.read_kubernetes("pods", "none"))
    assert 'pods "none" not found' in error.what
    assert "namespace" in error.next


def test_the_values_of_secrets_are_not_shown(cluster: Rig) -> None:
    found = cluster.tools.read_kubernetes("secrets", "db")
    assert found["data"] == {"password": "(not shown)"}
    assert found["metadata"]["annotations"] == {"team": "a"}
    assert "c2VzYW1l" not in str(found)


def test_logs_are_read_from_the_end(cluster: Rig) -> None:
    tools = cluster.tools
    assert tools.read_pod_logs("web-1", container="web", lines=2) == "line 199\nline 200\n"
    several = cluster.refused(lambda: tools.read_pod_logs("web-1"))
    assert "choose one of: [web log]" in several.what
    before = cluster.refused(lambda: tools.read_pod_logs("web-1", container="web", previous=True))
    assert "previous terminated" in before.what
    assert "5000" in cluster.refused(lambda: tools.read_pod_logs("web-1", lines=0)).next


def test_events_are_listed_newest_first(cluster: Rig) -> None:
    found = cluster.tools.list_kubernetes_events()
    assert [each["about"] for each in found] == ["pod/web-1", "pod/bad", "pod/web-2"]
    assert found[1] == {
        "time": "2026-01-31T13:00:00Z",
        "kind": "Warning",
        "reason": "BackOff",
        "about": "pod/bad",
        "namespace": "default",
        "text": "about bad",
        "count": 1,
    }
    assert len(cluster.tools.list_kubernetes_events(warnings=True)) == 1
    assert len(cluster.tools.list_kubernetes_events(about="web-2", limit=1)) == 1


def test_a_deployment_is_scaled_and_restarted(cluster: Rig, server: Kubernetes) -> None:
    assert cluster.tools.scale_deployment("web", 5) == {"name": "web", "wanted": 5, "running": 2}
    assert cluster.tools.scale_deployment("web", 0)["wanted"] == 0
    done = cluster.tools.restart_deployment("web")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", done["restarted"])
    path, patch = server.patches[-1]
    assert path == "/apis/apps/v1/namespaces/default/deployments/web"
    notes = patch["spec"]["template"]["metadata"]["annotations"]
    assert notes == {"kubectl.kubernetes.io/restartedAt": done["restarted"]}
    for call in (cluster.tools.restart_deployment, lambda n: cluster.tools.scale_deployment(n, 1)):
        assert "not found" in cluster.refused(lambda call=call: call("none")).what
    assert "1000" in cluster.refused(lambda: cluster.tools.scale_deployment("web", -1)).next


def test_a_pod_is_deleted(cluster: Rig, server: Kubernetes) -> None:
    assert cluster.tools.delete_pod("bad") is None
    assert len(server.pods) == 13
    forbidden = cluster.refused(lambda: cluster.tools.delete_pod("dns", "kube-system"))
    assert "cannot" in forbidden.what
    assert "may not" in forbidden.next


@pytest.mark.parametrize("name", ["", "../nodes/n1", "Web", "a/log", "a?b"])
def test_what_can_be_no_name_is_not_asked(cluster: Rig, name: str) -> None:
    for call in (cluster.tools.delete_pod, cluster.tools.read_pod_logs):
        assert "name" in cluster.refused(lambda call=call: call(name)).what
    assert cluster.server.asked == []


def test_behind_a_proxy_no_token_is_needed(cluster: Rig, server: Kubernetes) -> None:
    server.anonymous = True
    with cluster.again(secrets={}) as anonymous:
        assert anonymous.tools.list_kubernetes("nodes")
        assert "authorization" not in cluster.server.last.headers


def test_a_wrong_token_says_how_to_set_one(cluster: Rig) -> None:
    with cluster.again(secrets={"KUBERNETES_TOKEN": "other.token"}) as other:
        error = other.refused(other.tools.list_kubernetes)
    assert "Unauthorized" in error.what
    assert "smolterm packs secret kubernetes KUBERNETES_TOKEN" in error.next
    assert "kubectl proxy" in error.next


def test_what_the_server_says_is_told(cluster: Rig) -> None:
    error = cluster.refused(lambda: cluster.tools.list_kubernetes("pods", labels="app in"))
    assert "unable to parse requirement" in error.what
    with cluster.answering(lambda asked: Reply(429, "slow", {"Retry-After": "1"})):
        assert "1 seconds" in cluster.refused(cluster.tools.list_kubernetes).next


def test_a_server_that_gives_the_token_back_gives_nothing_away(cluster: Rig) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(400, {"kind": "Status", "message": asked.headers["authorization"]})

    with cluster.answering(echo):
        assert "Bearer" in cluster.refused(cluster.tools.list_kubernetes).what


def test_limits_are_limited(cluster: Rig) -> None:
    for limit in (0, 501):
        error = cluster.refused(lambda n=limit: cluster.tools.list_kubernetes(limit=n))
        assert "1 to 500" in error.next
