"""The manifests, rendered and held against Kubernetes' own schemas."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml

from alphadiffract_stream.service import Settings
from tests.deploy_commands import DEPLOY
from tests.kustomize import comparable, containers, render

FOLDERS = [DEPLOY / "kubernetes" / name for name in ("base", "overlays/gpu")]
NOT_KUBERNETES_OWN = {"ScaledObject"}


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def manifests(request) -> list[dict]:
    return render(request.param)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_rendering_is_kustomizes(folder):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl here")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert comparable(render(folder)) == comparable(list(yaml.safe_load_all(done.stdout)))


@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_manifests_are_valid(manifests, version):
    validator = pytest.importorskip("kubernetes_validate")
    for manifest in manifests:
        if manifest["kind"] not in NOT_KUBERNETES_OWN:
            validator.validate(manifest, version, strict=True)


def test_the_validator_finds_a_mistake(manifests):
    validator = pytest.importorskip("kubernetes_validate")
    deployment = next(m for m in manifests if m["kind"] == "Deployment")
    broken = deployment | {"spec": deployment["spec"] | {"replica": 2}}
    with pytest.raises(validator.ValidationError):
        validator.validate(broken, "1.33", strict=True)


def test_selectors_select_and_ports_exist(manifests):
    pods = {
        m["metadata"]["name"]: m["spec"]["template"] for m in manifests if m["kind"] == "Deployment"
    }
    for manifest in manifests:
        name, spec = manifest["metadata"]["name"], manifest.get("spec", {})
        if manifest["kind"] == "Deployment":
            labels = pods[name]["metadata"]["labels"].items()
            assert spec["selector"]["matchLabels"].items() <= labels
        if manifest["kind"] == "Service":
            selected = [
                p
                for p in pods.values()
                if spec["selector"].items() <= p["metadata"]["labels"].items()
            ]
            assert len(selected) == 1, name
            ports = {p["name"] for c in selected[0]["spec"]["containers"] for p in c["ports"]}
            assert {port["targetPort"] for port in spec["ports"]} <= ports


def test_volumes_that_are_mounted_are_there(manifests):
    maps = {m["metadata"]["name"] for m in manifests if m["kind"] == "ConfigMap"}
    claims = {m["metadata"]["name"] for m in manifests if m["kind"] == "PersistentVolumeClaim"}
    for manifest in manifests:
        volumes = manifest.get("spec", {}).get("template", {}).get("spec", {}).get("volumes", [])
        for container in containers(manifest):
            for mount in container["volumeMounts"]:
                assert mount["name"] in {volume["name"] for volume in volumes}
        assert {v["configMap"]["name"] for v in volumes if "configMap" in v} <= maps
        claimed = [v["persistentVolumeClaim"] for v in volumes if "persistentVolumeClaim" in v]
        assert {claim["claimName"] for claim in claimed} <= claims


def test_the_spool_lies_on_a_volume_that_lasts(manifests):
    serve = next(
        m for m in manifests if (m["kind"], m["metadata"]["name"]) == ("Deployment", "serve")
    )
    (container,) = containers(serve)
    folder = next(e["value"] for e in container["env"] if e["name"] == "ALPHADIFFRACT_SPOOL")
    (mount,) = (m for m in container["volumeMounts"] if m["name"] == "spool")
    assert folder.startswith(mount["mountPath"] + "/")
    pod = serve["spec"]["template"]["spec"]
    assert next(v for v in pod["volumes"] if v["name"] == "spool")["persistentVolumeClaim"]
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"]


def test_containers_are_restricted(manifests):
    """By the pod security standard the namespace enforces."""
    seen = 0
    for manifest in manifests:
        for container in containers(manifest):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            pod = manifest["spec"]["template"]["spec"]["securityContext"]
            assert pod["runAsNonRoot"] is True
            assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
            seen += 1
    assert seen >= 2


def test_the_service_is_one_and_has_time_to_drain(manifests):
    serve = next(
        m for m in manifests if (m["kind"], m["metadata"]["name"]) == ("Deployment", "serve")
    )
    assert serve["spec"]["replicas"] == 1
    assert serve["spec"]["strategy"] == {"type": "Recreate"}
    grace = serve["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > Settings.model_fields["drain_timeout"].default


def test_the_scaler_scales_what_there_is():
    manifests = render(FOLDERS[1])
    scaler = next(m for m in manifests if m["kind"] == "ScaledObject")
    target = scaler["spec"]["scaleTargetRef"]
    assert target["name"] in {
        m["metadata"]["name"] for m in manifests if m["kind"] == target["kind"]
    }
    (trigger,) = scaler["spec"]["triggers"]
    assert trigger["type"] == "prometheus"
    assert {"serverAddress", "query", "threshold"} <= trigger["metadata"].keys()
    assert "nv_inference_queue_duration_us" in trigger["metadata"]["query"]
    assert float(trigger["metadata"]["threshold"]) > 0
    assert scaler["spec"]["minReplicaCount"] < scaler["spec"]["maxReplicaCount"]
