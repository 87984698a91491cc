"""As much of kustomize as deploy/kubernetes uses, so that its manifests are checked everywhere.

resources, namespace, images, configMapGenerator of files and JSON patches with a target. A test
compares it with the real one where that is installed.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
_KNOWN = {
    *("apiVersion", "kind", "resources", "namespace", "images", "patches"),
    *("configMapGenerator", "generatorOptions"),
}
_CLUSTER_WIDE = {"Namespace"}


def render(folder: Path) -> list[Manifest]:
    """The manifests of a kustomization. Raises ValueError for what is not understood."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    if unknown := set(kustomization) - _KNOWN:
        raise ValueError(f"{folder}: {sorted(unknown)} is not rendered here")
    manifests: list[Manifest] = []
    for resource in kustomization.get("resources", []):
        path = folder / resource
        manifests += render(path) if path.is_dir() else documents(path)
    for generator in kustomization.get("configMapGenerator", []):
        manifests.append(_config_map(folder, generator, kustomization["generatorOptions"]))
    for patch in kustomization.get("patches", []):
        _patch(manifests, patch)
    if namespace := kustomization.get("namespace"):
        for manifest in manifests:
            if manifest["kind"] not in _CLUSTER_WIDE:
                manifest["metadata"]["namespace"] = namespace
    for image in kustomization.get("images", []):
        for manifest in manifests:
            _rename(manifest, image)
    return manifests


def documents(path: Path) -> list[Manifest]:
    return [doc for doc in yaml.safe_load_all(path.read_text("utf-8")) if doc is not None]


def containers(manifest: Manifest) -> list[Manifest]:
    """Of a workload; none of anything else."""
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def _config_map(folder: Path, generator: Manifest, options: Manifest) -> Manifest:
    if options != {"disableNameSuffixHash": True} or set(generator) != {"name", "files"}:
        raise ValueError(f"{folder}: only named files without a hash are rendered here")
    data = {name: (folder / name).read_text("utf-8") for name in generator["files"]}
    name = {"name": generator["name"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": data}


def _patch(manifests: list[Manifest], patch: Manifest) -> None:
    target = patch["target"]
    (found,) = [
        m
        for m in manifests
        if (m["kind"], m["metadata"]["name"]) == (target["kind"], target["name"])
    ]
    for step in yaml.safe_load(patch["patch"]):
        *parents, last = step["path"].strip("/").split("/")
        node: Any = found
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node[part]
        if step["op"] == "add" and last == "-":
            node.append(deepcopy(step["value"]))
        elif step["op"] in ("add", "replace"):
            node[int(last) if isinstance(node, list) else last] = deepcopy(step["value"])
        else:
            raise ValueError(f"{step['op']} is not rendered here")


def _rename(manifest: Manifest, image: Manifest) -> None:
    for container in containers(manifest):
        name, _, tag = container["image"].partition(":")
        if name == image["name"]:
            tag = image.get("newTag", tag)
            container["image"] = f"{image.get('newName', name)}:{tag}"


def comparable(manifests: list[Manifest]) -> dict[str, str]:
    """By kind and name, without the order of anything but lists."""
    return {
        f"{m['kind']}/{m['metadata']['name']}": json.dumps(m, sort_keys=True) for m in manifests
    }
