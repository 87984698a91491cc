"""``serve`` with both EPICS sinks as a real process; real clients and devices read its PVs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import p4p.client.thread
import pytest
from caproto.sync import client as ca

from tests.ports import free_port
from tests.serving import BOUND, Served
from tests.support import make_tiny_model

SCRIPTS = Path(__file__).parent / "epics_processes"
PREFIX = "13BMC:AD:"
AT = 1.7e9 + 0.5


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A service, and the EPICS variables that lead to it."""
    folder = tmp_path_factory.mktemp("epics")
    model = make_tiny_model(folder, card={"low_confidence_below": 0.0})
    pva, search = free_port(), free_port(udp=True)
    channel_access = free_port(udp=True)
    variables = {
        "EPICS_PVA_ADDR_LIST": "127.0.0.1",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": str(search),
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": str(channel_access),
    }
    process = Served(
        folder,
        *("--source", BOUND, "--engine", f"onnx:{model}"),
        *("--sink", f"pva:{PREFIX}?port={pva}&search_port={search}", "--sink", f"ca:{PREFIX}"),
        *("--sink", f"jsonl:{folder / 'out.jsonl'}"),
        env=variables,
    )
    ready = process.connect()
    assert all("127.0.0.1" in sink["address"] for sink in ready["sinks"][:2])
    axis = {"unit": "2th_deg", "axis": {"start": 2, "stop": 40}}
    process.send(process.header("start", sample="lime", wavelength=0.4133, **axis))
    yield process, variables
    process.close()


def send(process: Served, seq_num: int, intensity: np.ndarray | None = None) -> dict:
    """A pattern; returns the event that answered it."""
    process.pattern(seq_num, intensity, time=AT)
    process.wait(lambda: len(process.of("event")) == seq_num)
    return process.of("event")[-1]["data"]


def test_both_clients_read_the_same_answers_and_alarms(served, monkeypatch):
    process, variables = served
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = send(process, 1)
    assert answer["status"] == "ok"
    with p4p.client.thread.Context("pva", conf=variables, useenv=False) as pva:

        def read(name: str):
            return (
                pva.get(PREFIX + name, timeout=20),
                ca.read(PREFIX + name, data_type="time", timeout=20, repeater=False),
            )

        def arrived(seq_num: int) -> bool:
            over_pva, over_ca = read("RawSeqNum")
            return over_pva == over_ca.data[0] == seq_num

        process.wait(lambda: arrived(1))
        for name in ("LatticeA", "SpaceGroupNumber", "CrystalSystemProbability", "Entropy"):
            key = next(k for k in answer if k.replace("_", "") == name.lower())
            over_pva, over_ca = read(name)
            assert over_pva == over_ca.data[0] == answer[key]
            assert over_pva.severity == over_ca.metadata.severity == 0
            assert over_pva.timestamp == over_ca.metadata.timestamp == AT
        assert read("SampleName")[0] == "lime"

        refusal = send(process, 2, np.ones(3000))
        assert refusal["status"] == "refused"
        process.wait(lambda: arrived(2))
        over_pva, over_ca = read("LatticeA")
        assert np.isnan(over_pva)
        assert np.isnan(over_ca.data[0])
        assert over_pva.severity == over_ca.metadata.severity == 2
        assert read("Reason")[0] == refusal["reason"]
        assert [read(name)[0] for name in ("Received", "Predicted", "Refused")] == [2, 1, 1]

        assert send(process, 3)["status"] == "ok"
        process.wait(lambda: arrived(3))
        assert read("LatticeA")[0].severity == 0


@pytest.mark.parametrize(
    ("script", "separator"), [("read_ophyd.py", "_"), ("read_ophyd_async.py", "-")]
)
def test_the_devices_read_the_latest_answer(served, script, separator):
    process, variables = served
    answer = process.of("event")[-1]["data"]
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), PREFIX],
        env=os.environ | variables | {"OPHYD_CONTROL_LAYER": "caproto"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for key in ("lattice_a", "crystal_system", "space_group_numbers", "raw_run_uid", "raw_seq_num"):
        assert said["read"][f"ad{separator}{key}"] == answer[key], key
    assert said["read"][f"ad{separator}status"] == "ok"
    assert set(said["describe"]) == set(said["read"])
    assert said["describe"][f"ad{separator}lattice_a"]["units"].startswith("Angstro")
    assert f"ad{separator}lattice_a" in said["hints"]
    assert said["severity"] == 0
    if "table" in said:
        assert said["table"]["symbol"] == answer["space_group_symbols"]
