"""The Kubernetes manifests: valid for the newest versions, locked away, and without a secret in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML
from support.policies import ROOT

from cookiegate import __version__
from cookiegate.settings import read_settings

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("cluster", "single-node")
VERSIONS = ("1.36", "1.37")
CUSTOM = {"ServiceMonitor"}


def documents(path: Path) -> list[dict[str, Any]]:
    return [found for found in YAML(typ="safe").load_all(path.read_text(encoding="utf-8")) if found]


def applied(folder: Path) -> Iterator[dict[str, Any]]:
    """What an overlay applies, through the kustomizations that it names."""
    for name in documents(folder / "kustomization.yaml")[0]["resources"]:
        found = (folder / name).resolve()
        if found.is_dir():
            yield from applied(found)
        else:
            yield from documents(found)


EVERYTHING = [found for overlay in OVERLAYS for found in applied(FOLDER / overlay)]
FILES = sorted(path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")


def pod_of(document: dict[str, Any]) -> dict[str, Any] | None:
    """The pod that a workload makes."""
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    template = spec.get("template")
    return template["spec"] if isinstance(template, dict) and "spec" in template else None


WORKLOADS = [found for found in EVERYTHING if pod_of(found)]
each_workload = pytest.mark.parametrize(
    "workload", WORKLOADS, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}"
)


def only(kind: str, name: str = "cookiegate") -> dict[str, Any]:
    return next(found for found in EVERYTHING if found["kind"] == kind and found["metadata"]["name"] == name)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_manifest_fits_its_schema(path: Path, version: str) -> None:
    for document in documents(path):
        if document["kind"] not in CUSTOM:
            kubernetes_validate.validate(document, version, strict=True)


def test_every_file_is_applied_or_stands_alone() -> None:
    used = {path.resolve() for overlay in (*OVERLAYS, "base") for path in _files(FOLDER / overlay)}
    assert {path for path in FILES if path.parent.name != "monitoring"} == used


def _files(folder: Path) -> Iterator[Path]:
    for name in documents(folder / "kustomization.yaml")[0]["resources"]:
        if (found := folder / name).is_file():
            yield found


@each_workload
def test_every_pod_is_locked_away(workload: dict[str, Any]) -> None:
    pod = pod_of(workload)
    assert pod is not None
    assert pod["serviceAccountName"] == "cookiegate"
    assert pod["automountServiceAccountToken"] is False
    security = pod["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 10001)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod.get("hostNetwork") or pod.get("hostPID")
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"]["cpu"]
        assert container["image"] == f"cookiegate:{__version__}"


@each_workload
def test_no_key_is_loosened_and_no_strange_variable_stops_the_start(workload: dict[str, Any]) -> None:
    pod = pod_of(workload)
    assert pod is not None
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert pod["enableServiceLinks"] is False
    for container in pod["containers"]:
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        folder = next(item["value"] for item in container["env"] if item["name"] == "COOKIEGATE_DATA_DIR")
        assert "/data" in mounts
        assert folder not in mounts, "a folder below the volume's root is the service's own"
        assert folder.startswith("/data/")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_the_service_is_probed(kind: str) -> None:
    pod = pod_of(only(kind))
    assert pod is not None
    container = pod["containers"][0]
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "http"}
    assert pod["terminationGracePeriodSeconds"] >= 30


def test_a_rollout_and_a_drain_leave_pods_that_serve() -> None:
    deployment, scaling = only("Deployment"), only("HorizontalPodAutoscaler")["spec"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    least = only("PodDisruptionBudget")["spec"]["minAvailable"]
    assert 0 < least < scaling["minReplicas"] <= deployment["spec"]["replicas"] <= scaling["maxReplicas"]
    assert only("PodDisruptionBudget")["spec"]["selector"] == deployment["spec"]["selector"]
    assert only("Service")["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_one_pod_writes_an_sqlite_record() -> None:
    single = only("StatefulSet")["spec"]
    assert single["replicas"] == 1
    assert single["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert "--workers" not in single["template"]["spec"]["containers"][0]["args"]


def test_several_pods_share_their_folder() -> None:
    assert only("PersistentVolumeClaim", "cookiegate-data")["spec"]["accessModes"] == ["ReadWriteMany"]


def test_no_secret_stands_in_a_manifest() -> None:
    assert not [found for found in EVERYTHING if found["kind"] == "Secret"]
    for path in FOLDER.rglob("*.yaml"):
        assert not re.search(r"://[^\s/:]+:[^\s/@]+@|[Pp]assword: *\S", path.read_text()), path
    for workload in WORKLOADS:
        for container in (pod_of(workload) or {})["containers"]:
            for item in container["env"]:
                assert not re.fullmatch(r"COOKIEGATE_(DATABASE|REDIS|SMTP)_URL", item["name"])


@each_workload
def test_the_service_takes_every_variable_of_a_pod(workload: dict[str, Any], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("redis://redis:6379/0")
    for container in (pod_of(workload) or {})["containers"]:
        given = {item["name"]: item["value"] for item in container["env"]} | only("ConfigMap")["data"]
        given = {name: str(secret) if name.endswith("_FILE") else value for name, value in given.items()}
        assert read_settings(given, data_dir=tmp_path).base_url == "https://consent.example.jp"


def test_visitors_reach_what_is_theirs_and_nothing_else() -> None:
    paths = {found["path"] for found in only("Ingress")["spec"]["rules"][0]["http"]["paths"]}
    assert {"/w/", "/v1/", "/preferences/", "/.well-known/jwks.json"} <= paths
    assert not paths & {"/", "/metrics", "/gate/", "/readyz", "/healthz", "/openapi.json", "/console/"}


def test_the_world_may_be_called_but_not_the_cluster() -> None:
    outside = [rule for rule in only("NetworkPolicy")["spec"]["egress"] if "ipBlock" in rule["to"][0]]
    assert len(outside) == 1
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(outside[0]["to"][0]["ipBlock"]["except"])
