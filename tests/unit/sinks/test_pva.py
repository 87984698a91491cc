"""The PV Access server with a real p4p client, on loopback and ports of its own."""

from __future__ import annotations

import asyncio
import math

import p4p.client.thread
import pytest

from alphadiffract_stream.documents import Account, PredictionRun
from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError
from alphadiffract_stream.prediction import Status
from alphadiffract_stream.sinks import open_sink
from tests.predictions import CARD, origin, predicted, refused
from tests.streams import until

URL = "pva:T:AD:?port=0&search_port=0"
TIME = 1.7e9 + 0.25


class Client:
    def __init__(self, sink) -> None:
        conf = sink.server.configuration
        self._context = p4p.client.thread.Context("pva", conf=conf, useenv=False, nt=False)

    def get(self, name: str):
        return self._context.get(f"T:AD:{name}", timeout=10)

    def put(self, name: str, value) -> None:
        self._context.put(f"T:AD:{name}", {"value": value}, timeout=10)

    def close(self) -> None:
        self._context.close()


@pytest.fixture
async def served(monkeypatch):
    monkeypatch.delenv("EPICS_PVAS_INTF_ADDR_LIST", raising=False)
    sink = open_sink(URL)
    client = Client(sink)
    yield sink, client
    client.close()
    await sink.close()
    await sink.close()


def at(seq_num: int, **more):
    return predicted(origin(seq_num, time=TIME), **more)


async def show(sink, client, documents) -> None:
    for name, document in documents:
        await sink.emit(name, document)
    last = documents[-1][1]
    if "data" in last:
        await until(lambda: client.get("RawSeqNum")["value"] == last["seq_num"])


async def test_values_units_limits_times_and_alarms_are_right(served):
    sink, client = served
    first = client.get("Status")
    assert (first["value.index"], first["alarm.severity"]) == (0, 3)
    assert first["value.choices"][1:3] == ["ok", "low_confidence"]

    run = PredictionRun({"uid": "raw-run", "scan_id": 3}, CARD, "onnx")
    await show(sink, client, [run.start(), *run.event(at(1))])

    a = client.get("LatticeA")
    assert a["value"] == 4.961
    assert (a["display.units"], a["display.limitHigh"]) == ("Angstrom", 50)
    assert a["display.precision"] == 4
    assert a["display.description"] == "Niggli-reduced cell, a"
    assert a["alarm.severity"] == 0
    assert a["timeStamp.secondsPastEpoch"] + a["timeStamp.nanoseconds"] / 1e9 == TIME
    assert client.get("CrystalSystem")["value.index"] == 3
    assert list(client.get("SpaceGroupNumbers")["value"]) == [62, 61, 19, 33, 14]
    assert client.get("SpaceGroupSymbols")["value"][0] == "P n m a"
    table = client.get("SpaceGroupTable")
    assert table.getID() == "epics:nt/NTTable:1.0"
    assert table["labels"] == ["number", "symbol", "probability", "std"]
    assert list(table["value.number"]) == [62, 61, 19, 33, 14]
    assert table["value.symbol"][1] == "P b c a"
    assert table["value.probability"][0] == 0.5
    assert client.get("RawRunUid")["value"] == "raw-run"

    doubtful = at(2, status=Status.LOW_CONFIDENCE, reason="two phases?")
    await show(sink, client, run.event(doubtful))
    alarm = client.get("LatticeA")["alarm"]
    assert (alarm["severity"], alarm["message"]) == (1, "two phases?")
    assert client.get("SpaceGroupTable")["alarm.severity"] == 1

    await show(sink, client, run.event(refused(origin(3, time=TIME), "no energy")))
    a = client.get("LatticeA")
    assert math.isnan(a["value"])
    assert (a["alarm.severity"], a["alarm.message"]) == (2, "no energy")
    assert list(client.get("SpaceGroupTable")["value.number"]) == []

    await show(sink, client, run.stop(Account(received=4, predicted=2, refused=1, missing=1)))
    await until(lambda: client.get("RunActive")["value.index"] == 0)
    assert [client.get(name)["value"] for name in ("Received", "Missing")] == [4, 1]


async def test_a_flood_ends_with_the_latest_answer(served):
    sink, client = served
    run = PredictionRun({"uid": "raw-run"}, CARD, "onnx")
    events = [document for n in range(1, 501) for document in run.event(at(n))]
    await show(sink, client, [run.start(), *events])
    assert client.get("Received")["value"] == 500


async def test_a_run_that_was_begun_before_is_shown_again(served):
    sink, client = served
    run = PredictionRun({"uid": "raw-run", "scan_id": 3, "sample_name": "lime"}, CARD, "onnx")
    (start, (descriptor, event)) = run.start(), run.event(at(7))
    for name, document in (start, descriptor):
        sink.recall(name, document)
    await until(lambda: client.get("RunUid")["value"] == run.uid)
    assert client.get("RunActive")["value.index"] == 1
    await show(sink, client, [event])
    assert client.get("ScanId")["value"] == 3
    assert client.get("SampleName")["value"] == "lime"
    assert client.get("RunUid")["value"] == run.uid
    assert client.get("RawRunUid")["value"] == "raw-run"
    await show(sink, client, run.stop(Account(received=7, predicted=7)))
    await until(lambda: client.get("RunActive")["value.index"] == 0)
    assert client.get("Received")["value"] == 7, "those before the restart, too"


async def test_nobody_can_write(served):
    _, client = served
    with pytest.raises(Exception, match=r"(?i)not supported|not implemented"):
        await asyncio.to_thread(client.put, "ScanId", 5)


async def test_it_is_on_loopback_unless_somebody_says_otherwise(served, monkeypatch):
    assert served[0].address.startswith("127.0.0.1 port ")
    assert served[0].server.configuration["EPICS_PVAS_AUTO_BEACON_ADDR_LIST"] == "NO"
    monkeypatch.setenv("EPICS_PVAS_INTF_ADDR_LIST", "0.0.0.0")
    told = open_sink(URL)
    assert "0.0.0.0" in told.address
    await told.close()


async def test_a_server_that_broke_says_so(served):
    sink, _ = served
    sink.server.post({"no such PV": None})
    await until(lambda: not sink.server._thread.is_alive())
    with pytest.raises(AlphaDiffractError, match="no such PV"):
        await sink.emit("start", {"uid": "a", "time": 1.0})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("pva:", "write pva:PREFIX"),
        ("pva://host/x", "write pva:PREFIX"),
        ("pva:X:?port=99999", "port=99999"),
        ("pva:X:?bind=yes", "unknown option 'bind'"),
        ("pva:X:?interface=no.such.interface.invalid", "cannot serve PVs"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_sink(url)
