"""The compose files, by the Compose Specification's schema and by docker where it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib.resources import files

import jsonschema
import pytest
import yaml
from jsonschema.validators import validator_for

from tests.deploy_commands import DEPLOY

PATHS = sorted((DEPLOY / "compose").glob("*.yaml"))
BOTH = [word for path in PATHS for word in ("--file", str(path))]


@pytest.fixture(scope="module")
def schema() -> dict:
    pytest.importorskip("check_jsonschema")
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return json.loads(vendored.read_text("utf-8"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_it_follows_the_compose_specification(path, schema):
    content = yaml.safe_load(path.read_text("utf-8"))
    validator_for(schema)(schema).validate(content)


def test_the_schema_finds_a_mistake(schema):
    content = yaml.safe_load(PATHS[0].read_text("utf-8"))
    next(iter(content["services"].values()))["comand"] = ["x"]
    with pytest.raises(jsonschema.ValidationError):
        validator_for(schema)(schema).validate(content)


def test_docker_reads_it():
    docker = shutil.which("docker")
    found = docker and subprocess.run([docker, "compose", "version"], capture_output=True)
    if not found or found.returncode:
        pytest.skip("no docker compose here")
    done = subprocess.run(
        [docker, "compose", *BOTH, "config", "--quiet"],
        capture_output=True,
        text=True,
        env=os.environ | {"NGC_RELEASE": "25.01"},
    )
    assert done.returncode == 0, done.stderr


def services() -> dict[str, dict]:
    merged: dict[str, dict] = {}
    for path in PATHS:
        for name, entry in yaml.safe_load(path.read_text("utf-8"))["services"].items():
            merged[name] = merged.get(name, {}) | entry
    return merged


def test_what_is_mounted_and_built_is_there():
    for path in PATHS:
        content = yaml.safe_load(path.read_text("utf-8"))
        for name, entry in content["services"].items():
            if build := entry.get("build"):
                assert (path.parent / build["context"] / build["dockerfile"]).is_file(), name
            for volume in entry.get("volumes", []):
                source = volume.removeprefix("${MODEL_FOLDER:-").partition(":")[0].rstrip("}")
                if source.startswith("."):
                    assert (path.parent / source).exists(), f"{name}: {source}"
                else:
                    assert source in content["volumes"], f"{name}: {source}"


def test_services_depend_on_services_and_are_reached_on_loopback():
    known = services()
    for name, entry in known.items():
        assert set(entry.get("depends_on", [])) <= set(known), name
        for port in entry.get("ports", []):
            assert port.startswith(("127.0.0.1:", "${BIND:-127.0.0.1}:")), f"{name}: {port}"


def test_services_that_stay_are_locked_down():
    for path in PATHS:
        for name, entry in yaml.safe_load(path.read_text("utf-8"))["services"].items():
            if "image" in entry and entry.get("restart") != "no":
                assert entry["read_only"] is True, name
                assert entry["cap_drop"] == ["ALL"], name
                assert "no-new-privileges:true" in entry["security_opt"], name
