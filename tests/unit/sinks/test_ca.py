"""The Channel Access server with a real caproto client, on loopback and ports of its own."""

from __future__ import annotations

import asyncio
import math

import pytest
from caproto import AlarmSeverity, AlarmStatus
from caproto.sync import client as ca

from alphadiffract_stream.documents import Account, PredictionRun
from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError
from alphadiffract_stream.prediction import Status
from alphadiffract_stream.sinks import open_sink
from tests.ports import free_port
from tests.predictions import CARD, origin, predicted, refused
from tests.streams import until

TIME = 1.7e9 + 0.25


def get(name: str, form: str = "time"):
    return ca.read(f"T:AD:{name}", data_type=form, timeout=10, repeater=False)


@pytest.fixture
async def served(monkeypatch):
    monkeypatch.delenv("EPICS_CAS_INTF_ADDR_LIST", raising=False)
    port = free_port(udp=True)
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1")
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_CA_SERVER_PORT", str(port))
    sink = open_sink("ca:T:AD:")
    assert f"{port} (UDP)" in sink.address
    yield sink
    await sink.close()
    await sink.close()


def at(seq_num: int, **more):
    return predicted(origin(seq_num, time=TIME), **more)


async def show(sink, documents) -> None:
    for name, document in documents:
        await sink.emit(name, document)
    last = documents[-1][1]
    if "data" in last:
        await until(lambda: get("RawSeqNum").data[0] == last["seq_num"])


def alarm(name: str):
    metadata = get(name).metadata
    return metadata.severity, metadata.status


async def test_values_units_limits_times_and_alarms_are_right(served):
    assert alarm("Status") == (AlarmSeverity.INVALID_ALARM, AlarmStatus.UDF)

    run = PredictionRun({"uid": "raw-run", "scan_id": 3, "sample_name": "β-quartz"}, CARD, "onnx")
    await show(served, [run.start(), *run.event(at(1))])

    a = get("LatticeA")
    assert a.data[0] == 4.961
    assert a.metadata.timestamp == TIME
    assert alarm("LatticeA") == (AlarmSeverity.NO_ALARM, AlarmStatus.NO_ALARM)
    control = get("LatticeA", "control").metadata
    assert (control.units, control.upper_disp_limit, control.precision) == (b"Angstro", 50, 4)
    status = get("Status", "control")
    assert status.metadata.enum_strings[status.data[0]] == b"ok"
    assert get("CrystalSystem").data[0] == 3
    assert list(get("SpaceGroupNumbers").data) == [62, 61, 19, 33, 14]
    assert get("SpaceGroupSymbols").data[1] == b"P b c a"
    assert get("SpaceGroupSymbol").data == [b"P n m a"]
    assert bytes(get("RawRunUid").data) == b"raw-run"
    assert bytes(get("SampleName").data).decode() == "β-quartz"

    doubtful = at(2, status=Status.LOW_CONFIDENCE, reason="two phases?")
    await show(served, run.event(doubtful))
    assert alarm("LatticeA") == (AlarmSeverity.MINOR_ALARM, AlarmStatus.STATE)

    reason = "λ unknown; " * 60
    await show(served, run.event(refused(origin(3, time=TIME), reason)))
    assert math.isnan(get("LatticeA").data[0])
    assert alarm("CrystalSystem") == (AlarmSeverity.MAJOR_ALARM, AlarmStatus.STATE)
    assert bytes(get("Reason").data).decode().startswith(reason[:400])

    await show(served, run.stop(Account(received=4, predicted=2, refused=1, missing=1)))
    await until(lambda: get("RunActive").data[0] == 0)
    assert [get(name).data[0] for name in ("Received", "Missing")] == [4, 1]


async def test_a_flood_ends_with_the_latest_answer(served):
    run = PredictionRun({"uid": "raw-run"}, CARD, "onnx")
    events = [document for n in range(1, 501) for document in run.event(at(n))]
    await show(served, [run.start(), *events])
    assert get("Received").data[0] == 500


async def test_a_monitor_sees_the_answers_in_order(served):
    seen: list[int] = []

    def watch():
        subscription = ca.subscribe("T:AD:RawSeqNum", data_type="time")

        def changed(_, response):
            seen.append(int(response.data[0]))
            if seen[-1] == 3:
                subscription.clear()

        subscription.add_callback(changed)
        subscription.block(duration=20, timeout=10, repeater=False)

    watching = asyncio.create_task(asyncio.to_thread(watch))
    await until(lambda: bool(seen))
    run = PredictionRun({"uid": "raw-run"}, CARD, "onnx")
    await served.emit(*run.start())
    for n in (1, 2, 3):
        for name, document in run.event(at(n)):
            await served.emit(name, document)
        await until(lambda n=n: seen[-1] == n)
    await watching
    assert seen == [0, 1, 2, 3]


async def test_nobody_can_write(served):
    with pytest.raises(Exception, match=r"ECA_PUTFAIL|cannot write"):
        await asyncio.to_thread(ca.write, "T:AD:ScanId", 5, notify=True, repeater=False, timeout=10)


async def test_a_time_before_epics_time_began_is_its_first_second(served):
    run = PredictionRun({"uid": "raw-run"}, CARD, "onnx")
    await show(served, [run.start(), *run.event(predicted())])
    assert get("LatticeA").metadata.timestamp == 631152000


async def test_a_server_that_broke_says_so(served):
    served.server._channels["broken"] = None
    served.server.post({"broken": None})
    await until(lambda: not served.server._thread.is_alive())
    with pytest.raises(AlphaDiffractError, match="ca:T:AD:"):
        await served.emit("start", {"uid": "a", "time": 1.0})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ca:", "write ca:PREFIX"),
        ("ca://host/x", "write ca:PREFIX"),
        ("ca:X:?port=0", "port=0"),
        ("ca:X:?bind=yes", "unknown option 'bind'"),
        ("ca:X:?interface=192.0.2.1", "cannot serve PVs"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_sink(url)


async def test_a_run_that_was_begun_before_is_shown_again(served):
    run = PredictionRun({"uid": "raw-run", "scan_id": 3}, CARD, "onnx")
    (start, (descriptor, event)) = run.start(), run.event(at(7))
    for name, document in (start, descriptor):
        served.recall(name, document)
    await until(lambda: get("RunActive").data[0] == 1)
    await show(served, [event])
    assert get("ScanId").data[0] == 3
    assert get("RawSeqNum").data[0] == 7
