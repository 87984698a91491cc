"""The units, by systemd's own checker where it is installed."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess

import pytest

from alphadiffract_stream.service import Settings
from tests.deploy_commands import DEPLOY

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong(path, tmp_path):
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("no systemd-analyze here")
    for unit in UNITS:  # the programs are not installed where tests run
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        [checker, "verify", "--man=no", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    said = [line for line in done.stderr.splitlines() if "alphadiffract" in line]
    assert done.returncode == 0, done.stderr
    assert said == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_hardened(path):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign]
    unit.read(path)
    service = unit["Service"]
    for key in (
        "DynamicUser",
        "NoNewPrivileges",
        "ProtectHome",
        "PrivateTmp",
        "RestrictNamespaces",
    ):
        assert service[key] == "yes", key
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_service_has_time_to_drain():
    text = (DEPLOY / "systemd/alphadiffract-stream.service").read_text()
    seconds = float(re.search(r"^TimeoutStopSec=(\d+)$", text, re.M)[1])
    assert seconds > Settings.model_fields["drain_timeout"].default
    assert "KillMode=mixed" in text


def test_the_spool_lies_where_the_service_may_write():
    text = (DEPLOY / "systemd/alphadiffract-stream.service").read_text()
    assert "ALPHADIFFRACT_SPOOL=%S/alphadiffract/" in text
    assert "StateDirectory=alphadiffract\n" in text
    assert "Restart=on-failure" in text


def test_the_service_comes_after_its_proxy():
    text = (DEPLOY / "systemd/alphadiffract-stream.service").read_text()
    after = re.search(r"^After=(.+)$", text, re.M)[1].split()
    assert {unit.name for unit in UNITS} & set(after) == {"alphadiffract-proxy.service"}
